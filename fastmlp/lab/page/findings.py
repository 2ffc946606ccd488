"""What a comparison shows, in sentences that are made from its figures."""

import math
from dataclasses import dataclass

import numpy as np

from fastmlp.lab.page.wording import between, chosen_of, counted, label_of, listed, names_of, number, percent
from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.lab.sweep.statistics import CONFIDENCE

MOST_SENTENCES = 7  # configurations, and other initializers, of which there is a sentence each
MOST_SEEDS = 3  # that are named for an outcome
WHAT = {
    "constant": "ended no better than the best constant prediction",
    "symmetric": "stayed symmetric, all units of a hidden layer being the same",
    "dead": "died, a hidden layer giving the same output for every example",
    "diverged": "diverged",
    "failed": "failed with an error",
}


@dataclass(frozen=True)
class Findings:
    """The findings as plain text.

    Attributes
    ----------
    first : str
        What matters most.
    configurations : list of (str, str)
        Names of configurations, and what became of their runs.
    differences : list of str
        The best initializer against each other one, over the same seeds.
    rest : list of str
        What is not told, and why.
    """

    first: str
    configurations: list[tuple[str, str]]
    differences: list[str]
    rest: list[str]


def findings_of(comparison: Comparison, summary: np.ndarray) -> Findings:
    """Return the findings of a comparison with at least one run, and its summary."""
    names, chosen = names_of(comparison), chosen_of(summary, MOST_SENTENCES)
    rest = []
    if comparison.n_missing:
        rest.append(f"{counted(comparison.n_missing, 'run')} of the sweep were not made and are not counted.")
    n_left = int((summary["runs"] > 0).sum()) - len(chosen)
    if n_left > 0:
        rest.append(
            f"{counted(n_left, 'configuration')} with a higher median final loss than these {len(chosen)} have no "
            "sentence here."
        )
    best = _best(summary)
    by_loss = sorted(chosen, key=lambda i: (math.isnan(summary["final_loss"][i]), summary["final_loss"][i]))
    return Findings(
        _first(comparison, summary, names, best),
        [(names[i], _of_configuration(comparison, summary[i], i)) for i in by_loss],
        _differences(comparison, best[0]) if best else [],
        rest,
    )


def _best(summary: np.ndarray) -> list[int]:
    """The configurations of the least median final loss among those of which a run learned."""
    medians = np.where(summary["learned"] > 0, summary["final_loss"], np.nan)
    return [int(i) for i in np.flatnonzero(medians == np.nanmin(medians))] if np.isfinite(medians).any() else []


def _first(comparison: Comparison, summary: np.ndarray, names: list[str], best: list[int]) -> str:
    n_learned = int((comparison.runs["outcome"] == "learned").sum())
    if not n_learned:
        return f"No run learned, of {counted(len(comparison), 'run')} of {counted(len(names), 'configuration')}."
    if not best:
        return f"{n_learned} of {counted(len(comparison), 'run')} learned, but no median final loss is finite."
    row, named = summary[best[0]], listed([names[i] for i in best])
    loss = number(row["final_loss"])
    learned = f"{round(row['learned'] * row['runs'])} of its {counted(int(row['runs']), 'run')} learned"
    if len(names) == 1:
        return f"{named} ends at a median training loss of {loss}; {learned}."
    text = f"the lowest median final training loss of {len(names)} configurations, {loss}"
    return f"{named} has {text}; {learned}." if len(best) == 1 else f"{named} have {text}."


def _of_configuration(comparison: Comparison, row: np.void, configuration: int) -> str:
    """How many runs learned, what became of the others, the losses and the scores."""
    runs = comparison.runs[comparison.runs["configuration"] == configuration]
    n, n_learned = len(runs), int((runs["outcome"] == "learned").sum())
    sentences = [f"{n_learned} of {counted(n, 'run')} learned ({_share(n_learned, n)})"]
    for outcome, what in WHAT.items():
        those = runs[runs["outcome"] == outcome]
        if len(those):
            sentences.append(f"{len(those)} {what} ({_seeds(those)})")
    text = "; ".join(sentences)
    if math.isnan(row["final_loss"]):
        return f"{text}. No run has a final loss."
    band = between(row["final_loss_5"], row["final_loss_95"])
    text = f"{text}. Final training loss: median {number(row['final_loss'])}, 5-95 % band {band}."
    for part in ("test", "train"):
        mean, low, high = (row[f"{part}_score{end}"] for end in ("", "_low", "_high"))
        if not math.isnan(mean):
            score = comparison.settings["score"]
            shown = percent if score == "accuracy" else number
            interval = "" if math.isnan(low) else f" (95 % interval {between(low, high, shown)})"
            return f"{text} Mean {part} {score}: {shown(mean)}{interval}."
    return text


def _share(n_learned: int, n: int) -> str:
    """A share with the exact interval of Clopper & Pearson 1934."""
    from scipy.stats import binomtest

    interval = binomtest(n_learned, n).proportion_ci(CONFIDENCE)
    return f"{percent(n_learned / n)}, 95 % interval {between(interval.low, interval.high, percent)}"


def _seeds(runs: np.ndarray) -> str:
    """The first seeds of runs, with the reason of the first where it failed or diverged."""
    seeds = ", ".join(map(str, runs["seed"][:MOST_SEEDS].tolist()))
    text = f"seed{'s' * (len(runs) > 1)} {seeds}{', ...' if len(runs) > MOST_SEEDS else ''}"
    return f"{text}; the first: {runs['reason'][0]}" if runs["outcome"][0] in ("diverged", "failed") else text


def _differences(comparison: Comparison, best: int) -> list[str]:
    """The initializer of the best configuration against the others."""
    a = comparison.configurations[best]["initializer"]
    others = list(dict.fromkeys(c["initializer"] for c in comparison.configurations if c["initializer"] != a))
    told = [_difference(comparison, a, b) for b in others[:MOST_SENTENCES]]
    if len(others) > MOST_SENTENCES:
        told.append(f"{len(others) - MOST_SENTENCES} other initializers are not compared here.")
    return told


def _difference(comparison: Comparison, a: str, b: str) -> str:
    one, other = label_of(a), label_of(b)
    try:
        found = comparison.paired(a, b)
    except ValueError:  # too few seeds
        of_a, of_b = (counted(_n_finite(comparison, label), "run") for label in (a, b))
        return (
            f"{one} and {other} are not compared: {of_a} of {one} and {of_b} of {other} have a finite final loss, and "
            "fewer than 2 seeds have pairs of these that differ in the initializer alone."
        )
    left_out = f"; {counted(found.n_left_out, 'pair')} without finite losses left out" if found.n_left_out else ""
    test = f"Wilcoxon p = {found.p_value:.2g}"
    over = f"Over {counted(found.n_pairs, 'pair')} of runs that differ in the initializer alone"
    of = "them"
    if found.n_pairs > found.n_seeds:
        over, of = f"{over}, averaged for each seed", counted(found.n_seeds, "seed")
    if found.low <= 0 <= found.high:
        return (
            f"{over}, the mean final losses of {one} and {other} show no difference: {number(found.difference)} "
            f"(95 % interval {between(found.low, found.high)}; {test}{left_out})."
        )
    ends = abs(found.low), abs(found.high)
    what = "lower" if found.difference < 0 else "higher"
    interval = between(min(ends), max(ends))
    return (
        f"{over}, the final loss of {one} is {number(abs(found.difference))} {what} than that of {other} on average "
        f"(95 % interval {interval}), and lower in {found.a_is_less} of {of} ({test}{left_out})."
    )


def _n_finite(comparison: Comparison, initializer: str) -> int:
    runs = comparison.runs
    return int(np.isfinite(runs["final_loss"][runs["initializer"] == initializer]).sum())
