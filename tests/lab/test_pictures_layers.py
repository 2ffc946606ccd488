"""Variances by depth, ridges of histograms and dead units: what is drawn is what was measured and predicted."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fastmlp import MLP
from fastmlp.lab import diagnose, theory
from fastmlp.lab.pictures import COLORS, dead_units, histograms_by_layer, variance_by_depth
from fastmlp.lab.pictures.depth import band_of_draws
from fastmlp.lab.pictures.ridge import HEIGHT

RNG = np.random.default_rng(0)
DIMS = [20, 60, 60, 60, 60, 1]
X = RNG.standard_normal((80, 20))
Y = (X[:, 0] > 0).astype(int)
PREDICTED = theory.predicted_variances(DIMS, "relu", 2.0)


def measured(initialization="he", dims=DIMS, **options):
    return diagnose(MLP(dims, initialization=initialization, seed=1), X, Y, **options)


def edges_of(band):
    points = band.get_paths()[0].vertices
    values = [points[points[:, 0] == one, 1] for one in np.unique(points[:, 0])]
    return np.array([v.min() for v in values]), np.array([v.max() for v in values])


# ---- variance by depth


@pytest.mark.parametrize(("direction", "field"), [("forward", "preactivation"), ("backward", "gradient")])
def test_what_was_measured_and_predicted_is_drawn(direction, field):
    found = measured()
    ax = variance_by_depth(found, PREDICTED, direction=direction)
    squares = found.layers[f"{field}_variance"] + found.layers[f"{field}_mean"] ** 2
    scale = 1.0 if direction == "forward" else squares[-1]
    for line, values in zip(ax.lines, (squares, scale * PREDICTED[direction]), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5])
        np.testing.assert_allclose(line.get_ydata(), values, rtol=1e-14)
    ends = band_of_draws(scale * PREDICTED[direction], scale * PREDICTED[f"{direction}_deviation"])
    np.testing.assert_allclose(edges_of(ax.collections[0]), ends, rtol=1e-12)
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "layer"
    assert ax.get_ylabel() == {"forward": "mean square of z", "backward": "mean square of dz"}[direction]
    assert [line.get_label() for line in ax.lines] == ["measured", "predicted, 95 % of draws"]


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_networks_of_many_seeds_lie_within_the_band(direction):
    dims = [20, 60, 60, 60, 60, 30]
    example = X[:1] / np.sqrt((X[:1] ** 2).mean())
    pair = np.concatenate([example, example + 1e-9])  # nearly one example, as the deviations are told for
    targets = np.tile(1e3 * RNG.standard_normal(30), (2, 1))  # so large that dz depends on no weight of the last layer
    predicted = theory.predicted_variances(dims, "relu", 2.0)
    inside = []
    for seed in range(60):
        network = MLP(dims, loss="squared_error", initialization="he", seed=seed)
        ax = variance_by_depth(diagnose(network, pair, targets), predicted, direction=direction)
        low, high = edges_of(ax.collections[0])
        values = ax.lines[0].get_ydata()
        inside.append((low <= values) & (values <= high))
    chosen = np.array(inside)[:, :-1] if direction == "backward" else np.array(inside)  # where the band has a width
    assert 0.9 < chosen.mean() < 0.995


def test_the_band_is_that_of_log_normal_values():
    values, deviations = np.array([2.0, 2.0, 0.0]), np.array([0.02, 2.0, 0.0])
    low, high = band_of_draws(values, deviations)
    np.testing.assert_allclose([low[0], high[0]], [2 - 1.96 * 0.02, 2 + 1.96 * 0.02], rtol=1e-3)
    draws = 2 * np.exp(np.random.default_rng(0).normal(-0.5, 1.0, 100_000))
    np.testing.assert_allclose([low[1], high[1]], np.quantile(draws, [0.025, 0.975]), rtol=0.03)
    assert low[2] == high[2] == 0


def test_several_by_name_share_the_colour_of_their_prediction():
    found = {name: measured(name) for name in ("xavier", "he", "orthogonal")}
    predicted = {"he": PREDICTED, "xavier": theory.predicted_variances(DIMS, "relu", 1.0), "other": PREDICTED}
    ax = variance_by_depth(found, predicted, direction="backward")
    labels = [line.get_label() for line in ax.lines]
    assert labels[:3] == ["xavier, measured", "he, measured", "orthogonal, measured"]
    assert labels[3:] == [f"{name}, predicted, 95 % of draws" for name in ("he", "xavier", "other")]
    colors = dict(zip(labels, (line.get_color() for line in ax.lines), strict=True))
    assert [colors[label] for label in labels] == [COLORS[i] for i in (0, 1, 2, 1, 0, 3)]
    last = {
        name: one.layers["gradient_variance"][-1] + one.layers["gradient_mean"][-1] ** 2 for name, one in found.items()
    }
    for line, name in zip(
        ax.lines[3:], ("he", "xavier", "xavier"), strict=True
    ):  # the first, where there is no such name
        assert line.get_ydata()[-1] == pytest.approx(last[name], rel=1e-12)
    ax.figure.draw_without_rendering()


def test_layers_without_finite_values_are_gaps_and_zeros_have_no_log_axis():
    found = measured()
    found.layers["preactivation_variance"][2] = np.inf
    line = variance_by_depth(found).lines[0].get_ydata()
    np.testing.assert_array_equal(np.isnan(line), [False, False, True, False, False])
    ax = variance_by_depth(measured("zeros"))
    assert ax.get_yscale() == "linear"
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("largest", [1e305, 1e-305])
def test_variances_of_any_size_are_drawn_without_a_warning(largest):
    found = measured()
    found.layers["preactivation_variance"] = [1, 1, 1, largest**0.5, largest]
    found.layers["preactivation_mean"] = 0
    variance_by_depth(found, PREDICTED).figure.draw_without_rendering()


def test_gradients_of_an_output_that_is_not_finite_have_no_prediction():
    found = measured()
    found.layers["gradient_variance"][-1] = np.inf
    ax = variance_by_depth(found, PREDICTED, direction="backward")
    assert np.isnan(ax.lines[1].get_ydata()).all()
    ax.figure.draw_without_rendering()


def test_more_than_seven_have_other_markers():
    found = measured()
    ax = variance_by_depth({str(i): found for i in range(9)}, {str(i): PREDICTED for i in range(9)})
    assert len({(line.get_color(), line.get_marker()) for line in ax.lines[:9]}) == 9
    with pytest.raises(ValueError, match="at most 21 names can be told apart, got 22"):
        variance_by_depth({str(i): found for i in range(20)}, {"a": PREDICTED, "b": PREDICTED})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("he",), TypeError, "diagnosis must be a Diagnosis or a mapping of them, got 'he'"),
        (({"he": 1},), TypeError, "diagnosis must be a Diagnosis or a mapping of them, got 1"),
        (({},), ValueError, "diagnosis must be at least one, got an empty mapping"),
        (({i: measured() for i in range(22)},), ValueError, "diagnosis must be at most 21, .* got 22"),
        ((measured(), [1, 2]), TypeError, "predicted must be what predicted_variances returns, or a mapping, got"),
        ((measured(), PREDICTED[1:]), ValueError, "predicted must have 5 layers, got 4"),
        (({"a": measured(), "b": measured(dims=[20, 1])}, PREDICTED[2:]), ValueError, "must have 1 or 5 layers, got 3"),
    ],
)
def test_what_is_no_diagnosis_or_prediction_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        variance_by_depth(*arguments)


def test_directions_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="direction must be one of forward, backward; got 'both'"):
        variance_by_depth(measured(), direction="both")
    with pytest.raises(ValueError, match=r"diagnosis must be made with y to be drawn backward"):
        variance_by_depth(diagnose(MLP(DIMS, seed=0), X), direction="backward")
    found = measured()
    found.layers["preactivation_mean"] = np.nan
    with pytest.raises(ValueError, match="diagnosis must have a finite variance in at least one layer, got none"):
        variance_by_depth(found)


# ---- histograms


@pytest.mark.parametrize("kind", ["preactivation", "activation", "gradient"])
def test_each_ridge_is_the_histogram_of_its_layer(kind):
    found = measured(histograms=12)
    ax = histograms_by_layer(found, kind)
    counts, edges = found.histograms[kind]
    assert len(ax.lines) == len(counts) == 5
    for row, (line, heights, ends) in enumerate(zip(ax.lines, counts, edges, strict=True), start=1):
        x, y = line.get_data()
        np.testing.assert_array_equal(x[::2], ends[:-1])
        np.testing.assert_array_equal(x[1::2], ends[1:])
        drawn = np.where(heights > 0, row - HEIGHT * heights / heights.max(), np.nan)
        np.testing.assert_allclose(y[::2], drawn)
        np.testing.assert_allclose(y[1::2], drawn)
    assert ax.get_ylim()[0] > 5 > 1 > ax.get_ylim()[1]  # the first layer at the top
    assert [text.get_text() for text in ax.get_yticklabels()] == ["1 relu", "2 relu", "3 relu", "4 relu", "5 logistic"]
    letter = {"preactivation": "pre-activation z", "activation": "activation a", "gradient": "gradient dz"}[kind]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (letter, "layer")


def test_names_of_many_layers_do_not_overlap():
    found = measured(dims=[20, *[8] * 40, 1], histograms=5)
    small = Figure((3, 2.4), layout="constrained").subplots()
    for ax in (histograms_by_layer(found), histograms_by_layer(found, ax=small)):
        ax.figure.draw_without_rendering()
        boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
        assert len(boxes) > 5
        assert not any(a.padded(-1).overlaps(b.padded(-1)) for a, b in itertools.pairwise(boxes))


def test_a_layer_without_finite_values_has_an_empty_row():
    found = measured(histograms=5)
    found.histograms["activation"][0][1] = 0
    ax = histograms_by_layer(found, "activation")
    assert len(ax.lines) == 4
    assert len(ax.get_yticklabels()) == 5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3,), TypeError, "diagnosis must be a Diagnosis, got 3"),
        ((measured(),), ValueError, "no histograms of the preactivations: call diagnose with histograms=50"),
        ((diagnose(MLP(DIMS), X, histograms=3), "gradient"), ValueError, "call diagnose with y and histograms=50"),
        ((measured(), "weights"), ValueError, "of must be one of preactivation, activation, gradient; got 'weights'"),
    ],
)
def test_histograms_that_there_are_not_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        histograms_by_layer(*arguments)


# ---- dead units


def traced(initialization="he", dims=(20, 8, 4, 1), seed=0):
    network = MLP(dims, initialization=initialization, seed=seed)
    return diagnose(network, X, Y, trace=[0, 3, 6, 20], learning_rate=2.0)


def test_each_hidden_layer_and_all_units_together_have_a_line():
    found = traced()
    ax = dead_units(found)
    shares = np.array([part.layers["dead"][:2] for part in found.trace])
    assert shares.any()
    assert not (shares == shares[0]).all()
    drawn = [line.get_ydata() for line in ax.lines]
    np.testing.assert_array_equal(drawn[:2], shares.T)
    np.testing.assert_allclose(drawn[2], (8 * shares[:, 0] + 4 * shares[:, 1]) / 12)
    for line in ax.lines:
        np.testing.assert_array_equal(line.get_xdata(), [0, 3, 6, 20])
    assert [line.get_label() for line in ax.lines] == ["layer 1", "layer 2", "all hidden units"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "dead units (% of units)")
    ax.figure.draw_without_rendering()
    assert "100" in [label.get_text() for label in ax.get_yticklabels()]


def test_several_by_name_have_a_line_each():
    found = {"he": traced(), "zeros": traced("zeros"), "_mine": traced(seed=1)}
    ax = dead_units(found)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["he", "zeros", " _mine"]
    for line, one, color in zip(ax.lines, found.values(), COLORS, strict=False):
        shares = [part.layers["dead"][:2] @ [8, 4] / 12 for part in one.trace]
        np.testing.assert_allclose(line.get_ydata(), shares)
        assert to_hex(line.get_color()) == color


def test_one_by_name_has_one_line_with_its_name():
    assert [line.get_label() for line in dead_units({"he": traced()}).lines] == ["he"]


def test_many_layers_have_a_scale_of_colours():
    ax = dead_units(traced(dims=(20, *[6] * 9, 1)))
    assert len({to_hex(line.get_color()) for line in ax.lines[:9]}) == 9
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["all hidden units"]
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "hidden layer"
    assert bar.get_ylim() == (1, 9)


@pytest.mark.parametrize(
    ("diagnosis", "error", "message"),
    [
        ("he", TypeError, "diagnosis must be a Diagnosis or a mapping of them, got 'he'"),
        (measured(), ValueError, r"diagnosis has no trace: call diagnose with trace="),
        (traced(dims=(20, 1)), ValueError, "diagnosis must be of a network with hidden layers, got none"),
    ],
)
def test_what_has_no_trace_is_refused(diagnosis, error, message):
    with pytest.raises(error, match=message):
        dead_units(diagnosis)
