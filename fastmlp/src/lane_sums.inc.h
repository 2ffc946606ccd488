/* lane_sums.inc.h -- the weight gradient dW[o][i] = sum_n dz[o][n] a[i][n] with examples n on the lanes.
 *
 * The accumulators stay in registers over the whole tile; then one butterfly turns LANES of them into LANES sums.
 */
#ifndef FASTMLP_LANE_SUMS_INC_H
#define FASTMLP_LANE_SUMS_INC_H

#include "product.inc.h"

/* Where the sums of a tile go and what they are of. */
typedef struct {
    real *d_weights, *d_bias; /* (fan_out, fan_in), (fan_out) */
    const real *dz, *inputs;  /* (fan_out, row_stride), (fan_in, row_stride) */
    ptrdiff_t fan_in, row_stride, n_vectors;
    bool accumulate; /* add to what d_weights and d_bias hold */
} lane_sums;

INLINE void put_sum(real *to, real sum, bool accumulate) { *to = accumulate ? *to + sum : sum; }

/* Rows out .. out + n_outs and columns in .. in + n_ins of dW; with_bias adds db, the sums of dz alone, as a last
   column. */
INLINE void lane_sums_block(const lane_sums *g, ptrdiff_t out, ptrdiff_t in, const int n_outs, const int n_ins,
                            const bool with_bias)
{
    enum { MOST = MAX_ROWS * (MAX_VECTORS + 1) + LANES };
    const int n_columns = n_ins + with_bias, n_butterflies = (n_outs * n_columns + LANES - 1) / LANES;
    const real *dz = g->dz + out * g->row_stride, *inputs = g->inputs + in * g->row_stride;
    vec sum[MOST];
    UNROLL_FOR(int q = 0; q < n_butterflies * LANES; q++) sum[q] = (vec){0};
    for (ptrdiff_t at = 0; at < g->n_vectors * LANES; at += LANES) {
        vec x[MAX_VECTORS];
        UNROLL_FOR(int i = 0; i < n_ins; i++) x[i] = vload(inputs + i * g->row_stride + at);
        UNROLL_FOR(int o = 0; o < n_outs; o++) {
            vec d = vload(dz + o * g->row_stride + at);
            KEEP_IN_REGISTER(d);
            if (LACKS_A_REGISTER && n_outs * n_columns == MAX_ROWS * MAX_VECTORS)
                x[n_ins - 1] = load_again(inputs + (n_ins - 1) * g->row_stride + at);
            vec *row = sum + o * n_columns;
            UNROLL_FOR(int i = 0; i < n_ins; i++) row[i] = vfma(d, x[i], row[i]);
            if (with_bias)
                row[n_ins] = row[n_ins] + d;
        }
    }
    real total[MOST] __attribute__((aligned(FM_VBYTES)));
    UNROLL_FOR(int q = 0; q < n_butterflies; q++) vstore(total + q * LANES, vlane_sums(sum + q * LANES));
    UNROLL_FOR(int o = 0; o < n_outs; o++) {
        const real *row = total + o * n_columns;
        UNROLL_FOR(int i = 0; i < n_ins; i++)
            put_sum(g->d_weights + (out + o) * g->fan_in + in + i, row[i], g->accumulate);
        if (with_bias)
            put_sum(g->d_bias + out + o, row[n_ins], g->accumulate);
    }
}

/* Blocks of R x V accumulators.  A bias takes the place of one column. */
#define DEFINE_LANE_SUMS(R, V)                                                                     \
    static void FN(lane_sums_##R##x##V)(const lane_sums *g, ptrdiff_t out, ptrdiff_t in)           \
    {                                                                                              \
        const lane_sums local = *g;                                                                \
        lane_sums_block(&local, out, in, R, V, false);                                             \
    }                                                                                              \
    static void FN(lane_sums_with_bias_##R##x##V)(const lane_sums *g, ptrdiff_t out, ptrdiff_t in) \
    {                                                                                              \
        const lane_sums local = *g;                                                                \
        lane_sums_block(&local, out, in, R, V - 1, true);                                          \
    }
FOR_EACH_BLOCK(DEFINE_LANE_SUMS)

typedef void (*lane_sums_function)(const lane_sums *, ptrdiff_t, ptrdiff_t);
#define LANE_SUMS_ENTRY(R, V) {FN(lane_sums_##R##x##V), FN(lane_sums_with_bias_##R##x##V)},
static const lane_sums_function lane_sums_blocks[][2] = {FOR_EACH_BLOCK(LANE_SUMS_ENTRY)};

enum { BLOCKS_AT_ONCE = 1024 }; /* of columns between two polls: rows of dW may be long */

/* Rows outs_ of columns first_in .. fan_in of dW, and of db. */
static enum fm_status FN(sum_lanes)(const lane_sums *g, range outs_, ptrdiff_t first_in, worker *w)
{
    if (outs_.from == outs_.to)
        return w->status;
    parts outs = split_evenly(outs_.to - outs_.from, MAX_ROWS);
    parts columns = split_evenly(g->fan_in + 1 - first_in, MAX_VECTORS);
    const ptrdiff_t n_column_blocks = columns.n_large + columns.n_small;
    const double work = 2.0 * (double)(g->n_vectors * LANES); /* of an element of dW */
    for (ptrdiff_t p = 0, out = outs_.from; p < outs.n_large + outs.n_small && !w->status; p++) {
        ptrdiff_t n_outs = outs.size + (p < outs.n_large);
        for (ptrdiff_t q = 0, in = first_in; q < n_column_blocks && !w->status;) {
            const ptrdiff_t end = n_column_blocks - q < BLOCKS_AT_ONCE ? n_column_blocks : q + BLOCKS_AT_ONCE;
            const ptrdiff_t before = in;
            for (; q < end; q++) {
                ptrdiff_t n_columns = columns.size + (q < columns.n_large);
                lane_sums_blocks[(n_outs - 1) * MAX_VECTORS + n_columns - 1][q == n_column_blocks - 1](g, out, in);
                in += n_columns;
            }
            poll_after(w, work * (double)(n_outs * (in - before)));
        }
        out += n_outs;
    }
    return w->status;
}

#endif
