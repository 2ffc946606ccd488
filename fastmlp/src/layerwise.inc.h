/* layerwise.inc.h -- the passes for callers who keep every intermediate array: `layers`, forward and with targets also
 * backward, and `backward` from outputs of the log-loss that the caller has.
 *
 * The same tiles and products as step.inc.h, with each result copied to the caller's own array.
 */

#define FOR_EACH_TILE(first, n, plan)                                                              \
    for (ptrdiff_t first = 0, n; first < (plan)->batch &&                                          \
         (n = (plan)->batch - first < (plan)->tile ? (plan)->batch - first : (plan)->tile, 1);     \
         first += n)

/* z and a of every layer of a packed tile, and its derivatives in the arena; the logits stay there as they are */
static int FN(layers_forward)(const fm_layer_arrays *layers, const fm_plan *plan, real *arena, ptrdiff_t first,
                              ptrdiff_t n, ptrdiff_t n_examples, work *w)
{
    const ptrdiff_t stride = plan->row_stride;
    for (ptrdiff_t l = 0; l < plan->n_layers; l++) {
        const fm_layer *layer = &plan->layers[l];
        const rows all = tile_rows(plan, layer->fan_out, n);
        real *outputs = layer_outputs(arena, plan, l);
        if (FN(layer_forward)(outputs, layer, layers[l].weights, layers[l].bias, arena, plan, n, FM_IDENTITY, w))
            return w->status;
        FN(unpack_rows)(layers[l].z, n_examples, outputs, stride, layer->fan_out, first, n);
        if (l + 1 < plan->n_layers)
            FN(activation_forward)(outputs, layer->keeps_derivative ? arena + layer->derivatives : NULL, all,
                                   layer->activation);
        else {
            memcpy(arena + plan->losses, outputs, (size_t)(layer->fan_out * stride) * sizeof(real));
            outputs = arena + plan->losses;
            FN(output_forward)(outputs, all, layer->activation);
        }
        FN(unpack_rows)(layers[l].a, n_examples, outputs, stride, layer->fan_out, first, n);
    }
    return w->status;
}

/* dz, da and the sums of dW and db of every layer, from the logits of a tile */
static int FN(layers_backward)(const fm_layer_arrays *layers, const fm_plan *plan, const fm_data *data, real *arena,
                               ptrdiff_t first, ptrdiff_t n, double total_weight, work *w)
{
    const ptrdiff_t stride = plan->row_stride, n_examples = data->n_examples, last = plan->n_layers - 1;
    real *dz = arena + plan->deltas[last % 2];
    if (FN(loss_tile)(dz, NULL, arena, plan, data, n, total_weight, w))
        return w->status;
    for (ptrdiff_t l = last; l >= 0; l--) {
        const fm_layer *layer = &plan->layers[l];
        const real *packed = l == 0 && rows_are_packed(data) ? arena + plan->packed_rows : NULL;
        FN(unpack_rows)(layers[l].dz, n_examples, dz, stride, layer->fan_out, first, n);
        if (FN(layer_gradient)(layers[l].d_weights, layers[l].d_bias, layer, dz, plan, arena, packed, n, first > 0, w))
            return w->status;
        if (l == 0)
            break;
        const fm_layer *before = &plan->layers[l - 1];
        const rows all = tile_rows(plan, layer->fan_in, n);
        real *d_inputs = arena + plan->deltas[(l - 1) % 2];
        if (FN(dense_backward)(d_inputs, layer, layers[l].weights, dz, plan, ceil_div(n, LANES), FM_IDENTITY, NULL, w))
            return w->status;
        FN(unpack_rows)(layers[l].d_inputs, n_examples, d_inputs, stride, layer->fan_in, first, n);
        if (before->keeps_derivative)
            FN(activation_backward)(d_inputs, arena + before->derivatives, all, FM_KEPT_DERIVATIVE);
        else
            FN(activation_backward)(d_inputs, arena + layer->inputs, all, before->activation);
        dz = d_inputs;
    }
    return w->status;
}

static int FN(layers)(const fm_layer_arrays *layers, const fm_plan *plan, const fm_data *data, void *arena_,
                      fm_poll poll)
{
    real *arena = arena_;
    const batch all = {.n = data->n_examples};
    const double total_weight = weight_of(data, &all);
    work w = start_work(poll, block_of(arena, plan, 1, 0));
    for (ptrdiff_t first = 0, n; first < all.n; first += n) {
        n = all.n - first < plan->tile ? all.n - first : plan->tile;
        FN(pack_tile)(arena, plan, data, &all, first, n, &w);
        if (w.status || FN(layers_forward)(layers, plan, arena, first, n, all.n, &w))
            return w.status;
        if (data->targets && FN(layers_backward)(layers, plan, data, arena, first, n, total_weight, &w))
            return w.status;
    }
    for (ptrdiff_t l = 0; data->targets && l < plan->n_layers; l++)
        FN(finish_gradient)(layers[l].d_weights, &plan->layers[l], arena, &w);
    return w.status;
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
