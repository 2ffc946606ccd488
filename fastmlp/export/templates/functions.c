/* functions.c -- the elementary functions of fastmlp/src/elementary.inc.h and activation.inc.h for one number, from which
   c_source.py takes the sections that a network needs.  They have the bits of the kernels. */

/* section: real.float32 */
typedef float real;
typedef uint32_t ubits;
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__FP_FAST_FMAF)
#define MULADD(a, b, c) __builtin_fmaf(a, b, c)
#else
#define MULADD(a, b, c) ((a) * (b) + (c))
#endif

/* section: real.float64 */
typedef double real;
typedef uint64_t ubits;
#if defined(__FMA__) || defined(__aarch64__) || defined(__FP_FAST_FMA)
#define MULADD(a, b, c) __builtin_fma(a, b, c)
#else
#define MULADD(a, b, c) ((a) * (b) + (c))
#endif

/* section: muladd; needs: real */
/* a b + c, rounded once where the processor has the instruction */
static inline real muladd(real a, real b, real c) { return MULADD(a, b, c); }

/* section: bits; needs: real */
/* Branches would keep compilers from computing several units at once, so the functions below select by bits. */
#define SIGN_BIT ((ubits)1 << (8 * sizeof(real) - 1))
typedef union {
    real value;
    ubits bits;
} number;

static inline ubits bits_of(real x)
{
    number n;
    n.value = x;
    return n.bits;
}

static inline real from_bits(ubits bits)
{
    number n;
    n.bits = bits;
    return n.value;
}

/* section: select; needs: bits */
static inline real select_real(int condition, real yes, real no)
{
    const ubits mask = (ubits)0 - (ubits)condition;
    return from_bits((bits_of(yes) & mask) | (bits_of(no) & ~mask));
}

/* section: max; needs: select */
static inline real max_of(real a, real x) { return select_real(a > x, a, x); } /* NaN where x is NaN */

/* section: min; needs: select */
static inline real min_of(real a, real x) { return select_real(a < x, a, x); } /* NaN where x is NaN */

/* section: abs; needs: bits */
static inline real abs_of(real x) { return from_bits(bits_of(x) & ~SIGN_BIT); }

/* section: negative_abs; needs: bits */
static inline real negative_abs(real x) { return from_bits(bits_of(x) | SIGN_BIT); }

/* section: polynomial; needs: muladd */
#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))
/* constant term first */
static inline real polynomial(const real *coefficients, int count, real x)
{
    real p = coefficients[count - 1];
    for (int i = count - 2; i >= 0; i--) p = muladd(p, x, coefficients[i]);
    return p;
}

/* section: log_2.float32 */
#define LN2_HIGH 0x1.62e4p-1f /* 15 significant bits */
#define LN2_LOW 0x1.7f7d1cp-20f

/* section: log_2.float64 */
#define LN2_HIGH 0x1.62e42feep-1 /* 32 significant bits, so that k * LN2_HIGH is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33

/* section: rounding.float32; needs: log_2 */
#if FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2
#error "compile for a unit that computes in float: exp rounds by adding a large number"
#endif
#define ROUND_MAGIC 12582912.0f /* 1.5 * 2^23: x + this holds x rounded to an integer in its low bits */
#define LOG2_E 1.4426950408889634f
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127u

/* section: rounding.float64; needs: log_2 */
#if FLT_EVAL_METHOD == 2
#error "compile for a unit that computes in double: exp rounds by adding a large number"
#endif
#define ROUND_MAGIC 6755399441055744.0 /* 1.5 * 2^52: x + this holds x rounded to an integer in its low bits */
#define LOG2_E 1.4426950408889634
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023u

/* section: exp_coefficients.float32; needs: real */
#define EXP_HIGHEST 89.0f /* exp of these limits rounds to infinity and 0 */
#define EXP_LOWEST -105.0f
static const real exp_coefficients[] = {
    0.5f, 0.1666657698869877568f, 0.0416665546172045742f, 0.00836317905272257737f, 0.001392618358771349454f,
};

/* section: exp_coefficients.float64; needs: real */
#define EXP_HIGHEST 710.0 /* exp of these limits rounds to infinity and 0 */
#define EXP_LOWEST -746.0
static const real exp_coefficients[] = {
    0.5000000000000001022,   0.1666666666666666745,    0.04166666666662412787,    0.008333333333330061833,
    0.00138888889172137169,  0.0001984126986305361688, 0.00002480152129595437513, 2.755726845999706477e-6,
    2.762008844540974816e-7, 2.510038549551031908e-8,
};

/* section: split_exp; needs: rounding, exp_coefficients, polynomial, max, min */
/* exp(x) = first * second * (1 + r + r^2 curve).  The power of 2 is split into two factors, since it can be subnormal
   or overflow where exp(x) does not. */
typedef struct {
    real r, curve, first, second;
} exp_parts;

static inline exp_parts split_exp(real x)
{
    const real clamped = max_of(EXP_LOWEST, min_of(EXP_HIGHEST, x));
    const real shifted = muladd(clamped, LOG2_E, ROUND_MAGIC), k = shifted - ROUND_MAGIC;
    const ubits whole = bits_of(shifted), half = whole >> 1; /* the low bits of `shifted` hold k */
    exp_parts e;
    e.r = muladd(-k, LN2_LOW, muladd(-k, LN2_HIGH, clamped));
    e.curve = polynomial(exp_coefficients, COUNT(exp_coefficients), e.r);
    e.first = from_bits((half + EXPONENT_BIAS) << MANTISSA_BITS);
    e.second = from_bits((whole - half + EXPONENT_BIAS) << MANTISSA_BITS);
    return e;
}

/* exp(r) - 1 */
static inline real remainder_expm1(exp_parts e) { return muladd(e.r * e.r, e.curve, e.r); }

/* section: exp; needs: split_exp */
static inline real exp_of(real x)
{
    const exp_parts e = split_exp(x);
    return muladd(e.first, remainder_expm1(e), e.first) * e.second;
}

/* section: expm1_negative; needs: split_exp */
/* exp(x) - 1 for x <= 0, where no power of 2 overflows */
static inline real expm1_negative(real x)
{
    const exp_parts e = split_exp(x);
    const real power = e.first * e.second;
    return muladd(power, remainder_expm1(e), power - 1);
}

/* section: log_coefficients.float32; needs: real */
static const real log_coefficients[] = {0.3333334252536895241f, 0.19994387998917327f, 0.1479007835267181505f};

/* section: log_coefficients.float64; needs: real */
static const real log_coefficients[] = {
    0.3333333333333334845,  0.1999999999994969097,  0.1428571431301553338,  0.1111110556286140447,
    0.09091444893095521242, 0.07665849816771929359, 0.07308360589930907875,
};

/* section: log1p_unit; needs: log_2, log_coefficients, polynomial, select */
/* log1p(x) for x in [0, 1] or NaN.  With u = 1 + x = 2^k (1 + f) and s = f / (2 + f),
   log1p(f) = 2 atanh(s) = f - s (f - 2 s^2 tail(s^2)), where the large term f is exact */
static inline real log1p_unit(real x)
{
    const real u = 1 + x, lost = x - (u - 1);
    const int large = (real)1.4142135623730951 < u;
    const real k = select_real(large, 1, 0), f = select_real(large, muladd(u, (real)0.5, -1), x);
    const real c = select_real(large, lost / u, 0);
    const real s = f / (2 + f), q = s * s, tail = polynomial(log_coefficients, COUNT(log_coefficients), q);
    const real correction = muladd(-s, muladd(-(q + q), tail, f), muladd(k, LN2_LOW, c));
    return muladd(k, LN2_HIGH, f + correction);
}

/* section: tanh_coefficients.float32; needs: real */
#define TANH_SATURATED 10.0f /* tanh rounds to 1 from here on */
static const real tanh_coefficients[] = {
    0.4999999984527726341f,   0.1666668390733582509f,   0.04166374295858343692f,
    0.008351217246045664746f, 0.001340074954731740028f, 0.0002582575883544254944f,
};

/* section: tanh_coefficients.float64; needs: real */
#define TANH_SATURATED 20.0 /* tanh rounds to 1 from here on */
static const real tanh_coefficients[] = {
    0.5000000000000000012,   0.1666666666666660983,   0.04166666666670102639,    0.008333333332546456222,
    0.001388888898036511051, 0.000198412636717678731, 0.00002480184561555397988, 2.755040365025150871e-6,
    2.767553907404544124e-7, 2.381067428209689834e-8, 2.805451884205723521e-9,
};

/* section: tanh; needs: rounding, tanh_coefficients, polynomial, abs, min, max */
/* tanh |x| = e / (e + 2) with e = expm1(2 |x|) = 2^k (1 + p) - 1.  The remainder r of 2 |x| = k log 2 + r lies in
   [0, log 2], so p is never negative and nothing cancels. */
static inline real tanh_of(real x)
{
    const real half = min_of(TANH_SATURATED, abs_of(x)), y = half + half;
    const real shifted = muladd(y, LOG2_E, (real)-0.5) + ROUND_MAGIC, k = shifted - ROUND_MAGIC;
    const real r = muladd(-k, LN2_LOW, muladd(-k, LN2_HIGH, y));
    const real p = muladd(r * r, polynomial(tanh_coefficients, COUNT(tanh_coefficients), r), r);
    const real power = from_bits((bits_of(shifted) + EXPONENT_BIAS) << MANTISSA_BITS);
    const real e = muladd(power, p, power - 1), d = e + 2, lost = e - (d - 2);
    real t = e / d;
    /* corrects the rounding error of d; 1 / d is about 3 / 4 - d / 8 up to d = 4, where the error matters most */
    t = muladd(-(t * lost), max_of(0, muladd(-d, (real)0.125, (real)0.75)), t);
    return from_bits(bits_of(t) | (bits_of(x) & SIGN_BIT));
}

/* section: logistic; needs: exp, negative_abs */
/* 1 / (1 + exp(-x)) = n / d with e = exp(-|x|), n = 1 or e, d = 1 + e; never overflows */
static inline real logistic_of(real x)
{
    const real e = exp_of(negative_abs(x)), d = 1 + e, lost = e - (d - 1);
    const real y = select_real(x < 0, e, 1) / d;
    return muladd(-y, lost, y); /* corrects the rounding error of d */
}

/* section: normal_coefficients.float32; needs: real */
#define NORMAL_CENTER 4.0f
#define CDF_LOWEST 15.0f /* at and below -15 the distribution is subnormal or 0 */
static const real normal_coefficients[] = {
    0.6284778787483127381f,   -0.06617812817968668427f,    -0.03172095963104276462f,    0.07014529444762923441f,
    -0.05832209418668844534f, 0.02890540508327949597f,     -0.007268314123543331551f,   -0.0007220911290510703887f,
    0.001021123895758059448f, -0.00005570332644914926061f, -0.00009285389958376057577f,
};

/* section: normal_coefficients.float64; needs: real */
#define NORMAL_CENTER 5.3
#define CDF_LOWEST 39.0 /* at and below -39 the distribution is subnormal or 0 */
static const real normal_coefficients[] = {
    0.6187781443801007125,     -0.07012139668764723881,   0.001732426905055826345,  0.04120722981100155201,
    -0.05443534006027842669,   0.04613917377836215234,    -0.02930572852899480331,  0.01413846355579069008,
    -0.004844875501283968306,  0.0008652500832231307657,  0.000149795009289739683,  -0.0001447113442102059049,
    0.00002528197198933812429, 0.00001131397459458737315, -5.671916779065567328e-6, -5.1863587581236293e-7,
    8.697060925680329252e-7,   -2.056438385039822341e-8,  -1.251651831760072164e-7, 8.722549261013993818e-9,
    1.634531988900915974e-8,   -9.195261554683912485e-10, -1.371450539195716257e-9,
};

/* section: normal_tail; needs: exp, normal_coefficients, polynomial, abs, min */
/* Phi(-|x|), the standard normal distribution function: its density times a polynomial in (|x| - c) / (|x| + c), which
   keeps the relative accuracy in the tail */
static inline real normal_tail(real x)
{
    const real t = min_of(CDF_LOWEST, abs_of(x)), square = t * t, lost = muladd(t, t, -square);
    const real rounded = exp_of((real)-0.5 * square), e = muladd(-rounded, (real)0.5 * lost, rounded);
    const real at = (t - NORMAL_CENTER) / (t + NORMAL_CENTER);
    return e * polynomial(normal_coefficients, COUNT(normal_coefficients), at) / muladd(t, (real)1.4142135623730951, 1);
}

/* section: relu; needs: max */
static inline real relu_of(real z) { return max_of(0, z); }

/* section: leaky_relu; needs: max */
static inline real leaky_relu_of(real z) { return max_of(z * (real)0.01, z); }

/* section: elu; needs: expm1_negative */
static inline real elu_of(real z) { return select_real(0 < z, z, expm1_negative(min_of(0, z))); }

/* section: selu; needs: expm1_negative */
static inline real selu_of(real z)
{
    const real scale = (real)1.0507009873554804934, alpha = (real)1.6732632423543772848;
    return scale * select_real(0 < z, z, alpha * expm1_negative(min_of(0, z)));
}

/* section: gelu; needs: normal_tail */
static inline real gelu_of(real z)
{
    const real tail = normal_tail(z);
    return z * select_real(z < 0, tail, 1 - tail);
}

/* section: gelu_tanh; needs: logistic */
/* (1 + tanh u) / 2 = logistic(2 u) with u = sqrt(2 / pi) (z + 0.044715 z^3); beyond |z| = 40 it is 0 or 1 */
static inline real gelu_tanh_of(real z)
{
    const real slope = (real)1.5957691216057307117, cubic = slope * (real)0.044715, q = min_of(1600, z * z);
    return z * logistic_of(z * muladd(q, cubic, slope));
}

/* section: silu; needs: logistic */
static inline real silu_of(real z) { return z * logistic_of(z); }

/* section: softplus; needs: exp, negative_abs, log1p_unit */
static inline real softplus_of(real z) { return max_of(0, z) + log1p_unit(exp_of(negative_abs(z))); }

/* section: exponential; needs: exp */
static inline real exponential_of(real z) { return exp_of(z); }
