"""A sweep on a Dask cluster, through joblib's backend, with a worker that dies in the middle."""

import os
import signal
import uuid

import joblib
import pytest
from sweeps import assert_same_runs, small

from fastmlp import MLP

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("default::DeprecationWarning"),  # of the cluster's own code
    pytest.mark.filterwarnings("default::ResourceWarning"),
]


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


def he_that_kills_once(folder):
    """He's initializer; the process that draws one of the first ends there, once in all."""

    def drawn(layer_dims, seed=None):
        if folder is not None:
            n_before = len(list(folder.glob("call-*")))
            (folder / f"call-{uuid.uuid4()}").touch()
            if n_before >= 5 and not (folder / "killed").exists():
                (folder / "killed").write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
        return MLP(layer_dims, seed=seed).weights

    return drawn


def sweep(folder=None):
    return small(seeds=12, initializers=["zeros", he_that_kills_once(folder)], batch_size=20)


def test_a_sweep_gives_the_serial_result_though_a_worker_dies(client, tmp_path):
    serial = sweep()
    workers = set(client.run(os.getpid).values())
    with joblib.parallel_config("dask", wait_for_workers_timeout=10):
        parallel = sweep(tmp_path)
    assert int((tmp_path / "killed").read_text()) in workers
    assert len(list(tmp_path.glob("call-*"))) > 12  # the run of the dead came again
    assert_same_runs(parallel, serial)
    assert set(parallel.runs["outcome"]) == {"symmetric", "learned", "constant"} & set(serial.runs["outcome"])
