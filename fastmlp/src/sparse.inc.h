/* sparse.inc.h -- the first layer's two products over the stored entries of CSR inputs alone.
 *
 *   forward   z[o][j] = b[o] + sum of W[o][column] value     over the entries of example j
 *   gradient  dW[o][column] += dz[o][j] value                for every entry of every example
 *
 * Columns ascend within a row, so each sum has the terms of the dense product in the same order; the terms left out are
 * 0 and could change only the sign of a zero.  Each pass over the examples handles a few rows of W, which stay in the
 * cache.  The inputs are never transposed.
 */
#ifndef FASTMLP_SPARSE_INC_H
#define FASTMLP_SPARSE_INC_H

#include "csr.h"
#include "lane_sums.inc.h"
#include "lanes.h"
#include "tile.inc.h"

/* A packed tile: where each example's entries lie in the caller's arrays. */
typedef struct {
    const real *values;
    const void *indices;
    ptrdiff_t n_features;
    bool wide_indices;
    range examples[];
} sparse_tile;

enum {
    SPARSE_ROWS = 4, /* rows of W at a time, so that four sums do not wait for one another; no measurement recorded */
    MOST_IN_CACHE = 1
        << 20 /* bytes of these rows above which weights are prefetched: a Zen 4's L2; no measurement recorded */
};

INLINE ptrdiff_t sparse_tile_size(ptrdiff_t n_examples) /* in elements of the arena */
{
    const size_t bytes = sizeof(sparse_tile) + (size_t)n_examples * sizeof(range);
    return ceil_div((ptrdiff_t)bytes, (ptrdiff_t)sizeof(real));
}

INLINE sparse_tile *sparse_inputs(const tile *t) { return (sparse_tile *)(t->arena + t->layout->layers[0].inputs); }

/* Takes from `left` the entries before the next poll. */
INLINE range first_entries(range *left)
{
    const range some = portion_at(left->from, left->to);
    left->from = some.to;
    return some;
}

/* Columns were checked before, but the caller may have changed them since. */
INLINE bool is_column(const sparse_tile *s, ptrdiff_t column) { return (size_t)column < (size_t)s->n_features; }

/* Prefetches the weights that an example's entries will meet. */
INLINE void prefetch_weights(const real *weights, const sparse_tile *s, range entries, const int n_rows,
                             const bool wide)
{
    for (ptrdiff_t k = entries.from; k < entries.to; k++) {
        const ptrdiff_t column = index_at(s->indices, wide, k);
        if (is_column(s, column))
            UNROLL_FOR(int r = 0; r < n_rows; r++) __builtin_prefetch(weights + r * s->n_features + column);
    }
}

/* sum[r] += the products of an example's entries with row r of W */
INLINE void gather_entries(real *sum, const real *weights, const sparse_tile *s, range entries, const int n_rows,
                           const bool wide)
{
    for (ptrdiff_t k = entries.from; k < entries.to; k++) {
        const ptrdiff_t column = index_at(s->indices, wide, k);
        const real value = s->values[k];
        if (is_column(s, column))
            UNROLL_FOR(int r = 0; r < n_rows; r++)
                sum[r] = real_fma(weights[r * s->n_features + column], value, sum[r]);
    }
}

/* row r of dW += dz[r] times an example's entries */
INLINE void scatter_entries(real *d_weights, const real *dz, const sparse_tile *s, range entries, const int n_rows,
                            const bool wide)
{
    for (ptrdiff_t k = entries.from; k < entries.to; k++) {
        const ptrdiff_t column = index_at(s->indices, wide, k);
        const real value = s->values[k];
        if (is_column(s, column))
            UNROLL_FOR(int r = 0; r < n_rows; r++) {
                real *to = d_weights + r * s->n_features + column;
                *to = real_fma(dz[r], value, *to);
            }
    }
}

/* Keeps the dense passes small: inlined there, these functions would slow down the smallest networks. */
#define NOT_INLINE static __attribute__((noinline))

/* Of these entries, in some rows of W, and of the loop itself. */
INLINE double work_of(range entries, ptrdiff_t n_rows)
{
    return WORK_OF_A_COPY * (double)((entries.to - entries.from + 1) * n_rows);
}

/* n_rows rows of z */
INLINE void forward_rows(real *z, const real *weights, const real *bias, const tile *t, const int n_rows,
                         const bool wide)
{
    const sparse_tile *s = sparse_inputs(t);
    const ptrdiff_t n = t->n, row_stride = t->layout->row_stride;
    const bool is_far = n_rows * s->n_features * (ptrdiff_t)sizeof(real) > MOST_IN_CACHE;
    for (ptrdiff_t j = 0; j < n; j++) {
        real sum[SPARSE_ROWS];
        UNROLL_FOR(int r = 0; r < n_rows; r++) sum[r] = bias[r];
        if (is_far && j + 1 < n) {
            range next = s->examples[j + 1];
            prefetch_weights(weights, s, first_entries(&next), n_rows, wide);
        }
        for (range left = s->examples[j]; left.from < left.to && !t->w->status;) {
            const range some = first_entries(&left);
            gather_entries(sum, weights, s, some, n_rows, wide);
            poll_after(t->w, work_of(some, n_rows));
        }
        UNROLL_FOR(int r = 0; r < n_rows; r++) z[r * row_stride + j] = sum[r];
        if (t->w->status)
            return;
    }
    poll_after(t->w, WORK_OF_A_COPY * (double)(n * n_rows));
}

/* n_rows rows of dW */
INLINE void gradient_rows(real *d_weights, const real *dz, const tile *t, const int n_rows, const bool wide)
{
    const sparse_tile *s = sparse_inputs(t);
    const ptrdiff_t n = t->n, row_stride = t->layout->row_stride;
    for (ptrdiff_t j = 0; j < n; j++) {
        real factor[SPARSE_ROWS];
        UNROLL_FOR(int r = 0; r < n_rows; r++) factor[r] = dz[r * row_stride + j];
        for (range left = s->examples[j]; left.from < left.to && !t->w->status;) {
            const range some = first_entries(&left);
            scatter_entries(d_weights, factor, s, some, n_rows, wide);
            poll_after(t->w, work_of(some, n_rows));
        }
        if (t->w->status)
            return;
    }
    poll_after(t->w, WORK_OF_A_COPY * (double)(n * n_rows));
}

/* Calls rows_function with constants for the number of rows and the type of the indices. */
#define WITH_KNOWN_LOOPS(rows_function, n_rows, wide, ...)  \
    do {                                                    \
        if ((n_rows) == SPARSE_ROWS && (wide))              \
            rows_function(__VA_ARGS__, SPARSE_ROWS, true);  \
        else if ((n_rows) == SPARSE_ROWS)                   \
            rows_function(__VA_ARGS__, SPARSE_ROWS, false); \
        else if (wide)                                      \
            rows_function(__VA_ARGS__, 1, true);            \
        else                                                \
            rows_function(__VA_ARGS__, 1, false);           \
    } while (0)

/* How many rows to take next. */
INLINE ptrdiff_t sparse_rows_of(range left) { return left.to - left.from < SPARSE_ROWS ? 1 : SPARSE_ROWS; }

/* The same as dense_forward; the padding repeats the last example. */
NOT_INLINE enum fm_status FN(sparse_forward)(real *outputs, const fm_layer *layer, const real *weights,
                                             const real *bias, enum fm_activation activation, const tile *t)
{
    const ptrdiff_t stride = t->layout->row_stride, n = t->n;
    for (range left = my_share(t->w, layer->fan_out, 1); left.from < left.to && !t->w->status;) {
        const ptrdiff_t row = left.from, n_rows = sparse_rows_of(left);
        WITH_KNOWN_LOOPS(forward_rows, n_rows, t->data->wide_indices, outputs + row * stride,
                         weights + row * layer->fan_in, bias + row, t);
        for (real *z = outputs + row * stride; left.from < row + n_rows; left.from++, z += stride) {
            for (ptrdiff_t j = n; j < whole_vectors(n); j++) z[j] = z[n - 1];
            if (activation == FM_RELU)
                FOR_EACH_VECTOR(j, n) vstore(z + j, vrelu(vload(z + j)));
        }
    }
    return t->w->status;
}

/* A row of dW in the order of FM_LANE_SUMS: one row of sums per lane in this thread's block, then the butterfly's
   tree. */
static void FN(sparse_lane_sums)(real *d_weights, const real *dz, const tile *t)
{
    const sparse_tile *s = sparse_inputs(t);
    const ptrdiff_t m = s->n_features, n = t->n;
    real *lanes = t->w->block;
    FN(set_zero)(lanes, LANES * m, t->w);
    for (ptrdiff_t j = 0; j < n; j++)
        for (range left = s->examples[j]; left.from < left.to && !t->w->status;) {
            const range some = first_entries(&left);
            scatter_entries(lanes + j % LANES * m, dz + j, s, some, 1, s->wide_indices);
            poll_after(t->w, work_of(some, 1));
        }
    FOR_EACH_PORTION(p, m, t->w) {
        for (int n_sums = LANES / 2; n_sums; n_sums /= 2)
            for (ptrdiff_t k = 0; k < n_sums; k++)
                for (ptrdiff_t i = p.from; i < p.to; i++)
                    lanes[k * m + i] = lanes[2 * k * m + i] + lanes[(2 * k + 1) * m + i];
        for (ptrdiff_t i = p.from; i < p.to; i++) put_sum(d_weights + i, lanes[i], t->accumulate);
        poll_after(t->w, WORK_OF_A_COPY * LANES * items_in(p));
    }
}

/* The same as dense_gradient, with the terms in the order of the layer's gradient method. */
NOT_INLINE enum fm_status FN(sparse_gradient)(real *d_weights, real *d_bias, const fm_layer *layer, const real *dz,
                                              const tile *t)
{
    const ptrdiff_t fan_in = layer->fan_in, stride = t->layout->row_stride;
    const lane_sums bias_alone = {.d_bias = d_bias,
                                  .dz = dz,
                                  .row_stride = stride,
                                  .n_vectors = ceil_div(t->n, LANES),
                                  .accumulate = t->accumulate};
    const range outs = my_share(t->w, layer->fan_out, 1);
    for (range left = outs; left.from < left.to && !t->w->status;) {
        const ptrdiff_t row = left.from, n_rows = layer->gradient_method == FM_BROADCAST ? sparse_rows_of(left) : 1;
        real *to = d_weights + row * fan_in;
        if (layer->gradient_method == FM_LANE_SUMS)
            FN(sparse_lane_sums)(to, dz + row * stride, t);
        else {
            if (!t->accumulate)
                FN(set_zero)(to, n_rows * fan_in, t->w);
            WITH_KNOWN_LOOPS(gradient_rows, n_rows, t->data->wide_indices, to, dz + row * stride, t);
        }
        left.from += n_rows;
    }
    if (t->w->status)
        return t->w->status;
    return FN(sum_lanes)(&bias_alone, outs, 0, t->w);
}

#endif
