/* fastmlp.h -- the C interface of the engine: what the Cython layer sees.
 *
 * One table of functions (fm_kernels) per ISA and dtype; `void *` stands for arrays of that dtype.
 * Matrices of examples are feature-major: row f holds feature f, examples are contiguous.
 * The flat parameter vector holds, layer after layer, W (fan_out, fan_in) row-major, then b (fan_out).
 */
#ifndef FASTMLP_H
#define FASTMLP_H

#include <stddef.h>

enum fm_dtype { FM_F32, FM_F64 };

enum fm_isa { FM_BASELINE, FM_AVX2, FM_AVX512 };

enum fm_activation { FM_IDENTITY, FM_RELU, FM_TANH, FM_LOGISTIC };

/* How a layer's weight gradient is summed over the examples of a tile; see dense.inc.h. */
enum fm_gradient_method { FM_LANE_SUMS, FM_BROADCAST };

/* What an output pass writes. */
enum fm_output { FM_LOGITS, FM_PROBABILITIES };

enum fm_function { FM_EXP, FM_LOG, FM_LOG1P, FM_TANH_FUNCTION, FM_SIGMOID, FM_RELU_FUNCTION };

enum fm_check { FM_ALL_FINITE, FM_ALL_BINARY, FM_ALL_IN_UNIT_INTERVAL };

/* Offsets count elements, not bytes; arena offsets start whole vectors. */
typedef struct {
    ptrdiff_t fan_in, fan_out;
    ptrdiff_t weights, bias;   /* in the flat parameter vector */
    ptrdiff_t inputs;          /* in the arena: (fan_in, row_stride) */
    ptrdiff_t padded_fan_in;   /* fan_in rounded up to whole vectors */
    ptrdiff_t padded_gradient; /* in the arena: (fan_out, padded_fan_in), used by FM_BROADCAST */
    int activation;            /* enum fm_activation; the last layer's turns logits into outputs */
    int gradient_method;       /* enum fm_gradient_method */
} fm_layer;

/* Where everything of a pass over n examples lies; holds no values. */
typedef struct {
    ptrdiff_t n_layers, n_parameters, n_examples;
    ptrdiff_t tile;            /* examples per tile, whole vectors */
    ptrdiff_t row_stride;      /* elements between arena rows of examples */
    ptrdiff_t outputs;         /* arena: (n_outputs, row_stride) */
    ptrdiff_t targets;         /* arena: (n_outputs, row_stride) */
    ptrdiff_t losses;          /* arena: (1, row_stride) */
    ptrdiff_t deltas[2];       /* arena: dz of even and odd layers, (widest, row_stride) each */
    ptrdiff_t transposed;      /* arena: a tile's inputs as (example, feature), used by FM_BROADCAST */
    ptrdiff_t arena_bytes;     /* the same for every n_examples */
    fm_layer layers[];
} fm_plan;

/* Examples are contiguous; a stride counts elements from one feature (or output) to the next. */
typedef struct {
    const void *inputs, *targets; /* (features, n), (outputs, n); targets may be NULL for predict */
    ptrdiff_t input_stride, target_stride;
} fm_data;

/* One layer of a caller who keeps every array, each C-contiguous: a, z, dz, da have n columns. */
typedef struct {
    const void *weights, *bias; /* (fan_out, fan_in), (fan_out) */
    void *z, *a;                /* (fan_out, n) */
    void *dz, *d_weights, *d_bias, *d_inputs; /* d_inputs (fan_in, n): da of the layer before, or NULL */
} fm_layer_arrays;

/* Called about every 50 ms of work; a non-zero answer stops the work, which returns it. */
typedef int (*fm_poll)(void);

typedef struct {
    const char *isa;
    ptrdiff_t lanes; /* elements per vector */

    void (*make_plan)(fm_plan *plan, ptrdiff_t n_layers, const ptrdiff_t *layer_dims, const int *activations,
                      ptrdiff_t n_examples);

    /* The fused pass over a flat parameter vector; the loss is the mean log-loss of the last layer's logits. */
    int (*loss_and_gradient)(void *gradient, double *loss, const fm_plan *plan, const void *parameters,
                             const fm_data *data, void *arena, fm_poll poll); /* loss may be NULL */
    int (*train)(void *parameters, ptrdiff_t *epochs_done, void *gradient, const fm_plan *plan,
                 const fm_data *data, void *arena, double learning_rate, ptrdiff_t epochs, fm_poll poll);
    int (*predict)(void *outputs, const fm_plan *plan, const void *parameters, const fm_data *data, void *arena,
                   int output, fm_poll poll); /* outputs (n_outputs, n), enum fm_output */

    /* The same, layer by layer, into and from the caller's arrays. */
    int (*forward)(const fm_layer_arrays *layers, const fm_plan *plan, const fm_data *data, void *arena,
                   fm_poll poll);
    int (*backward)(const fm_layer_arrays *layers, const fm_plan *plan, const fm_data *data, void *arena,
                    fm_poll poll);

    void (*gradient_descent)(void *parameters, const void *gradient, ptrdiff_t n, double learning_rate);
    void (*map)(void *out, const void *x, ptrdiff_t n, int function); /* enum fm_function */
    int (*all_pass)(const void *x, ptrdiff_t n, int check); /* enum fm_check */
    double (*mean_log_loss)(const void *logits, const void *targets, ptrdiff_t n, ptrdiff_t n_examples);
    double (*mean_cross_entropy)(const void *probabilities, const void *targets, ptrdiff_t n,
                                 ptrdiff_t n_examples);
} fm_kernels;

/* NULL where this build or this machine lacks the ISA. */
const fm_kernels *fm_get_kernels(enum fm_isa isa, enum fm_dtype dtype);

const char *fm_compiler(void);

#endif
