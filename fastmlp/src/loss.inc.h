/* loss.inc.h -- losses and their derivatives by the logits z of the last layer; the two means at the end are for
 * callers from Python.  With y the target, t the quantile:
 *
 *   log_loss         max(z, 0) - z y + log1p(exp(-|z|))        dz = sigmoid(z) - y
 *   multinomial      log sum exp(z) - z[y]                     dz = softmax(z) - (class is y)
 *   squared_error    (z - y)^2 / 2                             dz = z - y
 *   absolute_error   |z - y|                                   dz = sign(z - y)
 *   huber            q (|z - y| - q / 2), q = min(|z - y|, delta)   dz = z - y, clipped to +-delta
 *   quantile         max(t (y - z), (t - 1) (y - z))           dz = -t if z < y, 1 - t if z > y, 0 if equal
 *   poisson          y log(y / m) - y + m, m = exp(z)          dz = m - y
 *
 * Label smoothing s makes the targets of the log-losses y (1 - s) + s / 2, or (1 - s) (class is y) + s / classes.
 * Each is finite wherever the dtype holds its exact value.  Means are summed in double whatever the dtype.
 */
#ifndef FASTMLP_LOSS_INC_H
#define FASTMLP_LOSS_INC_H

#include "elementary.inc.h"
#include "lanes.h"
#include "tile.inc.h"

/* The log-loss, given e = exp(-|z|). */
INLINE vec log_loss_from(vec z, vec y, vec e) { return vfnma(z, y, vrelu(z)) + vlog1p_unit(e); }

INLINE vec log_loss(vec z, vec y) { return log_loss_from(z, y, vexp(vnegative_abs(z))); }

/* -log a where y = 1, -log(1 - a) where y = 0, with 0 log 0 = 0; a: probabilities */
INLINE vec cross_entropy(vec a, vec y)
{
    mask positive = veq(y, vset(1));
    vec u = vselect(positive, a, (real)1 - a);
    return -vlog_sum(u, vselect(positive, a - (real)1, -a), vselect(positive, (vec){0}, ((real)1 - u) - a));
}

/* The same for labels from 0 to 1, at twice the cost: y (-log a) + (1 - y) (-log(1 - a)); a term with a factor 0 is 0 */
INLINE vec soft_cross_entropy(vec a, vec y)
{
    vec zero = {0}, one = vset(1), rest = one - y;
    return vselect(veq(y, zero), zero, y * cross_entropy(a, one)) +
           vselect(veq(rest, zero), zero, rest * cross_entropy(a, zero));
}

/* y (exp(d) - 1 - d) with d = z - log y: accurate near its minimum, which is 0.  For large d it is exp(z) - y (1 + d):
   exp(d) of a small y can overflow where the loss does not, and exp(z) of a large y. */
INLINE vec poisson_loss(vec z, vec y)
{
    vec d = z - vlog(y), rate = vexp(z), far = vfnma(y, (real)1 + d, rate);
    vec loss = vselect(vlt(vset(1), d) & vlt(rate, vset((real)INFINITY)), far, y * vexp_curve(d));
    return vselect(veq(y, (vec){0}), rate, loss);
}

/* exp(z) - y; where exp(z) overflows, from the halves of both */
INLINE vec poisson_delta(vec z, vec y)
{
    vec rate = vexp(z), root = vexp((real)0.5 * z), half = root * ((real)0.5 * root) - (real)0.5 * y;
    return vselect(vlt(rate, vset((real)INFINITY)), rate - y, half + half);
}

INLINE vec huber_loss(vec size, vec delta)
{
    vec q = vmin(delta, size);
    return q * vfnma(vset((real)0.5), q, size);
}

/* The delta of Huber's loss, or the quantile and 1 - quantile.  Their difference is formed in double: from a float near
   1 it would have few digits. */
typedef struct {
    vec value, rest;
} loss_parameter;

INLINE loss_parameter parameter_of(double x) { return (loss_parameter){vset((real)x), vset((real)(1 - x))}; }

INLINE vec quantile_loss(vec r, loss_parameter quantile) { return vmax(-quantile.value * r, quantile.rest * r); }

/* Where z - y overflows, small parameters can keep the loss finite: it is computed from half of the difference. */
INLINE vec pointwise_loss(vec z, vec y, loss_parameter parameter, enum fm_loss loss)
{
    const vec r = z - y, size = vabs(r), half = (real)0.5 * z - (real)0.5 * y;
    const mask fits = vlt(size, vset((real)INFINITY));
    switch (loss) {
    case FM_LOG_LOSS:
        return log_loss(z, y);
    case FM_SQUARED_ERROR:
        return r * (real)0.5 * r;
    case FM_ABSOLUTE_ERROR:
        return size;
    case FM_HUBER:
        return vselect(fits, huber_loss(size, parameter.value),
                       (real)4 * huber_loss(vabs(half), (real)0.5 * parameter.value));
    case FM_QUANTILE:
        return vselect(fits, quantile_loss(r, parameter), (real)2 * quantile_loss(half, parameter));
    case FM_POISSON:
        return poisson_loss(z, y);
    case FM_MULTINOMIAL_LOG_LOSS: /* not pointwise */
        break;
    }
    return z;
}

INLINE vec pointwise_delta(vec z, vec y, loss_parameter parameter, enum fm_loss loss)
{
    vec r = z - y, zero = {0};
    switch (loss) {
    case FM_LOG_LOSS:
        return vsigmoid(z) - y;
    case FM_SQUARED_ERROR:
        return r;
    case FM_ABSOLUTE_ERROR:
        return vselect(vlt(zero, r), vset(1), vselect(vlt(r, zero), vset(-1), r)); /* r: 0, or NaN */
    case FM_HUBER:
        return vmax(-parameter.value, vmin(parameter.value, r));
    case FM_QUANTILE:
        return vselect(vlt(zero, r), parameter.rest, vselect(vlt(r, zero), -parameter.value, r));
    case FM_POISSON:
        return poisson_delta(z, y);
    case FM_MULTINOMIAL_LOG_LOSS: /* not pointwise */
        break;
    }
    return z;
}

/* A mean that is finite wherever its exact value is: once the sum overflows, a copy scaled by a power of 2 continues.
   The scaled copy alone would lose the smallest losses. */
typedef struct {
    double sum;
    double scaled_sum; /* used once `sum` is not finite */
    double scale;
} mean;

INLINE mean start_mean(ptrdiff_t n) { return (mean){0, 0, ldexp(0.5, -ilogb((double)n))}; }

INLINE double finish_mean(const mean *m, double total_weight)
{
    return isfinite(m->sum) ? m->sum / total_weight : m->scaled_sum / (total_weight * m->scale);
}

/* Adds n numbers times `share`, a power of 2. */
INLINE void add_to_mean(mean *m, const real *x, ptrdiff_t n, double share)
{
    double part[8] = {0}, before = m->sum;
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8)
        UNROLL_FOR(int q = 0; q < 8; q++) part[q] += (double)x[i + q];
    for (; i < n; i++) part[0] += (double)x[i];
    m->sum += share * (((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7])));
    if (isfinite(m->sum))
        return;
    if (isfinite(before))
        m->scaled_sum = before * m->scale;
    for (i = 0; i < n; i++) m->scaled_sum += (double)x[i] * m->scale * share;
}

/* Adds what `more`, of the same scale, has summed to `m`. */
INLINE void merge_means(mean *m, const mean *more)
{
    double before = isfinite(m->sum) ? m->sum * m->scale : m->scaled_sum;
    m->sum += more->sum;
    m->scaled_sum = before + (isfinite(more->sum) ? more->sum * m->scale : more->scaled_sum);
}

/* Sets the columns after the n true examples of a tile to 0, so that they add nothing to a gradient. */
INLINE void clear_padding(real *dz, ptrdiff_t n)
{
    for (ptrdiff_t i = n; i % LANES; i++) dz[i] = 0;
}

/* A tile's logits and targets, and where the answers go. */
typedef struct {
    rows columns; /* those to compute; n_rows: outputs */
    const real *z, *y;
    const real *sample_weight; /* one per example, or NULL */
    real *dz;                  /* laid out as z */
    real *losses;              /* laid out as y, or NULL */
    loss_parameter parameter;
    vec total; /* total weight of the batch: divides dz */
    real label_smoothing;
} loss_rows;

/* x times the examples' weights, if there are any */
INLINE vec weighted(const loss_rows *g, vec x, ptrdiff_t i)
{
    if (g->sample_weight)
        x = x * vload(g->sample_weight + i);
    return x;
}

/* An example's share of the mean; `even` without weights.  Dividing by the total here keeps it finite for the smallest
   weights. */
INLINE vec share_at(const loss_rows *g, ptrdiff_t i, vec even)
{
    if (g->sample_weight)
        even = vload(g->sample_weight + i) / g->total;
    return even;
}

/* delta and loss together: the compiler does not see that those of the log-loss share an exponential, a third of their
   work. */
INLINE vec delta_and_loss(vec z, vec y, loss_parameter parameter, const enum fm_loss loss, vec *value)
{
    if (loss == FM_LOG_LOSS) {
        const vec e = vexp(vnegative_abs(z));
        *value = log_loss_from(z, y, e);
        return vsigmoid_from(z, e) - y;
    }
    *value = pointwise_loss(z, y, parameter, loss);
    return pointwise_delta(z, y, parameter, loss);
}

INLINE void pointwise_sweep(const loss_rows *g, const enum fm_loss loss, const int with_losses)
{
    const vec even = (real)1 / g->total;
    for (ptrdiff_t o = 0, row = 0; o < g->columns.n_rows; o++, row += g->columns.row_stride)
        for (ptrdiff_t i = g->columns.from; i < g->columns.to; i += LANES) {
            const vec z = vload(g->z + row + i), y = vload(g->y + row + i);
            vec value, delta;
            if (with_losses) {
                delta = delta_and_loss(z, y, g->parameter, loss, &value);
                vstore(g->losses + row + i, weighted(g, value, i));
            } else
                delta = pointwise_delta(z, y, g->parameter, loss);
            vstore(g->dz + row + i, delta * share_at(g, i, even));
        }
}

/* The log-loss with smoothed labels.  A label over 1/2, with its logit, is replaced by the opposite one: near 0 the
   target keeps a smoothing that would be rounded away near 1, and so does the derivative. */
static void FN(smoothed_sweep)(const loss_rows *g)
{
    const vec even = (real)1 / g->total, half = vset((real)0.5);
    for (ptrdiff_t o = 0, row = 0; o < g->columns.n_rows; o++, row += g->columns.row_stride)
        for (ptrdiff_t i = g->columns.from; i < g->columns.to; i += LANES) {
            const vec z = vload(g->z + row + i), y = vload(g->y + row + i);
            const mask is_upper = vlt(half, y);
            const vec label = vselect(is_upper, (real)1 - y, y),
                      target = vfma(vset(g->label_smoothing), half - label, label);
            vec value;
            const vec delta = delta_and_loss(vselect(is_upper, -z, z), target, g->parameter, FM_LOG_LOSS, &value);
            if (g->losses)
                vstore(g->losses + row + i, weighted(g, value, i));
            vstore(g->dz + row + i, vselect(is_upper, -delta, delta) * share_at(g, i, even));
        }
}

/* The target of the true class is hit + miss, that of the others miss. */
INLINE vec hit_of(const loss_rows *g) { return vset(1 - g->label_smoothing); }
INLINE vec miss_of(const loss_rows *g) { return vset(g->label_smoothing / (real)g->columns.n_rows); }

/* The largest logit of every column; subtracting it keeps exp from overflowing. */
INLINE vec largest_logit(const loss_rows *g, ptrdiff_t i)
{
    vec most = vload(g->z + i);
    for (ptrdiff_t c = 1; c < g->columns.n_rows; c++) most = vmax(most, vload(g->z + c * g->columns.row_stride + i));
    return most;
}

static void FN(multinomial_backward)(const loss_rows *g)
{
    const ptrdiff_t n = g->columns.n_rows, stride = g->columns.row_stride;
    const vec hit = hit_of(g), miss = miss_of(g);
    const vec even = (real)1 / g->total;
    for (ptrdiff_t i = g->columns.from; i < g->columns.to; i += LANES) {
        const vec most = largest_logit(g, i), y = vload(g->y + i), scale = share_at(g, i, even);
        vec sum = {0};
        for (ptrdiff_t c = 0; c < n; c++) {
            vec e = vexp(vload(g->z + c * stride + i) - most);
            vstore(g->dz + c * stride + i, e);
            sum += e;
        }
        const vec over = (real)1 / sum;
        for (ptrdiff_t c = 0; c < n; c++) {
            real *d = g->dz + c * stride + i;
            vec target = vselect(veq(y, vset((real)c)), hit + miss, miss);
            vstore(d, vfma(vload(d), over, -target) * scale);
        }
    }
}

/* The loss of logits whose differences, or the sum of these, overflow, where small targets can keep it finite: a sum of
   target (largest - logit), no term of which is negative. */
static vec FN(far_multinomial_loss)(const loss_rows *g, ptrdiff_t i, vec most, vec log_sum)
{
    const vec hit = hit_of(g), miss = miss_of(g), y = vload(g->y + i), infinity = vset((real)INFINITY);
    vec loss = log_sum;
    for (ptrdiff_t c = 0; c < g->columns.n_rows; c++) {
        const vec z = vload(g->z + c * g->columns.row_stride + i), below = most - z;
        const vec target = vselect(veq(y, vset((real)c)), hit + miss, miss);
        loss += vselect(vlt(below, infinity), target * below, target * most - target * z);
    }
    return loss;
}

/* log sum exp is computed as log1p of the sum without its largest term, which is 1, so that the small loss of a sure
   prediction keeps its digits. */
static void FN(multinomial_forward)(const loss_rows *g)
{
    const ptrdiff_t n = g->columns.n_rows, stride = g->columns.row_stride;
    const vec hit = hit_of(g), miss = miss_of(g);
    for (ptrdiff_t i = g->columns.from; i < g->columns.to; i += LANES) {
        const vec most = largest_logit(g, i), y = vload(g->y + i);
        vec rest = {0}, all = {0}, target = {0};
        mask left_out = {0};
        for (ptrdiff_t c = 0; c < n; c++) {
            vec x = vload(g->z + c * stride + i) - most;
            mask is_largest = veq(x, (vec){0}) & ~left_out;
            rest += vselect(is_largest, (vec){0}, vexp(x));
            left_out = left_out | is_largest;
            target = vselect(veq(y, vset((real)c)), x, target);
            all += x;
        }
        const vec log_sum = vlog1p(rest);
        vec value = vfnma(hit, target, log_sum);
        if (g->label_smoothing != 0) {
            value = vfnma(miss, all, value);
            const mask fits = vlt(value, vset((real)INFINITY));
            if (!vall(fits))
                value = vselect(fits, value, FN(far_multinomial_loss)(g, i, most, log_sum));
        }
        vstore(g->losses + i, weighted(g, value, i));
    }
}

/* dz <- the derivative of the mean loss by the logits; losses, unless NULL, <- the examples' losses times their
   weights, one row per output, or one row in all for the multinomial loss */
static void FN(loss_sweep)(const loss_rows *g, enum fm_loss loss)
{
    if (loss == FM_LOG_LOSS && g->label_smoothing != 0) {
        FN(smoothed_sweep)(g);
        return;
    }
    switch (loss) {
#define LOSS_CASE(code, ...)                  \
    case FM_##code:                           \
        if (g->losses)                        \
            pointwise_sweep(g, FM_##code, 1); \
        else                                  \
            pointwise_sweep(g, FM_##code, 0); \
        break;
        FM_POINTWISE_LOSSES(LOSS_CASE)
    case FM_MULTINOMIAL_LOG_LOSS:
        FN(multinomial_backward)(g);
        if (g->losses)
            FN(multinomial_forward)(g);
        break;
    }
}

#define DEFINE_MEAN_LOSS(name, verb)                                                                 \
    static enum fm_status FN(mean_##name)(double *loss, const void *x_, const void *y_, ptrdiff_t n, \
                                          ptrdiff_t n_examples, fm_poll poll)                        \
    {                                                                                                \
        const real *x = x_, *y = y_;                                                                 \
        worker w = lone_worker(poll, NULL);                                                          \
        mean m = start_mean(n_examples);                                                             \
        real losses[LANES] __attribute__((aligned(FM_VBYTES)));                                      \
        FOR_EACH_PORTION(p, n, &w) {                                                                 \
            for (ptrdiff_t i = p.from; i < p.to; i += LANES) {                                       \
                vstore(losses, verb(vload_some(x + i, n - i), vload_some(y + i, n - i)));            \
                add_to_mean(&m, losses, n - i < LANES ? n - i : LANES, 1);                           \
            }                                                                                        \
            poll_after(&w, WORK_OF_A_FUNCTION * items_in(p));                                        \
        }                                                                                            \
        *loss = finish_mean(&m, (double)n_examples);                                                 \
        return leave_team(&w);                                                                       \
    }
DEFINE_MEAN_LOSS(log_loss, log_loss)
DEFINE_MEAN_LOSS(cross_entropy, cross_entropy)
DEFINE_MEAN_LOSS(soft_cross_entropy, soft_cross_entropy)

#endif
