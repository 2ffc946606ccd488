/* wasm_look.c -- what a page shows of every layer, measured as lab/diagnosis does: the WebAssembly build alone. */
#if defined(__wasm__)

#include <float.h>
#include <math.h>

#include "wasm.h"

enum { SAMPLE = 64 }; /* of lab/diagnosis/sample.py: examples of correlations, and rows of all Jacobians together */

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

void free_layers(fm_model *m)
{
    if (m->layers)
        for (ptrdiff_t l = 0; l < m->network.n_layers; l++) {
            free(m->layers[l].z), free(m->layers[l].a), free(m->layers[l].dz);
            free(m->layers[l].d_weights), free(m->layers[l].d_bias), free(m->layers[l].d_inputs);
        }
    free(m->layers);
    m->layers = NULL;
}

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

#endif
