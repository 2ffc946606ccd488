"""The laboratory: what diagnostics see in hand-made networks, what the study says of it, and its reports."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from scipy.sparse import csr_array

from fastmlp import MLP, History
from fastmlp.datasets import circles
from fastmlp.lab import Diagnostics, Run, diagnose, report, run_study
from fastmlp.training import Ended

FIGURES = json.loads((Path(__file__).parents[1] / "figures" / "seed_study.json").read_text())["runs"]
X = np.array([[1.0, 2.0], [-1.0, 0.5], [3.0, -2.0], [0.25, 0.25]])
Y = np.array([0, 1, 1, 0])


def network(w1, b1, w2, b2=0.0, **kwargs):
    drawn = ([np.array(w1, float), np.array([w2], float)], [np.array(b1, float), np.array([b2], float)])
    return MLP([2, len(w1), 1], initialization=lambda dims, seed: drawn, **kwargs)


# ---- diagnostics


def test_a_healthy_network_shows_no_symptom():
    model = network([[1, 0], [0, 1], [-1, 1]], [0, 0.5, 0], [1, -1, 1])
    logits = model.decision_function(X)
    assert diagnose(model, X) == Diagnostics(False, 0.0, 0.0, float(logits.min()), float(logits.max()))


@pytest.mark.parametrize(
    ("w1", "b1", "symmetric"),
    [
        ([[1, 2], [1, 2]], [0, 0], True),
        ([[0, 0], [0, 0]], [0, 0], True),
        ([[1, 2], [1, 2]], [0, 1], False),
        ([[1, 2], [2, 1]], [0, 0], False),
        ([[1, 2]], [0], False),
    ],
)
def test_symmetry_is_equal_incoming_weights_and_biases(w1, b1, symmetric):
    assert diagnose(network(w1, b1, np.ones(len(w1))), X).symmetric is symmetric


def test_one_symmetric_layer_is_enough():
    model = MLP([2, 3, 4, 1], initialization=["he", "constant", "he"], seed=1)
    assert diagnose(model, X).symmetric


@pytest.mark.parametrize(
    ("b1", "activation", "dead"), [([-9, 0, 0, -9], "relu", 0.5), ([-9] * 4, "relu", 1.0), ([99] * 4, "tanh", 1.0)]
)
def test_a_dead_unit_gives_one_value_for_all_examples(b1, activation, dead):
    model = network([[1, 0], [0, 1], [-1, 1], [1, 1]], b1, [1, 1, 1, 1], activation=activation)
    assert diagnose(model, X).dead_units == dead


def test_saturation_is_the_share_of_logits_beyond_ten():
    found = diagnose(network([[1, 0], [-1, 0]], [0, 0], [10, -10.5]), X)
    assert found.saturated_outputs == 0.5
    assert (found.smallest_logit, found.largest_logit) == (-10.5, 30.0)


def test_a_network_without_hidden_layers_has_neither_symmetry_nor_dead_units():
    found = diagnose(MLP([2, 1], activation=[], initialization="zeros"), X)
    assert found == Diagnostics(False, 0.0, 0.0, 0.0, 0.0)


def test_diagnosing_changes_nothing(dtype):
    model = MLP([2, 3, 1], seed=1, dtype=dtype)
    before, examples = model.parameters.tobytes(), X.copy()
    found = diagnose(model, examples)
    assert model.parameters.tobytes() == before
    np.testing.assert_array_equal(examples, X)
    assert all(type(value) in (bool, float) for value in vars(found).values())


def test_diagnosing_refuses_what_is_no_input():
    with pytest.raises(ValueError, match="X must have shape"):
        diagnose(MLP([2, 3, 1]), X.T)
    with pytest.raises(TypeError, match="X must be dense, got csr_array"):
        diagnose(MLP([2, 3, 1]), csr_array(X))


@pytest.mark.parametrize("activation", ["gelu", "elu", "softplus", "selu"])
@pytest.mark.parametrize("loss", ["multinomial_log_loss", "squared_error", "poisson"])
def test_any_activation_and_loss_is_diagnosed(activation, loss):
    model = MLP([2, 6, 3], activation=activation, loss=loss, seed=1)
    logits = model.decision_function(X)
    found = diagnose(model, X)
    assert not found.symmetric
    assert found.dead_units == 0
    assert (found.smallest_logit, found.largest_logit) == pytest.approx((logits.min(), logits.max()), rel=1e-12)


@pytest.mark.parametrize("examples", [X * 1e307, abs(X) * (1e308 / 3)])
def test_logits_that_overflow_are_diagnosed_without_a_warning(examples):
    found = diagnose(network([[99, 0], [-99, 0]], [0, 0], [10, -10.0]), examples)
    assert found.saturated_outputs == 1.0


def test_a_logit_that_is_nan_counts_as_saturated_and_is_no_smallest_or_largest():
    """Two units overflow for the first of two examples, and meet in inf - inf."""
    model = network([[99, 0], [99, 0]], [0, 0], [1, -2.0], activation="identity")
    found = diagnose(model, [[1e307, 0], [0.01, 0]])
    assert found == Diagnostics(True, 0.0, 0.5, pytest.approx(-0.99), pytest.approx(-0.99))
    nothing = diagnose(model, [[1e307, 0], [-1e307, 0]])
    assert nothing.saturated_outputs == 1.0
    assert np.isnan([nothing.smallest_logit, nothing.largest_logit]).all()


# ---- the study


@pytest.fixture(scope="module")
def runs():
    return run_study([2, 10, 5, 1], circles(300, seed=1), circles(100, seed=2))


def test_the_study_finds_the_published_figures(runs):
    assert [run.initialization for run in runs] == ["zeros", "random", "he"]
    for run in runs:
        published = FIGURES[run.initialization]
        assert run.history.epochs.tolist() == list(range(0, 15000, 1000))
        assert (run.train_accuracy, run.test_accuracy) == (published["train_accuracy"], published["test_accuracy"])
        np.testing.assert_allclose(run.history.losses[1:], published["costs"][1:], rtol=0.02)
        assert not run.diverged
        assert run.seconds > 0


def test_the_study_names_what_each_start_does(runs):
    zeros, random, he = (run.what_happened for run in runs)
    assert zeros == "symmetry not broken: hidden units stay identical"
    assert random == "weights too large: 100% of outputs saturated at the start, logits 62.76 to 6929"
    assert he.startswith("learns: no symptom")
    low, high = FIGURES["random"]["logits_at_0_range"]
    assert runs[1].start.smallest_logit == pytest.approx(low, abs=0.05)
    assert runs[1].start.largest_logit == pytest.approx(high, abs=0.05)


def test_the_study_repeats_itself_and_takes_its_options(dtype):
    def study():
        options = {"initializations": ["xavier", "he"], "seed": 5, "learning_rate": 0.1, "epochs": 20}
        return run_study([2, 4, 1], (X, Y), (X, Y), report_every=8, dtype=dtype.name, **options)

    for one, other in zip(study(), study(), strict=True):
        assert one.network.parameters.dtype == dtype
        assert one.network.parameters.tobytes() == other.network.parameters.tobytes()
        assert one.history.epochs.tolist() == [0, 8, 16]


def test_a_run_that_diverges_is_named_and_warns_nobody():
    (run,) = run_study([2, 4, 4, 1], (X, Y), (X, Y), initializations=["he"], learning_rate=1e200, epochs=50)
    assert run.diverged
    assert run.what_happened == "diverged: the loss is not finite"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"initializations": ["best"]}, ValueError, "initialization must be one of"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0"),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be finite and over 0, got 0"),
        ({"train": (csr_array(X), Y)}, TypeError, "train: X must be dense, got csr_array"),
        ({"test": (X, Y + 1)}, ValueError, "test: y must hold labels 0 and 1 only, got 2"),
        ({"test": (X[:, :1], Y)}, ValueError, r"test: X must have shape \(at least 1, 2\), got \(4, 1\)"),
    ],
)
def test_the_study_refuses_bad_arguments(changes, error, message):
    with pytest.raises(error, match=message):
        run_study([2, 3, 1], **{"train": (X, Y), "test": (X, Y), **changes})


FINE = Diagnostics(symmetric=False, dead_units=0.0, saturated_outputs=0.0, smallest_logit=-1.0, largest_logit=1.0)
SYMMETRIC = Diagnostics(True, 0.0, 0.0, 0.0, 0.0)
SATURATED = Diagnostics(False, 0.0, 0.75, -50.0, 20.0)


def run_of(start=FINE, end=FINE, losses=(0.7, 0.5), diverged=False):
    history = History(np.arange(len(losses)), np.array(losses), Ended("finished", len(losses), ""))
    return Run("he", MLP([2, 3, 1], seed=1), history, 0.0125, 0.9, 0.875, start, end, diverged)


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (run_of(), "learns: no symptom"),
        (run_of(end=Diagnostics(False, 0.25, 0.0, -1.0, 1.0)), "learns: no symptom, 25% dead units"),
        (run_of(start=SYMMETRIC, end=SYMMETRIC), "symmetry not broken: hidden units stay identical"),
        (run_of(start=SYMMETRIC), "learns: no symptom"),
        (
            run_of(start=SATURATED),
            "weights too large: 75% of outputs saturated at the start, logits -50 to 20",
        ),
        (
            run_of(end=Diagnostics(False, 0.6, 0.0, 0.0, 0.0)),
            "dead units: 60% of hidden units give one value for all examples",
        ),
        (run_of(losses=(0.7, 0.7)), "does not learn: the loss has not fallen"),
        (run_of(losses=(0.7, 0.9)), "does not learn: the loss has not fallen"),
        (run_of(losses=(), diverged=True), "diverged: the loss is not finite"),
        (run_of(start=SATURATED, diverged=True), "diverged: the loss is not finite"),
    ],
)
def test_each_symptom_has_its_words(run, text):
    assert run.what_happened == text


# ---- reports


def test_the_table_has_one_line_per_run_under_its_headings(runs):
    heading, rule, *lines = report.table(runs).splitlines()
    assert [cell.strip() for cell in heading.split("|")] == [
        *("Initialization", "cost first", "cost last", "train accuracy", "test accuracy", "time", "what happened")
    ]
    assert set(rule) == {"-", "|"}
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    assert [row[:5] for row in cells] == [
        ["zeros", "0.693147", "0.693147", "50.0%", "50.0%"],
        ["random", "1773.59", f"{runs[1].history.losses[-1]:.6g}", "83.0%", "86.0%"],
        ["he", "0.883054", "0.073579", "99.3%", "96.0%"],
    ]
    assert [row[6] for row in cells] == [run.what_happened for run in runs]
    assert all(row[5].endswith(" ms") for row in cells)
    bars = {tuple(i for i, character in enumerate(line) if character == "|") for line in (heading, rule, *lines)}
    assert len(bars) == 1


def test_a_run_without_losses_has_dashes_in_the_table():
    line = report.table([run_of(losses=(), diverged=True)]).splitlines()[2]
    assert [cell.strip() for cell in line.split("|")][1:3] == ["-", "-"]


def strict_json(text):
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_json_holds_every_measurement(runs):
    document = strict_json(report.as_json(runs, Path("folder/picture.png")))
    assert set(document) == {"version", "isa", "picture", "runs"}
    assert document["picture"] == "folder/picture.png"
    for entry, run in zip(document["runs"], runs, strict=True):
        assert entry["initialization"] == run.initialization
        assert entry["losses"] == run.history.losses.tolist()
        assert entry["epochs"] == run.history.epochs.tolist()
        assert entry["start"] == vars(run.start)
        assert entry["end"] == vars(run.end)
        assert (entry["test_accuracy"], entry["seconds"]) == (run.test_accuracy, run.seconds)
        assert entry["what_happened"] == run.what_happened


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_not_finite_become_null_in_json(value):
    wild = Diagnostics(False, 0.0, 1.0, value, value)
    (entry,) = strict_json(report.as_json([run_of(start=wild, end=wild, losses=(value, 0.5))], Path("p")))["runs"]
    assert entry["losses"] == [None, 0.5]
    assert entry["start"]["smallest_logit"] is entry["end"]["largest_logit"] is None


@pytest.mark.parametrize(("n_features", "shape"), [(2, (800, 1200)), (3, (400, 1200))])
def test_the_picture_is_one_png_with_boundaries_for_two_features(n_features, shape, tmp_path):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((40, n_features))
    labels = (inputs[:, 0] > 0).astype(int)
    done = run_study([n_features, 4, 1], (inputs, labels), (inputs, labels), epochs=20, report_every=5)
    path = tmp_path / "study.png"
    report.draw(done, inputs, labels, path)
    assert list(tmp_path.iterdir()) == [path]
    pixels = image.imread(path)
    assert pixels.shape[:2] == shape
    assert path.stat().st_size > 10_000
    for part in np.array_split(pixels[:, :, :3], shape[0] // 400):
        assert part.std() > 0.05


@pytest.mark.parametrize("n_runs", [1, 2, 9])
def test_any_number_of_runs_is_drawn(n_runs, tmp_path):
    report.draw([run_of()] * n_runs, X, Y, tmp_path / "study.png")
    assert image.imread(tmp_path / "study.png").shape[1] == 400 * max(3, n_runs)


@pytest.mark.parametrize("losses", [(), (np.inf,), (0.0, 0.0), (0.7,)])
def test_losses_that_a_log_axis_cannot_show_are_drawn_without_a_warning(losses, tmp_path):
    report.draw([run_of(losses=losses)], X, Y, tmp_path / "study.png")
    assert image.imread(tmp_path / "study.png").std() > 0.05


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "study.png"
    path.write_bytes(b"old")

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.draw([run_of()], X, Y, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
