"""The runs of a sweep, with their statistics."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.sweep import display, saving
from fastmlp.lab.sweep.case import OUTCOMES, Result
from fastmlp.lab.sweep.configuration import VARIED
from fastmlp.lab.sweep.statistics import Paired, mean_with_interval, paired, quantiles

MEASURES = ("first_loss", "final_loss", "train_score", "test_score", "seconds")


class Comparison:
    """The runs of :func:`~fastmlp.lab.compare_initializers`.

    Attributes
    ----------
    runs : structured ndarray of shape (n_runs,)
        One row per finished run, by configuration and seed:

        - ``initializer``, ``seed``, and a column for everything that was varied, such as ``learning_rate``
        - ``first_loss``, ``final_loss``: the first and the last loss recorded, the latter that of the end where a
          training ended before all epochs; infinite where it was not finite, NaN where the run failed
        - ``train_score``, ``test_score``: share of right labels, or R^2 of a regression; NaN without test data
        - ``outcome``: "learned"; "constant", no better than predicting a constant; "symmetric", all units of a hidden
          layer are the same; "dead", they give one output for all examples; "diverged"; or "failed", an exception
        - ``epoch`` of the last loss, of the divergence or of the failure, and ``reason``: the outcome in words
        - ``seconds`` of the training
        - ``configuration``: an index into ``configurations``
    losses : ndarray of shape (n_runs, n_reports)
        Training losses; NaN from the end of a run on.
    epochs : ndarray of int of shape (n_reports,)
        The epochs of the losses.
    configurations : list of dict
        Names and numbers of every configuration.
    settings : dict
        What all runs have in common: loss, dtype, epochs and other numbers.
    n_missing : int
        Runs that Ctrl-C left undone.
    """

    def __init__(
        self,
        runs: np.ndarray,
        losses: np.ndarray,
        epochs: np.ndarray,
        configurations: list[dict[str, Any]],
        settings: dict[str, Any],
        n_missing: int = 0,
    ) -> None:
        self.runs, self.losses, self.epochs = runs, losses, epochs
        self.configurations, self.settings, self.n_missing = configurations, settings, n_missing

    @property
    def varied(self) -> list[str]:
        """The columns of ``runs`` that tell configurations apart, the initializer first."""
        names = list(self.runs.dtype.names or ())
        return ["initializer", *names[names.index("seed") + 1 : names.index("first_loss")]]

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        return display.text(self)

    def _repr_html_(self) -> str:
        return display.html(self)

    def epochs_to(self, loss: float) -> np.ndarray:
        """Return the first recorded epoch at which each run had at most this loss, infinite where none had.

        Parameters
        ----------
        loss : float

        Returns
        -------
        ndarray of float64 of shape (n_runs,)
        """
        reached = self.losses <= checks.number("loss", loss)
        return np.where(reached.any(axis=1), self.epochs[reached.argmax(axis=1)].astype(float), math.inf)

    def summary(self, loss: float | None = None) -> np.ndarray:
        """Summarize each configuration.

        Parameters
        ----------
        loss : float, default=None
            Also tell after how many epochs the runs reached this training loss.

        Returns
        -------
        structured ndarray of shape (n_configurations,)
            ``initializer`` and what was varied; ``runs``; ``final_loss`` (median), ``final_loss_5`` and
            ``final_loss_95`` (quantiles); ``train_score`` and ``test_score`` (means), each with ``_low`` and ``_high``,
            a bootstrap 95 % interval of the mean, NaN for fewer than 2 runs; the share of runs of each outcome under
            its name; ``seconds`` (median).  With ``loss``, ``reached`` is the share of runs that reached it, and
            ``epochs_to_loss`` the median of their first epoch, infinite where most never did.

        Raises
        ------
        TypeError
            If ``loss`` is no number.
        """
        return self.summary_of(len(self.configurations), loss)

    def summary_of(self, n: int, loss: float | None = None) -> np.ndarray:
        """Return the :meth:`summary` of the first ``n`` configurations."""
        epochs_to = None if loss is None else self.epochs_to(loss)
        configurations = self.configurations[:n]
        measured = [self._measures(i, epochs_to) for i in range(len(configurations))]
        columns = {name: column_of(configurations, name) for name in self.varied}
        return table(columns | {name: [row[name] for row in measured] for name in measured[0]})

    def _measures(self, configuration: int, epochs_to: np.ndarray | None) -> dict[str, Any]:
        is_of_it = self.runs["configuration"] == configuration
        runs = self.runs[is_of_it]
        low, median, high = quantiles(runs["final_loss"], [0.05, 0.5, 0.95])
        row = {"runs": len(runs), "final_loss": median, "final_loss_5": low, "final_loss_95": high}
        for name in ("train_score", "test_score"):
            row[name], row[f"{name}_low"], row[f"{name}_high"] = mean_with_interval(runs[name])
        for outcome in OUTCOMES:
            row[outcome] = float((runs["outcome"] == outcome).mean()) if len(runs) else math.nan
        (row["seconds"],) = quantiles(runs["seconds"], [0.5])
        if epochs_to is not None:
            reached = epochs_to[is_of_it]
            row["reached"] = float(np.isfinite(reached).mean()) if len(runs) else math.nan
            (row["epochs_to_loss"],) = quantiles(reached, [0.5])
        return row

    def paired(self, a: str, b: str, measure: str = "final_loss") -> Paired:
        """Compare two initializers over the same seeds, and the same configurations otherwise.

        Parameters
        ----------
        a, b : str
            Labels of two initializers, as in ``runs["initializer"]``.
        measure : str, default="final_loss"
            Or "first_loss", "train_score", "test_score", "seconds".

        Returns
        -------
        Paired
            The mean difference a - b with a bootstrap 95 % interval, and Wilcoxon's signed-rank test.

        Raises
        ------
        TypeError, ValueError
            If a name is unknown, or fewer than 2 pairs of runs have finite values.
        """
        known = list(dict.fromkeys(column_of(self.configurations, "initializer").tolist()))
        for name, label in (("a", a), ("b", b)):
            checks.choice(name, label, known)
        checks.choice("measure", measure, MEASURES)
        of_a, of_b = self._by_rest(a, measure), self._by_rest(b, measure)
        common = [key for key in of_a if key in of_b]
        values = (np.array([of[key] for key in common], float) for of in (of_a, of_b))
        return paired(a, b, measure, *values)

    def _by_rest(self, initializer: str, measure: str) -> dict[tuple[Any, ...], float]:
        """The values of an initializer's runs, by seed and whatever else a run is named by."""
        rest = [tuple(configuration[name] for name in VARIED) for configuration in self.configurations]
        runs = self.runs[self.runs["initializer"] == initializer]
        keys = [(rest[i], seed) for i, seed in zip(runs["configuration"], runs["seed"], strict=True)]
        return dict(zip(keys, runs[measure].tolist(), strict=True))

    def to_pandas(self) -> Any:
        """Return ``runs`` as a pandas.DataFrame."""
        import pandas as pd

        return pd.DataFrame({name: self.runs[name] for name in self.runs.dtype.names or ()})

    def save(self, file: Any) -> None:
        """Save everything to a ``.npz`` file, without pickle; a path is written whole or not at all.

        Parameters
        ----------
        file : path or binary file
        """
        saving.save(self, file)

    @classmethod
    def load(cls, file: Any) -> "Comparison":
        """Load what :meth:`save` wrote.

        Parameters
        ----------
        file : path or binary file

        Returns
        -------
        Comparison

        Raises
        ------
        ValueError
            If the file is damaged or no such file.
        OSError
            If it cannot be read.
        """
        return cls(*saving.load(file))


class Collector:
    """Results on their way into a :class:`Comparison`, a row for each run."""

    def __init__(self, configurations: list[dict[str, Any]], seeds: Sequence[int], n_reports: int) -> None:
        n = len(configurations) * len(seeds)
        checks.check_memory("seeds", 8 * n * n_reports)
        self.configurations, self.seeds = configurations, seeds
        self.losses = np.full((n, n_reports), math.nan)
        self.results: list[tuple[Any, ...] | None] = [None] * n

    @property
    def n_missing(self) -> int:
        """Runs without a result."""
        return sum(result is None for result in self.results)

    def add(self, number: int, result: Result) -> None:
        """Take the result of a run."""
        self.losses[number] = result.losses
        self.results[number] = (
            *(result.first_loss, result.final_loss, result.train_score, result.test_score),
            *(result.outcome, result.epoch, result.reason, result.seconds),
        )

    def comparison(self, epochs: np.ndarray, settings: dict[str, Any], varied: Sequence[str]) -> Comparison:
        """Return what has been collected."""
        done = [i for i, result in enumerate(self.results) if result is not None]
        places = [divmod(i, len(self.seeds)) for i in done]
        of = np.array([configuration for configuration, _ in places], np.int64)
        columns: dict[str, Any] = {
            "initializer": column_of(self.configurations, "initializer")[of],
            "seed": np.array([self.seeds[seed] for _, seed in places], np.int64),
            **{name: column_of(self.configurations, name)[of] for name in varied},
        }
        names = ("first_loss", "final_loss", "train_score", "test_score", "outcome", "epoch", "reason", "seconds")
        columns |= {name: [self.results[i][k] for i in done] for k, name in enumerate(names)}  # type: ignore[index]
        columns["configuration"] = of
        losses = self.losses[done] if self.n_missing else self.losses
        return Comparison(table(columns), losses, epochs, self.configurations, settings, self.n_missing)


def column_of(configurations: Sequence[dict[str, Any]], name: str) -> np.ndarray:
    """Return what configurations have under a name: numbers, NaN where there is none; or texts."""
    values = [configuration.get(name) for configuration in configurations]
    kinds = {type(value) for value in values}
    if kinds <= {int, float}:
        return np.array(values)
    if kinds <= {int, float, type(None)}:
        return np.array(values, float)
    return np.array(["" if value is None else str(value) for value in values])


def table(columns: dict[str, Any]) -> np.ndarray:
    """Return a structured array of columns of one length."""
    empty = {"outcome": str, "reason": str, "epoch": np.int64}
    arrays = {name: np.asarray(values, None if len(values) else empty.get(name)) for name, values in columns.items()}
    made = np.empty(len(arrays["initializer"]), [(name, array.dtype) for name, array in arrays.items()])
    for name, array in arrays.items():
        made[name] = array
    return made
