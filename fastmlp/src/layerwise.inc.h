/* layerwise.inc.h -- the forward and backward passes for callers who keep every intermediate array.
 *
 * The same tiles and products as step.inc.h, with each result copied to the caller's own array.
 */

#define FOR_EACH_TILE(first, n, plan)                                                              \
    for (ptrdiff_t first = 0, n; first < (plan)->batch &&                                          \
         (n = (plan)->batch - first < (plan)->tile ? (plan)->batch - first : (plan)->tile, 1);     \
         first += n)

static int FN(forward)(const fm_layer_arrays *layers, const fm_plan *plan, const fm_data *data, void *arena_,
                       fm_poll poll)
{
    real *arena = arena_;
    const ptrdiff_t stride = plan->row_stride, n_examples = plan->batch;
    work w = start_work(poll, block_of(arena, plan, 1, 0));
    FOR_EACH_TILE(first, n, plan)
    {
        FN(pack_rows)(arena + plan->layers[0].inputs, stride, data->inputs, data->feature_stride,
                      plan->layers[0].fan_in, first, n);
        for (ptrdiff_t l = 0; l < plan->n_layers; l++) {
            const fm_layer *layer = &plan->layers[l];
            real *outputs = layer_outputs(arena, plan, l);
            if (FN(dense_forward)(outputs, layer, layers[l].weights, layers[l].bias, arena + layer->inputs, plan,
                                  ceil_div(n, LANES), FM_IDENTITY, &w))
                return w.status;
            FN(unpack_rows)(layers[l].z, n_examples, outputs, stride, layer->fan_out, first, n);
            FN(output_forward)(outputs, tile_rows(plan, layer->fan_out, n), layer->activation);
            FN(unpack_rows)(layers[l].a, n_examples, outputs, stride, layer->fan_out, first, n);
        }
    }
    return 0;
}

/* dz of the last layer <- (a - y) / n_examples, in the arena and in the caller's array */
static void FN(output_delta)(real *dz, const fm_layer_arrays *last, const fm_plan *plan, const fm_data *data,
                             real *arena, ptrdiff_t first, ptrdiff_t n)
{
    const ptrdiff_t stride = plan->row_stride, n_outputs = plan->layers[plan->n_layers - 1].fan_out;
    FN(pack_rows)(arena + plan->outputs, stride, last->a, plan->batch, n_outputs, first, n);
    FN(pack_rows)(arena + plan->targets, stride, data->targets, data->target_stride, n_outputs, first, n);
    for (ptrdiff_t o = 0; o < n_outputs; o++) {
        const real *a = arena + plan->outputs + o * stride, *y = arena + plan->targets + o * stride;
        FOR_EACH_VECTOR(i, n) vstore(dz + o * stride + i, (vload(a + i) - vload(y + i)) / (real)plan->batch);
        clear_padding(dz + o * stride, n);
    }
    FN(unpack_rows)(last->dz, plan->batch, dz, stride, n_outputs, first, n);
}

static int FN(backward)(const fm_layer_arrays *layers, const fm_plan *plan, const fm_data *data, void *arena_,
                        fm_poll poll)
{
    real *arena = arena_;
    const ptrdiff_t stride = plan->row_stride, n_examples = plan->batch, last = plan->n_layers - 1;
    work w = start_work(poll, block_of(arena, plan, 1, 0));
    FOR_EACH_TILE(first, n, plan)
    {
        real *dz = arena + plan->deltas[last % 2];
        FN(output_delta)(dz, &layers[last], plan, data, arena, first, n);
        for (ptrdiff_t l = last; l >= 0; l--) {
            const fm_layer *layer = &plan->layers[l];
            FN(pack_rows)(arena + layer->inputs, stride, l ? layers[l - 1].a : data->inputs,
                          l ? n_examples : data->feature_stride, layer->fan_in, first, n);
            if (FN(dense_gradient)(layers[l].d_weights, layers[l].d_bias, layer, dz, plan, arena, NULL, n, first > 0,
                                   &w))
                return w.status;
            if (l == 0)
                break;
            real *d_inputs = arena + plan->deltas[(l - 1) % 2];
            if (FN(dense_backward)(d_inputs, layer, layers[l].weights, dz, plan, ceil_div(n, LANES), FM_IDENTITY,
                                   NULL, &w))
                return w.status;
            FN(unpack_rows)(layers[l].d_inputs, n_examples, d_inputs, stride, layer->fan_in, first, n);
            FN(activation_backward)(d_inputs, arena + layer->inputs, tile_rows(plan, layer->fan_in, n),
                                    plan->layers[l - 1].activation);
            FN(unpack_rows)(layers[l - 1].dz, n_examples, d_inputs, stride, layer->fan_in, first, n);
            dz = d_inputs;
        }
    }
    for (ptrdiff_t l = 0; l <= last; l++)
        if (FN(finish_gradient)(layers[l].d_weights, &plan->layers[l], arena, &w))
            return w.status;
    return 0;
}
