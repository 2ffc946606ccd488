/* pass.inc.h -- the loss and gradient of one batch by a team of threads: which tiles each thread takes, and in which
 * order their gradients are added.  Updates and epochs are in train.inc.h.
 */
#ifndef FASTMLP_PASS_INC_H
#define FASTMLP_PASS_INC_H

#include "layout.inc.h"
#include "loss.inc.h"
#include "pack.inc.h"
#include "step.inc.h"

/* What the threads of one call share. */
typedef struct {
    const fm_call *call;
    fm_training *training; /* NULL outside training */
    const real *parameters;
    real *gradient;    /* NULL if only the loss is wanted */
    real *outputs;     /* NULL, or of all examples, without a gradient */
    double *loss;      /* outside training; NULL if only the gradient is wanted */
    double loss_scale; /* of every mean */
    mean total;        /* losses of the batches since it was last set to 0 */
    mean chunk_losses[FM_MOST_CHUNKS];
    batch_weight weight;      /* of the batch, if its examples have weights */
    double penalty;           /* of the batch, if penalties are part of its loss */
    ptrdiff_t updates_before; /* made before the call */
    fm_team team;
} team_job;

/* One batch on its way through the network; each thread has its own copy. */
typedef struct {
    batch examples;
    batch_weight weight;
    ptrdiff_t epoch;
    ptrdiff_t update; /* number of updates before it */
    bool wants_loss;
    bool is_last;   /* of its epoch */
    bool is_held;   /* the call before computed its gradient */
    bool ends_held; /* the call ends before its update */
    bool is_packed; /* the arena already holds its only tile, from the pass before */
} batch_pass;

/* outputs <- the columns of a tile, by one of the threads that share it */
static enum fm_status FN(write_outputs)(real *outputs, const tile *t)
{
    const fm_layer *last = &t->layout->layers[t->layout->n_layers - 1];
    real *logits = t->arena + t->layout->outputs;
    if (is_first_sharing(t->w) && !FN(activate_outputs)(logits, last, t))
        FN(unpack_rows)(outputs, logits, last->fan_out, t);
    return pass_barrier(t->w); /* before the next tile overwrites this one */
}

/* gradient, loss <- the sums over a range of the batch's tiles, in tile order */
static void FN(pass_tiles)(real *gradient, mean *loss, range tiles, const team_job *job, const batch_pass *pass,
                           worker *w)
{
    const fm_layout *layout = job->call->layout;
    const dropout_draw draw = {job->training ? job->training->seed : 0, pass->update};
    tile t = {.layout = layout,
              .data = job->call->data,
              .batch = &pass->examples,
              .arena = arena_of(job->call, w),
              .weight = pass->weight,
              .dropout = job->training ? &draw : NULL,
              .keeps_derivatives = gradient != NULL,
              .w = w};
    for (ptrdiff_t i = tiles.from; i < tiles.to; i++) {
        move_tile(&t, i * layout->tile_size);
        t.accumulate = i > tiles.from;
        if (!pass->is_packed) {
            FN(pack_tile)(&t);
            if (pass_barrier(w))
                return;
        }
        if (FN(forward_tile)(job->parameters, &t) ||
            FN(backward_tile)(gradient, pass->wants_loss ? loss : NULL, job->parameters, &t))
            return;
        if (job->outputs && FN(write_outputs)(job->outputs, &t))
            return;
    }
    for (ptrdiff_t l = 0; gradient && l < layout->n_layers; l++)
        FN(finish_gradient)(gradient + layout->layers[l].weights, &layout->layers[l], t.arena, w);
}

/* gradient <- the chunks' gradients, added in order, for a range of parameters */
static void FN(add_chunks)(real *gradient, const real *chunks, ptrdiff_t n_chunks, ptrdiff_t n_parameters, range r)
{
    for (ptrdiff_t i = r.from; i < r.to; i += LANES) {
        vec sum = vload_some(chunks + i, r.to - i);
        for (ptrdiff_t c = 1; c < n_chunks; c++) sum += vload_some(chunks + c * n_parameters + i, r.to - i);
        vstore_some(gradient + i, sum, r.to - i);
    }
}

/* The gradient of a batch in chunks of tiles, each with a gradient and a mean; threads take the next free chunk. */
static enum fm_status FN(pass_chunks)(team_job *job, const batch_pass *pass, ptrdiff_t n_tiles, ptrdiff_t n_chunks,
                                      worker *w)
{
    const ptrdiff_t n_parameters = job->call->layout->n_parameters;
    real *chunk_gradients = chunk_gradients_of(job->call);
    w->n_sharing = 1;
    for (ptrdiff_t c; !w->status && (c = atomic_fetch_add(&job->team.next_chunk, 1)) < n_chunks;) {
        const range tiles = {c * n_tiles / n_chunks, (c + 1) * n_tiles / n_chunks};
        job->chunk_losses[c] = (mean){0, 0, job->loss_scale};
        FN(pass_tiles)(job->gradient ? chunk_gradients + c * n_parameters : NULL, &job->chunk_losses[c], tiles, job,
                       pass, w);
    }
    w->n_sharing = w->n_threads;
    if (barrier(w))
        return w->status;
    if (job->gradient)
        FN(add_chunks)(job->gradient, chunk_gradients, n_chunks, n_parameters, my_share(w, n_parameters, LANES));
    if (w->id == 0) {
        atomic_store(&job->team.next_chunk, 0);
        for (ptrdiff_t c = 0; pass->wants_loss && c < n_chunks; c++) merge_means(&job->total, &job->chunk_losses[c]);
    }
    return barrier(w);
}

/* The gradient of a batch; 0 if its total weight is 0. */
static enum fm_status FN(pass_batch)(team_job *job, const batch_pass *pass, worker *w)
{
    const fm_layout *layout = job->call->layout;
    const ptrdiff_t n_tiles = ceil_div(pass->examples.n, layout->tile_size);
    const ptrdiff_t n_chunks = layout->n_chunks < n_tiles ? layout->n_chunks : n_tiles;
    if (pass->weight.total == 0 && job->gradient) {
        const range mine = my_share(w, layout->n_parameters, LANES);
        FN(set_zero)(job->gradient + mine.from, mine.to - mine.from, w);
        return barrier(w);
    }
    if (n_chunks > 1)
        return FN(pass_chunks)(job, pass, n_tiles, n_chunks, w);
    FN(pass_tiles)(job->gradient, &job->total, (range){0, n_tiles}, job, pass, w);
    return barrier(w);
}

INLINE worker join_job(team_job *job, int id, int n_threads)
{
    return join_team(&job->team, id, n_threads, job->call->poll, block_of(job->call, id));
}

/* Runs `task` on the threads of the call. */
static enum fm_status FN(run_job)(team_job *job, fm_task task)
{
    job->total = start_mean(job->call->data->n_examples);
    job->loss_scale = job->total.scale;
    return fm_run_team(task, job, job->call->n_threads);
}

/* weight <- that of the batch, the same for all threads: which barriers they wait at depends on it, and weights that
   another thread writes to could give each thread a sum of its own. */
static enum fm_status FN(agree_on_weight)(batch_weight *weight, team_job *job, const batch *examples, worker *w)
{
    const fm_data *data = job->call->data;
    if (!data->sample_weight) {
        *weight = weight_of(data, examples, w);
        return w->status;
    }
    if (w->id == 0)
        job->weight = weight_of(data, examples, w);
    if (!barrier(w))
        *weight = job->weight;
    return w->status;
}

static enum fm_status FN(gradient_task)(void *job_, int id, int n_threads)
{
    team_job *job = job_;
    worker w = join_job(job, id, n_threads);
    batch_pass pass = {.examples = {.n = job->call->data->n_examples}, .wants_loss = job->loss != NULL};
    if (!FN(agree_on_weight)(&pass.weight, job, &pass.examples, &w))
        FN(pass_batch)(job, &pass, &w);
    if (id == 0 && job->loss)
        *job->loss = finish_mean(&job->total, pass.weight.share * pass.weight.total);
    return leave_team(&w);
}

static enum fm_status FN(loss_and_gradient)(void *gradient, void *outputs, double *loss, const void *parameters,
                                            const fm_call *call)
{
    team_job job = {.call = call, .parameters = parameters, .gradient = gradient, .outputs = outputs, .loss = loss};
    return FN(run_job)(&job, FN(gradient_task));
}

#endif
