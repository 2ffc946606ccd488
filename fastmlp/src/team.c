/* team.c -- the threads of a call and their barriers.  Threads sleep between calls, for the next call that needs some;
 * a new thread would wait for its first turn on a busy machine.  A forked child has none and makes its own.
 */

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "team.h"

/* A call, as its threads see it. */
typedef struct {
    fm_task task;
    void *argument;
    int n_threads;
    atomic_int n_running; /* without the caller's thread */
} team_call;

typedef struct member {
    struct member *next_idle;
    pthread_mutex_t mutex;
    pthread_cond_t woken;
    team_call *call; /* NULL while it sleeps */
    int id;          /* in that call */
} member;

enum { MOST_IDLE = 64 }; /* more have slept at once only after calls from dozens of threads */

static member *idle_members;
static int n_idle;
static pthread_mutex_t idle_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool forks_are_watched; /* else no thread is made: a child would wait for those of its parent */

static void forget_members(void)
{
    idle_members = NULL;
    n_idle = 0;
    idle_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; /* another thread may have held it */
}

__attribute__((constructor)) static void watch_forks(void)
{
    forks_are_watched = !pthread_atfork(NULL, NULL, forget_members);
}

/* Spins, later yields.  A barrier that spins longer (OpenMP's) made a call on two threads of a busy machine take 80
   times as long as on one. */
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

/* False if enough sleep. */
static bool put_to_sleep(member *m)
{
    pthread_mutex_lock(&idle_mutex);
    const bool has_place = n_idle < MOST_IDLE;
    if (has_place) {
        n_idle++;
        m->next_idle = idle_members;
        idle_members = m;
    }
    pthread_mutex_unlock(&idle_mutex);
    return has_place;
}

static void wake(member *m, team_call *call, int id)
{
    pthread_mutex_lock(&m->mutex);
    m->call = call;
    m->id = id;
    pthread_cond_signal(&m->woken);
    pthread_mutex_unlock(&m->mutex);
}

static void free_member(member *m)
{
    pthread_cond_destroy(&m->woken);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

/* A member takes part in one call after another.  It is among the idle ones before its call ends, so that the next call
   finds it. */
static void *run_member(void *member_)
{
    member *m = member_;
    for (bool stays = true; stays;) {
        pthread_mutex_lock(&m->mutex);
        while (!m->call) pthread_cond_wait(&m->woken, &m->mutex);
        team_call *call = m->call;
        m->call = NULL;
        pthread_mutex_unlock(&m->mutex);
        call->task(call->argument, m->id, call->n_threads);
        stays = put_to_sleep(m);
        atomic_fetch_sub(&call->n_running, 1);
    }
    free_member(m);
    return NULL;
}

/* Starts a detached thread that leaves signals to the caller's, but for those of faults. */
static bool start_thread(member *m)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    sigset_t blocked, before;
    pthread_t thread;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const bool is_started = !pthread_create(&thread, NULL, run_member, m);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_started)
        pthread_detach(thread);
    return is_started;
}

/* A new member; NULL where the system makes no more threads. */
static member *new_member(void)
{
    member *m = forks_are_watched ? calloc(1, sizeof *m) : NULL;
    if (!m)
        return NULL;
    if (pthread_mutex_init(&m->mutex, NULL)) {
        free(m);
        return NULL;
    }
    if (pthread_cond_init(&m->woken, NULL)) {
        pthread_mutex_destroy(&m->mutex);
        free(m);
        return NULL;
    }
    if (start_thread(m))
        return m;
    free_member(m);
    return NULL;
}

static member *idle_or_new_member(void)
{
    pthread_mutex_lock(&idle_mutex);
    member *m = idle_members;
    if (m) {
        n_idle--;
        idle_members = m->next_idle;
    }
    pthread_mutex_unlock(&idle_mutex);
    return m ? m : new_member();
}

enum fm_status fm_run_team(fm_task task, void *argument, int n_threads)
{
    member *members[FM_MOST_THREADS];
    team_call call = {.task = task, .argument = argument};
    int n = 0;
    while (n < n_threads - 1 && (members[n] = idle_or_new_member())) n++;
    call.n_threads = n + 1;
    call.n_running = n;
    for (int i = 0; i < n; i++) wake(members[i], &call, i + 1);
    const enum fm_status status = task(argument, 0, n + 1);
    if (status == FM_FORKED)
        return status;
    for (unsigned turn = 1; atomic_load(&call.n_running); turn++) wait_a_turn(turn);
    return status;
}

/* Waiting also counts as work, so that the caller's thread serves signals: it looks at the clock every 256 turns, which
   are 13 us of spins or 0.2 ms of yields. */
#define WORK_OF_A_TURN (WORK_BETWEEN_CLOCKS / 256)

/* The last thread to arrive publishes the status and opens the barrier.  A single `status` and a single `agreed` are
   enough: no thread writes a status for the next barrier before this one opens, and `agreed` is written again only
   after all threads have arrived at the next barrier, hence have read it. */
enum fm_status fm_barrier(worker *w, bool is_silent)
{
    fm_team *team = w->team;
    const unsigned before = atomic_load(&team->barriers);
    if (poll_after(w, is_silent ? 0 : WORK_OF_A_TURN) == FM_FORKED)
        return FM_FORKED;
    if (w->status)
        atomic_store(&team->status, w->status);
    if (atomic_fetch_add(&team->arrived, 1) == w->n_threads - 1) {
        atomic_store(&team->agreed, atomic_exchange(&team->status, FM_DONE));
        atomic_store(&team->arrived, 0);
        atomic_fetch_add(&team->barriers, 1);
    } else {
        for (unsigned turn = 1; atomic_load(&team->barriers) == before; turn++) {
            wait_a_turn(turn);
            if (!is_silent)
                count_work(&w->poll, WORK_OF_A_TURN);
            if (w->poll.status == FM_FORKED)
                return w->status = FM_FORKED;
        }
    }
    return w->status = (enum fm_status)atomic_load(&team->agreed);
}
