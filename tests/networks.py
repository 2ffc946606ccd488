"""Random networks and data for the kernel tests, and the engine's calls with the reference's arguments."""

import itertools

import numpy as np

from fastmlp import _kernels, reference

HIDDEN = tuple(reference.DERIVATIVES)
OUTPUT_OF = dict.fromkeys(_kernels.LOSSES, "identity") | {
    "log_loss": "logistic",
    "multilabel_log_loss": "logistic",
    "multinomial_log_loss": "softmax",
    "poisson": "exponential",
}
LOSS_PARAMETERS = {"huber": 0.7, "quantile": 0.3, "multinomial_log_loss": 0.1}
OPTIMIZER = {
    "method": "sgd",
    "epsilon_hat": False,
    "momentum": 0.0,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "weight_decay": 0.0,
    "l1": 0.0,
    "l2": 0.0,
    "clip_value": np.inf,
    "clip_norm": np.inf,
}


def random_network(layer_dims, n_examples, dtype, seed=0, loss="log_loss"):
    """Parameters, inputs and targets for these widths; feature-major, as the reference takes them."""
    rng = np.random.default_rng(seed)
    pieces = []
    for fan_in, fan_out in itertools.pairwise(layer_dims):
        pieces += [rng.normal(0, fan_in**-0.5, fan_in * fan_out), rng.normal(0, 0.3, fan_out)]
    inputs = rng.normal(0, 1, (layer_dims[0], n_examples))
    targets = random_targets(loss, layer_dims[-1], n_examples, rng)
    return np.concatenate(pieces).astype(dtype), inputs.astype(dtype), targets.astype(dtype)


def random_targets(loss, n_outputs, n_examples, rng):
    if loss == "multinomial_log_loss":
        return rng.integers(0, n_outputs, (1, n_examples))
    if loss == "poisson":
        return rng.poisson(1.5, (n_outputs, n_examples))
    if loss in ("log_loss", "multilabel_log_loss"):
        return rng.integers(0, 2, (n_outputs, n_examples))
    return rng.normal(0, 1, (n_outputs, n_examples))


def activations_of(layer_dims, hidden="relu", loss="log_loss"):
    return (hidden,) * (len(layer_dims) - 2) + (OUTPUT_OF[loss],)


def loss_options(loss):
    """The keyword arguments of a loss, as the reference and the calls below take them."""
    return {"loss": loss, "loss_parameter": LOSS_PARAMETERS.get(loss, 0.0)}


def widened(*arrays):
    """The same values in float64, for an oracle wider than float32 kernels."""
    return [None if array is None else array.astype("float64") for array in arrays]


# ---- the engine, called as the reference is: feature-major inputs, one loss_parameter


def engine_of(
    dtype,
    layer_dims,
    activations,
    batch,
    *,
    loss="log_loss",
    loss_parameter=0.0,
    dropout=(),
    n_threads=1,
    sparse=False,
):
    smoothing = loss_parameter if loss.endswith("log_loss") else 0.0
    is_double = np.dtype(dtype) == np.float64
    return _kernels.Engine(
        is_double, layer_dims, activations, batch, loss, loss_parameter, smoothing, tuple(dropout), n_threads, sparse
    )


def kernel_loss_and_gradient(parameters, inputs, targets, layer_dims, activations, *, sample_weight=None, **options):
    gradient = np.full_like(parameters, np.nan)
    engine = engine_of(parameters.dtype, layer_dims, activations, inputs.shape[1], **options)
    loss = engine.loss_and_gradient(gradient, parameters, _kernels.Data(inputs.T, targets, sample_weight))
    return loss, gradient


def kernel_train(parameters, inputs, targets, layer_dims, activations, learning_rate, epochs):
    """Full-batch gradient descent."""
    kernel_train_minibatches(
        parameters,
        inputs,
        targets,
        layer_dims,
        activations,
        OPTIMIZER,
        np.empty((0, len(parameters)), parameters.dtype),
        np.full(epochs, learning_rate),
        epochs,
        report=0,
    )


def kernel_train_minibatches(
    parameters,
    inputs,
    targets,
    layer_dims,
    activations,
    optimizer,
    moments,
    learning_rates,
    epochs,
    *,
    batch_size=None,
    order=None,
    updates=0,
    seed=0,
    sample_weight=None,
    report=None,
    **options,
):
    """The losses of the first ``report`` epochs, by default of all."""
    engine = engine_of(parameters.dtype, layer_dims, activations, batch_size or inputs.shape[1], **options)
    data = _kernels.Data(inputs.T, targets, sample_weight)
    losses = np.full(epochs if report is None else report, np.nan)
    counts = {"updates": updates}
    status = engine.train(
        parameters, data, optimizer, moments, learning_rates, order, losses, epochs, counts, seed=seed
    )
    assert status == "done"
    assert counts == {"updates": updates + len(learning_rates)}
    return losses


def kernel_predict(parameters, inputs, layer_dims, activations, probabilities):
    engine = engine_of(parameters.dtype, layer_dims, activations, inputs.shape[1])
    outputs = np.full((layer_dims[-1], inputs.shape[1]), np.nan, parameters.dtype)
    engine.predict(outputs, parameters, _kernels.Data(inputs.T), probabilities)
    return outputs


def values_and_derivatives(activation, z):
    """The kernel's hidden outputs and derivatives at ``z`` (n,): n units of weight z see one input of 1.

    The output's dz is 1, whatever the outputs, so the gradient of its weights is a, that of the hidden bias da/dz.
    """
    n, dtype = len(z), z.dtype
    parameters = np.concatenate([z, np.zeros(n, dtype), np.ones(n, dtype), np.zeros(1, dtype)])
    far_below = np.full((1, 1), -1e30, dtype)
    one, activations = np.ones((1, 1), dtype), (activation, "identity")
    _, gradient = kernel_loss_and_gradient(parameters, one, far_below, (1, n, 1), activations, loss="absolute_error")
    return gradient[2 * n : 3 * n], gradient[n : 2 * n]


class OneExample:
    """Losses and derivatives at given logits, which are the biases of a layer that sees a 0."""

    def __init__(self, loss, dtype, n_logits=1, loss_parameter=None):
        self.dtype, parameter = np.dtype(dtype), LOSS_PARAMETERS.get(loss, 0.0)
        if loss_parameter is not None:
            parameter = loss_parameter
        self.engine = engine_of(dtype, (1, n_logits), (OUTPUT_OF[loss],), 1, loss=loss, loss_parameter=float(parameter))

    def __call__(self, logits, targets):
        logits = np.atleast_1d(np.array(logits, self.dtype))
        parameters = np.concatenate([np.zeros_like(logits), logits])
        data = _kernels.Data(np.zeros((1, 1), self.dtype), np.array(targets, self.dtype).reshape(-1, 1))
        gradient = np.empty_like(parameters)
        loss = self.engine.loss_and_gradient(gradient, parameters, data)
        return loss, gradient[len(logits) :]
