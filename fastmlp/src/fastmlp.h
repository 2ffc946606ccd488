/* fastmlp.h -- the C interface of the engine, all that Python's side sees of it; it checks no argument.
 *
 * Each ISA and dtype has a table of functions, fm_kernels; `void *` stands for arrays of that dtype.
 * Matrices of examples are feature-major: row f holds feature f, examples are contiguous.
 * The flat parameter vector holds, layer after layer, W (fan_out, fan_in) row-major, then b (fan_out).
 */
#ifndef FASTMLP_H
#define FASTMLP_H

#include <stddef.h>
#include <stdint.h>

#include "names.h"

enum fm_dtype { FM_F32, FM_F64 };

/* How a layer's weight gradient is computed from a tile; see dense.inc.h. */
enum fm_gradient_method { FM_LANE_SUMS, FM_BROADCAST };

/* What `predict` writes. */
enum fm_output { FM_LOGITS, FM_PROBABILITIES };

enum fm_check { FM_ALL_FINITE, FM_ALL_BINARY, FM_ALL_IN_UNIT_INTERVAL };

enum { FM_MOST_CHUNKS = 16 }; /* of a batch, hence the most threads that can take chunks; no measurement recorded */
enum { FM_MOST_THREADS = 1024 };

/* One layer.  Offsets count elements, not bytes; those in the arena are multiples of a vector. */
typedef struct {
    ptrdiff_t fan_in, fan_out;
    ptrdiff_t weights, bias;       /* in the flat parameter vector */
    ptrdiff_t inputs;              /* in the arena: (fan_in, row_stride), or a sparse_tile */
    ptrdiff_t derivatives;         /* in the arena: (fan_out, row_stride), if keeps_derivative */
    ptrdiff_t padded_fan_in;       /* fan_in rounded up to whole vectors */
    ptrdiff_t packed_stride;       /* elements between packed or transposed rows of the inputs */
    ptrdiff_t padded_gradient;     /* in the arena: (fan_out, padded_fan_in), used by FM_BROADCAST */
    double dropout;                /* probability that an output of this hidden layer is 0 in training */
    enum fm_activation activation; /* the last layer's turns logits into outputs */
    enum fm_gradient_method gradient_method;
    bool is_sparse;        /* the first layer, if it reads only the stored entries of CSR data */
    bool keeps_derivative; /* the forward pass stores the derivative for the backward pass */
} fm_layer;

/* What is trained: layers, and the loss. */
typedef struct {
    ptrdiff_t n_layers;
    const ptrdiff_t *layer_dims;           /* n_layers + 1 */
    const enum fm_activation *activations; /* one per layer */
    const double *dropout;                 /* one per layer, the last unused; NULL for none */
    enum fm_loss loss;
    double loss_parameter;  /* delta of FM_HUBER, quantile of FM_QUANTILE */
    double label_smoothing; /* of FM_LOG_LOSS and FM_MULTINOMIAL_LOG_LOSS */
    bool sparse_inputs;     /* data are CSR with ascending columns in every row, and only stored entries are read */
} fm_network;

/* Where a pass over a batch keeps its arrays; depends on shapes, not on values. */
typedef struct {
    ptrdiff_t n_layers, n_parameters;
    ptrdiff_t batch_size;    /* examples of the largest batch */
    ptrdiff_t tile_size;     /* examples per tile, whole vectors */
    ptrdiff_t n_chunks;      /* chunks of a batch's tiles, each with its own gradient, added in order; 1: no chunks */
    ptrdiff_t row_stride;    /* elements between arena rows of examples */
    ptrdiff_t n_targets;     /* rows of targets: 1 for FM_MULTINOMIAL_LOG_LOSS, else one per output */
    ptrdiff_t outputs;       /* arena: (n_outputs, row_stride) */
    ptrdiff_t targets;       /* arena: (n_targets, row_stride) */
    ptrdiff_t sample_weight; /* arena: (1, row_stride), over the batch's power of 2 */
    ptrdiff_t losses;        /* arena: (n_targets, row_stride) */
    ptrdiff_t deltas[2];     /* arena: dz of even and odd layers, (widest, row_stride) each */
    ptrdiff_t packed_rows;   /* arena: a tile's inputs as (example, feature), used by FM_BROADCAST of layer 0 */
    ptrdiff_t transposed;    /* arena: a layer's inputs as (example, feature), used by FM_BROADCAST */
    ptrdiff_t arena_bytes;   /* of each thread, or of all together if n_chunks is 1; does not grow with the batch */
    ptrdiff_t chunk_bytes;   /* of the chunks' gradients, after the arenas of all threads */
    ptrdiff_t block_bytes;   /* for each thread, after those: a block of a large matrix, or sums by lanes */
    enum fm_loss loss;
    double loss_parameter, label_smoothing;
    fm_layer layers[];
} fm_layout;

/* The caller's examples.  A stride counts the elements from one example, feature or row of targets to the next;
   example_stride or feature_stride is 1. */
typedef struct {
    const void *inputs, *targets; /* targets (n_targets, n) may be NULL for predict */
    const double *sample_weight;  /* (n), or NULL */
    ptrdiff_t n_examples, example_stride, feature_stride, target_stride;
    const void *indptr, *indices; /* CSR if indptr is not NULL: inputs then holds the values */
    ptrdiff_t n_stored;           /* CSR: entries; limits every read, since the caller may change indptr meanwhile */
    bool wide_indices;            /* CSR: int64 instead of int32 */
    int weight_exponent;          /* of the largest sample weight, as frexp gives it */
} fm_data;

typedef struct {
    enum fm_method method;
#define FM_FIELD(type, name) type name;
    FM_OPTIMIZER_FIELDS(FM_FIELD)
} fm_optimizer;

/* scikit-learn's rule for a loss that no longer falls: more than `patience` epochs in a row with a loss above
   best - tol. */
typedef struct {
    double tol;
    ptrdiff_t patience;  /* negative: the rule is off */
    double best;         /* state: the least loss so far, at first infinite */
    ptrdiff_t n_stalled; /* state: epochs in a row above best - tol */
} fm_plateau;

/* The rules on the loss of every epoch, and their state. */
typedef struct {
    fm_plateau stop; /* ends the training */
    fm_plateau slow; /* multiplies the learning rates by slow_factor, or ends the training if they are small */
    double slow_factor, smallest_rate; /* a rate at or below smallest_rate is not lowered */
    double rate_scale;                 /* state: the product of the slow_factors so far */
    double best_loss;                  /* state, if keeps_best */
    ptrdiff_t best_epoch;              /* state: its number in this call, or -1 */
    bool keeps_best;                   /* writes the parameters of the least loss to best_parameters */
} fm_watch;

/* One call of `train`. */
typedef struct {
    void *parameters, *moments[2]; /* flat; m and v, NULL if the method keeps none */
    void *gradient;                /* flat: of the last batch, without penalties */
    void *best_parameters;         /* flat, if watch.keeps_best: those of the epoch of least loss */
    const fm_optimizer *optimizer;
    const double *learning_rates; /* one per update */
    const ptrdiff_t *order;       /* (epochs, n_examples): indices of examples, or NULL for their own order */
    ptrdiff_t epochs, updates;    /* updates made in all, before this call and in it */
    unsigned long long seed;      /* of dropout */
    double *losses;               /* mean losses of epochs first_loss, first_loss + loss_every, ...: n_losses of them */
    ptrdiff_t n_losses, first_loss, loss_every;
    double *last_loss; /* of the last epoch made; NULL if not wanted */
    fm_watch *watch;
    /* Adds penalties to the sum of a batch's losses instead of their mean.  The reported loss includes them and is the
       mean over batches, weighted by their numbers of examples.  loss_share is the factor of the reported losses before
       the penalties are added; the gradient knows nothing of it. */
    bool penalizes_sum;
    double loss_share;
    /* With one batch per epoch, a call can end between the last gradient and its update (holds_update), when the loss
       is that of the parameters.  The next call (is_held) makes that update first. */
    bool holds_update, is_held;
    double held_loss; /* of the held gradient */
} fm_training;

/* One layer's arrays, all C-contiguous, of a caller who keeps every array. */
typedef struct {
    const void *weights, *bias;               /* (fan_out, fan_in), (fan_out) */
    void *z, *a;                              /* (fan_out, n) */
    void *dz, *d_weights, *d_bias, *d_inputs; /* d_inputs (fan_in, n): da of the layer before, or NULL */
} fm_layer_arrays;

/* Called about every 50 ms, in the caller's floating-point mode; if the answer is not 0, the call ends with
   FM_INTERRUPTED. */
typedef int (*fm_poll)(void);

/* What every pass needs. */
typedef struct {
    const fm_layout *layout;
    const fm_data *data;
    void *arena;   /* arena_bytes (for each thread if n_chunks is over 1), chunk_bytes, block_bytes for each thread */
    int n_threads; /* at most; training and gradients alone use more than one */
    fm_poll poll;
} fm_call;

typedef struct {
    const char *isa;
    ptrdiff_t lanes; /* elements per vector */

    void (*make_layout)(fm_layout *layout, const fm_network *network, ptrdiff_t batch_size);

    /* ---- the passes */

    /* gradient, outputs (n_outputs, n) or loss may be NULL; outputs are those of predict, where there is no gradient */
    enum fm_status (*loss_and_gradient)(void *gradient, void *outputs, double *loss, const void *parameters,
                                        const fm_call *call);
    enum fm_status (*train)(fm_training *training, const fm_call *call);
    /* outputs (n_outputs, n) */
    enum fm_status (*predict)(void *outputs, const void *parameters, enum fm_output output, const fm_call *call);
    /* Forward and, if the data have targets, backward; every array of every layer goes to the caller's. */
    enum fm_status (*layers)(const fm_layer_arrays *layers, const fm_call *call);
    /* Backward from the caller's outputs `a` of a network with log-loss, without dropout, whose derivatives need no
       logits. */
    enum fm_status (*backward)(const fm_layer_arrays *layers, const fm_call *call);

    /* ---- arrays alone */

    /* This sweep serves no signals: parameters are never half updated. */
    void (*gradient_descent)(void *parameters, const void *gradient, ptrdiff_t n, double learning_rate);
    /* One sweep over the parameters, after the norm of the gradient if that is clipped. */
    enum fm_status (*update)(const fm_training *training, const fm_layout *layout, double learning_rate, fm_poll poll);
    /* mask (fan_out, batch_size): 0 or 1 / (1 - dropout) */
    enum fm_status (*dropout_mask)(void *mask, const fm_layout *layout, ptrdiff_t layer, unsigned long long seed,
                                   ptrdiff_t update, fm_poll poll);
    /* out <- function(x) */
    enum fm_status (*map)(void *out, const void *x, ptrdiff_t n, enum fm_function function, fm_poll poll);
    enum fm_status (*all_pass)(int *passes, const void *x, ptrdiff_t n, enum fm_check check, fm_poll poll);
    enum fm_status (*mean_log_loss)(double *loss, const void *logits, const void *targets, ptrdiff_t n,
                                    ptrdiff_t n_examples, fm_poll poll);
    enum fm_status (*mean_cross_entropy)(double *loss, const void *probabilities, const void *targets, ptrdiff_t n,
                                         ptrdiff_t n_examples, fm_poll poll);
    enum fm_status (*mean_soft_cross_entropy)(double *loss, const void *probabilities, const void *targets, ptrdiff_t n,
                                              ptrdiff_t n_examples, fm_poll poll);
} fm_kernels;

/* A member of a list in names.h; a NULL name ends a table. */
typedef struct {
    const char *name; /* Python's */
    int code;         /* of the list's enum */
    int property;     /* enum fm_derivative of activations, flags of enum fm_moments of methods, else 0 */
} fm_name;

extern const fm_name fm_activation_names[], fm_loss_names[], fm_method_names[], fm_function_names[], fm_isa_names[],
    fm_status_names[];

/* The fields of fm_optimizer besides its method; the function writes the one with this code. */
extern const fm_name fm_optimizer_fields[];
void fm_set_optimizer_field(fm_optimizer *optimizer, int field, double value);

/* NULL if this machine lacks the ISA. */
const fm_kernels *fm_get_kernels(enum fm_isa isa, enum fm_dtype dtype);

const char *fm_compiler(void);

/* ---- arrays of integers, of no ISA */

/* order <- the permutation of 0 .. n - 1 that Durstenfeld's shuffle makes of n draws from [0, 1); *wrong <- a draw that
   is none, if there is one */
enum fm_status fm_draw_order(ptrdiff_t *order, const double *draws, ptrdiff_t n, double *wrong, fm_poll poll);
/* *in_range <- whether all entries lie in 0 .. n_examples - 1 */
enum fm_status fm_check_order(int *in_range, const ptrdiff_t *order, ptrdiff_t n, ptrdiff_t n_examples, fm_poll poll);
/* *in_range <- whether indptr rises from 0 and all columns exist; *ascending <- whether columns ascend in every row */
enum fm_status fm_check_csr(int *in_range, int *ascending, const fm_data *data, ptrdiff_t n_features, fm_poll poll);
/* to <- labels; *are_binary <- whether all are 0 or 1 */
enum fm_status fm_convert_labels(void *to, int *are_binary, const int64_t *labels, ptrdiff_t n, enum fm_dtype dtype,
                                 fm_poll poll);

/* Memory for an arena, to be freed by free(); NULL if there is none. */
void *fm_allocate(size_t bytes);

#endif
