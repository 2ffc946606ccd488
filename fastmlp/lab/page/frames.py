"""What networks predict in the plane of two features while they train, as frames of bytes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp import initializers as initializers_of
from fastmlp.lab.pictures.snapshots import take_snapshots
from fastmlp.lab.sweep.case import Problem
from fastmlp.lab.sweep.compare import check_all, problem_of
from fastmlp.lab.sweep.configuration import Configuration, all_layer_dims, configurations_of, seeds_of
from fastmlp.losses import Loss
from fastmlp.text import reason_of

FRAMES = 60  # of a run that makes all epochs, or one more than these if they are fewer
SIDE = 60  # points along each axis of a frame
MARGIN = 0.1  # share of the examples' range by which a frame extends beyond them
LEVELS = 254  # the byte of the largest prediction, or of the last class
NO_PREDICTION = 255  # the byte where a sum overflows
MOST_REASON = 200  # characters


@dataclass(frozen=True, eq=False)
class RunFrames:
    """The frames of one run.

    Attributes
    ----------
    initializer : str
        The label of the comparison.
    epochs : ndarray of int of shape (n_frames,)
        Epochs made before each frame; the first is 0, the start.
    losses : ndarray of shape (n_frames,)
        The training loss of the parameters that each frame shows.
    frames : ndarray of uint8 of shape (n_frames, 60, 60)
        Rows from the largest second feature to the smallest, columns from the smallest first feature to the largest.
    reported : ndarray of shape (n_reports,)
        The losses that the run recorded, as in ``Comparison.losses``.
    reason : str
        The exception that ended the run, or an empty text.
    """

    initializer: str
    epochs: np.ndarray
    losses: np.ndarray
    frames: np.ndarray
    reported: np.ndarray
    reason: str


@dataclass(frozen=True, eq=False)
class BoundaryFrames:
    """Frames of one run of each initializer, see :func:`boundary_frames`.

    Attributes
    ----------
    seed : int
    kind : {"label", "class", "value"}
        What the bytes are: the probability of label 1, from 0 to 254; a class; or a value from ``low``, byte 0, to
        ``high``, byte 254.  255 marks points without a prediction.
    low, high : float
        The smallest and the largest target.
    extent : tuple of float
        Left, right, bottom and top of a frame.
    points : ndarray of shape (n_examples, 2)
    targets : ndarray of uint8 of shape (n_examples,)
        The targets, as bytes of the same kind.
    runs : list of RunFrames
    """

    seed: int
    kind: str
    low: float
    high: float
    extent: tuple[float, float, float, float]
    points: np.ndarray
    targets: np.ndarray
    runs: list[RunFrames]


def boundary_frames(
    X: Any,
    y: Any,
    layer_dims: Sequence[Any],
    *,
    seed: int = 0,
    initializers: Sequence[Any] = ("zeros", "random", "he"),
    activation: Any = "relu",
    loss: str | Loss = "log_loss",
    optimizer: Any = "sgd",
    learning_rate: Any = 0.01,
    epochs: int = 15000,
    batch_size: Any = None,
    dtype: Any = "float64",
    report_every: int | None = None,
) -> BoundaryFrames:
    """Train once more from one seed of each initializer, and record what the network predicts in the plane.

    The arguments are those of :func:`compare_initializers`, and so are the bits of the runs.  Of arguments that are
    lists the first item is taken.  At most 60 frames of 60 x 60 points are recorded, the start and the end among them.

    Parameters
    ----------
    X : array-like of shape (n_examples, 2)
    y : array-like of shape (n_examples,)
    layer_dims : sequence of int, or list of these
    seed : int, default=0
        Of the runs.
    initializers, activation, loss, optimizer, learning_rate, epochs, batch_size, dtype, report_every
        As for :func:`compare_initializers`.

    Returns
    -------
    BoundaryFrames

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, X has not 2 features, or there is more than one output that is no class.

    Examples
    --------
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import boundary_frames
    >>> X, y = circles(300, seed=1)
    >>> found = boundary_frames(X, y, [2, 10, 5, 1], seed=3, epochs=200, initializers=["he"])
    >>> he = found.runs[0]
    >>> he.frames.shape, he.epochs[[0, 1, -1]].tolist()
    ((60, 60, 60), [0, 3, 200])
    """
    dims = all_layer_dims(layer_dims)[0]
    problem = problem_of(X, y, None, None, dims, loss, dtype, epochs, report_every)
    kind = {"labels": "label", "classes": "class"}.get(problem.loss.targets, "value")
    if dims[0] != 2:
        raise ValueError(f"X must have 2 features for frames of a plane, got {dims[0]}")
    if dims[-1] > (LEVELS if kind == "class" else 1):
        raise ValueError(f"layer_dims must end with one output, or with at most {LEVELS} classes, got {dims[-1]}")
    (seed,) = seeds_of([seed])
    configurations = configurations_of(
        problem.examples.n_examples,
        initializers=initializers,
        layer_dims=layer_dims,
        activation=activation,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
    )
    first = {configuration.initializer: configuration for configuration in reversed(configurations)}
    chosen = list(reversed(first.values()))
    check_all(chosen, problem)
    points, targets = problem.examples.inputs, problem.examples.targets[0]
    assert isinstance(points, np.ndarray)  # a sweep's are never sparse
    found = BoundaryFrames(
        seed=seed,
        kind=kind,
        low=float(targets.min()),
        high=float(targets.max()),
        extent=_extent(points),
        points=points,
        targets=np.empty(len(targets), np.uint8),
        runs=[],
    )
    found.targets[:] = _bytes(targets, found)
    found.runs.extend(_run(configuration, problem, X, y, found) for configuration in chosen)
    return found


def _extent(points: Any) -> tuple[float, float, float, float]:
    """The ranges of both features with a margin; a constant feature has a range of 1."""
    ends = []
    for low, high in zip(points.min(axis=0).tolist(), points.max(axis=0).tolist(), strict=True):
        margin = MARGIN * (high - low) or 0.5
        ends += [low - margin, high + margin]
    checks.check_finite("the range of X", np.array(ends))
    return ends[0], ends[1], ends[2], ends[3]


def _grid(extent: tuple[float, float, float, float], dtype: np.dtype) -> np.ndarray:
    """The points of a frame (n, 2), its rows from top to bottom."""
    left, right, bottom, top = extent
    first, second = np.meshgrid(np.linspace(left, right, SIDE), np.linspace(top, bottom, SIDE))
    return np.c_[first.ravel(), second.ravel()].astype(dtype)


def _bytes(values: np.ndarray, of: BoundaryFrames) -> np.ndarray:
    """Labels, probabilities, classes or values as bytes."""
    values = values.astype(np.float64)
    if of.kind == "value":
        exponent = -math.frexp(max(abs(of.low), abs(of.high)))[1]
        with np.errstate(over="ignore", invalid="ignore"):  # powers of 2, so that the range of targets is finite
            values, low, high = (np.ldexp(value, exponent) for value in (values, of.low, of.high))
            values = (values - low) / ((high - low) or np.ldexp(1.0, exponent))
    levels = values if of.kind == "class" else np.round(LEVELS * np.clip(values, 0.0, 1.0))
    return np.where(np.isfinite(levels), levels, NO_PREDICTION).astype(np.uint8)


def _run(configuration: Configuration, problem: Problem, X: Any, y: Any, of: BoundaryFrames) -> RunFrames:
    """Train as :func:`~fastmlp.lab.sweep.case.run_case` does, and show the plane to the network at every snapshot."""
    nothing = np.empty(0, np.int64), np.empty(0), np.empty((0, SIDE, SIDE), np.uint8)
    reported = np.full(problem.n_reports, math.nan)
    try:
        initialization = initializers_of.bound_to(configuration.initialization, problem.examples.inputs)
        network = problem.network(configuration, initialization, of.seed)
        options = configuration.options(epochs=problem.epochs, report_every=problem.report_every, seed=of.seed)
        taken = take_snapshots(network, X, y, at=FRAMES, **vars(options))
    except Exception as error:  # of any kind: initializers and schedules are the caller's
        return RunFrames(configuration.initializer, *nothing, reported, reason_of(error, MOST_REASON))
    reported[taken.history.epochs // problem.report_every] = taken.history.losses
    plane = _kernels.Data(_grid(of.extent, problem.dtype))
    engine = network.engine(SIDE * SIDE, plane)
    frames = [_frame(engine.layers(parameters, plane)[-1]["a"], of) for parameters in taken.parameters]
    return RunFrames(configuration.initializer, taken.epochs, taken.losses, np.array(frames), reported, "")


def _frame(outputs: np.ndarray, of: BoundaryFrames) -> np.ndarray:
    """The outputs (n_outputs, n_points) at the points of the grid as a frame."""
    if of.kind == "class":
        outputs = np.where(np.isfinite(outputs).all(axis=0), outputs.argmax(axis=0), math.nan)
    return _bytes(outputs, of).reshape(SIDE, SIDE)
