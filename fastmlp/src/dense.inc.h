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
    int start;           /* enum product_start */
    const real *bias;    /* one per row of C */
    int activation;      /* applied to the result: FM_IDENTITY or FM_RELU */
    int derivative_of;   /* multiplies the result by this activation's derivative ... */
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

INLINE void product_block(const product *g, ptrdiff_t row, ptrdiff_t column, const int n_rows, const int n_vectors)
{
    ptrdiff_t a_row = g->a_row, c_row = g->c_row;
    HIDE_ORIGIN(a_row);
    HIDE_ORIGIN(c_row);
    const real *a[MAX_ROWS], *b = g->b + column;
    real *c = g->c + row * c_row + column;
    vec sum[MAX_ROWS][MAX_VECTORS];
    UNROLL for (int r = 0; r < n_rows; r++) a[r] = g->a + (row + r) * a_row;
    if (g->start == START_C)
        UNROLL for (int r = 0; r < n_rows; r++)
            UNROLL for (int v = 0; v < n_vectors; v++) sum[r][v] = vload(c + r * c_row + v * LANES);
    else
        UNROLL for (int r = 0; r < n_rows; r++) {
            vec start = vset(g->start == START_BIAS ? g->bias[row + r] : 0);
            UNROLL for (int v = 0; v < n_vectors; v++) sum[r][v] = start;
        }
    for (ptrdiff_t k = 0, at = 0; k < g->n_terms; k++, at += g->a_term, b += g->b_row) {
        vec x[MAX_VECTORS];
        UNROLL for (int v = 0; v < n_vectors; v++) x[v] = vload(b + v * LANES);
        UNROLL for (int r = 0; r < n_rows; r++) {
            vec w = vset(a[r][at]);
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
        UNROLL for (int v = 0; v < n_vectors; v++) vstore(c + v * LANES, sum[r][v]);
}

/* A grid of equal blocks, panel of columns after panel; the loops stay inside, a call costs too much. */
#define DEFINE_PRODUCT_GRID(R, V)                                                                            \
    static void FN(product_grid_##R##x##V)(const product *g, ptrdiff_t row, ptrdiff_t n_row_blocks,          \
                                           ptrdiff_t vector, ptrdiff_t n_panels)                             \
    {                                                                                                        \
        const product local = *g; /* stores to C cannot change a copy: nothing is loaded twice */            \
        for (ptrdiff_t p = 0; p < n_panels; p++)                                                             \
            for (ptrdiff_t r = 0; r < n_row_blocks; r++)                                                     \
                product_block(&local, row + r * R, (vector + p * V) * LANES, R, V);                          \
    }
FOR_EACH_BLOCK(DEFINE_PRODUCT_GRID)

typedef void (*product_grid)(const product *, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t);
#define PRODUCT_GRID_ENTRY(R, V) FN(product_grid_##R##x##V),
static const product_grid product_grids[] = {FOR_EACH_BLOCK(PRODUCT_GRID_ENTRY)};

static void FN(product_rows)(const product *g, ptrdiff_t row, ptrdiff_t n_rows, ptrdiff_t n_vectors)
{
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

/* The product, in pieces between which a waiting signal is served. */
static int FN(dense_product)(const product *g, ptrdiff_t n_rows, ptrdiff_t n_vectors, work *w)
{
    double work_per_row = 2.0 * (double)g->n_terms * (double)(n_vectors * LANES);
    if (work_per_row * (double)n_rows <= MOST_WORK_BETWEEN_POLLS) {
        FN(product_rows)(g, 0, n_rows, n_vectors);
        return poll_after(w, work_per_row * (double)n_rows);
    }
    ptrdiff_t most = (ptrdiff_t)(MOST_WORK_BETWEEN_POLLS / work_per_row) / MAX_ROWS * MAX_ROWS;
    most = most < MAX_ROWS ? MAX_ROWS : most;
    for (ptrdiff_t row = 0; row < n_rows; row += most) {
        ptrdiff_t count = n_rows - row < most ? n_rows - row : most;
        FN(product_rows)(g, row, count, n_vectors);
        if (poll_after(w, work_per_row * (double)count))
            return w->status;
    }
    return 0;
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

/* Columns first_in .. fan_in of dW, and db as one column more. */
static int FN(dense_gradient_lane_sums)(const lane_sums *g, ptrdiff_t fan_out, ptrdiff_t first_in, work *w)
{
    parts outs = split_evenly(fan_out, MAX_ROWS), columns = split_evenly(g->fan_in + 1 - first_in, MAX_VECTORS);
    ptrdiff_t n_column_blocks = columns.n_large + columns.n_small;
    for (ptrdiff_t p = 0, out = 0; p < outs.n_large + outs.n_small; p++) {
        ptrdiff_t n_outs = outs.size + (p < outs.n_large);
        for (ptrdiff_t q = 0, in = first_in; q < n_column_blocks; q++) {
            ptrdiff_t n_columns = columns.size + (q < columns.n_large);
            lane_sums_blocks[(n_outs - 1) * MAX_VECTORS + n_columns - 1][q == n_column_blocks - 1](g, out, in);
            in += n_columns;
        }
        out += n_outs;
        if (poll_after(w, 2.0 * (double)(n_outs * (g->fan_in + 1 - first_in) * g->n_vectors * LANES)))
            return w->status;
    }
    return 0;
}

/* to[example][feature] <- from[feature][example], whole vectors of both; features from n_rows on are 0 */
static void FN(dense_transpose)(real *to, ptrdiff_t to_row, const real *from, ptrdiff_t from_row, ptrdiff_t n_rows,
                                ptrdiff_t n_columns)
{
    for (ptrdiff_t r = 0; r < n_rows; r += LANES)
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
