"""Bad arguments are refused before any run, by an error that names them."""

import functools
import itertools

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from sweeps import X, X_test, small, y, y_test

from fastmlp import initializers
from fastmlp.lab import compare_initializers
from fastmlp.lab.sweep import compare
from fastmlp.schedules import Schedule


@pytest.fixture(autouse=True)
def no_run(monkeypatch):
    """Any run fails the test."""

    def run_case(case, problem):
        raise AssertionError("a run was made")

    monkeypatch.setattr(compare, "run_case", run_case)


class Own(Schedule):
    def rates(self, steps):
        return np.full(steps.n_updates, 0.1)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        # seeds
        ({"seeds": 0}, ValueError, "seeds must be at least 1, got 0"),
        ({"seeds": -3}, ValueError, "seeds must be at least 1, got -3"),
        ({"seeds": True}, TypeError, "seeds must be an integer, got True"),
        ({"seeds": 2.0}, TypeError, "seeds must be an integer or a sequence of integers, got 2.0"),
        ({"seeds": "12"}, TypeError, "seeds must be an integer or a sequence of integers, got '12'"),
        ({"seeds": None}, TypeError, "seeds must be an integer or a sequence of integers, got None"),
        ({"seeds": []}, ValueError, "seeds must be a number or a sequence of at least one, got an empty one"),
        ({"seeds": [1, -1]}, ValueError, r"seeds\[1\] must be at least 0, got -1"),
        ({"seeds": [1, 0.5]}, TypeError, r"seeds\[1\] must be an integer, got 0.5"),
        ({"seeds": [3, 4, 3]}, ValueError, "seeds must be different and have different names, got 3 2 times"),
        ({"seeds": [2**32]}, ValueError, r"seeds must be below 2\*\*32, got 4294967296"),
        ({"seeds": 10**12}, MemoryError, "seeds needs"),
        ({"seeds": 10**8, "epochs": 100, "report_every": 1}, MemoryError, "seeds needs"),
        # initializers
        ({"initializers": ["he", "best"]}, ValueError, r"initializers\[1\] must be one of zeros, .*orthogonal.*'best'"),
        ({"initializers": []}, ValueError, r"initializers must be a list of at least one, got \[\]"),
        ({"initializers": "he"}, ValueError, "initializers must be a list of at least one, got 'he'"),
        ({"initializers": None}, ValueError, "initializers must be a list of at least one, got None"),
        ({"initializers": ["he", initializers.He]}, TypeError, r"initializers\[1\] must be a name, .*He'>; call it"),
        ({"initializers": ["he", 3]}, TypeError, r"initializers\[1\] must be a name, an initializer, a function or a"),
        ({"initializers": ("he", {"scale": 2})}, TypeError, r"initializers\[1\] must be a name, .* got {'scale': 2}"),
        ({"initializers": [("he", "lecun")]}, TypeError, r"initializers\[0\] must be a name, .* got \('he', 'lecun'\)"),
        ({"initializers": [("best", {})]}, ValueError, r"initializers\[0\] must be one of zeros, .* got 'best'"),
        ({"initializers": [("he", {3: 1})]}, TypeError, r"initializers\[0\] must name its parameters by texts, got 3"),
        ({"initializers": [("he", {"seed": 1})]}, ValueError, r"initializers\[0\]: he has no parameter seed"),
        ({"initializers": [("he", {"flavour": 1})]}, (TypeError, ValueError), r"initializers\[0\]: .*flavour"),
        ({"initializers": [("he", {"scale": []})]}, ValueError, r"initializers\[0\], scale must be one or a list"),
        ({"initializers": ["he", initializers.he]}, ValueError, "initializers must be different and .* got he 2 times"),
        ({"initializers": [lambda d: 1, lambda d: 2]}, ValueError, "initializers must be different .* got <lambda> 2"),
        # lists
        ({"layer_dims": [2, [6], 1]}, ValueError, "layer_dims must hold the widths of one network or a list of widths"),
        ({"layer_dims": [[2, 6, 1], [3, 6, 1]]}, ValueError, "layer_dims must have the same inputs and outputs in all"),
        ({"layer_dims": [[2, 6, 1], [2, 6, 2]]}, ValueError, r"2 and 1 in layer_dims\[0\], 2 and 2 in layer_dims\[1\]"),
        ({"layer_dims": [[2, 6, 1], [2, 6, 1]]}, ValueError, "layer_dims must be different .* got 2-6-1 2 times"),
        ({"layer_dims": [[2, 6, 1], [2, 0, 1]]}, ValueError, r"layer_dims\[1\]\[1\] must be at least 1, got 0"),
        ({"layer_dims": [[2, 6, 1], [2]]}, ValueError, r"layer_dims\[1\] must have at least 2 widths"),
        ({"layer_dims": []}, ValueError, "layer_dims must have at least 2 widths"),
        ({"layer_dims": 3}, TypeError, "layer_dims must be a sequence of widths, got int"),
        ({"activation": ["relu", "swoosh"]}, ValueError, "activation must be one of .*relu, .*got 'swoosh'"),
        ({"activation": ["relu", 3]}, TypeError, r"activation must be .*got int"),
        ({"activation": [("relu", "tanh", "relu")]}, ValueError, "activation must have 2 names, one per hidden layer"),
        ({"activation": ["relu", "relu"]}, ValueError, "activation must be different .* got relu 2 times"),
        ({"activation": []}, ValueError, "activation must be one or a list of at least one, got an empty list"),
        ({"optimizer": ["sgd", "best"]}, ValueError, "optimizer must be one of sgd, adam, .*; got 'best'"),
        ({"optimizer": 3}, TypeError, "optimizer must be one of"),
        ({"optimizer": ["sgd", "lbfgs"]}, ValueError, "learning_rate must be None with the optimizer lbfgs"),
        ({"learning_rate": [0.1, 0]}, ValueError, r"learning_rate\[1\] must be finite and over 0, got 0"),
        ({"learning_rate": [0.1, "fast"]}, TypeError, r"learning_rate\[1\] must be a number, got 'fast'"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate must be finite and over 0, got nan"),
        ({"learning_rate": [0.1, 0.10]}, ValueError, "learning_rate must be different .* got 0.1 2 times"),
        ({"learning_rate": [Own(), Own()]}, ValueError, "learning_rate must be different .* got Own 2 times"),
        ({"batch_size": [10, 0]}, ValueError, r"batch_size\[1\] must be at least 1, got 0"),
        ({"batch_size": [None, 60]}, ValueError, "batch_size must be different .* got 60 2 times"),
        ({"batch_size": 1.5}, TypeError, "batch_size must be an integer, got 1.5"),
        # the others
        ({"loss": "best"}, ValueError, "loss must be one of"),
        ({"loss": "multinomial_log_loss"}, ValueError, "y must hold classes 0 to 0"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"epochs": 10.0}, TypeError, "epochs must be an integer, got 10.0"),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64"),
        ({"dtype": "float32", "learning_rate": 1e-44}, ValueError, "learning_rate must be from .* in float32"),
        ({"report_every": 0}, ValueError, "report_every must be at least 1, got 0"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be None or an integer that is not 0, got 0"),
        ({"n_jobs": 1.5}, TypeError, "n_jobs must be None or an integer that is not 0, got 1.5"),
        ({"n_jobs": True}, TypeError, "n_jobs must be None or an integer that is not 0, got True"),
        ({"progress": "yes"}, TypeError, "progress must be True or False, got 'yes'"),
        ({"X_test": X_test[:, :1]}, ValueError, r"X_test, y_test: X must have shape \(at least 1, 2\), got \(30, 1\)"),
        ({"y_test": y_test[:-1]}, ValueError, "X_test, y_test: y must have shape"),
        ({"y_test": y_test + 1}, ValueError, "X_test, y_test: y must hold labels 0 and 1 only"),
        ({"X_test": csr_array(X_test)}, TypeError, "X_test, y_test: X must be dense, got csr_array"),
        ({"X_test": None}, ValueError, "X_test and y_test go together, got y_test alone"),
        ({"y_test": None}, ValueError, "X_test and y_test go together, got X_test alone"),
    ],
)
def test_bad_arguments(changes, error, message, tmp_path):
    with pytest.raises(error, match=message):
        small(**changes, folder=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (X[:, :1], y, ValueError, r"X must have shape \(at least 1, 2\), got \(60, 1\)"),
        (X, y[:-1], ValueError, "y must have shape"),
        (X, y + 1, ValueError, "y must hold labels 0 and 1 only"),
        (np.where(X > 1, np.nan, X) * np.inf, y, ValueError, "X must be finite in float64"),
        (csr_array(X), y, TypeError, "X must be dense, got csr_array"),
        (None, y, TypeError, "X must"),
        (X[:1], y[:1], ValueError, "X must have at least 2 examples: .* got 1"),
    ],
)
def test_bad_data(X, y, error, message):
    with pytest.raises(error, match=message):
        compare_initializers(X, y, [2, 3, 1], progress=False)


def test_a_partial_function_is_named_by_its_arguments(monkeypatch):
    monkeypatch.undo()

    def drawn(layer_dims, scale):
        return [np.full((o, i), scale) for i, o in itertools.pairwise(layer_dims)]

    entries = [functools.partial(drawn, scale=0.1), functools.partial(drawn, scale=0.2)]
    assert small(initializers=entries, seeds=1).runs["initializer"].tolist() == ["drawn(scale=0.1)", "drawn(scale=0.2)"]


def test_a_backend_that_returns_all_results_at_once_is_refused():
    with joblib.parallel_config("multiprocessing"), pytest.raises(ValueError, match="n_jobs needs a joblib backend"):
        small()
