/* pack.inc.h -- copies a tile's examples, whatever their order and form, to feature-major rows of the arena, and rows
 * of the arena back to the caller.
 *
 * The last vector is filled up with copies of the last example: a copy is not finite only where a true example is not.
 */
#ifndef FASTMLP_PACK_INC_H
#define FASTMLP_PACK_INC_H

#include "lanes.h"
#include "sparse.inc.h"
#include "tile.inc.h"

/* to (n_rows, n, padded with copies of the last column) <- from */
static void FN(pack_rows)(real *to, ptrdiff_t to_row, const real *from, ptrdiff_t from_row, ptrdiff_t n_rows,
                          ptrdiff_t n, worker *w)
{
    for (ptrdiff_t r = 0; r < n_rows && !w->status; r++, to += to_row, from += from_row) {
        FOR_EACH_VECTOR(i, n - LANES + 1) vstore(to + i, vloadu(from + i));
        if (n % LANES) {
            real *last = to + n / LANES * LANES;
            vstore(last, vset(from[n - 1]));
            memcpy(last, from + n / LANES * LANES, (size_t)(n % LANES) * sizeof(real));
        }
        poll_after(w, WORK_OF_A_COPY * (double)n);
    }
}

/* The tile's columns of the caller's C-contiguous (n_rows, examples of the batch) <- rows of the arena */
static enum fm_status FN(unpack_rows)(void *to_, const real *from, ptrdiff_t n_rows, const tile *t)
{
    real *to = (real *)to_ + t->first;
    for (ptrdiff_t r = 0; r < n_rows && !t->w->status; r++) {
        memcpy(to + r * t->batch->n, from + r * t->layout->row_stride, (size_t)t->n * sizeof(real));
        poll_after(t->w, WORK_OF_A_COPY * (double)t->n);
    }
    return t->w->status;
}

/* Index in the data of the example in a column of the tile. */
INLINE ptrdiff_t example_in(const tile *t, ptrdiff_t column)
{
    return example_of(t->batch, t->first + (column < t->n ? column : t->n - 1));
}

/* Feature-major data (or targets): copies each row, or gathers it where the batch has an order. */
static void FN(pack_feature_major)(real *to, const void *from_, ptrdiff_t from_row, ptrdiff_t n_rows, const tile *t)
{
    const ptrdiff_t from = t->columns.from, end = t->columns.to, true_end = end < t->n ? end : t->n;
    const ptrdiff_t to_row = t->layout->row_stride;
    const real *row = from_;
    if (!t->batch->order) {
        if (from < true_end)
            FN(pack_rows)(to + from, to_row, row + t->batch->start + t->first + from, from_row, n_rows, true_end - from,
                          t->w);
        return;
    }
    for (ptrdiff_t r = 0; r < n_rows && !t->w->status; r++, to += to_row, row += from_row) {
        for (ptrdiff_t i = from; i < end; i++) to[i] = row[example_in(t, i)];
        poll_after(t->w, WORK_OF_A_GATHER * (double)(end - from));
    }
}

static void FN(pack_weights)(real *to, const tile *t)
{
    const divisor d = divisor_of(&t->weight);
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i++)
        to[i] = divided_weight(t->data->sample_weight[example_in(t, i)], &d);
}

/* to (n_features, LANES) <- the transpose of LANES rows; packed (LANES, n_features) <- the rows, unless it is NULL */
static void FN(pack_row_block)(real *to, ptrdiff_t to_row, real *packed, ptrdiff_t packed_row, const real *const *row,
                               ptrdiff_t n_features)
{
    for (ptrdiff_t f = 0; f < n_features; f += LANES) {
        const ptrdiff_t count = n_features - f < LANES ? n_features - f : LANES;
        vec x[LANES];
        UNROLL_FOR(int q = 0; q < LANES; q++) x[q] = vload_some(row[q] + f, count);
        if (packed)
            UNROLL_FOR(int q = 0; q < LANES; q++) vstore(packed + q * packed_row + f, x[q]);
        vtranspose(x);
        if (count == LANES)
            UNROLL_FOR(int q = 0; q < LANES; q++) vstore(to + (f + q) * to_row, x[q]);
        else
            UNROLL_FOR(int q = 0; q < LANES; q++) {
                if (q < count)
                    vstore(to + (f + q) * to_row, x[q]);
            }
    }
}

enum { MOST_FEATURES = 4096 }; /* between two polls */

/* The same in parts, so that signals are polled in between; moves the rows. */
NOT_INLINE void FN(pack_long_rows)(real *to, ptrdiff_t to_row, real *packed, ptrdiff_t packed_row, const real **row,
                                   ptrdiff_t n_features, worker *w)
{
    for (ptrdiff_t f = 0, count; f < n_features && !w->status; f += count) {
        count = n_features - f < MOST_FEATURES ? n_features - f : MOST_FEATURES;
        FN(pack_row_block)(to + f * to_row, to_row, packed ? packed + f : NULL, packed_row, row, count);
        for (int q = 0; q < LANES; q++) row[q] += count;
        poll_after(w, WORK_OF_A_COPY * (double)(LANES * count));
    }
}

enum {
    NARROW = 4, /* features up to which single elements are copied, not blocks transposed; no measurement recorded */
    ROWS_AHEAD = 2 * LANES, /* examples; with it, training of 20-32-32-1 gained 6 % */
    MOST_PREFETCHED = 1024  /* bytes of a row; the hardware prefetches longer rows; no measurement recorded */
};

/* Prefetches LANES rows of a random order, which the hardware does not; also past the end of a batch. */
INLINE void prefetch_rows(const fm_data *data, ptrdiff_t n_features, const batch *b, ptrdiff_t from)
{
    const ptrdiff_t row_bytes = n_features * (ptrdiff_t)sizeof(real);
    if (!b->order || row_bytes > MOST_PREFETCHED)
        return;
    for (ptrdiff_t i = from; i < from + LANES && i < b->n_ordered; i++) {
        const char *row = (const char *)((const real *)data->inputs + b->order[i] * data->example_stride);
        for (ptrdiff_t at = 0; at < row_bytes; at += 64) __builtin_prefetch(row + at);
    }
}

/* Row-major data, LANES examples at a time; `packed` as in pack_row_block. */
static void FN(pack_row_major)(real *to, real *packed, const fm_layer *layer, const tile *t)
{
    const fm_data *data = t->data;
    const real *inputs = data->inputs;
    const ptrdiff_t to_row = t->layout->row_stride, packed_row = layer->packed_stride, n_features = layer->fan_in;
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i += LANES) {
        const real *row[LANES];
        for (int q = 0; q < LANES; q++) row[q] = inputs + example_in(t, i + q) * data->example_stride;
        prefetch_rows(data, n_features, t->batch, t->first + i + ROWS_AHEAD);
        if (n_features <= NARROW && !packed)
            for (ptrdiff_t f = 0; f < n_features; f++)
                UNROLL_FOR(int q = 0; q < LANES; q++) to[f * to_row + i + q] = row[q][f];
        else if (n_features <= MOST_FEATURES)
            FN(pack_row_block)(to + i, to_row, packed ? packed + i * packed_row : NULL, packed_row, row, n_features);
        else
            FN(pack_long_rows)(to + i, to_row, packed ? packed + i * packed_row : NULL, packed_row, row, n_features,
                               t->w);
        if (poll_after(t->w, (double)(n_features * LANES)))
            return;
    }
}

/* CSR data: writes zeros, then adds each example's entries, so that duplicates sum up as in SciPy. */
static void FN(pack_csr)(real *to, ptrdiff_t n_features, const tile *t)
{
    const fm_data *data = t->data;
    const ptrdiff_t to_row = t->layout->row_stride;
    const real *values = data->inputs;
    for (ptrdiff_t f = 0; f < n_features && !t->w->status; f++)
        FN(set_zero)(to + f * to_row + t->columns.from, t->columns.to - t->columns.from, t->w);
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i++)
        for (range left = entries_of(data, example_in(t, i)); left.from < left.to && !t->w->status;) {
            const range some = first_entries(&left);
            for (ptrdiff_t k = some.from; k < some.to; k++) {
                const ptrdiff_t feature = index_at(data->indices, data->wide_indices, k);
                if (feature >= 0 && feature < n_features) /* checked before, but the caller may have changed it since */
                    to[feature * to_row + i] += values[k];
            }
            poll_after(t->w, WORK_OF_A_GATHER * items_in(some));
        }
}

/* CSR data that sparse.inc.h reads in place: where each example's entries lie. */
static void FN(pack_sparse)(sparse_tile *to, ptrdiff_t n_features, const tile *t)
{
    const fm_data *data = t->data;
    if (t->columns.from == 0) {
        to->values = data->inputs;
        to->indices = data->indices;
        to->n_features = n_features;
        to->wide_indices = data->wide_indices;
    }
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i++) to->examples[i] = entries_of(data, example_in(t, i));
}

/* This thread's columns of a tile: inputs and, where the data have them, targets and sample weights. */
static void FN(pack_tile)(const tile *t)
{
    const fm_layout *layout = t->layout;
    const fm_layer *layer = &layout->layers[0];
    const fm_data *data = t->data;
    real *to = t->arena + layer->inputs;
    if (t->columns.from >= t->columns.to)
        return;
    if (layer->is_sparse)
        FN(pack_sparse)((sparse_tile *)to, layer->fan_in, t);
    else if (data->indptr)
        FN(pack_csr)(to, layer->fan_in, t);
    else if (data->example_stride == 1)
        FN(pack_feature_major)(to, data->inputs, data->feature_stride, layer->fan_in, t);
    else
        FN(pack_row_major)(to, layer->gradient_method == FM_BROADCAST ? t->arena + layout->packed_rows : NULL, layer,
                           t);
    if (data->targets)
        FN(pack_feature_major)(t->arena + layout->targets, data->targets, data->target_stride, layout->n_targets, t);
    if (data->sample_weight)
        FN(pack_weights)(t->arena + layout->sample_weight, t);
}

#endif
