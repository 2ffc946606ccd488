"""One look into a network, or several in the course of a training."""

import copy
import dataclasses
import itertools
from typing import Any

import numpy as np

from fastmlp import checks, training
from fastmlp.lab.diagnosis.histograms import histograms_of
from fastmlp.lab.diagnosis.layers import KINDS, measure_layers
from fastmlp.lab.diagnosis.result import Diagnosis
from fastmlp.lab.diagnosis.sample import measure_sample
from fastmlp.lab.diagnosis.subject import Subject, subject_of
from fastmlp.lab.diagnosis.thresholds import threshold
from fastmlp.lab.diagnosis.updates import update_ratios
from fastmlp.lab.diagnosis.verdict import Finding, judge
from fastmlp.lab.scaling import Standardization
from fastmlp.optimizers import SGD
from fastmlp.text import listed

ROWS = 1000  # of standardized features


@dataclasses.dataclass(frozen=True)
class Look:
    """What the caller of :func:`diagnose` chooses."""

    n_jacobians: int | None
    histograms: int
    options: training.TrainingOptions

    def at(self, subject: Subject) -> Diagnosis:
        """Diagnose a network as it is."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            rows, outputs, gradient = measure_layers(subject)
            jacobians = measure_sample(subject, rows, self.n_jacobians)
            if gradient is not None:
                rows["update_ratio"] = update_ratios(subject, gradient, self.options)
            histograms = histograms_of(subject, rows, self.histograms) if self.histograms else {}
            finding = judge(subject.network, rows, outputs)
            finding, cause = _with_cause(subject, finding)
        return Diagnosis(rows, finding.verdict, finding.layer, finding.text, cause, jacobians, histograms)

    def along(self, subject: Subject, epochs: list[int]) -> Diagnosis:
        """Diagnose a network as it is, and a copy of it at the given epochs of a training."""
        start = self.at(subject)
        trace = [start] if epochs[0] == 0 else []
        pupil = dataclasses.replace(subject, network=copy.deepcopy(subject.network))

        def after_epoch(epoch: int, loss: float) -> None:
            if epoch in epochs:
                trace.append(dataclasses.replace(self.at(pupil), epoch=epoch))

        assert subject.examples is not None
        history = training.run(pupil.network, subject.examples, self.options, after_epoch=after_epoch)
        return dataclasses.replace(start, trace=trace, history=history)


def diagnose(
    network: Any,
    X: Any,
    y: Any = None,
    *,
    n_jacobians: int | None = None,
    histograms: int = 0,
    trace: Any = None,
    **options: Any,
) -> Diagnosis:
    """Look into a network: what its layers do with the examples, and what is wrong with them.

    The network is not changed.

    Parameters
    ----------
    network : MLP, MLPClassifier or MLPRegressor
        Estimators must be fitted.
    X : array-like of shape (n_examples, n_features)
        At least 2 examples that differ.
    y : array-like of shape (n_examples,) or (n_examples, n_outputs), default=None
        Targets as for training; without them nothing backward is measured but Jacobians.
    n_jacobians : int, default=None
        Examples, spread evenly over X, whose Jacobians are computed; None takes 64 / n_outputs of them, at least 1.
    histograms : int, default=0
        Number of bins of the histograms; 0 makes none.
    trace : sequence of int, default=None
        Numbers of epochs, ascending, after which a copy of the network that is trained on X and y is diagnosed too; 0
        stands for the start.
    **options
        Arguments of :meth:`fastmlp.MLP.train` but ``epochs``, such as ``learning_rate`` and ``optimizer``, for
        ``update_ratio`` and for the training of the trace.  Their defaults are those of a training.

    Returns
    -------
    Diagnosis

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; the error names it, before any work.
    RuntimeError
        If the network is in training.  Its own callback may diagnose it.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import diagnose
    >>> found = diagnose(MLP([2, 10, 5, 1], initialization="zeros"), *circles(100, seed=1))
    >>> found.verdict, found.layer
    ('symmetric', 1)
    >>> found.layers["distinct_units"]
    array([1, 1, 1])
    """
    if n_jacobians is not None:
        n_jacobians = checks.integer("n_jacobians", n_jacobians, minimum=1)
    bins = checks.integer("histograms", histograms, minimum=0)
    epochs = _epochs_of(trace, y)
    look = Look(n_jacobians, bins, _options_of(options, epochs[-1] if epochs else 0))
    subject = subject_of(network, X, y)
    mlp, n = subject.network, len(subject.inputs)
    checks.check_memory("histograms", 16 * bins * len(KINDS) * (len(mlp.plan.layer_dims) - 1))  # counts and edges
    if n_jacobians is not None and n_jacobians > n:
        raise ValueError(f"n_jacobians must be at most the number of examples, {n}; got {n_jacobians}")
    look.options.settled(mlp.plan, n, mlp.training_state.optimizer or SGD())  # refuses what does not fit
    return look.along(subject, epochs) if epochs else look.at(subject)


def _epochs_of(trace: Any, y: Any) -> list[int]:
    """Return the epochs of a trace, an empty list without one."""
    if trace is None:
        return []
    if not checks.is_sequence(trace):
        raise TypeError(f"trace must be a sequence of numbers of epochs, got {checks.shown(trace)}")
    items = checks.items_of("trace", trace)
    epochs = [checks.integer(f"trace[{i}]", epoch, minimum=0) for i, epoch in enumerate(items)]
    if not epochs or any(second <= first for first, second in itertools.pairwise(epochs)):
        raise ValueError(f"trace must hold ascending numbers of epochs, at least one; got {checks.shown(items)}")
    if y is None:
        raise ValueError("trace needs y: the network is trained on X and y")
    return epochs


def _options_of(options: dict[str, Any], epochs: int) -> training.TrainingOptions:
    """Return the arguments of a training of so many epochs."""
    known = {field.name for field in dataclasses.fields(training.TrainingOptions)} - {"epochs"}
    for name in options:
        if name not in known:
            taken = ", ".join(sorted(known))
            raise TypeError(f"diagnose takes the arguments of MLP.train but epochs, which are {taken}; got {name!r}")
    return training.TrainingOptions(epochs=epochs, **options)


def _with_cause(subject: Subject, finding: Finding) -> tuple[Finding, str | None]:
    """Return the finding with its cause: the features, if the fault is gone with standardized ones."""
    if finding.verdict == "healthy":
        return finding, None
    scaling = Standardization.of(subject.inputs)
    sizes = scaling.scales()
    if not sizes.max() > threshold("large_features"):
        return finding, "weights"
    standardized = subject.some(-(-len(subject.inputs) // ROWS), scaling)
    rows, outputs, _ = measure_layers(standardized)
    measure_sample(standardized, rows, None)
    if judge(subject.network, rows, outputs).verdict == finding.verdict:
        return finding, "weights"
    columns = [str(column) for column in np.flatnonzero(sizes > threshold("large_features"))]
    are = "column" + (" {} of X has" if len(columns) == 1 else "s {} of X have")
    seen = finding.text.partition(": the weights")[0].partition(". ")[0]
    text = (
        f"features too large: {are.format(listed(columns, 5))} a root mean square of up to {sizes.max():.3g}, and the "
        f"weights are made for about 1; so {seen}. Standardize the features (mean 0, standard deviation 1): the same "
        "weights then show no such fault"
    )
    return dataclasses.replace(finding, text=text), "features"
