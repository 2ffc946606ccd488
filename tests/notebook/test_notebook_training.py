"""The notebook's whole training: its published figures, its picture, its checks of a reader's functions."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from alarms import alarm, interrupt
from matplotlib import pyplot as plt

from fastmlp import DivergenceWarning, initializers, notebook
from fastmlp.notebook import load_dataset, model, predict

FIGURES = json.loads((Path(__file__).parents[1] / "figures" / "seed_study.json").read_text())
TRAIN_X, TRAIN_Y, TEST_X, TEST_Y = load_dataset(is_plot=False)
NAMES = ["zeros", "random", "he"]


def printed_costs(output):
    lines = re.findall(r"^Cost after iteration (\d+): (\S+)$", output, re.MULTILINE)
    assert len(lines) == len(output.splitlines())
    return [int(iteration) for iteration, _ in lines], [float(cost) for _, cost in lines]


# ---- the seed study


@pytest.fixture(scope="module", params=NAMES)
def trained(request):
    return request.param, model(TRAIN_X, TRAIN_Y, print_cost=False, initialization=request.param)


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_costs_are_the_published_ones(name, isa, capsys):
    model(TRAIN_X, TRAIN_Y, initialization=name)
    iterations, costs = printed_costs(capsys.readouterr().out)
    published = FIGURES["runs"][name]["costs"]
    assert iterations == list(range(0, 15000, 1000))
    if name == "zeros":
        np.testing.assert_allclose(costs, published, rtol=0, atol=4e-15)
    elif name == "random":  # the published first cost is inf by roundoff; the path after it is chaotic
        assert costs[0] == pytest.approx(FIGURES["runs"][name]["stable_cost_at_0"], rel=1e-12)
        np.testing.assert_allclose(costs[1:], published[1:], rtol=0.02)
        assert costs[-1] == pytest.approx(published[-1], rel=1e-3)
    else:
        np.testing.assert_allclose(costs, published, rtol=1e-9)


@pytest.mark.parametrize(
    ("X", "Y", "key"), [(TRAIN_X, TRAIN_Y, "train_accuracy"), (TEST_X, TEST_Y, "test_accuracy")], ids=["train", "test"]
)
def test_the_accuracies_are_the_published_ones(trained, X, Y, key, capsys):
    name, parameters = trained
    predictions = predict(X, Y, parameters)
    assert capsys.readouterr().out == f"Accuracy: {FIGURES['runs'][name][key]}\n"
    if name == "zeros":
        assert not predictions.any()


def test_the_trained_parameters_are_a_notebook_s_dict(trained):
    _, parameters = trained
    assert list(parameters) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert [value.shape for value in parameters.values()] == [(10, 2), (10, 1), (5, 10), (5, 1), (1, 5), (1, 1)]
    assert {value.dtype for value in parameters.values()} == {np.dtype("float64")}


def test_model_is_the_same_as_the_notebook_s_loop_of_single_steps():
    parameters = notebook.initialize_parameters_he([2, 10, 5, 1])
    for _ in range(50):
        _, cache = notebook.forward_propagation(TRAIN_X, parameters)
        notebook.update_parameters(parameters, notebook.backward_propagation(TRAIN_X, TRAIN_Y, cache), 0.01)
    for key, value in model(TRAIN_X, TRAIN_Y, num_iterations=50, print_cost=False).items():
        np.testing.assert_allclose(value, parameters[key], rtol=1e-10, atol=1e-14)


# ---- what is printed and drawn


def test_the_curve_has_the_notebook_s_labels_and_title(capsys):
    axes = plt.gca()
    model(TRAIN_X, TRAIN_Y, num_iterations=2500, learning_rate=0.02)
    _, costs = printed_costs(capsys.readouterr().out)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("iterations (per hundreds)", "cost")
    assert axes.get_title() == "Learning rate =0.02"
    (line,) = axes.get_lines()
    assert line.get_ydata().tolist() == costs
    assert len(costs) == 3


def test_without_print_cost_nothing_is_printed_or_drawn(capfd):
    model(TRAIN_X, TRAIN_Y, num_iterations=1500, print_cost=False)
    assert capfd.readouterr() == ("", "")
    assert not plt.get_fignums()


@pytest.mark.parametrize(("backend", "left"), [("agg", []), ("qtagg", [1])])
def test_the_curve_is_shown_once_and_left_to_its_window_where_there_is_one(backend, left, monkeypatch):
    calls = []
    monkeypatch.setattr("matplotlib.get_backend", lambda: backend)
    monkeypatch.setattr(plt, "show", lambda: calls.append(plt.get_fignums()))
    model(TRAIN_X, TRAIN_Y, num_iterations=1)
    assert calls == [[1]]
    assert plt.get_fignums() == left


def test_zero_iterations_return_the_initial_parameters(capsys):
    parameters = model(TRAIN_X, TRAIN_Y, num_iterations=0)
    assert capsys.readouterr().out == ""
    for key, value in notebook.initialize_parameters_he([2, 10, 5, 1]).items():
        np.testing.assert_array_equal(parameters[key], value)


@pytest.mark.parametrize(
    "initialization",
    [initializers.lecun, "xavier", ["he", "zeros", "random"], lambda dims: initializers.he(dims, seed=5)],
    ids=["Initializer", "alias", "list", "function"],
)
def test_model_takes_any_initialization_with_the_notebook_s_seed(initialization):
    parameters = model(TRAIN_X, TRAIN_Y, num_iterations=0, print_cost=False, initialization=initialization)
    weights, _ = initializers.draw(initialization, [2, 10, 5, 1], seed=3)
    for layer, expected in enumerate(weights, start=1):
        np.testing.assert_array_equal(parameters[f"W{layer}"], expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_s_own_initializers_are_initializations(name):
    function = getattr(notebook, f"initialize_parameters_{name}")
    trained = [model(TRAIN_X, TRAIN_Y, num_iterations=9, print_cost=False, initialization=i) for i in (name, function)]
    for key, value in trained[0].items():
        np.testing.assert_array_equal(trained[1][key], value)


def test_data_with_more_features_widen_the_first_layer():
    X = np.random.default_rng(0).standard_normal((7, 40))
    parameters = model(X, (X[:1] > 0).astype(int), num_iterations=5, print_cost=False)
    assert parameters["W1"].shape == (10, 7)


def test_divergence_warns_and_returns_finite_parameters():
    with pytest.warns(DivergenceWarning, match="Try a learning_rate below"):
        parameters = model(1e150 * TRAIN_X, TRAIN_Y, num_iterations=3, learning_rate=1e200, print_cost=False)
    assert all(np.isfinite(value).all() for value in parameters.values())


def test_ctrl_c_warns_and_returns_the_parameters_reached(capsys):
    with pytest.warns(UserWarning, match="training interrupted") as caught, alarm(interrupt, 0.2):
        parameters = model(TRAIN_X, TRAIN_Y, num_iterations=10**7, print_cost=False)
    assert caught[0].filename == __file__
    start = notebook.initialize_parameters_he([2, 10, 5, 1])
    assert not np.array_equal(parameters["W1"], start["W1"])
    predict(TRAIN_X, TRAIN_Y, parameters)
    assert float(capsys.readouterr().out.removeprefix("Accuracy: ")) > 0.5


# ---- initializers and the checks of a reader's own


@pytest.mark.parametrize("name", NAMES)
def test_initial_parameters_are_the_published_ones(name):
    figures = FIGURES["initializers"][name]
    parameters = getattr(notebook, f"initialize_parameters_{name}")(figures["dims"])
    assert list(parameters) == ["W1", "b1", "W2", "b2"]
    for key in ("W1", "W2"):
        np.testing.assert_array_equal(parameters[key].round(8), figures[key])
    for key, width in zip(("b1", "b2"), figures["dims"][1:], strict=True):
        np.testing.assert_array_equal(parameters[key], np.zeros((width, 1)))


def test_other_seeds_give_other_weights_and_leave_the_global_state_alone():
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    for function in (notebook.initialize_parameters_he, notebook.initialize_parameters_random):
        assert not np.array_equal(function([2, 3, 1], seed=4)["W1"], function([2, 3, 1])["W1"])
    assert np.random.random() == expected


@pytest.mark.parametrize("name", NAMES)
def test_our_own_initializers_pass_their_checks(name, capsys):
    getattr(notebook, f"initialize_parameters_{name}_test")(getattr(notebook, f"initialize_parameters_{name}"))
    assert capsys.readouterr().out == "All tests passed.\n"


WRONG = {
    "no dict": (lambda right: list(right.values()), "the function must return a dict, not list"),
    "nothing": (lambda right: None, "the function must return a dict, not NoneType"),
    "a key missing": (lambda right: {k: v for k, v in right.items() if k != "b2"}, "the keys must be W1, b1, W2, b2"),
    "another key": (lambda right: {**right, "W3": right["W2"]}, "the keys must be .*got W1, b1, W2, b2, W3"),
    "a list": (lambda right: {**right, "W2": right["W2"].tolist()}, "W2 must be a numpy array, not list"),
    "flat biases": (lambda right: {**right, "b1": right["b1"].ravel()}, r"b1 must have shape .*, not "),
    "transposed": (lambda right: {**right, "W1": right["W1"].T}, "W1 must have shape"),
    "float32": (
        lambda right: {**right, "W1": right["W1"].astype("float32")},
        "W1 must have dtype float64, not float32",
    ),
    "other weights": (lambda right: {**right, "W2": right["W2"] + 1e-3}, "W2 has wrong values: expected"),
    "NaN": (lambda right: {**right, "b1": right["b1"] * np.nan}, "b1 has wrong values"),
}


@pytest.mark.parametrize("problem", WRONG)
@pytest.mark.parametrize("name", NAMES)
def test_a_reader_s_mistake_is_named(name, problem, capsys):
    spoil, message = WRONG[problem]
    right = getattr(notebook, f"initialize_parameters_{name}")
    with pytest.raises(AssertionError, match=message):
        getattr(notebook, f"initialize_parameters_{name}_test")(lambda dims: spoil(right(dims)))
    assert capsys.readouterr().out == ""


def test_a_column_without_a_prediction_is_refused_by_its_place():
    """float32's least number, which rasters hold where nothing was measured, overflows in the first sum."""
    parameters = notebook.initialize_parameters_random([2, 4, 1])
    parameters = {key: value.astype("float32") for key, value in parameters.items()}
    X = TRAIN_X[:, :20].astype("float32")
    predict(X, TRAIN_Y[:, :20], parameters)
    X[:, [7, 9]] = np.finfo("float32").min
    for call in (
        lambda: predict(X, TRAIN_Y[:, :20], parameters),
        lambda: notebook.predict_dec(parameters, X),
    ):
        with pytest.raises(ValueError, match="X must have columns that give numbers, but in column 7 a sum overflows"):
            call()
    large = {key: np.full_like(value, np.finfo("float32").max) for key, value in parameters.items()}
    large["W2"][0, 0] *= -1
    with pytest.raises(
        ValueError, match=r"parameters must give numbers, but the largest is 3\.40282e\+38, and in column 0"
    ):
        notebook.predict_dec(large, np.ones((2, 3), "float32"))
