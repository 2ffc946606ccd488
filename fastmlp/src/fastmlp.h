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

/* The last two turn the last layer's logits into outputs, no hidden layer's. */
enum fm_activation {
    FM_IDENTITY, FM_RELU, FM_TANH, FM_LOGISTIC, FM_LEAKY_RELU, FM_ELU, FM_SELU, FM_GELU, FM_GELU_TANH, FM_SILU,
    FM_SOFTPLUS, FM_SOFTMAX, FM_EXPONENTIAL
};

/* All take the last layer's logits; FM_LOG_LOSS serves one binary output or several. */
enum fm_loss {
    FM_LOG_LOSS, FM_MULTINOMIAL_LOG_LOSS, FM_SQUARED_ERROR, FM_ABSOLUTE_ERROR, FM_HUBER, FM_QUANTILE, FM_POISSON
};

enum fm_method { FM_SGD, FM_ADAM, FM_RMSPROP };

/* How a layer's weight gradient is summed over the examples of a tile; see dense.inc.h. */
enum fm_gradient_method { FM_LANE_SUMS, FM_BROADCAST };

/* What an output pass writes. */
enum fm_output { FM_LOGITS, FM_PROBABILITIES };

enum fm_function { FM_EXP, FM_LOG, FM_LOG1P, FM_TANH_FUNCTION, FM_SIGMOID, FM_RELU_FUNCTION };

enum fm_check { FM_ALL_FINITE, FM_ALL_BINARY, FM_ALL_IN_UNIT_INTERVAL };

enum { FM_MOST_CHUNKS = 16 };

/* How a pass ended. */
enum fm_status { FM_DONE, FM_INTERRUPTED, FM_DIVERGED };

/* Offsets count elements, not bytes; arena offsets start whole vectors. */
typedef struct {
    ptrdiff_t fan_in, fan_out;
    ptrdiff_t weights, bias;   /* in the flat parameter vector */
    ptrdiff_t inputs;          /* in the arena: (fan_in, row_stride), or what sparse.inc.h keeps of a tile */
    ptrdiff_t derivatives;     /* in the arena: (fan_out, row_stride), where keeps_derivative */
    ptrdiff_t padded_fan_in;   /* fan_in rounded up to whole vectors */
    ptrdiff_t packed_stride;   /* elements between packed or transposed rows of the inputs */
    ptrdiff_t padded_gradient; /* in the arena: (fan_out, padded_fan_in), used by FM_BROADCAST */
    double dropout;            /* probability that an output of this hidden layer is 0 in training */
    int activation;            /* enum fm_activation; the last layer's turns logits into outputs */
    int gradient_method;       /* enum fm_gradient_method */
    int is_sparse;             /* whether the inputs' stored entries alone are read: the first layer of CSR data */
    int keeps_derivative;      /* whether the forward pass leaves the derivative for the backward pass */
} fm_layer;

/* What is trained. */
typedef struct {
    ptrdiff_t n_layers;
    const ptrdiff_t *layer_dims; /* n_layers + 1 */
    const int *activations;      /* one per layer */
    const double *dropout;       /* one per layer, the last unused; NULL for none */
    int loss;                    /* enum fm_loss */
    double loss_parameter;       /* delta of FM_HUBER, quantile of FM_QUANTILE */
    double label_smoothing;      /* of FM_MULTINOMIAL_LOG_LOSS: the others' targets are smoothed by the caller */
    int sparse_inputs;           /* whether data are CSR, columns ascending in every row, read by their entries alone */
} fm_network;

/* Where everything of a pass over a batch lies; holds no values of data. */
typedef struct {
    ptrdiff_t n_layers, n_parameters;
    ptrdiff_t batch;           /* examples of the largest batch */
    ptrdiff_t tile;            /* examples per tile, whole vectors */
    ptrdiff_t n_chunks;        /* of tiles, each with a gradient of its own, summed in order; 1: none */
    ptrdiff_t row_stride;      /* elements between arena rows of examples */
    ptrdiff_t n_targets;       /* rows of targets: 1 for FM_MULTINOMIAL_LOG_LOSS, else one per output */
    ptrdiff_t outputs;         /* arena: (n_outputs, row_stride) */
    ptrdiff_t targets;         /* arena: (n_targets, row_stride) */
    ptrdiff_t sample_weight;   /* arena: (1, row_stride) */
    ptrdiff_t losses;          /* arena: (n_targets, row_stride) */
    ptrdiff_t deltas[2];       /* arena: dz of even and odd layers, (widest, row_stride) each */
    ptrdiff_t packed_rows;     /* arena: a tile's row-major inputs as they came, used by FM_BROADCAST of layer 0 */
    ptrdiff_t transposed;      /* arena: other inputs as (example, feature), used by FM_BROADCAST */
    ptrdiff_t arena_bytes;     /* of one thread, or of all where n_chunks is 1; the same for all large batches */
    ptrdiff_t chunk_bytes;     /* of the chunks' gradients, behind the arenas of all threads */
    ptrdiff_t block_bytes;     /* of a block of a large matrix, behind those, for each thread */
    int loss;
    double loss_parameter, label_smoothing;
    fm_layer layers[];
} fm_plan;

/* Elements from one example, or one feature, to the next; one of the two is 1. */
typedef struct {
    const void *inputs, *targets; /* targets (n_targets, n) may be NULL for predict */
    const void *sample_weight;    /* (n), or NULL */
    ptrdiff_t n_examples, example_stride, feature_stride, target_stride;
    const void *indptr, *indices; /* CSR where indptr is not NULL: inputs then holds the values */
    ptrdiff_t n_stored;           /* CSR: entries; nothing beyond them is read, whatever indptr becomes meanwhile */
    int wide_indices;             /* CSR: int64 in place of int32 */
} fm_data;

typedef struct {
    int method; /* enum fm_method */
    int nesterov, epsilon_hat;
    double momentum, beta_1, beta_2, epsilon; /* beta_2 is also the decay of FM_RMSPROP */
    double weight_decay, l1, l2; /* of weights, not of biases */
    double clip_value, clip_norm; /* infinite for none */
} fm_optimizer;

typedef struct {
    void *parameters, *moments[2]; /* flat; moments of the optimizer, NULL where it has none */
    void *gradient;                /* flat scratch: that of the last batch */
    const fm_optimizer *optimizer;
    const double *learning_rates;  /* one per update */
    const ptrdiff_t *order;        /* epochs rows of n_examples indices, or NULL: as they lie */
    ptrdiff_t epochs, updates;     /* updates: those before this call; counted up by each one made */
    unsigned long long seed;       /* of dropout */
    double *losses;                /* of the first n_losses epochs: means over each, every batch before its update */
    ptrdiff_t n_losses;
} fm_training;

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

    void (*make_plan)(fm_plan *plan, const fm_network *network, ptrdiff_t batch);

    /* The passes return enum fm_status; arena holds arena_bytes (for each thread if n_chunks is over 1),
       then chunk_bytes, then block_bytes for each thread. */
    int (*loss_and_gradient)(void *gradient, double *loss, const fm_plan *plan, const void *parameters,
                             const fm_data *data, void *arena, int n_threads, fm_poll poll); /* loss may be NULL */
    int (*train)(fm_training *training, const fm_plan *plan, const fm_data *data, void *arena, int n_threads,
                 fm_poll poll);
    int (*predict)(void *outputs, const fm_plan *plan, const void *parameters, const fm_data *data, void *arena,
                   int output, fm_poll poll); /* outputs (n_outputs, n), enum fm_output */

    /* The same, layer by layer, into and from the caller's arrays. */
    int (*forward)(const fm_layer_arrays *layers, const fm_plan *plan, const fm_data *data, void *arena,
                   fm_poll poll);
    int (*backward)(const fm_layer_arrays *layers, const fm_plan *plan, const fm_data *data, void *arena,
                    fm_poll poll);

    void (*gradient_descent)(void *parameters, const void *gradient, ptrdiff_t n, double learning_rate);
    void (*dropout_mask)(void *mask, const fm_plan *plan, ptrdiff_t layer, unsigned long long seed,
                         ptrdiff_t update); /* (fan_out, batch): 0 or 1 / (1 - dropout) */
    void (*map)(void *out, const void *x, ptrdiff_t n, int function); /* enum fm_function */
    int (*all_pass)(const void *x, ptrdiff_t n, int check); /* enum fm_check */
    double (*mean_log_loss)(const void *logits, const void *targets, ptrdiff_t n, ptrdiff_t n_examples);
    double (*mean_cross_entropy)(const void *probabilities, const void *targets, ptrdiff_t n,
                                 ptrdiff_t n_examples);
} fm_kernels;

/* NULL where this build or this machine lacks the ISA. */
const fm_kernels *fm_get_kernels(enum fm_isa isa, enum fm_dtype dtype);

const char *fm_compiler(void);

/* Memory for an arena, to be freed by free(); NULL where there is none. */
void *fm_allocate(size_t bytes);

#endif
