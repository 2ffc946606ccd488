"""The findings of a page: every sentence is made from figures, which these tests compute by other ways."""

import re

import numpy as np
import pytest
from finals import comparison_of
from scipy import stats
from sweeps import small

from fastmlp.lab.page.findings import WHAT, findings_of
from fastmlp.lab.page.wording import names_of, number
from fastmlp.lab.sweep.case import OUTCOMES

GOOD, BAD = [0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.6, 0.9, 0.8, 0.7]


def told(*args, **kwargs):
    comparison = comparison_of(*args, **kwargs)
    return findings_of(comparison, comparison.summary())


def exact_interval(n, of):
    """Clopper & Pearson 1934, from quantiles of the beta distribution."""
    low = stats.beta.ppf(0.025, n, of - n + 1) if n else 0.0
    return low, stats.beta.ppf(0.975, n + 1, of - n) if n < of else 1.0


# ---- what matters most


def test_the_first_sentence_names_the_lowest_median_and_how_many_learned():
    found = told({"bad": BAD, "good": GOOD}, {("good", 4): "dead"})
    assert found.first == (
        "good has the lowest median final training loss of 2 configurations, 0.3; 4 of its 5 runs learned."
    )


def test_a_configuration_that_never_learned_is_not_the_best():
    found = told({"still": [0.01, 0.01], "good": [0.2, 0.4]}, {("still", 0): "symmetric", ("still", 1): "symmetric"})
    assert found.first.startswith("good has the lowest median final training loss of 2 configurations, 0.3;")


def test_configurations_with_the_same_median_share_the_first_sentence():
    assert told({"a": GOOD, "bad": BAD, "b": GOOD}).first == (
        "a and b have the lowest median final training loss of 3 configurations, 0.3."
    )


def test_where_no_run_learned_the_first_sentence_says_so():
    outcomes = {(name, seed): "constant" for name in ("a", "b") for seed in range(2)}
    assert told({"a": [0.7, 0.7], "b": [0.7, 0.7]}, outcomes).first == "No run learned, of 4 runs of 2 configurations."


def test_one_configuration_is_compared_with_nothing():
    found = told({"he": GOOD})
    assert found.first == "he ends at a median training loss of 0.3; 5 of its 5 runs learned."
    assert found.differences == []


def test_a_median_that_is_not_finite_is_no_best():
    found = told({"a": [np.inf, np.inf, 0.1]}, {("a", 0): "diverged", ("a", 1): "diverged"})
    assert found.first == "1 of 3 runs learned, but no median final loss is finite."


# ---- what became of the runs


def test_a_sentence_holds_the_figures_of_its_configuration():
    scores = {"good": [0.9, 0.8, 1.0, 0.95, 0.7], "bad": [0.5] * 5}
    comparison = comparison_of({"bad": BAD, "good": GOOD}, {("good", 4): "dead"}, scores=scores)
    found = findings_of(comparison, comparison.summary())
    assert [name for name, _ in found.configurations] == ["good", "bad"]
    text = found.configurations[0][1]
    low, high = exact_interval(4, 5)
    assert text.startswith(f"4 of 5 runs learned (80 %, 95 % interval {100 * low:.1f} % to {100 * high:.1f} %); 1 died")
    low, high = np.quantile(GOOD, [0.05, 0.95])
    assert f"Final training loss: median 0.3, 5-95 % band {low:.4g} to {high:.4g}." in text
    row = comparison.summary()[1]
    ends = [f"{100 * row[f'test_score_{end}']:.1f}".removesuffix(".0") for end in ("low", "high")]
    assert text.endswith(f"Mean test accuracy: 87 % (95 % interval {ends[0]} % to {ends[1]} %).")


def test_without_test_data_the_train_score_is_told_and_a_regression_has_no_percent():
    text = told({"he": GOOD}, score="R^2").configurations[0][1]
    assert text.endswith("Mean train R^2: 0.5 (95 % interval 0.5 to 0.5).")


def test_every_outcome_has_words():
    assert ["learned", *WHAT] == list(OUTCOMES)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("constant", "ended no better than the best constant prediction"),
        ("symmetric", "stayed symmetric"),
        ("dead", "died"),
        ("diverged", "diverged"),
        ("failed", "failed with an error"),
    ],
)
def test_every_outcome_is_counted_with_its_seeds(outcome, words):
    outcomes = {("he", seed): outcome for seed in (1, 2, 3, 4)}
    reasons = {("he", seed): f"reason {seed}" for seed in (1, 2, 3, 4)}
    text = told({"he": GOOD}, outcomes, reasons=reasons).configurations[0][1]
    assert text.startswith("1 of 5 runs learned")
    assert f"; 4 {words}" in text
    reason = "; the first: reason 1" if outcome in ("diverged", "failed") else ""
    assert f"(seeds 1, 2, 3, ...{reason})" in text


def test_one_run_has_a_seed_and_no_interval_of_the_score():
    text = told({"he": [0.5]}, {("he", 0): "dead"}, scores={"he": [0.75]}).configurations[0][1]
    assert "(seed 0)" in text
    assert text.startswith("0 of 1 run learned (0 %, 95 % interval 0 % to 97.5 %)")
    assert text.endswith("Mean test accuracy: 75 %.")


def test_runs_without_a_final_loss_have_none_told():
    outcomes = {("he", seed): "failed" for seed in range(2)}
    text = told({"he": [np.nan, np.nan], "zeros": [0.1, 0.2]}, outcomes).configurations[1][1]
    assert text.endswith("No run has a final loss.")
    assert "nan" not in text


# ---- differences over the same seeds


@pytest.mark.parametrize("order", [(GOOD, BAD), (BAD, GOOD)])
def test_a_difference_has_interval_counts_and_a_test(order):
    comparison = comparison_of(dict(zip("ab", order, strict=True)))
    (text,) = findings_of(comparison, comparison.summary()).differences
    best, other = ("a", "b") if order[0] is GOOD else ("b", "a")
    pairs = np.array(GOOD) - np.array(BAD)
    assert text.startswith(
        "Over 5 pairs of runs that differ in the initializer alone, the final loss of "
        f"{best} is {-pairs.mean():.4g} lower than that of {other} on average (95 % interval "
    )
    low, high = map(float, re.search(r"interval ([\d.]+) to ([\d.]+)\)", text).groups())
    assert 0.2 <= low < -pairs.mean() < high <= 0.6
    assert f"and lower in 5 of them (Wilcoxon p = {stats.wilcoxon(pairs).pvalue:.2g})." in text


def test_the_best_median_may_be_higher_on_average():
    good, bad = [0.1, 0.1, 0.1, 5.0, 5.0], [0.2, 0.2, 0.2, 0.2, 0.2]
    (text,) = told({"a": good * 8, "b": bad * 8}).differences
    assert f"the final loss of a is {np.mean(good) - 0.2:.4g} higher than that of b on average" in text
    assert "and lower in 24 of them" in text


def test_an_interval_that_holds_zero_shows_no_difference():
    (text,) = told({"a": [0.1, 0.2, 0.3, 0.4], "b": [0.2, 0.1, 0.5, 0.3]}).differences
    assert text.startswith(
        "Over 4 pairs of runs that differ in the initializer alone, the mean final losses of a and b"
    )
    assert "show no difference: -0.025 (95 % interval -0" in text


def test_pairs_without_finite_losses_are_counted():
    (text,) = told({"a": GOOD, "b": [*BAD[:3], np.inf, np.nan]}).differences
    assert text.startswith("Over 3 pairs")
    assert "; 2 pairs without finite losses left out" in text


def test_pairs_of_several_configurations_are_averaged_for_each_seed():
    found = small(initializers=["he", "zeros"], learning_rate=[0.1, 0.2], seeds=4, epochs=200)
    (text,) = findings_of(found, found.summary()).differences
    assert text.startswith("Over 8 pairs of runs that differ in the initializer alone, averaged for each seed, the ")
    assert "and lower in 4 of 4 seeds (" in text


def test_initializers_without_pairs_are_not_compared_and_the_figures_say_why():
    (text,) = told({"a": GOOD, "b": [np.inf] * 4 + [0.9]}, {("b", seed): "diverged" for seed in range(4)}).differences
    assert text == (
        "a and b are not compared: 5 runs of a and 1 run of b have a finite final loss, and fewer than 2 seeds "
        "have pairs of these that differ in the initializer alone."
    )


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.1235"), (np.inf, "infinite"), (-np.inf, "minus infinite"), (np.nan, "none")]
)
def test_numbers_have_four_digits_or_words(value, text):
    assert number(value) == text


# ---- what is left out


def test_configurations_without_a_sentence_and_runs_not_made_are_counted():
    finals = {f"init{i}": [i + 1.0, i + 2.0] for i in range(10)}
    found = told(finals, n_missing=3)
    assert [name for name, _ in found.configurations] == [f"init{i}" for i in range(7)]
    assert found.rest == [
        "3 runs of the sweep were not made and are not counted.",
        "3 configurations with a higher median final loss than these 7 have no sentence here.",
    ]
    assert len(found.differences) == 8
    assert found.differences[-1] == "2 other initializers are not compared here."


def test_names_tell_what_was_varied_and_are_never_the_same():
    varied = [{"learning_rate": 0.1}, {"learning_rate": 0.5}]
    comparison = comparison_of({"he|1": GOOD, "he|2": BAD}, varied=varied)
    assert names_of(comparison) == ["he, learning rate 0.1", "he, learning rate 0.5"]
    assert names_of(comparison, short=True) == ["he · 0.1", "he · 0.5"]
    long = comparison_of({"f" * 80: GOOD, "f" * 81: BAD})
    assert names_of(long) == [f"{'f' * 57}... (1)", f"{'f' * 57}... (2)"]
