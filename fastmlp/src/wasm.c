/* wasm.c -- the engine's interface for a web page: models with their data, trained in slices of time.
 *
 * Compiled to WebAssembly alone, and in place of team.c, poll.c and dispatch.c: there is one thread, no signal, one
 * instruction set and, to keep the file small, float64 alone.  The caller is lab/playground/web/engine.js, which checks
 * arguments; a NULL or false answer means that there is no memory.
 */
#if defined(__wasm__)

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "team.h"
#include "wasm.h"

#define EXPORT(name) __attribute__((export_name(#name)))

extern const fm_kernels fm_kernels_f64_baseline;
static const fm_kernels *const kernels = &fm_kernels_f64_baseline;

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

enum { MOST_EPOCHS = 1 << 14 }; /* of one call, whose losses are kept */
#define WORK_OF_A_BLOCK 4e6     /* operations between two looks at the clock: about 0.5 ms */

/* A network, its data and its training. */
typedef struct {
    fm_network network;
    fm_layout *layout;
    void *arena;
    double *parameters, *gradient, *moments[2];
    fm_optimizer optimizer;
    double learning_rate;
    fm_data data;
    double *inputs, *targets; /* (n, n_features); (n_targets, n) */
    ptrdiff_t block;          /* epochs between two looks at the clock */
    double *rates;            /* of a block */
    ptrdiff_t *order;         /* of a block, or NULL where a batch takes all examples */
    double *draws;            /* of one epoch's order */
    uint32_t seed;            /* of the orders */
    ptrdiff_t epochs, updates;
    double losses[MOST_EPOCHS]; /* of the last call */
    ptrdiff_t n_losses;
    fm_layer_arrays *layers; /* of the last look, or NULL before the first */
} fm_model;

static void free_layers(fm_model *m)
{
    if (m->layers)
        for (ptrdiff_t l = 0; l < m->network.n_layers; l++) {
            free(m->layers[l].z), free(m->layers[l].a), free(m->layers[l].dz);
            free(m->layers[l].d_weights), free(m->layers[l].d_bias), free(m->layers[l].d_inputs);
        }
    free(m->layers);
    m->layers = NULL;
}

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

static void *copied(const void *from, size_t bytes)
{
    void *to = malloc(bytes);
    return to ? memcpy(to, from, bytes) : NULL;
}

static double *new_numbers(ptrdiff_t n) { return calloc((size_t)(n ? n : 1), sizeof(double)); }

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

static fm_call call_on(const fm_model *m, const fm_data *data)
{
    return (fm_call){.layout = m->layout, .data = data, .arena = m->arena, .n_threads = 1};
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

/* ---- a look into every layer */

enum { SAMPLE = 64 }; /* of lab/diagnosis/sample.py: examples of correlations, and rows of all Jacobians together */

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static bool new_layers(fm_model *m)
{
    const ptrdiff_t n = m->data.n_examples, n_layers = m->network.n_layers;
    m->layers = calloc((size_t)n_layers, sizeof *m->layers);
    if (!m->layers)
        return false;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        const fm_layer *layer = &m->layout->layers[l];
        fm_layer_arrays *arrays = &m->layers[l];
        *arrays = (fm_layer_arrays){.weights = m->parameters + layer->weights,
                                    .bias = m->parameters + layer->bias,
                                    .z = new_numbers(layer->fan_out * n),
                                    .a = new_numbers(layer->fan_out * n),
                                    .dz = new_numbers(layer->fan_out * n),
                                    .d_weights = new_numbers(layer->fan_out * layer->fan_in),
                                    .d_bias = new_numbers(layer->fan_out),
                                    .d_inputs = l ? new_numbers(layer->fan_in * n) : NULL};
        if (!arrays->z || !arrays->a || !arrays->dz || !arrays->d_weights || !arrays->d_bias ||
            (l && !arrays->d_inputs))
            return false;
    }
    return true;
}

/* Computes the arrays of every layer for all examples. */
EXPORT(look) bool look(fm_model *m)
{
    if (!m->layers && !new_layers(m)) {
        free_layers(m);
        return false;
    }
    const fm_call call = call_on(m, &m->data);
    kernels->layers(m->layers, &call);
    return true;
}

/* The arrays of a layer in the last look: z and a (fan_out, n), and dz, the derivatives of the mean loss by z. */
EXPORT(preactivations) const double *preactivations(const fm_model *m, ptrdiff_t l) { return m->layers[l].z; }
EXPORT(activations) const double *activations(const fm_model *m, ptrdiff_t l) { return m->layers[l].a; }
EXPORT(gradients) const double *gradients(const fm_model *m, ptrdiff_t l) { return m->layers[l].dz; }

/* The mean and the variance of n numbers, each times a factor.  The mean is that of differences from the first number,
   so that numbers that are all the same have a variance of 0. */
static void moments_of(double *mean, double *variance, const double *x, ptrdiff_t n, double factor)
{
    const double first = x[0] * factor;
    double sum = 0, squares = 0;
    for (ptrdiff_t i = 0; i < n; i++) sum += x[i] * factor - first;
    *mean = first + sum / (double)n;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double difference = x[i] * factor - *mean;
        squares += difference * difference;
    }
    *variance = squares / (double)n;
}

/* The share of units (n_units, n) that are constant over all examples. */
static double share_of_dead(const double *x, ptrdiff_t units, ptrdiff_t n)
{
    ptrdiff_t n_dead = 0;
    for (ptrdiff_t unit = 0; unit < units; unit++, x += n) {
        ptrdiff_t i = 1;
        while (i < n && x[i] == x[0]) i++;
        n_dead += i == n;
    }
    return (double)n_dead / (double)units;
}

/* Whether numbers are equal; every NaN is equal to every other. */
static bool are_equal(const double *x, const double *y, ptrdiff_t n)
{
    ptrdiff_t i = 0;
    while (i < n && (x[i] == y[i] || (isnan(x[i]) && isnan(y[i])))) i++;
    return i == n;
}

/* How many units differ in their incoming weights or bias. */
static ptrdiff_t n_distinct(const double *weights, const double *bias, ptrdiff_t units, ptrdiff_t fan_in)
{
    ptrdiff_t count = 0;
    for (ptrdiff_t unit = 0; unit < units; unit++) {
        ptrdiff_t other = 0;
        while (other < unit && !(are_equal(bias + other, bias + unit, 1) &&
                                 are_equal(weights + other * fan_in, weights + unit * fan_in, fan_in)))
            other++;
        count += other == unit;
    }
    return count;
}

/* The place of the i-th of `some` numbers that are spread evenly over n, as numpy.linspace spreads them. */
static ptrdiff_t spread_place(ptrdiff_t i, ptrdiff_t some, ptrdiff_t n)
{
    if (some == 1 || i + 1 == some)
        return some == 1 ? 0 : n - 1;
    return (ptrdiff_t)((double)i * ((double)(n - 1) / (double)(some - 1)));
}

/* The mean cosine between the pre-activations z (units, n) of two examples, of all pairs among `some` of them; NaN
   without a pair.  The sum over pairs is the squared length of the sum of all directions, less that of each. */
static double correlation_of(const double *z, ptrdiff_t units, ptrdiff_t n, ptrdiff_t some)
{
    double lengths[SAMPLE], total = 0;
    ptrdiff_t n_used = 0;
    for (ptrdiff_t i = 0; i < some; i++) {
        double squares = 0;
        for (ptrdiff_t u = 0; u < units; u++) {
            const double value = z[u * n + spread_place(i, some, n)];
            squares += value * value;
        }
        lengths[i] = sqrt(squares);
        n_used += lengths[i] > 0;
    }
    for (ptrdiff_t u = 0; u < units; u++) {
        double sum = 0;
        for (ptrdiff_t i = 0; i < some; i++)
            if (lengths[i] > 0)
                sum += z[u * n + spread_place(i, some, n)] / lengths[i];
        total += sum * sum;
    }
    const double count = (double)n_used;
    return n_used < 2 ? NAN : (total - count) / (count * (count - 1));
}

/* A network of the same hidden layers with one raw output, for n examples of m, and the loss whose derivative by that
   output is -1 / n: the absolute error of a target beyond all outputs. */
static fm_model *new_probe(const fm_model *m, ptrdiff_t n)
{
    const ptrdiff_t n_layers = m->network.n_layers, n_features = m->network.layer_dims[0];
    const ptrdiff_t sample = smaller(m->data.n_examples, SAMPLE);
    ptrdiff_t *dims = copied(m->network.layer_dims, (size_t)(n_layers + 1) * sizeof *dims);
    enum fm_activation *kinds = copied(m->network.activations, (size_t)n_layers * sizeof *kinds);
    fm_model *probe = NULL;
    if (dims && kinds) {
        dims[n_layers] = 1, kinds[n_layers - 1] = FM_IDENTITY;
        probe = create(n_layers, dims, kinds, FM_ABSOLUTE_ERROR, 0, 0);
    }
    free(dims), free(kinds);
    if (!probe || !set_data(probe, n, n, 0)) {
        free_model(probe);
        return NULL;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        const ptrdiff_t from = spread_place(spread_place(i, n, sample), sample, m->data.n_examples);
        memcpy(probe->inputs + i * n_features, m->inputs + from * n_features, (size_t)n_features * sizeof(double));
        probe->targets[i] = DBL_MAX;
    }
    return probe;
}

/* norms (n_layers) <- the root mean square over a sample of examples of the Frobenius norm of dz_L / dz_l, over that of
   the identity, as jacobians of lab/diagnosis/sample.py: the gradients of one output after the other. */
EXPORT(jacobian_norms) bool jacobian_norms(double *norms, const fm_model *m)
{
    const ptrdiff_t last = m->network.n_layers - 1, n_outputs = m->network.layer_dims[last + 1];
    const ptrdiff_t sample = smaller(m->data.n_examples, SAMPLE), fan_in = m->network.layer_dims[last];
    const ptrdiff_t n = smaller(sample, n_outputs < SAMPLE ? SAMPLE / n_outputs : 1);
    const ptrdiff_t head = m->layout->layers[last].weights;
    fm_model *probe = new_probe(m, n);
    bool is_done = probe != NULL;
    memset(norms, 0, (size_t)(last + 1) * sizeof *norms);
    if (is_done)
        memcpy(probe->parameters, m->parameters, (size_t)head * sizeof(double));
    for (ptrdiff_t o = 0; o < n_outputs && is_done; o++) {
        memcpy(probe->parameters + head, m->parameters + head + o * fan_in, (size_t)fan_in * sizeof(double));
        probe->parameters[head + fan_in] = m->parameters[head + n_outputs * fan_in + o];
        is_done = look(probe);
        for (ptrdiff_t l = 0; l < last && is_done; l++) {
            const double *dz = probe->layers[l].dz;
            for (ptrdiff_t i = 0; i < m->network.layer_dims[l + 1] * n; i++)
                norms[l] += (dz[i] * (double)n) * (dz[i] * (double)n);
        }
    }
    free_model(probe);
    for (ptrdiff_t l = 0; l < last; l++) norms[l] = sqrt(norms[l] / (double)(n * n_outputs));
    norms[last] = 1;
    return is_done;
}

/* What lab/diagnosis measures of a layer, by the same names; gradients are of each example's own loss. */
EXPORT(measure) void measure(fm_layer_statistics *s, const fm_model *m, ptrdiff_t l)
{
    const fm_layer_arrays *layer = &m->layers[l];
    const ptrdiff_t n = m->data.n_examples, units = m->network.layer_dims[l + 1], fan_in = m->network.layer_dims[l];
    const double *d_weights = layer->d_weights;
    moments_of(&s->preactivation_mean, &s->preactivation_variance, layer->z, units * n, 1);
    moments_of(&s->activation_mean, &s->activation_variance, layer->a, units * n, 1);
    moments_of(&s->gradient_mean, &s->gradient_variance, layer->dz, units * n, (double)n);
    s->correlation = correlation_of(layer->z, units, n, smaller(n, SAMPLE));
    double squares = 0;
    for (ptrdiff_t i = 0; i < units * fan_in; i++) squares += d_weights[i] * d_weights[i];
    s->weight_gradient_norm = sqrt(squares);
    s->dead = share_of_dead(l + 1 < m->network.n_layers ? layer->a : layer->z, units, n);
    s->distinct_units = (double)n_distinct(layer->weights, layer->bias, units, fan_in);
}

/* counts <- a histogram of the finite ones of n numbers; those beyond low and high go to the first and the last bin */
EXPORT(count_bins)
void count_bins(int32_t *counts, int n_bins, const double *x, ptrdiff_t n, double low, double high)
{
    memset(counts, 0, (size_t)n_bins * sizeof *counts);
    for (ptrdiff_t i = 0; i < n; i++)
        if (isfinite(x[i])) {
            const double place = (x[i] - low) / (high - low) * n_bins;
            counts[place < 0 ? 0 : place >= n_bins ? n_bins - 1 : (int)place]++;
        }
}

/* How many of n numbers lie below low or above high. */
EXPORT(count_outside) ptrdiff_t count_outside(const double *x, ptrdiff_t n, double low, double high)
{
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < n; i++) count += x[i] < low || x[i] > high;
    return count;
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
