"""A network as an ONNX model: a Gemm for each layer and the operators of its activation.

onnxruntime has LeakyRelu, Elu, Selu, Softplus and Erf in float32 only, so the activations consist of operators that it
has in float64 too.
"""

import re
from typing import Any

import numpy as np

import fastmlp
from fastmlp import checks
from fastmlp.export import c_source
from fastmlp.reference.activation import GELU_CUBIC, GELU_SLOPE, LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE

OPSET, IR_VERSION = 13, 8  # what any runtime since 2021 reads
NORMAL_CENTER = 5.3  # as in templates/functions.c


def serialized(network: Any, classes: np.ndarray | None = None) -> bytes:
    """Return the bytes of the model.

    Parameters
    ----------
    network : MLP
    classes : ndarray, default=None
        Of a classifier: the outputs are then ``label`` and ``probabilities``, otherwise ``outputs`` alone.
    """
    try:
        from onnx import helper
    except ImportError as error:
        raise ImportError("to_onnx needs the package onnx: pip install onnx") from error
    checks.check_finite("parameters", network.parameters)
    dtype, n_outputs = network.plan.dtype, network.plan.layer_dims[-1]
    graph = _Graph(helper, dtype)
    a = "inputs"
    for W, b, activation in zip(network.weights, network.biases, network.plan.activations, strict=True):
        a = graph.activated(activation, graph.add("Gemm", a, graph.constant(W), graph.constant(b), transB=1))
    outputs = [graph.named("outputs", a, dtype, n_outputs)] if classes is None else graph.labelled(a, classes, network)
    inputs = [helper.make_tensor_value_info("inputs", graph.type_of(dtype), ["n", network.plan.layer_dims[0]])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "fastmlp", inputs, outputs, graph.constants),
        producer_name="fastmlp",
        producer_version=fastmlp.__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    return model.SerializeToString()


class _Graph:
    """Nodes and constants under construction; values have numbers as names."""

    def __init__(self, helper: Any, dtype: np.dtype) -> None:
        self.helper, self.dtype = helper, dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def type_of(self, dtype: np.dtype) -> int:
        return self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def constant(self, value: Any, dtype: Any = None) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants) + 1}"
        self.constants.append(numpy_helper.from_array(np.array(value, dtype or self.dtype), name))
        return name

    def add(self, operator: str, *inputs: str | float, output: str | None = None, **attributes: Any) -> str:
        """Add a node and return the name of its output; numbers become constants."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        name = output or f"value_{len(self.nodes) + 1}"
        self.nodes.append(self.helper.make_node(operator, names, [name], **attributes))
        return name

    def named(self, name: str, value: str, dtype: Any, width: int | None) -> Any:
        """Make an output of the model: a matrix of so many columns, or None for a vector."""
        self.add("Identity", value, output=name)
        return self.helper.make_tensor_value_info(name, self.type_of(dtype), ["n"] if width is None else ["n", width])

    def labelled(self, outputs: str, classes: np.ndarray, network: Any) -> list[Any]:
        """Make the outputs of a classifier: the label of each row, and the probabilities of the classes."""
        width = network.plan.layer_dims[-1]
        if network.loss.targets == "labels" and width > 1:  # several labels at once: a row of 0 and 1
            label = self.add("Cast", self.add("Greater", outputs, 0.5), to=self.type_of(np.dtype(np.int64)))
            return [
                self.named("label", label, np.int64, width),
                self.named("probabilities", outputs, self.dtype, width),
            ]
        if width == 1:
            outputs = self.add("Concat", self.add("Sub", 1.0, outputs), outputs, axis=1)
        texts = classes.dtype.kind not in "biuf"
        kept = classes.astype(str).astype(object) if texts else classes
        at = self.add("ArgMax", outputs, axis=1, keepdims=0)
        label = self.add("Gather", self.constant(kept, kept.dtype), at)
        probabilities = self.named("probabilities", outputs, self.dtype, max(2, len(classes)))
        return [self.named("label", label, kept.dtype, None), probabilities]

    # ---- activations

    def activated(self, activation: str, z: str) -> str:
        """Add the operators of an activation."""
        own = {
            "relu": "Relu",
            "tanh": "Tanh",
            "logistic": "Sigmoid",
            "exponential": "Exp",
            "identity": "Identity",
        }
        if activation in own:
            return self.add(own[activation], z)
        return {
            "softmax": lambda: self.add("Softmax", z, axis=1),
            "leaky_relu": lambda: self.add("Max", z, self.add("Mul", z, LEAKY_SLOPE)),
            "elu": lambda: self.elu(z, 1.0),
            "selu": lambda: self.add("Mul", self.elu(z, SELU_ALPHA), SELU_SCALE),
            "softplus": lambda: self.softplus(z),
            "silu": lambda: self.add("Mul", z, self.add("Sigmoid", z)),
            "gelu": lambda: self.gelu(z),
            "gelu_tanh": lambda: self.gelu_tanh(z),
        }[activation]()

    def elu(self, z: str, alpha: float) -> str:
        below = self.add("Sub", self.add("Exp", self.add("Min", z, 0.0)), 1.0)
        return self.add("Add", self.add("Relu", z), self.add("Mul", below, alpha))

    def softplus(self, z: str) -> str:
        e = self.add("Exp", self.add("Neg", self.add("Abs", z)))
        return self.add("Add", self.add("Relu", z), self.add("Log", self.add("Add", e, 1.0)))

    def gelu_tanh(self, z: str) -> str:
        slope = self.add("Add", self.add("Mul", self.add("Mul", z, z), GELU_SLOPE * GELU_CUBIC), GELU_SLOPE)
        return self.add("Mul", z, self.add("Sigmoid", self.add("Mul", z, slope)))

    def gelu(self, z: str) -> str:
        """Relu(z) - |z| Phi(-|z|), with the normal distribution function of templates/functions.c."""
        t = self.add("Abs", z)
        at = self.add("Div", self.add("Sub", t, NORMAL_CENTER), self.add("Add", t, NORMAL_CENTER))
        _, text = c_source.sections()["normal_coefficients", "float64"]
        *rest, last = (float(number) for number in re.findall(r"-?\d\.\d+(?:e-\d+)?", text.split("[]")[1]))
        p: str | float = last
        for coefficient in reversed(rest):
            p = self.add("Add", self.add("Mul", p, at), coefficient)
        bell = self.add("Exp", self.add("Mul", self.add("Mul", t, t), -0.5))
        tail = self.add("Div", self.add("Mul", bell, p), self.add("Add", self.add("Mul", t, 2**0.5), 1.0))
        return self.add("Sub", self.add("Relu", z), self.add("Mul", t, tail))
