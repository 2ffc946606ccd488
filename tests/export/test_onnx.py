"""onnxruntime computes from the exported model what we predict."""

import io
import subprocess
import sys

import numpy as np
import pytest
from networks import HIDDEN
from sklearn.exceptions import NotFittedError

from fastmlp import MLP, MLPClassifier, MLPRegressor

onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
RTOL = {"float64": 1e-12, "float32": 2e-5}  # of the largest output; onnxruntime has its own exp and tanh


def run(model, X):
    file = io.BytesIO()
    model.to_onnx(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, {"inputs": X}), strict=True))


def inputs(n_features, dtype):
    rng = np.random.default_rng(3)
    return (rng.standard_normal((50, n_features)) * 10.0 ** rng.integers(-2, 2, (50, 1))).astype(dtype)


def assert_close(got, wanted, dtype):
    assert got.dtype == dtype
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=RTOL[dtype.name], atol=RTOL[dtype.name] * np.abs(wanted).max())


@pytest.mark.parametrize("activation", HIDDEN)
def test_every_activation(activation, dtype):
    model, X = MLP([5, 9, 4, 2], activation=activation, loss="squared_error", dtype=dtype, seed=0), inputs(5, dtype)
    model.parameters = model.parameters + 0.1
    found = run(model, X)
    assert list(found) == ["outputs"]
    assert_close(found["outputs"], model.predict(X), dtype)


@pytest.mark.parametrize("loss", ["log_loss", "multilabel_log_loss", "multinomial_log_loss", "huber", "poisson"])
def test_every_output(loss, dtype):
    model, X = MLP([5, 9, 1 if loss == "log_loss" else 3], loss=loss, dtype=dtype, seed=0), inputs(5, dtype) / 10
    wanted = model.predict(X) if loss in ("huber", "poisson") else model.predict_proba(X)
    assert_close(run(model, X)["outputs"], wanted.reshape(50, -1), dtype)


@pytest.mark.parametrize("labels", [[0, 1], [7, 3, 5], ["no", "yes"], ["a", "b", "c"], [1.0, 2.0], [False, True]])
def test_a_classifier_has_labels_and_probabilities(labels, dtype):
    X, labels = inputs(4, dtype), np.array(labels)
    model = MLPClassifier((6,), max_iter=3, random_state=0).fit(X, labels[np.arange(50) % len(labels)])
    found = run(model, X)
    assert_close(found["probabilities"], model.predict_proba(X), dtype)
    np.testing.assert_array_equal(found["label"], model.predict(X))


@pytest.mark.parametrize("n_labels", [2, 3])
def test_several_labels_are_a_row_each(n_labels, dtype):
    X = inputs(4, dtype)
    model = MLPClassifier((6,), max_iter=3, random_state=0).fit(X, (X[:, :n_labels] > 0).astype(int))
    found = run(model, X)
    assert_close(found["probabilities"], model.predict_proba(X), dtype)
    np.testing.assert_array_equal(found["label"], model.predict(X))


def test_a_regressor_has_values(dtype):
    X = inputs(4, dtype)
    model = MLPRegressor(hidden_layer_sizes=(6,), max_iter=3, random_state=0).fit(X, X[:, 0])
    assert_close(run(model, X)["outputs"][:, 0], model.predict(X), dtype)


def test_a_path_is_written_and_what_is_wrong_is_refused_before(tmp_path):
    import onnx

    model = MLP([2, 1], seed=0)
    model.to_onnx(tmp_path / "net.onnx")
    onnx.checker.check_model(str(tmp_path / "net.onnx"), full_check=True)
    model.weights[0][0, 0] = np.inf
    with pytest.raises(ValueError, match="parameters must be finite"):
        model.to_onnx(tmp_path / "other.onnx")
    with pytest.raises(NotFittedError):
        MLPClassifier().to_onnx(tmp_path / "other.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_without_onnx_the_error_says_what_to_install():
    program = "import sys; sys.modules['onnx'] = None\nfrom fastmlp import MLP\nMLP([2, 1]).to_onnx('net.onnx')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "ImportError: to_onnx needs the package onnx: pip install onnx"
