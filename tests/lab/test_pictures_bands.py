"""Loss bands: what is drawn is what the runs recorded."""

import numpy as np
import pytest
from comparisons import comparison_of
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fastmlp.datasets import circles
from fastmlp.lab import compare_initializers
from fastmlp.lab.pictures import COLORS, loss_bands
from fastmlp.lab.pictures.bands import HEADROOM


def edges_of(band):
    """The lower and the upper edge of a band at its x, which the polygon runs through there and back."""
    points = band.get_paths()[0].vertices
    x = np.unique(points[:, 0])
    values = [points[points[:, 0] == one, 1] for one in x]
    return np.array([v.min() for v in values]), np.array([v.max() for v in values])


@pytest.fixture(scope="module")
def found():
    X, y = circles(80, seed=1)
    names, rates = ("zeros", "he", "xavier"), [0.01, 0.1]
    options = {"initializers": names, "learning_rate": rates, "seeds": 12, "epochs": 60, "report_every": 10}
    return compare_initializers(X, y, [2, 6, 1], progress=False, **options)


def test_lines_are_medians_and_bands_nine_tenths_of_the_runs(found):
    ax = loss_bands(found)
    assert ax.get_yscale() == "log"
    assert len(ax.lines) == len(ax.collections) == 6
    for i, (line, band) in enumerate(zip(ax.lines, ax.collections, strict=True)):
        losses = found.losses[found.runs["configuration"] == i]
        low, median, high = np.quantile(losses, [0.05, 0.5, 0.95], axis=0)
        np.testing.assert_array_equal(line.get_xdata(), found.epochs)
        np.testing.assert_array_equal(line.get_ydata(), median)
        drawn = edges_of(band)
        np.testing.assert_allclose(drawn[0], low, rtol=1e-12)
        np.testing.assert_allclose(drawn[1], high, rtol=1e-12)
        assert to_hex(band.get_facecolor()[0]) == line.get_color() == COLORS[i]


def test_the_last_medians_and_band_are_those_of_the_summary():
    found = comparison_of(np.geomspace(1, 0.01, 60).reshape(2, 6, 5))
    ax = loss_bands(found)
    for line, band, row in zip(ax.lines, ax.collections, found.summary(), strict=True):
        assert line.get_ydata()[-1] == row["final_loss"]
        np.testing.assert_allclose([e[-1] for e in edges_of(band)], [row["final_loss_5"], row["final_loss_95"]])


def test_labels_name_what_was_varied_units_and_seeds(found):
    ax = loss_bands(found)
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "initializer, learning_rate"
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [f"{name}, {rate}" for name in ("zeros", "he", "xavier") for rate in (0.01, 0.1)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "training loss (LogLoss)")
    assert ax.get_title() == "median and 5-95 % of 12 seeds"


def test_the_configurations_asked_for_are_drawn_in_their_order(found):
    ax = loss_bands(found, configurations=[4, 1])
    assert [line.get_label() for line in ax.lines] == ["xavier, 0.01", "zeros, 0.1"]
    np.testing.assert_array_equal(
        ax.lines[1].get_ydata(), np.median(found.losses[found.runs["configuration"] == 1], axis=0)
    )


def test_one_run_is_its_own_median_and_band():
    losses = np.array([[[0.7, 0.5, 0.4]]])
    ax = loss_bands(comparison_of(losses))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), losses[0, 0])
    np.testing.assert_allclose(edges_of(ax.collections[0]), [losses[0, 0]] * 2)
    assert ax.get_title() == "one seed"


# ---- runs that ended otherwise

LEARNS = [0.8, 0.5, 0.3, 0.2]
DIVERGES = [0.9, 4.0, np.nan, np.nan]


def test_a_run_that_diverged_counts_as_infinite_and_is_told():
    found = comparison_of(
        [[LEARNS] * 9 + [DIVERGES]],
        outcomes=["learned"] * 9 + ["diverged"],
        final=[0.2] * 9 + [np.inf],
    )
    ax = loss_bands(found)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), LEARNS)
    low, high = edges_of(ax.collections[0])
    np.testing.assert_allclose(low, LEARNS)
    top = ax.get_ylim()[1]
    assert high[2:].min() > 2 * top  # open at the top
    assert top == pytest.approx(2 * max(0.8, high[1]))
    assert ax.lines[0].get_label() == "start 0 (1 of 10 diverged)"


def test_where_half_of_the_runs_diverged_the_line_ends():
    outcomes = ["learned", "diverged", "diverged"]
    found = comparison_of([[LEARNS, DIVERGES, DIVERGES]], outcomes=outcomes, final=[0.2, np.inf, np.inf])
    line = loss_bands(found).lines[0].get_ydata()
    np.testing.assert_array_equal(line, [0.9, 4.0, np.nan, np.nan])


def test_failed_runs_are_left_out_and_told():
    nothing = [np.nan] * 4
    found = comparison_of(
        [[LEARNS, nothing, DIVERGES], [LEARNS, LEARNS, LEARNS], [nothing, nothing, nothing]],
        outcomes=["learned", "failed", "diverged", *["learned"] * 3, *["failed"] * 3],
        final=[0.2, np.nan, np.inf, 0.2, 0.2, 0.2, *[np.nan] * 3],
    )
    ax = loss_bands(found)
    assert [line.get_label() for line in ax.lines] == [
        "start 0 (1 of 3 diverged, 1 of 3 failed)",
        "start 1",
        "start 2 (3 of 3 failed)",
    ]
    assert ax.lines[0].get_ydata()[0] == np.median([0.8, 0.9])
    assert np.isnan(ax.lines[2].get_ydata()).all()


def test_a_run_that_ended_early_keeps_its_last_loss():
    ax = loss_bands(comparison_of([[[0.8, 0.5, np.nan, np.nan]]], final=[0.45]))
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0.8, 0.5, 0.45, 0.45])


def test_losses_that_grow_without_end_do_not_squeeze_the_others():
    found = comparison_of([[LEARNS] * 3, [[0.9, 1e10, 1e100, 1e200]] * 3])
    ax = loss_bands(found)
    assert ax.get_ylim()[1] == HEADROOM * 0.9
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [0.9, 1e10, 1e100, 1e200])
    ax.figure.draw_without_rendering()


def test_losses_that_begin_at_zero_and_grow_are_drawn_without_a_warning():
    ax = loss_bands(comparison_of([[[0.0, 1.0, np.nan]] * 2], outcomes=["diverged"] * 2, final=[np.inf] * 2))
    assert ax.get_ylim()[1] == 2
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("losses", [[1e300, 1e305, 1.0], [1e307, 1e305, 1.0], [1.0, 1e-300, 1e-307]])
def test_losses_of_any_size_are_drawn_without_a_warning(losses):
    loss_bands(comparison_of([[losses] * 3])).figure.draw_without_rendering()


def test_losses_of_zero_have_a_linear_axis_without_a_warning():
    ax = loss_bands(comparison_of(np.zeros((1, 3, 2))))
    assert ax.get_yscale() == "linear"
    ax.figure.draw_without_rendering()


def test_some_losses_of_zero_end_below_a_log_axis():
    ax = loss_bands(comparison_of([[[1.0, 0.1, 0.0]] * 2]))
    assert ax.get_yscale() == "log"
    ax.figure.draw_without_rendering()
    assert 0 < ax.get_ylim()[0] < 0.1


# ---- legends


def names_of(n):
    return [{"initializer": f"an initializer of a long name, number {i}"} for i in range(n)]


def test_a_large_legend_lies_below_new_axes_whose_height_stays():
    few, many = (loss_bands(comparison_of(np.ones((n, 1, 2)), configurations=names_of(n))) for n in (1, 9))
    assert many.figure.get_figheight() > few.figure.get_figheight() + 0.5
    many.figure.draw_without_rendering()
    legend = many.get_legend().get_window_extent()
    assert legend.y1 < many.xaxis.label.get_window_extent().y0
    assert legend.x0 >= 0
    assert legend.x1 <= many.figure.bbox.x1
    few.figure.draw_without_rendering()
    heights = [ax.get_position().height * ax.figure.get_figheight() for ax in (few, many)]
    assert heights[1] == pytest.approx(heights[0], abs=0.1)


def test_labels_are_cut_but_stay_labels():
    configurations = [{"initializer": "_" + "x" * 50}, {"initializer": "$\\frac$"}]
    ax = loss_bands(comparison_of(np.ones((2, 1, 2)), configurations=configurations))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [" _" + "x" * 28 + "...", "$\\frac$"]
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize(("size", "n", "legend"), [((3, 2.2), 9, False), ((3, 2.2), 2, True), ((9, 7), 9, True)])
def test_given_axes_without_room_for_a_legend_have_labelled_lines(size, n, legend):
    figure = Figure(size, layout="constrained")
    ax = figure.subplots()
    loss_bands(comparison_of(np.ones((n, 1, 2))), ax=ax)
    assert (ax.get_legend() is not None) is legend
    assert tuple(figure.get_size_inches()) == size
    assert len(ax.get_legend_handles_labels()[1]) == n
    figure.draw_without_rendering()


# ---- refused


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1, 2],), TypeError, r"comparison must be a Comparison, got \[1, 2\]"),
        ((comparison_of(np.full((1, 2, 2), np.nan)),), ValueError, "comparison must have runs with finite losses, got"),
        ((comparison_of(np.ones((22, 1, 1))),), ValueError, "22 configurations are more than the 21 that can be told"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        loss_bands(*arguments)


def test_a_comparison_without_runs_is_refused():
    found = comparison_of(np.ones((1, 2, 2)))
    found.runs = found.runs[:0]
    with pytest.raises(ValueError, match="comparison must have finished runs, got none"):
        loss_bands(found)


@pytest.mark.parametrize(
    ("configurations", "error", "message"),
    [
        (0, TypeError, "configurations must be a sequence of ints, got 0"),
        ([], ValueError, r"configurations must be different numbers below 2, got \[\]"),
        ([2], ValueError, r"configurations must be different numbers below 2, got \[2\]"),
        ([1, 1], ValueError, "configurations must be different numbers"),
        ([-1], ValueError, r"configurations\[0\] must be at least 0"),
        (["he"], TypeError, r"configurations\[0\] must be an integer, got 'he'"),
    ],
)
def test_configurations_that_are_none_are_refused(configurations, error, message):
    with pytest.raises(error, match=message):
        loss_bands(comparison_of(np.ones((2, 1, 1))), configurations=configurations)


def test_nothing_is_left_on_given_axes_by_a_refusal():
    ax = Figure().subplots()
    with pytest.raises(ValueError, match="finite losses"):
        loss_bands(comparison_of(np.full((1, 2, 2), np.nan)), ax=ax)
    assert not ax.has_data()
