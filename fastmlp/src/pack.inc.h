/* pack.inc.h -- a tile's examples, from whatever order they lie in to feature-major rows of the arena, and back.
 *
 * The last vector is filled with copies of the last example: a copy is non-finite only where a true example is.
 */

/* rows of the arena <- columns first .. first + n of the caller's rows, padded with copies of the last */
static void FN(pack_rows)(real *to, ptrdiff_t to_row, const void *from_, ptrdiff_t from_row, ptrdiff_t n_rows,
                          ptrdiff_t first, ptrdiff_t n)
{
    const real *from = (const real *)from_ + first;
    for (ptrdiff_t r = 0; r < n_rows; r++, to += to_row, from += from_row) {
        FOR_EACH_VECTOR(i, n - LANES + 1) vstore(to + i, vloadu(from + i));
        if (n % LANES) {
            real *last = to + n / LANES * LANES;
            vstore(last, vset(from[n - 1]));
            memcpy(last, from + n / LANES * LANES, (size_t)(n % LANES) * sizeof(real));
        }
    }
}

static void FN(unpack_rows)(void *to_, ptrdiff_t to_row, const real *from, ptrdiff_t from_row, ptrdiff_t n_rows,
                            ptrdiff_t first, ptrdiff_t n)
{
    real *to = (real *)to_ + first;
    for (ptrdiff_t r = 0; r < n_rows; r++)
        memcpy(to + r * to_row, from + r * from_row, (size_t)n * sizeof(real));
}

/* The examples that columns from .. to of a tile hold, whole vectors: `first` is the tile's place in the batch. */
typedef struct {
    const batch *b;
    ptrdiff_t first, n;
    range columns;
} tile_examples;

INLINE ptrdiff_t tile_example(const tile_examples *t, ptrdiff_t column)
{
    return example_of(t->b, t->first + (column < t->n ? column : t->n - 1));
}

/* Feature-major data (or targets): each row copied, or gathered where there is an order. */
static void FN(pack_feature_major)(real *to, ptrdiff_t to_row, const void *from_, ptrdiff_t from_row, ptrdiff_t n_rows,
                                   const tile_examples *t)
{
    const ptrdiff_t from = t->columns.from, end = t->columns.to, true_end = end < t->n ? end : t->n;
    if (!t->b->order) {
        if (from < true_end)
            FN(pack_rows)(to + from, to_row, from_, from_row, n_rows, t->b->start + t->first + from, true_end - from);
        return;
    }
    const real *row = from_;
    for (ptrdiff_t r = 0; r < n_rows; r++, to += to_row, row += from_row)
        for (ptrdiff_t i = from; i < end; i++) to[i] = row[tile_example(t, i)];
}

/* LANES examples' rows -> columns i .. i + LANES of the arena's rows; and the rows as they are, where `packed` is */
static void FN(pack_row_block)(real *to, ptrdiff_t to_row, real *packed, ptrdiff_t packed_row, const real *const *row,
                               ptrdiff_t n_features)
{
    for (ptrdiff_t f = 0; f < n_features; f += LANES) {
        const ptrdiff_t count = n_features - f < LANES ? n_features - f : LANES;
        vec x[LANES];
        UNROLL for (int q = 0; q < LANES; q++) x[q] = vload_some(row[q] + f, count);
        if (packed)
            UNROLL for (int q = 0; q < LANES; q++) vstore(packed + q * packed_row + f, x[q]);
        vtranspose(x);
        if (count == LANES)
            UNROLL for (int q = 0; q < LANES; q++) vstore(to + (f + q) * to_row, x[q]);
        else
            UNROLL for (int q = 0; q < LANES; q++) {
                if (q < count)
                    vstore(to + (f + q) * to_row, x[q]);
            }
    }
}

enum {
    NARROW = 4,            /* features up to which single elements are copied faster than blocks transposed */
    ROWS_AHEAD = 2 * LANES,
    MOST_PREFETCHED = 1024 /* bytes of a row: the hardware follows longer ones by itself */
};

/* Rows in a random order come from afar: LANES of them are called for while others are packed, across batches. */
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

/* Row-major data, a block of LANES examples after another. */
static void FN(pack_row_major)(real *to, ptrdiff_t to_row, real *packed, ptrdiff_t packed_row, const fm_data *data,
                               ptrdiff_t n_features, const tile_examples *t, work *w)
{
    const real *inputs = data->inputs;
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i += LANES) {
        const real *row[LANES];
        for (int q = 0; q < LANES; q++) row[q] = inputs + tile_example(t, i + q) * data->example_stride;
        prefetch_rows(data, n_features, t->b, t->first + i + ROWS_AHEAD);
        if (n_features <= NARROW && !packed)
            for (ptrdiff_t f = 0; f < n_features; f++)
                UNROLL for (int q = 0; q < LANES; q++) to[f * to_row + i + q] = row[q][f];
        else
            FN(pack_row_block)(to + i, to_row, packed ? packed + i * packed_row : NULL, packed_row, row, n_features);
        if (poll_after(w, (double)(n_features * LANES)))
            return;
    }
}

/* CSR data: zeros, then each example's entries; entries of one place add up, as in SciPy. */
static void FN(pack_csr)(real *to, ptrdiff_t to_row, const fm_data *data, ptrdiff_t n_features, const tile_examples *t)
{
    const real *values = data->inputs;
    for (ptrdiff_t f = 0; f < n_features; f++)
        memset(to + f * to_row + t->columns.from, 0, (size_t)(t->columns.to - t->columns.from) * sizeof(real));
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i++) {
        const ptrdiff_t example = tile_example(t, i), end = index_at(data->indptr, data->wide_indices, example + 1);
        ptrdiff_t k = index_at(data->indptr, data->wide_indices, example);
        for (k = k < 0 ? 0 : k; k < end && k < data->n_stored; k++) {
            const ptrdiff_t feature = index_at(data->indices, data->wide_indices, k);
            if (feature >= 0 && feature < n_features) /* checked before, but the caller may have changed it since */
                to[feature * to_row + i] += values[k];
        }
    }
}

/* CSR data whose entries are read where they lie: nothing beyond the arrays, whatever indptr has become. */
static void FN(pack_sparse)(sparse_tile *to, const fm_data *data, ptrdiff_t n_features, const tile_examples *t)
{
    if (t->columns.from == 0) {
        to->values = data->inputs;
        to->indices = data->indices;
        to->n_features = n_features;
        to->wide_indices = data->wide_indices;
    }
    for (ptrdiff_t i = t->columns.from; i < t->columns.to; i++) {
        const ptrdiff_t example = tile_example(t, i), end = index_at(data->indptr, data->wide_indices, example + 1);
        const ptrdiff_t from = larger(index_at(data->indptr, data->wide_indices, example), 0);
        const ptrdiff_t to_end = end < data->n_stored ? end : data->n_stored;
        to->examples[i] = (range){from < to_end ? from : to_end, to_end};
    }
}

/* This thread's columns of a tile: inputs, and where there are any, targets and sample weights. */
static void FN(pack_tile)(real *arena, const fm_layout *layout, const fm_data *data, const batch *b, ptrdiff_t first,
                          ptrdiff_t n, work *w)
{
    const fm_layer *layer = &layout->layers[0];
    const tile_examples t = {b, first, n, my_share(w, whole_vectors(n), LANES)};
    real *to = arena + layer->inputs;
    if (t.columns.from >= t.columns.to)
        return;
    if (layer->is_sparse)
        FN(pack_sparse)((sparse_tile *)to, data, layer->fan_in, &t);
    else if (data->indptr)
        FN(pack_csr)(to, layout->row_stride, data, layer->fan_in, &t);
    else if (data->example_stride == 1)
        FN(pack_feature_major)(to, layout->row_stride, data->inputs, data->feature_stride, layer->fan_in, &t);
    else
        FN(pack_row_major)(to, layout->row_stride,
                           layer->gradient_method == FM_BROADCAST ? arena + layout->packed_rows : NULL,
                           layer->packed_stride, data, layer->fan_in, &t, w);
    if (data->targets)
        FN(pack_feature_major)(arena + layout->targets, layout->row_stride, data->targets, data->target_stride,
                               layout->n_targets, &t);
    if (data->sample_weight)
        FN(pack_feature_major)(arena + layout->sample_weight, layout->row_stride, data->sample_weight, 0, 1, &t);
}

/* Whether packing left the rows of the inputs as they came, beside the columns. */
INLINE int rows_are_packed(const fm_data *data) { return !data->indptr && data->example_stride != 1; }
