# The C interface of fastmlp/src/fastmlp.h.

cdef extern from "fastmlp.h" nogil:
    enum fm_dtype:
        FM_F32
        FM_F64

    enum fm_isa:
        FM_BASELINE
        FM_AVX2
        FM_AVX512

    enum fm_activation:
        FM_IDENTITY
        FM_RELU
        FM_TANH
        FM_LOGISTIC
        FM_LEAKY_RELU
        FM_ELU
        FM_SELU
        FM_GELU
        FM_GELU_TANH
        FM_SILU
        FM_SOFTPLUS
        FM_SOFTMAX
        FM_EXPONENTIAL

    enum fm_loss:
        FM_LOG_LOSS
        FM_MULTINOMIAL_LOG_LOSS
        FM_SQUARED_ERROR
        FM_ABSOLUTE_ERROR
        FM_HUBER
        FM_QUANTILE
        FM_POISSON

    enum fm_method:
        FM_SGD
        FM_ADAM
        FM_RMSPROP

    enum fm_status:
        FM_DONE
        FM_INTERRUPTED
        FM_DIVERGED

    enum fm_output:
        FM_LOGITS
        FM_PROBABILITIES

    enum fm_function:
        FM_EXP
        FM_LOG
        FM_LOG1P
        FM_TANH_FUNCTION
        FM_SIGMOID
        FM_RELU_FUNCTION

    enum fm_check:
        FM_ALL_FINITE
        FM_ALL_BINARY
        FM_ALL_IN_UNIT_INTERVAL

    ctypedef struct fm_layer:
        Py_ssize_t fan_in, fan_out, weights, bias
        int activation, gradient_method, is_sparse

    ctypedef struct fm_network:
        Py_ssize_t n_layers
        const Py_ssize_t *layer_dims
        const int *activations
        const double *dropout
        int loss
        double loss_parameter, label_smoothing
        int sparse_inputs

    ctypedef struct fm_plan:
        Py_ssize_t n_layers, n_parameters, batch, tile, n_chunks, n_targets, arena_bytes, chunk_bytes, block_bytes
        fm_layer *layers

    ctypedef struct fm_data:
        const void *inputs
        const void *targets
        const void *sample_weight
        Py_ssize_t n_examples, example_stride, feature_stride, target_stride
        const void *indptr
        const void *indices
        Py_ssize_t n_stored
        int wide_indices

    ctypedef struct fm_optimizer:
        int method, nesterov, epsilon_hat
        double momentum, beta_1, beta_2, epsilon, weight_decay, l1, l2, clip_value, clip_norm

    ctypedef struct fm_training:
        void *parameters
        void *moments[2]
        void *gradient
        const fm_optimizer *optimizer
        const double *learning_rates
        const Py_ssize_t *order
        Py_ssize_t epochs, updates
        unsigned long long seed
        double *losses
        Py_ssize_t n_losses

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

    ctypedef struct fm_kernels:
        const char *isa
        Py_ssize_t lanes
        void (*make_plan)(fm_plan *, const fm_network *, Py_ssize_t) noexcept nogil
        int (*loss_and_gradient)(void *, double *, const fm_plan *, const void *, const fm_data *, void *, int,
                                 fm_poll) noexcept nogil
        int (*train)(fm_training *, const fm_plan *, const fm_data *, void *, int, fm_poll) noexcept nogil
        int (*predict)(void *, const fm_plan *, const void *, const fm_data *, void *, int, fm_poll) noexcept nogil
        int (*forward)(const fm_layer_arrays *, const fm_plan *, const fm_data *, void *, fm_poll) noexcept nogil
        int (*backward)(const fm_layer_arrays *, const fm_plan *, const fm_data *, void *, fm_poll) noexcept nogil
        void (*gradient_descent)(void *, const void *, Py_ssize_t, double) noexcept nogil
        void (*dropout_mask)(void *, const fm_plan *, Py_ssize_t, unsigned long long, Py_ssize_t) noexcept nogil
        void (*map)(void *, const void *, Py_ssize_t, int) noexcept nogil
        int (*all_pass)(const void *, Py_ssize_t, int) noexcept nogil
        double (*mean_log_loss)(const void *, const void *, Py_ssize_t, Py_ssize_t) noexcept nogil
        double (*mean_cross_entropy)(const void *, const void *, Py_ssize_t, Py_ssize_t) noexcept nogil

    const fm_kernels *fm_get_kernels(fm_isa isa, fm_dtype dtype)
    const char *fm_compiler()
    void *fm_allocate(size_t)


cdef extern from "team.h" nogil:
    int fm_has_threads()
