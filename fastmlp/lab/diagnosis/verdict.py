"""The verdict on a network, from what was measured of its layers and the thresholds."""

from dataclasses import dataclass

import numpy as np

from fastmlp.lab.diagnosis.outputs import Outputs
from fastmlp.lab.diagnosis.thresholds import threshold
from fastmlp.lab.measurements import is_symmetric
from fastmlp.lab.words import VERDICTS as WORDS
from fastmlp.network import MLP
from fastmlp.text import percent

VERDICTS = ("healthy", "symmetric", "dead", "vanishing", "exploding", "saturated")
FITTING = {"relu": "he", "leaky_relu": "he", "gelu": "he", "gelu_tanh": "he", "silu": "he", "elu": "lecun"}
FITTING |= {"selu": "lecun", "identity": "lecun", "tanh": "xavier_normal"}


@dataclass(frozen=True)
class Finding:
    """A verdict, the number of the layer where it begins (None if healthy), and what was seen, in words."""

    verdict: str
    layer: int | None
    text: str


def judge(network: MLP, layers: np.ndarray, outputs: Outputs) -> Finding:
    """Return the first fault that is found: forward from the inputs, backward from the outputs, then of the outputs."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        sizes = np.sqrt(np.square(layers["preactivation_mean"]) + layers["preactivation_variance"])
        return (
            _forward(network, layers, sizes)
            or _backward(network, layers)
            or _of_outputs(layers, sizes, outputs)
            or Finding("healthy", None, _healthy(layers, sizes))
        )


def _forward(network: MLP, layers: np.ndarray, sizes: np.ndarray) -> Finding | None:
    for at in range(len(layers)):
        found = _explodes(network, layers, sizes, at)
        if found is None and at + 1 < len(layers):
            if is_symmetric(network, at + 1):
                found = "symmetric", _symmetric(network, at)
            else:
                found = _hidden(network, layers, sizes, at)
        if found is not None:
            verdict, text = found
            return Finding(verdict, at + 1, text)
    return None


def _hidden(network: MLP, layers: np.ndarray, sizes: np.ndarray, at: int) -> tuple[str, str] | None:
    """Return the verdict on a hidden layer by what it passes on, and its text."""
    row, layer = layers[at], at + 1
    if row["saturated"] >= threshold("saturated_share"):
        share, activation = percent(row["saturated"]), row["activation"]
        return "saturated", WORDS["saturated"].format(share=share, layer=layer, activation=activation, size=sizes[at])
    if row["dead"] >= threshold("dead_share"):
        return "dead", WORDS["dead"].format(share=percent(row["dead"]), units=row["units"], layer=layer)
    if sizes[at] < threshold("vanishing") * sizes[0]:
        return "vanishing", WORDS["vanishing"].format(**_change(network, sizes, at))
    return None


def _explodes(network: MLP, layers: np.ndarray, sizes: np.ndarray, at: int) -> tuple[str, str] | None:
    """Return the verdict "exploding" on pre-activations that are not finite or too large, and its text."""
    size, layer = sizes[at], at + 1
    if not np.isfinite(size):
        if not np.isfinite(network.weights[at]).all() or not np.isfinite(network.biases[at]).all():
            return "exploding", WORDS["parameters_not_finite"].format(layer=layer)
        before = WORDS["before_overflow"].format(size=sizes[at - 1], layer=at) if at else ""
        remedy, dtype = _remedy(network, min(at, max(0, len(layers) - 2))), network.plan.dtype
        return "exploding", WORDS["overflow"].format(layer=layer, dtype=dtype, before=before, remedy=remedy)
    if at + 1 == len(layers):
        return None  # outputs are judged by the targets
    if size > threshold("size"):
        return "exploding", WORDS["large"].format(layer=layer, size=size, remedy=_remedy(network, at))
    if size > threshold("growth") * max(sizes[0], 1.0):
        return "exploding", WORDS["growing"].format(**_change(network, sizes, at))
    return None


def _change(network: MLP, sizes: np.ndarray, at: int) -> dict[str, object]:
    """What is told of pre-activations that grow or shrink from the first layer on."""
    per_layer, remedy = _per_layer(sizes[at] / sizes[0], at), _remedy(network, at)
    return {"first": sizes[0], "size": sizes[at], "layer": at + 1, "per_layer": per_layer, "remedy": remedy}


def _backward(network: MLP, layers: np.ndarray) -> Finding | None:
    """Return what the Jacobian norms and the gradients show, from the last hidden layer to the first."""
    norms, last = layers["jacobian_norm"], len(layers) - 2
    for at in range(last, -1, -1):
        ratio = norms[at] / norms[last]
        is_beyond = not np.isfinite(layers["gradient_variance"][at]) and np.isfinite(layers["gradient_variance"][-1])
        is_large = ratio > threshold("gradient_growth") or is_beyond
        if is_large or ratio < threshold("vanishing"):
            per_layer, activation = _per_layer(ratio, last - at), network.plan.activations[at]
            text = WORDS["backward"].format(layer=at + 1, ratio=ratio, last=last + 1, per_layer=per_layer)
            words = WORDS["backward_large" if is_large else "backward_small"]
            told = words.format(backward=text, activation=activation, remedy=_remedy(network, at))
            return Finding("exploding" if is_large else "vanishing", at + 1, told)
    return None


def _of_outputs(layers: np.ndarray, sizes: np.ndarray, outputs: Outputs) -> Finding | None:
    at, size = len(layers), sizes[-1]
    if outputs.wrong_share >= threshold("wrong_share"):
        text = WORDS["wrong_outputs"].format(share=percent(outputs.wrong_share), size=size)
        return Finding("saturated", at, text)
    if outputs.certain_share >= threshold("saturated_share"):
        text = WORDS["certain_outputs"].format(share=percent(outputs.certain_share), size=size)
        return Finding("saturated", at, text)
    if size > threshold("far_outputs") * np.maximum(1.0, outputs.target_size):
        return Finding("exploding", at, WORDS["far_outputs"].format(size=size, target_size=outputs.target_size))
    return None


def _symmetric(network: MLP, at: int) -> str:
    units = network.plan.layer_dims[at + 1]
    return WORDS["symmetric"].format(units=units, layer=at + 1, remedy=_remedy(network, at))


def _per_layer(ratio: float, n_layers: int) -> str:
    return WORDS["per_layer"].format(factor=ratio ** (1 / n_layers)) if n_layers else WORDS["beyond_range"]


def _remedy(network: MLP, at: int) -> str:
    """Return a word on the initialization that fits a layer's activation, unless the network has it already."""
    activation = network.plan.activations[at]
    name = FITTING.get(activation)
    if name is None:
        return WORDS["no_initialization"].format(activation=activation)
    return WORDS["other_shape"] if network.initialization == name else WORDS["other_initialization"].format(name=name)


def _healthy(layers: np.ndarray, sizes: np.ndarray) -> str:
    dead = layers["dead"][:-1].max(initial=0.0)
    units = WORDS["few_dead_units"].format(share=percent(dead)) if dead else WORDS["no_dead_units"]
    return WORDS["healthy"].format(smallest=sizes.min(), largest=sizes.max(), units=units)
