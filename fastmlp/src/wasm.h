/* wasm.h -- what the files of the WebAssembly build share; the native build uses nothing of it. */
#ifndef FASTMLP_WASM_H
#define FASTMLP_WASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
