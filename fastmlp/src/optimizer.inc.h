/* optimizer.inc.h -- one sweep over the flat parameter vector. */

/* parameters <- parameters - learning_rate * gradient */
static void FN(gradient_descent)(real *parameters, const real *gradient, ptrdiff_t n, real learning_rate)
{
    const vec rate = vset(learning_rate);
    FOR_EACH_VECTOR(i, n)
    {
        vec p = vfnma(rate, vload_some(gradient + i, n - i), vload_some(parameters + i, n - i));
        vstore_some(parameters + i, p, n - i);
    }
}
