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

/* What a batch's examples weigh.  Their weights are divided by the power of 2 of the largest, so that a factor that all
   have in common changes no bit and takes none out of the range of `real`. */
typedef struct {
    double total; /* of the divided weights; the number of examples where there are no weights */
    int exponent; /* of the power of 2 */
    double share; /* of the power of 2 in that of all data, by which a mean over batches weighs this one's losses */
} batch_weight;

/* Examples first .. first + n of a batch, as one thread sees them. */
typedef struct {
    const fm_layout *layout;
    const fm_data *data;
    const batch *batch;
    ptrdiff_t first, n;
    range columns; /* of the padded tile: this thread packs these and computes their losses */
    real *arena;
    batch_weight weight;
    const dropout_draw *dropout; /* NULL outside training */
    bool keeps_derivatives;      /* for a backward pass */
    bool accumulate;             /* add to the gradients of the tiles before */
    worker *w;
} tile;

INLINE ptrdiff_t example_of(const batch *b, ptrdiff_t i) { return b->order ? b->order[i] : b->start + i; }

/* 2^-exponent as two factors, since it can overflow. */
typedef struct {
    double first, second;
} divisor;

INLINE divisor divisor_of(const batch_weight *w)
{
    const int half = w->exponent / 2;
    return (divisor){ldexp(1, -half), ldexp(1, half - w->exponent)};
}

INLINE real divided_weight(double weight, const divisor *d) { return (real)(weight * d->first * d->second); }

INLINE batch_weight weight_of(const fm_data *data, const batch *b, worker *w)
{
    batch_weight weight = {(double)b->n, 0, 1};
    const double *given = data->sample_weight;
    double largest = 0;
    if (!given)
        return weight;
    FOR_EACH_PORTION(p, b->n, w) {
        for (ptrdiff_t i = p.from; i < p.to; i++) {
            const double one = given[example_of(b, i)];
            largest = one > largest ? one : largest;
        }
        poll_after(w, WORK_OF_A_GATHER * items_in(p));
    }
    frexp(largest, &weight.exponent);
    weight.total = 0;
    weight.share = largest > 0 ? ldexp(1, weight.exponent - data->weight_exponent) : 0;
    const divisor d = divisor_of(&weight);
    FOR_EACH_PORTION(p, b->n, w) {
        for (ptrdiff_t i = p.from; i < p.to; i++) weight.total += (double)divided_weight(given[example_of(b, i)], &d);
        poll_after(w, WORK_OF_A_GATHER * items_in(p));
    }
    return weight;
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
