/* optimizer.inc.h -- an update as one sweep over the flat parameter vector; before it, the norm of the gradient.
 *
 *   SGD      v <- momentum v - rate g;  p <- p + v, or with nesterov  p <- p + momentum v - rate g
 *   Adam     m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  p <- p - rate' m / (sqrt(v) + epsilon')
 *   RMSprop  v <- b2 v + (1 - b2) g^2;  p <- p - rate g / (sqrt(v) + epsilon)
 *
 * v can exceed the largest number where g does not: such a v is stored as -v / FAR^2.
 * rate' and epsilon' contain Adam's bias corrections.  g is the gradient with its penalties, clipped.  Penalties and
 * weight decay apply to weights only: if there are any, the sweep goes layer by layer.
 *
 * No update is made that would leave p or m not finite.  Where p, m and g are small, below the root of the largest
 * number, none can be; elsewhere a sweep that writes nothing looks at the results first.
 */
#ifndef FASTMLP_OPTIMIZER_INC_H
#define FASTMLP_OPTIMIZER_INC_H

#include "lanes.h"
#include "shares.h"

/* Why no update overflows where p, m and g are at most R, the root of the largest number, and growth < R / 16:
 *
 *   g with penalties    at most R + l1 + l2 R <= penalized R, with penalized = 1 + l1 + l2; clipping shrinks it
 *   SGD                 p: |decay| R + rate penalized R
 *   momentum            m: R + rate penalized R;  p: |decay| R plus that
 *   Nesterov            m: the same;  p: |decay| R + R + 2 rate penalized R
 *   Adam                m: penalized R;  p: |decay| R + rate' penalized R / min(1, epsilon')
 *   RMSprop             p: |decay| R + rate penalized R / min(1, epsilon)
 *
 * With moved for the factor of R that follows |decay| R in SGD, Adam and RMSprop, growth = max(penalized, moved) +
 * |decay|, where penalized >= 1: no line exceeds 3 growth R < R^2. */
typedef struct {
    vec rate, momentum, beta_1, rest_1, beta_2, rest_2, epsilon, decay, l1, l2, most, scale;
    double growth;    /* see above */
    bool has_changes; /* to the gradient or to p, besides the method's step */
} update_constants;

/* x^n by squaring: the bits of pow depend on the C library */
static double FN(power)(double x, ptrdiff_t n)
{
    double y = 1;
    for (; n; n /= 2, x *= x)
        if (n % 2)
            y *= x;
    return y;
}

typedef struct {
    ptrdiff_t number; /* of updates before it */
    double rate;
    double scale;         /* of the gradient, so that its norm does not exceed clip_norm; 1 for no change */
    double penalty_share; /* factor of l1 and l2 */
} update_step;

/* Flags of enum fm_moments. */
INLINE int moments_of(enum fm_method method)
{
    switch (method) {
#define MOMENTS_CASE(code, name, moments) \
    case FM_##code:                       \
        return moments;
        FM_METHODS(MOMENTS_CASE)
    }
    return 0;
}

INLINE update_constants FN(constants_of)(const fm_optimizer *o, const update_step *step)
{
    double rate = step->rate;
    double epsilon = o->epsilon, decay = 1 - rate * o->weight_decay;
    const bool divides = moments_of(o->method) & FM_KEEPS_V;
    if (o->method == FM_ADAM) {
        double correction_2 = sqrt(1 - FN(power)(o->beta_2, step->number + 1));
        rate *= correction_2 / (1 - FN(power)(o->beta_1, step->number + 1));
        if (!o->epsilon_hat)
            epsilon = fmax(epsilon * correction_2, FM_SMALLEST_NORMAL); /* not 0: an update would be 0 / 0 */
    }
    const double penalized = 1 + (o->l1 + o->l2) * step->penalty_share; /* of g with its penalties */
    const double moved = rate * penalized / (divides ? fmin(1, epsilon) : 1);
    const bool is_penalized = o->l1 != 0 || o->l2 != 0;
    return (update_constants){.growth = fmax(penalized, moved) + fabs(decay),
                              .has_changes =
                                  is_penalized || o->weight_decay != 0 || isfinite(o->clip_value) || step->scale != 1,
                              .rate = vset((real)rate),
                              .momentum = vset((real)o->momentum),
                              .beta_1 = vset((real)o->beta_1),
                              .rest_1 = vset((real)(1 - o->beta_1)),
                              .beta_2 = vset((real)o->beta_2),
                              .rest_2 = vset((real)(1 - o->beta_2)),
                              .epsilon = vset((real)epsilon),
                              .decay = vset((real)decay),
                              .l1 = vset((real)(o->l1 * step->penalty_share)),
                              .l2 = vset((real)(o->l2 * step->penalty_share)),
                              .most = vset((real)o->clip_value),
                              .scale = vset((real)step->scale)};
}

/* What an update does besides the method's step, or that it writes nothing; flags that are constants within a sweep. */
enum { PENALTY = 1, CLIP = 2, DECAY = 4, DRY = 8 };

INLINE vec sign_of(vec x) { return vselect(vlt((vec){0}, x), vset(1), vselect(vlt(x, (vec){0}), vset(-1), (vec){0})); }

INLINE vec changed_gradient(vec g, vec p, const update_constants *c, const int changes)
{
    if (changes & PENALTY)
        g = vfma(c->l1, sign_of(p), vfma(c->l2, p, g));
    if (changes & CLIP)
        g = vmax(-c->most, vmin(c->most, g)) * c->scale;
    return g;
}

#define FAR ((real)ROOT_OF_LARGEST)

#define COLD static __attribute__((noinline, cold))

/* beta_2 v + rest_2 g^2 as it is stored, of vectors in which a v is stored as -v / FAR^2 or has to be from now on */
COLD vec FN(far_mean)(vec v, vec g, vec beta_2, vec rest_2)
{
    const vec scaled = g / FAR, square = rest_2 * g * g, decayed = beta_2 * vabs(v);
    const mask was_far = vlt(v, (vec){0});
    const vec near = vselect(was_far, decayed * FAR * FAR + square, vfma(beta_2, v, square));
    const vec far = vselect(was_far, decayed, decayed / FAR / FAR) + rest_2 * scaled * scaled;
    return vselect(vlt(near, vset((real)INFINITY)), near, -vmin(vset(FM_LARGEST), far));
}

COLD vec FN(far_root)(vec v) { return vselect(vlt(v, (vec){0}), vsqrt(-v) * FAR, vsqrt(v)); }

/* v <- beta_2 v + rest_2 g^2; returns its root.  One more in the exponent of an infinite number sets its sign bit. */
INLINE vec next_root(vec *v, vec g, const update_constants *c)
{
    const vec next = vfma(c->beta_2, *v, c->rest_2 * g * g);
    if (vany_sign((ivec)((uvec)next + ((ubits)1 << MANTISSA_BITS)) | (ivec)*v)) {
        *v = FN(far_mean)(*v, g, c->beta_2, c->rest_2);
        return FN(far_root)(*v);
    }
    *v = next;
    return vsqrt(next);
}

typedef struct {
    vec m, v;
} moments;

/* The new p; reads and writes the moments that the method keeps. */
INLINE vec updated(vec p, vec g, moments *k, const update_constants *c, const enum fm_method method, const int changes)
{
    g = changed_gradient(g, p, c, changes);
    if (changes & DECAY)
        p = p * c->decay;
    switch (method) {
    case FM_SGD:
        return vfnma(c->rate, g, p);
    case FM_MOMENTUM:
        return p + (k->m = vfnma(c->rate, g, c->momentum * k->m));
    case FM_NESTEROV:
        k->m = vfnma(c->rate, g, c->momentum * k->m);
        return p + vfnma(c->rate, g, c->momentum * k->m);
    case FM_ADAM:
        k->m = vfma(c->beta_1, k->m, c->rest_1 * g);
        return vfnma(c->rate, k->m / (next_root(&k->v, g, c) + c->epsilon), p);
    case FM_RMSPROP:
        return vfnma(c->rate, g / (next_root(&k->v, g, c) + c->epsilon), p);
    }
    return p;
}

typedef struct {
    real *p, *m, *v;
    const real *g;
    const update_constants *c;
} sweep_arrays;

/* `sum`, which becomes infinite or NaN where x is not small or, for a dry sweep, not finite */
INLINE vec size_added(vec sum, vec x, const int changes) { return vfma(x, changes & DRY ? (vec){0} : x, sum); }

/* Whether the new p and m are small; for a dry sweep, whether they are finite. */
INLINE bool sweep_range(const sweep_arrays *a, range r, const enum fm_method method, const int changes)
{
    const bool has_m = moments_of(method) & FM_KEEPS_M, has_v = moments_of(method) & FM_KEEPS_V;
    const update_constants c = *a->c;
    ptrdiff_t i = r.from;
    moments k = {{0}, {0}};
    vec size = {0};
    for (; i + LANES <= r.to; i += LANES) {
        if (has_m)
            k.m = vloadu(a->m + i);
        if (has_v)
            k.v = vloadu(a->v + i);
        const vec p = updated(vloadu(a->p + i), vloadu(a->g + i), &k, &c, method, changes);
        size = size_added(size, p, changes);
        if (has_m)
            size = size_added(size, k.m, changes);
        if (changes & DRY)
            continue;
        vstoreu(a->p + i, p);
        if (has_m)
            vstoreu(a->m + i, k.m);
        if (has_v)
            vstoreu(a->v + i, k.v);
    }
    const ptrdiff_t left = r.to - i;
    if (left <= 0)
        return vall_finite(size);
    if (has_m)
        k.m = vload_some(a->m + i, left);
    if (has_v)
        k.v = vload_some(a->v + i, left);
    vec p = updated(vload_some(a->p + i, left), vload_some(a->g + i, left), &k, &c, method, changes);
    size = size_added(size, p, changes);
    if (has_m)
        size = size_added(size, k.m, changes);
    if (changes & DRY)
        return vall_finite(size);
    vstore_some(a->p + i, p, left);
    if (has_m)
        vstore_some(a->m + i, k.m, left);
    if (has_v)
        vstore_some(a->v + i, k.v, left);
    return vall_finite(size);
}

/* Three sweeps are compiled for each method: the plain one, one with all changes, and the dry one. */
static bool FN(sweep)(const sweep_arrays *a, range r, enum fm_method method, int changes)
{
    enum { ALL = PENALTY | CLIP | DECAY };
    switch (method) {
#define METHOD_CASE(code, ...)                              \
    case FM_##code:                                         \
        if (changes & DRY)                                  \
            return sweep_range(a, r, FM_##code, ALL | DRY); \
        if (changes)                                        \
            return sweep_range(a, r, FM_##code, ALL);       \
        return sweep_range(a, r, FM_##code, 0);
        FM_METHODS(METHOD_CASE)
    }
    return true;
}

/* The constants for biases, which have no penalty and no decay. */
static update_constants FN(bias_constants)(update_constants c)
{
    c.l1 = c.l2 = (vec){0};
    c.decay = vset(1);
    return c;
}

INLINE range overlap(range r, ptrdiff_t from, ptrdiff_t n)
{
    return (range){r.from > from ? r.from : from, r.to < from + n ? r.to : from + n};
}

/* Sweeps over the parameters in `r`: updates them or, with `dry`, changes nothing; the answer is that of sweep_range. */
static bool FN(optimizer_sweep)(const fm_training *training, const fm_layout *layout, const update_constants *c,
                                range r, int dry)
{
    const enum fm_method method = training->optimizer->method;
    sweep_arrays a = {training->parameters, training->moments[0], training->moments[1], training->gradient, c};
    if (!c->has_changes)
        return FN(sweep)(&a, r, method, dry);
    const update_constants c_bias = FN(bias_constants)(*c);
    bool answer = true;
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        a.c = c;
        answer &= FN(sweep)(&a, overlap(r, layer->weights, layer->fan_in * layer->fan_out), method, PENALTY | dry);
        a.c = &c_bias;
        answer &= FN(sweep)(&a, overlap(r, layer->bias, layer->fan_out), method, PENALTY | dry);
    }
    return answer;
}

/* Whether an update leaves the parameters in `r` finite; `is_small`: whether they, their m and their gradient are. */
static bool FN(stays_finite)(const fm_training *training, const fm_layout *layout, const update_constants *c, range r,
                             bool is_small)
{
    return (is_small && c->growth < ROOT_OF_LARGEST / 16) || FN(optimizer_sweep)(training, layout, c, r, DRY);
}

/* The sum of squares of n elements of the gradient times `shrink`, with penalties and clipping by value as in the
   update. */
static double FN(sum_of_squares)(const real *g, const real *p, ptrdiff_t n, const update_constants *c, double shrink,
                                 worker *w)
{
    double sum = 0;
    FOR_EACH_PORTION(part, n, w) {
        for (ptrdiff_t i = part.from; i < part.to; i += LANES) {
            vec x = changed_gradient(vload_some(g + i, n - i), vload_some(p + i, n - i), c, PENALTY | CLIP);
            for (int q = 0; q < LANES; q++) sum += (shrink * (double)x[q]) * (shrink * (double)x[q]);
        }
        poll_after(w, WORK_OF_A_COPY * items_in(part));
    }
    return sum;
}

/* The norm of the gradient; the squares of a gradient times `shrink` must not overflow. */
static double FN(gradient_norm)(const fm_training *training, const fm_layout *layout, double penalty_share,
                                double shrink, worker *w)
{
    const update_step step = {.scale = 1, .penalty_share = penalty_share};
    const update_constants c = FN(constants_of)(training->optimizer, &step), c_bias = FN(bias_constants)(c);
    const real *g = training->gradient, *p = training->parameters;
    double sum = 0;
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        const ptrdiff_t n_weights = layer->fan_in * layer->fan_out;
        sum += FN(sum_of_squares)(g + layer->weights, p + layer->weights, n_weights, &c, shrink, w);
        sum += FN(sum_of_squares)(g + layer->bias, p + layer->bias, layer->fan_out, &c_bias, shrink, w);
    }
    return sqrt(sum) / shrink;
}

/* The factor by which the gradient's norm does not exceed clip_norm. */
static double FN(norm_scale)(const fm_training *training, const fm_layout *layout, double penalty_share, worker *w)
{
    double norm = FN(gradient_norm)(training, layout, penalty_share, 1, w);
    if (!isfinite(norm)) /* the squares overflowed; those of doubles times 2^-600 cannot */
        norm = FN(gradient_norm)(training, layout, penalty_share, 0x1p-600, w);
    return norm > training->optimizer->clip_norm ? training->optimizer->clip_norm / norm : 1;
}

/* The penalty of all weights, l1 |W| + l2 / 2 W^2, summed in double. */
static double FN(penalty_of)(const fm_training *training, const fm_layout *layout, worker *w)
{
    const fm_optimizer *o = training->optimizer;
    const real *p = training->parameters;
    double penalty = 0;
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        double sizes[8] = {0}, squares[8] = {0}; /* eight sums each, so that additions do not wait for one another */
        const real *weights = p + layer->weights;
        const ptrdiff_t n = layer->fan_in * layer->fan_out;
        FOR_EACH_PORTION(part, n, w) {
            for (ptrdiff_t i = part.from; i < part.to; i += 8)
                UNROLL_FOR(int q = 0; q < 8; q++) {
                    const double x = i + q < n ? (double)weights[i + q] : 0;
                    sizes[q] += fabs(x);
                    squares[q] += x * x;
                }
            poll_after(w, WORK_OF_A_COPY * items_in(part));
        }
        for (int q = 0; q < 8; q++) penalty += o->l1 * sizes[q] + 0.5 * o->l2 * squares[q];
    }
    return penalty;
}

/* One update of all parameters from the caller's gradient, with clipping and penalties as in a training. */
static enum fm_status FN(update_alone)(const fm_training *training, const fm_layout *layout, double learning_rate,
                                       fm_poll poll)
{
    worker w = lone_worker(poll, NULL);
    const double scale = isfinite(training->optimizer->clip_norm) ? FN(norm_scale)(training, layout, 1, &w) : 1;
    const update_step step = {training->updates, learning_rate, scale, 1};
    const update_constants c = FN(constants_of)(training->optimizer, &step);
    if (!w.status)
        FN(optimizer_sweep)(training, layout, &c, (range){0, layout->n_parameters}, 0);
    return leave_team(&w);
}

/* parameters <- parameters - learning_rate * gradient */
static void FN(gradient_descent)(void *parameters, const void *gradient, ptrdiff_t n, double learning_rate)
{
    const fm_mode before = enter_our_mode();
    const update_constants c = {.rate = vset((real)learning_rate)};
    const sweep_arrays a = {.p = parameters, .g = gradient, .c = &c};
    sweep_range(&a, (range){0, n}, FM_SGD, 0);
    leave_our_mode(before);
}

#endif
