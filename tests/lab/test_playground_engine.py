"""The engine of the playground under Node: the bits of the native baseline kernels, NumPy's draws, memory, errors."""

import gzip
import hashlib
import json
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from networks import HIDDEN

import fastmlp
from fastmlp import MLP, _kernels, initializers, load_dataset
from fastmlp.lab.diagnosis import diagnose
from fastmlp.lab.diagnosis.histograms import DEVIATIONS
from fastmlp.lab.diagnosis.layers import saturation_limits

FOLDER = Path(fastmlp.__file__).parent / "lab" / "playground"
NODE = shutil.which("node")
LOSSES = ("log_loss", "multinomial_log_loss", "squared_error", "absolute_error", "huber", "quantile", "poisson")
ADAM = {"method": "adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
N_SEEDS = 1000

needs_node = pytest.mark.skipif(NODE is None, reason="needs node on the PATH (Debian's nodejs)")
has_same_bits = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="elsewhere the baseline kernels fuse multiply-adds"
)


def in_node(script, **inputs):
    """What the script returns, with inputs as constants of these names."""
    given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in inputs.items())
    driver = Path(__file__).with_name("engine_driver.mjs")
    done = subprocess.run([NODE, driver, FOLDER], input=given + script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def hash_of(numbers):
    return hashlib.sha256(np.ascontiguousarray(numbers).tobytes()).hexdigest()


@pytest.fixture
def baseline():
    """The native kernels whose bits the engine has."""
    before = _kernels.current_isa()
    _kernels.select_isa("baseline")
    yield
    _kernels.select_isa(before)


def described(model):
    """The arguments of `engine.model`."""
    options = {"lossParameter": model.loss.parameter, "labelSmoothing": model.loss.label_smoothing}
    return [list(model.plan.layer_dims), list(model.plan.activations), model.loss.name, options]


def circles():
    X, Y, _, _ = load_dataset(False)
    return X.T, Y[0].astype(float)


# ---- bits


@needs_node
@has_same_bits
@pytest.mark.filterwarnings("ignore:training ended with a dead network")  # zeros, as it should
@pytest.mark.parametrize("initialization", ["zeros", "random", "he"])
def test_the_trainings_of_the_study_have_the_bits_of_the_baseline_kernels(initialization, baseline):
    X, y = circles()
    model = MLP([2, 10, 5, 1], initialization=initialization, seed=3)
    start = model.parameters.copy()
    history = model.train(X, y, epochs=15_000, learning_rate=0.01, report_every=1000)
    found = in_node(
        """
        const model = engine.model(...network);
        model.parameters.set(engine.draw(initialization, network[0], 3));
        const start = hash(model.parameters);
        model.setData(X, y);
        const { losses, status, epochs } = model.train(15000, { lossEvery: 1000 });
        return { start, end: hash(model.parameters), losses, status, epochs };
        """,
        network=described(model),
        initialization=initialization,
        X=X.ravel().tolist(),
        y=y.tolist(),
    )
    assert found["start"] == hash_of(start)
    assert found["end"] == hash_of(model.parameters)
    assert found["losses"] == history.losses[:15].tolist()
    assert (found["status"], found["epochs"]) == ("done", 15_000)


def targets_of(loss, n, rng):
    if loss == "multinomial_log_loss":
        return rng.integers(0, 3, n)
    if loss == "poisson":
        return rng.poisson(1.5, (n, 3))
    if loss == "log_loss":
        return rng.integers(0, 2, n)
    return rng.standard_normal((n, 3))


@needs_node
@has_same_bits
@pytest.mark.parametrize("loss", LOSSES)
def test_minibatches_with_adam_have_the_bits_of_the_baseline_kernels(loss, baseline):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 2)), targets_of(loss, 100, rng)
    dims = [2, 9, 7, 1 if loss == "log_loss" else 3]
    networks, expected, losses = [], [], []
    for activation in HIDDEN:
        model = MLP(dims, activation=activation, loss=loss, initialization="xavier_normal", seed=5)
        networks.append(described(model))
        history = model.train(
            X, y, epochs=10, batch_size=32, optimizer="adam", learning_rate=0.01, seed=11, report_every=1
        )
        expected.append(hash_of(model.parameters))
        losses.append(history.losses[:10].tolist())
    found = in_node(
        """
        return networks.map((network) => {
            const model = engine.model(...network);
            model.parameters.set(engine.draw("xavier_normal", network[0], 5));
            model.setOptimizer(adam, 0.01);
            model.setData(X, y, { batchSize: 32, seed: 11 });
            const { losses } = model.train(10);
            return [hash(model.parameters), losses];
        });
        """,
        networks=networks,
        adam=ADAM,
        X=X.ravel().tolist(),
        y=y.T.ravel().tolist(),
    )
    assert [pair[0] for pair in found] == expected
    assert len(set(expected)) == len(HIDDEN)
    assert [pair[1] for pair in found] == losses
