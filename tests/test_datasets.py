"""The data of the exercise and of the study."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.datasets import make_circles, make_moons

from fastmlp import datasets, load_dataset


@pytest.fixture(autouse=True)
def _no_show(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("show was called"))


def test_load_dataset_gives_the_published_circles_in_columns():
    train_X, train_Y, test_X, test_Y = load_dataset(is_plot=False)
    for X, Y, n, seed in ((train_X, train_Y, 300, 1), (test_X, test_Y, 100, 2)):
        expected_X, expected_Y = make_circles(n_samples=n, noise=0.05, random_state=seed)
        assert (X.shape, X.dtype, Y.shape, Y.dtype) == ((2, n), np.float64, (1, n), np.int64)
        assert X.flags.c_contiguous
        np.testing.assert_array_equal(X, expected_X.T)
        np.testing.assert_array_equal(Y, expected_Y[np.newaxis])


def test_load_dataset_leaves_the_global_random_state_alone():
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    load_dataset(is_plot=False)
    assert np.random.random() == expected


def test_load_dataset_scatters_the_training_examples_by_default():
    axes = plt.figure().add_subplot()
    train_X, train_Y, _, _ = load_dataset()
    (points,) = axes.collections
    np.testing.assert_array_equal(points.get_offsets(), train_X.T)
    np.testing.assert_array_equal(points.get_array(), train_Y[0])
    assert points.get_cmap().name == "Spectral"
    assert plt.get_fignums() == [1]


def test_load_dataset_without_a_plot_opens_no_figure():
    load_dataset(is_plot=False)
    assert not plt.get_fignums()


@pytest.mark.parametrize(("name", "make"), [("circles", make_circles), ("moons", make_moons)])
def test_the_study_s_data_have_examples_in_rows(name, make):
    X, y = getattr(datasets, name)(50, seed=4)
    expected_X, expected_y = make(n_samples=50, noise=0.05, random_state=4)
    np.testing.assert_array_equal(X, expected_X)
    np.testing.assert_array_equal(y, expected_y)


# ---- noise, spirals, xor and blobs

MAKERS = [datasets.circles, datasets.moons, datasets.spirals, datasets.xor, datasets.blobs]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_points_are_drawn_from_the_seed(make, n):
    X, y = make(n, seed=3)
    again = make(n, seed=np.random.RandomState(3))
    np.testing.assert_array_equal(X, again[0])
    np.testing.assert_array_equal(y, again[1])
    assert X.shape == (n, 2)
    assert (X.dtype, y.dtype) == (np.float64, np.int64)
    assert not np.array_equal(X, make(n, seed=4)[0])


@pytest.mark.parametrize("make", MAKERS)
def test_noise_is_added_to_the_very_same_points(make):
    clean, labels = make(400, seed=3, noise=0)
    X, y = make(400, seed=3, noise=0.3)
    np.testing.assert_array_equal(y, labels)
    assert (X - clean).std() == pytest.approx(0.3, rel=0.1)
    np.testing.assert_allclose((X - clean) / 0.3, (make(400, seed=3, noise=0.1)[0] - clean) / 0.1, rtol=1e-9, atol=1e-9)


def test_points_without_noise_lie_where_they_should():
    X, y = datasets.circles(100, seed=0, noise=0)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1, 0.8))
    X, y = datasets.spirals(100, seed=0, noise=0)
    radius = np.hypot(*X.T)
    assert (radius.min(), radius.max()) == pytest.approx((0.1, 1))
    turn = np.exp(3j * np.pi * radius) * np.where(y == 0, 1, -1)
    np.testing.assert_allclose(X, np.c_[turn.real, turn.imag] * radius[:, np.newaxis], atol=1e-12)
    X, y = datasets.xor(100, seed=0, noise=0)
    np.testing.assert_array_equal(y, X[:, 0] * X[:, 1] > 0)
    assert np.abs(X).max() <= 1
    X, y = datasets.blobs(100, seed=0, n_classes=4, noise=0)
    assert np.bincount(y).tolist() == [25] * 4
    np.testing.assert_allclose(X, 0.8 * np.c_[np.cos(y * np.pi / 2), np.sin(y * np.pi / 2)], atol=1e-12)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_examples": 0}, "n_examples must be at least 1, got 0"),
        ({"noise": -0.1}, "noise must be"),
        ({"noise": np.nan}, "noise must be"),
        ({"noise": np.inf}, "noise must be"),
    ],
)
def test_bad_arguments_of_points_are_named(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**{"n_examples": 10, "seed": 0, **arguments})


def test_blobs_have_at_least_one_class():
    with pytest.raises(ValueError, match="n_classes must be at least 1, got 0"):
        datasets.blobs(10, seed=0, n_classes=0)
