/* poll.h -- serves the caller's signals during long work.
 *
 * A poller counts floating-point operations, looks at the clock every few million of them, and calls back every 50 ms.
 * Only the caller's thread may serve Python's signals; the others look at a flag that it sets.
 */
#ifndef FASTMLP_POLL_H
#define FASTMLP_POLL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "fastmlp.h"

/* In floating-point operations; the times were measured on a Zen 4 at 51 GFLOP/s. */
#define WORK_BETWEEN_CLOCKS 4e6     /* 80 us; reading the clock takes 0.04 us */
#define MOST_WORK_BETWEEN_POLLS 2e8 /* 4 ms; larger products are cut */
#define SECONDS_BETWEEN_POLLS 0.05  /* a signal is served within 0.1 s */

typedef struct {
    fm_poll call;      /* NULL on threads other than the caller's */
    atomic_int *stop;  /* the flag for the other threads; NULL where there are none */
    double operations; /* since the last look at the clock or the flag */
    double next_call;  /* time of day in seconds */
    bool is_stopped;   /* whether the caller, or its flag, said to stop */
} poller;

static inline double seconds_now(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Calls back if 50 ms have passed, or if the clock was set back. */
static inline void poll_if_due(poller *p)
{
    const double now = seconds_now();
    if (now < p->next_call && p->next_call <= now + SECONDS_BETWEEN_POLLS)
        return;
    p->next_call = now + SECONDS_BETWEEN_POLLS;
    if (!p->is_stopped && p->call()) {
        p->is_stopped = true;
        if (p->stop)
            atomic_store_explicit(p->stop, 1, memory_order_relaxed);
    }
}

/* Looks at the clock or the flag once enough operations have been counted. */
static inline void count_work(poller *p, double operations)
{
    p->operations += operations;
    if (p->operations < WORK_BETWEEN_CLOCKS)
        return;
    p->operations = 0;
    if (p->call)
        poll_if_due(p);
    else
        p->is_stopped = atomic_load_explicit(p->stop, memory_order_relaxed);
}

#endif
