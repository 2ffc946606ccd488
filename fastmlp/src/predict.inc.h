/* predict.inc.h -- the outputs of a network for all examples of the data, tile by tile on one thread. */
#ifndef FASTMLP_PREDICT_INC_H
#define FASTMLP_PREDICT_INC_H

#include "layout.inc.h"
#include "pack.inc.h"
#include "step.inc.h"

static void FN(predict_tiles)(void *outputs, const real *parameters, enum fm_output output, const fm_call *call,
                              worker *w)
{
    const fm_layout *layout = call->layout;
    const fm_layer *last = &layout->layers[layout->n_layers - 1];
    const batch all = {.n = call->data->n_examples};
    tile t = {.layout = layout, .data = call->data, .batch = &all, .arena = call->arena, .w = w};
    real *logits = t.arena + layout->outputs;
    for (ptrdiff_t first = 0; first < all.n; first += t.n) {
        move_tile(&t, first);
        FN(pack_tile)(&t);
        if (w->status || FN(forward_tile)(parameters, &t))
            return;
        if (output == FM_PROBABILITIES && FN(activate_outputs)(logits, last, &t))
            return;
        if (FN(unpack_rows)(outputs, logits, last->fan_out, &t))
            return;
    }
}

static enum fm_status FN(predict)(void *outputs, const void *parameters, enum fm_output output, const fm_call *call)
{
    worker w = lone_worker(call->poll, block_of(call, 0));
    FN(predict_tiles)(outputs, parameters, output, call, &w);
    return leave_team(&w);
}

#endif
