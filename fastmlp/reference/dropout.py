"""Inverted dropout: the factor of a unit for an example is a hash of both, the seed, the update and the layer."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
LOW_HALF, HALF = np.uint64(2**32 - 1), np.uint64(32)


def dropout_mask(
    fan_out: int, n_examples: int, dropout: float, *, seed: int, update: int, layer: int, dtype: Any = "float64"
) -> Array:
    """The factors (fan_out, n_examples) of a hidden layer's outputs in one update: 0 or 1 / (1 - dropout)."""
    real = np.dtype(dtype).type
    keys = _mixed(np.full(1, seed, np.uint64) + GOLDEN)
    for number in (update, layer, np.arange(fan_out)):
        keys = _mixed(keys + np.atleast_1d(number).astype(np.uint64) * GOLDEN)
    highest_24_bits = _uniform_bits(keys, n_examples) >> np.uint32(8)
    return np.where(highest_24_bits < dropout * 2**24, real(0), real(1 / (1 - dropout)))


def _mixed(x: Array) -> Array:
    """The finalizer of SplitMix64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _uniform_bits(keys: Array, n_examples: int) -> Array:
    """Uniform uint32 (n_keys, n_examples): a finalizer of 32 bits between the halves of each key."""
    low, high = (half.astype(np.uint32)[:, np.newaxis] for half in (keys & LOW_HALF, keys >> HALF))
    x = np.arange(n_examples, dtype=np.uint32) * np.uint32(0x9E3779B9) + low
    for _ in range(2):
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
        x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
        x = (x ^ (x >> np.uint32(16))) + high
    return x
