"""What is measured of every layer, in one pass over the examples."""

import math
from collections.abc import Iterator

import numpy as np

from fastmlp.lab.diagnosis.moments import Moments
from fastmlp.lab.diagnosis.outputs import Outputs
from fastmlp.lab.diagnosis.subject import Subject
from fastmlp.lab.diagnosis.thresholds import threshold

BLOCK = 12 << 20  # bytes of all pre-activations that are kept at a time: from 16 MB on, the system takes them back
FEWEST = 16  # examples of a block
FIELDS = [
    ("layer", np.int64),
    ("units", np.int64),
    ("activation", "U16"),
    ("preactivation_mean", np.float64),
    ("preactivation_variance", np.float64),
    ("activation_mean", np.float64),
    ("activation_variance", np.float64),
    ("correlation", np.float64),
    ("jacobian_norm", np.float64),
    ("chi", np.float64),
    ("gradient_mean", np.float64),
    ("gradient_variance", np.float64),
    ("weight_gradient_norm", np.float64),
    ("update_ratio", np.float64),
    ("dead", np.float64),
    ("saturated", np.float64),
    ("distinct_units", np.int64),
]
KINDS = {"z": "preactivation", "a": "activation", "dz": "gradient"}  # the engine's arrays, and their names in fields


class LayerSums:
    """The sums of one layer over blocks of examples.

    An output layer is judged by its raw outputs.
    """

    def __init__(self, activation: str, arrays: dict[str, np.ndarray], is_output: bool) -> None:
        self.judged = "z" if is_output else "a"
        self.low, self.high = saturation_limits("identity" if is_output else activation)
        self.moments = {kind: Moments(arrays[kind]) for kind in KINDS if kind in arrays}
        self.n_saturated = 0

    def add(self, arrays: dict[str, np.ndarray]) -> None:
        """Take a block."""
        for kind, moments in self.moments.items():
            moments.add(arrays[kind])
        if self.low > -math.inf:
            self.n_saturated += int(np.count_nonzero(arrays["z"] < self.low))
        if self.high < math.inf:
            self.n_saturated += int(np.count_nonzero(arrays["z"] > self.high))

    def write(self, row: np.ndarray) -> None:
        """Write what was measured to a row of the table."""
        for kind, moments in self.moments.items():
            row[f"{KINDS[kind]}_mean"], row[f"{KINDS[kind]}_variance"] = moments.of_layer()
        outputs = self.moments[self.judged]
        row["dead"] = outputs.is_constant.mean()
        row["saturated"] = self.n_saturated / (len(outputs.is_constant) * outputs.n)


def saturation_limits(activation: str) -> tuple[float, float]:
    """Return the pre-activations below and above which an activation is saturated, infinite where it never is.

    A relu with output 0 is not called saturated: half of them should be so.
    """
    slope = threshold("flat_slope")
    if activation in ("tanh", "logistic"):  # slopes 1 - tanh(z)^2, and a quarter of that of z / 2
        limit = math.atanh(math.sqrt(1 - slope)) * (1 if activation == "tanh" else 2)
        return -limit, limit
    return (math.log(slope) if activation in ("elu", "selu") else -math.inf), math.inf


def measure_layers(subject: Subject) -> tuple[np.ndarray, Outputs, np.ndarray | None]:
    """Return the rows of all layers, facts of the outputs and, with targets, the gradient of the mean loss.

    What needs a sample of examples, or an update, is left NaN.
    """
    network, n = subject.network, len(subject.inputs)
    plan, targets = network.plan, None if subject.examples is None else subject.examples.targets
    gradient = None if targets is None else np.zeros_like(network.parameters)
    outputs, layers = Outputs(plan.activations[-1], plan.layer_dims[-1]), list[LayerSums]()
    for start, end, arrays in blocks(subject):
        if not layers:
            named = zip(plan.activations, arrays, strict=True)
            layers = [LayerSums(name, part, part is arrays[-1]) for name, part in named]
        for sums, part in zip(layers, arrays, strict=True):
            sums.add(part)
        outputs.add(arrays[-1]["z"], None if targets is None else targets[:, start:end])
        if gradient is not None:
            _add_gradients(plan.split(gradient), arrays, (end - start) / n)
    rows = np.zeros(len(layers), FIELDS)
    for name, kind in FIELDS:
        if kind is np.float64:
            rows[name] = np.nan
    for i, sums in enumerate(layers):
        sums.write(rows[i])
    rows["layer"], rows["units"] = range(1, len(rows) + 1), plan.layer_dims[1:]
    rows["activation"] = plan.activations
    rows["distinct_units"] = [_n_distinct(w, b) for w, b in zip(network.weights, network.biases, strict=True)]
    if gradient is not None:
        rows["weight_gradient_norm"] = [np.linalg.norm(dw) for dw in plan.split(gradient)[0]]
    return rows, outputs, gradient


def blocks(subject: Subject) -> Iterator[tuple[int, int, list[dict[str, np.ndarray]]]]:
    """Yield the bounds of each block of examples with the engine's arrays of every layer, which last until the next.

    ``dz`` is the derivative of each example's own loss; ``d_weights`` and ``d_bias`` that of the block's mean loss.
    """
    network, n = subject.network, len(subject.inputs)
    plan = network.plan
    at_once = min(n, max(FEWEST, BLOCK // (plan.dtype.itemsize * sum(plan.layer_dims[1:]))))
    engine = network.engine(at_once)
    for start in range(0, n, at_once):
        end = min(n, start + at_once)
        arrays = engine.layers(network.parameters, subject.rows(start, end))
        for part in arrays:
            if "dz" in part:
                part["dz"] *= end - start
        yield start, end, arrays
        arrays.clear()  # so that the next block takes the same memory


def _add_gradients(
    sums: tuple[list[np.ndarray], list[np.ndarray]], arrays: list[dict[str, np.ndarray]], share: float
) -> None:
    """Add the gradients of a block's mean loss, times the share of its examples, to those of all layers."""
    for weights, bias, part in zip(*sums, arrays, strict=True):
        for total, name in ((weights, "d_weights"), (bias, "d_bias")):
            part[name] *= share
            total += part[name]


def _n_distinct(weights: np.ndarray, bias: np.ndarray) -> int:
    """Return how many units differ in their incoming weights or bias."""
    return len({row.tobytes() for row in np.c_[weights, bias] + 0})  # -0.0 becomes 0.0
