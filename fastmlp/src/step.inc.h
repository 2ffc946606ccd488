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

/* What a sweep over rows of a tile takes between two polls: rows `first` and after or, where rows need one another,
   some columns of all. */
typedef struct {
    ptrdiff_t first;
    rows rows;
} tile_part;

INLINE tile_part no_part(const rows *all) { return (tile_part){0, {0, all->row_stride, all->from, all->from}}; }

/* Moves to the next part, if there is one. */
INLINE bool next_part(tile_part *part, const rows *all, bool by_columns)
{
    enum { ROWS = 64, ELEMENTS = 1 << 15 };
    rows *p = &part->rows;
    if (by_columns) {
        const ptrdiff_t n = whole_vectors(ELEMENTS / all->n_rows + 1);
        p->n_rows = all->n_rows;
        p->from = p->to;
        p->to = all->to - p->from < n ? all->to : p->from + n;
    } else {
        const ptrdiff_t left = all->n_rows - (part->first += p->n_rows);
        p->n_rows = left < ROWS ? left : ROWS;
        p->to = all->to;
    }
    return p->n_rows > 0 && p->from < p->to;
}

INLINE double work_of_part(const tile_part *part)
{
    return WORK_OF_A_FUNCTION * (double)(part->rows.n_rows * (part->rows.to - part->rows.from));
}

INLINE bool drops_units(const fm_layer *layer, const tile *t) { return t->dropout && layer->dropout != 0; }

/* Applies dropout and, unless the product did, the activation of hidden layer l to this thread's rows of its
   outputs. */
static enum fm_status FN(activate_layer)(real *outputs, ptrdiff_t l, bool is_active, const tile *t)
{
    const fm_layer *layer = &t->layout->layers[l];
    const range mine = my_share(t->w, layer->fan_out, 1);
    const rows all = all_columns(t, mine.to - mine.from);
    real *derivatives = layer->keeps_derivative && t->keeps_derivatives ? t->arena + layer->derivatives : NULL;
    const bool drops = drops_units(layer, t);
    for (tile_part part = no_part(&all); !t->w->status && next_part(&part, &all, false);) {
        const ptrdiff_t unit = mine.from + part.first, at = unit * all.row_stride;
        real *d = derivatives ? derivatives + at : NULL;
        if (!is_active)
            FN(activation_forward)(outputs + at, d, part.rows, layer->activation);
        if (drops)
            FN(dropout_forward)(outputs + at, d, part.rows, unit, l, t);
        poll_after(t->w, work_of_part(&part));
    }
    return t->w->status;
}

/* The outputs of the network from its logits, in place. */
static enum fm_status FN(activate_outputs)(real *z, const fm_layer *last, const tile *t)
{
    const rows all = all_columns(t, last->fan_out);
    const bool by_columns = last->activation == FM_SOFTMAX;
    for (tile_part part = no_part(&all); !t->w->status && next_part(&part, &all, by_columns);) {
        FN(output_forward)(z + part.first * all.row_stride, part.rows, last->activation);
        poll_after(t->w, work_of_part(&part));
    }
    return t->w->status;
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
        if (is_hidden && (!in_product || drops_units(layer, t)))
            FN(activate_layer)(outputs, l, in_product, t);
        if (pass_barrier(t->w))
            return t->w->status;
    }
    return FM_DONE;
}

enum { MANY_CLASSES = 4096 };

/* Writes to every row.  In new memory the first column would else make the system clear all of dz at once. */
NOT_INLINE void FN(touch_rows)(real *dz, const rows *all, worker *w)
{
    for (ptrdiff_t r = 0; r < all->n_rows && !w->status; r++) {
        dz[r * all->row_stride + all->from] = 0;
        poll_after(w, WORK_OF_A_GATHER);
    }
}

/* dz and the losses of this thread's columns of a tile; moves the pointers in *g. */
static void FN(loss_parts)(loss_rows *g, enum fm_loss loss, worker *w)
{
    const bool by_columns = loss == FM_MULTINOMIAL_LOG_LOSS;
    const rows all = g->columns;
    if (by_columns && all.n_rows > MANY_CLASSES)
        FN(touch_rows)(g->dz, &all, w);
    for (tile_part part = no_part(&all); !w->status && next_part(&part, &all, by_columns);) {
        const ptrdiff_t done = by_columns ? 0 : part.rows.n_rows * all.row_stride;
        g->columns = part.rows;
        FN(loss_sweep)(g, loss);
        g->z += done, g->y += done, g->dz += done;
        if (g->losses)
            g->losses += done;
        poll_after(w, work_of_part(&part));
    }
}

/* dz <- that of the last layer; adds the losses of the tile to `loss` unless that is NULL */
static enum fm_status FN(loss_tile)(real *dz, mean *loss, const tile *t)
{
    const fm_layout *layout = t->layout;
    const ptrdiff_t n_outputs = layout->layers[layout->n_layers - 1].fan_out, stride = layout->row_stride;
    loss_rows g = {.columns = {n_outputs, stride, t->columns.from, t->columns.to},
                   .z = t->arena + layout->outputs,
                   .y = t->arena + layout->targets,
                   .sample_weight = t->data->sample_weight ? t->arena + layout->sample_weight : NULL,
                   .dz = dz,
                   .losses = loss ? t->arena + layout->losses : NULL,
                   .parameter = parameter_of(layout->loss_parameter),
                   .total = vset((real)t->weight.total),
                   .label_smoothing = (real)layout->label_smoothing};
    FN(loss_parts)(&g, layout->loss, t->w);
    if (t->columns.to == whole_vectors(t->n))
        for (ptrdiff_t o = 0; o < n_outputs; o++) clear_padding(dz + o * stride, t->n);
    if (pass_barrier(t->w))
        return t->w->status;
    if (loss && is_first_sharing(t->w))
        for (ptrdiff_t o = 0; o < layout->n_targets && !t->w->status; o++) {
            add_to_mean(loss, t->arena + layout->losses + o * stride, t->n, t->weight.share);
            poll_after(t->w, WORK_OF_A_COPY * (double)t->n);
        }
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
