/* layerwise.inc.h -- the passes for callers who keep every intermediate array: `layers`, forward and with targets also
 * backward, and `backward` from outputs of the log-loss that the caller has.
 *
 * The same tiles and products as step.inc.h, with each result copied to the caller's own array.
 */

#define FOR_EACH_TILE(first, n, layout)                                                              \
    for (ptrdiff_t first = 0, n; first < (layout)->batch_size &&                                          \
         (n = (layout)->batch_size - first < (layout)->tile_size ? (layout)->batch_size - first : (layout)->tile_size, 1);     \
         first += n)

/* z and a of every layer of a packed tile, and its derivatives in the arena; the logits stay there as they are */
static enum fm_status FN(layers_forward)(const fm_layer_arrays *layers, const fm_layout *layout, real *arena, ptrdiff_t first,
                              ptrdiff_t n, ptrdiff_t n_examples, work *w)
{
    const ptrdiff_t stride = layout->row_stride;
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        const rows all = tile_rows(layout, layer->fan_out, n);
        real *outputs = layer_outputs(arena, layout, l);
        if (FN(layer_forward)(outputs, layer, layers[l].weights, layers[l].bias, arena, layout, n, FM_IDENTITY, w))
            return w->status;
        FN(unpack_rows)(layers[l].z, n_examples, outputs, stride, layer->fan_out, first, n);
        if (l + 1 < layout->n_layers)
            FN(activation_forward)(outputs, layer->keeps_derivative ? arena + layer->derivatives : NULL, all,
                                   layer->activation);
        else {
            memcpy(arena + layout->losses, outputs, (size_t)(layer->fan_out * stride) * sizeof(real));
            outputs = arena + layout->losses;
            FN(output_forward)(outputs, all, layer->activation);
        }
        FN(unpack_rows)(layers[l].a, n_examples, outputs, stride, layer->fan_out, first, n);
    }
    return w->status;
}

/* dz, da and the sums of dW and db of every layer, from the logits of a tile */
static enum fm_status FN(layers_backward)(const fm_layer_arrays *layers, const fm_layout *layout, const fm_data *data, real *arena,
                               ptrdiff_t first, ptrdiff_t n, double total_weight, work *w)
{
    const ptrdiff_t stride = layout->row_stride, n_examples = data->n_examples, last = layout->n_layers - 1;
    real *dz = arena + layout->deltas[last % 2];
    if (FN(loss_tile)(dz, NULL, arena, layout, data, n, total_weight, w))
        return w->status;
    for (ptrdiff_t l = last; l >= 0; l--) {
        const fm_layer *layer = &layout->layers[l];
        const real *packed = l == 0 && rows_are_packed(data) ? arena + layout->packed_rows : NULL;
        FN(unpack_rows)(layers[l].dz, n_examples, dz, stride, layer->fan_out, first, n);
        if (FN(layer_gradient)(layers[l].d_weights, layers[l].d_bias, layer, dz, layout, arena, packed, n, first > 0, w))
            return w->status;
        if (l == 0)
            break;
        const fm_layer *before = &layout->layers[l - 1];
        const rows all = tile_rows(layout, layer->fan_in, n);
        real *d_inputs = arena + layout->deltas[(l - 1) % 2];
        if (FN(dense_backward)(d_inputs, layer, layers[l].weights, dz, layout, ceil_div(n, LANES), FM_IDENTITY, NULL, w))
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

static enum fm_status FN(layers)(const fm_layer_arrays *layers, const fm_layout *layout, const fm_data *data, void *arena_,
                      fm_poll poll)
{
    real *arena = arena_;
    const batch all = {.n = data->n_examples};
    const double total_weight = weight_of(data, &all);
    work w = start_work(poll, block_of(arena, layout, 1, 0));
    for (ptrdiff_t first = 0, n; first < all.n; first += n) {
        n = all.n - first < layout->tile_size ? all.n - first : layout->tile_size;
        FN(pack_tile)(arena, layout, data, &all, first, n, &w);
        if (w.status || FN(layers_forward)(layers, layout, arena, first, n, all.n, &w))
            return w.status;
        if (data->targets && FN(layers_backward)(layers, layout, data, arena, first, n, total_weight, &w))
            return w.status;
    }
    for (ptrdiff_t l = 0; data->targets && l < layout->n_layers; l++)
        FN(finish_gradient)(layers[l].d_weights, &layout->layers[l], arena, &w);
    return w.status;
}

/* dz of the last layer <- (a - y) / n_examples, in the arena and in the caller's array */
static void FN(output_delta)(real *dz, const fm_layer_arrays *last, const fm_layout *layout, const fm_data *data,
                             real *arena, ptrdiff_t first, ptrdiff_t n)
{
    const ptrdiff_t stride = layout->row_stride, n_outputs = layout->layers[layout->n_layers - 1].fan_out;
    FN(pack_rows)(arena + layout->outputs, stride, last->a, layout->batch_size, n_outputs, first, n);
    FN(pack_rows)(arena + layout->targets, stride, data->targets, data->target_stride, n_outputs, first, n);
    for (ptrdiff_t o = 0; o < n_outputs; o++) {
        const real *a = arena + layout->outputs + o * stride, *y = arena + layout->targets + o * stride;
        FOR_EACH_VECTOR(i, n) vstore(dz + o * stride + i, (vload(a + i) - vload(y + i)) / (real)layout->batch_size);
        clear_padding(dz + o * stride, n);
    }
    FN(unpack_rows)(last->dz, layout->batch_size, dz, stride, n_outputs, first, n);
}

static enum fm_status FN(backward)(const fm_layer_arrays *layers, const fm_layout *layout, const fm_data *data, void *arena_,
                        fm_poll poll)
{
    real *arena = arena_;
    const ptrdiff_t stride = layout->row_stride, n_examples = layout->batch_size, last = layout->n_layers - 1;
    work w = start_work(poll, block_of(arena, layout, 1, 0));
    FOR_EACH_TILE(first, n, layout)
    {
        real *dz = arena + layout->deltas[last % 2];
        FN(output_delta)(dz, &layers[last], layout, data, arena, first, n);
        for (ptrdiff_t l = last; l >= 0; l--) {
            const fm_layer *layer = &layout->layers[l];
            FN(pack_rows)(arena + layer->inputs, stride, l ? layers[l - 1].a : data->inputs,
                          l ? n_examples : data->feature_stride, layer->fan_in, first, n);
            if (FN(dense_gradient)(layers[l].d_weights, layers[l].d_bias, layer, dz, layout, arena, NULL, n, first > 0,
                                   &w))
                return w.status;
            if (l == 0)
                break;
            real *d_inputs = arena + layout->deltas[(l - 1) % 2];
            if (FN(dense_backward)(d_inputs, layer, layers[l].weights, dz, layout, ceil_div(n, LANES), FM_IDENTITY,
                                   NULL, &w))
                return w.status;
            FN(unpack_rows)(layers[l].d_inputs, n_examples, d_inputs, stride, layer->fan_in, first, n);
            FN(activation_backward)(d_inputs, arena + layer->inputs, tile_rows(layout, layer->fan_in, n),
                                    layout->layers[l - 1].activation);
            FN(unpack_rows)(layers[l - 1].dz, n_examples, d_inputs, stride, layer->fan_in, first, n);
            dz = d_inputs;
        }
    }
    for (ptrdiff_t l = 0; l <= last; l++)
        if (FN(finish_gradient)(layers[l].d_weights, &layout->layers[l], arena, &w))
            return w.status;
    return FM_DONE;
}
