/* poll.h -- serving signals during long work: counts floating-point operations, looks at the clock
 * every few million of them, and calls back every 50 ms. */
#ifndef FASTMLP_POLL_H
#define FASTMLP_POLL_H

#include <time.h>

#include "fastmlp.h"

#define WORK_BETWEEN_CLOCKS 4e6   /* about 0.1 ms, so that reading the clock costs nothing */
#define MOST_WORK_BETWEEN_POLLS 2e8 /* larger products are cut; about 10 ms */
#define SECONDS_BETWEEN_POLLS 0.05

typedef struct {
    fm_poll poll;
    double operations, next; /* since the clock was read; when to poll, in seconds */
    int status;
} work;

static inline double seconds_now(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline work start_work(fm_poll poll)
{
    return (work){poll, 0, seconds_now() + SECONDS_BETWEEN_POLLS, 0};
}

static inline int poll_after(work *w, double operations)
{
    w->operations += operations;
    if (w->operations < WORK_BETWEEN_CLOCKS)
        return 0;
    w->operations = 0;
    double now = seconds_now();
    if (now >= w->next || w->next > now + SECONDS_BETWEEN_POLLS) { /* the second if the clock was set back */
        w->next = now + SECONDS_BETWEEN_POLLS;
        w->status = w->poll();
    }
    return w->status;
}

#endif
