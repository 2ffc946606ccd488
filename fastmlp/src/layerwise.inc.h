/* layerwise.inc.h -- the passes for callers who keep every intermediate array: `layers`, forward and with targets also
 * backward, and `backward` from the caller's outputs of a network with log-loss.  Neither has threads.
 *
 * They make the tiles and products of step.inc.h and copy each result to the caller's own array.
 */
#ifndef FASTMLP_LAYERWISE_INC_H
#define FASTMLP_LAYERWISE_INC_H

#include "activation.inc.h"
#include "layout.inc.h"
#include "pack.inc.h"
#include "step.inc.h"

/* d (fan_out of the layer) <- d times the derivatives of its activation, from its outputs or those kept */
static enum fm_status FN(times_derivatives)(real *d, const fm_layer *layer, const real *outputs, const tile *t)
{
    const real *a = layer->keeps_derivative ? t->arena + layer->derivatives : outputs;
    const enum fm_activation kind = layer->keeps_derivative ? FM_KEPT_DERIVATIVE : layer->activation;
    const rows all = all_columns(t, layer->fan_out);
    for (tile_part part = no_part(&all); !t->w->status && next_part(&part, &all, false);) {
        const ptrdiff_t at = part.first * all.row_stride;
        FN(activation_backward)(d + at, a + at, part.rows, kind);
        poll_after(t->w, work_of_part(&part));
    }
    return t->w->status;
}

/* A copy of the logits, in the room for losses. */
static real *FN(copied_logits)(const real *logits, ptrdiff_t n_outputs, const tile *t)
{
    real *copy = t->arena + t->layout->losses;
    FOR_EACH_PORTION(p, n_outputs * t->layout->row_stride, t->w) {
        memcpy(copy + p.from, logits + p.from, (size_t)(p.to - p.from) * sizeof(real));
        poll_after(t->w, WORK_OF_A_COPY * items_in(p));
    }
    return copy;
}

/* z and a of every layer of a packed tile, and its derivatives in the arena, where the logits stay as they are. */
static enum fm_status FN(layers_forward)(const fm_layer_arrays *layers, const tile *t)
{
    const fm_layout *layout = t->layout;
    for (ptrdiff_t l = 0; l < layout->n_layers; l++) {
        const fm_layer *layer = &layout->layers[l];
        real *outputs = layer_outputs(t, l);
        if (FN(layer_forward)(outputs, layer, layers[l].weights, layers[l].bias, FM_IDENTITY, t) ||
            FN(unpack_rows)(layers[l].z, outputs, layer->fan_out, t))
            return t->w->status;
        if (l + 1 < layout->n_layers)
            FN(activate_layer)(outputs, l, false, t);
        else {
            outputs = FN(copied_logits)(outputs, layer->fan_out, t);
            FN(activate_outputs)(outputs, layer, t);
        }
        if (FN(unpack_rows)(layers[l].a, outputs, layer->fan_out, t))
            return t->w->status;
    }
    return t->w->status;
}

/* dz, da and the sums of dW and db of every layer, from the logits of a tile. */
static enum fm_status FN(layers_backward)(const fm_layer_arrays *layers, const tile *t)
{
    const fm_layout *layout = t->layout;
    const ptrdiff_t last = layout->n_layers - 1;
    real *dz = t->arena + layout->deltas[last % 2];
    if (FN(loss_tile)(dz, NULL, t))
        return t->w->status;
    for (ptrdiff_t l = last; l >= 0; l--) {
        const fm_layer *layer = &layout->layers[l];
        if (FN(unpack_rows)(layers[l].dz, dz, layer->fan_out, t) ||
            FN(layer_gradient)(layers[l].d_weights, layers[l].d_bias, layer, dz, t))
            return t->w->status;
        if (l == 0)
            break;
        real *d_inputs = t->arena + layout->deltas[(l - 1) % 2];
        if (FN(dense_backward)(d_inputs, layer, layers[l].weights, dz, NULL, t) ||
            FN(unpack_rows)(layers[l].d_inputs, d_inputs, layer->fan_in, t) ||
            FN(times_derivatives)(d_inputs, layer - 1, t->arena + layer->inputs, t))
            return t->w->status;
        dz = d_inputs;
    }
    return t->w->status;
}

static enum fm_status FN(layers)(const fm_layer_arrays *layers, const fm_call *call)
{
    const batch all = {.n = call->data->n_examples};
    worker w = lone_worker(call->poll, block_of(call, 0));
    tile t = {.layout = call->layout,
              .data = call->data,
              .batch = &all,
              .arena = call->arena,
              .weight = weight_of(call->data, &all, &w),
              .keeps_derivatives = true,
              .w = &w};
    for (ptrdiff_t first = 0; first < all.n && !w.status; first += t.n) {
        move_tile(&t, first);
        t.accumulate = first > 0;
        FN(pack_tile)(&t);
        if (!w.status && !FN(layers_forward)(layers, &t) && t.data->targets)
            FN(layers_backward)(layers, &t);
    }
    for (ptrdiff_t l = 0; t.data->targets && l < t.layout->n_layers; l++)
        FN(finish_gradient)(layers[l].d_weights, &t.layout->layers[l], t.arena, &w);
    return leave_team(&w);
}

/* The caller's columns of a tile -> rows of the arena. */
static void FN(pack_columns)(real *to, const void *from, ptrdiff_t from_row, ptrdiff_t n_rows, const tile *t)
{
    FN(pack_rows)(to, t->layout->row_stride, (const real *)from + t->first, from_row, n_rows, t->n, t->w);
}

/* dz of the last layer <- (a - y) / n_examples, in the arena and in the caller's array */
static void FN(output_delta)(real *dz, const fm_layer_arrays *last, const tile *t)
{
    const fm_layout *layout = t->layout;
    const ptrdiff_t stride = layout->row_stride, n_outputs = layout->layers[layout->n_layers - 1].fan_out;
    FN(pack_columns)(t->arena + layout->outputs, last->a, t->batch->n, n_outputs, t);
    FN(pack_columns)(t->arena + layout->targets, t->data->targets, t->data->target_stride, n_outputs, t);
    for (ptrdiff_t o = 0; o < n_outputs && !t->w->status; o++) {
        const real *a = t->arena + layout->outputs + o * stride, *y = t->arena + layout->targets + o * stride;
        FOR_EACH_VECTOR(i, t->n) vstore(dz + o * stride + i, (vload(a + i) - vload(y + i)) / (real)t->batch->n);
        clear_padding(dz + o * stride, t->n);
        poll_after(t->w, WORK_OF_A_COPY * (double)t->n);
    }
    FN(unpack_rows)(last->dz, dz, n_outputs, t);
}

/* Every layer of one tile, backward. */
static enum fm_status FN(backward_from_outputs)(const fm_layer_arrays *layers, const tile *t)
{
    const fm_layout *layout = t->layout;
    const ptrdiff_t last = layout->n_layers - 1;
    real *dz = t->arena + layout->deltas[last % 2];
    FN(output_delta)(dz, &layers[last], t);
    for (ptrdiff_t l = last; l >= 0; l--) {
        const fm_layer *layer = &layout->layers[l];
        FN(pack_columns)(t->arena + layer->inputs, l ? layers[l - 1].a : t->data->inputs,
                         l ? t->batch->n : t->data->feature_stride, layer->fan_in, t);
        if (t->w->status || FN(dense_gradient)(layers[l].d_weights, layers[l].d_bias, layer, dz, t))
            return t->w->status;
        if (l == 0)
            break;
        real *d_inputs = t->arena + layout->deltas[(l - 1) % 2];
        if (FN(dense_backward)(d_inputs, layer, layers[l].weights, dz, NULL, t) ||
            FN(unpack_rows)(layers[l].d_inputs, d_inputs, layer->fan_in, t) ||
            FN(times_derivatives)(d_inputs, layer - 1, t->arena + layer->inputs, t) ||
            FN(unpack_rows)(layers[l - 1].dz, d_inputs, layer->fan_in, t))
            return t->w->status;
        dz = d_inputs;
    }
    return t->w->status;
}

static enum fm_status FN(backward)(const fm_layer_arrays *layers, const fm_call *call)
{
    const batch all = {.n = call->data->n_examples};
    worker w = lone_worker(call->poll, block_of(call, 0));
    tile t = {.layout = call->layout, .data = call->data, .batch = &all, .arena = call->arena, .w = &w};
    for (ptrdiff_t first = 0; first < all.n && !w.status; first += t.n) {
        move_tile(&t, first);
        t.accumulate = first > 0;
        FN(backward_from_outputs)(layers, &t);
    }
    for (ptrdiff_t l = 0; l < t.layout->n_layers; l++)
        FN(finish_gradient)(layers[l].d_weights, &t.layout->layers[l], t.arena, &w);
    return leave_team(&w);
}

#endif
