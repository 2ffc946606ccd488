"""What is measured on a sample of the examples: Jacobians, and the correlation of two examples through depth."""

import numpy as np

from fastmlp import _kernels, reference
from fastmlp.lab.diagnosis.subject import Subject
from fastmlp.network import MLP

SAMPLE = 64  # examples whose correlations are measured, and rows of all Jacobians together


def measure_sample(subject: Subject, rows: np.ndarray, n_jacobians: int | None) -> np.ndarray:
    """Write correlations and Jacobian norms to the rows of the table; return the input-output Jacobians."""
    network, n = subject.network, len(subject.inputs)
    most = min(n, max(SAMPLE, n_jacobians or 0))
    inputs = np.ascontiguousarray(subject.inputs[np.linspace(0, n - 1, most).astype(np.intp)])
    layers = network.engine(most).layers(network.parameters, _kernels.Data(inputs))
    zs = [layer["z"] for layer in layers]
    rows["correlation"] = [mean_correlation(z) for z in zs]
    if n_jacobians is None:
        n_jacobians = min(most, max(1, SAMPLE // network.plan.layer_dims[-1]))
    chosen = np.linspace(0, most - 1, n_jacobians).astype(np.intp)
    norms, found = jacobians(network, [z[:, chosen] for z in zs])
    rows["jacobian_norm"] = norms
    rows["chi"][:-1] = np.square(norms[:-1] / norms[1:])
    return found


def mean_correlation(z: np.ndarray) -> float:
    """Return the mean cosine of the angle between two examples (columns), of all pairs; NaN without a pair.

    Examples whose pre-activations are all 0 have no angle.
    """
    z = z.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->j", z, z))
    used = lengths > 0
    n = int(used.sum())
    if n < 2:
        return np.nan
    total = (z[:, used] / lengths[used]).sum(axis=1)
    return float((total @ total - n) / (n * (n - 1)))


def jacobians(network: MLP, zs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the Jacobian norm of each layer and the Jacobians (n, n_outputs, n_features) of the raw outputs.

    ``zs`` are pre-activations (units, n) of every layer.  The Jacobian norm of layer l is the root mean square over
    examples of the Frobenius norm of dz_L / dz_l over that of the identity, the square root of the averaged partial
    Jacobian norm of Doshi, He & Gromov 2023.  The square of the ratio of two consecutive ones is chi_1.
    """
    n_outputs, n = zs[-1].shape
    partial = np.broadcast_to(np.eye(n_outputs, dtype=zs[-1].dtype), (n, n_outputs, n_outputs))
    norms = [1.0]
    hidden = zip(zs[-2::-1], network.weights[:0:-1], network.plan.activations[-2::-1], strict=True)
    for z, weights, activation in hidden:
        partial = (partial @ weights) * reference.DERIVATIVES[activation](z).T[:, np.newaxis, :]
        norms.append(float(np.sqrt(np.square(partial, dtype=np.float64).sum() / (n * n_outputs))))
    return np.array(norms[::-1]), partial @ network.weights[0]
