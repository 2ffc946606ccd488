/* dense.inc.h -- the dense layer z = W a + b and its two products backward, on tiles.
 *
 * Examples lie on the lanes: a tile's activations are [feature][example], rows `row_stride` apart.
 *
 *   product    C[r][n] = sum_k A(r, k) B[k][n].  A is only ever broadcast, so its layout is free:
 *              forward walks the rows of W, backward its columns, and no weight is transposed.
 *   lane sums  dW[o][i] = sum_n dz[o][n] a[i][n], accumulators in registers over the whole tile, then
 *              one butterfly for LANES results.  Its cost is about 2.8 / (vectors of examples).
 *   broadcast  dW[o][i] = sum_m dz[o][m] aT[m][i], the product with features on the lanes.  Its cost is
 *              the padding of fan_in to whole vectors and about 5 / fan_out for transposing a.
 *
 * Widths are cut evenly into register blocks (100 rows = 17 blocks of 5 or 6): a narrow leftover would
 * run at a fraction of the speed.
 */

#if FM_VBYTES == 64
enum { MAX_ROWS = 6, MAX_VECTORS = 4 }; /* 24 accumulators + 4 of B + 1 of A, of 32 registers */
#define FOR_EACH_BLOCK(X)                                                            \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(3, 1) X(3, 2) X(3, 3) X(3, 4) \
    X(4, 1) X(4, 2) X(4, 3) X(4, 4) X(5, 1) X(5, 2) X(5, 3) X(5, 4) X(6, 1) X(6, 2) X(6, 3) X(6, 4)
#else
enum { MAX_ROWS = 4, MAX_VECTORS = 3 }; /* 12 + 3 + 1, of 16 registers */
#define FOR_EACH_BLOCK(X)                                                            \
    X(1, 1) X(1, 2) X(1, 3) X(2, 1) X(2, 2) X(2, 3) X(3, 1) X(3, 2) X(3, 3) X(4, 1) X(4, 2) X(4, 3)
#endif

/* n = n_large * (size + 1) + n_small * size, with no part over `most` */
typedef struct {
    ptrdiff_t n_large, n_small, size;
} parts;

INLINE parts split_evenly(ptrdiff_t n, ptrdiff_t most)
{
    ptrdiff_t count = ceil_div(n, most), large = n % count;
    return (parts){large, count - large, n / count};
}

enum product_start { START_ZERO, START_BIAS, START_C };

typedef struct {
    ptrdiff_t n_terms;
    const real *a;
    ptrdiff_t a_row, a_term; /* A(r, k) = a[r * a_row + k * a_term] */
    const real *b;
    ptrdiff_t b_row;
    real *c;
    ptrdiff_t c_row;
    enum product_start start;
    const real *bias;    /* one per row of C */
    enum fm_activation activation;    /* applied to the result: FM_IDENTITY or FM_RELU */
    enum fm_activation derivative_of; /* multiplies the result by this activation's derivative ... */
    const real *outputs; /* ... where the activation's outputs are these, laid out as C */
} product;

/* Without the first, GCC computes the address of every row of every block before the loops and spills
   them; without the second, it loads an operand anew for each of its uses. */
#define HIDE_ORIGIN(x) __asm__("" : "+r"(x))
#if defined(__aarch64__)
#define KEEP_IN_REGISTER(x) __asm__("" : "+w"(x))
#else
#define KEEP_IN_REGISTER(x) __asm__("" : "+v"(x))
#endif

/* SSE multiplies into one of its operands: a product takes a register of its own, one more than a full block leaves.
   Clang would keep a sum in memory; it reads a vector of B for each of its uses instead, as GCC does by itself. */
#if defined(__clang__) && defined(__SSE2__) && FM_VBYTES == 16
enum { LACKS_A_REGISTER = 1 };
#else
enum { LACKS_A_REGISTER = 0 };
#endif
INLINE vec load_again(const real *p)
{
    __asm__ volatile("" : "+r"(p)); /* else all of a row's would be one */
    return vload(p);
}

/* Rows of B far apart are no stream that the processor foresees: as many ahead as gained most are called for.  Past the
   end of B that does nothing. */
enum { PREFETCHED_TERMS = 16 };

INLINE void product_block(const product *g, ptrdiff_t row, ptrdiff_t column, const int n_rows, const int n_vectors,
                          const int is_far)
{
    ptrdiff_t a_row = g->a_row, c_row = g->c_row;
    HIDE_ORIGIN(a_row);
    HIDE_ORIGIN(c_row);
    const real *a[MAX_ROWS], *b = g->b + column;
    const uintptr_t b_bytes = (uintptr_t)g->b_row * sizeof(real);
    uintptr_t ahead = (uintptr_t)b + PREFETCHED_TERMS * b_bytes;
    real *c = g->c + row * c_row + column;
    vec sum[MAX_ROWS][MAX_VECTORS];
    UNROLL for (int r = 0; r < n_rows; r++) a[r] = g->a + (row + r) * a_row;
    if (g->start == START_C)
        UNROLL for (int r = 0; r < n_rows; r++)
            UNROLL for (int v = 0; v < n_vectors; v++) sum[r][v] = vloadu(c + r * c_row + v * LANES);
    else
        UNROLL for (int r = 0; r < n_rows; r++) {
            vec start = vset(g->start == START_BIAS ? g->bias[row + r] : 0);
            UNROLL for (int v = 0; v < n_vectors; v++) sum[r][v] = start;
        }
    for (ptrdiff_t k = 0, at = 0; k < g->n_terms; k++, at += g->a_term, b += g->b_row) {
        vec x[MAX_VECTORS];
        UNROLL for (int v = 0; v < n_vectors; v++) x[v] = vload(b + v * LANES);
        if (is_far) {
            UNROLL for (int v = 0; v < n_vectors; v++) __builtin_prefetch((const void *)(ahead + v * sizeof(vec)));
            ahead += b_bytes;
        }
        UNROLL for (int r = 0; r < n_rows; r++) {
            vec w = vset(a[r][at]);
            if (LACKS_A_REGISTER && n_rows * n_vectors == MAX_ROWS * MAX_VECTORS)
                x[n_vectors - 1] = load_again(b + (n_vectors - 1) * LANES);
            UNROLL for (int v = 0; v < n_vectors; v++) sum[r][v] = vfma(w, x[v], sum[r][v]);
        }
    }
    if (g->activation == FM_RELU)
        UNROLL for (int r = 0; r < n_rows; r++)
            UNROLL for (int v = 0; v < n_vectors; v++) sum[r][v] = vrelu(sum[r][v]);
    if (g->derivative_of != FM_IDENTITY) {
        const real *y = g->outputs + row * c_row + column;
        UNROLL for (int r = 0; r < n_rows; r++, y += c_row)
            UNROLL for (int v = 0; v < n_vectors; v++)
                sum[r][v] = times_derivative(sum[r][v], vload(y + v * LANES), g->derivative_of);
    }
    UNROLL for (int r = 0; r < n_rows; r++, c += c_row)
        UNROLL for (int v = 0; v < n_vectors; v++) vstoreu(c + v * LANES, sum[r][v]);
}

/* A grid of equal blocks, panel of columns after panel; the loops stay inside, a call costs too much. */
#define DEFINE_PRODUCT_GRID_AS(name, R, V, is_far)                                                           \
    static void FN(name)(const product *g, ptrdiff_t row, ptrdiff_t n_row_blocks, ptrdiff_t vector,          \
                         ptrdiff_t n_panels)                                                                 \
    {                                                                                                        \
        const product local = *g; /* stores to C cannot change a copy: nothing is loaded twice */            \
        for (ptrdiff_t p = 0; p < n_panels; p++)                                                             \
            for (ptrdiff_t r = 0; r < n_row_blocks; r++)                                                     \
                product_block(&local, row + r * R, (vector + p * V) * LANES, R, V, is_far);                  \
    }
#define DEFINE_PRODUCT_GRID(R, V) DEFINE_PRODUCT_GRID_AS(product_grid_##R##x##V, R, V, 0)
FOR_EACH_BLOCK(DEFINE_PRODUCT_GRID)
DEFINE_PRODUCT_GRID_AS(product_grid_far, MAX_ROWS, MAX_VECTORS, 1) /* of large matrices, mostly cut to this size */

typedef void (*product_grid)(const product *, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t);
#define PRODUCT_GRID_ENTRY(R, V) FN(product_grid_##R##x##V),
static const product_grid product_grids[] = {FOR_EACH_BLOCK(PRODUCT_GRID_ENTRY)};

static void FN(product_rows)(const product *g, ptrdiff_t row, ptrdiff_t n_rows, ptrdiff_t n_vectors)
{
    if (n_rows == 0)
        return;
    parts rows = split_evenly(n_rows, MAX_ROWS), panels = split_evenly(n_vectors, MAX_VECTORS);
    const product_grid *smaller = product_grids + (rows.size - 1) * MAX_VECTORS + panels.size - 1;
    ptrdiff_t small_row = row + rows.n_large * (rows.size + 1), small_vector = panels.n_large * (panels.size + 1);
    if (panels.n_large) {
        if (rows.n_large)
            smaller[MAX_VECTORS + 1](g, row, rows.n_large, 0, panels.n_large);
        smaller[1](g, small_row, rows.n_small, 0, panels.n_large);
    }
    if (rows.n_large)
        smaller[MAX_VECTORS](g, row, rows.n_large, small_vector, panels.n_small);
    smaller[0](g, small_row, rows.n_small, small_vector, panels.n_small);
}

/* A matrix A that outgrows the cache is read once for all panels of columns: a block of it at a time is copied to
   where its rows lie close together, whichever way they lay before. */
enum {
    BLOCK_ROWS = 48,
    BLOCK_TERMS = 512,
    BLOCK_STRIDE = BLOCK_TERMS + 16, /* elements: rows must not share cache sets */
    LARGEST_UNPACKED = 1 << 19,      /* bytes of A */
    SMALL_PRODUCT = 1000000          /* operations below which nothing needs to be cut */
};

static void FN(pack_block)(real *to, const product *g, range rows_, range terms)
{
    const ptrdiff_t n_rows = rows_.to - rows_.from, n_terms = terms.to - terms.from;
    const real *a = g->a + rows_.from * g->a_row + terms.from * g->a_term;
    if (g->a_term == 1) {
        for (ptrdiff_t r = 0; r < n_rows; r++)
            memcpy(to + r * BLOCK_STRIDE, a + r * g->a_row, (size_t)n_terms * sizeof(real));
        return;
    }
    for (ptrdiff_t k = 0; k < n_terms; k += LANES)
        for (ptrdiff_t r = 0; r < n_rows; r += LANES) {
            vec x[LANES];
            UNROLL for (int q = 0; q < LANES; q++)
                x[q] = k + q < n_terms ? vload_some(a + (k + q) * g->a_term + r, n_rows - r) : (vec){0};
            vtranspose(x);
            UNROLL for (int q = 0; q < LANES; q++) vstore(to + (r + q) * BLOCK_STRIDE + k, x[q]);
        }
}

/* A block of A times all columns: those in panels of full size call for rows of B ahead, the others do as ever. */
static void FN(far_product)(const product *g, ptrdiff_t n_rows, ptrdiff_t n_vectors)
{
    const parts panels = split_evenly(n_vectors, MAX_VECTORS);
    const ptrdiff_t n_full = panels.size == MAX_VECTORS ? panels.n_small : panels.n_large; /* of size + 1 */
    const ptrdiff_t done = n_full * MAX_VECTORS;
    if (n_rows % MAX_ROWS || n_full == 0 || panels.size < MAX_VECTORS - 1) {
        FN(product_rows)(g, 0, n_rows, n_vectors);
        return;
    }
    FN(product_grid_far)(g, 0, n_rows / MAX_ROWS, 0, n_full);
    if (done == n_vectors)
        return;
    product rest = *g;
    rest.b += done * LANES;
    rest.c += done * LANES;
    if (g->derivative_of != FM_IDENTITY)
        rest.outputs += done * LANES;
    FN(product_rows)(&rest, 0, n_rows, n_vectors - done);
}

/* The product by blocks of A; the sums of all but the first terms go on from those in C. */
static enum fm_status FN(packed_product)(const product *g, range mine, ptrdiff_t n_vectors, work *w)
{
    for (ptrdiff_t k = 0; k < g->n_terms; k += BLOCK_TERMS) {
        const range terms = {k, g->n_terms - k < BLOCK_TERMS ? g->n_terms : k + BLOCK_TERMS};
        for (ptrdiff_t r = mine.from; r < mine.to; r += BLOCK_ROWS) {
            const range block = {r, mine.to - r < BLOCK_ROWS ? mine.to : r + BLOCK_ROWS};
            product part = *g;
            FN(pack_block)(w->block, g, block, terms);
            part.a = w->block, part.a_row = BLOCK_STRIDE, part.a_term = 1;
            part.n_terms = terms.to - terms.from;
            part.b += k * g->b_row;
            part.c += r * g->c_row;
            if (g->start == START_BIAS)
                part.bias += r;
            if (k > 0)
                part.start = START_C;
            if (terms.to < g->n_terms)
                part.activation = part.derivative_of = FM_IDENTITY;
            if (part.derivative_of != FM_IDENTITY)
                part.outputs += r * g->c_row;
            FN(far_product)(&part, block.to - block.from, n_vectors);
            if (poll_after(w, 2.0 * (double)(part.n_terms * (block.to - block.from) * n_vectors * LANES)))
                return w->status;
        }
    }
    return w->status;
}

/* This thread's rows of the product, in pieces between which a waiting signal is served. */
static enum fm_status FN(dense_product)(const product *g, range mine, ptrdiff_t n_vectors, work *w)
{
    const ptrdiff_t n_rows = mine.to - mine.from;
    const double work_per_row = 2.0 * (double)(g->n_terms * n_vectors * LANES);
    if (work_per_row * (double)n_rows < SMALL_PRODUCT) {
        FN(product_rows)(g, mine.from, n_rows, n_vectors);
        return poll_after(w, work_per_row * (double)n_rows);
    }
    if (n_rows * g->n_terms * (ptrdiff_t)sizeof(real) > LARGEST_UNPACKED && n_vectors > MAX_VECTORS)
        return FN(packed_product)(g, mine, n_vectors, w);
    ptrdiff_t most = n_rows;
    if (work_per_row * (double)n_rows > MOST_WORK_BETWEEN_POLLS) {
        most = (ptrdiff_t)(MOST_WORK_BETWEEN_POLLS / work_per_row) / MAX_ROWS * MAX_ROWS;
        most = most < MAX_ROWS ? MAX_ROWS : most;
    }
    for (ptrdiff_t row = mine.from; row < mine.to; row += most) {
        ptrdiff_t count = mine.to - row < most ? mine.to - row : most;
        FN(product_rows)(g, row, count, n_vectors);
        if (poll_after(w, work_per_row * (double)count))
            break;
    }
    return w->status;
}

/* dW (fan_out, fan_in) and db (fan_out) of a tile */
typedef struct {
    real *d_weights, *d_bias;
    const real *dz, *inputs;
    ptrdiff_t fan_in, row_stride, n_vectors;
    int accumulate;
} lane_sums;

INLINE void put_sum(real *to, real sum, int accumulate) { *to = accumulate ? *to + sum : sum; }

/* Columns in .. in + n_ins of dW, and db behind them where with_bias: sums of dz alone. */
INLINE void lane_sums_block(const lane_sums *g, ptrdiff_t out, ptrdiff_t in, const int n_outs, const int n_ins,
                            const int with_bias)
{
    enum { MOST = MAX_ROWS * (MAX_VECTORS + 1) + LANES };
    const int n_columns = n_ins + with_bias, n_butterflies = (n_outs * n_columns + LANES - 1) / LANES;
    const real *dz = g->dz + out * g->row_stride, *inputs = g->inputs + in * g->row_stride;
    vec sum[MOST];
    UNROLL for (int q = 0; q < n_butterflies * LANES; q++) sum[q] = (vec){0};
    for (ptrdiff_t at = 0; at < g->n_vectors * LANES; at += LANES) {
        vec x[MAX_VECTORS];
        UNROLL for (int i = 0; i < n_ins; i++) x[i] = vload(inputs + i * g->row_stride + at);
        UNROLL for (int o = 0; o < n_outs; o++) {
            vec d = vload(dz + o * g->row_stride + at);
            KEEP_IN_REGISTER(d);
            if (LACKS_A_REGISTER && n_outs * n_columns == MAX_ROWS * MAX_VECTORS)
                x[n_ins - 1] = load_again(inputs + (n_ins - 1) * g->row_stride + at);
            vec *row = sum + o * n_columns;
            UNROLL for (int i = 0; i < n_ins; i++) row[i] = vfma(d, x[i], row[i]);
            if (with_bias)
                row[n_ins] = row[n_ins] + d;
        }
    }
    real total[MOST] __attribute__((aligned(FM_VBYTES)));
    UNROLL for (int q = 0; q < n_butterflies; q++) vstore(total + q * LANES, vlane_sums(sum + q * LANES));
    UNROLL for (int o = 0; o < n_outs; o++) {
        const real *row = total + o * n_columns;
        UNROLL for (int i = 0; i < n_ins; i++)
            put_sum(g->d_weights + (out + o) * g->fan_in + in + i, row[i], g->accumulate);
        if (with_bias)
            put_sum(g->d_bias + out + o, row[n_ins], g->accumulate);
    }
}

/* The bias takes the place of one column: blocks of R x V accumulators, V counting it. */
#define DEFINE_LANE_SUMS(R, V)                                                                       \
    static void FN(lane_sums_##R##x##V)(const lane_sums *g, ptrdiff_t out, ptrdiff_t in)             \
    {                                                                                                \
        const lane_sums local = *g;                                                                  \
        lane_sums_block(&local, out, in, R, V, 0);                                                   \
    }                                                                                                \
    static void FN(lane_sums_with_bias_##R##x##V)(const lane_sums *g, ptrdiff_t out, ptrdiff_t in)   \
    {                                                                                                \
        const lane_sums local = *g;                                                                  \
        lane_sums_block(&local, out, in, R, V - 1, 1);                                               \
    }
FOR_EACH_BLOCK(DEFINE_LANE_SUMS)

typedef void (*lane_sums_function)(const lane_sums *, ptrdiff_t, ptrdiff_t);
#define LANE_SUMS_ENTRY(R, V) {FN(lane_sums_##R##x##V), FN(lane_sums_with_bias_##R##x##V)},
static const lane_sums_function lane_sums_blocks[][2] = {FOR_EACH_BLOCK(LANE_SUMS_ENTRY)};

/* Columns first_in .. fan_in of dW, and db as one column more, of the rows of dW that are this thread's. */
static enum fm_status FN(dense_gradient_lane_sums)(const lane_sums *g, range outs_, ptrdiff_t first_in, work *w)
{
    if (outs_.from == outs_.to)
        return w->status;
    parts outs = split_evenly(outs_.to - outs_.from, MAX_ROWS);
    parts columns = split_evenly(g->fan_in + 1 - first_in, MAX_VECTORS);
    ptrdiff_t n_column_blocks = columns.n_large + columns.n_small;
    for (ptrdiff_t p = 0, out = outs_.from; p < outs.n_large + outs.n_small; p++) {
        ptrdiff_t n_outs = outs.size + (p < outs.n_large);
        for (ptrdiff_t q = 0, in = first_in; q < n_column_blocks; q++) {
            ptrdiff_t n_columns = columns.size + (q < columns.n_large);
            lane_sums_blocks[(n_outs - 1) * MAX_VECTORS + n_columns - 1][q == n_column_blocks - 1](g, out, in);
            in += n_columns;
        }
        out += n_outs;
        if (poll_after(w, 2.0 * (double)(n_outs * (g->fan_in + 1 - first_in) * g->n_vectors * LANES)))
            break;
    }
    return w->status;
}

/* to[example][feature] <- from[feature][example], whole vectors of both; features from n_rows on are 0 */
static void FN(dense_transpose)(real *to, ptrdiff_t to_row, const real *from, ptrdiff_t from_row, ptrdiff_t n_rows,
                                range mine, ptrdiff_t n_columns)
{
    for (ptrdiff_t r = mine.from; r < mine.to; r += LANES)
        for (ptrdiff_t c = 0; c < n_columns; c += LANES) {
            vec x[LANES];
            if (r + LANES <= n_rows)
                UNROLL for (int q = 0; q < LANES; q++) x[q] = vload(from + (r + q) * from_row + c);
            else
                UNROLL for (int q = 0; q < LANES; q++)
                    x[q] = r + q < n_rows ? vload(from + (r + q) * from_row + c) : (vec){0};
            vtranspose(x);
            UNROLL for (int q = 0; q < LANES; q++) vstore(to + (c + q) * to_row + r, x[q]);
        }
}
