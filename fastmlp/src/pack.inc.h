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
                          ptrdiff_t n)
{
    for (ptrdiff_t r = 0; r < n_rows; r++, to += to_row, from += from_row) {
        FOR_EACH_VECTOR(i, n - LANES + 1) vstore(to + i, vloadu(from + i));
        if (n % LANES) {
            real *last = to + n / LANES * LANES;
            vstore(last, vset(from[n - 1]));
            memcpy(last, from + n / LANES * LANES, (size_t)(n % LANES) * sizeof(real));
        }
    }
}

/* The tile's columns of the caller's C-contiguous (n_rows, examples of the batch) <- rows of the arena */
static void FN(unpack_rows)(void *to_, const real *from, ptrdiff_t n_rows, const tile *t)
{
    real *to = (real *)to_ + t->first;
    for (ptrdiff_t r = 0; r < n_rows; r++)
        memcpy(to + r * t->batch->n, from + r * t->layout->row_stride, (size_t)t->n * sizeof(real));
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
            FN(pack_rows)(to + from, to_row, row + t->batch->start + t->first + from, from_row, n_rows,
                          true_end - from);
        return;
    }
    for (ptrdiff_t r = 0; r < n_rows; r++, to += to_row, row += from_row)
        for (ptrdiff_t i = from; i < end; i++) to[i] = row[example_in(t, i)];
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
        else
            FN(pack_row_block)(to + i, to_row, packed ? packed + i * packed_row : NULL, packed_row, row, n_features);
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
    for (ptrdiff_t f = 0; f < n_features; f++)
        memset(to + f * to_row + t->columns.from, 0, (size_t)(t->columns.to - t->columns.from) * sizeof(real));
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i++) {
        const ptrdiff_t example = example_in(t, i), end = index_at(data->indptr, data->wide_indices, example + 1);
        ptrdiff_t k = index_at(data->indptr, data->wide_indices, example);
        for (k = k < 0 ? 0 : k; k < end && k < data->n_stored; k++) {
            const ptrdiff_t feature = index_at(data->indices, data->wide_indices, k);
            if (feature >= 0 && feature < n_features) /* checked before, but the caller may have changed it since */
                to[feature * to_row + i] += values[k];
        }
    }
}

/* CSR data that sparse.inc.h reads in place: bounds of each example's entries, within the arrays whatever indptr holds
   by now. */
static void FN(pack_sparse)(sparse_tile *to, ptrdiff_t n_features, const tile *t)
{
    const fm_data *data = t->data;
    if (t->columns.from == 0) {
        to->values = data->inputs;
        to->indices = data->indices;
        to->n_features = n_features;
        to->wide_indices = data->wide_indices;
    }
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i++) {
        const ptrdiff_t example = example_in(t, i), end = index_at(data->indptr, data->wide_indices, example + 1);
        const ptrdiff_t from = index_at(data->indptr, data->wide_indices, example);
        const ptrdiff_t to_end = end < data->n_stored ? end : data->n_stored, to_from = from > 0 ? from : 0;
        to->examples[i] = (range){to_from < to_end ? to_from : to_end, to_end};
    }
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
