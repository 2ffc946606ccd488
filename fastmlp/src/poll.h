/* poll.h -- serving signals during long work, and the meetings of the threads that share it.
 *
 * Counts floating-point operations, looks at the clock every few million of them, and calls back every
 * 50 ms: on the caller's thread alone, for only it may serve Python's signals.
 */
#ifndef FASTMLP_POLL_H
#define FASTMLP_POLL_H

#include <time.h>

#include "fastmlp.h"
#include "team.h"

#define WORK_BETWEEN_CLOCKS 4e6   /* about 0.1 ms, so that reading the clock costs nothing */
#define MOST_WORK_BETWEEN_POLLS 2e8 /* larger products are cut; about 10 ms */
#define SECONDS_BETWEEN_POLLS 0.05

typedef struct {
    fm_poll poll;
    double operations, next; /* since the clock was read; when to poll, in seconds */
    int status;
    fm_team *team;
    int id, n_threads;
    int n_sharing;    /* of rows of every product: all threads, or 1 where each takes chunks of its own */
    unsigned meeting; /* counts the meetings of the team */
    int is_stopped;   /* told so while waiting: the next meeting will hear of it */
    void *block;      /* this thread's room for a block of a large matrix */
} work;

static inline double seconds_now(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline work start_work(fm_poll poll, void *block)
{
    const double next = seconds_now() + SECONDS_BETWEEN_POLLS;
    return (work){.poll = poll, .block = block, .next = next, .n_threads = 1, .n_sharing = 1};
}

/* Looks at the clock and, where it is time, calls back: on the caller's thread. */
static inline void poll_if_due(work *w)
{
    double now = seconds_now();
    if (now < w->next && w->next <= now + SECONDS_BETWEEN_POLLS) /* else it is due, or the clock was set back */
        return;
    w->next = now + SECONDS_BETWEEN_POLLS;
    if (!w->is_stopped && w->poll()) {
        w->is_stopped = 1;
        if (w->team)
            atomic_store_explicit(&w->team->stop, 1, memory_order_relaxed);
    }
}

static inline int poll_after(work *w, double operations)
{
    w->operations += operations;
    if (w->operations < WORK_BETWEEN_CLOCKS)
        return w->status;
    w->operations = 0;
    if (w->id == 0)
        poll_if_due(w);
    else
        w->is_stopped = atomic_load_explicit(&w->team->stop, memory_order_relaxed);
    if (w->is_stopped)
        w->status = FM_INTERRUPTED;
    return w->status;
}

/* The caller's thread may have no work of its own to poll after: turns of waiting count as some. */
static inline void count_a_wait(work *w)
{
    w->operations += WORK_BETWEEN_CLOCKS / 256;
    if (w->id == 0 && w->operations >= WORK_BETWEEN_CLOCKS) {
        w->operations = 0;
        poll_if_due(w);
    }
}

/* Waits for all threads; all leave with the same status, that of any thread that has one. */
static inline int meet(work *w)
{
    if (w->n_threads == 1)
        return w->status;
    unsigned slot = w->meeting++ % 4;
    if (w->is_stopped)
        w->status = FM_INTERRUPTED;
    if (w->status)
        atomic_store(&w->team->status[slot], w->status);
    if (w->id == 0)
        atomic_store(&w->team->status[(slot + 2) % 4], FM_DONE);
    count_a_wait(w);
    const unsigned meeting = fm_meeting(w->team);
    if (!fm_arrive(w->team, w->n_threads))
        for (unsigned turn = 1; fm_meeting(w->team) == meeting; turn++) {
            fm_wait_a_turn(turn);
            count_a_wait(w);
        }
    return w->status = atomic_load(&w->team->status[slot]);
}

/* The same inside a pass, where threads meet only if they share its rows. */
static inline int meet_sharing(work *w) { return w->n_sharing == 1 ? w->status : meet(w); }

/* The part of n items, in whole units of `unit`, that falls to this thread: from .. to. */
typedef struct {
    ptrdiff_t from, to;
} range;

static inline range share_of(ptrdiff_t n, ptrdiff_t unit, int id, int n_threads)
{
    if (n_threads == 1)
        return (range){0, n};
    ptrdiff_t units = (n + unit - 1) / unit, to = units * (id + 1) / n_threads * unit;
    return (range){units * id / n_threads * unit, to < n ? to : n};
}

static inline range my_share(const work *w, ptrdiff_t n, ptrdiff_t unit)
{
    return share_of(n, unit, w->n_sharing == 1 ? 0 : w->id, w->n_sharing);
}

#endif
