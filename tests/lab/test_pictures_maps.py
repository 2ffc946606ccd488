"""Heat maps: the cells are the values where they belong, and the critical line lies where it was told to."""

import numpy as np
import pytest
from comparisons import comparison_of
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from fastmlp.lab.pictures import heat_map, sweep_map
from fastmlp.lab.theory import edge_of_chaos, mean_field

SCALES, DEPTHS = np.linspace(0.5, 2.5, 5), np.array([1, 2, 4])
VALUES = np.arange(15.0).reshape(3, 5)


def mesh_of(ax):
    (mesh,) = ax.collections
    return mesh


def value_at(ax, x, y):
    """The value of the cell that covers a point."""
    corners = np.asarray(mesh_of(ax).get_coordinates())
    column = np.searchsorted(corners[0, :, 0], x) - 1
    row = np.searchsorted(corners[:, 0, 1], y) - 1
    return np.asarray(mesh_of(ax).get_array())[row, column]


def test_every_value_lies_at_its_x_and_y():
    ax = heat_map(VALUES, SCALES, DEPTHS, labels=("weight $std$", "depth (layers)", "loss (nats)"))
    for i, depth in enumerate(DEPTHS):
        for j, scale in enumerate(SCALES):
            assert value_at(ax, scale, depth) == VALUES[i, j]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight $std$", "depth (layers)")
    assert ax.figure.axes[1].get_ylabel() == "loss (nats)"
    assert mesh_of(ax).get_clim() == (0, 14)
    assert mesh_of(ax).get_cmap().name == "cividis"
    np.testing.assert_allclose(ax.get_xlim(), (0.25, 2.75))
    np.testing.assert_allclose(ax.get_ylim(), (0.5, 5))
    ax.figure.draw_without_rendering()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2", "4"]


def test_values_that_grow_by_a_factor_have_a_log_axis_with_cells_of_one_size():
    ax = heat_map(VALUES, [0.01, 0.1, 1, 10, 100], DEPTHS)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    np.testing.assert_allclose(mesh_of(ax).get_coordinates()[0, :, 0], 10.0 ** np.arange(-2.5, 3))
    ax.figure.draw_without_rendering()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.01", "0.1", "1", "10", "100"]
    assert not len(ax.get_xticks(minor=True))


@pytest.mark.parametrize("x", [[1, 2, 3, 4, 20], [0, 1, 2, 4, 16], [1, 1.5, 2.25, 3.375, 5.0625]])
def test_other_values_have_a_linear_axis(x):
    assert heat_map(VALUES, x, DEPTHS).get_xscale() == "linear"


@pytest.mark.parametrize(("high", "is_log"), [(50, False), (1000, True)])
def test_colours_of_positive_values_of_many_sizes_are_logarithmic(high, is_log):
    values = np.linspace(1, high, 15).reshape(3, 5)
    assert isinstance(mesh_of(heat_map(values, SCALES, DEPTHS)).norm, LogNorm) is is_log
    for log in (False, True):
        assert isinstance(mesh_of(heat_map(values, SCALES, DEPTHS, log=log)).norm, LogNorm) is log
    assert not isinstance(mesh_of(heat_map(values - 1, SCALES, DEPTHS)).norm, LogNorm)


def test_cells_that_are_not_finite_are_hatched_and_told():
    values = VALUES.copy()
    values[1, 2], values[2, 4] = np.nan, np.inf
    ax = heat_map(values, SCALES, DEPTHS)
    cells = mesh_of(ax).get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(cells), ~np.isfinite(values))
    assert mesh_of(ax).get_clim() == (0, 13)
    assert ax.patch.get_hatch()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["not finite"]
    assert heat_map(VALUES, SCALES, DEPTHS).get_legend() is None


def test_the_critical_line_of_the_theory_is_drawn_in():
    critical = edge_of_chaos("tanh", bias_std=0.05**0.5)
    fine = np.linspace(0.5, 2.5, 9)
    reach = [6 * mean_field("tanh", scale, 0.05**0.5).correlation_depth_scale for scale in fine]
    ax = heat_map(VALUES, SCALES, DEPTHS, critical=critical, reach=(fine, reach))
    line, curve = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), [critical] * 2)
    np.testing.assert_array_equal(line.get_ydata(), [0, 1])  # of the height
    np.testing.assert_array_equal(curve.get_data(), [fine, reach])
    np.testing.assert_allclose(ax.get_ylim(), (0.5, 5))  # the curve leaves the map
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["critical, 1.327", "reach of signals"]
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1


@pytest.mark.parametrize("values", [[[1e-300, 1e300]], [[-1e308, 1e308]], [[1.0, 1.0]], [[0.0, 1e-300]]])
def test_values_of_any_size_are_drawn_without_a_warning(values):
    heat_map(values, [1, 2], [1]).figure.draw_without_rendering()


def test_a_single_cell_is_drawn():
    ax = heat_map([[3.0]], [1.0], [2])
    assert value_at(ax, 1.0, 2) == 3.0
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((VALUES.T, SCALES, DEPTHS), ValueError, r"values must have shape \(3, 5\), got \(5, 3\)"),
        ((VALUES * np.nan, SCALES, DEPTHS), ValueError, "values must have a finite one, got none"),
        ((["a"], SCALES, DEPTHS), TypeError, "values must be an array of real numbers"),
        ((VALUES, SCALES[::-1], DEPTHS), ValueError, "x must be finite numbers that ascend"),
        ((VALUES, SCALES, [1, 1, 2]), ValueError, "y must be finite numbers that ascend"),
        ((VALUES, SCALES, []), ValueError, "y must be finite numbers that ascend"),
        ((VALUES, SCALES, [1, 2, np.inf]), ValueError, "y must be finite numbers that ascend"),
    ],
)
def test_tables_that_do_not_fit_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        heat_map(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"labels": "xyz"}, ValueError, "labels must be those of x, y and the values, got 'xyz'"),
        ({"log": True}, ValueError, "values must be over 0 to have a log scale, got 0"),
        ({"log": 1}, TypeError, "log must be True or False, got 1"),
        ({"critical": "1"}, TypeError, "critical must be a number, got '1'"),
        ({"reach": 3}, ValueError, "reach must be a pair of x and y, got 3"),
        ({"reach": ([2, 1], [1, 1])}, ValueError, r"reach\[0\] must be finite numbers that ascend"),
        ({"reach": ([1, 2], [1])}, ValueError, r"reach\[1\] must have shape \(2,\) to match reach\[0\], got \(1,\)"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, error, message):
    ax = Figure().subplots()
    with pytest.raises(error, match=message):
        heat_map(VALUES, SCALES, DEPTHS, ax=ax, **options)
    assert not ax.has_data()


# ---- of a sweep


def sweep_of(scales=(0.5, 1.0, 2.0), depths=(1, 3), **options):
    """A comparison over scales and depths, whose runs have losses of their own."""
    configurations = [
        {"initializer": f"random(scale={scale})", "scale": scale, "layer_dims": "-".join(["2", *["8"] * depth, "1"])}
        for scale in scales
        for depth in depths
    ]
    n = len(configurations)
    losses = np.random.default_rng(0).uniform(1, 2, (n, 4, 3))
    return comparison_of(losses, configurations=configurations, varied=["scale", "layer_dims"], **options)


def test_a_sweep_is_drawn_by_medians_over_scale_and_depth():
    found = sweep_of()
    ax = sweep_map(found, "scale", critical=1.0)
    for i, configuration in enumerate(found.configurations):
        depth = configuration["layer_dims"].count("8")
        expected = np.median(found.runs["final_loss"][found.runs["configuration"] == i])
        assert value_at(ax, configuration["scale"], depth) == expected
    labels = ax.get_xlabel(), ax.get_ylabel(), ax.figure.axes[1].get_ylabel()
    assert labels == ("scale", "depth (hidden layers)", "final loss, median")
    assert ax.lines[0].get_xdata()[0] == 1.0


def test_a_sweep_is_drawn_by_shares_of_outcomes():
    outcomes = np.full((6, 4), "learned", "U16")
    outcomes[2, :3] = "diverged"
    ax = sweep_map(sweep_of(outcomes=outcomes), "scale", measure="diverged")
    assert value_at(ax, 1.0, 1) == 0.75
    assert value_at(ax, 1.0, 3) == 0
    assert ax.figure.axes[1].get_ylabel() == "share of runs: diverged"


def test_cells_without_a_finite_median_or_a_configuration_are_hatched():
    final = np.ones((6, 4))
    final[0, :3] = np.inf
    final[5] = np.nan
    found = sweep_of(final=final)
    cells = mesh_of(sweep_map(found, "scale")).get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(cells), [[True, False, False], [False, False, True]])
    found.configurations[1]["scale"] = 4.0
    cells = mesh_of(sweep_map(found, "scale")).get_array()
    assert np.ma.getmaskarray(cells).tolist() == [[True, False, False, True], [True, False, True, False]]


def test_other_columns_can_be_rows():
    ax = sweep_map(sweep_of(depths=(1,)), "depth", "scale", "seconds")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("depth (hidden layers)", "scale")
    assert ax.figure.axes[1].get_ylabel() == "time (s), median"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, "scale"), TypeError, "comparison must be a Comparison, got 3"),
        ((sweep_of(), "gain"), ValueError, "x must be one of depth, initializer, scale, layer_dims; got 'gain'"),
        ((sweep_of(), "initializer"), ValueError, "x must be a column of numbers, initializer holds 'random"),
        ((sweep_of(), "scale", "layer_dims"), ValueError, "y must be a column of numbers, layer_dims holds '2-8-1'"),
        ((sweep_of(), "scale", "depth", "loss"), ValueError, "measure must be one of first_loss, "),
        ((sweep_of(), "scale", "scale"), ValueError, r"one configuration for each scale and scale, got several at"),
        ((sweep_of(), "scale", "depth", "test_score"), ValueError, "values must have a finite one, got none"),
    ],
)
def test_sweeps_that_cannot_be_drawn_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        sweep_map(*arguments)
