/* team.c -- threads by OpenMP, where the build has it; else, and in a forked child, one thread. */

#include <sched.h>

#include "team.h"

#ifdef _OPENMP
#include <omp.h>
#include <pthread.h>

static int forked; /* an OpenMP runtime whose threads were left behind in the parent may hang */

static void note_fork(void) { forked = 1; }

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

unsigned fm_meeting(fm_team *team) { return atomic_load(&team->meetings); }

int fm_arrive(fm_team *team, int n_threads)
{
    if (atomic_fetch_add(&team->arrived, 1) < n_threads - 1)
        return 0;
    atomic_store(&team->arrived, 0);
    atomic_fetch_add(&team->meetings, 1);
    return 1;
}

/* OpenMP's own barrier spins for so long that a busy machine slows down a hundredfold; this soon lets others run. */
void fm_wait_a_turn(unsigned turn)
{
    enum { SPINS = 100 };
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
