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
        int activation, gradient_method

    ctypedef struct fm_plan:
        Py_ssize_t n_layers, n_parameters, n_examples, tile, arena_bytes
        fm_layer *layers

    ctypedef struct fm_data:
        const void *inputs
        const void *targets
        Py_ssize_t input_stride, target_stride

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
        void (*make_plan)(fm_plan *, Py_ssize_t, const Py_ssize_t *, const int *, Py_ssize_t) noexcept nogil
        int (*loss_and_gradient)(void *, double *, const fm_plan *, const void *, const fm_data *, void *,
                                 fm_poll) noexcept nogil
        int (*train)(void *, Py_ssize_t *, void *, const fm_plan *, const fm_data *, void *, double, Py_ssize_t,
                     fm_poll) noexcept nogil
        int (*predict)(void *, const fm_plan *, const void *, const fm_data *, void *, int, fm_poll) noexcept nogil
        int (*forward)(const fm_layer_arrays *, const fm_plan *, const fm_data *, void *, fm_poll) noexcept nogil
        int (*backward)(const fm_layer_arrays *, const fm_plan *, const fm_data *, void *, fm_poll) noexcept nogil
        void (*gradient_descent)(void *, const void *, Py_ssize_t, double) noexcept nogil
        void (*map)(void *, const void *, Py_ssize_t, int) noexcept nogil
        int (*all_pass)(const void *, Py_ssize_t, int) noexcept nogil
        double (*mean_log_loss)(const void *, const void *, Py_ssize_t, Py_ssize_t) noexcept nogil
        double (*mean_cross_entropy)(const void *, const void *, Py_ssize_t, Py_ssize_t) noexcept nogil

    const fm_kernels *fm_get_kernels(fm_isa isa, fm_dtype dtype)
    const char *fm_compiler()
