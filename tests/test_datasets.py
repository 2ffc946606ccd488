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
