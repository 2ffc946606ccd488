/* poll.h -- serves the caller's signals during long work.
 *
 * A poller counts operations, looks at the clock every few million of them, and calls back every 50 ms.  Only the
 * caller's thread may serve Python's signals; the others look at a flag that it sets.
 */
#ifndef FASTMLP_POLL_H
#define FASTMLP_POLL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "fastmlp.h"
#include "mode.h"

/* In floating-point operations; the times were measured on a Zen 4 at 51 GFLOP/s. */
#define WORK_BETWEEN_CLOCKS 4e6     /* 80 us; reading the clock takes 0.04 us */
#define MOST_WORK_BETWEEN_POLLS 2e8 /* 4 ms; larger products are cut */
#define SECONDS_BETWEEN_POLLS 0.05  /* a signal is served within 0.1 s */

/* What an element costs that is not part of a product, at most, as operations of a product. */
#define WORK_OF_A_COPY 16.0     /* also of a sum or a comparison */
#define WORK_OF_A_FUNCTION 64.0 /* exponentials, logarithms and what is made of them; random numbers */
#define WORK_OF_A_GATHER 256.0  /* an element from a random place in memory */

typedef struct {
    fm_poll call;          /* NULL on threads other than the caller's */
    atomic_int *stop;      /* the flag for the other threads; NULL where there are none */
    fm_mode callers_mode;  /* in which `call` runs */
    double operations;     /* since the last look at the clock or the flag */
    double next_call;      /* time of day in seconds; 0 before the first look at the clock */
    enum fm_status status; /* FM_INTERRUPTED if the caller, or its flag, said to stop; FM_FORKED in a forked child */
} poller;

/* Looks at the flag, or at the clock and calls back if it is time. */
void fm_look(poller *p);

/* Looks once enough operations have been counted. */
static inline void count_work(poller *p, double operations)
{
    p->operations += operations;
    if (p->operations >= WORK_BETWEEN_CLOCKS)
        fm_look(p);
}

#endif
