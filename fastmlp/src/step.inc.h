/* step.inc.h -- the fused pass: forward, loss and delta from the logits, backward, gradient, per tile.
 *
 * A tile is about 64 vectors of examples, cut evenly from the data; its activations stay in L2.  The
 * last tile is padded with copies of its last example, whose delta is set to 0, so padding adds
 * nothing, and is non-finite only where a true example is.
 */

enum { MOST_VECTORS_PER_TILE = 64 };

/* Rows a multiple of 512 bytes apart would share few cache sets: two more vectors part them. */
INLINE ptrdiff_t row_stride_of(ptrdiff_t tile)
{
    return tile * (ptrdiff_t)sizeof(real) % 512 ? tile : tile + 2 * LANES;
}

/* The cheaper weight gradient by estimated overhead; the constants were measured, see docs/design.md. */
INLINE int choose_gradient_method(ptrdiff_t fan_in, ptrdiff_t fan_out, ptrdiff_t tile)
{
    double lane_sums_overhead = 2.8 * LANES / (double)tile;
    double padding = (double)whole_vectors(fan_in) / (double)fan_in - 1;
    return padding + 5.0 / (double)fan_out < lane_sums_overhead ? FM_BROADCAST : FM_LANE_SUMS;
}

static void FN(make_plan)(fm_plan *plan, ptrdiff_t n_layers, const ptrdiff_t *layer_dims, const int *activations,
                          ptrdiff_t n_examples)
{
    ptrdiff_t n_vectors = ceil_div(n_examples, LANES);
    ptrdiff_t tile = ceil_div(n_vectors, ceil_div(n_vectors, MOST_VECTORS_PER_TILE)) * LANES;
    ptrdiff_t most = row_stride_of(MOST_VECTORS_PER_TILE * LANES); /* keeps the arena's size constant */
    ptrdiff_t at = 0, parameters = 0, widest = 0, widest_in = 0, n_outputs = layer_dims[n_layers];
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        fm_layer *layer = &plan->layers[l];
        ptrdiff_t fan_in = layer_dims[l], fan_out = layer_dims[l + 1];
        *layer = (fm_layer){.fan_in = fan_in,
                            .fan_out = fan_out,
                            .weights = parameters,
                            .bias = parameters + fan_in * fan_out,
                            .inputs = at,
                            .padded_fan_in = whole_vectors(fan_in),
                            .activation = activations[l],
                            .gradient_method = choose_gradient_method(fan_in, fan_out, tile)};
        parameters += (fan_in + 1) * fan_out;
        at += fan_in * most;
        widest = fan_out > widest ? fan_out : widest;
        widest_in = fan_in > widest_in ? fan_in : widest_in;
    }
    plan->n_layers = n_layers;
    plan->n_parameters = parameters;
    plan->n_examples = n_examples;
    plan->tile = tile;
    plan->row_stride = row_stride_of(tile);
    plan->outputs = at, at += n_outputs * most;
    plan->targets = at, at += n_outputs * most;
    plan->losses = at, at += most;
    plan->deltas[0] = at, at += widest * most;
    plan->deltas[1] = at, at += widest * most;
    plan->transposed = at, at += MOST_VECTORS_PER_TILE * LANES * whole_vectors(widest_in);
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        plan->layers[l].padded_gradient = at;
        at += plan->layers[l].fan_out * plan->layers[l].padded_fan_in;
    }
    plan->arena_bytes = at * (ptrdiff_t)sizeof(real);
}

/* Arena rows where the outputs of layer l go: the inputs of the next. */
INLINE real *layer_outputs(real *arena, const fm_plan *plan, ptrdiff_t l)
{
    return arena + (l + 1 < plan->n_layers ? plan->layers[l + 1].inputs : plan->outputs);
}

/* rows of the arena <- columns first .. first + n of the caller's rows, padded with copies of the last */
static void FN(pack_rows)(real *to, ptrdiff_t to_row, const void *from_, ptrdiff_t from_row, ptrdiff_t n_rows,
                          ptrdiff_t first, ptrdiff_t n)
{
    const real *from = (const real *)from_ + first;
    for (ptrdiff_t r = 0; r < n_rows; r++, to += to_row, from += from_row) {
        FOR_EACH_VECTOR(i, n - LANES + 1) vstore(to + i, vloadu(from + i));
        if (n % LANES) {
            real *last = to + n / LANES * LANES;
            vstore(last, vset(from[n - 1]));
            memcpy(last, from + n / LANES * LANES, (size_t)(n % LANES) * sizeof(real));
        }
    }
}

static void FN(unpack_rows)(void *to_, ptrdiff_t to_row, const real *from, ptrdiff_t from_row, ptrdiff_t n_rows,
                            ptrdiff_t first, ptrdiff_t n)
{
    real *to = (real *)to_ + first;
    for (ptrdiff_t r = 0; r < n_rows; r++)
        memcpy(to + r * to_row, from + r * from_row, (size_t)n * sizeof(real));
}

/* outputs <- W inputs + b, and relu where the layer has it: the one activation cheap enough for the epilogue */
static int FN(dense_forward)(real *outputs, const fm_layer *layer, const real *weights, const real *bias,
                             const real *inputs, const fm_plan *plan, ptrdiff_t n_vectors, int activation, work *w)
{
    const product g = {.n_terms = layer->fan_in,
                       .a = weights,
                       .a_row = layer->fan_in,
                       .a_term = 1,
                       .b = inputs,
                       .b_row = plan->row_stride,
                       .c = outputs,
                       .c_row = plan->row_stride,
                       .start = START_BIAS,
                       .bias = bias,
                       .activation = activation == FM_RELU ? FM_RELU : FM_IDENTITY};
    int status = FN(dense_product)(&g, layer->fan_out, n_vectors, w);
    if (!status && activation != FM_IDENTITY && activation != FM_RELU)
        FN(activation_forward)(outputs, plan->row_stride, layer->fan_out, n_vectors, activation);
    return status;
}

/* d_inputs <- W' dz, times the derivative of `activation` at `outputs` */
static int FN(dense_backward)(real *d_inputs, const fm_layer *layer, const real *weights, const real *dz,
                              const fm_plan *plan, ptrdiff_t n_vectors, int activation, const real *outputs,
                              work *w)
{
    const product g = {.n_terms = layer->fan_out,
                       .a = weights,
                       .a_row = 1,
                       .a_term = layer->fan_in,
                       .b = dz,
                       .b_row = plan->row_stride,
                       .c = d_inputs,
                       .c_row = plan->row_stride,
                       .start = START_ZERO,
                       .derivative_of = activation,
                       .outputs = outputs};
    return FN(dense_product)(&g, layer->fan_in, n_vectors, w);
}

/* dW, db <- (or, after the first tile, +=) the sums over a tile of n examples */
static int FN(dense_gradient)(real *d_weights, real *d_bias, const fm_layer *layer, const real *dz,
                              const fm_plan *plan, real *arena, ptrdiff_t n, int accumulate, work *w)
{
    const lane_sums sums = {d_weights, d_bias, dz, arena + layer->inputs, layer->fan_in, plan->row_stride,
                            ceil_div(n, LANES), accumulate};
    if (layer->gradient_method == FM_LANE_SUMS)
        return FN(dense_gradient_lane_sums)(&sums, layer->fan_out, 0, w);
    FN(dense_transpose)(arena + plan->transposed, layer->padded_fan_in, arena + layer->inputs, plan->row_stride,
                        layer->fan_in, whole_vectors(n));
    const product g = {.n_terms = n,
                       .a = dz,
                       .a_row = plan->row_stride,
                       .a_term = 1,
                       .b = arena + plan->transposed,
                       .b_row = layer->padded_fan_in,
                       .c = arena + layer->padded_gradient,
                       .c_row = layer->padded_fan_in,
                       .start = accumulate ? START_C : START_ZERO};
    int status = FN(dense_product)(&g, layer->fan_out, layer->padded_fan_in / LANES, w);
    return status ? status : FN(dense_gradient_lane_sums)(&sums, layer->fan_out, layer->fan_in, w);
}

/* the padded rows that FM_BROADCAST summed into -> dW */
static int FN(finish_gradient)(real *d_weights, const fm_layer *layer, const real *arena, work *w)
{
    const ptrdiff_t n_rows = layer->gradient_method == FM_BROADCAST ? layer->fan_out : 0;
    for (ptrdiff_t row = 0; row < n_rows && !w->status; row++) {
        FN(unpack_rows)(d_weights + row * layer->fan_in, layer->fan_in,
                        arena + layer->padded_gradient + row * layer->padded_fan_in, layer->padded_fan_in, 1, 0,
                        layer->fan_in);
        poll_after(w, 2.0 * (double)layer->fan_in);
    }
    return w->status;
}

/* inputs and, where there are any, targets of the tile of n examples from `first` on */
static void FN(pack_tile)(real *arena, const fm_plan *plan, const fm_data *data, ptrdiff_t first, ptrdiff_t n)
{
    FN(pack_rows)(arena + plan->layers[0].inputs, plan->row_stride, data->inputs, data->input_stride,
                  plan->layers[0].fan_in, first, n);
    if (data->targets)
        FN(pack_rows)(arena + plan->targets, plan->row_stride, data->targets, data->target_stride,
                      plan->layers[plan->n_layers - 1].fan_out, first, n);
}

/* The inputs of every layer and the logits, for a packed tile of n examples. */
static int FN(forward_tile)(real *arena, const fm_plan *plan, const real *parameters, ptrdiff_t n, work *w)
{
    for (ptrdiff_t l = 0; l < plan->n_layers; l++) {
        const fm_layer *layer = &plan->layers[l];
        int activation = l + 1 < plan->n_layers ? layer->activation : FM_IDENTITY;
        if (FN(dense_forward)(layer_outputs(arena, plan, l), layer, parameters + layer->weights,
                              parameters + layer->bias, arena + layer->inputs, plan, ceil_div(n, LANES),
                              activation, w))
            return w->status;
    }
    return 0;
}

/* The gradient of a tile from its logits; `loss` is NULL where nobody asked for it. */
static int FN(backward_tile)(real *gradient, mean *loss, real *arena, const fm_plan *plan, const real *parameters,
                             ptrdiff_t n, int accumulate, work *w)
{
    ptrdiff_t n_outputs = plan->layers[plan->n_layers - 1].fan_out, stride = plan->row_stride;
    real *dz = arena + plan->deltas[(plan->n_layers - 1) % 2];
    for (ptrdiff_t o = 0; o < n_outputs; o++) {
        const real *z = arena + plan->outputs + o * stride, *y = arena + plan->targets + o * stride;
        FN(log_loss_backward)(dz + o * stride, z, y, n, (real)1 / (real)plan->n_examples);
        if (loss) {
            FN(log_loss_forward)(arena + plan->losses, z, y, n);
            add_to_mean(loss, arena + plan->losses, n);
        }
    }
    for (ptrdiff_t l = plan->n_layers - 1; l >= 0; l--) {
        const fm_layer *layer = &plan->layers[l];
        if (FN(dense_gradient)(gradient + layer->weights, gradient + layer->bias, layer, dz, plan, arena, n,
                               accumulate, w))
            return w->status;
        if (l == 0)
            break;
        real *d_inputs = arena + plan->deltas[(l - 1) % 2];
        if (FN(dense_backward)(d_inputs, layer, parameters + layer->weights, dz, plan, ceil_div(n, LANES),
                               plan->layers[l - 1].activation, arena + layer->inputs, w))
            return w->status;
        dz = d_inputs;
    }
    return 0;
}

#define FOR_EACH_TILE(first, n, plan)                                                                      \
    for (ptrdiff_t first = 0, n; first < (plan)->n_examples &&                                             \
         (n = (plan)->n_examples - first < (plan)->tile ? (plan)->n_examples - first : (plan)->tile, 1);   \
         first += n)

/* `packed`: the arena holds the only tile already, from the pass before */
static int FN(pass)(real *gradient, double *loss, const fm_plan *plan, const real *parameters,
                    const fm_data *data, real *arena, int packed, work *w)
{
    mean m = start_mean(plan->n_examples);
    FOR_EACH_TILE(first, n, plan)
    {
        if (!packed)
            FN(pack_tile)(arena, plan, data, first, n);
        if (FN(forward_tile)(arena, plan, parameters, n, w) ||
            FN(backward_tile)(gradient, loss ? &m : NULL, arena, plan, parameters, n, first > 0, w))
            return w->status;
    }
    for (ptrdiff_t l = 0; l < plan->n_layers; l++)
        if (FN(finish_gradient)(gradient + plan->layers[l].weights, &plan->layers[l], arena, w))
            return w->status;
    if (loss)
        *loss = finish_mean(&m);
    return 0;
}

static int FN(loss_and_gradient)(void *gradient, double *loss, const fm_plan *plan, const void *parameters,
                                 const fm_data *data, void *arena, fm_poll poll)
{
    work w = start_work(poll);
    return FN(pass)(gradient, loss, plan, parameters, data, arena, 0, &w);
}

static int FN(train)(void *parameters, ptrdiff_t *epochs_done, void *gradient, const fm_plan *plan,
                     const fm_data *data, void *arena, double learning_rate, ptrdiff_t epochs, fm_poll poll)
{
    work w = start_work(poll);
    for (*epochs_done = 0; *epochs_done < epochs; ++*epochs_done) {
        int packed = *epochs_done > 0 && plan->n_examples <= plan->tile;
        if (FN(pass)(gradient, NULL, plan, parameters, data, arena, packed, &w))
            return w.status;
        FN(gradient_descent)(parameters, gradient, plan->n_parameters, learning_rate);
    }
    return 0;
}

static int FN(predict)(void *outputs, const fm_plan *plan, const void *parameters, const fm_data *data, void *arena_,
                       int output, fm_poll poll)
{
    real *arena = arena_;
    work w = start_work(poll);
    const fm_layer *last = &plan->layers[plan->n_layers - 1];
    FOR_EACH_TILE(first, n, plan)
    {
        FN(pack_tile)(arena, plan, data, first, n);
        if (FN(forward_tile)(arena, plan, parameters, n, &w))
            return w.status;
        if (output == FM_PROBABILITIES)
            FN(activation_forward)(arena + plan->outputs, plan->row_stride, last->fan_out, ceil_div(n, LANES),
                                   last->activation);
        FN(unpack_rows)(outputs, plan->n_examples, arena + plan->outputs, plan->row_stride, last->fan_out, first, n);
    }
    return 0;
}
