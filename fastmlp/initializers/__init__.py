"""Initializers: rules for the first weights and biases, each with its formula, its source and when to use it.

``MLP(initialization=...)`` takes a name, an object with its parameters, a function, or one of these for each layer. An
initializer is called as ``initializer(layer_dims, seed=None)`` and returns ``(weights, biases)``: one float64 array
(fan_out, fan_in) and one (fan_out,) per layer. Layers are drawn one after another from a single generator, so that the
first layers do not depend on later ones. NumPy's global random state is not used.

>>> from fastmlp import initializers
>>> he = initializers.get("he")
>>> weights, biases = he([2, 4, 1], seed=3)
>>> weights[0].shape, biases[0].shape
((4, 2), (4,))
>>> he.formula, initializers.get("he_truncated").formula
('W ~ N(0, 2 / fan_in)', 'W ~ N(0, s^2) within 2 s, s = sqrt(2 / fan_in) / 0.87962566')
"""

from fastmlp.initializers.base import Initializer, Layers, Place, WeightInitializer
from fastmlp.initializers.baselines import Constant, Identity, Random, Zeros
from fastmlp.initializers.by_activation import Critical, Kumar, NguyenWidrow, RandomizedAsymmetric, Siren
from fastmlp.initializers.drawing import draw, draw_layers, layer_keys
from fastmlp.initializers.frameworks import Flax, Keras, PyTorch, ScikitLearn
from fastmlp.initializers.from_data import LSUV, DataInitializer, WithinLayer
from fastmlp.initializers.registry import ALIASES, REGISTRY, bound_to, get
from fastmlp.initializers.scaling import Glorot, He, LeCun, VarianceScaling
from fastmlp.initializers.structured import LooksLinear, Orthogonal, Sinusoidal, Sparse, ZerO

zeros = REGISTRY["zeros"]
constant = REGISTRY["constant"]
random = REGISTRY["random"]
he = REGISTRY["he"]
lecun = REGISTRY["lecun"]
xavier_normal = REGISTRY["xavier_normal"]
xavier_uniform = REGISTRY["xavier_uniform"]
orthogonal = REGISTRY["orthogonal"]

__all__ = [
    "ALIASES",
    "LSUV",
    "REGISTRY",
    "Constant",
    "Critical",
    "DataInitializer",
    "Flax",
    "Glorot",
    "He",
    "Identity",
    "Initializer",
    "Keras",
    "Kumar",
    "Layers",
    "LeCun",
    "LooksLinear",
    "NguyenWidrow",
    "Orthogonal",
    "Place",
    "PyTorch",
    "Random",
    "RandomizedAsymmetric",
    "ScikitLearn",
    "Sinusoidal",
    "Siren",
    "Sparse",
    "VarianceScaling",
    "WeightInitializer",
    "WithinLayer",
    "ZerO",
    "Zeros",
    "bound_to",
    "constant",
    "draw",
    "draw_layers",
    "get",
    "he",
    "layer_keys",
    "lecun",
    "orthogonal",
    "random",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
