
static const real weights_$number[$n_weights] = {
$weights
};

static const real biases_$number[$fan_out] = {
$biases
};

/* $fan_in inputs, $fan_out units, $activation */
static void layer_$number(const real *restrict x, real *restrict z)
{
    const real *w = weights_$number;
    for (int o = 0; o < $fan_out; o++) z[o] = biases_$number[o];
$products$apply}
