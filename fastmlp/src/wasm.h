/* wasm.h -- what the files of the WebAssembly build share; the native build uses nothing of it. */
#ifndef FASTMLP_WASM_H
#define FASTMLP_WASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fastmlp.h"

#define EXPORT(name) __attribute__((export_name(#name)))

extern const fm_kernels fm_kernels_f64_baseline;
static const fm_kernels *const kernels = &fm_kernels_f64_baseline;

enum { MOST_EPOCHS = 1 << 14 }; /* of one call, whose losses are kept */

/* A network, its data and its training. */
typedef struct {
    fm_network network;
    fm_layout *layout;
    void *arena;
    double *parameters, *gradient, *moments[2];
    fm_optimizer optimizer;
    double learning_rate;
    fm_data data;
    double *inputs, *targets; /* (n, n_features); (n_targets, n) */
    ptrdiff_t block;          /* epochs between two looks at the clock */
    double *rates;            /* of a block */
    ptrdiff_t *order;         /* of a block, or NULL where a batch takes all examples */
    double *draws;            /* of one epoch's order */
    uint32_t seed;            /* of the orders */
    ptrdiff_t epochs, updates;
    double losses[MOST_EPOCHS]; /* of the last call */
    ptrdiff_t n_losses;
    fm_layer_arrays *layers; /* of the last look, or NULL before the first */
} fm_model;

static inline void *copied(const void *from, size_t bytes)
{
    void *to = malloc(bytes);
    return to ? memcpy(to, from, bytes) : NULL;
}

static inline double *new_numbers(ptrdiff_t n) { return calloc((size_t)(n ? n : 1), sizeof(double)); }

static inline fm_call call_on(const fm_model *m, const fm_data *data)
{
    return (fm_call){.layout = m->layout, .data = data, .arena = m->arena, .n_threads = 1};
}

/* A NULL or false answer means that there is no memory. */
fm_model *create(ptrdiff_t n_layers, const ptrdiff_t *layer_dims, const enum fm_activation *activations,
                 enum fm_loss loss, double loss_parameter, double label_smoothing);
bool set_data(fm_model *m, ptrdiff_t n, ptrdiff_t batch_size, uint32_t seed);
void free_model(fm_model *m);
void free_layers(fm_model *m);

/* What `measure` tells of a layer, all doubles; engine.js reads them in this order. */
typedef struct {
    double preactivation_mean, preactivation_variance;
    double activation_mean, activation_variance;
    double gradient_mean, gradient_variance;
    double correlation, weight_gradient_norm, dead, distinct_units;
} fm_layer_statistics;

/* draws (n) <- numpy.random.default_rng((seed, epoch)).random(n) */
void draw_uniform_of(double *draws, ptrdiff_t n, uint32_t seed, uint32_t epoch);

#endif
