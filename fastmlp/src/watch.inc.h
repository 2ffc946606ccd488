/* watch.inc.h -- the rules of fm_watch: what the loss of an epoch means for the training.  It changes no parameter. */
#ifndef FASTMLP_WATCH_INC_H
#define FASTMLP_WATCH_INC_H

#include "lanes.h"

/* Whether more than `patience` epochs in a row have not improved the loss by tol. */
INLINE bool stalls(fm_plateau *p, double loss)
{
    if (p->patience < 0)
        return false;
    p->n_stalled = loss > p->best - p->tol ? p->n_stalled + 1 : 0;
    if (loss < p->best)
        p->best = loss;
    return p->n_stalled > p->patience;
}

/* Applies both plateau rules to a finite loss; `rate` is that of the epoch's last update. */
INLINE enum fm_status apply_plateaus(fm_watch *watch, double loss, double rate)
{
    if (stalls(&watch->stop, loss))
        return FM_STALLED;
    if (!stalls(&watch->slow, loss))
        return FM_DONE;
    if (rate <= watch->smallest_rate)
        return FM_RATE_TOO_SMALL;
    watch->rate_scale *= watch->slow_factor;
    watch->slow.n_stalled = 0;
    return FM_DONE;
}

typedef struct {
    enum fm_status status; /* FM_DONE where the training goes on */
    bool is_best;          /* the least loss so far, where the watch keeps the best parameters */
} verdict;

INLINE verdict judge_loss(fm_watch *watch, double loss, ptrdiff_t epoch, double rate)
{
    verdict v = {FM_LOSS_NOT_FINITE, watch->keeps_best && loss < watch->best_loss};
    if (v.is_best) {
        watch->best_loss = loss;
        watch->best_epoch = epoch;
    }
    if (isfinite(loss))
        v.status = apply_plateaus(watch, loss, rate);
    return v;
}

INLINE bool needs_losses(const fm_watch *watch)
{
    return watch->stop.patience >= 0 || watch->slow.patience >= 0 || watch->keeps_best;
}

#endif
