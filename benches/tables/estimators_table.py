"""The estimators beside scikit-learn's: the same fits, predictions and searches, after their results were compared."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from measure import OURS, Contender, Options, Times, repeated
from report import Result, cell, markdown_table
from sklearn import datasets, model_selection, neural_network

import fastmlp

PEER = "scikit-learn"
LIBRARIES = {OURS: fastmlp, PEER: neural_network}
EQUAL, EQUAL_F32 = 1e-4, 0.05  # largest differences of the last loss, and of coefficients over the largest of them
CALLS = 200
GRID = {"alpha": [1e-5, 1e-3, 1e-1], "hidden_layer_sizes": [(10,), (20,)], "learning_rate_init": [1e-3, 1e-2]}
WATCHED_EPOCHS = 40


@dataclass(frozen=True)
class Fit:
    """A fit of both libraries' estimators."""

    name: str
    kind: str
    data: tuple[np.ndarray, np.ndarray]
    options: dict[str, Any]

    def estimator(self, library: str) -> Any:
        own = {"n_threads": 1} if library == OURS else {}
        return getattr(LIBRARIES[library], self.kind)(random_state=0, **self.options, **own)

    def run(self, library: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged, and that wine is not scaled
            return self.estimator(library).fit(*self.data)

    def check(self) -> None:
        """Compare ends, last losses and coefficients; those of float32 to its own precision after so many epochs.

        The first losses of unscaled data may differ, where scikit-learn cuts probabilities.
        """
        ours, theirs = self.run(OURS), self.run(PEER)
        is_double = self.data[0].dtype == np.float64
        rtol = EQUAL if is_double else EQUAL_F32
        assert not is_double or ours.n_iter_ == theirs.n_iter_, (self.name, ours.n_iter_, theirs.n_iter_)
        np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=rtol, err_msg=self.name)
        for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
            np.testing.assert_allclose(mine, other, rtol=0, atol=rtol * np.abs(other).max(), err_msg=self.name)


def fits() -> list[Fit]:
    circles = datasets.make_circles(300, noise=0.1, factor=0.6, random_state=0)
    digits, wine = (load(return_X_y=True) for load in (datasets.load_digits, datasets.load_wine))
    X, y = datasets.make_regression(20_000, 50, random_state=0)
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((8192, 784)).astype(np.float32), rng.integers(0, 10, 8192)
    classifier = "MLPClassifier"
    sgd = {"hidden_layer_sizes": (10, 5), "solver": "sgd", "batch_size": 300, "learning_rate_init": 0.1}
    return [
        Fit("circles 300 x 2, hidden (10, 5), sgd, batch 300", classifier, circles, {**sgd, "max_iter": 1000}),
        Fit("digits, hidden (100,), adam, defaults", classifier, digits, {}),
        Fit("the same in float32", classifier, (digits[0].astype(np.float32), digits[1]), {}),
        Fit("wine, all defaults", classifier, wine, {}),
        Fit("regression 20,000 x 50, hidden (64, 64), adam, 10 epochs", "MLPRegressor", (X, y / y.std()),
            {"hidden_layer_sizes": (64, 64), "max_iter": 10}),
        Fit("8,192 x 784, hidden (512, 256), float32, 2 epochs", classifier, wide,
            {"hidden_layer_sizes": (512, 256), "max_iter": 2}),
    ]  # fmt: skip


def calls() -> dict[str, dict[str, Callable[[], object]]]:
    """Calls too short to time alone, for each library."""
    X, y = datasets.make_circles(300, noise=0.1, factor=0.6, random_state=0)
    digits, digit_labels = (array[:32] for array in datasets.load_digits(return_X_y=True))
    digits = digits / 16  # unscaled, the first losses are so large that scikit-learn cuts them
    found: dict[str, dict[str, Callable[[], object]]] = {"predict_proba of one row, 2-10-5-1": {}}
    found["partial_fit of 32 digits, hidden (100,)"] = {}
    predictions, losses = [], []
    for library in LIBRARIES:
        fitted = Fit("", "MLPClassifier", (X, y), {"hidden_layer_sizes": (10, 5), "max_iter": 20}).run(library)
        predictions.append(fitted.predict_proba(X))
        partial = LIBRARIES[library].MLPClassifier(random_state=0)
        for _ in range(3):
            partial.partial_fit(digits, digit_labels, classes=np.arange(10))
        losses.append(partial.loss_curve_)
        found["predict_proba of one row, 2-10-5-1"][library] = lambda fitted=fitted: fitted.predict_proba(X[:1])
        found["partial_fit of 32 digits, hidden (100,)"][library] = lambda partial=partial: partial.partial_fit(
            digits, digit_labels
        )
    np.testing.assert_allclose(*predictions, atol=1e-9)
    np.testing.assert_allclose(*losses, rtol=1e-9)
    return found


def search(library: str) -> Any:
    """A grid search of 24 candidates in 5 folds on 2 processes."""
    X, y = datasets.make_classification(500, 10, random_state=0)
    grid = {**GRID, "activation": ["relu", "tanh"]}
    estimator = LIBRARIES[library].MLPClassifier(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model_selection.GridSearchCV(estimator, grid, n_jobs=2).fit(X, y)


class Silent:
    """A callback of scikit-learn's protocol that does nothing."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Nothing."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Nothing."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Nothing."""


def watched() -> dict[str, Callable[[], Any]]:
    """Fits of digits by our estimator, unwatched and watched, each of the same number of epochs and examples."""
    X, y = datasets.load_digits(return_X_y=True)
    options = {"max_iter": WATCHED_EPOCHS, "n_iter_no_change": np.inf, "random_state": 0, "n_threads": 1}
    n = 1617  # what early stopping trains on

    def run(n_examples: int, callback: bool = False, **more: Any) -> Any:
        model = fastmlp.MLPClassifier(**options, **more)
        if callback:
            model.set_callbacks(Silent())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.fit(X[:n_examples], y[:n_examples])

    ways = {
        OURS: lambda: run(n),
        "early stopping": lambda: run(len(X), early_stopping=True),
        "a callback": lambda: run(n, callback=True),
    }
    for name, way in ways.items():
        assert way().n_iter_ == WATCHED_EPOCHS, name
    return ways


def measure(options: Options) -> Result:
    """Ratios of CPU time on one thread; of the search, of wall time on two processes."""
    found, short = fits(), calls()
    for fit in found:
        fit.check()
    contenders = [
        Contender(fit.name, library, lambda fit=fit, library=library: fit.run(library), 1)
        for fit in found
        for library in LIBRARIES
    ]
    contenders += [
        Contender(name, library, repeated(call, CALLS), CALLS)
        for name, of_libraries in short.items()
        for library, call in of_libraries.items()
    ]
    contenders += [Contender("watching", name, run, WATCHED_EPOCHS) for name, run in watched().items()]
    times = Times(contenders, options.share(10))
    names = [fit.name for fit in found] + list(short)
    rows = [[name, f"{times.best(name) * 1e3:.3g}", cell(times.ratio(name, PEER))] for name in names]
    ratios = {name: times.ratios(name, [PEER]) for name in names}
    np.testing.assert_allclose(*(search(library).cv_results_["mean_test_score"] for library in LIBRARIES), atol=0.02)
    searches = [Contender("search", library, lambda library=library: search(library), 1) for library in LIBRARIES]
    walls = Times(searches, max(3, options.rounds // 20), clock=time.perf_counter)
    name = "GridSearchCV of 24 candidates, 5 folds, 500 x 10, n_jobs=2"
    rows.append([name, f"{walls.best('search') * 1e3:.3g}", cell(walls.ratio("search", PEER))])
    ratios[name] = walls.ratios("search", [PEER])
    lost = ", ".join(f"{way} {times.ratio('watching', way):.2f}" for way in ("early stopping", "a callback"))
    caption = (
        f"**Estimators**: CPU time of scikit-learn's over ours, one thread, the median of {times.rounds} interleaved "
        "rounds; the search, on two processes, by the clock on the wall. Ends, losses and coefficients were compared "
        f"first (to {EQUAL:g}; in float32 to {EQUAL_F32:g}). Time of our fit of digits with a look after every epoch, "
        f"over that without: {lost}."
    )
    text = markdown_table(["work", "ms, ours", "scikit-learn / ours"], rows, n_texts=1)
    return Result(f"{caption}\n\n{text}", ratios)
