"""Every public function and constructor with hostile values in place of each argument, one at a time.

Each call must answer, or raise an error of ours that names the argument in one line, before any work.
"""

import math
import re
import traceback
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import fastmlp
from fastmlp import MLP, datasets, initializers, losses, notebook, optimizers, plots, schedules, show_config, training
from fastmlp.engine import plan, threads
from fastmlp.lab import assert_healthy, diagnose, gradient_check, run_study

PACKAGE = str(Path(fastmlp.__path__[0]))
X = np.random.default_rng(0).standard_normal((6, 2))
Y = np.array([0, 1, 1, 0, 1, 0])
ONE = np.ones((1, 1))


class Unprintable:
    """Something whose text cannot be had, and that cannot be converted."""

    def __repr__(self):
        raise RuntimeError("no text")

    def __array__(self, dtype=None, copy=None):
        raise IndexError("no array")


def endless():
    nested = []
    nested.append(nested)
    return nested


def hostile_values():
    """A new list of them, since some are used up."""
    numbers = (-1, 0, 2**63, 2**70, -(2**70), 10**5000, 1.5, -0.5, math.nan, math.inf, -math.inf, 1e-320, 1j)
    scalars = (np.int8(-1), np.float64(0.5), np.float32(3), np.longdouble(3), np.bool_(True), np.datetime64("2020"))
    texts = ("", "text", "1", "x" * 100_000, "a\nb", b"bytes", np.str_("relu"))
    holders = (
        [],
        [1],
        [[1, 2], [3]],
        (),
        (1, 2, 3),
        {},
        {"a": 1},
        {1, 2},
        range(3),
        endless(),
        ["he", 3],
        [None],
        [[]],
    )
    arrays = (
        *(np.array(3), np.empty(0), np.empty((0, 2)), np.ones((2, 2, 2)), np.array(["a", "b"]), np.array([None, 1])),
        *(np.full((6, 2), np.nan), np.full((2, 2), 1j), np.ma.masked_all((6, 2)), np.ones(6), np.ones((2, 6))),
        *(scipy.sparse.csr_array((6, 2)), scipy.sparse.coo_array((3, 3))),
    )
    others = (None, True, Ellipsis, NotImplemented, object(), object, int, math, len, lambda: None, slice(1), iter([1]))
    generators = (np.random.SeedSequence(1), np.random.PCG64(1), np.random.RandomState)
    return [
        *(*numbers, *scalars, *texts, *holders, *arrays, *others, *generators),
        *(Decimal("NaN"), Decimal(1), Fraction(1, 3), Unprintable(), threads, type("Empty", (), {})()),
    ]


def network(**kwargs):
    return MLP([2, 3, 1], **{"seed": 1, **kwargs})


def method(name, **kwargs):
    return lambda **arguments: getattr(network(**kwargs), name)(**arguments)


PARAMETERS = {"W1": np.ones((1, 2)), "b1": ONE}
GRADIENTS = {"dW1": np.ones((1, 2)), "db1": ONE}
XT, YT = X.T.copy(), Y[np.newaxis]
TRAINING = {
    "X": X,
    "y": Y,
    "epochs": 1,
    "batch_size": 4,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "shuffle": True,
    "seed": 1,
    "sample_weight": None,
    "l1": 0.0,
    "l2": 0.0,
    "penalty": "mean",
    "clip_value": 1.0,
    "clip_norm": 1.0,
    "dropout": 0.1,
    "n_iter_no_change": 1,
    "tol": 0.1,
    "restore_best": None,
    "validation": (X, Y),
    "validation_every": 1,
    "validation_score": None,
    "n_threads": 1,
    "report_every": 1,
    "callback": None,
    "progress": False,
}
STUDY = {
    "layer_dims": [2, 1],
    "train": (X, Y),
    "test": (X, Y),
    "initializations": ("he",),
    "seed": 1,
    "learning_rate": 0.1,
    "epochs": 1,
    "report_every": 1,
    "dtype": "float64",
}


def run(**arguments):
    given = {
        "network": network(),
        "examples": network().examples(X, Y),
        "options": training.TrainingOptions(epochs=1),
    }
    return training.run(**given | {name: value for name, value in arguments.items() if value is not DEFAULT})


DEFAULT = object()
CALLS = {
    "MLP": (
        MLP,
        {"layer_dims": [2, 1], "activation": [], "loss": "log_loss", "initialization": "he", "dtype": "f8", "seed": 1},
    ),
    "MLP.train": (method("train"), TRAINING),
    "MLP.train, L-BFGS": (
        method("train"),
        {"X": X, "y": Y, "epochs": 1, "optimizer": "lbfgs", "learning_rate": None, "l2": 0.1, "report_every": 1},
    ),
    "MLP.loss_and_gradient": (method("loss_and_gradient"), {"X": X, "y": Y, "sample_weight": np.ones(6)}),
    "MLP.loss_and_gradient, classes": (
        lambda **arguments: MLP([2, 3], loss="multinomial_log_loss").loss_and_gradient(**arguments),
        {"X": X, "y": Y},
    ),
    "MLP.loss_and_gradient, counts": (method("loss_and_gradient", loss="poisson"), {"X": X, "y": Y}),
    "MLP.examples": (method("examples", dtype="float32"), {"X": X, "y": Y, "sample_weight": np.ones(6)}),
    "MLP.predict": (method("predict"), {"X": X}),
    "MLP.predict_proba": (method("predict_proba"), {"X": X}),
    "MLP.decision_function": (method("decision_function"), {"X": X}),
    "MLP.predict_one": (method("predict_one"), {"x": X[0]}),
    "MLP.parameters": (lambda parameters: setattr(network(), "parameters", parameters), {"parameters": np.ones(13)}),
    "training.run": (run, dict.fromkeys(["network", "examples", "options"], DEFAULT)),
    "training.order_of": (training.order_of, {"seed": 1, "epoch": 1, "n_examples": 3, "out": None}),
    "training.CumulativeOrders": (training.CumulativeOrders, {"random_state": np.random.RandomState(1)}),
    "Plan": (fastmlp.Plan, {"layer_dims": (2, 1), "activations": ("logistic",), "dtype": np.dtype("float64")}),
    "Plan.split": (network().plan.split, {"parameters": np.ones(13)}),
    "Plan.describe": (network().plan.describe, {"n_examples": 3}),
    "Plan.scratch_bytes": (network().plan.scratch_bytes, {"n_examples": 3}),
    "split_parameters": (plan.split_parameters, {"parameters": np.ones(3), "layer_dims": [2, 1]}),
    "join_parameters": (plan.join_parameters, {"weights": [np.ones((1, 2))], "biases": [np.ones(1)]}),
    "initializers.get": (initializers.get, {"name": "he"}),
    "initializers.draw": (initializers.draw, {"initialization": "he", "layer_dims": [2, 1], "seed": 1}),
    "initializers.draw_layers": (
        initializers.draw_layers,
        {"draws": [initializers.he.draw], "layer_dims": [2, 1], "seed": 1},
    ),
    "an initializer": (initializers.orthogonal, {"layer_dims": [2, 1], "seed": 1, "activations": "relu"}),
    "VarianceScaling": (
        initializers.VarianceScaling,
        {"scale": 1.0, "mode": "fan_in", "distribution": "normal", "bias": "normal", "bias_scale": 1.0},
    ),
    "Sparse": (initializers.Sparse, {"n_connections": 1, "scale": 1.0}),
    "LSUV.on": (initializers.LSUV().on, {"X": X}),
    "LSUV": (initializers.LSUV, {"inputs": None}),
    "WithinLayer": (initializers.WithinLayer, {"mean": 0.0}),
    "initializers.bound_to": (initializers.bound_to, {"initialization": "lsuv", "X": X}),
    "datasets.circles": (datasets.circles, {"n_examples": 4, "seed": 1}),
    "datasets.moons": (datasets.moons, {"n_examples": 4, "seed": 1}),
    "load_dataset": (fastmlp.load_dataset, {"is_plot": False}),
    "show_config": (show_config, {"mode": "dict"}),
    "threads.choose": (lambda n_threads: threads.choose(n_threads, 1e3), {"n_threads": 1}),
    "diagnose": (diagnose, {"network": network(), "X": X, "y": Y}),
    "diagnose, with a trace": (
        diagnose,
        {
            "network": network(),
            "X": X,
            "y": Y,
            "n_jacobians": 2,
            "histograms": 3,
            "trace": [0, 1],
            "learning_rate": 0.1,
        },
    ),
    "gradient_check": (gradient_check, {"network": network(), "X": X, "y": Y, "n_parameters": 3, "seed": 0}),
    "assert_healthy": (assert_healthy, {"network": network(), "X": X, "y": Y}),
    "run_study": (run_study, STUDY),
    "plot_decision_boundary": (
        plots.plot_decision_boundary,
        {"model": lambda points: points[:, 0] > 0, "X": XT, "y": Y},
    ),
    "sigmoid": (notebook.sigmoid, {"x": X}),
    "relu": (notebook.relu, {"x": X}),
    "log_loss": (notebook.log_loss, {"z": YT, "Y": YT}),
    "forward_propagation": (notebook.forward_propagation, {"X": XT, "parameters": PARAMETERS}),
    "update_parameters": (
        lambda parameters, grads, learning_rate: notebook.update_parameters(
            dict(parameters) if isinstance(parameters, dict) else parameters, grads, learning_rate
        ),
        {"parameters": PARAMETERS, "grads": GRADIENTS, "learning_rate": 0.1},
    ),
    "backward_propagation": (
        notebook.backward_propagation,
        {"X": XT, "Y": YT, "cache": notebook.forward_propagation(XT, PARAMETERS)[1]},
    ),
    "notebook.predict": (notebook.predict, {"X": XT, "y": YT, "parameters": PARAMETERS}),
    "notebook.predict_dec": (notebook.predict_dec, {"X": XT, "parameters": PARAMETERS}),
    "notebook.model": (
        lambda **arguments: notebook.model(print_cost=False, **arguments),
        {"X": XT, "Y": YT, "learning_rate": 0.1, "num_iterations": 1, "initialization": "he"},
    ),
    "initialize_parameters_he": (notebook.initialize_parameters_he, {"layers_dims": [2, 1], "seed": 1}),
    "LogLoss": (losses.LogLoss, {"label_smoothing": 0.1}),
    "MultinomialLogLoss": (losses.MultinomialLogLoss, {"label_smoothing": 0.1}),
    "Huber": (losses.Huber, {"delta": 1.0}),
    "Quantile": (losses.Quantile, {"quantile": 0.5}),
    "SGD": (optimizers.SGD, {"momentum": 0.5, "nesterov": True}),
    "Adam": (optimizers.Adam, {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 1.0, "epsilon_hat": False}),
    "AdamW": (optimizers.AdamW, {"weight_decay": 0.5}),
    "RMSprop": (optimizers.RMSprop, {"rho": 0.5, "epsilon": 1.0}),
    "LBFGS": (optimizers.LBFGS, {"tol": 0.5, "memory": 3, "ftol": 0.1, "max_fun": 3}),
    "Constant": (schedules.Constant, {"initial": 0.1}),
    "InverseScaling": (schedules.InverseScaling, {"initial": 0.1, "power_t": 0.5, "by": "updates"}),
    "Adaptive": (
        schedules.Adaptive,
        {"initial": 0.1, "tol": 0.1, "factor": 0.5, "n_iter_no_change": 1, "smallest": 0.1},
    ),
    "Cosine": (schedules.Cosine, {"initial": 0.1, "epochs": 1, "final": 0.1}),
    "StepDecay": (schedules.StepDecay, {"initial": 0.1, "every": 1, "factor": 0.5}),
    "WarmUp": (schedules.WarmUp, {"then": 0.1, "epochs": 1}),
}
ALSO_NAMED = {  # what does not fit to a value that is right by itself
    ("MLP", "layer_dims"): ["activation"],
    ("Plan", "layer_dims"): ["activations"],
    ("split_parameters", "layer_dims"): ["parameters"],
    ("initializers.get", "name"): ["initialization"],  # what callers pass it on as
    ("initializers.draw_layers", "layer_dims"): ["draws"],
    ("run_study", "layer_dims"): ["X"],
    ("run_study", "initializations"): ["initialization"],
    ("log_loss", "z"): ["Y"],
}
FUNCTIONS = ("initialization", "draws", "shuffle", "callback", "validation_score", "model")
ARGUMENTS = [(call, name) for call, (_, arguments) in CALLS.items() for name in arguments]


def complaint(call, name, value):
    """What is wrong with how ``call`` treats this value of the argument ``name``, or None."""
    function, arguments = CALLS[call]
    try:
        with np.errstate(all="ignore"):
            function(**{**arguments, name: value})
    except (TypeError, ValueError, MemoryError) as error:
        message = str(error)
        frames = traceback.extract_tb(error.__traceback__)
        if not re.search(rf"(?<![a-zA-Z])({'|'.join((name, *ALSO_NAMED.get((call, name), ())))})", message):
            return f"{type(error).__name__} without the argument's name: {message[:200]!r}"
        if len(message) > 500 or "\n" in message:
            return f"a message of {len(message)} characters: {message[:300]!r}"
        if not frames[-1].filename.startswith((PACKAGE, "fastmlp/")):
            return f"an error of another library: {message[:200]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]!r}"
    return None


@pytest.mark.filterwarnings("ignore::fastmlp.DivergenceWarning", "ignore::fastmlp.DeadNetworkWarning")
@pytest.mark.parametrize(("call", "name"), ARGUMENTS, ids=[f"{call}({name})" for call, name in ARGUMENTS])
def test_a_hostile_value_is_an_answer_or_an_error_that_names_the_argument(call, name):
    complaints = []
    for at, value in enumerate(hostile_values()):
        if name in ("epochs", "num_iterations") and type(value) is int and value > 1000:
            continue  # that many epochs are allowed
        if name in FUNCTIONS and callable(value):
            continue  # an error of the caller's own function is the caller's
        wrong = complaint(call, name, value)
        if wrong:
            complaints.append(f"{at}, {type(value).__name__}: {wrong}")
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MLP([[1, 2], [3]]), TypeError, r"layer_dims\[0\] must be an integer, got \[1, 2\]"),
        (
            lambda: MLP([2, 10**5000]),
            ValueError,
            "layer_dims\\[1\\] must be at most .*, got int that cannot be printed",
        ),
        (lambda: MLP(np.array(3)), TypeError, "layer_dims must be a sequence of widths, got ndarray"),
        (lambda: MLP([2, 2**28, 2**28]), MemoryError, "layer_dims needs .* GiB of memory; this machine has"),
        (lambda: MLP([2, 1], dtype={"a": 1}), TypeError, "dtype must be float32 or float64, got {'a': 1}"),
        (lambda: MLP([2, 1], dtype={}), ValueError, "dtype must be float32 or float64, got {}"),
        (lambda: MLP([2, 3, 1], activation=3), TypeError, "activation must be a name or a sequence of names, got int"),
        (lambda: MLP([2, 3, 1], activation=[3]), TypeError, r"activation\[0\] must be one of identity, .*; got 3"),
        (lambda: MLP([2, 1], loss=["log_loss"]), TypeError, r"loss must be one of .*; got \['log_loss'\]"),
        (lambda: MLP([2, 1], seed=np.random.SeedSequence(1)), TypeError, "seed must be an integer, got SeedSequence"),
        (lambda: MLP([2, 1], seed=np.random.PCG64(1)), TypeError, "seed must be an integer, got <numpy.*PCG64"),
        (lambda: MLP([2, 1], seed=[1]), TypeError, r"seed must be an integer, got \[1\]"),
        (lambda: MLP([2, 1], seed=-(10**30)), ValueError, "seed must be at least 0, got -1000000000"),
        (lambda: datasets.circles("a", seed=1), TypeError, "n_examples must be an integer, got 'a'"),
        (lambda: datasets.moons(0, seed=1), ValueError, "n_examples must be at least 1, got 0"),
        (lambda: datasets.circles(2**60, seed=1), MemoryError, "n_examples needs .* GiB"),
        (lambda: fastmlp.load_dataset(is_plot="no"), TypeError, "is_plot must be True or False, got 'no'"),
        (lambda: show_config(["dict"]), TypeError, r"mode must be one of print, dict; got \['dict'\]"),
        (lambda: training.run(network(), None, {}), TypeError, "examples must be Examples, got None"),
        (
            lambda: training.run(network(), network().examples(X, Y), {}),
            TypeError,
            "options must be TrainingOptions, got {}",
        ),
        (lambda: diagnose(None, X), TypeError, "network must be an MLP, MLPClassifier or MLPRegressor, got None"),
        (lambda: run_study([2, 1], X, (X, Y)), TypeError, r"train must be a pair \(X, y\), got array"),
        (lambda: run_study([2, 1], (X, Y), (X,)), TypeError, r"test must be a pair \(X, y\), got \(array"),
        (lambda: network().train(X, Y, epochs=1, validation=X), TypeError, r"validation must be a tuple \(X, y\)"),
        (lambda: network().train(X, Y, epochs=2**63), ValueError, "epochs must be at most 9223372036854775807, got"),
        (lambda: network().train(X, Y, epochs=1e3), TypeError, "epochs must be an integer, got 1000.0"),
        (lambda: network().train(X, Y, epochs=1, batch_size=2**70), ValueError, "batch_size must be at most"),
        (
            lambda: plan.split_parameters(np.ones(4), [2, 1]),
            ValueError,
            r"parameters must have shape \(3,\), got \(4,\)",
        ),
        (
            lambda: plan.join_parameters([np.ones((3, 2)), np.ones((1, 4))], [np.ones(3), np.ones(1)]),
            ValueError,
            r"weights\[1\] must have shape \(fan_out, 3\), got \(1, 4\)",
        ),
        (
            lambda: plan.join_parameters([np.ones((3, 2))], [np.ones(2)]),
            ValueError,
            r"biases\[0\] must have shape \(3,\) to match weights\[0\], got \(2,\)",
        ),
        (
            lambda: plan.join_parameters([], []),
            ValueError,
            "weights and biases must have an array per layer, got 0 and 0",
        ),
        (lambda: fastmlp.Plan((2, 1), None, "f8"), TypeError, "activations must be a list of names, got None"),
        (lambda: initializers.draw(["he", 3], [2, 3, 1]), TypeError, "initialization must hold names or functions"),
        (lambda: training.order_of(endless(), 1, 3), TypeError, r"seed must be an integer, got \[\[\.\.\.\]\]"),
    ],
)
def test_what_was_an_error_of_another_kind_names_the_argument(call, error, message):
    with pytest.raises(error, match=f"^{message}"):
        call()


@pytest.mark.parametrize("largest", [2**62, 2**63 - 1])
@pytest.mark.parametrize("name", ["epochs", "batch_size", "report_every", "validation_every", "n_iter_no_change"])
@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_the_largest_numbers_allowed_work(name, largest, optimizer):
    options = {"epochs": 3, "report_every": 1, "validation": (X, Y), "callback": lambda epoch, loss: epoch == 2}
    ended = network().train(X, Y, optimizer=optimizer, **{**options, name: largest}).ended
    assert ended.epoch == (3 if name == "report_every" else 2)


@pytest.mark.parametrize("largest", [2**62, 2**63 - 1])
@pytest.mark.parametrize("batch_size", [None, 4])
def test_schedules_of_the_largest_numbers_allowed_work(largest, batch_size):
    then = schedules.Cosine(0.1, epochs=largest)
    for schedule in (then, schedules.StepDecay(0.1, every=largest), schedules.WarmUp(then, epochs=largest)):
        assert network().train(X, Y, epochs=3, learning_rate=schedule, batch_size=batch_size).ended.how == "finished"
