/* layout.inc.h -- where everything of a pass lies in the arena, and which way each layer takes.
 *
 * A tile is at most 4 KB of examples of each row, or half of it, cut evenly from the batch: its activations stay in L2.
 */

enum { TILE_BYTES = 4096, MANY_UNITS = 128, MOST_PARAMETERS_OF_CHUNKS = 1 << 15 };

/* Half as many where the rows of a layer, inputs too, would fill half of L2: but not where a matrix is packed, since
   that is done anew for every tile.  Whole matrices decide, not a thread's share, on which no bit may depend. */
INLINE ptrdiff_t most_in_tile(const ptrdiff_t *dims, ptrdiff_t n_layers)
{
    ptrdiff_t widest = dims[0], largest = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        widest = dims[l + 1] > widest ? dims[l + 1] : widest;
        largest = dims[l] * dims[l + 1] > largest ? dims[l] * dims[l + 1] : largest;
    }
    const int is_halved = widest >= MANY_UNITS && largest * (ptrdiff_t)sizeof(real) <= LARGEST_UNPACKED;
    return TILE_BYTES / (ptrdiff_t)sizeof(real) / (is_halved ? 2 : 1);
}

/* Rows a multiple of 512 bytes apart would share few cache sets: two more vectors part them. */
INLINE ptrdiff_t row_stride_of(ptrdiff_t n)
{
    return n * (ptrdiff_t)sizeof(real) % 512 ? n : n + 2 * LANES;
}

/* The cheaper weight gradient by estimated overhead; the constants were measured, see docs/design.md.  The rows of
   the first layer's inputs are packed as they come, where those of others are transposed for the broadcast. */
INLINE enum fm_gradient_method choose_gradient_method(ptrdiff_t fan_in, ptrdiff_t fan_out, ptrdiff_t tile, int is_first)
{
    double lane_sums_overhead = 2.8 * LANES / (double)tile;
    double padding = (double)whole_vectors(fan_in) / (double)fan_in - 1;
    double transposing = is_first ? 0.02 : 5.0 / (double)fan_out;
    return padding + transposing < lane_sums_overhead ? FM_BROADCAST : FM_LANE_SUMS;
}

/* Narrow networks on many tiles go to threads a chunk of tiles at a time; others share the rows of each product. */
INLINE ptrdiff_t choose_chunks(ptrdiff_t n_parameters, ptrdiff_t n_tiles)
{
    if (n_parameters > MOST_PARAMETERS_OF_CHUNKS)
        return 1;
    return n_tiles < FM_MOST_CHUNKS ? n_tiles : FM_MOST_CHUNKS;
}

INLINE ptrdiff_t reserve(ptrdiff_t *at, ptrdiff_t n)
{
    ptrdiff_t start = *at;
    *at += whole_vectors(n);
    return start;
}

INLINE ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

static void FN(make_layout)(fm_layout *layout, const fm_network *network, ptrdiff_t batch)
{
    const ptrdiff_t n_layers = network->n_layers, *dims = network->layer_dims, n_outputs = dims[n_layers];
    const ptrdiff_t most_examples = most_in_tile(dims, n_layers);
    const ptrdiff_t n_vectors = ceil_div(batch, LANES), n_tiles = ceil_div(batch, most_examples);
    const ptrdiff_t tile = ceil_div(n_vectors, n_tiles) * LANES;
    const ptrdiff_t widest_tile = batch < most_examples ? whole_vectors(batch) : most_examples;
    const ptrdiff_t most = row_stride_of(widest_tile); /* the same for every batch of several tiles */
    ptrdiff_t at = 0, parameters = 0, widest = 0, widest_packed = 0, lane_rows = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        const ptrdiff_t fan_in = dims[l], fan_out = dims[l + 1];
        const double dropout = network->dropout && l + 1 < n_layers ? network->dropout[l] : 0;
        fm_layer *layer = &layout->layers[l];
        *layer = (fm_layer){.fan_in = fan_in,
                            .fan_out = fan_out,
                            .weights = parameters,
                            .bias = parameters + fan_in * fan_out,
                            .padded_fan_in = whole_vectors(fan_in),
                            .packed_stride = row_stride_of(whole_vectors(fan_in)),
                            .dropout = dropout,
                            .activation = network->activations[l],
                            .gradient_method = choose_gradient_method(fan_in, fan_out, tile, l == 0),
                            .is_sparse = l == 0 && network->sparse_inputs,
                            .keeps_derivative = l + 1 < n_layers && (dropout != 0 ||
                                                derivative_needs_logits(network->activations[l]))};
        parameters += (fan_in + 1) * fan_out;
        layer->inputs = reserve(&at, layer->is_sparse ? sparse_tile_size(most) : fan_in * most);
        layer->derivatives = reserve(&at, layer->keeps_derivative ? fan_out * most : 0);
        const int is_padded = layer->gradient_method == FM_BROADCAST && fan_in % LANES && !layer->is_sparse;
        layer->padded_gradient = reserve(&at, is_padded ? fan_out * layer->padded_fan_in : 0);
        widest = larger(widest, fan_out);
        if (layer->is_sparse && layer->gradient_method == FM_LANE_SUMS)
            lane_rows = LANES * layer->padded_fan_in;
        if (layer->gradient_method == FM_BROADCAST && !layer->is_sparse)
            widest_packed = larger(widest_packed, layer->packed_stride);
    }
    layout->n_layers = n_layers;
    layout->n_parameters = parameters;
    layout->batch_size = batch;
    layout->tile_size = tile;
    layout->n_chunks = choose_chunks(parameters, n_tiles);
    layout->row_stride = row_stride_of(tile);
    layout->loss = network->loss;
    layout->loss_parameter = network->loss_parameter;
    layout->label_smoothing = network->label_smoothing;
    layout->n_targets = network->loss == FM_MULTINOMIAL_LOG_LOSS ? 1 : n_outputs;
    layout->outputs = reserve(&at, n_outputs * most);
    layout->targets = reserve(&at, n_outputs * most);
    layout->losses = reserve(&at, n_outputs * most);
    layout->sample_weight = reserve(&at, most);
    layout->deltas[0] = reserve(&at, widest * most);
    layout->deltas[1] = reserve(&at, widest * most);
    const int packs_rows = layout->layers[0].gradient_method == FM_BROADCAST && !layout->layers[0].is_sparse;
    layout->packed_rows = reserve(&at, packs_rows ? most * layout->layers[0].packed_stride : 0);
    layout->transposed = reserve(&at, most * widest_packed);
    layout->arena_bytes = at * (ptrdiff_t)sizeof(real);
    layout->chunk_bytes = 0;
    if (layout->n_chunks > 1)
        layout->chunk_bytes = FM_MOST_CHUNKS * whole_vectors(parameters) * (ptrdiff_t)sizeof(real);
    layout->block_bytes = larger(BLOCK_ROWS * BLOCK_STRIDE, lane_rows) * (ptrdiff_t)sizeof(real);
}

/* Behind the arenas: the chunks' gradients, then a block of a large matrix for each thread.  Threads that share rows
   share one arena. */
INLINE real *chunk_gradients_of(void *arena, const fm_layout *layout, int n_threads)
{
    return (real *)((char *)arena + (layout->n_chunks > 1 ? n_threads : 1) * layout->arena_bytes);
}
INLINE void *block_of(void *arena, const fm_layout *layout, int n_threads, int id)
{
    return (char *)chunk_gradients_of(arena, layout, n_threads) + layout->chunk_bytes + id * layout->block_bytes;
}

/* Arena rows where the outputs of layer l go: the inputs of the next. */
INLINE real *layer_outputs(real *arena, const fm_layout *layout, ptrdiff_t l)
{
    return arena + (l + 1 < layout->n_layers ? layout->layers[l + 1].inputs : layout->outputs);
}

/* Examples first .. first + n of a batch of the data. */
typedef struct {
    const ptrdiff_t *order; /* the batch's own, or NULL: examples as they lie from `start` on */
    ptrdiff_t start, n;
    ptrdiff_t n_ordered; /* entries of order up to the end of the epoch */
} batch;

INLINE ptrdiff_t example_of(const batch *b, ptrdiff_t i) { return b->order ? b->order[i] : b->start + i; }
