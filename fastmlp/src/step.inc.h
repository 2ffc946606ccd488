/* step.inc.h -- the fused pass over one packed tile: forward, loss and delta from the logits, backward, gradient.
 *
 * Threads that share a tile each compute some rows of every product (some columns of the loss) and wait at a barrier
 * where one reads what another wrote.  No element's sum depends on how the rows are shared.
 */
#ifndef FASTMLP_STEP_INC_H
#define FASTMLP_STEP_INC_H

#include "activation.inc.h"
#include "dense.inc.h"
#include "dropout.inc.h"
#include "loss.inc.h"
#include "sparse.inc.h"
#include "tile.inc.h"

/* outputs <- activation(W inputs + b); activation: FM_IDENTITY or FM_RELU */
static enum fm_status FN(layer_forward)(real *outputs, const fm_layer *layer, const real *weights, const real *bias,
                                        enum fm_activation activation, const tile *t)
{
    if (layer->is_sparse)
        return FN(sparse_forward)(outputs, layer, weights, bias, activation, t);
    return FN(dense_forward)(outputs, layer, weights, bias, activation, t);
}

/* dW, db <- (or, with t->accumulate, +=) their sums over the tile */
static enum fm_status FN(layer_gradient)(real *d_weights, real *d_bias, const fm_layer *layer, const real *dz,
                                         const tile *t)
{
    if (layer->is_sparse)
        return FN(sparse_gradient)(d_weights, d_bias, layer, dz, t);
    return FN(dense_gradient)(d_weights, d_bias, layer, dz, t);
}

/* Applies activation and dropout of hidden layer l to this thread's rows of its outputs. */
static void FN(activate_layer)(real *outputs, ptrdiff_t l, const tile *t)
{
    const fm_layer *layer = &t->layout->layers[l];
    const range mine = my_share(t->w, layer->fan_out, 1);
    const rows my_rows = all_columns(t, mine.to - mine.from);
    const ptrdiff_t at = mine.from * t->layout->row_stride;
    real *derivatives = layer->keeps_derivative && t->keeps_derivatives ? t->arena + layer->derivatives + at : NULL;
    if (layer->activation != FM_RELU || derivatives) /* else the product applied it */
        FN(activation_forward)(outputs + at, derivatives, my_rows, layer->activation);
    if (t->dropout && layer->dropout != 0)
        FN(dropout_forward)(outputs + at, derivatives, my_rows, mine.from, l, t);
}

/* Computes the inputs of every layer and the logits. */
static enum fm_status FN(forward_tile)(const real *parameters, const tile *t)
{
    const fm_layout *layout = t->layout;
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        const bool is_hidden = l + 1 < layout->n_layers;
        const bool in_product =
            is_hidden && layer->activation == FM_RELU && !(layer->keeps_derivative && t->keeps_derivatives);
        real *outputs = layer_outputs(t, l);
        FN(layer_forward)(outputs, layer, parameters + layer->weights, parameters + layer->bias,
                          in_product ? FM_RELU : FM_IDENTITY, t);
        if (!t->w->status && is_hidden)
            FN(activate_layer)(outputs, l, t);
        if (pass_barrier(t->w))
            return t->w->status;
    }
    return FM_DONE;
}

/* dz <- that of the last layer; adds the losses of the tile to `loss` unless that is NULL */
static enum fm_status FN(loss_tile)(real *dz, mean *loss, const tile *t)
{
    const fm_layout *layout = t->layout;
    const ptrdiff_t n_outputs = layout->layers[layout->n_layers - 1].fan_out, stride = layout->row_stride;
    const loss_rows g = {.columns = {n_outputs, stride, t->columns.from, t->columns.to},
                         .z = t->arena + layout->outputs,
                         .y = t->arena + layout->targets,
                         .sample_weight = t->data->sample_weight ? t->arena + layout->sample_weight : NULL,
                         .dz = dz,
                         .losses = loss ? t->arena + layout->losses : NULL,
                         .parameter = parameter_of(layout->loss_parameter),
                         .total = vset((real)t->weight.total),
                         .label_smoothing = (real)layout->label_smoothing};
    FN(loss_sweep)(&g, layout->loss);
    if (t->columns.to == whole_vectors(t->n))
        for (ptrdiff_t o = 0; o < n_outputs; o++) clear_padding(dz + o * stride, t->n);
    if (pass_barrier(t->w))
        return t->w->status;
    if (loss && is_first_sharing(t->w))
        for (ptrdiff_t o = 0; o < layout->n_targets; o++)
            add_to_mean(loss, t->arena + layout->losses + o * stride, t->n, t->weight.share);
    return FM_DONE;
}

/* The gradient of a tile and its loss from the logits; either is left out where it is NULL. */
static enum fm_status FN(backward_tile)(real *gradient, mean *loss, const real *parameters, const tile *t)
{
    const fm_layout *layout = t->layout;
    real *dz = t->arena + layout->deltas[(layout->n_layers - 1) % 2];
    if (FN(loss_tile)(dz, loss, t))
        return t->w->status;
    if (!gradient)
        return pass_barrier(t->w);
    for (ptrdiff_t l = layout->n_layers - 1; l >= 0; l--) {
        const fm_layer *layer = &layout->layers[l];
        FN(layer_gradient)(gradient + layer->weights, gradient + layer->bias, layer, dz, t);
        if (l == 0)
            break;
        real *d_inputs = t->arena + layout->deltas[(l - 1) % 2];
        if (!t->w->status)
            FN(dense_backward)(d_inputs, layer, parameters + layer->weights, dz, layer - 1, t);
        if (pass_barrier(t->w))
            return t->w->status;
        dz = d_inputs;
    }
    return pass_barrier(t->w); /* before the next tile overwrites this one */
}

#endif
