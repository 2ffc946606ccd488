"""Examples in the plane, what models decide around them, and the colours of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.measurements import predictions
from fastmlp.lab.pictures import style
from fastmlp.network import MLP
from fastmlp.plots import decisions_on, grid_around

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 0.15  # share of the examples' range that is drawn beyond them
STEPS = 200  # of the grid along each axis
MOST_CLASSES = 20  # decisions with more distinct values are a regression's
EQUAL_ASPECT = 4.0  # largest ratio of the features' ranges for which both axes have one scale
PALE = 0.4  # opacity of the ground of a class


@dataclass(frozen=True, eq=False)
class Plane:
    """Examples in the plane, checked, with the grid on which models decide."""

    points: np.ndarray
    labels: np.ndarray
    names: np.ndarray | None  # of the classes, where these are texts
    features: tuple[str, str]
    x1: np.ndarray
    x2: np.ndarray

    @classmethod
    def of(cls, X: Any, y: Any, features: Any) -> "Plane":
        """Check X (n_examples, 2), y (n_examples,) and the names of the features."""
        points = checks.matrix("X", X, np.float64)
        if points.shape[1] != 2:
            raise ValueError(f"X must have 2 features to be drawn in the plane, got {points.shape[1]}")
        labels, names = np.asarray(y), None
        if labels.shape != (len(points),):
            raise ValueError(f"y must have shape ({len(points)},) to match X, got {labels.shape}")
        if labels.dtype.kind in "OUS":
            names, labels = np.unique(labels.astype(str), return_inverse=True)
        labels = np.ascontiguousarray(checks.array_of("y", labels, np.float64))
        checks.check_finite("y", labels)
        titles = checks.items_of("features", features) if checks.is_sequence(features) else []
        if len(titles) != 2:
            raise ValueError(f"features must be the names of the 2 features, got {checks.shown(features)}")
        label_1, label_2 = (style.label_of(title) for title in titles)
        return cls(points, labels, names, (label_1, label_2), *grid_around(points, MARGIN, STEPS))

    @property
    def is_equal(self) -> bool:
        """Whether both axes can have one scale."""
        low, high = sorted(np.ptp(self.points, axis=0))
        return bool(high <= EQUAL_ASPECT * low)

    @property
    def ratio(self) -> float:
        """Height of the picture over its width."""
        return float(np.ptp(self.x2) / np.ptp(self.x1)) if self.is_equal else 1.0

    def decisions_of(self, model: Any) -> np.ndarray:
        """Return the decisions of an MLP, an estimator or a function on the grid, (len(x2), len(x1))."""
        return decisions_on(self.x1, self.x2, self._decider(model))

    def _decider(self, model: Any) -> Callable[[np.ndarray], Any]:
        if isinstance(model, MLP):
            if model.plan.layer_dims[0] != 2:
                raise ValueError(f"models must take 2 features, got an MLP that takes {model.plan.layer_dims[0]}")
            return lambda points: style.drawable(np.nan_to_num(predictions(model, points)))
        decide = getattr(model, "predict", model)
        if not callable(decide):
            raise TypeError(f"models must be MLPs, fitted estimators or functions of points, got {checks.shown(model)}")
        names = self.names
        return decide if names is None else lambda points: _indices(names, np.asarray(decide(points)))


def _indices(names: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return the class of each answer that is a text."""
    found = np.searchsorted(names, answer.astype(str)).clip(max=len(names) - 1)
    wrong = names[found] != answer.astype(str)
    if wrong.any():
        raise ValueError(f"models must answer with labels of y, got {checks.shown(str(answer[wrong][0]))}")
    return found


@dataclass(frozen=True, eq=False)
class Coding:
    """The colours of decisions and labels: one for each class, or a scale of values."""

    classes: np.ndarray | None  # None for a regression
    cmap: Any
    low: float
    high: float

    @classmethod
    def of(cls, plane: Plane, decisions: Sequence[np.ndarray], axes: "Axes") -> "Coding":
        """Return the colours for all decisions of a picture.

        Two classes with decisions between them are probabilities: their colours fade into each other.
        """
        from matplotlib import colormaps
        from matplotlib.colors import LinearSegmentedColormap, ListedColormap

        labels = np.unique(plane.labels)
        values = np.unique(np.concatenate([labels, *map(np.unique, decisions)]))
        colors = style.colors_of(axes)
        if len(values) <= MOST_CLASSES and (values == np.round(values)).all():
            n = len(values)
            chosen = colors[:n] if n <= len(colors) else colormaps[style.SEQUENTIAL](np.linspace(0, 1, n))
            return cls(values, ListedColormap(chosen), -0.5, n - 0.5)
        if len(labels) == 2 and labels[0] <= values[0] and values[-1] <= labels[1]:
            fading = LinearSegmentedColormap.from_list("fading", [colors[0], axes.get_facecolor(), colors[1]])
            return cls(labels, fading, 0.0, 1.0)
        return cls(None, colormaps[style.SEQUENTIAL], float(values[0]), float(values[-1]))

    def ground(self, decisions: np.ndarray) -> np.ndarray:
        """Return the colours (..., 4) of decisions, of classes so pale that the examples stand out."""
        found = self.rgba(decisions)
        found[..., 3] = 1.0 if self.classes is None else PALE
        return found

    def rgba(self, values: np.ndarray) -> np.ndarray:
        """Return the colours (..., 4) of decisions or labels."""
        if self.classes is not None:
            values = np.interp(values, self.classes, np.arange(len(self.classes)))
        with np.errstate(over="ignore"):
            scaled = (values - self.low) / ((self.high - self.low) or 1.0)
        return self.cmap(np.clip(scaled, 0, 1))
