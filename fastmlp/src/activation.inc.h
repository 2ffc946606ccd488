/* activation.inc.h -- hidden activations, forward over whole rows and backward from their outputs.
 *
 * Each derivative is a function of the activation's output a, so forward leaves behind only a:
 *   relu      1 where a > 0, else 0 (0 at 0)      tanh  1 - a^2      logistic  a (1 - a)
 */

/* da times the derivative at output a */
INLINE vec times_derivative(vec da, vec a, int activation)
{
    switch (activation) {
    case FM_RELU:
        return vselect(vlt((vec){0}, a), da, (vec){0});
    case FM_TANH:
        return da * vfnma(a, a, vset(1));
    case FM_LOGISTIC:
        return da * vfnma(a, a, a);
    default:
        return da;
    }
}

/* at: the offset of every vector of n_rows rows, in turn */
#define FOR_EACH_ROW_VECTOR(at, n_rows, n_vectors, row_stride) \
    for (ptrdiff_t r_ = 0; r_ < (n_rows); r_++)                 \
        for (ptrdiff_t at = r_ * (row_stride), end_ = at + (n_vectors) * LANES; at < end_; at += LANES)

/* rows <- activation(rows), in whole vectors */
static void FN(activation_forward)(real *rows, ptrdiff_t row_stride, ptrdiff_t n_rows, ptrdiff_t n_vectors,
                                   int activation)
{
    switch (activation) {
    case FM_RELU:
        FOR_EACH_ROW_VECTOR(at, n_rows, n_vectors, row_stride) vstore(rows + at, vrelu(vload(rows + at)));
        break;
    case FM_TANH:
        FOR_EACH_ROW_VECTOR(at, n_rows, n_vectors, row_stride) vstore(rows + at, vtanh(vload(rows + at)));
        break;
    case FM_LOGISTIC:
        FOR_EACH_ROW_VECTOR(at, n_rows, n_vectors, row_stride) vstore(rows + at, vsigmoid(vload(rows + at)));
        break;
    default: break;
    }
}

/* d <- d times the derivative at the outputs a, laid out as d, in whole vectors */
static void FN(activation_backward)(real *d, const real *a, ptrdiff_t row_stride, ptrdiff_t n_rows,
                                    ptrdiff_t n_vectors, int activation)
{
    switch (activation) {
    case FM_RELU:
        FOR_EACH_ROW_VECTOR(at, n_rows, n_vectors, row_stride)
            vstore(d + at, times_derivative(vload(d + at), vload(a + at), FM_RELU));
        break;
    case FM_TANH:
        FOR_EACH_ROW_VECTOR(at, n_rows, n_vectors, row_stride)
            vstore(d + at, times_derivative(vload(d + at), vload(a + at), FM_TANH));
        break;
    case FM_LOGISTIC:
        FOR_EACH_ROW_VECTOR(at, n_rows, n_vectors, row_stride)
            vstore(d + at, times_derivative(vload(d + at), vload(a + at), FM_LOGISTIC));
        break;
    default: break;
    }
}

/* out <- function(x), n elements; the arrays may be the same */
#define MAP_CASE(name, verb)                                                          \
    case name:                                                                        \
        FOR_EACH_VECTOR(i, n) vstore_some(out + i, verb(vload_some(x + i, n - i)), n - i); \
        break;

static void FN(map)(void *out_, const void *x_, ptrdiff_t n, int function)
{
    real *out = out_;
    const real *x = x_;
    switch (function) {
        MAP_CASE(FM_EXP, vexp)
        MAP_CASE(FM_LOG, vlog)
        MAP_CASE(FM_LOG1P, vlog1p)
        MAP_CASE(FM_TANH_FUNCTION, vtanh)
        MAP_CASE(FM_SIGMOID, vsigmoid)
        MAP_CASE(FM_RELU_FUNCTION, vrelu)
    }
}

/* x - x is 0, or NaN where x is not finite: a sum of these stays 0 while all are finite */
static int FN(all_finite)(const real *x, ptrdiff_t n)
{
    vec residue[4] = {{0}};
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        UNROLL for (int q = 0; q < 4; q++) {
            vec v = vloadu(x + i + q * LANES);
            residue[q] += v - v;
        }
    real sum = 0;
    for (; i < n; i++) sum += x[i] - x[i];
    vec total = (residue[0] + residue[1]) + (residue[2] + residue[3]);
    for (int q = 0; q < LANES; q++) sum += total[q];
    return sum == 0;
}

/* Whether a check holds for every element; the last, partial vector is filled with zeros, which pass all. */
static int FN(all_pass)(const void *x_, ptrdiff_t n, int check)
{
    const real *x = x_;
    ivec failed = {0};
    if (check == FM_ALL_FINITE)
        return FN(all_finite)(x, n);
    FOR_EACH_VECTOR(i, n)
    {
        vec v = vload_some(x + i, n - i);
        if (check == FM_ALL_BINARY)
            failed |= (ivec)((v != (vec){0}) & (v != vset(1)));
        else
            failed |= ~(ivec)((v >= (vec){0}) & (v <= vset(1)));
    }
    bits any = 0;
    for (int i = 0; i < LANES; i++) any |= failed[i];
    return any == 0;
}
