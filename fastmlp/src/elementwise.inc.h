/* elementwise.inc.h -- functions and checks of whole arrays, for callers from Python. */
#ifndef FASTMLP_ELEMENTWISE_INC_H
#define FASTMLP_ELEMENTWISE_INC_H

#include "elementary.inc.h"
#include "lanes.h"
#include "shares.h"

static void FN(map_portion)(real *out, const real *x, ptrdiff_t n, enum fm_function function)
{
    switch (function) {
#define MAP_CASE(code, name)                                                                  \
    case FM_##code:                                                                           \
        FOR_EACH_VECTOR(i, n) vstore_some(out + i, v##name(vload_some(x + i, n - i)), n - i); \
        break;
        FM_FUNCTIONS(MAP_CASE)
    }
}

/* out <- function(x), n elements; the arrays may be the same */
static enum fm_status FN(map)(void *out, const void *x, ptrdiff_t n, enum fm_function function, fm_poll poll)
{
    worker w = lone_worker(poll, NULL);
    FOR_EACH_PORTION(p, n, &w) {
        FN(map_portion)((real *)out + p.from, (const real *)x + p.from, p.to - p.from, function);
        poll_after(&w, WORK_OF_A_FUNCTION * items_in(p));
    }
    return leave_team(&w);
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

static bool FN(portion_finite)(const real *x, ptrdiff_t n) { return all_below(x, n, false); }

static bool FN(portion_small)(const real *x, ptrdiff_t n) { return all_below(x, n, true); }

/* Whether every portion passes; true also where the thread is told to stop before it finds one that does not. */
static bool FN(all_portions)(bool (*passes)(const real *, ptrdiff_t), const real *x, ptrdiff_t n, worker *w)
{
    FOR_EACH_PORTION(p, n, w) {
        if (!passes(x + p.from, p.to - p.from))
            return false;
        poll_after(w, WORK_OF_A_COPY * items_in(p));
    }
    return true;
}

static bool FN(all_finite)(const real *x, ptrdiff_t n, worker *w)
{
    return FN(all_portions)(FN(portion_finite), x, n, w);
}

static bool FN(all_small)(const real *x, ptrdiff_t n, worker *w)
{
    return FN(all_portions)(FN(portion_small), x, n, w);
}

/* Whether all elements are 0 or 1. */
static bool FN(portion_binary)(const real *x, ptrdiff_t n)
{
    ivec failed = {0};
    FOR_EACH_VECTOR(i, n) {
        vec v = vload_some(x + i, n - i);
        failed |= (ivec)((v != (vec){0}) & (v != vset(1)));
    }
    return vall(veq((vec)(failed & (ivec)vset(1)), (vec){0}));
}

static bool FN(portion_in_unit_interval)(const real *x, ptrdiff_t n)
{
    ivec failed = {0};
    FOR_EACH_VECTOR(i, n) {
        vec v = vload_some(x + i, n - i);
        failed |= ~(ivec)((v >= (vec){0}) & (v <= vset(1)));
    }
    return vall(veq((vec)(failed & (ivec)vset(1)), (vec){0}));
}

/* *passes <- whether every element passes a check.  Zeros fill up a partial vector: they pass every check. */
static enum fm_status FN(all_pass)(int *passes, const void *x, ptrdiff_t n, enum fm_check check, fm_poll poll)
{
    worker w = lone_worker(poll, NULL);
    switch (check) {
    case FM_ALL_FINITE:
        *passes = FN(all_finite)(x, n, &w);
        break;
    case FM_ALL_BINARY:
        *passes = FN(all_portions)(FN(portion_binary), x, n, &w);
        break;
    case FM_ALL_IN_UNIT_INTERVAL:
        *passes = FN(all_portions)(FN(portion_in_unit_interval), x, n, &w);
        break;
    }
    return leave_team(&w);
}

#endif
