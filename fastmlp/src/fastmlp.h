/* fastmlp.h -- the C interface of the engine: what the Cython layer sees.
 *
 * One table of functions (fm_kernels) per ISA and dtype; `void *` stands for arrays of that dtype.
 * Matrices of examples are feature-major: row f holds feature f, examples are contiguous.
 * The flat parameter vector holds, layer after layer, W (fan_out, fan_in) row-major, then b (fan_out).
 */
#ifndef FASTMLP_H
#define FASTMLP_H

#include <stddef.h>

#include "names.h"

enum fm_dtype { FM_F32, FM_F64 };

/* How a layer's weight gradient is summed over the examples of a tile; see dense.inc.h. */
enum fm_gradient_method { FM_LANE_SUMS, FM_BROADCAST };

/* What an output pass writes. */
enum fm_output { FM_LOGITS, FM_PROBABILITIES };

enum fm_check { FM_ALL_FINITE, FM_ALL_BINARY, FM_ALL_IN_UNIT_INTERVAL };

enum { FM_MOST_CHUNKS = 16 };

/* Offsets count elements, not bytes; offsets in the arena are multiples of a vector. */
typedef struct {
    ptrdiff_t fan_in, fan_out;
    ptrdiff_t weights, bias;   /* in the flat parameter vector */
    ptrdiff_t inputs;          /* in the arena: (fan_in, row_stride), or what sparse.inc.h keeps of a tile */
    ptrdiff_t derivatives;     /* in the arena: (fan_out, row_stride), if keeps_derivative */
    ptrdiff_t padded_fan_in;   /* fan_in rounded up to whole vectors */
    ptrdiff_t packed_stride;   /* elements between packed or transposed rows of the inputs */
    ptrdiff_t padded_gradient; /* in the arena: (fan_out, padded_fan_in), used by FM_BROADCAST */
    double dropout;            /* probability that an output of this hidden layer is 0 in training */
    enum fm_activation activation; /* the last layer's turns logits into outputs */
    enum fm_gradient_method gradient_method;
    int is_sparse;             /* whether the inputs' stored entries alone are read: the first layer of CSR data */
    int keeps_derivative;      /* whether the forward pass leaves the derivative for the backward pass */
} fm_layer;

/* What is trained. */
typedef struct {
    ptrdiff_t n_layers;
    const ptrdiff_t *layer_dims; /* n_layers + 1 */
    const enum fm_activation *activations; /* one per layer */
    const double *dropout;                 /* one per layer, the last unused; NULL for none */
    enum fm_loss loss;
    double loss_parameter;  /* delta of FM_HUBER, quantile of FM_QUANTILE */
    double label_smoothing; /* of FM_MULTINOMIAL_LOG_LOSS; other losses get smoothed targets from the caller */
    int sparse_inputs;      /* whether data are CSR, columns ascending in every row, read by their entries alone */
} fm_network;

/* Where a pass over a batch keeps its arrays; depends on shapes alone, not on the data. */
typedef struct {
    ptrdiff_t n_layers, n_parameters;
    ptrdiff_t batch_size;      /* examples of the largest batch */
    ptrdiff_t tile_size;       /* examples per tile, whole vectors */
    ptrdiff_t n_chunks;        /* chunks of tiles, each with its own gradient, added in order; 1: no chunks */
    ptrdiff_t row_stride;      /* elements between arena rows of examples */
    ptrdiff_t n_targets;       /* rows of targets: 1 for FM_MULTINOMIAL_LOG_LOSS, else one per output */
    ptrdiff_t outputs;         /* arena: (n_outputs, row_stride) */
    ptrdiff_t targets;         /* arena: (n_targets, row_stride) */
    ptrdiff_t sample_weight;   /* arena: (1, row_stride) */
    ptrdiff_t losses;          /* arena: (n_targets, row_stride) */
    ptrdiff_t deltas[2];       /* arena: dz of even and odd layers, (widest, row_stride) each */
    ptrdiff_t packed_rows;     /* arena: a tile's inputs, still row-major, used by FM_BROADCAST of layer 0 */
    ptrdiff_t transposed;      /* arena: a layer's inputs as (example, feature), used by FM_BROADCAST */
    ptrdiff_t arena_bytes;     /* of each thread, or of all together if n_chunks is 1; does not grow with the batch */
    ptrdiff_t chunk_bytes;     /* of the chunks' gradients, after the arenas of all threads */
    ptrdiff_t block_bytes;     /* of a block of a large matrix, after those, for each thread */
    enum fm_loss loss;
    double loss_parameter, label_smoothing;
    fm_layer layers[];
} fm_layout;

/* The caller's examples.  A stride counts the elements from one example, feature or row of targets to the next;
   example_stride or feature_stride is 1. */
typedef struct {
    const void *inputs, *targets; /* targets (n_targets, n) may be NULL for predict */
    const void *sample_weight;    /* (n), or NULL */
    ptrdiff_t n_examples, example_stride, feature_stride, target_stride;
    const void *indptr, *indices; /* CSR if indptr is not NULL: inputs then holds the values */
    ptrdiff_t n_stored;           /* CSR: entries; bounds every read, since the caller may change indptr meanwhile */
    int wide_indices;             /* CSR: int64 in place of int32 */
} fm_data;

typedef struct {
    enum fm_method method;
#define FM_FIELD(type, name) type name;
    FM_OPTIMIZER_FIELDS(FM_FIELD)
} fm_optimizer;

/* The rule by which scikit-learn's MLP tells that the loss no longer falls: more than `patience` epochs in a row, none of
   them below best - tol. */
typedef struct {
    double tol;
    ptrdiff_t patience;  /* negative: the rule is off */
    double best;         /* state: the least loss so far, at first infinite */
    ptrdiff_t n_stalled; /* state: epochs in a row that did not improve on it */
} fm_plateau;

/* What is made of the loss of every epoch, and what has been made of it so far. */
typedef struct {
    fm_plateau stop;                   /* ends the training */
    fm_plateau slow;                   /* multiplies the rates by slow_factor, or ends the training where they are small */
    double slow_factor, smallest_rate; /* smallest_rate: at or below it a rate is not lowered any more */
    double rate_scale;                 /* state: the product of the slow_factors so far */
    double best_loss;                  /* state, where keeps_best */
    ptrdiff_t best_epoch;              /* state: its number in this call, or -1 */
    int keeps_best;
} fm_watch;

typedef struct {
    void *parameters, *moments[2]; /* flat; m and v of the method, NULL where it keeps none */
    void *gradient;                /* flat: of the last batch, without penalties */
    void *best_parameters;         /* flat, where watch.keeps_best: those of the epoch of least loss */
    const fm_optimizer *optimizer;
    const double *learning_rates; /* one per update */
    const ptrdiff_t *order;       /* (epochs, n_examples): indices of examples, or NULL for their own order */
    ptrdiff_t epochs, updates;    /* updates made in all: those before this call, and each one of this call */
    unsigned long long seed;      /* of dropout */
    double *losses;               /* mean losses of epochs first_loss, first_loss + loss_every, ...: n_losses of them */
    ptrdiff_t n_losses, first_loss, loss_every;
    double *last_loss; /* of the last epoch made, or NULL where nobody asks for it */
    fm_watch *watch;
    /* Penalties are added to the sum of the losses over a batch, not to their mean, and are part of the reported loss,
       which is then the mean over batches by their numbers of examples. */
    int penalizes_sum;
    double weight_scale; /* what the weights that the user gave were divided by */
    /* With one batch per epoch, a call can end between the last gradient and its update, when the loss is that of the
       parameters; the next call makes the update first. */
    int holds_update, is_held;
    double held_loss; /* where is_held: the loss that belongs to the gradient */
} fm_training;

/* One layer's arrays of a caller who keeps them all; all are C-contiguous. */
typedef struct {
    const void *weights, *bias; /* (fan_out, fan_in), (fan_out) */
    void *z, *a;                /* (fan_out, n) */
    void *dz, *d_weights, *d_bias, *d_inputs; /* d_inputs (fan_in, n): da of the layer before, or NULL */
} fm_layer_arrays;

/* Called about every 50 ms; if the answer is not 0, the pass ends as FM_INTERRUPTED. */
typedef int (*fm_poll)(void);

typedef struct {
    const char *isa;
    ptrdiff_t lanes; /* elements per vector */

    void (*make_layout)(fm_layout *layout, const fm_network *network, ptrdiff_t batch);

    /* The arena holds arena_bytes (for each thread if n_chunks is over 1), then
       chunk_bytes, then block_bytes for each thread. */
    enum fm_status (*loss_and_gradient)(void *gradient, double *loss, const fm_layout *layout, const void *parameters,
                             const fm_data *data, void *arena, int n_threads, fm_poll poll); /* either may be NULL */
    enum fm_status (*train)(fm_training *training, const fm_layout *layout, const fm_data *data, void *arena, int n_threads,
                 fm_poll poll);
    enum fm_status (*predict)(void *outputs, const fm_layout *layout, const void *parameters, const fm_data *data, void *arena,
                   enum fm_output output, fm_poll poll); /* outputs (n_outputs, n), enum fm_output */

    /* Every array of every layer, into the caller's: forward and, where data has targets, backward. */
    enum fm_status (*layers)(const fm_layer_arrays *layers, const fm_layout *layout, const fm_data *data, void *arena, fm_poll poll);
    /* Backward from the outputs `a` of log-loss networks that the caller has; no dropout, no derivative needs logits. */
    enum fm_status (*backward)(const fm_layer_arrays *layers, const fm_layout *layout, const fm_data *data, void *arena,
                    fm_poll poll);

    void (*gradient_descent)(void *parameters, const void *gradient, ptrdiff_t n, double learning_rate);
    void (*update)(const fm_training *training, const fm_layout *layout, double learning_rate); /* one sweep alone */
    void (*dropout_mask)(void *mask, const fm_layout *layout, ptrdiff_t layer, unsigned long long seed,
                         ptrdiff_t update); /* (fan_out, batch): 0 or 1 / (1 - dropout) */
    void (*map)(void *out, const void *x, ptrdiff_t n, enum fm_function function);
    int (*all_pass)(const void *x, ptrdiff_t n, enum fm_check check);
    double (*mean_log_loss)(const void *logits, const void *targets, ptrdiff_t n, ptrdiff_t n_examples);
    double (*mean_cross_entropy)(const void *probabilities, const void *targets, ptrdiff_t n,
                                 ptrdiff_t n_examples);
} fm_kernels;

/* A member of a list of names.h; a NULL name ends a table. */
typedef struct {
    const char *name; /* Python's */
    int code;         /* of the list's enum */
    int property;     /* enum fm_derivative of activations, flags of enum fm_moments of methods, else 0 */
} fm_name;

extern const fm_name fm_activation_names[], fm_loss_names[], fm_method_names[], fm_function_names[], fm_isa_names[],
    fm_status_names[];

/* The fields of fm_optimizer beside its method, and how to write the one with this code. */
extern const fm_name fm_optimizer_fields[];
void fm_set_optimizer_field(fm_optimizer *optimizer, int field, double value);

/* NULL where this machine lacks the ISA. */
const fm_kernels *fm_get_kernels(enum fm_isa isa, enum fm_dtype dtype);

const char *fm_compiler(void);

/* Memory for an arena, to be freed by free(); NULL where there is none. */
void *fm_allocate(size_t bytes);

#endif
