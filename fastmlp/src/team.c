/* team.c -- threads by OpenMP if the build has it; else, and in a forked child, one thread.  Barriers are our own. */

#include <sched.h>

#include "team.h"

#ifdef _OPENMP
#include <omp.h>
#include <pthread.h>

static bool forked; /* a forked child lacks its parent's threads: there an OpenMP runtime may hang */

static void note_fork(void) { forked = true; }

__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(NULL, NULL, note_fork); }

int fm_has_threads(void) { return 1; }

void fm_run_team(fm_task task, void *argument, int n_threads)
{
    if (n_threads <= 1 || forked) {
        task(argument, 0, 1);
        return;
    }
#pragma omp parallel num_threads(n_threads)
    task(argument, omp_get_thread_num(), omp_get_num_threads());
}

#else

int fm_has_threads(void) { return 0; }

void fm_run_team(fm_task task, void *argument, int n_threads)
{
    (void)n_threads;
    task(argument, 0, 1);
}

#endif

/* Spins, later yields.  OpenMP's own barrier spins so long that on a busy machine a call took 80 times as long on two
   threads as on one. */
static void wait_a_turn(unsigned turn)
{
    enum { SPINS = 100 }; /* about 5 us: on a Zen 4 a spin takes 0.05 us, a yield 0.9 us */
    if (turn > SPINS) {
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waiting also counts as work, so that the caller's thread serves signals: it looks at the clock every 256 turns, which
   are 13 us of spins or 0.2 ms of yields. */
#define WORK_OF_A_TURN (WORK_BETWEEN_CLOCKS / 256)

/* The last thread to arrive publishes the status and opens the barrier.  A single `status` and a single `agreed` are
   enough: no thread writes a status for the next barrier before this one opens, and `agreed` is written again only
   after all threads have arrived at the next barrier, hence have read it. */
enum fm_status fm_barrier(worker *w)
{
    fm_team *team = w->team;
    const unsigned before = atomic_load(&team->barriers);
    count_work(&w->poll, WORK_OF_A_TURN);
    if (w->poll.is_stopped)
        w->status = FM_INTERRUPTED;
    if (w->status)
        atomic_store(&team->status, w->status);
    if (atomic_fetch_add(&team->arrived, 1) == w->n_threads - 1) {
        atomic_store(&team->agreed, atomic_exchange(&team->status, FM_DONE));
        atomic_store(&team->arrived, 0);
        atomic_fetch_add(&team->barriers, 1);
    } else {
        for (unsigned turn = 1; atomic_load(&team->barriers) == before; turn++) {
            wait_a_turn(turn);
            count_work(&w->poll, WORK_OF_A_TURN);
        }
    }
    return w->status = (enum fm_status)atomic_load(&team->agreed);
}
