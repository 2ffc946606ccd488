"""A picture of the course of a fit."""

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class LossCurveDisplay:
    """Training loss, and validation loss and score where there are any, by epoch.

    Parameters
    ----------
    loss_curve : list of float
        Training loss of each epoch.
    validation_loss_curve, validation_scores : list of float, default=None
        Loss and score on the examples held out, after each epoch.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Of the losses.
    score_ax_ : matplotlib Axes or None
        Of the score, on the right.
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(early_stopping=True, max_iter=30, tol=0, random_state=0, n_iter_no_change=30)
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     display = model.fit(X, y).loss_curve_display()
    >>> [line.get_label() for line in display.lines_]
    ['training loss', 'validation loss', 'validation score']
    """

    def __init__(
        self,
        loss_curve: list[float],
        validation_loss_curve: list[float] | None = None,
        validation_scores: list[float] | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: "Axes | None" = None) -> "LossCurveDisplay":
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        LossCurveDisplay
        """
        check_is_fitted(estimator)
        curves = (getattr(estimator, name, None) for name in ("validation_loss_curve_", "validation_scores_"))
        return cls(estimator.loss_curve_, *curves).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> "LossCurveDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        LossCurveDisplay
            The object itself.
        """
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots()
        self.ax_, self.figure_, self.score_ax_ = ax, ax.figure, None
        self.lines_ = self._line(ax, self.loss_curve, "training loss", "C0")
        if self.validation_loss_curve:
            self.lines_ += self._line(ax, self.validation_loss_curve, "validation loss", "C1")
        ax.set(xlabel="epoch", ylabel="loss")
        if self.validation_scores:
            self.score_ax_ = ax.twinx()
            self.lines_ += self._line(self.score_ax_, self.validation_scores, "validation score", "C2", linestyle="--")
            self.score_ax_.set_ylabel("score")
        ax.legend(handles=self.lines_)
        return self

    @staticmethod
    def _line(ax: "Axes", values: list[float], label: str, color: str, **style: Any) -> list[Any]:
        return list(ax.plot(range(1, len(values) + 1), values, label=label, color=color, **style))
