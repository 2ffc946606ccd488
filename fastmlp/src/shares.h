/* shares.h -- which items of an array belong to which of the threads that share it, and in what portions. */
#ifndef FASTMLP_SHARES_H
#define FASTMLP_SHARES_H

#include <stddef.h>

#include "team.h"

/* Items from .. to, `to` excluded. */
typedef struct {
    ptrdiff_t from, to;
} range;

/* The part of n items that belongs to thread `id`; only multiples of `unit` separate parts. */
static inline range share_of(ptrdiff_t n, ptrdiff_t unit, int id, int n_threads)
{
    if (n_threads == 1)
        return (range){0, n};
    const ptrdiff_t units = (n + unit - 1) / unit, to = units * (id + 1) / n_threads * unit;
    return (range){units * id / n_threads * unit, to < n ? to : n};
}

/* This thread's part of the rows, or all of them where threads do not share rows. */
static inline range my_share(const worker *w, ptrdiff_t n, ptrdiff_t unit)
{
    return share_of(n, unit, w->n_sharing == 1 ? 0 : w->id, w->n_sharing);
}

/* What a loop over n items takes from `from` on before it polls. */
static inline range portion_at(ptrdiff_t from, ptrdiff_t n)
{
    enum { PORTION = 4096 };
    return (range){from, n - from < PORTION ? n : from + PORTION};
}

/* The body ends with poll_after. */
#define FOR_EACH_PORTION(p, n, w) \
    for (range p = portion_at(0, n); p.from < p.to && !(w)->status; p = portion_at(p.to, n))

static inline double items_in(range r) { return (double)(r.to - r.from); }

#endif
