/* team.h -- the threads that share a pass.
 *
 * fm_run_team calls a task once on each of n threads, one of them the caller's.  Threads agree on a status
 * only where they meet, so that none waits for one that has left.
 */
#ifndef FASTMLP_TEAM_H
#define FASTMLP_TEAM_H

#include <stdatomic.h>

typedef struct {
    atomic_int status[4];      /* of meetings in turn, four of them: one in use, one being cleared */
    atomic_int stop;           /* set where the caller's thread was told to stop */
    atomic_ptrdiff_t next_chunk;
    atomic_int arrived;        /* at the present meeting */
    atomic_uint meetings;      /* those that all have left for */
} fm_team;

typedef void (*fm_task)(void *argument, int id, int n_threads);

int fm_has_threads(void); /* whether this build has OpenMP */
void fm_run_team(fm_task task, void *argument, int n_threads);

/* A meeting: its number, as all see it until the last arrives; whether this thread was that; one turn of waiting. */
unsigned fm_meeting(fm_team *team);
int fm_arrive(fm_team *team, int n_threads);
void fm_wait_a_turn(unsigned turn);

#endif
