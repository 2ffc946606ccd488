"""What the tests of initializers share: every registered rule in a form that can draw, and a look at a network."""

import numpy as np

from fastmlp import initializers
from fastmlp.engine.plan import join_parameters
from fastmlp.reference.activation import ACTIVATIONS

NAMES = list(initializers.REGISTRY)
SMOOTH = ("kumar",)  # what needs a derivative at 0
RNG = np.random.default_rng(20)
X = RNG.normal(3, 5, (60, 4))


def drawable(name, **parameters):
    """The registered initializer with parameters, bound to X if it needs data."""
    rule = initializers.get(name, **parameters)
    return rule.on(X) if rule.needs_data else rule


def activation_for(name):
    """An activation that the initializer can draw for."""
    return "tanh" if name in SMOOTH else "relu"


def drawn(name, dims=(4, 6, 6, 2), seed=0, **parameters):
    """Weights and biases of the registered initializer."""
    return drawable(name, **parameters)(dims, seed, activation_for(name))


def one(rule, fan_in, fan_out, seed=0, **known):
    """Weights and biases of a network of one layer."""
    (weights,), (biases,) = rule([fan_in, fan_out], seed, **known)
    return weights, biases


def flat(layers):
    """All parameters in one vector."""
    return join_parameters(*layers)


def preactivations(layers, X, activation):
    """The pre-activations (n_examples, width) of every layer."""
    found, outputs = [], X
    for w, b in zip(*layers, strict=True):
        found.append(outputs @ w.T + b)
        outputs = ACTIVATIONS[activation](found[-1])
    return found
