"""What a comparison tells of its runs: summary, pairs, tables, files."""

import io
import json
import re
import warnings

import numpy as np
import pytest
from comparisons import comparison_of
from scipy import stats
from sweeps import FIELDS, small

from fastmlp.export import npz
from fastmlp.lab import Comparison
from fastmlp.lab.sweep.case import OUTCOMES
from fastmlp.lab.sweep.comparison import table
from fastmlp.lab.sweep.statistics import mean_with_interval, quantiles

INF = np.inf
LOSSES = {"he": [0.1, 0.2, 0.3, INF, 0.5], "zeros": [0.4, 0.6, 0.8, 1.0, np.nan]}
SCORES = {"he": [0.9, 0.8, 0.7, 0.6, 1.0], "zeros": [0.5, 0.5, 0.5, 0.5, np.nan]}
WORDS = {"he": ["learned", "learned", "learned", "diverged", "learned"],
         "zeros": ["symmetric", "dead", "constant", "constant", "failed"]}  # fmt: skip


def made(n=5, n_missing=0):
    """A comparison of given values, for n seeds of two initializers."""
    names = ("he", "zeros")

    def of(values):
        return [value for name in names for value in values[name][:n]]

    columns = {
        "initializer": np.repeat(names, n),
        "seed": np.tile(np.arange(n) + 10, 2),
        "first_loss": np.ones(2 * n),
        "final_loss": of(LOSSES),
        "train_score": of(SCORES),
        "test_score": np.full(2 * n, np.nan),
        "outcome": of(WORDS),
        "epoch": np.full(2 * n, 20),
        "reason": of(WORDS),
        "seconds": np.arange(2.0 * n),
        "configuration": np.repeat([0, 1], n),
    }
    losses = np.array([[1.0, (1 + loss) / 2, loss] for loss in of(LOSSES)]).reshape(2 * n, 3)
    common = {"layer_dims": "2-3-1", "activation": "relu", "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 60}
    configurations = [{"initializer": name, **common} for name in names]
    settings = {"epochs": 30, "n_examples": 60, "dtype": "float64", "score": "accuracy"}
    return Comparison(table(columns), losses, np.array([0, 10, 20]), configurations, settings, n_missing)


# ---- summary


def test_the_summary_of_each_configuration():
    he, zeros = made().summary()
    assert (he["initializer"], he["runs"]) == ("he", 5)
    assert (zeros["initializer"], zeros["runs"]) == ("zeros", 5)
    assert (he["final_loss"], he["final_loss_5"], he["final_loss_95"]) == (0.3, pytest.approx(0.12), INF)
    expected = np.quantile([0.4, 0.6, 0.8, 1.0], [0.5, 0.05, 0.95])
    assert [zeros[name] for name in ("final_loss", "final_loss_5", "final_loss_95")] == pytest.approx(expected)
    assert he["train_score"] == pytest.approx(0.8)
    assert 0.6 <= he["train_score_low"] < 0.74
    assert 0.86 < he["train_score_high"] <= 1.0
    assert [zeros[f"train_score{end}"] for end in ("", "_low", "_high")] == [0.5, 0.5, 0.5]
    assert np.isnan([he[f"test_score{end}"] for end in ("", "_low", "_high")]).all()
    assert [he[outcome] for outcome in OUTCOMES] == [0.8, 0, 0, 0, 0.2, 0]
    assert [zeros[outcome] for outcome in OUTCOMES] == [0, 0.4, 0.2, 0.2, 0, 0.2]
    assert (he["seconds"], zeros["seconds"]) == (2, 7)


def test_epochs_to_a_loss():
    found = made()
    np.testing.assert_array_equal(found.epochs_to(0.6), [10, 10, 20, INF, 20, 20, 20, INF, INF, INF])
    np.testing.assert_array_equal(found.epochs_to(1), [0] * 10)
    he, zeros = found.summary(loss=0.6)
    assert (he["reached"], he["epochs_to_loss"]) == (0.8, 20)
    assert (zeros["reached"], zeros["epochs_to_loss"]) == (0.4, INF)
    assert "reached" not in found.summary().dtype.names
    with pytest.raises(TypeError, match="loss must be a number, got 'low'"):
        found.summary(loss="low")


def test_the_interval_is_that_of_the_mean():
    values = np.random.default_rng(0).normal(3, 2, 400)
    mean, low, high = mean_with_interval(values)
    assert mean == values.mean()
    error = 1.96 * values.std() / 20
    assert (low, high) == (pytest.approx(mean - error, abs=0.1 * error), pytest.approx(mean + error, abs=0.1 * error))
    assert mean_with_interval(values) == (mean, low, high)  # no draws of its own
    assert mean_with_interval(np.r_[values, np.nan]) == (mean, low, high)


@pytest.mark.parametrize("values", [[], [np.nan]])
def test_no_run_has_no_statistic(values):
    assert np.isnan(mean_with_interval(np.array(values, float))).all()
    assert np.isnan(quantiles(np.array(values, float), [0.5])).all()


def test_too_few_runs_have_no_interval():
    mean, low, high = mean_with_interval(np.array([0.7]))
    assert (mean, np.isnan(low), np.isnan(high)) == (0.7, True, True)
    one = made(1).summary()[0]
    assert (one["final_loss"], one["train_score"], np.isnan(one["train_score_low"])) == (0.1, 0.9, True)


def test_values_whose_squares_overflow_have_an_interval_without_a_warning():
    mean, low, high = mean_with_interval(np.array([1e300, 2e300, 3e300]))
    assert 1e300 <= low < mean < high <= 3e300
    assert mean_with_interval(np.array([1e308, 1.5e308]))[0] == INF  # the sum overflows


def test_a_mean_that_is_not_finite_has_no_interval():
    mean, low, high = mean_with_interval(np.array([0.7, -INF, 0.9]))
    assert (mean, np.isnan(low), np.isnan(high)) == (-INF, True, True)


def test_quantiles_of_infinite_values():
    np.testing.assert_array_equal(quantiles(np.array([1, INF, INF, INF]), [0.05, 0.5, 0.95]), [INF, INF, INF])
    np.testing.assert_array_equal(quantiles(np.array([1.0, 2, 3, INF]), [0.0, 0.5]), [1, 2.5])
    np.testing.assert_array_equal(quantiles(np.array([INF, 2, np.nan, 1]), [0.0, 0.5, 0.95]), [1, 2, INF])
    many = np.where(np.arange(61) > 57, INF, np.arange(61.0))  # of 61 values, 95 % is the place 57
    np.testing.assert_array_equal(quantiles(many, [0.05, 0.95]), [3, 57])


def test_quantiles_of_finite_values_are_those_of_numpy():
    values = np.random.default_rng(0).normal(size=40)
    for n in range(1, 41):
        expected = np.quantile(values[:n], [0.05, 0.5, 0.95])
        np.testing.assert_allclose(quantiles(values[:n], [0.05, 0.5, 0.95]), expected, rtol=1e-8)


# ---- pairs


def test_pairs_are_of_the_same_seeds():
    found = made().paired("he", "zeros")
    differences = np.array([-0.3, -0.4, -0.5])
    np.testing.assert_allclose(found.differences, differences)
    assert (found.n_pairs, found.n_left_out) == (3, 2)
    assert (found.a_is_less, found.b_is_less) == (3, 0)
    assert found.difference == pytest.approx(-0.4)
    assert found.low == pytest.approx(-0.5)
    assert found.high == pytest.approx(-0.3)
    assert found.p_value == stats.wilcoxon(differences).pvalue
    other = made().paired("zeros", "he")
    np.testing.assert_allclose(other.differences, -differences)
    assert repr(found).startswith("final_loss of he less that of zeros, 3 pairs (2 not finite, left out): -0.4, 95 %")
    assert found.p_value == other.p_value


def test_pairs_of_another_measure_and_order():
    found = made()
    order = np.random.default_rng(0).permutation(10)
    mixed = Comparison(found.runs[order], found.losses[order], found.epochs, found.configurations, found.settings)
    for one in (found, mixed):
        pairs = one.paired("he", "zeros", "train_score")
        assert sorted(pairs.differences) == pytest.approx([0.1, 0.2, 0.3, 0.4])
        assert pairs.measure == "train_score"


def test_equal_runs_do_not_differ():
    found = made().paired("he", "he")
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_pairs_have_all_else_in_common():
    found = small(learning_rate=[0.1, 0.01], seeds=4, activation=["relu", "tanh"])
    pairs = found.paired("he", "random", "first_loss")
    runs = found.runs
    expected = np.zeros(4)
    for a in runs[runs["initializer"] == "he"]:
        for b in runs[runs["initializer"] == "random"]:
            if all(a[name] == b[name] for name in ("seed", "learning_rate", "activation")):
                expected[a["seed"]] += (a["first_loss"] - b["first_loss"]) / 4
    assert (pairs.n_pairs, pairs.n_seeds) == (16, 4)
    np.testing.assert_allclose(pairs.differences, expected)
    assert "16 pairs of 4 seeds: " in repr(pairs)


def test_a_pair_that_is_not_finite_is_left_out_of_the_mean_of_its_seed():
    configurations = [{"initializer": name, "learning_rate": rate} for name in "ab" for rate in (0.1, 0.2)]
    losses = np.array([[1, 1, 1, INF], [3, INF, 3, INF], [5, 5, 5, 5], [9, 9, np.nan, 9]])[..., np.newaxis]
    pairs = comparison_of(losses, configurations=configurations, varied=["learning_rate"]).paired("a", "b")
    assert (pairs.n_pairs, pairs.n_left_out, pairs.n_seeds) == (4, 4, 3)
    np.testing.assert_array_equal(pairs.differences, [-5, -4, -4])


def test_more_configurations_of_the_same_seeds_are_no_more_evidence():
    one, five = (small(learning_rate=np.linspace(0.1, 0.1001, n).tolist(), seeds=8) for n in (1, 5))
    one, five = (found.paired("he", "random", "first_loss") for found in (one, five))
    assert five.p_value == one.p_value
    assert five.high - five.low == pytest.approx(one.high - one.low, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("he", "best"), ValueError, "b must be one of he, zeros; got 'best'"),
        ((3, "he"), TypeError, "a must be one of he, zeros; got 3"),
        (("he", "zeros", "outcome"), ValueError, "measure must be one of first_loss, final_loss, .*; got 'outcome'"),
        (("he", "zeros", "test_score"), ValueError, "paired needs at least 2 seeds .* finite test_score, got 0 of 5"),
    ],
)
def test_pairs_that_there_are_not(arguments, error, message):
    with pytest.raises(error, match=message):
        made().paired(*arguments)


def test_one_pair_is_too_few():
    with pytest.raises(ValueError, match=r"paired needs at least 2 seeds .* got 1 of 1 for he and zeros"):
        made(1).paired("he", "zeros")


# ---- tables


def test_repr_is_a_table():
    first, second, _, *rows = repr(made(n_missing=3)).splitlines()
    assert first.startswith("10 runs of 2 configurations, 3 not done: ")
    assert first.endswith(": 2-3-1, relu, sgd, learning rate 0.1, 30 epochs on 60 examples, float64")
    assert [cell.strip() for cell in second.split("|")] == [
        "initializer", "runs", "final loss (5-95 %)", "train accuracy", "test accuracy", "time", "outcomes",
    ]  # fmt: skip
    assert [cell.strip() for cell in rows[0].split("|")][:3] == ["he", "5", "0.3 (0.12 to inf)"]
    assert rows[0].endswith("| -             | 2 s  | learned 80%, diverged 20%")
    assert len({row.index("|") for row in rows}) == 1
    assert len(rows) == 2


def test_outcomes_that_are_rare_have_no_share_of_0_percent():
    outcomes = np.full((1, 250), "learned", "U16")
    outcomes[0, 0] = "diverged"
    assert repr(comparison_of(np.ones((1, 250, 1)), outcomes=outcomes)).endswith("| learned 99.6%, diverged 0.4%")


def test_html_is_the_same_table_and_escaped():
    found = made()
    for configuration in found.configurations:
        configuration["optimizer"] = "<sgd>"
    html = found._repr_html_()
    assert "relu, &lt;sgd&gt;, learning rate" in html
    rows = [re.findall("<t[hd]>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", html)]
    lines = repr(found).splitlines()
    assert rows == [[cell.strip() for cell in lines[i].split("|")] for i in (1, 3, 4)]


def test_many_configurations_are_not_all_shown():
    found = small(seeds=1, initializers=["he"], learning_rate=[0.1 + i for i in range(70)], epochs=1, report_every=1)
    lines = repr(found).splitlines()
    assert len(lines) == 64
    assert lines[-1] == "10 more configurations: see summary()"
    assert len(found.summary()) == 70


def test_pandas_gets_every_column():
    found = small(learning_rate=[0.1, 0.2])
    frame = found.to_pandas()
    assert list(frame) == ["initializer", "seed", "learning_rate", *FIELDS, "configuration"]
    assert frame.groupby("initializer").size().to_dict() == {"he": 6, "random": 6, "zeros": 6}
    np.testing.assert_array_equal(frame["final_loss"], found.runs["final_loss"])


# ---- files


def assert_equal(one, other):
    assert one.runs.dtype == other.runs.dtype
    assert one.runs.tobytes() == other.runs.tobytes()
    np.testing.assert_array_equal(one.losses, other.losses)
    np.testing.assert_array_equal(one.epochs, other.epochs)
    assert (one.configurations, one.settings) == (other.configurations, other.settings)
    assert one.n_missing == other.n_missing


@pytest.mark.parametrize("found", [lambda: made(n_missing=2), lambda: small(optimizer=["adam", "sgd"], seeds=2)])
def test_what_save_writes_load_reads(found, tmp_path):
    found = found()
    found.save(tmp_path / "found.npz")
    loaded = Comparison.load(tmp_path / "found.npz")
    assert_equal(loaded, found)
    assert repr(loaded) == repr(found)
    buffer = io.BytesIO()
    found.save(buffer)
    buffer.seek(0)
    assert_equal(Comparison.load(buffer), found)
    with np.load(tmp_path / "found.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["runs.final_loss"], found.runs["final_loss"])


def test_an_empty_comparison_is_saved_and_summarized(tmp_path):
    found = made(0, n_missing=10)
    assert np.isnan(found.summary()["final_loss"]).all()
    assert "0 runs of 2 configurations, 10 not done" in repr(found)
    found.save(tmp_path / "found.npz")
    assert_equal(Comparison.load(tmp_path / "found.npz"), found)


def entries():
    """The arrays of a saved comparison."""
    buffer = io.BytesIO()
    made().save(buffer)
    buffer.seek(0)
    with np.load(buffer) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"losses": None}, "it lacks losses"),
        ({"songs": np.zeros(1)}, "it has an unknown 'songs'"),
        ({"runs.seed": None}, "is not a comparison"),
        ({"runs.outcome": None}, "is not a comparison"),
        ({"runs.songs": np.zeros(10)}, "it has an unknown 'runs.songs'"),
        ({"losses": np.zeros((9, 3))}, r"losses must have shape \(10, 3\)"),
        ({"runs.final_loss": np.zeros(9)}, r"runs.final_loss must have shape \(10,\)"),
        ({"runs.final_loss": np.array(["x"] * 10)}, r"runs.final_loss must have shape \(10,\), got \(10,\) and <U1"),
        ({"runs.configuration": np.full(10, 2)}, "configuration must be from 0 to 1"),
        ({"runs.configuration": np.full(10, -1)}, "configuration must be from 0 to 1"),
        ({"configurations": np.array(["[]", "{}"])}, "configurations must be objects"),
        ({"configurations": np.array(["{"])}, "is not a comparison"),
        (
            {"configurations": np.array(['{"initializer": "he"}'])},
            "configurations must be objects with initializer, lay",
        ),
        ({"settings": np.array("{")}, "settings is no JSON"),
        ({"settings": np.array('{"epochs": 3}')}, "settings lacks n_examples"),
        ({"settings": np.array("[]")}, "is not a comparison"),
        ({"runs.reason": np.frombuffer(b"\xff" * 40, "<U1")}, "runs.reason is no text"),
        ({"version": np.array("9.0.0"), "losses": None}, "was written by fastmlp 9.0.0, this is fastmlp"),
    ],
)
def test_a_damaged_file_is_refused(change, message):
    arrays = {name: array for name, array in {**entries(), **change}.items() if array is not None}
    buffer = io.BytesIO()
    npz.write(buffer, arrays)
    buffer.seek(0)
    with pytest.raises(ValueError, match=message):
        Comparison.load(buffer)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ValueError, match="text is not a comparison saved by fastmlp: it does not start as a zip"):
        Comparison.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        Comparison.load(tmp_path / "none")
    whole = io.BytesIO()
    made().save(whole)
    for length in range(0, len(whole.getvalue()), 997):
        with pytest.raises(ValueError, match="is not a comparison saved by fastmlp"):
            Comparison.load(io.BytesIO(whole.getvalue()[:length]))


def test_a_label_of_any_characters_is_kept(tmp_path):
    found = made()
    found.configurations[0]["initializer"] = 'größe "x"\n'
    found.save(tmp_path / "found.npz")
    assert Comparison.load(tmp_path / "found.npz").configurations[0]["initializer"] == 'größe "x"\n'
    assert json.dumps(found.configurations)


def test_statistics_warn_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made().summary(0.5)
        repr(made(0))
        made().paired("he", "zeros")
