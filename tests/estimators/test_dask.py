"""A search on a Dask cluster, through joblib's backend, with a worker that dies in the middle."""

import os
import signal
import uuid

import joblib
import numpy as np
import pytest
from pairs import X, y
from sklearn.model_selection import GridSearchCV

from fastmlp import MLPClassifier

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("default::DeprecationWarning"),  # of the cluster's own code
    pytest.mark.filterwarnings("default::ResourceWarning"),
]
GRID = {"alpha": [1e-4, 0.1, 1.0], "hidden_layer_sizes": [(4,), (8,)]}


@pytest.fixture(scope="module")
def client():
    """Two processes of one thread each, and nothing that is not on this machine."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


class AccuracyThatKillsOnce:
    """The accuracy; one process that computes it ends there, once in all.

    It does so once both have computed some: each then has a copy of the data, which Dask cannot make again.

    Parameters
    ----------
    folder : Path
        Where a file for each call tells the processes of all calls so far.
    """

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, model, X, y):
        callers = [path.name.split("-")[1] for path in self.folder.glob("call-*")]
        (self.folder / f"call-{os.getpid()}-{uuid.uuid4()}").touch()
        both_have_data = len(set(callers)) > 1 and min(map(callers.count, callers)) > 1
        if both_have_data and not (self.folder / "killed").exists():
            (self.folder / "killed").write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return model.score(X, y)


def search(scoring):
    model = MLPClassifier(max_iter=30, n_iter_no_change=30, random_state=0, batch_size=10)
    return GridSearchCV(model, GRID, cv=3, scoring=scoring)


def test_a_search_gives_the_serial_result_though_a_worker_dies(client, tmp_path):
    serial = search("accuracy").fit(X, y)
    workers = set(client.run(os.getpid).values())
    with joblib.parallel_config("dask", wait_for_workers_timeout=10):
        parallel = search(AccuracyThatKillsOnce(tmp_path)).fit(X, y)
    assert int((tmp_path / "killed").read_text()) in workers
    assert len(list(tmp_path.glob("call-*"))) > len(parallel.cv_results_["params"]) * 3  # that of the dead came again
    for name in ("mean_test_score", "std_test_score", "rank_test_score"):
        np.testing.assert_array_equal(parallel.cv_results_[name], serial.cv_results_[name])
    assert parallel.best_params_ == serial.best_params_
    np.testing.assert_array_equal(parallel.predict_proba(X), serial.predict_proba(X))
