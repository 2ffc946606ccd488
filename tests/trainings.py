"""Optimizers by name, and trainings with the kernels beside the reference's."""

import numpy as np
from networks import OPTIMIZER, kernel_train_minibatches, random_network, widened
from tolerances import relative_error, tolerance

from fastmlp import reference

SGD = {"method": "sgd"}
ADAM = {"method": "adam", "epsilon": 1e-6}
RMSPROP = {"method": "rmsprop", "beta_2": 0.9, "epsilon": 1e-6}
SETTINGS = {
    "sgd": SGD,
    "momentum": {"method": "momentum", "momentum": 0.9},
    "nesterov": {"method": "nesterov", "momentum": 0.9},
    "adam": ADAM,
    "adam, other betas": ADAM | {"beta_1": 0.5, "beta_2": 0.99},
    "adam, epsilon_hat": ADAM | {"epsilon": 1e-3, "epsilon_hat": True},
    "rmsprop": RMSPROP,
    "l1": SGD | {"l1": 0.01},
    "l2": SGD | {"l2": 0.05},
    "clip_value": SGD | {"clip_value": 0.01},
    "clip_norm": SGD | {"clip_norm": 0.05},
    "weight_decay": SGD | {"weight_decay": 0.1},
    "momentum, l2": {"method": "momentum", "momentum": 0.8, "l2": 0.05},
    "nesterov, l1, clip_value": {"method": "nesterov", "momentum": 0.8, "l1": 0.01, "clip_value": 0.02},
    "adam, l1, l2": ADAM | {"l1": 0.003, "l2": 0.02},
    "adam, clip_norm": ADAM | {"clip_norm": 0.1},
    "adam, weight_decay": ADAM | {"weight_decay": 0.1},
    "rmsprop, everything": RMSPROP
    | {"l1": 0.003, "l2": 0.02, "clip_value": 0.05, "clip_norm": 0.1, "weight_decay": 0.1},
}
NAMES = tuple(SETTINGS)


def optimizer_of(name):
    return OPTIMIZER | SETTINGS[name]


def rate_of(name):
    return 0.01 if SETTINGS[name]["method"] in ("adam", "rmsprop") else 0.1


def both_train(network, layer_dims, activations, optimizer, rates, epochs, dtype, **options):
    """(parameters, moments, losses) of the kernels in ``dtype`` and of the reference in float64."""
    answers = []
    threads = options.pop("n_threads", 1)
    for train, arrays, own in (
        (kernel_train_minibatches, network, {"n_threads": threads}),
        (reference.train_minibatches, widened(*network), {}),
    ):
        parameters, inputs, targets, weight = (*arrays, None)[:4]
        parameters = parameters.copy()
        moments = reference.new_moments(optimizer, len(parameters), parameters.dtype)
        losses = train(
            parameters,
            inputs,
            targets,
            layer_dims,
            activations,
            optimizer,
            moments,
            rates,
            epochs,
            sample_weight=weight,
            **options,
            **own,
        )
        answers.append((parameters, moments, losses))
    return answers


def assert_same(got, expected, dtype):
    for ours, theirs in zip(got, expected, strict=True):
        if theirs.size:
            assert relative_error(ours, theirs) <= tolerance("training", dtype)


def one_update(optimizer, dtype, rate=0.5, weights=None, updates=0):
    """(before, after, moments) of one update from a network and its gradient."""
    layer_dims, n = (3, 7, 2), 40
    parameters, inputs, targets = random_network(layer_dims, n, dtype)
    before = parameters.copy()
    moments = reference.new_moments(optimizer, len(parameters), dtype)
    kernel_train_minibatches(
        parameters,
        inputs,
        targets,
        layer_dims,
        ("tanh", "logistic"),
        optimizer,
        moments,
        np.array([rate]),
        1,
        sample_weight=weights,
        updates=updates,
        report=0,
    )
    return before, parameters, moments
