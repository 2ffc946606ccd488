/* wasm.c -- the engine's interface for a web page: models with their data, trained in slices of time.
 *
 * Compiled to WebAssembly alone, and in place of team.c, poll.c and dispatch.c: there is one thread, no signal, one
 * instruction set and, to keep the file small, float64 alone.  The caller is lab/playground/web/engine.js, which checks
 * arguments; a NULL or false answer means that there is no memory.
 */
#if defined(__wasm__)

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "team.h"
#include "wasm.h"

/* Milliseconds of the page's clock. */
__attribute__((import_module("page"), import_name("now"))) double page_now(void);

/* ---- what team.c and poll.c do where there are threads and signals */

void fm_look(poller *p) { p->operations = 0; }
enum fm_status fm_run_team(fm_task task, void *argument, int n_threads)
{
    (void)n_threads;
    return task(argument, 0, 1);
}
enum fm_status fm_barrier(worker *w, bool is_silent)
{
    (void)is_silent;
    return w->status;
}

/* ---- models */

#define WORK_OF_A_BLOCK 4e6 /* operations between two looks at the clock: about 0.5 ms */

static void free_data(fm_model *m)
{
    free_layers(m);
    free(m->inputs), free(m->targets), free(m->arena), free(m->rates), free(m->order), free(m->draws);
    m->inputs = m->targets = m->rates = m->draws = NULL;
    m->arena = m->order = NULL;
}

EXPORT(free_model) void free_model(fm_model *m)
{
    if (!m)
        return;
    free_data(m);
    free(m->parameters), free(m->gradient), free(m->moments[0]), free(m->moments[1]), free(m->layout);
    free((void *)m->network.layer_dims), free((void *)m->network.activations);
    free(m);
}

/* A model of these widths (n_layers + 1) and activations (n_layers), whose parameters are 0. */
EXPORT(create)
fm_model *create(ptrdiff_t n_layers, const ptrdiff_t *layer_dims, const enum fm_activation *activations,
                 enum fm_loss loss, double loss_parameter, double label_smoothing)
{
    fm_model *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->network = (fm_network){.n_layers = n_layers,
                              .layer_dims = copied(layer_dims, (size_t)(n_layers + 1) * sizeof *layer_dims),
                              .activations = copied(activations, (size_t)n_layers * sizeof *activations),
                              .loss = loss,
                              .loss_parameter = loss_parameter,
                              .label_smoothing = label_smoothing};
    m->layout = malloc(sizeof(fm_layout) + (size_t)n_layers * sizeof(fm_layer));
    if (m->network.layer_dims && m->network.activations && m->layout) {
        kernels->make_layout(m->layout, &m->network, 1);
        const ptrdiff_t n = m->layout->n_parameters;
        m->parameters = new_numbers(n), m->gradient = new_numbers(n);
        m->moments[0] = new_numbers(n), m->moments[1] = new_numbers(n);
        if (m->parameters && m->gradient && m->moments[0] && m->moments[1])
            return m;
    }
    free_model(m);
    return NULL;
}

EXPORT(parameters) double *parameters(const fm_model *m) { return m->parameters; }
EXPORT(n_parameters) ptrdiff_t n_parameters(const fm_model *m) { return m->layout->n_parameters; }
EXPORT(inputs) double *inputs(const fm_model *m) { return m->inputs; }
EXPORT(targets) double *targets(const fm_model *m) { return m->targets; }
EXPORT(epochs) ptrdiff_t epochs(const fm_model *m) { return m->epochs; }
EXPORT(losses) const double *losses(const fm_model *m) { return m->losses; }
EXPORT(n_losses) ptrdiff_t n_losses(const fm_model *m) { return m->n_losses; }

/* Forgets the training: the next one starts from the parameters as they are. */
EXPORT(restart) void restart(fm_model *m)
{
    const size_t bytes = (size_t)m->layout->n_parameters * sizeof(double);
    memset(m->moments[0], 0, bytes);
    memset(m->moments[1], 0, bytes);
    m->epochs = m->updates = 0;
}

EXPORT(set_method) void set_method(fm_model *m, enum fm_method method) { m->optimizer.method = method; }
EXPORT(set_field) void set_field(fm_model *m, int field, double value)
{
    fm_set_optimizer_field(&m->optimizer, field, value);
}
EXPORT(set_rate) void set_rate(fm_model *m, double rate) { m->learning_rate = rate; }

/* Makes room for n examples, taken in batches in the orders that the seed gives; the caller then writes inputs and
   targets. */
EXPORT(set_data) bool set_data(fm_model *m, ptrdiff_t n, ptrdiff_t batch_size, uint32_t seed)
{
    free_data(m);
    const ptrdiff_t n_features = m->network.layer_dims[0], n_batches = (n + batch_size - 1) / batch_size;
    fm_layout *layout = m->layout;
    kernels->make_layout(layout, &m->network, batch_size);
    const double work = 6.0 * (double)layout->n_parameters * (double)n; /* of an epoch */
    m->block = work < WORK_OF_A_BLOCK ? (ptrdiff_t)(WORK_OF_A_BLOCK / work) : 1;
    m->seed = seed;
    m->arena = fm_allocate((size_t)(layout->arena_bytes + layout->chunk_bytes + layout->block_bytes));
    m->inputs = new_numbers(n * n_features);
    m->targets = new_numbers(n * layout->n_targets);
    m->rates = new_numbers(m->block * n_batches);
    if (n_batches > 1) {
        m->order = malloc((size_t)(m->block * n) * sizeof *m->order);
        m->draws = new_numbers(n);
    }
    m->data = (fm_data){.inputs = m->inputs,
                        .targets = m->targets,
                        .n_examples = n,
                        .example_stride = n_features,
                        .feature_stride = 1,
                        .target_stride = n};
    const bool has_order = n_batches == 1 || (m->order && m->draws);
    return m->arena && m->inputs && m->targets && m->rates && has_order;
}

/* The orders of the next epochs: those of training/orders.py. */
static void draw_orders(fm_model *m, ptrdiff_t n_epochs)
{
    const ptrdiff_t n = m->data.n_examples;
    double wrong;
    for (ptrdiff_t i = 0; i < n_epochs; i++) {
        draw_uniform_of(m->draws, n, m->seed, (uint32_t)(m->epochs + i));
        fm_draw_order(m->order + i * n, m->draws, n, &wrong, NULL);
    }
}

/* Trains for one block of at most n_epochs, and keeps the losses of epochs 0, loss_every, ... of the training. */
static enum fm_status train_block(fm_model *m, ptrdiff_t n_epochs, ptrdiff_t loss_every)
{
    const ptrdiff_t n_batches = (m->data.n_examples + m->layout->batch_size - 1) / m->layout->batch_size;
    const ptrdiff_t first_loss = (loss_every - m->epochs % loss_every) % loss_every, before = m->updates;
    const ptrdiff_t expected = n_epochs > first_loss ? (n_epochs - first_loss - 1) / loss_every + 1 : 0;
    fm_watch watch = {.stop = {.patience = -1}, .slow = {.patience = -1}, .rate_scale = 1};
    fm_training training = {.parameters = m->parameters,
                            .moments = {m->moments[0], m->moments[1]},
                            .gradient = m->gradient,
                            .optimizer = &m->optimizer,
                            .learning_rates = m->rates,
                            .order = m->order,
                            .epochs = n_epochs,
                            .updates = m->updates,
                            .losses = m->losses + m->n_losses,
                            .n_losses = expected,
                            .first_loss = first_loss,
                            .loss_every = loss_every,
                            .watch = &watch,
                            .loss_share = 1};
    for (ptrdiff_t i = 0; i < n_epochs * n_batches; i++) m->rates[i] = m->learning_rate;
    if (m->order)
        draw_orders(m, n_epochs);
    const fm_call call = call_on(m, &m->data);
    const enum fm_status status = kernels->train(&training, &call);
    m->updates = training.updates;
    const ptrdiff_t done = (training.updates - before) / n_batches;
    m->epochs += done;
    m->n_losses += done > first_loss ? (done - first_loss - 1) / loss_every + 1 : 0;
    return status;
}

/* Trains for n_epochs, at most MOST_EPOCHS, or until the time is up, but for one block of epochs at least. */
EXPORT(train) enum fm_status train(fm_model *m, ptrdiff_t n_epochs, double milliseconds, ptrdiff_t loss_every)
{
    const double end = page_now() + milliseconds;
    enum fm_status status = FM_DONE;
    ptrdiff_t left = n_epochs < MOST_EPOCHS ? n_epochs : MOST_EPOCHS;
    m->n_losses = 0;
    while (left > 0 && !status) {
        const ptrdiff_t n = left < m->block ? left : m->block;
        status = train_block(m, n, loss_every);
        left -= n;
        if (page_now() >= end)
            break;
    }
    return status;
}

/* The mean loss over all examples. */
EXPORT(loss) double loss(const fm_model *m)
{
    const ptrdiff_t n = m->data.n_examples, size = m->layout->batch_size;
    double total = 0;
    for (ptrdiff_t from = 0; from < n; from += size) {
        fm_data batch = m->data;
        double mean = 0;
        batch.inputs = m->inputs + from * m->data.example_stride;
        batch.targets = m->targets + from;
        batch.n_examples = from + size < n ? size : n - from;
        const fm_call call = call_on(m, &batch);
        kernels->loss_and_gradient(NULL, NULL, &mean, m->parameters, &call);
        if (batch.n_examples == n)
            return mean; /* the bits of a training's loss */
        total += mean * (double)batch.n_examples;
    }
    return total / (double)n;
}

/* outputs (n_outputs, n) <- what the network says of inputs (n, n_features) */
EXPORT(predict) void predict(double *outputs, const fm_model *m, const double *inputs, ptrdiff_t n)
{
    const fm_data data = {
        .inputs = inputs, .n_examples = n, .example_stride = m->network.layer_dims[0], .feature_stride = 1};
    const fm_call call = call_on(m, &data);
    kernels->predict(outputs, m->parameters, FM_PROBABILITIES, &call);
}

/* ---- names and memory */

EXPORT(activation_names) const fm_name *activation_names(void) { return fm_activation_names; }
EXPORT(loss_names) const fm_name *loss_names(void) { return fm_loss_names; }
EXPORT(method_names) const fm_name *method_names(void) { return fm_method_names; }
EXPORT(status_names) const fm_name *status_names(void) { return fm_status_names; }
EXPORT(field_names) const fm_name *field_names(void) { return fm_optimizer_fields; }

EXPORT(allocate) void *allocate(size_t bytes) { return malloc(bytes); }
EXPORT(release) void release(void *memory) { free(memory); }

#endif
