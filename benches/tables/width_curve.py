"""Loss and gradient of w-w-w networks against NumPy's five matrix products of the same sizes alone."""

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from measure import OURS, Contender, Options, Times, gemm, least_seconds, repeated
from report import Result, cell, markdown_table
from workloads import flops_of

from fastmlp import MLP, _kernels, reference

WIDTHS = (8, 13, 16, 32, 33, 64, 100, 128, 256, 512, 1024, 2048)
BATCHES = (32, 256, 2048)
DTYPES = ("float64", "float32")
PRODUCTS = "products"
MANY_FLOPS, ROUGH_RATE = 1e9, 1e11  # calls that are long enough to time alone, and how long they take about
RUN_SECONDS, WORKLOAD_SECONDS = 2e-3, 0.15  # of one timed run at least, and of a contender's runs about
TOLERANCES = {"float64": 1e-11, "float32": 1e-4}  # norm of the gradient's error, over that of the gradient


@dataclass(frozen=True)
class Square:
    """A network w-w-w, relu and squared error."""

    width: int
    batch: int
    dtype: str

    @property
    def layer_dims(self) -> tuple[int, ...]:
        return (self.width,) * 3

    @property
    def flops(self) -> int:
        """Of the five products of one gradient."""
        return flops_of(self.layer_dims, self.batch)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, MLP]:
        """X (batch, width), Y (width, batch) and the model."""
        rng = np.random.default_rng(self.width)
        X, Y = rng.standard_normal((self.batch, self.width)), rng.standard_normal((self.width, self.batch))
        model = MLP(self.layer_dims, loss="squared_error", dtype=self.dtype, seed=0)
        return X.astype(self.dtype), Y.astype(self.dtype), model


def our_call(square: Square, X: np.ndarray, Y: np.ndarray, model: MLP) -> Callable[[], object]:
    """Loss and gradient by the engine, checked against the reference."""
    activations = ("relu", "identity")
    is_double = square.dtype == "float64"
    engine = _kernels.Engine(is_double, square.layer_dims, activations, square.batch, loss="squared_error")
    data, gradient = _kernels.Data(X, Y), np.empty_like(model.parameters)
    call = functools.partial(engine.loss_and_gradient, gradient, model.parameters, data)
    call()
    _, wanted = reference.logits_and_gradient(
        model.parameters, X.T, Y, square.layer_dims, activations, loss="squared_error"
    )
    error = np.linalg.norm(gradient - wanted) / np.linalg.norm(wanted)
    if not error <= TOLERANCES[square.dtype]:
        raise AssertionError(f"{square}: gradient off by {error:.1e}")
    return call


def products(square: Square, X: np.ndarray, model: MLP) -> Callable[[], object]:
    """The five products of such a gradient, into arrays made once, and nothing else of it."""
    W1, W2 = model.weights
    a1, a2, d1 = (np.empty((square.batch, square.width), square.dtype) for _ in range(3))
    dW2, dW1 = np.empty_like(W2), np.empty_like(W1)

    def call():
        np.matmul(X, W1.T, out=a1)
        np.matmul(a1, W2.T, out=a2)
        np.matmul(a2.T, a1, out=dW2)
        np.matmul(a2, W2, out=d1)
        np.matmul(d1.T, X, out=dW1)

    return call


def measured(square: Square, rounds: int) -> Times:
    """Ours, the products and the limit in one interleaved run."""
    X, Y, model = square.arrays()
    calls = {OURS: our_call(square, X, Y, model), PRODUCTS: products(square, X, model)}
    contenders, longest = [gemm(square.dtype)], RUN_SECONDS
    for name, call in calls.items():
        seconds = square.flops / ROUGH_RATE if square.flops > MANY_FLOPS else least_seconds(call)
        units = max(1, round(RUN_SECONDS / max(seconds, 1e-7)))
        contenders.append(Contender(square, name, repeated(call, units), units))
        longest = max(longest, seconds)
    return Times(contenders, max(3, min(rounds, int(WORKLOAD_SECONDS / longest))))


def table(found: dict[Square, tuple[float, float]], dtype: str) -> str:
    """A row per width: ours and the products as multiples of the limit, for each batch."""
    squares = [square for square in found if square.dtype == dtype]
    batches = sorted({square.batch for square in squares})
    columns = [f"w-w-w, {dtype}", *(f"{who}, batch {b}" for b in batches for who in ("ours", PRODUCTS))]
    rows = []
    for width in sorted({square.width for square in squares}):
        pairs = [found[Square(width, batch, dtype)] for batch in batches]
        rows.append([str(width), *(cell(value) for pair in pairs for value in pair)])
    return markdown_table(columns, rows, n_texts=1)


def curves(found: dict[Square, tuple[float, float]]) -> list[dict]:
    return [{**vars(square), OURS: ours, PRODUCTS: theirs} for square, (ours, theirs) in found.items()]


def measure(options: Options) -> Result:
    """Multiples of the limit over widths, batches and dtypes."""
    found, rates = {}, {dtype: [] for dtype in DTYPES}
    widths, batches = options.widths or WIDTHS, options.batches or BATCHES
    for square in itertools.starmap(Square, itertools.product(widths, batches, DTYPES)):
        times = measured(square, options.share(2))
        found[square] = times.times_limit(square), times.times_limit(square, PRODUCTS)
        rates[square.dtype].append(times.gemm_rate(square.dtype))
    shown = ", ".join(f"{np.median(rates[dtype]):.0f} GFLOP/s in {dtype}" for dtype in DTYPES)
    caption = (
        "Loss and gradient of w-w-w networks, and NumPy's five matrix products of the same sizes alone (no bias, no "
        f"activation, no loss), as multiples of the limit: {shown}. Each cell is the median of 3 to {options.share(2)} "
        "interleaved rounds on one thread, after the gradient was found equal to the reference's."
    )
    return Result("\n\n".join([caption, *(table(found, dtype) for dtype in DTYPES)]), curves={"widths": curves(found)})
