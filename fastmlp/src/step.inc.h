/* step.inc.h -- the fused pass over one tile: forward, loss and delta from the logits, backward, gradient.
 *
 * Threads that share a pass each compute some rows of every product (some columns of the loss), and wait at a
 * barrier where one reads what another wrote.  No element's sum depends on how the rows are shared.
 */

INLINE rows tile_rows(const fm_layout *layout, ptrdiff_t n_rows, ptrdiff_t n)
{
    return (rows){n_rows, layout->row_stride, 0, whole_vectors(n)};
}

/* outputs <- W inputs + b, and relu where it is asked for: the one activation cheap enough for the epilogue */
static enum fm_status FN(dense_forward)(real *outputs, const fm_layer *layer, const real *weights, const real *bias,
                             const real *inputs, const fm_layout *layout, ptrdiff_t n_vectors, enum fm_activation activation, work *w)
{
    const product g = {.n_terms = layer->fan_in,
                       .a = weights,
                       .a_row = layer->fan_in,
                       .a_term = 1,
                       .b = inputs,
                       .b_row = layout->row_stride,
                       .c = outputs,
                       .c_row = layout->row_stride,
                       .start = START_BIAS,
                       .bias = bias,
                       .activation = activation};
    return FN(dense_product)(&g, my_share(w, layer->fan_out, 1), n_vectors, w);
}

/* d_inputs <- W' dz, times the derivative of `activation` at `outputs` */
static enum fm_status FN(dense_backward)(real *d_inputs, const fm_layer *layer, const real *weights, const real *dz,
                              const fm_layout *layout, ptrdiff_t n_vectors, enum fm_activation activation, const real *outputs,
                              work *w)
{
    const product g = {.n_terms = layer->fan_out,
                       .a = weights,
                       .a_row = 1,
                       .a_term = layer->fan_in,
                       .b = dz,
                       .b_row = layout->row_stride,
                       .c = d_inputs,
                       .c_row = layout->row_stride,
                       .start = START_ZERO,
                       .derivative_of = activation,
                       .outputs = outputs};
    return FN(dense_product)(&g, my_share(w, layer->fan_in, 1), n_vectors, w);
}

/* dW, db <- (or, after the first tile, +=) the sums over a tile of n examples; `packed`: its rows, or NULL */
static enum fm_status FN(dense_gradient)(real *d_weights, real *d_bias, const fm_layer *layer, const real *dz,
                              const fm_layout *layout, real *arena, const real *packed, ptrdiff_t n, int accumulate,
                              work *w)
{
    const lane_sums sums = {d_weights, d_bias, dz, arena + layer->inputs, layer->fan_in, layout->row_stride,
                            ceil_div(n, LANES), accumulate};
    const range outs = my_share(w, layer->fan_out, 1);
    if (layer->gradient_method == FM_LANE_SUMS)
        return FN(dense_gradient_lane_sums)(&sums, outs, 0, w);
    if (!packed) {
        FN(dense_transpose)(arena + layout->transposed, layer->packed_stride, arena + layer->inputs, layout->row_stride,
                            layer->fan_in, my_share(w, layer->fan_in, LANES), whole_vectors(n));
        packed = arena + layout->transposed;
        if (pass_barrier(w))
            return w->status;
    }
    const product g = {.n_terms = n,
                       .a = dz,
                       .a_row = layout->row_stride,
                       .a_term = 1,
                       .b = packed,
                       .b_row = layer->packed_stride,
                       .c = layer->fan_in % LANES ? arena + layer->padded_gradient : d_weights,
                       .c_row = layer->padded_fan_in,
                       .start = accumulate ? START_C : START_ZERO};
    if (FN(dense_product)(&g, outs, layer->padded_fan_in / LANES, w))
        return w->status;
    return FN(dense_gradient_lane_sums)(&sums, outs, layer->fan_in, w);
}

/* the padded rows that FM_BROADCAST summed into -> dW, for this thread's rows: those it summed itself */
static enum fm_status FN(finish_gradient)(real *d_weights, const fm_layer *layer, const real *arena, work *w)
{
    const range outs = my_share(w, layer->fan_out, 1);
    if (layer->gradient_method != FM_BROADCAST || layer->fan_in % LANES == 0 || layer->is_sparse)
        return w->status;
    for (ptrdiff_t row = outs.from; row < outs.to && !w->status; row++) {
        FN(unpack_rows)(d_weights + row * layer->fan_in, layer->fan_in,
                        arena + layer->padded_gradient + row * layer->padded_fan_in, layer->padded_fan_in, 1, 0,
                        layer->fan_in);
        poll_after(w, 2.0 * (double)layer->fan_in);
    }
    return w->status;
}

/* outputs <- W inputs + b of layer l, from its inputs in the arena, and relu where it is asked for */
static enum fm_status FN(layer_forward)(real *outputs, const fm_layer *layer, const real *weights, const real *bias, real *arena,
                             const fm_layout *layout, ptrdiff_t n, enum fm_activation activation, work *w)
{
    real *inputs = arena + layer->inputs;
    if (layer->is_sparse)
        return FN(sparse_forward)(outputs, layer, weights, bias, (sparse_tile *)inputs, layout, n, activation, w);
    return FN(dense_forward)(outputs, layer, weights, bias, inputs, layout, ceil_div(n, LANES), activation, w);
}

/* dW, db, as dense_gradient */
static enum fm_status FN(layer_gradient)(real *d_weights, real *d_bias, const fm_layer *layer, const real *dz,
                              const fm_layout *layout, real *arena, const real *packed, ptrdiff_t n, int accumulate,
                              work *w)
{
    if (layer->is_sparse)
        return FN(sparse_gradient)(d_weights, d_bias, layer, dz, (sparse_tile *)(arena + layer->inputs), layout, n,
                                   accumulate, w);
    return FN(dense_gradient)(d_weights, d_bias, layer, dz, layout, arena, packed, n, accumulate, w);
}

/* What a pass in training does beyond one for a gradient alone. */
typedef struct {
    unsigned long long seed;
    ptrdiff_t update; /* counts the updates: each has its own dropout */
    int is_training;
} dropout_draw;

/* Outputs of layer l, activated and with units dropped, for this thread's rows of `outputs`. */
static void FN(activate_layer)(real *outputs, real *arena, const fm_layout *layout, ptrdiff_t l, ptrdiff_t first,
                               ptrdiff_t n, const dropout_draw *draw, const work *w)
{
    const fm_layer *layer = &layout->layers[l];
    const range mine = my_share(w, layer->fan_out, 1);
    const ptrdiff_t at = mine.from * layout->row_stride;
    real *derivatives = layer->keeps_derivative && draw ? arena + layer->derivatives + at : NULL;
    if (layer->activation != FM_RELU || derivatives) /* else the product's epilogue did it */
        FN(activation_forward)(outputs + at, derivatives, tile_rows(layout, mine.to - mine.from, n), layer->activation);
    if (draw && draw->is_training && layer->dropout != 0)
        FN(dropout_forward)(outputs + at, derivatives, tile_rows(layout, mine.to - mine.from, n), layer->dropout,
                            draw->seed, draw->update, l, mine.from, first);
}

/* The inputs of every layer and the logits, for a packed tile of n examples, the batch's from `first` on.
   `draw` is NULL where no backward pass follows. */
static enum fm_status FN(forward_tile)(real *arena, const fm_layout *layout, const real *parameters, ptrdiff_t first, ptrdiff_t n,
                            const dropout_draw *draw, work *w)
{
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        const int is_hidden = l + 1 < layout->n_layers;
        const int in_epilogue = is_hidden && layer->activation == FM_RELU && !(layer->keeps_derivative && draw);
        const enum fm_activation activation = in_epilogue ? FM_RELU : FM_IDENTITY;
        real *outputs = layer_outputs(arena, layout, l);
        FN(layer_forward)(outputs, layer, parameters + layer->weights, parameters + layer->bias, arena, layout, n,
                          activation, w);
        if (!w->status && is_hidden)
            FN(activate_layer)(outputs, arena, layout, l, first, n, draw, w);
        if (pass_barrier(w))
            return w->status;
    }
    return FM_DONE;
}

/* dz of the last layer and, where there is a mean to add to, the losses of a tile. */
static enum fm_status FN(loss_tile)(real *dz, mean *loss, real *arena, const fm_layout *layout, const fm_data *data, ptrdiff_t n,
                         double total_weight, work *w)
{
    const fm_layer *last = &layout->layers[layout->n_layers - 1];
    const range mine = my_share(w, whole_vectors(n), LANES);
    const loss_rows g = {{last->fan_out, layout->row_stride, mine.from, mine.to},
                   arena + layout->outputs,
                   arena + layout->targets,
                   data->sample_weight ? arena + layout->sample_weight : NULL,
                   dz,
                   loss ? arena + layout->losses : NULL,
                   vset((real)layout->loss_parameter),
                   vset((real)total_weight),
                   (real)layout->label_smoothing};
    FN(loss_sweep)(&g, layout->loss);
    if (mine.to == whole_vectors(n))
        for (ptrdiff_t o = 0; o < last->fan_out; o++) clear_padding(dz + o * layout->row_stride, n);
    if (pass_barrier(w))
        return w->status;
    if (loss && is_first_sharing(w))
        for (ptrdiff_t o = 0; o < layout->n_targets; o++)
            add_to_mean(loss, arena + layout->losses + o * layout->row_stride, n);
    return FM_DONE;
}

/* The gradient of a tile from its logits; `loss` is NULL where nobody asked for it, `gradient` where nobody asked for
   anything else. */
static enum fm_status FN(backward_tile)(real *gradient, mean *loss, real *arena, const fm_layout *layout, const real *parameters,
                             const fm_data *data, ptrdiff_t n, double total_weight, int accumulate, work *w)
{
    real *dz = arena + layout->deltas[(layout->n_layers - 1) % 2];
    if (FN(loss_tile)(dz, loss, arena, layout, data, n, total_weight, w))
        return w->status;
    if (!gradient)
        return pass_barrier(w);
    for (ptrdiff_t l = layout->n_layers - 1; l >= 0; l--) {
        const fm_layer *layer = &layout->layers[l];
        const real *packed = l == 0 && rows_are_packed(data) ? arena + layout->packed_rows : NULL;
        FN(layer_gradient)(gradient + layer->weights, gradient + layer->bias, layer, dz, layout, arena, packed, n,
                           accumulate, w);
        if (l == 0)
            break;
        const fm_layer *before = &layout->layers[l - 1];
        real *d_inputs = arena + layout->deltas[(l - 1) % 2];
        if (!w->status)
            FN(dense_backward)(d_inputs, layer, parameters + layer->weights, dz, layout, ceil_div(n, LANES),
                               before->keeps_derivative ? FM_KEPT_DERIVATIVE : before->activation,
                               arena + (before->keeps_derivative ? before->derivatives : layer->inputs), w);
        if (pass_barrier(w))
            return w->status;
        dz = d_inputs;
    }
    return pass_barrier(w); /* before another tile takes the place of this one */
}
