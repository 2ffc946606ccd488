/* team.h -- the threads of a call, and the barriers where they wait for one another.
 *
 * How a pass ends early: a thread that must stop keeps the reason in its `status`.  Kernels return as soon as it is
 * set; passes skip the rest of their work and go to the next barrier.  A barrier gives all threads the same status, and
 * passes return only there, so that no thread waits for one that has left.  Threads that do not share rows return at
 * the same places, each with its own status: pass_barrier does not make them wait.
 *
 * A signal handler that the caller's thread serves may fork.  The child has this thread alone: its status is FM_FORKED,
 * and barriers no longer wait.
 */
#ifndef FASTMLP_TEAM_H
#define FASTMLP_TEAM_H

#include <stdatomic.h>

#include "fastmlp.h"
#include "poll.h"

/* What the threads of a call share; starts as zeros. */
typedef struct {
    atomic_int stop; /* set when the caller's thread was told to stop */
    atomic_ptrdiff_t next_chunk;
    atomic_int arrived;   /* threads at the present barrier */
    atomic_int status;    /* that of any thread at it whose status is not FM_DONE */
    atomic_int agreed;    /* that the last completed barrier gave to all threads */
    atomic_uint barriers; /* completed so far */
} fm_team;

/* One thread's part in a call. */
typedef struct {
    poller poll;
    enum fm_status status;
    fm_team *team;
    int id, n_threads; /* id 0 is the caller's thread */
    int n_sharing;     /* threads that share the rows of every product; 1 while each takes whole chunks */
    void *block;       /* block_bytes for this thread alone */
} worker;

/* What each thread of a call does; returns how it ended there. */
typedef enum fm_status (*fm_task)(void *argument, int id, int n_threads);

/* Calls a task once on each of up to n_threads threads, one of them the caller's, and returns what it answered there.
   Where fewer threads can be made, there are fewer. */
enum fm_status fm_run_team(fm_task task, void *argument, int n_threads);

/* The barriers of several threads; see `barrier` and `silent_barrier`. */
enum fm_status fm_barrier(worker *w, bool is_silent);

/* Starts a thread's part in a call, in our floating-point mode until leave_team. */
static inline worker join_team(fm_team *team, int id, int n_threads, fm_poll call, void *block)
{
    const poller poll = {
        .call = id == 0 ? call : NULL, .stop = n_threads > 1 ? &team->stop : NULL, .callers_mode = enter_our_mode()};
    return (worker){
        .poll = poll, .team = team, .id = id, .n_threads = n_threads, .n_sharing = n_threads, .block = block};
}

/* For a call on one thread. */
static inline worker lone_worker(fm_poll call, void *block) { return join_team(NULL, 0, 1, call, block); }

/* Ends it, and returns how. */
static inline enum fm_status leave_team(worker *w)
{
    leave_our_mode(w->poll.callers_mode);
    return w->poll.status ? w->poll.status : w->status;
}

/* Counts operations, serves signals if it is time, and returns the thread's status. */
static inline enum fm_status poll_after(worker *w, double operations)
{
    count_work(&w->poll, operations);
    if (w->poll.status)
        w->status = w->poll.status;
    return w->status;
}

/* Waits for all threads; all get the same status: FM_DONE, or that of one whose status is not FM_DONE. */
static inline enum fm_status barrier(worker *w) { return w->n_threads == 1 ? w->status : fm_barrier(w, false); }

/* The same without serving signals.  An update lies between two of these: a process that a handler forks gets the
   parameters of whole updates. */
static inline enum fm_status silent_barrier(worker *w) { return w->n_threads == 1 ? w->status : fm_barrier(w, true); }

/* The barrier inside a pass, where threads wait only if they share its rows. */
static inline enum fm_status pass_barrier(worker *w) { return w->n_sharing == 1 ? w->status : barrier(w); }

/* Whether this thread does what only one of the threads that share rows may do. */
static inline bool is_first_sharing(const worker *w) { return w->n_sharing == 1 || w->id == 0; }

#endif
