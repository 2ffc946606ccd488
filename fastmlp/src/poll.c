/* poll.c -- what a poller does once it has counted enough work: it looks at the clock, and calls back. */

#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>

#include "poll.h"

/* The time of day, from the one clock of C11.  Where it is set back, fm_look calls back at once; where it is set forward,
   a call comes early. */
static double seconds_now(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Serves signals in the caller's floating-point mode.  A handler may fork: the child lacks the other threads. */
static enum fm_status serve_signals(poller *p)
{
    const pid_t process = getpid();
    leave_our_mode(p->callers_mode);
    const int stops = p->call();
    p->callers_mode = enter_our_mode();
    if (p->stop && getpid() != process)
        return FM_FORKED;
    if (stops && p->stop)
        atomic_store_explicit(p->stop, 1, memory_order_relaxed);
    return stops ? FM_INTERRUPTED : FM_DONE;
}

void fm_look(poller *p)
{
    p->operations = 0;
    if (p->status)
        return;
    if (!p->call) {
        if (atomic_load_explicit(p->stop, memory_order_relaxed))
            p->status = FM_INTERRUPTED;
        return;
    }
    const double now = seconds_now(), due = p->next_call;
    if (now < due && due <= now + SECONDS_BETWEEN_POLLS) /* else it is time, or the clock was set back */
        return;
    p->next_call = now + SECONDS_BETWEEN_POLLS;
    if (due != 0)
        p->status = serve_signals(p);
}
