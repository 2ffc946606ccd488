"""The study: one network trained from several initializations on the same data."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks, initializers, training
from fastmlp.engine.examples import Examples, dense_inputs_of
from fastmlp.initializers import Initializer
from fastmlp.lab import scores
from fastmlp.lab.measurements import Measurements, measure
from fastmlp.lab.scaling import Standardization
from fastmlp.lab.words import STORIES as WORDS
from fastmlp.network import MLP
from fastmlp.text import percent
from fastmlp.training import History

MOSTLY = 0.5  # least share of units or outputs for which a symptom is reported
LARGE = 10.0  # root mean square of features or targets that may be why a training failed
SMALL = 0.01  # the same, of features that are too small
FAR = 100.0  # first outputs of a regression over its targets (at least 1) that only weights or features explain


@dataclass(frozen=True)
class Run:
    """One training of the study.

    Attributes
    ----------
    initialization : str
    network : MLP
        After training.
    history : History
    seconds : float
        Duration of the training alone.
    train_accuracy, test_accuracy : float or None
        Shares of right labels after training, from 0 to 1; None for a regression.
    start, end : Measurements
        Measurements on the training examples, before and after training.
    diverged : bool
        Whether something in the training was not finite.
    train_r2, test_r2 : float or None
        R^2 after training: 1 less the squared errors over those of the mean; NaN where all targets are the same, None
        for classes.
    feature_scale : float
        The largest root mean square of a feature of the training examples.
    target_scale : float or None
        The root mean square of the targets of a regression; None for classes.
    standardized_start : Measurements or None
        Measurements before training on standardized features, made where the outputs at the start are far off.
    constant_loss : float or None
        The least loss of predictions that are the same for all examples; None for a regression, where R^2 tells.
    """

    initialization: str
    network: MLP
    history: History
    seconds: float
    train_accuracy: float | None
    test_accuracy: float | None
    start: Measurements
    end: Measurements
    diverged: bool
    train_r2: float | None = None
    test_r2: float | None = None
    feature_scale: float = 1.0
    target_scale: float | None = None
    standardized_start: Measurements | None = None
    constant_loss: float | None = None

    @property
    def what_happened(self) -> str:
        """The symptom that the measurements show, with its cause where they show that too, in a few words."""
        if self.start.symmetric and self.end.symmetric and not self._diverged():
            return WORDS["symmetric"]
        far_off = is_far_off(self.start, self.target_scale)
        symptom = self._diverged() or (self._start() if far_off else self._end())
        if symptom is None:
            share = percent(self.end.dead_units)
            return WORDS["learns_with_dead_units"].format(share=share) if self.end.dead_units else WORDS["learns"]
        cause = self._bad_scales(far_off)
        if cause:
            return f"{cause}: {symptom}; try --standardize"
        return symptom if self._diverged() or not far_off else WORDS["too_large"].format(symptom=symptom)

    def _diverged(self) -> str | None:
        if self.diverged:
            return WORDS["not_finite"]
        return WORDS["grew"] if self.history.ended.symptom == "loss grew" else None

    def _start(self) -> str:
        """Outputs that are far off at the start, in words."""
        low, high = self.start.smallest_logit, self.start.largest_logit
        if self.target_scale is not None:
            return f"outputs {low:.4g} to {high:.4g} at the start, targets of size {self.target_scale:.2g}"
        return WORDS["saturated"].format(share=percent(self.start.saturated_outputs), low=low, high=high)

    def _end(self) -> str | None:
        """What is wrong at the end, or None."""
        losses = self.history.losses
        if self.end.dead_units >= MOSTLY:
            return WORDS["dead"].format(share=percent(self.end.dead_units))
        if len(losses) > 1 and losses[-1] >= losses[0]:
            return WORDS["not_fallen"]
        if self.train_r2 is not None and not self.train_r2 > scores.LEAST_GAIN:
            return "does not learn: no better than the mean of the targets"
        if self.constant_loss is not None and len(losses) and scores.is_no_better(losses[-1], self.constant_loss):
            return WORDS["constant"].format(loss=self.constant_loss)
        return None

    def _bad_scales(self, far_off: bool) -> str:
        """Features and targets whose scale explains a failure, or an empty string.

        Outputs that are far off at the start are due to the features if they are not so with standardized ones, and
        otherwise to the weights.
        """
        found = []
        standardized = self.standardized_start
        mended = far_off and standardized is not None and not is_far_off(standardized, self.target_scale)
        by_weights = far_off and not mended and not self._diverged()
        if mended or (self.feature_scale > LARGE and not by_weights):
            found.append(f"features too large (of size {self.feature_scale:.2g})")
        elif 0 < self.feature_scale < SMALL and not far_off:
            found.append(f"features too small (of size {self.feature_scale:.2g})")
        if self.target_scale is not None and self.target_scale > LARGE and not by_weights:
            found.append(f"targets too large (of size {self.target_scale:.2g})")
        return ", ".join(found)


def is_far_off(measured: Measurements, target_scale: float | None) -> bool:
    """Whether most outputs are saturated or, in a regression, some are far beyond the targets."""
    if target_scale is None:
        return measured.saturated_outputs >= MOSTLY
    reach = max(abs(measured.smallest_logit), abs(measured.largest_logit))
    return not reach <= FAR * max(1.0, target_scale)  # NaN is far off


def run_study(
    layer_dims: Sequence[int],
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    loss: str = "log_loss",
    initializations: Sequence[str | Initializer] = ("zeros", "random", "he"),
    seed: int = 3,
    learning_rate: float = 0.01,
    epochs: int = 15000,
    report_every: int = 1000,
    dtype: str = "float64",
) -> list[Run]:
    """Train the same network from several initializations, by full-batch gradient descent.

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs.
    train, test : tuple
        X (n_examples, n_features) and y (n_examples,): labels 0 and 1 or, with another loss, its targets.
    loss : str, default="log_loss"
        Or "multinomial_log_loss" for more than two classes, "squared_error" for a regression.
    initializations : sequence of str or Initializer, default=("zeros", "random", "he")
        Names from :data:`fastmlp.initializers.REGISTRY`, or initializers with other parameters; those that need data
        look at the X of ``train``.
    seed : int, default=3
        Seed of every initialization.
    learning_rate : float, default=0.01
        Over 0.
    epochs : int, default=15000
        Updates of each training.
    report_every : int, default=1000
        Epochs from one recorded loss to the next.
    dtype : {"float64", "float32"}, default="float64"
        Type of all computations.

    Returns
    -------
    list of Run
        In the order of ``initializations``.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range or the arrays do not fit together.

    Examples
    --------
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import run_study
    >>> runs = run_study([2, 10, 5, 1], circles(300, seed=1), circles(100, seed=2))
    >>> [run.test_accuracy for run in runs]
    [0.5, 0.86, 0.96]
    """
    names = checks.items_of("initializations", initializations) if checks.is_sequence(initializations) else []
    if not names:
        raise ValueError(f"initializations must be a list of at least one name, got {checks.shown(initializations)}")
    for part, data in (("train", train), ("test", test)):
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError(f"{part} must be a pair (X, y), got {checks.shown(data)}")
    rules = [initializers.bound_to(name, train[0]) for name in names]
    networks = [MLP(layer_dims, loss=loss, initialization=rule, dtype=dtype, seed=seed) for rule in rules]
    examples, test_examples = (_checked(networks[0], part, *data) for part, data in (("train", train), ("test", test)))
    options = training.TrainingOptions(learning_rate=learning_rate, epochs=epochs, report_every=report_every)
    assert isinstance(examples.inputs, np.ndarray)
    scaling = Standardization.of(examples.inputs)
    constant_loss = None if scores.is_regression(examples.loss) else scores.loss_of_constant(examples)
    return [
        _run(str(name), network, examples, test_examples, options, scaling, constant_loss)
        for name, network in zip(names, networks, strict=True)
    ]


def _run(
    name: str,
    network: MLP,
    examples: Examples,
    test_examples: Examples,
    options: training.TrainingOptions,
    scaling: Standardization,
    constant_loss: float | None,
) -> Run:
    """Train a network from its initialization, and measure it before and after."""
    is_regression = scores.is_regression(network.loss)
    target_scale = Standardization.of(examples.targets.T).scale() if is_regression else None
    start, standardized_start = _starts(network, examples, scaling, target_scale)
    began = time.perf_counter()
    history = training.run(network, examples, options)
    seconds = time.perf_counter() - began
    scored = scores.score(network, examples), scores.score(network, test_examples)
    accuracies, r2 = ((None, None), scored) if is_regression else (scored, (None, None))
    return Run(
        initialization=name,
        network=network,
        history=history,
        seconds=seconds,
        train_accuracy=accuracies[0],
        test_accuracy=accuracies[1],
        start=start,
        end=measure(network, examples.inputs),
        diverged=history.ended.how == "diverged",
        train_r2=r2[0],
        test_r2=r2[1],
        feature_scale=scaling.scale(),
        target_scale=target_scale,
        standardized_start=standardized_start,
        constant_loss=constant_loss,
    )


def _starts(
    network: MLP, examples: Examples, scaling: Standardization, target_scale: float | None
) -> tuple[Measurements, Measurements | None]:
    """Measure the start and, where outputs are far off, the start on standardized features."""
    start = measure(network, examples.inputs)
    if not is_far_off(start, target_scale):
        return start, None
    assert isinstance(examples.inputs, np.ndarray)
    sample = examples.inputs[:: -(-examples.n_examples // scores.ROWS)]
    return start, measure(network, scaling.apply(np.ascontiguousarray(sample)))


def _checked(network: MLP, name: str, X: Any, y: Any) -> Examples:
    """Check X and y as a training would, before any training."""
    try:
        dense_inputs_of(X, network.plan.layer_dims[0], network.plan.dtype)
        return network.examples(X, y)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
