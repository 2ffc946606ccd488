/* elementwise.inc.h -- functions and checks of whole arrays, for callers from Python. */
#ifndef FASTMLP_ELEMENTWISE_INC_H
#define FASTMLP_ELEMENTWISE_INC_H

#include "elementary.inc.h"
#include "lanes.h"

/* out <- function(x), n elements; the arrays may be the same */
static void FN(map)(void *out_, const void *x_, ptrdiff_t n, enum fm_function function)
{
    real *out = out_;
    const real *x = x_;
    switch (function) {
#define MAP_CASE(code, name)                                                                  \
    case FM_##code:                                                                           \
        FOR_EACH_VECTOR(i, n) vstore_some(out + i, v##name(vload_some(x + i, n - i)), n - i); \
        break;
        FM_FUNCTIONS(MAP_CASE)
    }
}

/* Whether all elements are finite or, if `small`, below the root of the largest number: the sum of x * 0, or of x * x, is
   not finite if one of them is not. */
INLINE bool all_below(const real *x, ptrdiff_t n, const bool small)
{
    vec sums[4] = {{0}};
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        UNROLL_FOR(int q = 0; q < 4; q++) {
            vec v = vloadu(x + i + q * LANES);
            sums[q] = vfma(v, small ? v : (vec){0}, sums[q]);
        }
    for (; i < n; i += LANES) {
        vec v = vload_some(x + i, n - i);
        sums[0] = vfma(v, small ? v : (vec){0}, sums[0]);
    }
    return vall_finite((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

static bool FN(all_finite)(const real *x, ptrdiff_t n) { return all_below(x, n, false); }

static bool FN(all_small)(const real *x, ptrdiff_t n) { return all_below(x, n, true); }

/* Whether every element passes a check.  Zeros fill up the last, partial vector: they pass every check. */
static bool FN(all_pass)(const void *x_, ptrdiff_t n, enum fm_check check)
{
    const real *x = x_;
    ivec failed = {0};
    if (check == FM_ALL_FINITE)
        return FN(all_finite)(x, n);
    FOR_EACH_VECTOR(i, n) {
        vec v = vload_some(x + i, n - i);
        if (check == FM_ALL_BINARY)
            failed |= (ivec)((v != (vec){0}) & (v != vset(1)));
        else
            failed |= ~(ivec)((v >= (vec){0}) & (v <= vset(1)));
    }
    return vall(veq((vec)(failed & (ivec)vset(1)), (vec){0}));
}

#endif
