"""What a diagnosis found."""

import functools
import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp.lab import tabular
from fastmlp.lab.diagnosis.histograms import Histograms
from fastmlp.text import percent
from fastmlp.training import History

if TYPE_CHECKING:
    import pandas as pd

HEADINGS = {  # of the columns that a printed table shows
    "layer": "layer",
    "units": "units",
    "activation": "activation",
    "preactivation_mean": "z mean",
    "preactivation_variance": "z variance",
    "activation_variance": "a variance",
    "correlation": "correlation",
    "jacobian_norm": "Jacobian",
    "chi": "chi",
    "gradient_variance": "dz variance",
    "weight_gradient_norm": "|dW|",
    "update_ratio": "update / W",
    "dead": "dead",
    "saturated": "saturated",
    "distinct_units": "distinct",
}


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """What :func:`diagnose` found in a network.

    Attributes
    ----------
    layers : structured ndarray of shape (n_layers,)
        A row per layer, the output layer last, with the fields

        - ``layer`` (from 1), ``units``, ``activation``
        - ``preactivation_mean``, ``preactivation_variance``, ``activation_mean``, ``activation_variance``: over all
          units and examples
        - ``correlation``: mean cosine between the pre-activations of two examples, on a sample of up to 64
        - ``jacobian_norm``: how strongly the raw outputs depend on this layer's pre-activations: the Frobenius norm of
          dz_L / dz_l over that of the identity, root mean square over a sample
        - ``chi``: square of its ratio to that of the next layer, the measured chi_1; NaN for the output
        - ``gradient_mean``, ``gradient_variance``: of dz, the derivatives of each example's own loss
        - ``weight_gradient_norm``: norm of dW of the mean loss
        - ``update_ratio``: norm of the next update of W over that of W
        - ``dead``: share of units that are constant over all examples
        - ``saturated``: share of pre-activations at which tanh, logistic, elu or selu is flat; 0 for the others
        - ``distinct_units``: number of units that differ in their incoming weights or bias

        Without y, what is backward (from ``gradient_mean`` to ``update_ratio``) is NaN.
    verdict : {"healthy", "symmetric", "dead", "vanishing", "exploding", "saturated"}
    layer : int or None
        The layer where the fault begins, from 1; None if healthy.
    explanation : str
        What was seen, with its figures, and what to try.
    cause : {None, "features", "weights"}
        What has the fault: the features if it is gone with standardized ones.
    jacobians : ndarray of shape (n_jacobians, n_outputs, n_features)
        Derivatives of the raw outputs by the inputs, for a sample of examples.
    histograms : dict
        For each of "preactivation", "activation" and, with y, "gradient": counts (n_layers, n_bins) and edges
        (n_layers, n_bins + 1).  Bins reach four standard deviations from the mean; the first and the last also count
        what lies beyond.  Empty unless asked for.
    epoch : int
        Epochs of training before this diagnosis; 0 for the network as it was given.
    trace : list of Diagnosis
        Those at the epochs that were asked for.
    history : History or None
        The training of the trace.
    """

    layers: np.ndarray
    verdict: str
    layer: int | None
    explanation: str
    cause: str | None = None
    jacobians: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)))
    histograms: Histograms = field(default_factory=dict)
    epoch: int = 0
    trace: list["Diagnosis"] = field(default_factory=list)
    history: History | None = None

    @functools.cached_property
    def singular_values(self) -> np.ndarray:
        """Singular values of the Jacobians, descending, of shape (n_jacobians, min(n_outputs, n_features)).

        Those of a Jacobian that is not finite are NaN.
        """
        is_finite = np.isfinite(self.jacobians).all(axis=(1, 2))
        values = np.full((len(is_finite), min(self.jacobians.shape[1:])), np.nan)
        values[is_finite] = np.linalg.svd(self.jacobians[is_finite].astype(np.float64), compute_uv=False)
        return values

    @property
    def condition_number(self) -> float:
        """The median over the Jacobians of the largest singular value over the smallest; infinite where that is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.median(self.singular_values[:, 0] / self.singular_values[:, -1]))

    def to_pandas(self) -> "pd.DataFrame":
        """Return ``layers`` as a frame; with a trace, the rows of each of its diagnoses, with the column ``epoch``.

        Returns
        -------
        pandas.DataFrame
        """
        import pandas as pd

        if not self.trace:
            return pd.DataFrame(self.layers)
        frames = [pd.DataFrame(part.layers).assign(epoch=part.epoch) for part in self.trace]
        return pd.concat(frames, ignore_index=True)

    def __repr__(self) -> str:
        lines = tabular.in_columns(self._cells())
        return "\n".join([self._title(), self.explanation, "", *lines, *self._course()])

    def _repr_html_(self) -> str:
        """Return the same as HTML, for notebooks."""
        texts = [f"<p><b>{html.escape(self._title())}</b></p>", f"<p>{html.escape(self.explanation)}</p>"]
        course = "".join(f"<p>{html.escape(line)}</p>" for line in self._course() if line)
        return "".join(texts) + tabular.as_html(self._cells()) + course

    def _title(self) -> str:
        return f"Diagnosis: {self.verdict}" + ("" if self.layer is None else f" from layer {self.layer}")

    def _course(self) -> list[str]:
        """Return the verdicts of the trace, a line each."""
        if not self.trace:
            return []
        return ["", *(f"epoch {part.epoch}: {part._title().removeprefix('Diagnosis: ')}" for part in self.trace)]

    def _cells(self) -> list[list[str]]:
        """Return headings and cells of the table as text; columns that are NaN everywhere are left out."""
        names = [name for name in HEADINGS if not _is_empty(self.layers[name])]
        return [
            [HEADINGS[name] for name in names],
            *([_cell(name, row[name]) for name in names] for row in self.layers),
        ]


def _is_empty(column: np.ndarray) -> bool:
    return column.dtype.kind == "f" and bool(np.isnan(column).all())


def _cell(name: str, value: Any) -> str:
    if name in ("dead", "saturated"):
        return percent(value)
    if isinstance(value, np.floating):
        return "" if np.isnan(value) else f"{value:.3g}"
    return str(value)
