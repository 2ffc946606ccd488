/* train.inc.h -- updates and epochs: the loop of a training, run by every thread of the team at once. */
#ifndef FASTMLP_TRAIN_INC_H
#define FASTMLP_TRAIN_INC_H

#include <float.h>

#include "elementwise.inc.h"
#include "optimizer.inc.h"
#include "pass.inc.h"
#include "watch.inc.h"

/* Each thread keeps its own copy; all copies have the same values but for is_small. */
typedef struct {
    fm_watch watch;
    ptrdiff_t updates;   /* made in all, also before the call */
    double batch_losses; /* penalized losses of the epoch's batches, each times its share of the examples */
    double weight;       /* of the epoch's batches so far */
    double loss;         /* of the last epoch whose loss was wanted */
    bool is_small;       /* whether this thread's share of the parameters and of m is known to be */
} training_progress;

/* Where the epoch's loss goes in the caller's array, or NULL. */
INLINE double *place_of_loss(const fm_training *training, ptrdiff_t epoch)
{
    const ptrdiff_t since = epoch - training->first_loss, place = since / training->loss_every;
    const bool is_wanted = since >= 0 && since % training->loss_every == 0 && place < training->n_losses;
    return is_wanted ? training->losses + place : NULL;
}

INLINE bool wants_loss(const fm_training *training, ptrdiff_t epoch)
{
    return needs_losses(training->watch) || place_of_loss(training, epoch) ||
           (training->last_loss && epoch + 1 == training->epochs);
}

INLINE void report_loss(const fm_training *training, ptrdiff_t epoch, double loss)
{
    double *place = place_of_loss(training, epoch);
    if (place)
        *place = loss;
    if (training->last_loss)
        *training->last_loss = loss;
}

/* The factor of a batch's penalties.  With penalties of the sum it is one over the batch's weight: 0 if that is 0, and
   finite, so that no penalty times it is no penalty, however small the weights. */
INLINE double penalty_share_of(const fm_training *training, const batch_pass *pass)
{
    if (!training->penalizes_sum)
        return 1;
    return pass->weight.total == 0 ? 0 : fmin(1 / ldexp(pass->weight.total, pass->weight.exponent), DBL_MAX);
}

/* Adds a batch's loss to that of its epoch.  By now no thread may add to the total. */
INLINE void FN(count_loss)(training_progress *progress, const team_job *job, const batch_pass *pass)
{
    progress->weight += pass->weight.share * pass->weight.total;
    if (pass->is_last && progress->weight == 0)
        progress->loss = 0; /* of an epoch in which no example weighs anything */
    else if (pass->is_held)
        progress->loss = job->training->held_loss;
    else if (job->training->penalizes_sum) {
        const double share = (double)pass->examples.n / (double)job->call->data->n_examples;
        if (pass->weight.total != 0)
            progress->batch_losses +=
                share * (finish_mean(&job->total, pass->weight.total) * job->training->loss_share +
                         job->penalty * penalty_share_of(job->training, pass));
        progress->loss = progress->batch_losses;
    } else if (pass->is_last)
        progress->loss = finish_mean(&job->total, progress->weight);
}

INLINE void FN(keep_best)(const fm_training *training, range mine)
{
    const real *parameters = training->parameters;
    memcpy((real *)training->best_parameters + mine.from, parameters + mine.from,
           (size_t)(mine.to - mine.from) * sizeof(real));
}

/* This thread's share of an update from the batch's gradient; no parameter moves if the gradient is not finite, or one
   of them would not be.  Whether the update was made, or is held for the next call. */
static bool FN(update)(team_job *job, const batch_pass *pass, training_progress *progress, worker *w)
{
    fm_training *training = job->training;
    const fm_layout *layout = job->call->layout;
    const range mine = my_share(w, layout->n_parameters, 64 / (ptrdiff_t)sizeof(real)); /* whole cache lines */
    update_step step = {.number = progress->updates,
                        .rate = training->learning_rates[progress->updates - job->updates_before] *
                                progress->watch.rate_scale,
                        .scale = 1,
                        .penalty_share = penalty_share_of(training, pass)};
    if (pass->wants_loss && training->penalizes_sum && w->id == 0)
        job->penalty = FN(penalty_of)(training, layout, w);
    const bool is_small_gradient = FN(all_small)(job->gradient + mine.from, mine.to - mine.from, w);
    if (!is_small_gradient && !FN(all_finite)(job->gradient + mine.from, mine.to - mine.from, w))
        w->status = FM_DIVERGED;
    if (barrier(w))
        return false;
    if (pass->wants_loss)
        FN(count_loss)(progress, job, pass);
    if (pass->ends_held) {
        barrier(w);
        return true;
    }
    if (isfinite(training->optimizer->clip_norm))
        step.scale = FN(norm_scale)(training, layout, step.penalty_share, w);
    const update_constants c = FN(constants_of)(training->optimizer, &step);
    if (!FN(stays_finite)(training, layout, &c, mine, is_small_gradient && progress->is_small))
        w->status = FM_OVERFLOWED;
    poll_after(w, WORK_OF_A_COPY * items_in(mine));
    if (silent_barrier(w)) /* all threads have read the parameters before one changes them */
        return false;
    verdict v = {FM_DONE, false};
    if (pass->wants_loss && pass->is_last && progress->weight != 0)
        v = judge_loss(&progress->watch, progress->loss, pass->epoch, step.rate);
    /* The loss of a single batch belongs to the parameters before its update; that of several is ascribed to those
       after the last update. */
    const bool is_whole = pass->examples.n == job->call->data->n_examples;
    if (v.is_best && is_whole)
        FN(keep_best)(training, mine);
    progress->is_small = FN(optimizer_sweep)(training, layout, &c, mine, 0);
    if (v.is_best && !is_whole)
        FN(keep_best)(training, mine);
    progress->updates++;
    if (v.status)
        w->status = v.status;
    silent_barrier(w);
    return true;
}

/* One pass over the data, batch by batch. */
static void FN(epoch)(team_job *job, ptrdiff_t epoch, training_progress *progress, worker *w)
{
    fm_training *training = job->training;
    const fm_layout *layout = job->call->layout;
    const fm_data *data = job->call->data;
    const ptrdiff_t n = data->n_examples, *order = training->order ? training->order + epoch * n : NULL;
    const bool is_one_tile = !order && n <= layout->tile_size && n <= layout->batch_size;
    batch_pass pass = {.epoch = epoch,
                       .wants_loss = wants_loss(training, epoch),
                       .is_packed = is_one_tile && epoch > (training->is_held ? 1 : 0),
                       .is_held = epoch == 0 && training->is_held,
                       .ends_held = epoch + 1 == training->epochs && training->holds_update};
    progress->batch_losses = progress->weight = 0;
    for (ptrdiff_t start = 0; start < n; start += layout->batch_size) {
        const ptrdiff_t left = n - start, size = left < layout->batch_size ? left : layout->batch_size;
        pass.examples = (batch){order ? order + start : NULL, start, size, left};
        if (FN(agree_on_weight)(&pass.weight, job, &pass.examples, w))
            return;
        if (training->penalizes_sum) /* each batch has a mean of its own */
            pass.weight.share = 1;
        pass.update = progress->updates;
        pass.is_last = left <= layout->batch_size;
        if (w->id == 0 && (start == 0 || training->penalizes_sum))
            job->total = (mean){0, 0, job->loss_scale};
        if (!pass.is_held && FN(pass_batch)(job, &pass, w))
            return;
        if (!FN(update)(job, &pass, progress, w) || (w->status && !pass.is_last))
            return;
    }
    if (pass.wants_loss && w->id == 0) /* also if the epoch's last barrier reported an interruption */
        report_loss(training, epoch, progress->loss);
}

static enum fm_status FN(train_task)(void *job_, int id, int n_threads)
{
    team_job *job = job_;
    fm_training *training = job->training;
    worker w = join_job(job, id, n_threads);
    training_progress progress = {.watch = *training->watch, .updates = job->updates_before};
    for (ptrdiff_t epoch = 0; epoch < training->epochs && !w.status; epoch++) FN(epoch)(job, epoch, &progress, &w);
    if (id == 0) {
        training->updates = progress.updates;
        *training->watch = progress.watch;
    }
    return leave_team(&w);
}

static enum fm_status FN(train)(fm_training *training, const fm_call *call)
{
    team_job job = {.call = call,
                    .training = training,
                    .parameters = training->parameters,
                    .gradient = training->gradient,
                    .updates_before = training->updates};
    return FN(run_job)(&job, FN(train_task));
}

#endif
