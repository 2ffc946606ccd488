/* elementary.inc.h -- exp, log, log1p, tanh and sigmoid of vectors, within 2 ulp; expm1 and the normal distribution.
 *
 * All are valid over the whole range: subnormals, signed zeros, infinities and NaN included.  The polynomials are
 * Chebyshev fits printed by tools/fit_polynomials.py, constant term first.
 */
#ifndef FASTMLP_ELEMENTARY_INC_H
#define FASTMLP_ELEMENTARY_INC_H

#include "lanes.h"

#ifdef FM_DOUBLE
#define ROUND_MAGIC 6755399441055744.0 /* 1.5 * 2^52: x + this holds x rounded to an integer in its low bits */
#define LN2_HIGH 0x1.62e42feep-1       /* 32 significant bits, so that k * LN2_HIGH is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define EXP_HIGHEST 710.0
#define EXP_LOWEST -746.0
#define TANH_SATURATED 20.0 /* tanh rounds to 1 from here on */
static const real exp_coefficients[] = {
    0.5000000000000001022,   0.1666666666666666745,    0.04166666666662412787,    0.008333333333330061833,
    0.00138888889172137169,  0.0001984126986305361688, 0.00002480152129595437513, 2.755726845999706477e-6,
    2.762008844540974816e-7, 2.510038549551031908e-8,
};
static const real log_coefficients[] = {
    0.3333333333333334845,  0.1999999999994969097,  0.1428571431301553338,  0.1111110556286140447,
    0.09091444893095521242, 0.07665849816771929359, 0.07308360589930907875,
};
static const real tanh_coefficients[] = {
    0.5000000000000000012,   0.1666666666666660983,   0.04166666666670102639,    0.008333333332546456222,
    0.001388888898036511051, 0.000198412636717678731, 0.00002480184561555397988, 2.755040365025150871e-6,
    2.767553907404544124e-7, 2.381067428209689834e-8, 2.805451884205723521e-9,
};
static const real mills_coefficients[] = {
    0.6187781443801007125,     -0.07012139668764723881,   0.001732426905055826345,  0.04120722981100155201,
    -0.05443534006027842669,   0.04613917377836215234,    -0.02930572852899480331,  0.01413846355579069008,
    -0.004844875501283968306,  0.0008652500832231307657,  0.000149795009289739683,  -0.0001447113442102059049,
    0.00002528197198933812429, 0.00001131397459458737315, -5.671916779065567328e-6, -5.1863587581236293e-7,
    8.697060925680329252e-7,   -2.056438385039822341e-8,  -1.251651831760072164e-7, 8.722549261013993818e-9,
    1.634531988900915974e-8,   -9.195261554683912485e-10, -1.371450539195716257e-9,
};
#define MILLS_CENTER 5.3 /* c of vnormal_tail */
#define CDF_LOWEST 39.0  /* at and below -39 the distribution is subnormal or 0 */
#else
#define ROUND_MAGIC 12582912.0f /* 1.5 * 2^23 */
#define LN2_HIGH 0x1.62e4p-1f   /* 15 significant bits */
#define LN2_LOW 0x1.7f7d1cp-20f
#define EXP_HIGHEST 89.0f
#define EXP_LOWEST -105.0f
#define TANH_SATURATED 10.0f
static const real exp_coefficients[] = {
    0.5f, 0.1666657698869877568f, 0.0416665546172045742f, 0.00836317905272257737f, 0.001392618358771349454f,
};
static const real log_coefficients[] = {0.3333334252536895241f, 0.19994387998917327f, 0.1479007835267181505f};
static const real tanh_coefficients[] = {
    0.4999999984527726341f,   0.1666668390733582509f,   0.04166374295858343692f,
    0.008351217246045664746f, 0.001340074954731740028f, 0.0002582575883544254944f,
};
static const real mills_coefficients[] = {
    0.6284778787483127381f,   -0.06617812817968668427f,    -0.03172095963104276462f,    0.07014529444762923441f,
    -0.05832209418668844534f, 0.02890540508327949597f,     -0.007268314123543331551f,   -0.0007220911290510703887f,
    0.001021123895758059448f, -0.00005570332644914926061f, -0.00009285389958376057577f,
};
#define MILLS_CENTER 4.0f
#define CDF_LOWEST 15.0f
#endif
#define LOG2_E ((real)1.4426950408889634)
#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

INLINE vec polynomial(const real *coefficients, int count, vec x)
{
    vec p = vset(coefficients[count - 1]);
    UNROLL_FOR(int i = count - 2; i >= 0; i--) p = vfma(p, x, vset(coefficients[i]));
    return p;
}

/* exp(x) = first * second * (1 + r + r^2 curve).  The power of 2 is split into two factors, since it can be subnormal
   or overflow where exp(x) does not. */
typedef struct {
    vec r, curve, first, second;
} exp_parts;

INLINE exp_parts split_exp(vec x)
{
    vec clamped = vmax(vset(EXP_LOWEST), vmin(vset(EXP_HIGHEST), x)); /* exp of the limits rounds to 0 and inf */
    vec shifted = vfma(clamped, vset(LOG2_E), vset(ROUND_MAGIC)), k = shifted - (real)ROUND_MAGIC;
    vec r = vfnma(k, vset(LN2_LOW), vfnma(k, vset(LN2_HIGH), clamped));
    uvec whole = (uvec)shifted, half = whole >> 1; /* the low bits of `shifted` hold k */
    return (exp_parts){r, polynomial(exp_coefficients, COUNT(exp_coefficients), r),
                       (vec)((half + (ubits)EXPONENT_BIAS) << MANTISSA_BITS),
                       (vec)((whole - half + (ubits)EXPONENT_BIAS) << MANTISSA_BITS)};
}

/* exp(r) - 1 */
INLINE vec remainder_expm1(exp_parts e) { return vfma(e.r * e.r, e.curve, e.r); }

INLINE vec vexp(vec x)
{
    exp_parts e = split_exp(x);
    return vfma(e.first, remainder_expm1(e), e.first) * e.second;
}

/* exp(x) - 1 for x <= 0, where no power of 2 overflows; *exp <- exp(x) */
INLINE vec vexpm1_negative(vec x, vec *exp)
{
    exp_parts e = split_exp(x);
    vec power = e.first * e.second, remainder = remainder_expm1(e);
    *exp = vfma(e.first, remainder, e.first) * e.second;
    return vfma(power, remainder, power - (real)1);
}

/* exp(x) - 1 - x, never negative.  Where the power of 2 is 1, the answer is r^2 curve alone and nothing cancels. */
INLINE vec vexp_curve(vec x)
{
    exp_parts e = split_exp(x);
    vec power = e.first * e.second;
    vec large = vfma(e.first, remainder_expm1(e), e.first) * e.second - ((real)1 + x);
    return vselect(veq(power, vset(1)), e.r * e.r * e.curve, large);
}

/* log(2^k (1 + f)) + c for 1 + f in [sqrt(1/2), sqrt(2)): with s = f / (2 + f),
   log1p(f) = 2 atanh(s) = f - s (f - 2 s^2 tail(s^2)), where the large term f is exact */
INLINE vec log_reduced(vec k, vec f, vec c)
{
    vec s = f / ((real)2 + f), q = s * s;
    vec tail = polynomial(log_coefficients, COUNT(log_coefficients), q);
    vec correction = vfnma(s, vfnma(q + q, tail, f), vfma(k, vset(LN2_LOW), c));
    return vfma(k, vset(LN2_HIGH), f + correction);
}

/* k such that x / 2^k lies in [sqrt(1/2), sqrt(2)), for x > 0; *mantissa <- x / 2^k */
INLINE vec split_exponent(vec x, vec *mantissa)
{
    const ubits one = (ubits)EXPONENT_BIAS << MANTISSA_BITS;
    const ubits fraction = ((ubits)1 << MANTISSA_BITS) - 1;
    uvec u = (uvec)x;
    vec m = (vec)((u & fraction) | one);
    /* an integer in the low bits of ROUND_MAGIC makes the number ROUND_MAGIC + integer */
    vec biased = (vec)(((u >> MANTISSA_BITS) & (ubits)(2 * EXPONENT_BIAS + 1)) + (uvec)vset(ROUND_MAGIC));
    vec k = biased - (real)(ROUND_MAGIC + EXPONENT_BIAS);
    mask large = vlt(vset((real)1.4142135623730951), m);
    *mantissa = vselect(large, m * (real)0.5, m);
    return vselect(large, k + (real)1, k);
}

/* y, or the logarithm of an x for which the formula does not hold: 0, negative, infinite, NaN */
INLINE vec log_special(vec x, vec y)
{
    y = vselect(veq(x, vset((real)INFINITY)), x, y);
    y = vselect(veq(x, (vec){0}), vset((real)-INFINITY), y);
    y = vselect(vlt(x, (vec){0}), vset((real)NAN), y);
    return vselect(veq(x, x), y, x);
}

/* log(u + lost), where `lost` is the rounding error of u and x = u + lost - 1; lost / u corrects the logarithm */
INLINE vec vlog_sum(vec u, vec x, vec lost)
{
    const real lift = (real)((uint64_t)1 << (MANTISSA_BITS + 1));
    mask subnormal = vlt(u, vset(FM_SMALLEST_NORMAL));
    vec m, k = split_exponent(vselect(subnormal, u * lift, u), &m);
    k = vselect(subnormal, k - (real)(MANTISSA_BITS + 1), k);
    mask near_one = veq(k, (vec){0});
    vec f = vselect(near_one, x, m - (real)1);
    vec c = vselect(near_one, (vec){0}, lost / u);
    return log_special(u, log_reduced(k, f, c));
}

INLINE vec vlog(vec x) { return vlog_sum(x, x - (real)1, (vec){0}); }

INLINE vec vlog1p(vec x)
{
    vec u = (real)1 + x;
    vec y = vlog_sum(u, x, vselect(vlt(x, vset((real)1)), x - (u - (real)1), (real)1 - (u - x)));
    return vselect(vlt(vabs(x), vset((real)1e-30)), x, y); /* keeps -0 and subnormals */
}

/* log1p(x) for x in [0, 1] or NaN, all that softplus needs: u = 1 + x lies in [1, 2] */
INLINE vec vlog1p_unit(vec x)
{
    vec u = (real)1 + x, lost = x - (u - (real)1);
    mask large = vlt(vset((real)1.4142135623730951), u);
    vec k = vselect(large, vset((real)1), (vec){0});
    vec f = vselect(large, vfma(u, vset((real)0.5), vset((real)-1)), x);
    vec c = vselect(large, lost / u, (vec){0});
    return log_reduced(k, f, c);
}

/* tanh |x| = e / (e + 2) with e = expm1(2 |x|) = 2^k (1 + p) - 1.  The remainder r of 2 |x| = k log 2 + r lies in
   [0, log 2], so p is never negative and nothing cancels. */
INLINE vec vtanh(vec x)
{
    vec y = vmin(vset(TANH_SATURATED), vabs(x));
    y = y + y;
    vec shifted = vfma(y, vset(LOG2_E), vset((real)-0.5)) + (real)ROUND_MAGIC, k = shifted - (real)ROUND_MAGIC;
    vec r = vfnma(k, vset(LN2_LOW), vfnma(k, vset(LN2_HIGH), y));
    vec p = vfma(r * r, polynomial(tanh_coefficients, COUNT(tanh_coefficients), r), r);
    vec power = (vec)(((uvec)shifted + (ubits)EXPONENT_BIAS) << MANTISSA_BITS);
    vec e = vfma(power, p, power - (real)1), d = e + (real)2, lost = e - (d - (real)2);
    vec t = e / d;
    /* corrects the rounding error of d; 1 / d is about 3 / 4 - d / 8 up to d = 4, where the error matters most */
    t = vfnma(t * lost, vrelu(vfnma(d, vset((real)0.125), vset((real)0.75))), t);
    return (vec)((ivec)t | ((ivec)x & (ivec)vset((real)-0.0)));
}

/* 1 / (1 + exp(-x)) = n / d, given e = exp(-|x|), with n = 1 or e, d = 1 + e; never overflows */
INLINE vec vsigmoid_from(vec x, vec e)
{
    vec d = (real)1 + e, lost = e - (d - (real)1);
    vec y = vselect(vlt(x, (vec){0}), e, vset((real)1)) / d;
    return vfnma(y, lost, y); /* corrects the rounding error of d */
}

INLINE vec vsigmoid(vec x) { return vsigmoid_from(x, vexp(vnegative_abs(x))); }

/* Phi(-|x|), the standard normal distribution function: its density times a polynomial in (|x| - c) / (|x| + c), which
   keeps the relative accuracy in the tail.  *bell <- exp(-x^2 / 2) */
INLINE vec vnormal_tail(vec x, vec *bell)
{
    vec t = vmin(vset(CDF_LOWEST), vabs(x)), square = t * t, lost = vfma(t, t, -square);
    vec e = vexp((real)-0.5 * square);
    e = vfnma(e, (real)0.5 * lost, e);
    vec p = polynomial(mills_coefficients, COUNT(mills_coefficients), (t - MILLS_CENTER) / (t + MILLS_CENTER));
    *bell = e;
    return e * p / vfma(t, vset((real)1.4142135623730951), vset(1));
}

#endif
