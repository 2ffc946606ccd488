"""What a look into a network costs, over one forward and backward pass of the engine on the same examples."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from measure import OURS, Contender, Options, Times
from report import Result, cell, markdown_table

from fastmlp import MLP
from fastmlp.lab import diagnose

DEPTH, WIDTH, EXAMPLES = 50, 256, 1000
RTOL = {"float64": 1e-9, "float32": 1e-4}
WAYS: dict[str, dict[str, int]] = {
    "with y": {},
    "without y": {},
    "with y and histograms of 40 bins": {"histograms": 40},
}


@dataclass(frozen=True)
class Case:
    """A deep network with its examples."""

    name: str
    model: MLP
    X: np.ndarray
    y: np.ndarray

    def gradient(self) -> Callable[[], np.ndarray]:
        """The pass that the ratios are over: loss and gradient on checked examples."""
        examples = self.model.examples(self.X, self.y)
        gradient, engine = np.empty_like(self.model.parameters), self.model.engine(EXAMPLES)

        def run() -> np.ndarray:
            engine.loss_and_gradient(gradient, self.model.parameters, examples.data)
            return gradient

        return run

    def diagnosis(self, way: str) -> Callable[[], object]:
        y = None if way == "without y" else self.y
        return lambda: diagnose(self.model, self.X, y, **WAYS[way])

    def check(self) -> None:
        """Compare the norms of the gradient by layer, and the raw outputs' moments, with those of the passes alone."""
        rows = diagnose(self.model, self.X, self.y).layers
        norms = [np.linalg.norm(dw) for dw in self.model.plan.split(self.gradient()())[0]]
        outputs = self.model.decision_function(self.X)
        rtol = RTOL[self.model.plan.dtype.name]
        np.testing.assert_allclose(rows["weight_gradient_norm"], norms, rtol=rtol)
        np.testing.assert_allclose(rows["preactivation_mean"][-1], outputs.mean(), rtol=rtol)
        np.testing.assert_allclose(rows["preactivation_variance"][-1], outputs.var(), rtol=rtol)


def cases() -> list[Case]:
    rng = np.random.default_rng(0)
    found = []
    for dtype in ("float64", "float32"):
        model = MLP([WIDTH] * (DEPTH + 1) + [10], loss="multinomial_log_loss", dtype=dtype, seed=0)
        X, y = rng.standard_normal((EXAMPLES, WIDTH)).astype(dtype), rng.integers(0, 10, EXAMPLES)
        found.append(Case(f"{DEPTH} relu layers x {WIDTH}, {EXAMPLES:,} examples, {dtype}", model, X, y))
    return found


def measure(options: Options) -> Result:
    """Time of each way over that of the pass, in interleaved rounds."""
    found = cases()
    for case in found:
        case.check()
    contenders = [Contender(case.name, OURS, case.gradient(), 1) for case in found]
    contenders += [Contender(case.name, way, case.diagnosis(way), 1) for case in found for way in WAYS]
    times = Times(contenders, options.share(4))
    rows = [
        [case.name, f"{times.best(case.name) * 1e3:.3g}", *(cell(times.ratio(case.name, way)) for way in WAYS)]
        for case in found
    ]
    caption = (
        "**Diagnosis**: CPU time of `diagnose` over that of the loss and gradient alone, the median of "
        f"{times.rounds} interleaved rounds. Gradient norms and outputs were compared first."
    )
    return Result(f"{caption}\n\n{markdown_table(['network', 'ms, loss and gradient', *WAYS], rows, n_texts=1)}")
