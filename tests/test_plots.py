"""Decision boundaries: on the current axes, which are shown, and on given axes, which are not."""

import numpy as np
import pytest
import recording_backend
from forms import FORMS, content, eighths
from matplotlib import pyplot as plt

from fastmlp import notebook, plot_decision_boundary
from fastmlp.plots import draw_decision_boundary

X = np.array([[0.0, 1.0, 0.5, 0.25], [-0.5, 0.25, 1.0, 0.0]])
Y = np.array([0, 1, 1, 0])


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """The figures that each call of plt.show found open."""
    recording_backend.shown.clear()
    monkeypatch.setattr(plt, "show", recording_backend.record)
    return recording_backend.shown


def axes_shown():
    """The one pair of axes of the one picture shown."""
    ((figure,),) = recording_backend.shown
    (axes,) = figure.axes
    return axes


def below_the_diagonal(points):
    return points[:, 0] > points[:, 1]


def test_the_grid_reaches_one_beyond_the_examples_in_steps_of_a_hundredth():
    seen = []
    plot_decision_boundary(lambda points: seen.append(points) or below_the_diagonal(points), X, Y)
    (grid,) = seen
    for column, low, high in ((0, -1.0, 2.0), (1, -1.5, 2.0)):
        values = np.unique(grid[:, column])
        assert values[0] == low
        assert high - 0.02 < values[-1] < high
        np.testing.assert_allclose(np.diff(values), 0.01, rtol=1e-9)
    assert len(grid) == len(np.unique(grid[:, 0])) * len(np.unique(grid[:, 1]))


@pytest.mark.parametrize("labels", [Y, Y[np.newaxis], Y.tolist(), Y.astype(bool), Y.astype("float32")])
def test_labels_may_be_flat_or_a_row(labels):
    plot_decision_boundary(below_the_diagonal, X, labels)
    points = axes_shown().collections[-1]
    np.testing.assert_array_equal(points.get_offsets(), X.T)
    np.testing.assert_array_equal(points.get_array(), Y)


def test_it_draws_on_the_current_axes_with_their_names(shown):
    figure, (first, second) = plt.subplots(1, 2)
    plt.sca(first)
    assert plot_decision_boundary(below_the_diagonal, X, Y) is None
    assert len(first.collections) == 2
    assert not second.collections
    assert (first.get_xlabel(), first.get_ylabel()) == ("x1", "x2")
    assert shown == [[figure]]


def test_both_names_are_one_function():
    assert notebook.plot_decision_boundary is plot_decision_boundary


def test_each_picture_has_axes_of_its_own(shown):
    plot_decision_boundary(below_the_diagonal, X, Y)
    plot_decision_boundary(below_the_diagonal, X, Y)
    assert [len(figures) for figures in shown] == [1, 1]
    assert [len(axes.collections) for (figure,) in shown for axes in figure.axes] == [2, 2]
    assert not plt.get_fignums()


def test_a_picture_is_saved_by_its_figure(tmp_path):
    figure = plt.figure()
    plot_decision_boundary(below_the_diagonal, X, Y)
    figure.savefig(tmp_path / "boundary.png")
    picture = plt.imread(tmp_path / "boundary.png")[..., :3]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50  # colours; an empty figure has one


def test_given_axes_are_drawn_on_and_not_shown(shown):
    figure, (left, right) = plt.subplots(1, 2)
    draw_decision_boundary(left, below_the_diagonal, X.T, Y)
    assert len(left.collections) == 2
    assert not right.collections
    assert not shown
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("shape", [lambda d: d, lambda d: d[np.newaxis], lambda d: d[:, np.newaxis], np.ndarray.tolist])
@pytest.mark.parametrize("kind", [bool, int, float])
def test_the_model_may_answer_in_any_shape_and_type(shape, kind):
    plot_decision_boundary(lambda points: shape(below_the_diagonal(points).astype(kind)), X, Y)
    assert len(axes_shown().collections) == 2


@pytest.mark.parametrize("form", FORMS)
def test_examples_in_any_form_are_drawn_and_stay_as_they_are(form):
    values = eighths(0, (2, 6))
    examples = FORMS[form](values)
    before = content(examples)
    plot_decision_boundary(below_the_diagonal, examples, [0, 1] * 3)
    np.testing.assert_array_equal(axes_shown().collections[-1].get_offsets(), values.T)
    assert content(examples) == before


@pytest.mark.parametrize("decision", [0, 1])
def test_a_model_that_always_decides_the_same_is_drawn_without_a_warning(decision):
    plot_decision_boundary(lambda points: np.full(len(points), decision), X, Y)
    assert len(axes_shown().collections) == 2


@pytest.mark.parametrize("scales", [(1e6, 1e6), (1e9, 1), (1, 1e-9), (1e-300, 1e-300), (1e100, 1), (1e300, 1e300)])
def test_features_of_any_scale_are_drawn_on_a_grid_of_bounded_size(scales):
    sizes = []
    plot_decision_boundary(
        lambda points: sizes.append(len(points)) or points[:, 0] > 0, X * np.array(scales)[:, np.newaxis], Y
    )
    assert 10_000 < sizes[0] < 5_000_000


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((None, X, Y), TypeError, "model must be callable, got NoneType"),
        (
            (below_the_diagonal, X.T, Y),
            ValueError,
            r"X must have shape \(2, any\), got \(4, 2\); examples lie in columns, pass X\.T$",
        ),
        ((below_the_diagonal, np.ones((3, 4)), Y), ValueError, r"X must have shape \(2, any\), got \(3, 4\)$"),
        ((below_the_diagonal, X[0], Y), ValueError, "X must have 2 dimensions"),
        ((below_the_diagonal, X[:, :0], Y[:0]), ValueError, "X must not be empty"),
        ((below_the_diagonal, X * np.nan, Y), ValueError, "X must be finite"),
        ((below_the_diagonal, X.astype(str), Y), TypeError, "X must be an array of real numbers"),
        ((below_the_diagonal, X, Y[:3]), ValueError, r"y must have shape \(4,\) or \(1, 4\) to match X, got \(3,\)"),
        ((below_the_diagonal, X, Y[:, np.newaxis]), ValueError, r"y must have shape .*, got \(4, 1\); pass y.T$"),
        ((below_the_diagonal, X, [[0, 1], [1]]), ValueError, "y must"),
        ((below_the_diagonal, X, None), (TypeError, ValueError), "y must"),
        ((below_the_diagonal, X, ["a", "b", "b", "a"]), (TypeError, ValueError), "y must"),
        ((lambda points: points, X, Y), ValueError, "model must return one decision per point"),
        ((lambda points: None, X, Y), (TypeError, ValueError), "the model's answer must be an array"),
        ((lambda points: ["a"] * len(points), X, Y), (TypeError, ValueError), "the model's answer must be an array"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, error, message, shown):
    with pytest.raises(error, match=message):
        plot_decision_boundary(*arguments)
    assert not shown
