/* tile.inc.h -- a tile: some examples of a batch and where their arrays lie in the arena.  It computes nothing. */
#ifndef FASTMLP_TILE_INC_H
#define FASTMLP_TILE_INC_H

#include "lanes.h"
#include "shares.h"

/* Columns from .. to, whole vectors, of n_rows rows that lie row_stride elements apart. */
typedef struct {
    ptrdiff_t n_rows, row_stride, from, to;
} rows;

typedef struct {
    const ptrdiff_t *order; /* indices of its examples in the data, or NULL: examples start .. start + n */
    ptrdiff_t start, n;
    ptrdiff_t n_ordered; /* entries of order from this batch to the end of the epoch */
} batch;

/* Dropout draws new units in every update. */
typedef struct {
    unsigned long long seed;
    ptrdiff_t update; /* number of updates before it */
} dropout_draw;

/* Examples first .. first + n of a batch, as one thread sees them. */
typedef struct {
    const fm_layout *layout;
    const fm_data *data;
    const batch *batch;
    ptrdiff_t first, n;
    range columns; /* of the padded tile: this thread packs these and computes their losses */
    real *arena;
    double total_weight;         /* of the batch */
    const dropout_draw *dropout; /* NULL outside training */
    bool keeps_derivatives;      /* for a backward pass */
    bool accumulate;             /* add to the gradients of the tiles before */
    worker *w;
} tile;

INLINE ptrdiff_t example_of(const batch *b, ptrdiff_t i) { return b->order ? b->order[i] : b->start + i; }

/* The sum of the sample weights, or the number of examples where there are none. */
INLINE double weight_of(const fm_data *data, const batch *b, worker *w)
{
    const real *weight = data->sample_weight;
    double sum = 0;
    if (!weight)
        return (double)b->n;
    FOR_EACH_PORTION(p, b->n, w) {
        for (ptrdiff_t i = p.from; i < p.to; i++) sum += (double)weight[example_of(b, i)];
        poll_after(w, WORK_OF_A_GATHER * items_in(p));
    }
    return sum;
}

static void FN(set_zero)(real *x, ptrdiff_t n, worker *w)
{
    FOR_EACH_PORTION(p, n, w) {
        memset(x + p.from, 0, (size_t)(p.to - p.from) * sizeof(real));
        poll_after(w, WORK_OF_A_COPY * items_in(p));
    }
}

/* Moves `t` to the examples of its batch from `first` on. */
INLINE void move_tile(tile *t, ptrdiff_t first)
{
    const ptrdiff_t left = t->batch->n - first;
    t->first = first;
    t->n = left < t->layout->tile_size ? left : t->layout->tile_size;
    t->columns = my_share(t->w, whole_vectors(t->n), LANES);
}

/* Every column of n_rows rows in the arena. */
INLINE rows all_columns(const tile *t, ptrdiff_t n_rows)
{
    return (rows){n_rows, t->layout->row_stride, 0, whole_vectors(t->n)};
}

/* Where the outputs of layer l go: the inputs of the next one. */
INLINE real *layer_outputs(const tile *t, ptrdiff_t l)
{
    const fm_layout *layout = t->layout;
    return t->arena + (l + 1 < layout->n_layers ? layout->layers[l + 1].inputs : layout->outputs);
}

/* The inputs of the first layer as (example, feature), which packing keeps of row-major data; else NULL. */
INLINE const real *row_major_inputs(const tile *t, const fm_layer *layer)
{
    const bool is_row_major = !t->data->indptr && t->data->example_stride != 1;
    return layer == t->layout->layers && is_row_major ? t->arena + t->layout->packed_rows : NULL;
}

#endif
