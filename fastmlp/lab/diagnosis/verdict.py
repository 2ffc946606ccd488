"""The verdict on a network, from what was measured of its layers and the thresholds."""

from dataclasses import dataclass

import numpy as np

from fastmlp.lab.diagnosis.outputs import Outputs
from fastmlp.lab.diagnosis.thresholds import threshold
from fastmlp.lab.measurements import is_symmetric
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
    row = layers[at]
    if row["saturated"] >= threshold("saturated_share"):
        return "saturated", (
            f"{percent(row['saturated'])} of the outputs of layer {at + 1} lie where {row['activation']} is flat (its "
            f"pre-activations have a root mean square of {sizes[at]:.3g}), and pass on hardly any gradient"
        )
    if row["dead"] >= threshold("dead_share"):
        return "dead", (
            f"{percent(row['dead'])} of the {row['units']} units of layer {at + 1} give the same output for every "
            "example, so no example tells them how to change. "
            'Try biases of 0, smaller updates, or activation="leaky_relu"'
        )
    if sizes[at] < threshold("vanishing") * sizes[0]:
        return "vanishing", (
            f"the pre-activations shrink from {sizes[0]:.3g} in layer 1 to {sizes[at]:.3g} in layer {at + 1} (root "
            f"mean square), {_per_layer(sizes[at] / sizes[0], at)}: the weights are too small. {_remedy(network, at)}"
        )
    return None


def _explodes(network: MLP, layers: np.ndarray, sizes: np.ndarray, at: int) -> tuple[str, str] | None:
    """Return the verdict "exploding" on pre-activations that are not finite or too large, and its text."""
    size, dtype = sizes[at], network.plan.dtype
    remedy = _remedy(network, min(at, max(0, len(layers) - 2)))
    if not np.isfinite(size):
        if not np.isfinite(network.weights[at]).all() or not np.isfinite(network.biases[at]).all():
            return "exploding", f"parameters of layer {at + 1} are not finite, as after a training that diverged"
        before = f"; their root mean square is {sizes[at - 1]:.3g} in layer {at}" if at else ""
        return "exploding", f"squares of pre-activations of layer {at + 1} leave the range of {dtype}{before}. {remedy}"
    if at + 1 == len(layers):
        return None  # outputs are judged by the targets
    if size > threshold("size"):
        return "exploding", (
            f"the pre-activations of layer {at + 1} have a root mean square of {size:.3g}: the weights are too large. "
            f"{remedy}"
        )
    if size > threshold("growth") * max(sizes[0], 1.0):
        return "exploding", (
            f"the pre-activations grow from {sizes[0]:.3g} in layer 1 to {size:.3g} in layer {at + 1} (root mean "
            f"square), {_per_layer(size / sizes[0], at)}: the weights are too large. {remedy}"
        )
    return None


def _backward(network: MLP, layers: np.ndarray) -> Finding | None:
    """Return what the Jacobian norms and the gradients show, from the last hidden layer to the first."""
    norms, last = layers["jacobian_norm"], len(layers) - 2
    for at in range(last, -1, -1):
        ratio = norms[at] / norms[last]
        text = (
            f"what reaches layer {at + 1} of a change of the outputs is {ratio:.3g} times what reaches layer "
            f"{last + 1} (Jacobian norm), {_per_layer(ratio, last - at)}"
        )
        remedy = _remedy(network, at)
        is_beyond = not np.isfinite(layers["gradient_variance"][at]) and np.isfinite(layers["gradient_variance"][-1])
        if ratio > threshold("gradient_growth") or is_beyond:
            return Finding("exploding", at + 1, f"{text}: the weights are too large. {remedy}")
        if ratio < threshold("vanishing"):
            slope = f": the slopes of {network.plan.activations[at]} times the weights are too small. {remedy}"
            return Finding("vanishing", at + 1, text + slope)
    return None


def _of_outputs(layers: np.ndarray, sizes: np.ndarray, outputs: Outputs) -> Finding | None:
    at, size = len(layers), sizes[-1]
    if outputs.wrong_share >= threshold("wrong_share"):
        return Finding(
            "saturated",
            at,
            f"{percent(outputs.wrong_share)} of the outputs are saturated on the wrong side (the logits have a root "
            f"mean square of {size:.3g}): the weights are too large",
        )
    if outputs.certain_share >= threshold("saturated_share"):
        return Finding(
            "saturated",
            at,
            f"{percent(outputs.certain_share)} of the outputs are saturated (the logits have a root mean square of "
            f"{size:.3g}): the weights are too large",
        )
    if size > threshold("far_outputs") * np.maximum(1.0, outputs.target_size):
        return Finding(
            "exploding",
            at,
            f"the outputs have a root mean square of {size:.3g}, the targets one of {outputs.target_size:.3g}: the "
            "weights are too large",
        )
    return None


def _symmetric(network: MLP, at: int) -> str:
    return (
        f"all {network.plan.layer_dims[at + 1]} units of layer {at + 1} have the same incoming and outgoing weights. "
        f"Their gradients are the same too, so they stay one unit. {_remedy(network, at)}"
    )


def _per_layer(ratio: float, n_layers: int) -> str:
    return f"a factor of {ratio ** (1 / n_layers):.3g} per layer" if n_layers else "a factor beyond all range"


def _remedy(network: MLP, at: int) -> str:
    """Return a word on the initialization that fits a layer's activation, unless the network has it already."""
    activation = network.plan.activations[at]
    name = FITTING.get(activation)
    if name is None:
        return f'Try activation="tanh": no usual initialization keeps the variance through layers of {activation}'
    if network.initialization == name:
        return "Try fewer or wider layers, or smaller updates"
    return f'Try initialization="{name}"'


def _healthy(layers: np.ndarray, sizes: np.ndarray) -> str:
    dead = layers["dead"][:-1].max(initial=0.0)
    units = f"at most {percent(dead)} of a layer's units are dead" if dead else "no unit is dead"
    return f"the pre-activations keep their size ({sizes.min():.3g} to {sizes.max():.3g}), and {units}"
