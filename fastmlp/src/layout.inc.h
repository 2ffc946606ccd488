/* layout.inc.h -- makes the fm_layout of a network: the size of its tiles, where every array of a pass lies in the
 * arena, and which method computes each layer's gradient.  No pass is made here.
 */
#ifndef FASTMLP_LAYOUT_INC_H
#define FASTMLP_LAYOUT_INC_H

#include "activation.inc.h"
#include "lanes.h"
#include "product.inc.h"
#include "sparse.inc.h"

enum {
    TILE_BYTES = 4096,                  /* of examples in a row of a tile, so that its activations stay in L2 */
    MANY_UNITS = 128,                   /* width of a layer or of the inputs from which tiles are half as large */
    MOST_PARAMETERS_IN_CHUNKS = 1 << 15 /* of a network whose batches are cut into chunks; no measurement recorded */
};

/* The most examples in a tile.  Half tiles were up to 9 % faster at 128 and 256 units (Zen 4, batch 2,048), but up to
   15 % slower where matrices are packed, which is repeated for every tile.  The size of whole matrices decides, not
   that of a thread's share, so that no bit depends on the number of threads. */
INLINE ptrdiff_t largest_tile(const ptrdiff_t *dims, ptrdiff_t n_layers)
{
    ptrdiff_t widest = dims[0], largest = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        widest = dims[l + 1] > widest ? dims[l + 1] : widest;
        largest = dims[l] * dims[l + 1] > largest ? dims[l] * dims[l + 1] : largest;
    }
    const bool is_halved = widest >= MANY_UNITS && largest * (ptrdiff_t)sizeof(real) <= LARGEST_UNPACKED;
    return TILE_BYTES / (ptrdiff_t)sizeof(real) / (is_halved ? 2 : 1);
}

/* Rows a multiple of 512 bytes apart would share few cache sets: such rows get two more vectors. */
INLINE ptrdiff_t row_stride_of(ptrdiff_t n) { return n * (ptrdiff_t)sizeof(real) % 512 ? n : n + 2 * LANES; }

/* The weight gradient with the lower estimated overhead, as a share of the multiply-adds; the constants were measured,
   see docs/design.md.  Packing keeps the rows of a row-major X; all other inputs must be transposed for FM_BROADCAST.
   Other forms of X are treated as row-major here, so that no bit depends on the form of X. */
INLINE enum fm_gradient_method choose_gradient_method(ptrdiff_t fan_in, ptrdiff_t fan_out, ptrdiff_t tile_size,
                                                      bool is_first)
{
    double lane_sums_overhead = 2.8 * LANES / (double)tile_size;
    double padding = (double)whole_vectors(fan_in) / (double)fan_in - 1;
    double transposing = is_first ? 0.02 : 5.0 / (double)fan_out;
    return padding + transposing < lane_sums_overhead ? FM_BROADCAST : FM_LANE_SUMS;
}

/* For small networks, threads take chunks of tiles; for larger ones, they share the rows of each product. */
INLINE ptrdiff_t choose_chunks(ptrdiff_t n_parameters, ptrdiff_t n_tiles)
{
    if (n_parameters > MOST_PARAMETERS_IN_CHUNKS)
        return 1;
    return n_tiles < FM_MOST_CHUNKS ? n_tiles : FM_MOST_CHUNKS;
}

/* Reserves n elements of the arena at `at`, which moves past them, and returns where they start. */
INLINE ptrdiff_t reserve(ptrdiff_t *at, ptrdiff_t n)
{
    ptrdiff_t start = *at;
    *at += whole_vectors(n);
    return start;
}

INLINE ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/* Layer l, whose parameters start at `at` of the flat vector, without its places in the arena. */
static fm_layer FN(plain_layer)(const fm_network *network, ptrdiff_t l, ptrdiff_t at, ptrdiff_t tile_size)
{
    const ptrdiff_t fan_in = network->layer_dims[l], fan_out = network->layer_dims[l + 1];
    const enum fm_activation activation = network->activations[l];
    const bool is_hidden = l + 1 < network->n_layers;
    const double dropout = network->dropout && is_hidden ? network->dropout[l] : 0;
    return (fm_layer){.fan_in = fan_in,
                      .fan_out = fan_out,
                      .weights = at,
                      .bias = at + fan_in * fan_out,
                      .padded_fan_in = whole_vectors(fan_in),
                      .packed_stride = row_stride_of(whole_vectors(fan_in)),
                      .dropout = dropout,
                      .activation = activation,
                      .gradient_method = choose_gradient_method(fan_in, fan_out, tile_size, l == 0),
                      .is_sparse = l == 0 && network->sparse_inputs,
                      .keeps_derivative = is_hidden && (dropout != 0 || derivative_needs_logits(activation))};
}

static void FN(make_layout)(fm_layout *layout, const fm_network *network, ptrdiff_t batch_size)
{
    const fm_mode before = enter_our_mode(); /* the choice of a gradient's method compares sums of fractions */
    const ptrdiff_t n_layers = network->n_layers, *dims = network->layer_dims, n_outputs = dims[n_layers];
    const ptrdiff_t most_examples = largest_tile(dims, n_layers), n_tiles = ceil_div(batch_size, most_examples);
    const ptrdiff_t tile_size = ceil_div(ceil_div(batch_size, LANES), n_tiles) * LANES;
    /* every batch of several tiles reserves rows of this length, whatever its own tile_size */
    const ptrdiff_t row = row_stride_of(batch_size < most_examples ? whole_vectors(batch_size) : most_examples);
    ptrdiff_t at = 0, n_parameters = 0, widest = 0, widest_packed = 0, lane_rows = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        fm_layer *layer = &layout->layers[l];
        *layer = FN(plain_layer)(network, l, n_parameters, tile_size);
        const ptrdiff_t fan_in = layer->fan_in, fan_out = layer->fan_out;
        const bool is_broadcast = layer->gradient_method == FM_BROADCAST && !layer->is_sparse;
        const bool is_padded = is_broadcast && fan_in % LANES;
        n_parameters += (fan_in + 1) * fan_out;
        layer->inputs = reserve(&at, layer->is_sparse ? sparse_tile_size(row) : fan_in * row);
        layer->derivatives = reserve(&at, layer->keeps_derivative ? fan_out * row : 0);
        layer->padded_gradient = reserve(&at, is_padded ? fan_out * layer->padded_fan_in : 0);
        widest = larger(widest, fan_out);
        if (layer->is_sparse && layer->gradient_method == FM_LANE_SUMS)
            lane_rows = LANES * layer->padded_fan_in;
        if (is_broadcast)
            widest_packed = larger(widest_packed, layer->packed_stride);
    }
    layout->n_layers = n_layers;
    layout->n_parameters = n_parameters;
    layout->batch_size = batch_size;
    layout->tile_size = tile_size;
    layout->n_chunks = choose_chunks(n_parameters, n_tiles);
    layout->row_stride = row_stride_of(tile_size);
    layout->loss = network->loss;
    layout->loss_parameter = network->loss_parameter;
    layout->label_smoothing = network->label_smoothing;
    layout->n_targets = network->loss == FM_MULTINOMIAL_LOG_LOSS ? 1 : n_outputs;
    layout->outputs = reserve(&at, n_outputs * row);
    layout->targets = reserve(&at, n_outputs * row);
    layout->losses = reserve(&at, n_outputs * row);
    layout->sample_weight = reserve(&at, row);
    layout->deltas[0] = reserve(&at, widest * row);
    layout->deltas[1] = reserve(&at, widest * row);
    const bool packs_rows = layout->layers[0].gradient_method == FM_BROADCAST && !layout->layers[0].is_sparse;
    layout->packed_rows = reserve(&at, packs_rows ? row * layout->layers[0].packed_stride : 0);
    layout->transposed = reserve(&at, row * widest_packed);
    layout->arena_bytes = at * (ptrdiff_t)sizeof(real);
    layout->chunk_bytes = 0;
    if (layout->n_chunks > 1)
        layout->chunk_bytes = FM_MOST_CHUNKS * whole_vectors(n_parameters) * (ptrdiff_t)sizeof(real);
    layout->block_bytes = larger(BLOCK_ROWS * BLOCK_STRIDE, lane_rows) * (ptrdiff_t)sizeof(real);
    leave_our_mode(before);
}

/* The chunks' gradients lie after the arenas: one for each thread where threads take chunks, else one in all. */
INLINE real *chunk_gradients_of(const fm_call *call)
{
    const ptrdiff_t n_arenas = call->layout->n_chunks > 1 ? call->n_threads : 1;
    return (real *)((char *)call->arena + n_arenas * call->layout->arena_bytes);
}

/* A thread's room for a block of a large matrix, after the chunks' gradients. */
INLINE void *block_of(const fm_call *call, int id)
{
    return (char *)chunk_gradients_of(call) + call->layout->chunk_bytes + id * call->layout->block_bytes;
}

/* Threads that share the rows of a tile share an arena. */
INLINE real *arena_of(const fm_call *call, const worker *w)
{
    return (real *)((char *)call->arena + (w->n_sharing == 1 ? w->id * call->layout->arena_bytes : 0));
}

#endif
