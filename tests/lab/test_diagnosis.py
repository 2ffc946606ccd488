"""What a diagnosis measures, beside plain NumPy."""

import itertools

import numpy as np
import pytest

from fastmlp import MLP, Huber, LogLoss, Quantile, reference
from fastmlp.lab import Diagnosis, diagnose
from fastmlp.lab.diagnosis import layers as layers_module
from fastmlp.lab.diagnosis.layers import saturation_limits
from fastmlp.training import TrainingOptions, run

RTOL = {"float64": 1e-10, "float32": 2e-4}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
LOSSES = {
    "log_loss": (1, RNG.integers(0, 2, 40)),
    LogLoss(label_smoothing=0.1): (1, RNG.integers(0, 2, 40)),
    "multilabel_log_loss": (2, RNG.integers(0, 2, (40, 2))),
    "multinomial_log_loss": (4, RNG.integers(0, 4, 40)),
    "squared_error": (2, RNG.standard_normal((40, 2))),
    "absolute_error": (1, RNG.standard_normal(40)),
    Huber(delta=0.5): (1, RNG.standard_normal((40, 1))),
    Quantile(0.3): (1, RNG.standard_normal(40)),
    "poisson": (1, RNG.integers(0, 5, 40)),
}


def by_hand(network, inputs):
    """z and a (units, n) of every layer, by NumPy alone; the hidden layers are tanh, the output the raw one."""
    a, found = inputs.T, []
    for w, b in zip(network.weights, network.biases, strict=True):
        z = w.astype(float) @ a + b[:, np.newaxis]
        a = np.tanh(z)
        found.append((z, a))
    return found


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_every_field_is_what_numpy_computes(loss, dtype):
    n_outputs, y = LOSSES[loss]
    network = MLP([3, 8, 5, n_outputs], activation="tanh", loss=loss, dtype=dtype, seed=1)
    found = diagnose(network, X, y, learning_rate=0.1).layers
    expected = by_hand(network, X)
    examples = network.examples(X, y)
    parameter = network.loss.label_smoothing or network.loss.parameter
    dz = len(X) * reference.loss_backward(expected[-1][0], examples.targets, network.loss.name, parameter)
    for i in (2, 1, 0):
        row, (z, a), w = found[i], expected[i], network.weights[i]
        inputs = X.T if i == 0 else expected[i - 1][1]
        dw = dz @ inputs.T / len(X)
        near = {"rtol": RTOL[dtype.name], "atol": RTOL[dtype.name] * 1e-2}
        np.testing.assert_allclose(row["preactivation_mean"], z.mean(), **near)
        np.testing.assert_allclose(row["preactivation_variance"], z.var(), **near)
        if i < 2:  # the outputs have an activation of their own
            np.testing.assert_allclose(row["activation_mean"], a.mean(), **near)
            np.testing.assert_allclose(row["activation_variance"], a.var(), **near)
        np.testing.assert_allclose(row["gradient_mean"], dz.mean(), **near)
        np.testing.assert_allclose(row["gradient_variance"], dz.var(), **near)
        np.testing.assert_allclose(row["weight_gradient_norm"], np.sqrt((dw**2).sum()), **near)
        np.testing.assert_allclose(row["update_ratio"], 0.1 * np.linalg.norm(dw) / np.linalg.norm(w), **near)
        assert (row["layer"], row["units"], row["activation"]) == (i + 1, len(z), network.plan.activations[i])
        dz = (w.T @ dz) * (1 - inputs**2)


def test_the_outputs_of_the_last_layer_are_those_of_the_loss():
    network = MLP([3, 8, 4], loss="multinomial_log_loss", seed=1)
    row = diagnose(network, X).layers[-1]
    probabilities = network.predict_proba(X)
    assert row["activation_mean"] == pytest.approx(0.25, rel=1e-12)
    assert row["activation_variance"] == pytest.approx(probabilities.var(), rel=1e-10)


def test_without_targets_what_is_backward_is_nan():
    rows = diagnose(MLP([3, 8, 1], seed=1), X).layers
    for name in ("gradient_mean", "gradient_variance", "weight_gradient_norm", "update_ratio"):
        assert np.isnan(rows[name]).all()
    assert np.isfinite([rows[name] for name in rows.dtype.names if name.startswith("preactivation")]).all()


@pytest.mark.parametrize("n_examples", [2, 15, 16, 17, 40])
def test_blocks_of_examples_change_nothing(n_examples, monkeypatch, dtype):
    network, y = MLP([3, 30, 20, 1], activation=["relu", "tanh"], dtype=dtype, seed=1), LOSSES["log_loss"][1]
    network.biases[0][:5] = -100
    network.weights[1][:7] *= 30
    whole = diagnose(network, X[:n_examples], y[:n_examples], histograms=7)
    monkeypatch.setattr(layers_module, "BLOCK", 1)
    parts = diagnose(network, X[:n_examples], y[:n_examples], histograms=7)
    assert 0 < whole.layers["dead"][0] < 1
    assert 0 < whole.layers["saturated"][1] < 1
    for name in whole.layers.dtype.names:
        if name == "activation":
            continue
        np.testing.assert_allclose(parts.layers[name], whole.layers[name], rtol=RTOL[dtype.name], err_msg=name)
    for name, (counts, edges) in whole.histograms.items():
        np.testing.assert_allclose(parts.histograms[name][1], edges, rtol=RTOL[dtype.name], atol=1e-7)
        assert (np.abs(parts.histograms[name][0] - counts) <= (dtype == np.float32)).all()


def test_small_variances_beside_large_means_keep_their_digits(dtype):
    """The spread is 1e-3 of the mean (1e-6 in float64), its square far below the rounding of the mean's."""
    spread = 1e-6 if dtype == np.float64 else 1e-3
    network = MLP([3, 4], activation=[], loss="squared_error", dtype=dtype, seed=0)
    inputs = (1000 + 1000 * spread * X).astype(dtype)
    z = network.weights[0].astype(float) @ inputs.T.astype(float)
    row = diagnose(network, inputs).layers[0]
    assert row["preactivation_variance"] == pytest.approx(z.var(), rel=1e-3)
    assert row["dead"] == 0


@pytest.mark.parametrize("value", [0.1, 1 / 3, -7e4, 1e-30, 0.0])
@pytest.mark.parametrize("n", [2, 300, 3000])
def test_a_unit_that_is_constant_is_dead_whatever_its_value(value, n, dtype):
    network = MLP([1, 3, 1], activation="identity", loss="squared_error", dtype=dtype, seed=0)
    network.weights[0][:] = [[0], [0], [1e-25]]
    network.biases[0][:] = [value, 0, 0]
    inputs = np.random.default_rng(0).standard_normal((n, 1))
    assert diagnose(network, inputs).layers["dead"][0] == pytest.approx(2 / 3)


def test_dead_and_saturated_are_shares_of_units_and_of_outputs():
    network = MLP([1, 4, 1], activation="tanh", seed=0)
    network.weights[0][:] = [[0], [1], [5], [0.1]]
    network.biases[0][:] = 0
    row = diagnose(network, [[1.0], [-2.0], [3.0], [0.0]]).layers[0]
    assert row["dead"] == 0.25  # the unit without weights
    assert row["saturated"] == 4 / 16  # 3; 5, -10 and 15


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_an_activation_saturates_where_its_slope_is_a_twentieth(activation):
    slope = reference.DERIVATIVES[activation]
    low, high = saturation_limits(activation)
    np.testing.assert_allclose(slope(np.array([low, high])), 0.05 * slope(np.zeros(2)))
    assert saturation_limits("elu")[0] == pytest.approx(np.log(0.05))
    assert saturation_limits("relu") == (-np.inf, np.inf)


def test_distinct_units_differ_in_weights_or_bias():
    network = MLP([2, 6, 2], loss="squared_error", seed=0)
    network.weights[0][:] = [[1, 2], [1, 2], [1, 2], [0.0, 1], [-0.0, 1], [2, 1]]
    network.biases[0][:] = [0, 0, 1, 0, -0.0, 0]
    assert diagnose(network, X[:, :2]).layers["distinct_units"].tolist() == [4, 2]


def numeric_jacobian(network, x):
    """Central differences of the raw outputs."""
    columns = []
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = 1e-6
        up, down = (network.decision_function((x + sign * step)[np.newaxis]) for sign in (1, -1))
        columns.append((up - down).ravel() / 2e-6)
    return np.array(columns).T


@pytest.mark.parametrize("activation", ["tanh", "gelu", "selu", "logistic"])
def test_jacobians_are_derivatives_of_the_raw_outputs(activation):
    network = MLP([3, 8, 6, 2], activation=activation, loss="squared_error", seed=2)
    found = diagnose(network, X, n_jacobians=4)
    rows = np.linspace(0, len(X) - 1, 40).astype(int)[np.linspace(0, 39, 4).astype(int)]
    expected = np.array([numeric_jacobian(network, x) for x in X[rows]])
    np.testing.assert_allclose(found.jacobians, expected, atol=1e-8)
    values = np.array([np.linalg.svd(matrix)[1] for matrix in expected])
    np.testing.assert_allclose(found.singular_values, values, atol=1e-8)
    assert found.condition_number == pytest.approx(np.median(values[:, 0] / values[:, -1]), rel=1e-6)


def test_jacobian_norms_are_those_of_the_products_from_each_layer_on():
    network = MLP([3, 8, 6, 2], activation="tanh", loss="squared_error", seed=2)
    rows = diagnose(network, X, n_jacobians=40).layers
    zs = [z for z, _ in by_hand(network, X)]
    squares = np.zeros(3)
    for i in range(len(X)):
        last = network.weights[2] * (1 - np.tanh(zs[1][:, i]) ** 2)
        first = last @ network.weights[1] * (1 - np.tanh(zs[0][:, i]) ** 2)
        squares += [(first**2).sum() / 2, (last**2).sum() / 2, 1]
    np.testing.assert_allclose(rows["jacobian_norm"], np.sqrt(squares / len(X)), rtol=1e-10)
    np.testing.assert_allclose(rows["chi"][:2], squares[:2] / squares[1:], rtol=1e-10)
    assert np.isnan(rows["chi"][2])


@pytest.mark.parametrize(("activation", "weight_variance"), [("relu", 2.0), ("tanh", 1.0), ("relu", 1.0)])
def test_chi_is_that_of_mean_field_theory_in_wide_layers(activation, weight_variance):
    """chi_1 = weight variance x E[slope^2], with half of relu's slopes 1 (Schoenholz et al. 2017)."""

    def draw(dims, seed):
        rng = np.random.default_rng(0)
        pairs = list(itertools.pairwise(dims))
        return [rng.normal(size=(m, n)) * np.sqrt(weight_variance / n) for n, m in pairs], [
            np.zeros(m) for _, m in pairs
        ]

    network = MLP([600, 600, 600, 600, 10], activation=activation, loss="squared_error", initialization=draw)
    rows = diagnose(network, np.random.default_rng(1).standard_normal((20, 600)), n_jacobians=20).layers
    if activation == "relu":
        expected = np.full(3, weight_variance / 2)
    else:
        z = np.random.default_rng(2).standard_normal(100_000) * np.sqrt(rows["preactivation_variance"][:3, np.newaxis])
        expected = weight_variance * np.mean((1 - np.tanh(z) ** 2) ** 2, axis=1)
    np.testing.assert_allclose(rows["chi"][:3], expected, rtol=0.15)


def test_correlation_is_the_mean_cosine_of_all_pairs():
    network = MLP([3, 8, 1], activation="tanh", seed=2)
    rows = diagnose(network, X).layers
    for row, (z, _) in zip(rows, by_hand(network, X), strict=True):
        unit = z / np.linalg.norm(z, axis=0)
        pairs = [unit[:, i] @ unit[:, j] for i, j in itertools.combinations(range(len(X)), 2)]
        assert row["correlation"] == pytest.approx(np.mean(pairs), rel=1e-10)


def test_the_sample_of_many_examples_is_spread_over_them():
    """The second half of the examples is the opposite of the first: a sample of the first alone would see c = 1."""
    inputs = np.repeat([[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]], 500, axis=0)
    network = MLP([3, 8, 1], activation="tanh", initialization="lecun", seed=2)
    assert diagnose(network, inputs).layers["correlation"][0] == pytest.approx(-1 / 63, rel=1e-10)


def test_an_example_without_pre_activations_has_no_angle():
    network = MLP([3, 8, 1], activation="tanh", seed=2)
    with_zeros = np.r_[X, np.zeros((3, 3))]
    assert diagnose(network, with_zeros).layers["correlation"][0] == diagnose(network, X).layers["correlation"][0]
    assert np.isnan(diagnose(network, [[0.0, 0, 0], [1, 2, 3]]).layers["correlation"][0])


@pytest.mark.parametrize(("n_outputs", "n_jacobians"), [(1, 40), (2, 32), (10, 6), (100, 1)])
def test_as_many_jacobians_are_computed_as_have_64_rows_together(n_outputs, n_jacobians):
    found = diagnose(MLP([3, 8, n_outputs], loss="squared_error", seed=2), X)
    assert found.jacobians.shape == (n_jacobians, n_outputs, 3)
    assert found.singular_values.shape == (n_jacobians, min(3, n_outputs))


def test_the_output_layer_is_judged_by_its_raw_outputs():
    """Logits from 50 on: the sigmoid is 1 for every example, but the outputs differ, and are not called saturated."""
    network = MLP([1, 1], activation=[], initialization="constant")
    row = diagnose(network, [[500.0], [900.0], [1300.0]]).layers[0]
    assert (row["activation_variance"], row["dead"], row["saturated"]) == (0, 0, 0)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
@pytest.mark.parametrize("trained", [0, 3])
def test_the_update_ratio_is_that_of_the_next_epoch(optimizer, trained):
    y = LOSSES["log_loss"][1]
    options = {"optimizer": optimizer, "learning_rate": 0.05, "l2": 0.1, "clip_norm": 0.7}
    network = MLP([3, 8, 5, 1], activation="tanh", seed=2)
    run(network, network.examples(X, y), TrainingOptions(epochs=trained, **options))
    found = diagnose(network, X, y, **options).layers["update_ratio"]
    before = [w.copy() for w in network.weights]
    run(network, network.examples(X, y), TrainingOptions(epochs=1, **options))
    moved = [np.linalg.norm(w - b) / np.linalg.norm(b) for w, b in zip(network.weights, before, strict=True)]
    np.testing.assert_allclose(found, moved, rtol=1e-10)


def test_the_update_ratio_of_lbfgs_is_unknown():
    assert np.isnan(
        diagnose(MLP([3, 8, 1], seed=0), X, LOSSES["log_loss"][1], optimizer="lbfgs").layers["update_ratio"]
    ).all()


def test_a_penalty_of_the_sum_is_divided_by_the_number_of_examples():
    y = LOSSES["log_loss"][1]
    ratios = [
        diagnose(MLP([3, 8, 1], seed=0), X, y, l2=l2, penalty=penalty).layers["update_ratio"]
        for l2, penalty in ((1.0, "mean"), (40.0, "sum"))
    ]
    np.testing.assert_allclose(*ratios, rtol=1e-12)


def test_histograms_count_every_value_around_the_mean():
    network, y = MLP([3, 8, 5, 1], activation="tanh", seed=2), LOSSES["log_loss"][1]
    found = diagnose(network, X, y, histograms=9)
    assert set(found.histograms) == {"preactivation", "activation", "gradient"}
    counts, edges = found.histograms["preactivation"]
    for i, (z, _) in enumerate(by_hand(network, X)):
        reach = 4 * z.std()
        np.testing.assert_allclose(edges[i][[0, -1]], [z.mean() - reach, z.mean() + reach], rtol=1e-10)
        np.testing.assert_array_equal(counts[i], np.histogram(np.clip(z, edges[i][0], edges[i][-1]), bins=edges[i])[0])
        assert counts[i].sum() == z.size
    assert set(diagnose(network, X, histograms=3).histograms) == {"preactivation", "activation"}
    assert diagnose(network, X).histograms == {}


def test_the_ends_of_a_histogram_count_what_lies_beyond():
    network = MLP([1, 1], activation=[], loss="squared_error", initialization="constant")
    inputs = np.r_[np.zeros(998), 500, -500][:, np.newaxis]
    counts, _ = diagnose(network, inputs, histograms=5).histograms["preactivation"]
    assert counts.tolist() == [[1, 0, 998, 0, 1]]


def test_the_histogram_of_equal_values_has_bins_around_them():
    counts, edges = diagnose(MLP([3, 8, 1], initialization="zeros"), X, histograms=3).histograms["activation"]
    np.testing.assert_allclose(edges, [[-1 / 2, -1 / 6, 1 / 6, 1 / 2], [0, 1 / 3, 2 / 3, 1]], atol=1e-12)
    assert counts.tolist() == [[0, 320, 0], [0, 40, 0]]


def test_diagnosing_changes_nothing(dtype):
    network, y = MLP([3, 8, 1], seed=1, dtype=dtype), LOSSES["log_loss"][1]
    network.train(X, y, epochs=3, optimizer="adam")
    before, examples, state = network.parameters.tobytes(), X.copy(), network.training_state.moments.tobytes()
    diagnose(network, X, y, trace=[0, 2], histograms=4)
    assert network.parameters.tobytes() == before
    assert network.training_state.moments.tobytes() == state
    assert network.training_state.epochs == 3
    np.testing.assert_array_equal(examples, X)


def test_the_printed_table_has_a_line_per_layer_and_no_empty_column():
    found = diagnose(MLP([3, 8, 1], seed=1), X)
    title, explanation, blank, heads, *lines = repr(found).splitlines()
    assert (title, explanation, blank, len(lines)) == ("Diagnosis: healthy", found.explanation, "", 2)
    assert "z variance" in heads
    assert "dz variance" not in heads
    assert f"{found.layers['preactivation_variance'][0]:.3g}" in lines[0].split()
    assert len({len(line) for line in (heads, *lines)}) == 1
    zeros = diagnose(MLP([3, 8, 1], initialization="zeros"), X, LOSSES["log_loss"][1])
    assert repr(zeros).startswith("Diagnosis: symmetric from layer 1\n")


def test_the_html_of_a_notebook_has_the_same_cells():
    found = diagnose(MLP([3, 8, 1], seed=1), X, LOSSES["log_loss"][1])
    text = found._repr_html_()
    assert text.count("<tr>") == 3
    for cell in repr(found).splitlines()[4].split():
        assert f"<td>{cell}</td>" in text
    assert "|dW|" in text
    angry = Diagnosis(found.layers, "dead", 1, "a < b & c")
    assert "a &lt; b &amp; c" in angry._repr_html_()


def test_a_frame_has_the_rows_of_the_layers_and_of_the_trace():
    network, y = MLP([3, 8, 1], seed=1), LOSSES["log_loss"][1]
    frame = diagnose(network, X, y).to_pandas()
    assert list(frame.columns) == [name for name, _ in layers_module.FIELDS]
    assert frame["units"].tolist() == [8, 1]
    traced = diagnose(network, X, y, trace=[0, 5]).to_pandas()
    assert traced["epoch"].tolist() == [0, 0, 5, 5]
    assert traced["preactivation_variance"][:2].tolist() == frame["preactivation_variance"].tolist()
