"""scikit-learn's own tests of its networks run on ours: the installed module with its import replaced."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest

THEIRS = "sklearn.neural_network"
PRIVATE = {  # tests of private attributes, with the test of ours that replaces each, in test_worked_examples.py
    "test_fit": "sets the layers of a model before its first fit",
    "test_gradient": "calls _loss_grad_lbfgs",
    "test_learning_rate_warmstart": "reads _optimizer",
    "test_adaptive_learning_rate": "reads _optimizer",
    "test_n_iter_no_change": "reads _no_improvement_count",
    "test_n_iter_no_change_inf": "reads _no_improvement_count",
}


def module_on_ours():
    spec = importlib.util.find_spec(f"{THEIRS}.tests.test_mlp")
    source = Path(spec.origin).read_text(encoding="utf-8")
    line = f"from {THEIRS} import MLPClassifier, MLPRegressor\n"
    assert source.count(line) == 1
    module = types.ModuleType("scikit_learn_s_tests_of_networks")
    module.__file__ = spec.origin
    code = compile(source.replace(line, "from fastmlp import MLPClassifier, MLPRegressor\n"), spec.origin, "exec")
    exec(code, module.__dict__)
    return module


theirs = module_on_ours()
tests = {name for name in vars(theirs) if name.startswith("test_")}
globals().update({name: getattr(theirs, name) for name in tests - set(PRIVATE)})
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture: one of many seeds."""
    return 42


def test_none_is_left_out_without_a_reason():
    assert set(PRIVATE) <= tests
    assert len(tests) > 35
    assert theirs.MLPClassifier is sys.modules["fastmlp"].MLPClassifier
