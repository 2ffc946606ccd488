/* train.inc.h -- batches, updates and epochs: what a team of threads does in one call. */

/* What one call works on, shared by its threads. */
typedef struct {
    fm_training *t; /* NULL for a gradient alone */
    const fm_layout *layout;
    const fm_data *data;
    const real *parameters;
    real *gradient, *chunk_gradients, *arena; /* gradient: NULL for a loss alone */
    ptrdiff_t updates_before;
    double *loss; /* of a gradient alone, where it is wanted */
    double loss_scale; /* of every mean */
    mean total, chunk_losses[FM_MOST_CHUNKS]; /* total: of the batches since it was last set to 0 */
    double penalty; /* of the batch, where it is part of the loss */
    fm_team team;
    fm_poll poll;
    int n_threads; /* asked for: there may be fewer */
    enum fm_status status;
} job;

/* One batch on its way through the network; every thread has its own copy. */
typedef struct {
    batch examples;
    double total_weight;
    ptrdiff_t update; /* the number of updates before it */
    int wants_loss;
    int is_last;   /* of its epoch */
    int is_held;   /* its gradient was computed by the call before */
    int ends_held; /* the call ends before its update */
    int is_done;   /* its update was made, or its gradient is held */
    int is_packed; /* the arena holds its only tile already, from the pass before */
} pass;

/* What every thread keeps of its own in a training; all of them come to the same values. */
typedef struct {
    fm_watch watch;
    ptrdiff_t updates;   /* made in all, those before the call among them */
    double batch_losses; /* of the epoch so far, each times its share of the examples, where penalties are part of them */
    double weight;       /* of the epoch's batches so far */
    double loss;         /* of the last epoch for which it was wanted */
} progress;

INLINE double weight_of(const fm_data *data, const batch *b)
{
    const real *weight = data->sample_weight;
    double sum = 0;
    if (!weight)
        return (double)b->n;
    for (ptrdiff_t i = 0; i < b->n; i++) sum += (double)weight[example_of(b, i)];
    return sum;
}

/* Tiles from .. to of a batch -> one gradient and one mean, in tile order */
static enum fm_status FN(pass_tiles)(real *gradient, mean *loss, const job *j, const pass *p, range tiles, real *arena, work *w)
{
    const fm_layout *layout = j->layout;
    const dropout_draw draw = {j->t ? j->t->seed : 0, p->update, j->t != NULL};
    for (ptrdiff_t tile = tiles.from; tile < tiles.to; tile++) {
        const ptrdiff_t first = tile * layout->tile_size, left = p->examples.n - first;
        const ptrdiff_t n = left < layout->tile_size ? left : layout->tile_size;
        if (!p->is_packed) {
            FN(pack_tile)(arena, layout, j->data, &p->examples, first, n, w);
            if (pass_barrier(w))
                return w->status;
        }
        if (FN(forward_tile)(arena, layout, j->parameters, first, n, gradient ? &draw : NULL, w) ||
            FN(backward_tile)(gradient, p->wants_loss ? loss : NULL, arena, layout, j->parameters, j->data, n,
                              p->total_weight, tile > tiles.from, w))
            return w->status;
    }
    for (ptrdiff_t l = 0; gradient && l < layout->n_layers; l++)
        FN(finish_gradient)(gradient + layout->layers[l].weights, &layout->layers[l], arena, w);
    return w->status;
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

/* The gradient of a batch, in chunks of tiles that threads take as they come: each has a gradient and a mean. */
static enum fm_status FN(pass_chunks)(job *j, const pass *p, ptrdiff_t n_tiles, ptrdiff_t n_chunks, work *w)
{
    const fm_layout *layout = j->layout;
    real *arena = j->arena + w->id * (layout->arena_bytes / (ptrdiff_t)sizeof(real));
    w->n_sharing = 1;
    for (ptrdiff_t c; !w->status && (c = atomic_fetch_add(&j->team.next_chunk, 1)) < n_chunks;) {
        j->chunk_losses[c] = (mean){0, 0, j->loss_scale};
        FN(pass_tiles)(j->gradient ? j->chunk_gradients + c * layout->n_parameters : NULL, &j->chunk_losses[c], j, p,
                       (range){c * n_tiles / n_chunks, (c + 1) * n_tiles / n_chunks}, arena, w);
    }
    w->n_sharing = w->n_threads;
    if (barrier(w))
        return w->status;
    if (j->gradient)
        FN(add_chunks)(j->gradient, j->chunk_gradients, n_chunks, layout->n_parameters,
                       my_share(w, layout->n_parameters, LANES));
    if (w->id == 0) {
        atomic_store(&j->team.next_chunk, 0);
        for (ptrdiff_t c = 0; p->wants_loss && c < n_chunks; c++) merge_means(&j->total, &j->chunk_losses[c]);
    }
    return barrier(w);
}

/* The gradient of a batch; zero where no example weighs anything. */
static enum fm_status FN(pass_batch)(job *j, const pass *p, work *w)
{
    const ptrdiff_t n_tiles = ceil_div(p->examples.n, j->layout->tile_size);
    const ptrdiff_t n_chunks = j->layout->n_chunks < n_tiles ? j->layout->n_chunks : n_tiles;
    if (p->total_weight == 0 && j->gradient) {
        const range mine = my_share(w, j->layout->n_parameters, LANES);
        memset(j->gradient + mine.from, 0, (size_t)(mine.to - mine.from) * sizeof(real));
        return barrier(w);
    }
    if (n_chunks > 1)
        return FN(pass_chunks)(j, p, n_tiles, n_chunks, w);
    FN(pass_tiles)(j->gradient, &j->total, j, p, (range){0, n_tiles}, j->arena, w);
    return barrier(w);
}

/* Whether the rule says that the loss no longer falls. */
INLINE int stalls(fm_plateau *p, double loss)
{
    if (p->patience < 0)
        return 0;
    p->n_stalled = loss > p->best - p->tol ? p->n_stalled + 1 : 0;
    if (loss < p->best)
        p->best = loss;
    return p->n_stalled > p->patience;
}

/* What the watch makes of an epoch's loss; `rate` is that of its last update. */
INLINE enum fm_status watch_loss(fm_watch *watch, double loss, double rate)
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

INLINE int is_watched(const fm_watch *watch)
{
    return watch->stop.patience >= 0 || watch->slow.patience >= 0 || watch->keeps_best;
}

/* Where the epoch's loss goes in the caller's array, or NULL. */
INLINE double *place_of_loss(const fm_training *t, ptrdiff_t epoch)
{
    const ptrdiff_t since = epoch - t->first_loss;
    return since >= 0 && since % t->loss_every == 0 && since / t->loss_every < t->n_losses
               ? t->losses + since / t->loss_every
               : NULL;
}

INLINE int wants_loss(const fm_training *t, ptrdiff_t epoch)
{
    return is_watched(t->watch) || place_of_loss(t, epoch) || (t->last_loss && epoch + 1 == t->epochs);
}

/* What the penalties of a batch are multiplied by: 0 where no example weighs anything, and nothing is learned. */
INLINE double penalty_share_of(const job *j, const pass *p)
{
    if (!j->t->penalizes_sum)
        return 1;
    return p->total_weight == 0 ? 0 : 1 / (p->total_weight * j->t->weight_scale);
}

/* Adds a batch's loss to that of its epoch.  No thread may still add to the total. */
INLINE void FN(count_loss)(progress *made, const job *j, const pass *p)
{
    made->weight += p->total_weight;
    if (p->is_held)
        made->loss = j->t->held_loss;
    else if (j->t->penalizes_sum) {
        const double share = (double)p->examples.n / (double)j->data->n_examples;
        if (p->total_weight != 0)
            made->batch_losses +=
                share * (finish_mean(&j->total, p->total_weight) + j->penalty * penalty_share_of(j, p));
        made->loss = made->batch_losses;
    } else if (p->is_last)
        made->loss = finish_mean(&j->total, made->weight);
}

/* The loss of the epoch is known: what the rules say, and whether it is the least so far.  Only of several batches are the
   parameters behind the last update those to keep; a single batch's loss is that of the parameters before it. */
typedef struct {
    enum fm_status rule;
    int is_best, is_whole;
} verdict;

INLINE verdict judge(progress *made, const job *j, const pass *p, ptrdiff_t epoch, double rate)
{
    verdict v = {FM_DONE, 0, p->examples.n == j->data->n_examples};
    if (!p->wants_loss || !p->is_last || made->weight == 0)
        return v;
    v.is_best = made->watch.keeps_best && made->loss < made->watch.best_loss;
    if (v.is_best) {
        made->watch.best_loss = made->loss;
        made->watch.best_epoch = epoch;
    }
    v.rule = isfinite(made->loss) ? watch_loss(&made->watch, made->loss, rate) : FM_LOSS_NOT_FINITE;
    return v;
}

INLINE void FN(keep_best)(const job *j, range mine)
{
    const real *parameters = j->t->parameters;
    memcpy((real *)j->t->best_parameters + mine.from, parameters + mine.from,
           (size_t)(mine.to - mine.from) * sizeof(real));
}

/* This thread's share of an update from the batch's gradient, counted as soon as it is made: the last barrier may hear of
   an interruption.  Where the gradient is not finite, no parameter moves. */
static enum fm_status FN(update)(job *j, pass *p, ptrdiff_t epoch, progress *made, work *w)
{
    fm_training *t = j->t;
    const range mine = my_share(w, j->layout->n_parameters, 64 / (ptrdiff_t)sizeof(real));
    const double penalty_share = penalty_share_of(j, p);
    const double rate = t->learning_rates[made->updates - j->updates_before] * made->watch.rate_scale;
    double scale = 1;
    if (p->wants_loss && t->penalizes_sum && w->id == 0)
        j->penalty = FN(penalty_of)(t, j->layout);
    if (!FN(all_finite)(j->gradient + mine.from, mine.to - mine.from))
        w->status = FM_DIVERGED;
    if (barrier(w))
        return w->status;
    if (p->wants_loss)
        FN(count_loss)(made, j, p);
    if (p->ends_held) {
        p->is_done = 1;
        return barrier(w);
    }
    if (isfinite(t->optimizer->clip_norm)) {
        scale = FN(norm_scale)(t, j->layout, penalty_share);
        if (barrier(w)) /* all have read what some now change */
            return w->status;
    }
    const verdict v = judge(made, j, p, epoch, rate);
    if (v.is_best && v.is_whole)
        FN(keep_best)(j, mine);
    FN(optimizer_update)(t, j->layout, made->updates, rate, scale, penalty_share, mine);
    if (v.is_best && !v.is_whole)
        FN(keep_best)(j, mine);
    made->updates++;
    p->is_done = 1;
    if (v.rule != FM_DONE)
        w->status = v.rule;
    return barrier(w);
}

/* One pass over the data, a batch after another. */
static enum fm_status FN(epoch)(job *j, ptrdiff_t epoch, progress *made, work *w)
{
    fm_training *t = j->t;
    const ptrdiff_t n = j->data->n_examples, *order = t->order ? t->order + epoch * n : NULL;
    const int is_one_tile = !order && n <= j->layout->tile_size && n <= j->layout->batch_size, is_final = epoch + 1 == t->epochs;
    pass p = {.wants_loss = wants_loss(t, epoch),
              .is_packed = epoch > t->is_held && is_one_tile,
              .is_held = epoch == 0 && t->is_held,
              .ends_held = is_final && t->holds_update};
    made->batch_losses = made->weight = 0;
    for (ptrdiff_t start = 0; start < n; start += j->layout->batch_size) {
        const ptrdiff_t left = n - start;
        p.examples = (batch){order ? order + start : NULL, start, left < j->layout->batch_size ? left : j->layout->batch_size, left};
        p.total_weight = weight_of(j->data, &p.examples);
        p.update = made->updates;
        p.is_last = left <= j->layout->batch_size;
        p.is_done = 0;
        if (w->id == 0 && (start == 0 || t->penalizes_sum))
            j->total = (mean){0, 0, j->loss_scale};
        if (!p.is_held && FN(pass_batch)(j, &p, w))
            return w->status;
        FN(update)(j, &p, epoch, made, w);
        if (!p.is_done || (w->status && !p.is_last))
            return w->status;
    }
    if (p.wants_loss && w->id == 0) { /* also where the epoch's last barrier hears of an interruption */
        double *place = place_of_loss(t, epoch);
        if (place)
            *place = made->loss;
        if (t->last_loss)
            *t->last_loss = made->loss;
    }
    return w->status;
}

static void FN(train_on)(job *j, work *w)
{
    progress made = {.watch = *j->t->watch, .updates = j->updates_before};
    for (ptrdiff_t epoch = 0; epoch < j->t->epochs && !w->status; epoch++) FN(epoch)(j, epoch, &made, w);
    if (w->id == 0) {
        j->t->updates = made.updates;
        *j->t->watch = made.watch;
    }
}

static void FN(work_on)(void *job_, int id, int n_threads)
{
    job *j = job_;
    work w = join_team(&j->team, id, n_threads, j->poll, block_of(j->arena, j->layout, j->n_threads, id));
    if (j->t)
        FN(train_on)(j, &w);
    else {
        pass p = {.examples = {.n = j->data->n_examples}, .wants_loss = j->loss != NULL};
        p.total_weight = weight_of(j->data, &p.examples);
        FN(pass_batch)(j, &p, &w);
        if (id == 0 && j->loss)
            *j->loss = finish_mean(&j->total, p.total_weight);
    }
    if (id == 0)
        j->status = w.poll.is_stopped ? FM_INTERRUPTED : w.status;
}

static enum fm_status FN(run)(job *j, ptrdiff_t n_examples, int n_threads)
{
    j->total = start_mean(n_examples);
    j->loss_scale = j->total.scale;
    j->n_threads = n_threads;
    j->chunk_gradients = chunk_gradients_of(j->arena, j->layout, n_threads);
    fm_run_team(FN(work_on), j, n_threads);
    return j->status;
}

static enum fm_status FN(loss_and_gradient)(void *gradient, double *loss, const fm_layout *layout, const void *parameters,
                                 const fm_data *data, void *arena, int n_threads, fm_poll poll)
{
    job j = {.layout = layout, .data = data, .parameters = parameters, .gradient = gradient, .arena = arena,
             .loss = loss, .poll = poll};
    return FN(run)(&j, data->n_examples, n_threads);
}

static enum fm_status FN(train)(fm_training *training, const fm_layout *layout, const fm_data *data, void *arena, int n_threads,
                     fm_poll poll)
{
    job j = {.t = training, .layout = layout, .data = data, .parameters = training->parameters,
             .gradient = training->gradient, .arena = arena, .updates_before = training->updates, .poll = poll};
    return FN(run)(&j, data->n_examples, n_threads);
}

static enum fm_status FN(predict)(void *outputs, const fm_layout *layout, const void *parameters, const fm_data *data, void *arena_,
                       enum fm_output output, fm_poll poll)
{
    real *arena = arena_;
    work w = start_work(poll, block_of(arena, layout, 1, 0));
    const fm_layer *last = &layout->layers[layout->n_layers - 1];
    const batch all = {.n = data->n_examples};
    for (ptrdiff_t first = 0, n; first < data->n_examples; first += n) {
        n = data->n_examples - first < layout->tile_size ? data->n_examples - first : layout->tile_size;
        FN(pack_tile)(arena, layout, data, &all, first, n, &w);
        if (w.status || FN(forward_tile)(arena, layout, parameters, first, n, NULL, &w))
            return w.status;
        if (output == FM_PROBABILITIES)
            FN(output_forward)(arena + layout->outputs, tile_rows(layout, last->fan_out, n), last->activation);
        FN(unpack_rows)(outputs, data->n_examples, arena + layout->outputs, layout->row_stride, last->fan_out, first, n);
    }
    return FM_DONE;
}
