/* optimizer.inc.h -- one sweep over the flat parameter vector per update, and the norm of a gradient.
 *
 *   SGD      v <- momentum v - rate g;  p <- p + v, or with nesterov  p <- p + momentum v - rate g
 *   Adam     m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  p <- p - rate' m / (sqrt(v) + epsilon')
 *   RMSprop  v <- b2 v + (1 - b2) g^2;  p <- p - rate g / (sqrt(v) + epsilon)
 *
 * Adam's bias corrections stand inside rate' and epsilon'.  Penalties and weight decay are for weights only, so where
 * there are any the sweep goes layer by layer.  g is the gradient with its penalties, clipped.
 */

typedef struct {
    vec rate, momentum, beta_1, rest_1, beta_2, rest_2, epsilon, decay, l1, l2, most, scale;
} update_constants;

/* x^n by squaring: pow of the C library has bits of its own */
static double FN(power)(double x, ptrdiff_t n)
{
    double y = 1;
    for (; n; n /= 2, x *= x)
        if (n % 2)
            y *= x;
    return y;
}

/* `scale` is the clipping of the norm, `penalty_share` what l1 and l2 are multiplied by */
INLINE update_constants FN(constants_of)(const fm_optimizer *o, double rate, ptrdiff_t update, double scale,
                                         double penalty_share)
{
    double epsilon = o->epsilon, decay = 1 - rate * o->weight_decay;
    if (o->method == FM_ADAM) {
        double correction_2 = sqrt(1 - FN(power)(o->beta_2, update + 1));
        rate *= correction_2 / (1 - FN(power)(o->beta_1, update + 1));
        if (!o->epsilon_hat)
            epsilon = fmax(epsilon * correction_2, FM_SMALLEST_NORMAL); /* not 0: an update would be 0 / 0 */
    }
    return (update_constants){vset((real)rate), vset((real)o->momentum), vset((real)o->beta_1),
                              vset((real)(1 - o->beta_1)), vset((real)o->beta_2), vset((real)(1 - o->beta_2)),
                              vset((real)epsilon), vset((real)decay), vset((real)(o->l1 * penalty_share)),
                              vset((real)(o->l2 * penalty_share)),
                              vset((real)o->clip_value), vset((real)scale)};
}

/* How the gradient is changed on its way into the update, known before the sweep. */
enum { PENALTY = 1, CLIP = 2, DECAY = 4 };

INLINE vec sign_of(vec x) { return vselect(vlt((vec){0}, x), vset(1), vselect(vlt(x, (vec){0}), vset(-1), (vec){0})); }

INLINE vec changed_gradient(vec g, vec p, const update_constants *c, const int changes)
{
    if (changes & PENALTY)
        g = vfma(c->l1, sign_of(p), vfma(c->l2, p, g));
    if (changes & CLIP)
        g = vmax(-c->most, vmin(c->most, g)) * c->scale;
    return g;
}

/* The new p; m and v are read and written as the method keeps them. */
INLINE vec updated(vec p, vec g, vec *m, vec *v, const update_constants *c, const enum fm_method method,
                   const int changes)
{
    g = changed_gradient(g, p, c, changes);
    if (changes & DECAY)
        p = p * c->decay;
    switch (method) {
    case FM_SGD:
        return vfnma(c->rate, g, p);
    case FM_MOMENTUM:
        return p + (*m = vfnma(c->rate, g, c->momentum * *m));
    case FM_NESTEROV:
        *m = vfnma(c->rate, g, c->momentum * *m);
        return p + vfnma(c->rate, g, c->momentum * *m);
    case FM_ADAM:
        *m = vfma(c->beta_1, *m, c->rest_1 * g);
        *v = vfma(c->beta_2, *v, c->rest_2 * g * g);
        return vfnma(c->rate, *m / (vsqrt(*v) + c->epsilon), p);
    case FM_RMSPROP:
        *v = vfma(c->beta_2, *v, c->rest_2 * g * g);
        return vfnma(c->rate, g / (vsqrt(*v) + c->epsilon), p);
    }
    return p;
}

typedef struct {
    real *p, *m, *v;
    const real *g;
    const update_constants *c;
} sweep_arrays;

/* Flags of enum fm_moments. */
INLINE int moments_of(enum fm_method method)
{
    switch (method) {
#define MOMENTS_CASE(code, name, moments) \
    case FM_##code: return moments;
        FM_METHODS(MOMENTS_CASE)
    }
    return 0;
}

INLINE void sweep_range(const sweep_arrays *a, range r, const enum fm_method method, const int changes)
{
    const int has_m = moments_of(method) & FM_KEEPS_M, has_v = moments_of(method) & FM_KEEPS_V;
    const update_constants c = *a->c;
    ptrdiff_t i = r.from;
    vec m = {0}, v = {0};
    for (; i + LANES <= r.to; i += LANES) {
        if (has_m)
            m = vloadu(a->m + i);
        if (has_v)
            v = vloadu(a->v + i);
        vstoreu(a->p + i, updated(vloadu(a->p + i), vloadu(a->g + i), &m, &v, &c, method, changes));
        if (has_m)
            vstoreu(a->m + i, m);
        if (has_v)
            vstoreu(a->v + i, v);
    }
    const ptrdiff_t left = r.to - i;
    if (left <= 0)
        return;
    if (has_m)
        m = vload_some(a->m + i, left);
    if (has_v)
        v = vload_some(a->v + i, left);
    vec p = updated(vload_some(a->p + i, left), vload_some(a->g + i, left), &m, &v, &c, method, changes);
    vstore_some(a->p + i, p, left);
    if (has_m)
        vstore_some(a->m + i, m, left);
    if (has_v)
        vstore_some(a->v + i, v, left);
}

/* Plain sweeps are compiled for themselves; any change of the gradient shares one more per method. */
static void FN(sweep)(const sweep_arrays *a, range r, enum fm_method method, int changes)
{
    switch (method) {
#define METHOD_CASE(code, ...)                                  \
    case FM_##code:                                             \
        if (changes)                                            \
            sweep_range(a, r, FM_##code, PENALTY | CLIP | DECAY); \
        else                                                    \
            sweep_range(a, r, FM_##code, 0);                    \
        break;
        FM_METHODS(METHOD_CASE)
    }
}

INLINE int is_penalized(const fm_optimizer *o) { return o->l1 != 0 || o->l2 != 0; }

/* The constants of biases: what penalizes or decays weights is neutral there. */
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

/* The update of the parameters in `r`; `scale` is the clipping of the norm, 1 for none. */
static void FN(optimizer_update)(const fm_training *t, const fm_layout *layout, ptrdiff_t update, double rate, double scale,
                                 double penalty_share, range r)
{
    const fm_optimizer *o = t->optimizer;
    const int changes = is_penalized(o) || o->weight_decay != 0 || isfinite(o->clip_value) || scale != 1;
    const update_constants c = FN(constants_of)(o, rate, update, scale, penalty_share);
    sweep_arrays a = {t->parameters, t->moments[0], t->moments[1], t->gradient, &c};
    if (!changes) {
        FN(sweep)(&a, r, o->method, 0);
        return;
    }
    const update_constants c_bias = FN(bias_constants)(c);
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        a.c = &c;
        FN(sweep)(&a, overlap(r, layer->weights, layer->fan_in * layer->fan_out), o->method, changes);
        a.c = &c_bias;
        FN(sweep)(&a, overlap(r, layer->bias, layer->fan_out), o->method, changes);
    }
}

/* The sum of squares of n elements of the gradient, penalized and clipped by value as the update will have it. */
static double FN(sum_of_squares)(const real *g, const real *p, ptrdiff_t n, const update_constants *c, double shrink)
{
    double sum = 0;
    FOR_EACH_VECTOR(i, n)
    {
        vec x = changed_gradient(vload_some(g + i, n - i), vload_some(p + i, n - i), c, PENALTY | CLIP);
        for (int q = 0; q < LANES; q++) sum += (shrink * (double)x[q]) * (shrink * (double)x[q]);
    }
    return sum;
}

static double FN(gradient_norm)(const fm_training *t, const fm_layout *layout, double penalty_share, double shrink)
{
    const update_constants c = FN(constants_of)(t->optimizer, 0, 0, 1, penalty_share), c_bias = FN(bias_constants)(c);
    const real *g = t->gradient, *p = t->parameters;
    double sum = 0;
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        sum += FN(sum_of_squares)(g + layer->weights, p + layer->weights, layer->fan_in * layer->fan_out, &c, shrink);
        sum += FN(sum_of_squares)(g + layer->bias, p + layer->bias, layer->fan_out, &c_bias, shrink);
    }
    return sqrt(sum) / shrink;
}

/* What the gradient must be multiplied by for its norm not to exceed clip_norm. */
static double FN(norm_scale)(const fm_training *t, const fm_layout *layout, double penalty_share)
{
    double norm = FN(gradient_norm)(t, layout, penalty_share, 1);
    if (!isfinite(norm)) /* the squares overflowed */
        norm = FN(gradient_norm)(t, layout, penalty_share, 0x1p-600);
    return norm > t->optimizer->clip_norm ? t->optimizer->clip_norm / norm : 1;
}

/* The penalty of all weights, l1 |W| + l2 / 2 W^2, summed in double. */
static double FN(penalty_of)(const fm_training *t, const fm_layout *layout)
{
    const fm_optimizer *o = t->optimizer;
    const real *p = t->parameters;
    double penalty = 0;
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        double sizes[8] = {0}, squares[8] = {0}; /* eight chains each, so that additions need not wait for each other */
        const real *weights = p + layer->weights;
        const ptrdiff_t n = layer->fan_in * layer->fan_out;
        for (ptrdiff_t i = 0; i < n; i += 8)
            UNROLL for (int q = 0; q < 8; q++) {
                const double x = i + q < n ? (double)weights[i + q] : 0;
                sizes[q] += fabs(x);
                squares[q] += x * x;
            }
        for (int q = 0; q < 8; q++) penalty += o->l1 * sizes[q] + 0.5 * o->l2 * squares[q];
    }
    return penalty;
}

/* One update of all parameters from a gradient that the caller has, clipped and penalized as in a training. */
static void FN(update_alone)(const fm_training *t, const fm_layout *layout, double learning_rate)
{
    const double scale = isfinite(t->optimizer->clip_norm) ? FN(norm_scale)(t, layout, 1) : 1;
    FN(optimizer_update)(t, layout, t->updates, learning_rate, scale, 1, (range){0, layout->n_parameters});
}

/* parameters <- parameters - learning_rate * gradient */
static void FN(gradient_descent)(void *parameters, const void *gradient, ptrdiff_t n, double learning_rate)
{
    const update_constants c = {.rate = vset((real)learning_rate)};
    const sweep_arrays a = {.p = parameters, .g = gradient, .c = &c};
    sweep_range(&a, (range){0, n}, FM_SGD, 0);
}
