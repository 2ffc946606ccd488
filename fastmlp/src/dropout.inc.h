/* dropout.inc.h -- inverted dropout from a counter-based generator, without a state: the mask of a unit for an example
 * is a hash of (seed, update, layer, unit, example's place in the batch), whatever the order in which it is computed.
 */
#ifndef FASTMLP_DROPOUT_INC_H
#define FASTMLP_DROPOUT_INC_H

#include "lanes.h"
#include "tile.inc.h"

INLINE uint64_t mixed(uint64_t x) /* the finalizer of SplitMix64 (Steele, Lea & Flood 2014) */
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* The key of all examples of one unit. */
INLINE uint64_t dropout_key(unsigned long long seed, ptrdiff_t update, ptrdiff_t layer, ptrdiff_t unit)
{
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    uint64_t key = mixed(seed + golden);
    key = mixed(key + (uint64_t)update * golden);
    key = mixed(key + (uint64_t)layer * golden);
    return mixed(key + (uint64_t)unit * golden);
}

/* One uniform 32-bit number per lane: two rounds of the finalizer lowbias32 (Wellons 2018).  One half of the key is
   added before the first round, the other half after each round.  64-bit lanes hold 32-bit numbers too, so that both
   dtypes drop the same units. */
INLINE uvec uniform_bits(uint64_t key, ptrdiff_t example)
{
    const ubits low = (ubits)0xffffffffu;
    uvec x = ((uvec)LANE_NUMBERS + (ubits)example) * (ubits)0x9e3779b9u + (ubits)(key & 0xffffffffu);
    for (int round = 0; round < 2; round++) {
        x &= low;
        x = ((x ^ (x >> 16)) * (ubits)0x7feb352du) & low;
        x = ((x ^ (x >> 15)) * (ubits)0x846ca68bu) & low;
        x = (x ^ (x >> 16)) + (ubits)(key >> 32);
    }
    return x & low;
}

/* A unit is dropped where its number is below this limit, an integer so that both dtypes have the same. */
INLINE vec dropout_limit(double dropout) { return vset((real)ceil(dropout * 0x1p24)); }

/* `kept`, 1 / (1 - dropout), where the unit stays, else 0.  Only the 24 highest bits count: float32 holds them. */
INLINE vec dropout_factor(uint64_t key, ptrdiff_t example, vec dropout, vec kept)
{
    uvec high = uniform_bits(key, example) >> 8;
    return vselect(vlt(__builtin_convertvector((ivec)high, vec), dropout), (vec){0}, kept);
}

/* a, derivatives <- both times the dropout factors of a layer; row r is unit first_unit + r, columns are examples */
static void FN(dropout_forward)(real *a, real *derivatives, rows g, ptrdiff_t first_unit, ptrdiff_t layer,
                                const tile *t)
{
    const double dropout = t->layout->layers[layer].dropout;
    const vec limit = dropout_limit(dropout), kept = vset((real)(1 / (1 - dropout)));
    for (ptrdiff_t r = 0; r < g.n_rows; r++) {
        const uint64_t key = dropout_key(t->dropout->seed, t->dropout->update, layer, first_unit + r);
        for (ptrdiff_t i = g.from, at = r * g.row_stride + i; i < g.to; i += LANES, at += LANES) {
            vec factor = dropout_factor(key, t->first + i, limit, kept);
            vstore(a + at, vload(a + at) * factor);
            vstore(derivatives + at, vload(derivatives + at) * factor);
        }
    }
}

/* mask (fan_out, batch_size) <- the factors of one layer in one update */
static enum fm_status FN(dropout_mask)(void *mask_, const fm_layout *layout, ptrdiff_t layer, unsigned long long seed,
                                       ptrdiff_t update, fm_poll poll)
{
    worker w = lone_worker(poll, NULL);
    const fm_layer *l = &layout->layers[layer];
    const vec limit = dropout_limit(l->dropout), kept = vset((real)(1 / (1 - l->dropout)));
    real *mask = mask_;
    for (ptrdiff_t unit = 0; unit < l->fan_out && !w.status; unit++, mask += layout->batch_size) {
        const uint64_t key = dropout_key(seed, update, layer, unit);
        FOR_EACH_PORTION(p, layout->batch_size, &w) {
            for (ptrdiff_t i = p.from; i < p.to; i += LANES)
                vstore_some(mask + i, dropout_factor(key, i, limit, kept), layout->batch_size - i);
            poll_after(&w, WORK_OF_A_FUNCTION * items_in(p));
        }
    }
    return leave_team(&w);
}

#endif
