"""The passes over a flat parameter vector."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastmlp.engine.plan import join_parameters, split_parameters
from fastmlp.reference.activation import ACTIVATIONS, DERIVATIVES
from fastmlp.reference.dense import dense_backward, dense_forward, dense_gradient
from fastmlp.reference.dropout import dropout_mask
from fastmlp.reference.loss import example_weights, loss_backward, mean_loss, weighted_losses
from fastmlp.reference.optimizer import Optimizer, gradient_descent, optimizer_update

Array = np.ndarray[Any, Any]
Layers = list[Array]
Names = Sequence[str]


def forward(
    inputs: Array, weights: Layers, biases: Layers, activations: Names, masks: Sequence[Array] = ()
) -> tuple[Layers, Layers]:
    """Lists of every layer's z and a; ``masks`` are factors of the hidden layers' outputs."""
    zs, outputs, a = [], [], inputs
    for layer, (w, b, activation) in enumerate(zip(weights, biases, activations, strict=True)):
        zs.append(dense_forward(w, b, a))
        a = ACTIVATIONS[activation](zs[-1])
        if layer < len(masks):
            a = a * masks[layer]
        outputs.append(a)
    return zs, outputs


def backward(
    dz: Array,
    inputs: Array,
    weights: Layers,
    outputs: Layers,
    activations: Names,
    zs: Layers,
    masks: Sequence[Array] = (),
) -> tuple[Layers, Layers]:
    """Lists of every layer's dW and db, from dz of the last layer and what :func:`forward` returned."""
    d_weights: Layers = []
    d_biases: Layers = []
    for layer in reversed(range(len(weights))):
        dw, db = dense_gradient(dz, outputs[layer - 1] if layer else inputs)
        d_weights.insert(0, dw)
        d_biases.insert(0, db)
        if layer:
            dz = dense_backward(weights[layer], dz) * DERIVATIVES[activations[layer - 1]](zs[layer - 1])
            if masks:
                dz = dz * masks[layer - 1]
    return d_weights, d_biases


def logits_and_gradient(
    parameters: Array,
    inputs: Array,
    targets: Array,
    layer_dims: Sequence[int],
    activations: Names,
    *,
    loss: str = "log_loss",
    loss_parameter: float = 0,
    sample_weight: Array | None = None,
    masks: Sequence[Array] = (),
) -> tuple[Array, Array]:
    """The last layer's logits, and the gradient of their mean loss as a flat vector."""
    weights, biases = split_parameters(parameters, layer_dims)
    zs, outputs = forward(inputs, weights, biases, activations, masks)
    dz = loss_backward(zs[-1], targets, loss, loss_parameter, sample_weight)
    return zs[-1], join_parameters(*backward(dz, inputs, weights, outputs, activations, zs, masks))


def loss_and_gradient(
    parameters: Array,
    inputs: Array,
    targets: Array,
    layer_dims: Sequence[int],
    activations: Names,
    *,
    loss: str = "log_loss",
    loss_parameter: float = 0,
    sample_weight: Array | None = None,
) -> tuple[float, Array]:
    """The mean loss, and its gradient as a flat vector."""
    logits, gradient = logits_and_gradient(
        parameters,
        inputs,
        targets,
        layer_dims,
        activations,
        loss=loss,
        loss_parameter=loss_parameter,
        sample_weight=sample_weight,
    )
    return mean_loss(logits, targets, loss, loss_parameter, sample_weight), gradient


def train(
    parameters: Array,
    inputs: Array,
    targets: Array,
    layer_dims: Sequence[int],
    activations: Names,
    learning_rate: float,
    epochs: int,
) -> None:
    """Full-batch gradient descent on the log-loss, in place; no loss is computed on the way."""
    for _ in range(epochs):
        _, gradient = logits_and_gradient(parameters, inputs, targets, layer_dims, activations)
        gradient_descent(parameters, gradient, learning_rate)


def train_minibatches(
    parameters: Array,
    inputs: Array,
    targets: Array,
    layer_dims: Sequence[int],
    activations: Names,
    optimizer: Optimizer,
    moments: Array,
    learning_rates: Sequence[float],
    epochs: int,
    *,
    batch_size: int | None = None,
    order: Array | None = None,
    updates: int = 0,
    seed: int = 0,
    dropout: Sequence[float] = (),
    loss: str = "log_loss",
    loss_parameter: float = 0,
    sample_weight: Array | None = None,
) -> Array:
    """Train ``parameters`` and ``moments`` in place; return each epoch's mean loss, every batch before its update.

    ``learning_rates`` has an entry per update, ``order`` (epochs, n_examples) a row of indices per epoch,
    ``dropout`` an entry per layer, the last unused.  ``updates`` counts those made before.
    """
    n = inputs.shape[1]
    size = n if batch_size is None else batch_size
    weights = example_weights(inputs, sample_weight)
    totals, made = np.zeros(epochs), 0
    for epoch in range(epochs):
        examples = np.arange(n) if order is None else order[epoch]
        for batch in (examples[start : start + size] for start in range(0, n, size)):
            masks = [
                dropout_mask(width, len(batch), p, seed=seed, update=updates + made, layer=layer)
                for layer, (width, p) in enumerate(zip(layer_dims[1:-1], dropout, strict=False))
            ]
            logits, gradient = logits_and_gradient(
                parameters,
                inputs[:, batch],
                targets[:, batch],
                layer_dims,
                activations,
                loss=loss,
                loss_parameter=loss_parameter,
                sample_weight=weights[batch],
                masks=masks,
            )
            totals[epoch] += weighted_losses(logits, targets[:, batch], weights[batch], loss, loss_parameter).sum()
            rate = learning_rates[made]
            optimizer_update(parameters, gradient, moments, optimizer, rate, updates + made, layer_dims)
            made += 1
    return totals / weights.sum(dtype=np.float64)


def predict(
    parameters: Array, inputs: Array, layer_dims: Sequence[int], activations: Names, probabilities: bool
) -> Array:
    """Logits (outputs, n), or the last activation of them."""
    zs, outputs = forward(inputs, *split_parameters(parameters, layer_dims), activations)
    return outputs[-1] if probabilities else zs[-1]
