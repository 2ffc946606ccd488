"""A few inputs of a network with the outputs it gives, by which another program or version shows that it agrees."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import _kernels, reference
from fastmlp.engine.plan import Plan

MOST_SAMPLES = 3
SAFETY = 16  # over the estimate; in 6,000 random networks the largest difference was 0.8 times the estimate


@dataclass(frozen=True)
class Samples:
    """Inputs (n, n_features) and outputs (n, n_outputs), probabilities or values, of the dtype of a network."""

    inputs: np.ndarray
    outputs: np.ndarray

    @classmethod
    def of(cls, network: Any) -> "Samples":
        """Draw inputs, always the same, in no more numbers than the network has parameters."""
        plan = network.plan
        n = min(MOST_SAMPLES, plan.n_parameters // plan.layer_dims[0])
        inputs = np.random.default_rng(0).standard_normal((n, plan.layer_dims[0])).astype(plan.dtype)
        return cls(inputs, outputs_of(network, inputs))

    def check(self, network: Any, name: str) -> None:
        """Raise ValueError that calls a file ``name`` if the network no longer gives the outputs stored there."""
        difference = self.difference(network)
        if difference > 1:
            raise ValueError(
                f"{name} is not a model saved by fastmlp: its outputs for the inputs in the file differ from those in "
                f"the file by {difference:.3g} times what rounding explains"
            )

    def difference(self, network: Any) -> float:
        """Return the largest difference of the outputs that the network gives now, in units of what rounding explains.

        Outputs whose rounding errors cannot be estimated, since sums overflow, do not count.
        """
        allowed = rounding_errors(network.plan, network.weights, network.biases, self.inputs)
        now = outputs_of(network, self.inputs)
        with np.errstate(all="ignore"):
            difference = np.abs(now.astype(np.float64) - self.outputs) / allowed
        difference[np.isnan(difference)] = np.inf  # one of them is NaN, or both are infinite
        differs = np.isfinite(allowed) & (now != self.outputs) & ~(np.isnan(now) & np.isnan(self.outputs))
        return float(np.max(difference, where=differs, initial=0.0))


def outputs_of(network: Any, inputs: np.ndarray) -> np.ndarray:
    """Return what the kernels compute, whether it is finite or not."""
    data = _kernels.Data(inputs)
    outputs = np.empty((network.plan.layer_dims[-1], len(inputs)), inputs.dtype)
    network.engine(len(inputs), data).predict(outputs, network.parameters, data, True)
    return np.ascontiguousarray(outputs.T)


def rounding_errors(plan: Plan, weights: list[np.ndarray], biases: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Estimate how far outputs may be apart if sums, exp and tanh are rounded in different ways.

    Rounding errors of one sign or the other grow with the root of their number; the norm of a row of W bounds what it
    makes of those of its inputs.

    References
    ----------
    Higham & Mary 2019, A new approach to probabilistic rounding error analysis.
    """
    unit = float(np.finfo(plan.dtype).eps)
    a, error = inputs, np.zeros(len(inputs))  # the error of the largest entry of a
    with np.errstate(all="ignore"):
        for W, b, activation in zip(weights, biases, plan.activations, strict=True):
            norms = np.sqrt(np.einsum("oi,oi->o", W, W)).astype(np.float64)
            sizes = np.linalg.norm(a, axis=1)[:, np.newaxis].astype(np.float64) * norms + np.abs(b)
            z = (a @ W.T + b).astype(np.float64)
            errors = unit * np.sqrt(W.shape[1] + 1) * sizes + error[:, np.newaxis] * norms
            outputs, errors = _through(activation, z, errors)
            errors += 4 * unit * np.abs(outputs)
            a, error = outputs.astype(plan.dtype), errors.max(axis=1)
        return SAFETY * errors + np.finfo(plan.dtype).tiny


def _through(activation: str, z: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The activation of z, and what it makes of the errors of z."""
    function = reference.ACTIVATIONS[activation]
    if activation == "softmax":  # of columns
        outputs = function(z.T).T
        return outputs, outputs * (errors + errors.max(axis=1, keepdims=True))
    outputs = function(z)
    return outputs, np.maximum(np.abs(function(z + errors) - outputs), np.abs(function(z - errors) - outputs))
