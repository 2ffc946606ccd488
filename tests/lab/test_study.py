"""The study: its published figures, and the words it has for what it sees."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from studies import X, Y, run_of

from fastmlp.lab import Diagnostics, run_study

FIGURES = json.loads((Path(__file__).parents[1] / "figures" / "seed_study.json").read_text())["runs"]


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


SYMMETRIC = Diagnostics(True, 0.0, 0.0, 0.0, 0.0)
SATURATED = Diagnostics(False, 0.0, 0.75, -50.0, 20.0)


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
