/* sparse.inc.h -- the first layer's two products over the stored entries of CSR inputs alone.
 *
 *   forward   z[o][j] = b[o] + sum of W[o][column] value     over the entries of example j
 *   gradient  dW[o][column] += dz[o][j] value                for every entry of every example
 *
 * Each sum has the terms of the dense product in its order (columns ascend within a row), but for those of 0, which
 * change nothing beyond the sign of a zero.  A few rows of W are worked on at a time: they stay in the cache while the
 * examples pass by, and no memory is needed for the inputs as columns.
 */

/* What packing leaves of a tile: where each example's entries lie in the caller's arrays. */
typedef struct {
    const real *values;
    const void *indices;
    ptrdiff_t n_features;
    int wide_indices;
    range examples[];
} sparse_tile;

enum {
    SPARSE_ROWS = 4,        /* of W at a time: chains of sums that do not wait for each other */
    MOST_IN_CACHE = 1 << 20 /* bytes of them; of more, the weights of the next example are called for ahead */
};

INLINE ptrdiff_t sparse_tile_size(ptrdiff_t n_examples) /* in elements of the arena */
{
    const size_t bytes = sizeof(sparse_tile) + (size_t)n_examples * sizeof(range);
    return ceil_div((ptrdiff_t)bytes, (ptrdiff_t)sizeof(real));
}

INLINE ptrdiff_t index_at(const void *indices, int wide, ptrdiff_t i)
{
    return wide ? (ptrdiff_t)((const int64_t *)indices)[i] : (ptrdiff_t)((const int32_t *)indices)[i];
}

/* Columns were checked before, but the caller may have changed them since. */
INLINE int is_column(const sparse_tile *t, ptrdiff_t column) { return (size_t)column < (size_t)t->n_features; }

INLINE void prefetch_weights(const real *weights, const sparse_tile *t, range entries, const int n_rows,
                             const int wide)
{
    for (ptrdiff_t k = entries.from; k < entries.to; k++) {
        const ptrdiff_t column = index_at(t->indices, wide, k);
        if (is_column(t, column))
            UNROLL for (int r = 0; r < n_rows; r++) __builtin_prefetch(weights + r * t->n_features + column);
    }
}

/* sum[r] <- the sum going on with the products of an example's entries and row r of W */
INLINE void gather_entries(real *sum, const real *weights, const sparse_tile *t, range entries, const int n_rows,
                           const int wide)
{
    for (ptrdiff_t k = entries.from; k < entries.to; k++) {
        const ptrdiff_t column = index_at(t->indices, wide, k);
        const real value = t->values[k];
        if (is_column(t, column))
            UNROLL for (int r = 0; r < n_rows; r++)
                sum[r] = real_fma(weights[r * t->n_features + column], value, sum[r]);
    }
}

/* row r of dW <- itself + dz[r] times an example's entries */
INLINE void scatter_entries(real *d_weights, const real *dz, const sparse_tile *t, range entries, const int n_rows,
                            const int wide)
{
    for (ptrdiff_t k = entries.from; k < entries.to; k++) {
        const ptrdiff_t column = index_at(t->indices, wide, k);
        const real value = t->values[k];
        if (is_column(t, column))
            UNROLL for (int r = 0; r < n_rows; r++) {
                real *to = d_weights + r * t->n_features + column;
                *to = real_fma(dz[r], value, *to);
            }
    }
}

/* The passes over dense data stay small: on the smallest network their calls count. */
#define NOT_INLINE static __attribute__((noinline))

INLINE double work_of(range entries, ptrdiff_t n_rows) { return 2.0 * (double)((entries.to - entries.from) * n_rows); }

/* n_rows rows of z, for n examples; row_stride is that of z and of dz */
INLINE void forward_rows(real *z, ptrdiff_t row_stride, const real *weights, const real *bias, const sparse_tile *t,
                         ptrdiff_t n, work *w, const int n_rows, const int wide)
{
    const int is_far = n_rows * t->n_features * (ptrdiff_t)sizeof(real) > MOST_IN_CACHE;
    for (ptrdiff_t j = 0; j < n; j++) {
        real sum[SPARSE_ROWS];
        UNROLL for (int r = 0; r < n_rows; r++) sum[r] = bias[r];
        if (is_far && j + 1 < n)
            prefetch_weights(weights, t, t->examples[j + 1], n_rows, wide);
        gather_entries(sum, weights, t, t->examples[j], n_rows, wide);
        UNROLL for (int r = 0; r < n_rows; r++) z[r * row_stride + j] = sum[r];
        if (poll_after(w, work_of(t->examples[j], n_rows)))
            return;
    }
}

/* n_rows rows of dW */
INLINE void gradient_rows(real *d_weights, const real *dz, ptrdiff_t row_stride, const sparse_tile *t, ptrdiff_t n,
                          work *w, const int n_rows, const int wide)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        real factor[SPARSE_ROWS];
        UNROLL for (int r = 0; r < n_rows; r++) factor[r] = dz[r * row_stride + j];
        scatter_entries(d_weights, factor, t, t->examples[j], n_rows, wide);
        if (poll_after(w, work_of(t->examples[j], n_rows)))
            return;
    }
}

/* Loops that know the number of rows and the type of the indices. */
#define WITH_KNOWN_LOOPS(rows_function, n_rows, wide, ...)                                                       \
    do {                                                                                                         \
        if ((n_rows) == SPARSE_ROWS && (wide))                                                                   \
            rows_function(__VA_ARGS__, SPARSE_ROWS, 1);                                                          \
        else if ((n_rows) == SPARSE_ROWS)                                                                        \
            rows_function(__VA_ARGS__, SPARSE_ROWS, 0);                                                          \
        else if (wide)                                                                                           \
            rows_function(__VA_ARGS__, 1, 1);                                                                    \
        else                                                                                                     \
            rows_function(__VA_ARGS__, 1, 0);                                                                    \
    } while (0)

INLINE ptrdiff_t sparse_rows_of(range left) { return left.to - left.from < SPARSE_ROWS ? 1 : SPARSE_ROWS; }

/* outputs <- W inputs + b, and relu where it is asked for, as dense_forward; the padding repeats the last example */
NOT_INLINE enum fm_status FN(sparse_forward)(real *outputs, const fm_layer *layer, const real *weights, const real *bias,
                                  const sparse_tile *t, const fm_layout *layout, ptrdiff_t n, enum fm_activation activation, work *w)
{
    const ptrdiff_t stride = layout->row_stride;
    for (range left = my_share(w, layer->fan_out, 1); left.from < left.to && !w->status;) {
        const ptrdiff_t row = left.from, n_rows = sparse_rows_of(left);
        WITH_KNOWN_LOOPS(forward_rows, n_rows, t->wide_indices, outputs + row * stride, stride,
                         weights + row * layer->fan_in, bias + row, t, n, w);
        for (real *z = outputs + row * stride; left.from < row + n_rows; left.from++, z += stride) {
            for (ptrdiff_t j = n; j < whole_vectors(n); j++) z[j] = z[n - 1];
            if (activation == FM_RELU)
                FOR_EACH_VECTOR(j, n) vstore(z + j, vrelu(vload(z + j)));
        }
    }
    return w->status;
}

/* A row of dW in the order of FM_LANE_SUMS: a row of sums for each lane in this thread's block, then their tree. */
static void FN(sparse_lane_sums)(real *d_weights, const real *dz, const sparse_tile *t, ptrdiff_t n, int accumulate,
                                 work *w)
{
    const ptrdiff_t m = t->n_features;
    real *lanes = w->block;
    memset(lanes, 0, (size_t)(LANES * m) * sizeof(real));
    for (ptrdiff_t j = 0; j < n; j++) {
        scatter_entries(lanes + j % LANES * m, dz + j, t, t->examples[j], 1, t->wide_indices);
        if (poll_after(w, work_of(t->examples[j], 1)))
            return;
    }
    for (int n_sums = LANES / 2; n_sums; n_sums /= 2)
        for (ptrdiff_t k = 0; k < n_sums; k++)
            for (ptrdiff_t i = 0; i < m; i++) lanes[k * m + i] = lanes[2 * k * m + i] + lanes[(2 * k + 1) * m + i];
    for (ptrdiff_t i = 0; i < m; i++) put_sum(d_weights + i, lanes[i], accumulate);
    poll_after(w, (double)(LANES * m));
}

/* dW, db of a tile, as dense_gradient: each layer's method has its order of terms */
NOT_INLINE enum fm_status FN(sparse_gradient)(real *d_weights, real *d_bias, const fm_layer *layer, const real *dz,
                                   const sparse_tile *t, const fm_layout *layout, ptrdiff_t n, int accumulate, work *w)
{
    const ptrdiff_t fan_in = layer->fan_in, stride = layout->row_stride;
    const lane_sums bias_alone = {.d_bias = d_bias, .dz = dz, .row_stride = stride, .n_vectors = ceil_div(n, LANES),
                                  .accumulate = accumulate};
    const range outs = my_share(w, layer->fan_out, 1);
    for (range left = outs; left.from < left.to && !w->status;) {
        const ptrdiff_t row = left.from, n_rows = layer->gradient_method == FM_BROADCAST ? sparse_rows_of(left) : 1;
        real *to = d_weights + row * fan_in;
        if (layer->gradient_method == FM_LANE_SUMS)
            FN(sparse_lane_sums)(to, dz + row * stride, t, n, accumulate, w);
        else {
            if (!accumulate)
                memset(to, 0, (size_t)(n_rows * fan_in) * sizeof(real));
            WITH_KNOWN_LOOPS(gradient_rows, n_rows, t->wide_indices, to, dz + row * stride, stride, t, n, w);
            poll_after(w, (double)(n_rows * fan_in));
        }
        left.from += n_rows;
    }
    if (w->status)
        return w->status;
    return FN(dense_gradient_lane_sums)(&bias_alone, outs, 0, w);
}
