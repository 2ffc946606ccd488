# The C interface, fastmlp/src/fastmlp.h.  Enums without members here are lists of names.h, read from their tables.

from libc.stdint cimport int64_t


cdef extern from "fastmlp.h" nogil:
    enum fm_dtype:
        FM_F32
        FM_F64

    enum fm_isa:
        pass

    enum fm_activation:
        pass

    enum fm_loss:
        pass

    enum fm_method:
        pass

    enum fm_function:
        pass

    enum fm_derivative:
        FM_FROM_OUTPUT
        FM_FROM_LOGITS
        FM_NO_DERIVATIVE

    enum fm_moments:
        FM_KEEPS_M
        FM_KEEPS_V

    enum fm_status:
        FM_DONE
        FM_INTERRUPTED
        FM_FORKED

    enum fm_gradient_method:
        pass

    enum:
        FM_MOST_THREADS

    enum fm_output:
        FM_LOGITS
        FM_PROBABILITIES

    enum fm_check:
        FM_ALL_FINITE
        FM_ALL_BINARY
        FM_ALL_IN_UNIT_INTERVAL

    ctypedef struct fm_layer:
        Py_ssize_t fan_in, fan_out, weights, bias
        fm_gradient_method gradient_method
        bint is_sparse

    ctypedef struct fm_network:
        Py_ssize_t n_layers
        const Py_ssize_t *layer_dims
        const fm_activation *activations
        const double *dropout
        fm_loss loss
        double loss_parameter, label_smoothing
        bint sparse_inputs

    ctypedef struct fm_layout:
        Py_ssize_t n_layers, n_parameters, batch_size, tile_size, n_chunks, n_targets
        Py_ssize_t arena_bytes, chunk_bytes, block_bytes
        fm_layer *layers

    ctypedef struct fm_data:
        const void *inputs
        const void *targets
        const double *sample_weight
        Py_ssize_t n_examples, example_stride, feature_stride, target_stride
        const void *indptr
        const void *indices
        Py_ssize_t n_stored
        bint wide_indices
        int weight_exponent

    ctypedef struct fm_optimizer:
        fm_method method

    ctypedef struct fm_plateau:
        double tol
        Py_ssize_t patience
        double best
        Py_ssize_t n_stalled

    ctypedef struct fm_watch:
        fm_plateau stop
        fm_plateau slow
        double slow_factor, smallest_rate, rate_scale, best_loss
        Py_ssize_t best_epoch
        bint keeps_best

    ctypedef struct fm_training:
        void *parameters
        void *moments[2]
        void *gradient
        void *best_parameters
        const fm_optimizer *optimizer
        const double *learning_rates
        const Py_ssize_t *order
        Py_ssize_t epochs, updates
        unsigned long long seed
        double *losses
        Py_ssize_t n_losses, first_loss, loss_every
        double *last_loss
        fm_watch *watch
        bint penalizes_sum
        double loss_share
        bint holds_update, is_held
        double held_loss

    ctypedef struct fm_layer_arrays:
        const void *weights
        const void *bias
        void *z
        void *a
        void *dz
        void *d_weights
        void *d_bias
        void *d_inputs

    ctypedef int (*fm_poll)() noexcept nogil

    ctypedef struct fm_call:
        const fm_layout *layout
        const fm_data *data
        void *arena
        int n_threads
        fm_poll poll

    ctypedef struct fm_kernels:
        const char *isa
        Py_ssize_t lanes
        void (*make_layout)(fm_layout *, const fm_network *, Py_ssize_t) noexcept nogil
        fm_status (*loss_and_gradient)(void *, void *, double *, const void *, const fm_call *) noexcept nogil
        fm_status (*train)(fm_training *, const fm_call *) noexcept nogil
        fm_status (*predict)(void *, const void *, fm_output, const fm_call *) noexcept nogil
        fm_status (*layers)(const fm_layer_arrays *, const fm_call *) noexcept nogil
        fm_status (*backward)(const fm_layer_arrays *, const fm_call *) noexcept nogil
        void (*gradient_descent)(void *, const void *, Py_ssize_t, double) noexcept nogil
        fm_status (*update)(const fm_training *, const fm_layout *, double, fm_poll) noexcept nogil
        fm_status (*dropout_mask)(void *, const fm_layout *, Py_ssize_t, unsigned long long, Py_ssize_t,
                                  fm_poll) noexcept nogil
        fm_status (*map)(void *, const void *, Py_ssize_t, fm_function, fm_poll) noexcept nogil
        fm_status (*all_pass)(int *, const void *, Py_ssize_t, fm_check, fm_poll) noexcept nogil
        fm_status (*mean_log_loss)(double *, const void *, const void *, Py_ssize_t, Py_ssize_t,
                                   fm_poll) noexcept nogil
        fm_status (*mean_cross_entropy)(double *, const void *, const void *, Py_ssize_t, Py_ssize_t,
                                        fm_poll) noexcept nogil
        fm_status (*mean_soft_cross_entropy)(double *, const void *, const void *, Py_ssize_t, Py_ssize_t,
                                             fm_poll) noexcept nogil

    ctypedef struct fm_name:
        const char *name
        int code, property

    const fm_name *fm_activation_names
    const fm_name *fm_loss_names
    const fm_name *fm_method_names
    const fm_name *fm_function_names
    const fm_name *fm_isa_names
    const fm_name *fm_status_names
    const fm_name *fm_optimizer_fields
    void fm_set_optimizer_field(fm_optimizer *, int, double)

    const fm_kernels *fm_get_kernels(fm_isa isa, fm_dtype dtype)
    const char *fm_compiler()
    void *fm_allocate(size_t)

    fm_status fm_draw_order(Py_ssize_t *, const double *, Py_ssize_t, double *, fm_poll)
    fm_status fm_check_order(int *, const Py_ssize_t *, Py_ssize_t, Py_ssize_t, fm_poll)
    fm_status fm_check_csr(int *, int *, const fm_data *, Py_ssize_t, fm_poll)
    fm_status fm_convert_labels(void *, int *, const int64_t *, Py_ssize_t, fm_dtype, fm_poll)
