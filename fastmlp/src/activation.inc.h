/* activation.inc.h -- hidden activations, forward over whole rows and backward from their outputs.
 *
 * Each derivative is a function of the activation's output a, so forward leaves behind only a:
 *   relu      1 where a > 0, else 0 (0 at 0)      tanh  1 - a^2      logistic  a (1 - a)
 */

/* da times the derivative at output a; a relu unit that is NaN stays NaN */
INLINE vec times_derivative(vec da, vec a, int activation)
{
    switch (activation) {
    case FM_RELU:
        return vselect(veq(a, (vec){0}), (vec){0}, da);
    case FM_TANH:
        return da * vfnma(a, a, vset(1));
    case FM_LOGISTIC:
        return da * vfnma(a, a, a);
    default:
        return da;
    }
}

/* a <- activation(z), in whole vectors; a and z may be the same rows */
static void FN(activation_forward)(real *a, const real *z, ptrdiff_t row_stride, ptrdiff_t n_rows,
                                   ptrdiff_t n_vectors, int activation)
{
    for (ptrdiff_t r = 0; r < n_rows; r++)
        for (ptrdiff_t at = r * row_stride, end = at + n_vectors * LANES; at < end; at += LANES) {
            vec x = vload(z + at);
            switch (activation) {
            case FM_RELU: x = vrelu(x); break;
            case FM_TANH: x = vtanh(x); break;
            case FM_LOGISTIC: x = vsigmoid(x); break;
            default: break;
            }
            vstore(a + at, x);
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
