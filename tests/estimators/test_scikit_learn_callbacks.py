"""scikit-learn's own callbacks, set here, in a pipeline and in a search."""

import re

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from fastmlp import MLPClassifier
from fastmlp.estimators.compatibility import HAS_CALLBACKS
from fastmlp.estimators.watching import Tasks

if HAS_CALLBACKS:
    from sklearn.callback import ProgressBar, ScoringMonitor

pytestmark = [
    pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn has callbacks from 1.9 on"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, y = scale(load_iris().data), load_iris().target
EARLY = {"solver": "sgd", "tol": 1.0, "n_iter_no_change": 2}


def model(**options):
    return MLPClassifier(**{"hidden_layer_sizes": (6,), "random_state": 1, "max_iter": 4, **options})


def tasks_in(log, name="epoch"):
    return [row for row in log.data if row["task_name"] == name]


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_a_scoring_monitor_sees_every_epoch(solver):
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model(solver=solver).set_callbacks(monitor).fit(X, y)
    rows = tasks_in(monitor.get_logs())
    assert [row["task_id"] for row in rows] == [0, 1, 2, 3]
    for n_epochs, row in enumerate(rows, start=1):
        expected = model(solver=solver, max_iter=n_epochs).fit(X, y)
        assert row["accuracy"] == accuracy_score(y, expected.predict(X))
        assert row["neg_log_loss"] == -log_loss(y, expected.predict_proba(X))


def test_a_scoring_monitor_weighs_as_the_fit_does():
    monitor, weights = ScoringMonitor(scoring="accuracy"), np.linspace(0, 1, len(X))
    ours = model().set_callbacks(monitor).fit(X, y, sample_weight=weights)
    assert tasks_in(monitor.get_logs())[-1]["accuracy"] == ours.score(X, y, weights)


def test_a_scoring_monitor_takes_frames_without_warnings():
    monitor = ScoringMonitor(scoring="accuracy")
    frame = load_iris(as_frame=True).data
    ours = model(early_stopping=True).set_callbacks(monitor).fit(frame, y)
    assert len(tasks_in(monitor.get_logs())) == ours.n_iter_
    assert list(ours.feature_names_in_) == list(frame.columns)


def test_a_scoring_monitor_works_in_a_pipeline():
    monitor = ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), model().set_callbacks(monitor)).fit(load_iris().data, y)
    log = monitor.get_logs(include_lineage=True)
    assert log.estimator_name == "Pipeline"
    assert len(tasks_in(log)) == 4
    assert tasks_in(log)[-1]["accuracy"] == pipeline.score(load_iris().data, y)
    assert tasks_in(log)[0]["task_id_path"] == (0, 1, 0)  # the pipeline, its second step, the first epoch


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_scoring_monitor_works_in_a_search(n_jobs):
    monitor = ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(model().set_callbacks(monitor), {"alpha": [0.1, 1.0]}, cv=2, n_jobs=n_jobs)
    search.fit(X, y)
    rows = tasks_in(monitor.get_logs(include_lineage=True))
    assert len(rows) == (2 * 2 + 1) * 4  # candidates and folds, then the best one again
    refitted = [row["accuracy"] for row in rows if row["task_id_path"][1] == 1]
    assert refitted[-1] == search.score(X, y)


def shown(text):
    """Name and percentage of each bar that rich has drawn."""
    return [(name.strip(), int(percent)) for name, percent in re.findall(r"^(.*?) [ ━╸╺]*(\d+)%", text, re.MULTILINE)]


@pytest.mark.parametrize("options", [{}, EARLY, {"solver": "lbfgs", "tol": 0.1}, {"early_stopping": True, "tol": 1.0}])
def test_a_progress_bar_finishes(options, capsys):
    pytest.importorskip("rich")
    ours = model(**{"max_iter": 50} | options).set_callbacks(ProgressBar()).fit(X, y)
    assert (ours.n_iter_ == 50) == (options == {})
    assert shown(capsys.readouterr().out) == [("MLPClassifier - fit", 100)]


def test_a_progress_bar_finishes_in_a_search_of_pipelines(capsys):
    pytest.importorskip("rich")
    grid = {"mlpclassifier__alpha": [0.1, 1.0]}
    search = GridSearchCV(make_pipeline(StandardScaler(), model(**EARLY)), grid, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    bars = shown(capsys.readouterr().out)
    assert {percent for _, percent in bars} == {100}
    assert sum("MLPClassifier - fit" in name for name, _ in bars) == 5


def test_a_progress_bar_ends_with_an_error():
    """Its thread must not run on."""
    pytest.importorskip("rich")
    bar, ours = ProgressBar(), model()
    with pytest.raises(ValueError, match="NaN"):
        ours.set_callbacks(bar).fit(np.full_like(X, np.nan), y)
    ours.fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ours.fit(X, y[:-1])
    assert ours.n_iter_ == 4
    assert not bar._listener_handles


def test_without_callbacks_nobody_looks_on_in_a_pipeline(monkeypatch):
    """Epochs without onlookers run in one compiled call."""
    monkeypatch.setattr(Tasks, "__init__", None)
    make_pipeline(StandardScaler(), model()).fit(X, y)
    GridSearchCV(model(), {"alpha": [0.1]}, cv=2).fit(X, y)


def test_the_protocol_is_the_installed_one():
    assert "set_callbacks" in dir(MLPClassifier), sklearn.__version__
