"""The notebook's cells as one script: each picture holds what its cell draws, and none is left for the next."""

import os
import subprocess
import sys
import warnings

import pytest
import recording_backend
from matplotlib import pyplot as plt

from fastmlp.notebook import load_dataset, model, plot_decision_boundary, predict_dec

FIRST_CELL = """
import matplotlib.pyplot as plt
from fastmlp.notebook import *
plt.rcParams["figure.figsize"] = (7.0, 4.0)
train_X, train_Y, test_X, test_Y = load_dataset()
"""
TRAINING_CELL = """
parameters = model(train_X, train_Y, num_iterations=2001, initialization={name!r})
print("On the train set:")
predictions_train = predict(train_X, train_Y, parameters)
print("On the test set:")
predictions_test = predict(test_X, test_Y, parameters)
"""
PICTURE_CELL = """
plt.title("Model with {name} initialization")
axes = plt.gca()
axes.set_xlim([-1.5, 1.5])
axes.set_ylim([-1.5, 1.5])
plot_decision_boundary(lambda x: predict_dec(parameters, x.T), train_X, train_Y)
"""
NAMES = ["zeros", "random", "he"]
SCRIPT = FIRST_CELL + "".join((TRAINING_CELL + PICTURE_CELL).format(name=name) for name in NAMES)
EXAMPLES = (["PathCollection"], "")
COSTS = (["Line2D"], "Learning rate =0.01")
BOUNDARY = ["QuadContourSet", "PathCollection"]


@pytest.fixture(params=["module://recording_backend", "agg", "svg"])
def pictures(request, monkeypatch):
    """What each call of plt.show found; the last backends have no window and leave their figures open."""
    before = plt.get_backend()
    plt.switch_backend(request.param)
    if "recording" not in request.param:
        monkeypatch.setattr(plt, "show", recording_backend.record)
    recording_backend.shown.clear()
    with plt.rc_context():
        yield recording_backend.contents
    recording_backend.shown.clear()
    plt.switch_backend(before)


def test_each_picture_of_the_script_holds_what_its_cell_draws(pictures):
    exec(SCRIPT, {})
    boundaries = [[(BOUNDARY, f"Model with {name} initialization")] for name in NAMES]
    assert pictures() == [[EXAMPLES, COSTS], boundaries[0], [COSTS], boundaries[1], [COSTS], boundaries[2]]
    for (figure,) in recording_backend.shown[1::2]:
        assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim() == (-1.5, 1.5)
    assert not plt.get_fignums()


def test_a_curve_is_drawn_on_the_axes_that_the_reader_prepared(pictures):
    figure, axes = plt.subplots(figsize=(3, 2))
    model(*load_dataset(is_plot=False)[:2], num_iterations=1)
    assert recording_backend.shown == [[figure]]
    assert len(axes.lines) == 1


@pytest.mark.parametrize("backend", ["agg", "Agg", "pdf", "ps", "svg"])
def test_a_backend_without_windows_neither_warns_nor_keeps_figures(backend, monkeypatch):
    """matplotlib warns where there is a display but the backend cannot use it."""
    monkeypatch.setenv("DISPLAY", ":0")
    before = plt.get_backend()
    plt.switch_backend(backend)
    try:
        with pytest.warns(UserWarning, match="non-interactive"):
            plt.figure()
            plt.show()
        X, Y, _, _ = load_dataset()
        parameters = model(X, Y, num_iterations=1)
        assert not plt.get_fignums()
        plot_decision_boundary(lambda x: predict_dec(parameters, x.T), X, Y)
        assert not plt.get_fignums()
    finally:
        plt.switch_backend(before)


def test_other_warnings_of_show_pass(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: warnings.warn("the window is too small", stacklevel=2))
    with pytest.warns(UserWarning, match="too small"):
        model(*load_dataset(is_plot=False)[:2], num_iterations=1)


def test_the_script_runs_without_a_screen_where_warnings_are_errors():
    environment = {"MPLBACKEND": "Agg", "DISPLAY": ":0", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Accuracy: ") == 6
