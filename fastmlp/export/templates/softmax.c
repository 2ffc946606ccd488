
/* z ($n_outputs) <- exp(z) over its sum; subtracting the largest keeps exp from overflowing */
static void softmax(real *z)
{
    real most = z[0], sum = 0;
    for (int o = 1; o < $n_outputs; o++) most = max_of(most, z[o]);
    for (int o = 0; o < $n_outputs; o++) z[o] = exp_of(z[o] - most);
    for (int o = 0; o < $n_outputs; o++) sum += z[o];
    for (int o = 0; o < $n_outputs; o++) z[o] = z[o] / sum;
}
