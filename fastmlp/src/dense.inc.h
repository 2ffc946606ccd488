/* dense.inc.h -- the dense layer z = W a + b of a tile and its two products backward; not the loop over layers.
 *
 * A tile's activations are [feature][example] with examples on the lanes, rows `row_stride` apart.  Each layer has the
 * cheaper of two weight gradients, chosen by layout.inc.h:
 *
 *   lane sums  see lane_sums.inc.h.  Overhead: about 2.8 / (vectors of examples).
 *   broadcast  dW[o][i] = sum_m dz[o][m] aT[m][i], the product with features on the lanes.  Overhead: the padding of
 *              fan_in to whole vectors, and about 5 / fan_out for transposing a.
 */
#ifndef FASTMLP_DENSE_INC_H
#define FASTMLP_DENSE_INC_H

#include "lane_sums.inc.h"
#include "product.inc.h"
#include "tile.inc.h"

/* outputs <- activation(W inputs + b) for this thread's rows; activation: FM_IDENTITY or FM_RELU */
static enum fm_status FN(dense_forward)(real *outputs, const fm_layer *layer, const real *weights, const real *bias,
                                        enum fm_activation activation, const tile *t)
{
    const product g = {.n_terms = layer->fan_in,
                       .a = weights,
                       .a_row = layer->fan_in,
                       .a_term = 1,
                       .b = t->arena + layer->inputs,
                       .b_row = t->layout->row_stride,
                       .c = outputs,
                       .c_row = t->layout->row_stride,
                       .start = START_BIAS,
                       .bias = bias,
                       .activation = activation};
    return FN(dense_product)(&g, my_share(t->w, layer->fan_out, 1), ceil_div(t->n, LANES), t->w);
}

/* d_inputs <- W' dz for this thread's rows, times the derivative of the activation of the layer `before` unless that is
   NULL */
static enum fm_status FN(dense_backward)(real *d_inputs, const fm_layer *layer, const real *weights, const real *dz,
                                         const fm_layer *before, const tile *t)
{
    product g = {.n_terms = layer->fan_out,
                 .a = weights,
                 .a_row = 1,
                 .a_term = layer->fan_in,
                 .b = dz,
                 .b_row = t->layout->row_stride,
                 .c = d_inputs,
                 .c_row = t->layout->row_stride,
                 .start = START_ZERO};
    if (before) {
        g.derivative_of = before->keeps_derivative ? FM_KEPT_DERIVATIVE : before->activation;
        g.outputs = t->arena + (before->keeps_derivative ? before->derivatives : layer->inputs);
    }
    return FN(dense_product)(&g, my_share(t->w, layer->fan_in, 1), ceil_div(t->n, LANES), t->w);
}

/* The tile's inputs as (example, feature) in the arena, this thread's features; those from fan_in on are 0. */
static void FN(transpose_inputs)(const fm_layer *layer, const tile *t)
{
    const ptrdiff_t from_row = t->layout->row_stride, to_row = layer->packed_stride, fan_in = layer->fan_in;
    const ptrdiff_t n_examples = whole_vectors(t->n);
    const real *from = t->arena + layer->inputs;
    real *to = t->arena + t->layout->transposed;
    const range mine = my_share(t->w, fan_in, LANES);
    for (ptrdiff_t f = mine.from; f < mine.to && !t->w->status; f += LANES) {
        for (ptrdiff_t i = 0; i < n_examples; i += LANES) {
            vec x[LANES];
            if (f + LANES <= fan_in)
                UNROLL_FOR(int q = 0; q < LANES; q++) x[q] = vload(from + (f + q) * from_row + i);
            else
                UNROLL_FOR(int q = 0; q < LANES; q++)
                    x[q] = f + q < fan_in ? vload(from + (f + q) * from_row + i) : (vec){0};
            vtranspose(x);
            UNROLL_FOR(int q = 0; q < LANES; q++) vstore(to + (i + q) * to_row + f, x[q]);
        }
        poll_after(t->w, WORK_OF_A_COPY * (double)(LANES * n_examples));
    }
}

/* The weight gradient by broadcast goes into dW or, if fan_in is not a whole number of vectors, into padded rows. */
static enum fm_status FN(broadcast_gradient)(real *d_weights, const fm_layer *layer, const real *dz, const tile *t)
{
    const real *inputs = row_major_inputs(t, layer);
    if (!inputs) {
        FN(transpose_inputs)(layer, t);
        inputs = t->arena + t->layout->transposed;
        if (pass_barrier(t->w))
            return t->w->status;
    }
    const product g = {.n_terms = t->n,
                       .a = dz,
                       .a_row = t->layout->row_stride,
                       .a_term = 1,
                       .b = inputs,
                       .b_row = layer->packed_stride,
                       .c = layer->fan_in % LANES ? t->arena + layer->padded_gradient : d_weights,
                       .c_row = layer->padded_fan_in,
                       .start = t->accumulate ? START_C : START_ZERO};
    return FN(dense_product)(&g, my_share(t->w, layer->fan_out, 1), layer->padded_fan_in / LANES, t->w);
}

/* dW, db <- (or, with t->accumulate, +=) their sums over the tile, for this thread's rows */
static enum fm_status FN(dense_gradient)(real *d_weights, real *d_bias, const fm_layer *layer, const real *dz,
                                         const tile *t)
{
    const lane_sums sums = {.d_weights = d_weights,
                            .d_bias = d_bias,
                            .dz = dz,
                            .inputs = t->arena + layer->inputs,
                            .fan_in = layer->fan_in,
                            .row_stride = t->layout->row_stride,
                            .n_vectors = ceil_div(t->n, LANES),
                            .accumulate = t->accumulate};
    const bool by_lanes = layer->gradient_method == FM_LANE_SUMS;
    if (!by_lanes && FN(broadcast_gradient)(d_weights, layer, dz, t))
        return t->w->status;
    return FN(sum_lanes)(&sums, my_share(t->w, layer->fan_out, 1), by_lanes ? 0 : layer->fan_in, t->w);
}

/* dW <- the padded rows into which broadcast_gradient summed, for this thread's rows: those it summed itself */
static void FN(finish_gradient)(real *d_weights, const fm_layer *layer, const real *arena, worker *w)
{
    const range outs = my_share(w, layer->fan_out, 1);
    if (layer->gradient_method != FM_BROADCAST || layer->fan_in % LANES == 0 || layer->is_sparse)
        return;
    for (ptrdiff_t row = outs.from; row < outs.to && !w->status; row++) {
        memcpy(d_weights + row * layer->fan_in, arena + layer->padded_gradient + row * layer->padded_fan_in,
               (size_t)layer->fan_in * sizeof(real));
        poll_after(w, WORK_OF_A_COPY * (double)layer->fan_in);
    }
}

#endif
