/* product.inc.h -- the matrix product C[r][n] = sum_k A(r, k) B[k][n] of every dense pass; nothing of layers or tiles.
 *
 * Columns n lie on the lanes, and elements of A are only broadcast, so the layout of A is free: the forward pass reads
 * rows of W, the backward pass its columns, and no weight is transposed.  Rows and columns are cut evenly into register
 * blocks (100 rows = 17 blocks of 5 or 6): a narrow leftover would run at a fraction of the speed.
 */
#ifndef FASTMLP_PRODUCT_INC_H
#define FASTMLP_PRODUCT_INC_H

#include "activation.inc.h"
#include "lanes.h"
#include "shares.h"

/* clang-format off */
#if FM_VBYTES == 64
enum { MAX_ROWS = 6, MAX_VECTORS = 4 }; /* 24 accumulators + 4 of B + 1 of A, of 32 registers */
#define FOR_EACH_BLOCK(X) \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(3, 1) X(3, 2) X(3, 3) X(3, 4) \
    X(4, 1) X(4, 2) X(4, 3) X(4, 4) X(5, 1) X(5, 2) X(5, 3) X(5, 4) X(6, 1) X(6, 2) X(6, 3) X(6, 4)
#else
enum { MAX_ROWS = 4, MAX_VECTORS = 3 }; /* 12 + 3 + 1, of 16 registers */
#define FOR_EACH_BLOCK(X) \
    X(1, 1) X(1, 2) X(1, 3) X(2, 1) X(2, 2) X(2, 3) X(3, 1) X(3, 2) X(3, 3) X(4, 1) X(4, 2) X(4, 3)
#endif
/* clang-format on */

/* n cut into n_large parts of size + 1 and n_small parts of size */
typedef struct {
    ptrdiff_t n_large, n_small, size;
} parts;

/* The fewest parts of at most `most`. */
INLINE parts split_evenly(ptrdiff_t n, ptrdiff_t most)
{
    ptrdiff_t count = ceil_div(n, most), large = n % count;
    return (parts){large, count - large, n / count};
}

/* What the sums start from. */
enum product_start { START_ZERO, START_BIAS, START_C };

/* One product and what is applied to its result; strides in elements. */
typedef struct {
    ptrdiff_t n_terms;
    const real *a;
    ptrdiff_t a_row, a_term; /* A(r, k) = a[r * a_row + k * a_term] */
    const real *b;
    ptrdiff_t b_row;
    real *c;
    ptrdiff_t c_row;
    enum product_start start;
    const real *bias;                 /* one per row of C */
    enum fm_activation activation;    /* applied to the result: FM_IDENTITY or FM_RELU */
    enum fm_activation derivative_of; /* its derivative multiplies the result; FM_IDENTITY for none */
    const real *outputs;              /* of derivative_of, with the strides of C */
} product;

/* Without HIDE_ORIGIN, GCC computes the address of every row of every block before the loops and spills them (9 % of
   2-10-5-1); without KEEP_IN_REGISTER, it loads an operand again for each use (6 %).  Measured on a Zen 4. */
#define HIDE_ORIGIN(x) __asm__("" : "+r"(x))
#if defined(__wasm__)
#define KEEP_IN_REGISTER(x) (void)(x) /* registers are the browser's affair */
#elif defined(__aarch64__)
#define KEEP_IN_REGISTER(x) __asm__("" : "+w"(x))
#else
#define KEEP_IN_REGISTER(x) __asm__("" : "+v"(x))
#endif

/* An SSE multiplication overwrites one of its operands, so a term needs one register more than a full block leaves.
   Clang spills a sum for it; load_again makes it read a vector of B again for each use instead, as GCC does. */
#if defined(__clang__) && defined(__SSE2__) && FM_VBYTES == 16
enum { LACKS_A_REGISTER = 1 };
#else
enum { LACKS_A_REGISTER = 0 };
#endif
INLINE vec load_again(const real *p)
{
    __asm__ volatile("" : "+r"(p)); /* the compiler must not see that it loads the same vector */
    return vload(p);
}

/* Rows of B ahead that are prefetched where B is large: the hardware does not prefetch rows that far apart.  The best
   number measured on a Zen 4 at 2,048 units; a prefetch past the end of B does nothing. */
enum { PREFETCHED_TERMS = 16 };

/* One register block of C. */
INLINE void product_block(const product *g, ptrdiff_t row, ptrdiff_t column, const int n_rows, const int n_vectors,
                          const bool prefetches)
{
    ptrdiff_t a_row = g->a_row, c_row = g->c_row;
    HIDE_ORIGIN(a_row);
    HIDE_ORIGIN(c_row);
    const real *a[MAX_ROWS], *b = g->b + column;
    const uintptr_t b_bytes = (uintptr_t)g->b_row * sizeof(real);
    uintptr_t ahead = (uintptr_t)b + PREFETCHED_TERMS * b_bytes;
    real *c = g->c + row * c_row + column;
    vec sum[MAX_ROWS][MAX_VECTORS];
    UNROLL_FOR(int r = 0; r < n_rows; r++) a[r] = g->a + (row + r) * a_row;
    if (g->start == START_C)
        UNROLL_FOR(int r = 0; r < n_rows; r++)
            UNROLL_FOR(int v = 0; v < n_vectors; v++) sum[r][v] = vloadu(c + r * c_row + v * LANES);
    else
        UNROLL_FOR(int r = 0; r < n_rows; r++) {
            vec start = vset(g->start == START_BIAS ? g->bias[row + r] : 0);
            UNROLL_FOR(int v = 0; v < n_vectors; v++) sum[r][v] = start;
        }
    for (ptrdiff_t k = 0, at = 0; k < g->n_terms; k++, at += g->a_term, b += g->b_row) {
        vec x[MAX_VECTORS];
        UNROLL_FOR(int v = 0; v < n_vectors; v++) x[v] = vload(b + v * LANES);
        if (prefetches) {
            UNROLL_FOR(int v = 0; v < n_vectors; v++) __builtin_prefetch((const void *)(ahead + v * sizeof(vec)));
            ahead += b_bytes;
        }
        UNROLL_FOR(int r = 0; r < n_rows; r++) {
            vec w = vset(a[r][at]);
            if (LACKS_A_REGISTER && n_rows * n_vectors == MAX_ROWS * MAX_VECTORS)
                x[n_vectors - 1] = load_again(b + (n_vectors - 1) * LANES);
            UNROLL_FOR(int v = 0; v < n_vectors; v++) sum[r][v] = vfma(w, x[v], sum[r][v]);
        }
    }
    if (g->activation == FM_RELU)
        UNROLL_FOR(int r = 0; r < n_rows; r++)
            UNROLL_FOR(int v = 0; v < n_vectors; v++) sum[r][v] = vrelu(sum[r][v]);
    if (g->derivative_of != FM_IDENTITY) {
        const real *y = g->outputs + row * c_row + column;
        UNROLL_FOR(int r = 0; r < n_rows; r++, y += c_row)
            UNROLL_FOR(int v = 0; v < n_vectors; v++)
                sum[r][v] = times_derivative(sum[r][v], vload(y + v * LANES), g->derivative_of);
    }
    UNROLL_FOR(int r = 0; r < n_rows; r++, c += c_row)
        UNROLL_FOR(int v = 0; v < n_vectors; v++) vstoreu(c + v * LANES, sum[r][v]);
}

/* A grid of equal blocks, panel of columns after panel.  The loops are in here, since a call per block costs 1.5 times
   as much. */
#define DEFINE_PRODUCT_GRID_AS(name, R, V, prefetches)                                                    \
    static void FN(name)(const product *g, ptrdiff_t row, ptrdiff_t n_row_blocks, ptrdiff_t vector,       \
                         ptrdiff_t n_panels)                                                              \
    {                                                                                                     \
        const product local = *g; /* stores to C cannot change a copy, so its fields stay in registers */ \
        for (ptrdiff_t p = 0; p < n_panels; p++)                                                          \
            for (ptrdiff_t r = 0; r < n_row_blocks; r++)                                                  \
                product_block(&local, row + r * R, (vector + p * V) * LANES, R, V, prefetches);           \
    }
#define DEFINE_PRODUCT_GRID(R, V) DEFINE_PRODUCT_GRID_AS(product_grid_##R##x##V, R, V, false)
FOR_EACH_BLOCK(DEFINE_PRODUCT_GRID)
/* for large matrices, most of whose blocks have this size */
DEFINE_PRODUCT_GRID_AS(product_grid_prefetched, MAX_ROWS, MAX_VECTORS, true)

typedef void (*product_grid)(const product *, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t);
#define PRODUCT_GRID_ENTRY(R, V) FN(product_grid_##R##x##V),
static const product_grid product_grids[] = {FOR_EACH_BLOCK(PRODUCT_GRID_ENTRY)};

/* Rows row .. row + n_rows of C. */
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

/* A matrix A that outgrows the cache is read once for all panels of columns: one block of it at a time is copied to
   contiguous rows, whatever its strides.  The size of a block is the best measured on a Zen 4 with 2,048 units, batch
   2,048, float64: 96 x 128, 96 x 256 and 96 x 384 were 10, 1 and 1 % slower. */
enum {
    BLOCK_ROWS = 48,
    BLOCK_TERMS = 512,
    BLOCK_STRIDE = BLOCK_TERMS + 16, /* elements; a power of 2 would put all rows into the same cache sets */
    LARGEST_UNPACKED = 1 << 19,      /* bytes of A: half the L2 cache of a Zen 4; no measurement recorded */
    SMALL_PRODUCT =
        1000000 /* operations, 20 us on a Zen 4, below which a product is not cut; no measurement recorded */
};

/* to (rows, BLOCK_STRIDE) <- a block of A */
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
            UNROLL_FOR(int q = 0; q < LANES; q++)
                x[q] = k + q < n_terms ? vload_some(a + (k + q) * g->a_term + r, n_rows - r) : (vec){0};
            vtranspose(x);
            UNROLL_FOR(int q = 0; q < LANES; q++) vstore(to + (r + q) * BLOCK_STRIDE + k, x[q]);
        }
}

/* A packed block of A times all columns, with prefetching in the panels of full width. */
static void FN(prefetched_product)(const product *g, ptrdiff_t n_rows, ptrdiff_t n_vectors)
{
    const parts panels = split_evenly(n_vectors, MAX_VECTORS);
    const ptrdiff_t n_full = panels.size == MAX_VECTORS ? panels.n_small : panels.n_large; /* of size + 1 */
    const ptrdiff_t done = n_full * MAX_VECTORS;
    if (n_rows % MAX_ROWS || n_full == 0 || panels.size < MAX_VECTORS - 1) {
        FN(product_rows)(g, 0, n_rows, n_vectors);
        return;
    }
    FN(product_grid_prefetched)(g, 0, n_rows / MAX_ROWS, 0, n_full);
    if (done == n_vectors)
        return;
    product rest = *g;
    rest.b += done * LANES;
    rest.c += done * LANES;
    if (g->derivative_of != FM_IDENTITY)
        rest.outputs += done * LANES;
    FN(product_rows)(&rest, 0, n_rows, n_vectors - done);
}

/* The product by blocks of A; from the second block of terms on, the sums start from C. */
static enum fm_status FN(packed_product)(const product *g, range mine, ptrdiff_t n_vectors, worker *w)
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
            FN(prefetched_product)(&part, block.to - block.from, n_vectors);
            if (poll_after(w, 2.0 * (double)(part.n_terms * (block.to - block.from) * n_vectors * LANES)))
                return w->status;
        }
    }
    return w->status;
}

/* Rows `mine` of the first columns of the product, cut so that signals are polled in between. */
static enum fm_status FN(product_panel)(const product *g, range mine, ptrdiff_t n_vectors, worker *w)
{
    const ptrdiff_t n_rows = mine.to - mine.from;
    const double work_per_row = 2.0 * (double)(g->n_terms * n_vectors * LANES);
    if (work_per_row * (double)n_rows < SMALL_PRODUCT) {
        FN(product_rows)(g, mine.from, n_rows, n_vectors);
        return poll_after(w, work_per_row * (double)n_rows);
    }
    const bool is_large = n_rows * g->n_terms * (ptrdiff_t)sizeof(real) > LARGEST_UNPACKED && n_vectors > MAX_VECTORS;
    if (is_large || work_per_row * MAX_ROWS > MOST_WORK_BETWEEN_POLLS) /* the terms are cut too */
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

enum { MOST_COLUMNS = 1 << 14 }; /* so that a block of 48 rows x 512 terms takes at most 16 ms on a Zen 4 */

/* Rows `mine` of the product. */
static enum fm_status FN(dense_product)(const product *g, range mine, ptrdiff_t n_vectors, worker *w)
{
    const ptrdiff_t most = MOST_COLUMNS / LANES;
    if (n_vectors <= most)
        return FN(product_panel)(g, mine, n_vectors, w);
    for (ptrdiff_t v = 0; v < n_vectors && !w->status; v += most) {
        product part = *g;
        part.b += v * LANES;
        part.c += v * LANES;
        if (g->derivative_of != FM_IDENTITY)
            part.outputs += v * LANES;
        FN(product_panel)(&part, mine, n_vectors - v < most ? n_vectors - v : most, w);
    }
    return w->status;
}

#endif
