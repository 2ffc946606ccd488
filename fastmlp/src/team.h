/* team.h -- the threads of a call, and the barriers where they wait for one another.
 *
 * How a pass ends early: a thread that must stop keeps the reason in its `status`.  Kernels return as soon as there is
 * one; passes skip what is left of their work and go on to the next barrier.  A barrier gives all threads the same
 * status, and only there does a pass return: no thread waits for one that has left.  Threads that do not share rows
 * leave at the same places, each with its own status, for pass_barrier lets them through without waiting.
 */
#ifndef FASTMLP_TEAM_H
#define FASTMLP_TEAM_H

#include <stdatomic.h>

#include "fastmlp.h"
#include "poll.h"

/* What the threads of a call share; starts as zeros. */
typedef struct {
    atomic_int stop; /* set once the caller's thread was told to stop */
    atomic_ptrdiff_t next_chunk;
    atomic_int arrived;   /* threads at the present barrier */
    atomic_int status;    /* of any of them that has one */
    atomic_int agreed;    /* status that the last completed barrier gave to all */
    atomic_uint barriers; /* completed so far */
} fm_team;

/* One thread's part in a call. */
typedef struct {
    poller poll;
    enum fm_status status;
    fm_team *team;
    int id, n_threads; /* id 0 is the caller's thread */
    int n_sharing;     /* threads that share the rows of every product: all, or 1 where each takes whole chunks */
    void *block;       /* this thread's room for a block of a large matrix */
} work;

typedef void (*fm_task)(void *argument, int id, int n_threads);

int fm_has_threads(void); /* whether this build has OpenMP */

/* Calls a task once on each of up to n threads, one of them the caller's. */
void fm_run_team(fm_task task, void *argument, int n_threads);

/* The barrier of several threads; see `barrier`. */
enum fm_status fm_barrier(work *w);

static inline work join_team(fm_team *team, int id, int n_threads, fm_poll call, void *block)
{
    const poller poll = {.call = id == 0 ? call : NULL,
                         .stop = team ? &team->stop : NULL,
                         .next_call = seconds_now() + SECONDS_BETWEEN_POLLS};
    return (work){.poll = poll, .team = team, .id = id, .n_threads = n_threads, .n_sharing = n_threads, .block = block};
}

/* For a call on one thread. */
static inline work start_work(fm_poll call, void *block) { return join_team(NULL, 0, 1, call, block); }

/* Counts operations done and answers with the thread's status. */
static inline enum fm_status poll_after(work *w, double operations)
{
    count_work(&w->poll, operations);
    if (w->poll.is_stopped)
        w->status = FM_INTERRUPTED;
    return w->status;
}

/* Waits for all threads; all get the same status, that of any thread that has one. */
static inline enum fm_status barrier(work *w) { return w->n_threads == 1 ? w->status : fm_barrier(w); }

/* The barrier inside a pass, where threads wait only if they share its rows. */
static inline enum fm_status pass_barrier(work *w) { return w->n_sharing == 1 ? w->status : barrier(w); }

/* Whether this thread does what only one of those that share rows must do. */
static inline bool is_first_sharing(const work *w) { return w->n_sharing == 1 || w->id == 0; }

#endif
