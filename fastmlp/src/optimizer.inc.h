/* optimizer.inc.h -- one sweep over the flat parameter vector. */

/* parameters <- parameters - learning_rate * gradient */
static void FN(gradient_descent)(void *parameters_, const void *gradient_, ptrdiff_t n, double learning_rate)
{
    real *parameters = parameters_;
    const real *gradient = gradient_;
    const vec rate = vset((real)learning_rate);
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vstoreu(parameters + i, vfnma(rate, vloadu(gradient + i), vloadu(parameters + i)));
    if (i < n)
        vstore_some(parameters + i, vfnma(rate, vload_some(gradient + i, n - i), vload_some(parameters + i, n - i)),
                    n - i);
}
