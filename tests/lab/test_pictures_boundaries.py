"""Decision boundaries: the image holds the decisions of the models, in the colours of the examples."""

import io
import warnings

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from fastmlp import MLP, MLPClassifier
from fastmlp.datasets import circles
from fastmlp.lab import pictures
from fastmlp.lab.pictures import COLORS, boundary_grid, decision_boundary, take_snapshots
from fastmlp.lab.pictures.plane import MARGIN, PALE, STEPS
from fastmlp.training import DeadNetworkWarning

X, Y = circles(60, seed=1)


def trained(initialization="he", seed=0, epochs=300):
    network = MLP([2, 10, 5, 1], initialization=initialization, seed=seed)
    with warnings.catch_warnings(action="ignore", category=DeadNetworkWarning):  # from zeros
        network.train(X, Y, epochs=epochs, learning_rate=0.3)
    return network


def grid_of(ax):
    """The points in the middle of an image's pixels, as matplotlib places grid lines."""
    left, right, bottom, top = ax.images[0].get_extent()
    x1, x2 = np.linspace(left, right, STEPS), np.linspace(bottom, top, STEPS)
    return np.c_[np.tile(x1, STEPS), np.repeat(x2, STEPS)]


def colors_at(ax):
    """The colours of the image, and how opaque they are."""
    pixels = np.asarray(ax.images[0].get_array()).reshape(-1, 4)
    return pixels[:, :3], pixels[:, 3]


# ---- one model


def test_the_image_shows_the_predictions_of_a_network_and_the_points_their_labels():
    network = trained()
    ax = decision_boundary(network, X, Y)
    colors, opacity = colors_at(ax)
    predicted = network.predict(grid_of(ax))
    assert 0.1 < predicted.mean() < 0.9
    expected = np.array([to_rgb(color) for color in COLORS])
    np.testing.assert_allclose(colors, expected[predicted], atol=1e-6)
    assert set(opacity) == {PALE}
    points = ax.collections[0]
    np.testing.assert_array_equal(points.get_offsets(), X)
    np.testing.assert_allclose(points.get_facecolors()[:, :3], expected[Y.astype(int)], atol=1e-6)


def test_the_rendered_ground_has_the_colour_of_the_decision_at_its_place():
    ax = decision_boundary(lambda points: points[:, 0] + 3 * points[:, 1] > 0.5, X, Y)
    png = io.BytesIO()
    ax.figure.savefig(png, format="png", dpi=100)
    pixels = plt.imread(io.BytesIO(png.getvalue()))[::-1, :, :3]  # from the bottom, as matplotlib counts
    for point, decision in {(-0.2, 0.1): 0, (0.2, 0.4): 1, (1.2, -1.2): 0, (-1.2, 1.2): 1}.items():
        column, row = np.round(ax.transData.transform(point)).astype(int)
        expected = PALE * np.array(to_rgb(COLORS[decision])) + 1 - PALE
        np.testing.assert_allclose(pixels[row, column], expected, atol=0.01)


def test_the_picture_reaches_beyond_the_examples_on_axes_of_one_scale():
    ax = decision_boundary(lambda points: points[:, 0] > 0, X, Y, features=("width $x$", "_y" * 30))
    for limits, values in zip((ax.get_xlim(), ax.get_ylim()), X.T, strict=True):
        low, high = values.min() - MARGIN * np.ptp(values), values.max() + MARGIN * np.ptp(values)
        np.testing.assert_allclose(limits, (low, high), rtol=1e-12)
    assert ax.get_aspect() == 1.0
    assert ax.get_xlabel() == "width $x$"
    assert ax.get_ylabel() == " " + ("_y" * 30)[:29] + "..."
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize(("scales", "equal"), [((1, 1), True), ((3, 1), True), ((100, 1), False), ((1, 0), False)])
def test_features_of_other_ranges_have_scales_of_their_own(scales, equal):
    ax = decision_boundary(lambda points: points[:, 0] > 0, X * scales, Y)
    assert (ax.get_aspect() == 1.0) is equal
    ax.figure.draw_without_rendering()
    box = ax.get_window_extent()
    assert box.width > 200
    assert box.height > 80


def test_probabilities_fade_from_one_class_to_the_other():
    def shares_of(points):
        return 1 / (1 + np.exp(-10 * points[:, 0]))

    ax = decision_boundary(shares_of, X, Y)
    colors, _ = colors_at(ax)
    shares = shares_of(grid_of(ax))
    first, second = (np.array(to_rgb(color)) for color in COLORS[:2])
    for chosen, color in ((shares < 0.01, first), (shares > 0.99, second)):
        assert chosen.sum() > 100
        np.testing.assert_allclose(colors[chosen], np.tile(color, (chosen.sum(), 1)), atol=0.03)
    middle = np.abs(shares - 0.5).argmin()
    np.testing.assert_allclose(colors[middle], 1.0, atol=0.1)  # as the ground


def test_the_regions_of_five_classes_with_names_have_their_colours():
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0], [4, 0], [0, 4], [4, 4], [2, 8]])
    names = np.array(["a", "bee", "a class of a very long name", "d$x$", "_e"])
    labels = rng.integers(5, size=200)
    points = centers[labels] + 0.4 * rng.standard_normal((200, 2))
    model = MLPClassifier((16,), random_state=0, learning_rate_init=0.03, max_iter=100, tol=0, n_iter_no_change=100)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(points, names[labels])
    ax = decision_boundary(model, points, names[labels])
    order = np.argsort(names)
    expected = np.array([to_rgb(color) for color in COLORS])
    colors, _ = colors_at(ax)
    at = np.searchsorted(names[order], model.predict(grid_of(ax)))
    np.testing.assert_allclose(colors, expected[at], atol=1e-6)
    texts = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert texts == [" _e", "a", "a class of a ...", "bee", "d$x$"]
    ax.figure.draw_without_rendering()
    legend = ax.figure.legends[0].get_window_extent()
    assert legend.x0 > ax.get_window_extent().x1
    assert legend.x1 <= ax.figure.bbox.x1


def test_a_class_that_only_the_model_knows_has_a_colour_too():
    ax = decision_boundary(lambda points: np.where(points[:, 0] > 0, 2, 0), X, Y)
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["0", "1", "2"]
    assert len(np.unique(colors_at(ax)[0], axis=0)) == 2


def test_labels_of_minus_one_and_one_are_two_classes():
    ax = decision_boundary(lambda points: np.sign(points[:, 0] - 0.001), X, 2 * Y - 1)
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["-1", "1"]


@pytest.mark.parametrize("n", [9, 15])
def test_more_classes_than_colours_are_steps_of_one_scale(n):
    labels = np.arange(60) % n
    ax = decision_boundary(lambda points: np.clip(np.round(5 * points[:, 0]) + n // 2, 0, n - 1), X, labels)
    drawn = ax.collections[0].get_facecolors()
    assert len(np.unique(drawn, axis=0)) == n
    assert bool(ax.figure.legends) is (n <= 10)
    assert len(ax.figure.axes) == (1 if n <= 10 else 2)  # a colour bar


def test_a_regression_has_a_scale_of_colours_for_decisions_and_examples():
    values = X[:, 0] * 2.5
    ax = decision_boundary(lambda points: points[:, 0] * 3.5, X, values)
    bar = ax.figure.axes[1]
    grid = grid_of(ax)[:, 0] * 3.5
    np.testing.assert_allclose(bar.get_ylim(), (grid.min(), grid.max()))
    colors, opacity = colors_at(ax)
    np.testing.assert_allclose(colors[0], plt.get_cmap("cividis")(0.0)[:3])
    np.testing.assert_allclose(colors[-1], plt.get_cmap("cividis")(1.0)[:3])
    assert set(opacity) == {1.0}


@pytest.mark.parametrize("decision", [0, 1])
def test_a_model_that_always_decides_the_same_is_drawn(decision):
    ax = decision_boundary(lambda points: np.full(len(points), decision), X, Y)
    np.testing.assert_allclose(colors_at(ax)[0], np.tile(to_rgb(COLORS[decision]), (STEPS**2, 1)), atol=1e-6)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_points_whose_sums_overflow_are_drawn(loss):
    drawn = [np.array([[1e200, 0], [0, 1e200]]), np.array([[1.0, -1.0]])], [np.zeros(2), np.zeros(1)]
    network = MLP([2, 2, 1], activation="identity", loss=loss, initialization=lambda dims, seed: drawn)
    decision_boundary(network, X * 1e150, Y).figure.draw_without_rendering()


def test_of_many_examples_some_are_scattered():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((10_001, 2))
    ax = decision_boundary(lambda points: points[:, 0] > 0, points, points[:, 0] > 0)
    assert 1000 < len(ax.collections[0].get_offsets()) <= 2000


# ---- many models


def test_a_grid_shows_every_model_in_its_row_and_column():
    models = {name: [trained(name, seed) for seed in range(3)] for name in ("zeros", "he")}
    figure = boundary_grid(models, X, Y, columns=[f"seed {i}" for i in range(3)], features=("left", "right"))
    expected = np.array([to_rgb(color) for color in COLORS])
    for ax, model in zip(figure.axes, [m for row in models.values() for m in row], strict=True):
        np.testing.assert_allclose(colors_at(ax)[0], expected[model.predict(grid_of(ax))], atol=1e-6)
    assert [ax.get_title() for ax in figure.axes] == ["seed 0", "seed 1", "seed 2", "", "", ""]
    assert [ax.get_ylabel() for ax in figure.axes] == ["zeros", "", "", "he", "", ""]
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("left", "right")
    assert not plt.get_fignums()


def overlapping(figure):
    """Pairs of axes whose boxes with labels overlap by more than a pixel."""
    figure.draw_without_rendering()
    boxes = [ax.get_tightbbox().padded(-1) for ax in figure.axes if ax.axison]
    assert all(box.x0 > -2 and box.y0 > -2 and box.x1 < figure.bbox.x1 + 2 for box in boxes)
    return [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (4, 1), (3, 8)])
def test_no_picture_of_a_grid_lies_on_another(shape):
    def model(points):
        return points[:, 0] > 0

    rows = {f"{i}_an_initializer_of_a_very_long_name": [model] * shape[1] for i in range(shape[0])}
    columns = [f"column {i} with a title of many words" for i in range(shape[1])]
    figure = boundary_grid(rows, X, Y, columns=columns)
    assert not overlapping(figure)
    assert len(figure.axes) == shape[0] * shape[1]


def test_a_grid_over_time_has_the_epochs_as_titles():
    runs = {
        name: take_snapshots(MLP([2, 6, 1], initialization=name, seed=0), X, Y, epochs=40, at=[10], learning_rate=0.5)
        for name in ("zeros", "he")
    }
    figure = boundary_grid(runs, X, Y)
    assert [ax.get_title() for ax in figure.axes] == ["epoch 0", "epoch 10", "epoch 40", "", "", ""]
    last = runs["he"].network.predict(grid_of(figure.axes[-1]))
    expected = np.array([to_rgb(color) for color in COLORS])
    np.testing.assert_allclose(colors_at(figure.axes[-1])[0], expected[last], atol=1e-6)


def test_rows_of_other_epochs_have_titles_of_their_own_and_shorter_ones_end_earlier():
    runs = [take_snapshots(MLP([2, 4, 1], seed=0), X, Y, epochs=20, at=at, learning_rate=0.5) for at in ([5, 10], [10])]
    figure = boundary_grid(runs, X, Y)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["epoch 0", "epoch 5", "epoch 10", "epoch 20", "epoch 0", "epoch 10", "epoch 20", ""]
    assert not figure.axes[-1].axison


# ---- snapshots


def test_snapshots_are_the_parameters_of_the_same_training_unwatched():
    watched, alone = (MLP([2, 8, 1], seed=3) for _ in range(2))
    options = {"learning_rate": 0.1, "batch_size": 16, "optimizer": "adam", "seed": 5}
    snapshots = take_snapshots(watched, X, Y, epochs=20, at=5, **options)
    np.testing.assert_array_equal(snapshots.epochs, [0, 5, 10, 15, 20])
    assert snapshots.network is watched
    for i, network in enumerate(snapshots):
        np.testing.assert_array_equal(network.parameters, alone.parameters)
        assert snapshots.losses[i] == pytest.approx(alone.loss_and_gradient(X, Y)[0], rel=1e-12)
        if i < 4:
            alone.train(X, Y, epochs=5, **options if i == 0 else {"learning_rate": 0.1, "batch_size": 16})
    np.testing.assert_array_equal(watched.parameters, alone.parameters)


def test_snapshots_of_a_number_that_does_not_divide_the_epochs_are_at_the_nearest():
    snapshots = take_snapshots(MLP([2, 3, 1], seed=0), X, Y, epochs=10, at=4)
    np.testing.assert_array_equal(snapshots.epochs, [0, 3, 7, 10])


def test_a_snapshot_is_a_network_of_its_own():
    snapshots = take_snapshots(MLP([2, 3, 1], seed=0), X, Y, epochs=4, at=3, learning_rate=0.1)
    first = snapshots[0]
    first.train(X, Y, epochs=2)
    assert not np.array_equal(first.parameters, snapshots.parameters[0])
    np.testing.assert_array_equal(snapshots[-1].parameters, snapshots.network.parameters)
    assert len(list(snapshots)) == len(snapshots) == 3


def test_a_training_that_ended_early_has_fewer_snapshots_and_its_end():
    def stop(epoch, loss):
        return epoch >= 7

    network = MLP([2, 3, 1], seed=0)
    snapshots = take_snapshots(network, X, Y, epochs=100, at=11, report_every=1, callback=stop, learning_rate=0.1)
    np.testing.assert_array_equal(snapshots.epochs, [0, 7])
    np.testing.assert_array_equal(snapshots.parameters[-1], network.parameters)
    assert snapshots.history.ended.how == "callback"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"at": 1}, ValueError, "at must be at least 2"),
        ({"at": [3, 11]}, ValueError, "at must be epochs from 0 to 10, got 11"),
        ({"at": [-1]}, ValueError, r"at\[0\] must be at least 0"),
        ({"at": "all"}, TypeError, "at must be an integer"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0"),
        ({"learning_rates": 1}, TypeError, "learning_rates"),
    ],
)
def test_snapshots_that_cannot_be_taken_are_refused_before_any_update(arguments, error, message):
    network = MLP([2, 3, 1], seed=0)
    before = network.parameters.copy()
    with pytest.raises(error, match=message):
        take_snapshots(network, X, Y, **{"epochs": 10, **arguments})
    np.testing.assert_array_equal(network.parameters, before)


def test_snapshots_are_of_networks():
    with pytest.raises(TypeError, match="network must be an MLP, got 'he'"):
        take_snapshots("he", X, Y, epochs=3)


# ---- refused


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((trained, np.ones((4, 3)), np.ones(4)), ValueError, "X must have 2 features to be drawn in the plane, got 3"),
        ((trained, X[:, 0], Y), ValueError, "X must have 2 dimensions"),
        ((trained, X * np.nan, Y), ValueError, "X must be finite"),
        ((trained, X, Y[:-1]), ValueError, r"y must have shape \(60,\) to match X, got \(59,\)"),
        ((trained, X, Y * np.nan), ValueError, "y must be finite"),
        ((3, X, Y), TypeError, "models must be MLPs, fitted estimators or functions of points, got 3"),
        ((MLP([3, 2, 1]), X, Y), ValueError, "models must take 2 features, got an MLP that takes 3"),
        ((lambda points: points, X, Y), ValueError, "model must return one decision per point"),
        ((lambda points: points[:, 0] * np.nan, X, Y), ValueError, "the model's answer must be finite"),
        ((lambda points: ["z"] * len(points), X, np.array(["a", "b"] * 30)), ValueError, "labels of y, got 'z'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, error, message):
    ax = Figure().subplots()
    with pytest.raises(error, match=message):
        decision_boundary(*arguments, ax=ax)
    assert not ax.has_data()


@pytest.mark.parametrize("features", ["x1", ("a",), ("a", "b", "c"), None])
def test_features_must_be_two_names(features):
    with pytest.raises(ValueError, match="features must be the names of the 2 features, got"):
        decision_boundary(trained(epochs=1), X, Y, features=features)


@pytest.mark.parametrize(
    ("models", "columns", "error", "message"),
    [
        ([], None, ValueError, "models must have at least one row"),
        ({}, None, ValueError, "models must have at least one row"),
        ([[]], None, ValueError, "each row at least one model"),
        (trained, None, TypeError, "models must be a sequence"),
        ([trained], None, TypeError, "each row of models must be a sequence"),
        ([[len] * 201], None, ValueError, "models must be at most 200, got 201"),
        ([[len]], ["a", "b"], ValueError, "columns must be 1 titles, one per column; got 2"),
        ([[len]], "a", TypeError, "columns must be a sequence, got 'a'"),
    ],
)
def test_grids_that_cannot_be_drawn_are_refused(models, columns, error, message):
    with pytest.raises(error, match=message):
        boundary_grid(models, X, Y, columns=columns)


def test_all_pictures_of_a_grid_share_the_colours_of_a_regression():
    models = [[lambda points: points[:, 0], lambda points: 10 * points[:, 0]]]
    figure = pictures.boundary_grid(models, X, X[:, 0])
    ends = [np.unique(colors_at(ax)[0], axis=0) for ax in figure.axes[:2]]
    assert len(ends[0]) < len(ends[1]) / 2
