/* activation.inc.h -- activations of whole rows and their derivatives; the products apply the cheap ones themselves.
 *
 * Some derivatives are a function of the activation's output a, so the forward pass keeps only a:
 *   relu, leaky_relu  1 where a > 0, else 0 (0 at 0) or the slope      tanh  1 - a^2      logistic  a (1 - a)
 * Those of tanh and logistic have an absolute error of a rounding of 1: far from 0, where a is about 1, few of their
 * digits are right.  The forward pass stores the derivative itself for the others, whose tails stay exact:
 *   elu, selu         scale where z > 0, else scale alpha exp(z), with scale = 1, alpha = 1 for elu
 *   gelu, silu, softplus
 * and for layers with dropout.
 */
#ifndef FASTMLP_ACTIVATION_INC_H
#define FASTMLP_ACTIVATION_INC_H

#include "elementary.inc.h"
#include "lanes.h"
#include "tile.inc.h"

#define LEAKY_SLOPE ((real)0.01)
#define SELU_SCALE ((real)1.0507009873554804934)
#define SELU_ALPHA ((real)1.6732632423543772848)

INLINE int derivative_needs_logits(enum fm_activation activation)
{
    switch (activation) {
#define NEEDS_LOGITS_CASE(code, name, derivative) \
    case FM_##code:                               \
        return derivative == FM_FROM_LOGITS;
        FM_ACTIVATIONS(NEEDS_LOGITS_CASE)
    case FM_KEPT_DERIVATIVE:
        break;
    }
    return 0;
}

/* da times the derivative where the output is a; for FM_KEPT_DERIVATIVE a is the derivative */
INLINE vec times_derivative(vec da, vec a, enum fm_activation activation)
{
    switch (activation) {
    case FM_RELU:
        return vselect(vlt((vec){0}, a), da, (vec){0});
    case FM_LEAKY_RELU:
        return vselect(vlt((vec){0}, a), da, da * LEAKY_SLOPE);
    case FM_TANH:
        return da * vfnma(a, a, vset(1));
    case FM_LOGISTIC:
        return da * vfnma(a, a, a);
    case FM_KEPT_DERIVATIVE:
        return da * a;
    case FM_IDENTITY:
    case FM_ELU:
    case FM_SELU:
    case FM_GELU:
    case FM_GELU_TANH:
    case FM_SILU:
    case FM_SOFTPLUS: /* the forward pass stores theirs */
    case FM_EXPONENTIAL:
    case FM_SOFTMAX: /* the loss's delta contains theirs */
        break;
    }
    return da;
}

/* The output at z.  Only activations whose derivative needs z set *derivative. */
INLINE vec activate(vec z, enum fm_activation activation, vec *derivative)
{
    switch (activation) {
    case FM_RELU:
        return vrelu(z);
    case FM_LEAKY_RELU:
        return vmax(z * LEAKY_SLOPE, z);
    case FM_ELU: {
        vec e, below = vexpm1_negative(vmin((vec){0}, z), &e);
        *derivative = e; /* 1 where z > 0 */
        return vselect(vlt((vec){0}, z), z, below);
    }
    case FM_SELU: {
        vec e, below = vexpm1_negative(vmin((vec){0}, z), &e);
        *derivative = vselect(vlt((vec){0}, z), vset(SELU_SCALE), SELU_SCALE * SELU_ALPHA * e);
        return SELU_SCALE * vselect(vlt((vec){0}, z), z, SELU_ALPHA * below);
    }
    case FM_TANH:
        return vtanh(z);
    case FM_LOGISTIC:
        return vsigmoid(z);
    case FM_EXPONENTIAL:
        return vexp(z);
    case FM_SOFTPLUS:
        *derivative = vsigmoid(z);
        return vrelu(z) + vlog1p_unit(vexp(vnegative_abs(z)));
    case FM_SILU: {
        vec s = vsigmoid(z), a = z * s;
        *derivative = vfma(a, (real)1 - s, s);
        return a;
    }
    case FM_GELU: {
        vec bell, tail = vnormal_tail(z, &bell), cdf = vselect(vlt(z, (vec){0}), tail, (real)1 - tail);
        *derivative = vfma(z * (real)0.39894228040143267794, bell, cdf); /* 1 / sqrt(2 pi) */
        return z * cdf;
    }
    case FM_GELU_TANH: { /* (1 + tanh u) / 2 = sigmoid(2 u) with u = sqrt(2 / pi) (z + 0.044715 z^3) */
        const real slope = (real)1.5957691216057307117, cubic = slope * (real)0.044715;
        /* beyond |z| = 40, s is 0 or 1; a larger q could overflow, and 0 times infinity is NaN */
        vec q = vmin(vset(1600), z * z), s = vsigmoid(z * vfma(q, vset(cubic), vset(slope))), a = z * s;
        *derivative = vfma(a * ((real)1 - s), vfma(q, vset((real)3 * cubic), vset(slope)), s);
        return a;
    }
    case FM_IDENTITY:
    case FM_SOFTMAX:
    case FM_KEPT_DERIVATIVE: /* not a function of one logit */
        break;
    }
    return z;
}

#define FOR_EACH_ROW_VECTOR(at, g)                \
    for (ptrdiff_t r_ = 0; r_ < (g).n_rows; r_++) \
        for (ptrdiff_t at = r_ * (g).row_stride + (g).from, end_ = at - (g).from + (g).to; at < end_; at += LANES)

/* a <- activation(a); derivatives (laid out as a, or NULL) <- the derivatives */
INLINE void activation_sweep(real *a, real *derivatives, rows g, const enum fm_activation activation)
{
    if (activation == FM_IDENTITY && !derivatives)
        return;
    if (derivatives)
        FOR_EACH_ROW_VECTOR(at, g) {
            vec d = vset(1), y = activate(vload(a + at), activation, &d);
            vstore(a + at, y);
            vstore(derivatives + at, derivative_needs_logits(activation) ? d : times_derivative(d, y, activation));
        }
    else
        FOR_EACH_ROW_VECTOR(at, g) {
            vec unused;
            vstore(a + at, activate(vload(a + at), activation, &unused));
        }
}

static void FN(activation_forward)(real *a, real *derivatives, rows g, enum fm_activation activation)
{
    switch (activation) {
#define SWEEP_CASE(code, ...)                           \
    case FM_##code:                                     \
        activation_sweep(a, derivatives, g, FM_##code); \
        break;
        FM_POINTWISE_ACTIVATIONS(SWEEP_CASE)
    case FM_SOFTMAX:
    case FM_KEPT_DERIVATIVE:
        break; /* not a function of one logit */
    }
}

INLINE void derivative_sweep(real *d, const real *a, rows g, const enum fm_activation activation)
{
    if (activation != FM_IDENTITY)
        FOR_EACH_ROW_VECTOR(at, g) vstore(d + at, times_derivative(vload(d + at), vload(a + at), activation));
}

/* d <- d times the derivatives at the outputs a, laid out as d; not for derivatives that need logits */
static void FN(activation_backward)(real *d, const real *a, rows g, enum fm_activation activation)
{
    switch (activation) {
#define BACKWARD_CASE(code, ...)              \
    case FM_##code:                           \
        derivative_sweep(d, a, g, FM_##code); \
        break;
        FM_POINTWISE_ACTIVATIONS(BACKWARD_CASE)
        BACKWARD_CASE(KEPT_DERIVATIVE)
    case FM_SOFTMAX:
        break;
    }
}

/* z <- softmax of every column of z */
static void FN(softmax)(real *z, rows g)
{
    for (ptrdiff_t i = g.from; i < g.to; i += LANES) {
        vec most = vload(z + i), sum = {0};
        for (ptrdiff_t r = 1; r < g.n_rows; r++) most = vmax(most, vload(z + r * g.row_stride + i));
        for (ptrdiff_t r = 0; r < g.n_rows; r++) {
            vec e = vexp(vload(z + r * g.row_stride + i) - most);
            vstore(z + r * g.row_stride + i, e);
            sum += e;
        }
        for (ptrdiff_t r = 0; r < g.n_rows; r++)
            vstore(z + r * g.row_stride + i, vload(z + r * g.row_stride + i) / sum);
    }
}

/* The outputs of a network from its logits, in place. */
static void FN(output_forward)(real *z, rows g, enum fm_activation activation)
{
    if (activation == FM_SOFTMAX)
        FN(softmax)(z, g);
    else
        FN(activation_forward)(z, NULL, g, activation);
}

#endif
