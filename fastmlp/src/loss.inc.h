/* loss.inc.h -- the binary log-loss, from logits and from probabilities.
 *
 * From logits z and labels y in {0, 1}:  loss = max(z, 0) - z y + log1p(exp(-|z|)), finite for every
 * finite z, and dz = sigmoid(z) - y.  Means are summed in double whatever the dtype.
 */

INLINE vec log_loss(vec z, vec y)
{
    vec e = vexp(vnegative_abs(z));
    return vfnma(z, y, vrelu(z)) + vlog1p_unit(e);
}

/* -log a where y = 1, -log(1 - a) where y = 0; 0 log 0 = 0 */
INLINE vec cross_entropy(vec a, vec y)
{
    mask positive = veq(y, vset(1));
    vec u = vselect(positive, a, (real)1 - a);
    return -vlog_sum(u, vselect(positive, a - (real)1, -a), vselect(positive, (vec){0}, ((real)1 - u) - a));
}

/* A mean that is finite wherever its exact value is: from where the sum overflows on, one goes on that is scaled
   down by a power of two.  Scaled from the start, the smallest losses would be lost. */
typedef struct {
    double sum, scaled_sum, scale;
    ptrdiff_t n;
} mean;

INLINE mean start_mean(ptrdiff_t n) { return (mean){0, 0, ldexp(0.5, -ilogb((double)n)), n}; }
INLINE double finish_mean(const mean *m)
{
    return isfinite(m->sum) ? m->sum / (double)m->n : m->scaled_sum / ((double)m->n * m->scale);
}

INLINE void add_to_mean(mean *m, const real *x, ptrdiff_t n)
{
    double part[8] = {0}, before = m->sum;
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8)
        UNROLL for (int q = 0; q < 8; q++) part[q] += (double)x[i + q];
    for (; i < n; i++) part[0] += (double)x[i];
    m->sum += ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    if (isfinite(m->sum))
        return;
    if (isfinite(before))
        m->scaled_sum = before * m->scale;
    for (i = 0; i < n; i++) m->scaled_sum += (double)x[i] * m->scale;
}

/* The examples behind the n true ones of a tile add nothing to a gradient. */
INLINE void clear_padding(real *dz, ptrdiff_t n)
{
    for (ptrdiff_t i = n; i % LANES; i++) dz[i] = 0;
}

/* dz <- (sigmoid(z) - y) * scale for n examples of a tile, 0 for the padding behind them */
static void FN(log_loss_backward)(real *dz, const real *z, const real *y, ptrdiff_t n, real scale)
{
    FOR_EACH_VECTOR(i, n) vstore(dz + i, (vsigmoid(vload(z + i)) - vload(y + i)) * scale);
    clear_padding(dz, n);
}

static void FN(log_loss_forward)(real *losses, const real *z, const real *y, ptrdiff_t n)
{
    FOR_EACH_VECTOR(i, n) vstore(losses + i, log_loss(vload(z + i), vload(y + i)));
}

#define DEFINE_MEAN_LOSS(name, verb)                                                                   \
    static double FN(mean_##name)(const void *x_, const void *y_, ptrdiff_t n, ptrdiff_t n_examples)    \
    {                                                                                                  \
        const real *x = x_, *y = y_;                                                                   \
        mean m = start_mean(n_examples);                                                               \
        real losses[LANES] __attribute__((aligned(FM_VBYTES)));                                        \
        FOR_EACH_VECTOR(i, n)                                                                          \
        {                                                                                              \
            vstore(losses, verb(vload_some(x + i, n - i), vload_some(y + i, n - i)));                   \
            add_to_mean(&m, losses, n - i < LANES ? n - i : LANES);                                    \
        }                                                                                              \
        return finish_mean(&m);                                                                        \
    }
DEFINE_MEAN_LOSS(log_loss, log_loss)
DEFINE_MEAN_LOSS(cross_entropy, cross_entropy)
