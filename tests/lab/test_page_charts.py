"""The data in the charts are the figures of the comparison."""

import json

import numpy as np
import pytest
from finals import comparison_of

from fastmlp.lab.page.charts import charts_of


def drawn(*args, **kwargs):
    """The charts by name, and the comparison."""
    comparison = comparison_of(*args, **kwargs)
    return {chart.name: chart for chart in charts_of(comparison, comparison.summary())}, comparison


def values(specification):
    return specification["data"]["values"]


FINALS = {"zeros": [0.69, 0.69, 0.69], "he": [0.1, 0.3, 0.2], "random": [0.4, 2.0, np.inf]}


def test_bands_are_quantiles_over_the_seeds():
    charts, comparison = drawn(FINALS, {("random", 2): "diverged"})
    bands, texts = charts["losses"].specification["layer"]
    rows = [row for row in values(bands) if row["i"] == 1]
    assert [row["epoch"] for row in rows] == comparison.epochs.tolist()
    low, median, high = np.quantile(comparison.losses[3:6], [0.05, 0.5, 0.95], axis=0)
    for name, expected in (("low", low), ("median", median), ("high", high)):
        np.testing.assert_allclose([row[name] for row in rows], expected, rtol=1e-5)
    last = values(texts)[-1]
    assert last == {"epoch": 90, "text0": "0.69 (0.69 to 0.69)", "text1": "0.2 (0.11 to 0.29)", "text2": last["text2"]}
    assert last["text2"].endswith("to infinite)")
    top = max(row["high"] for row in values(bands) if row["high"] is not None)
    assert [row["high"] for row in values(bands) if row["i"] == 2][-1] == top  # a diverged run opens the band


def test_every_run_with_a_finite_loss_has_a_mark():
    scores = {name: [0.5, 0.75, 1.0] for name in FINALS}
    charts, comparison = drawn(FINALS, {("random", 2): "diverged"}, scores=scores)
    rows = values(charts["finals"].specification)
    assert sorted((row["i"], row["seed"], row["loss"]) for row in rows) == [
        (row["configuration"], row["seed"], row["final_loss"])
        for row in comparison.runs
        if np.isfinite(row["final_loss"])
    ]
    assert {(row["seed"], row["test"]) for row in rows} == {(0, "0.5"), (1, "0.75"), (2, "1")}
    assert (
        charts["finals"].caption == "Every mark is a run. No mark: 1 run without a final loss that the axis can show."
    )


def test_a_score_that_no_run_has_is_not_told():
    charts, _ = drawn(FINALS)
    tooltips = [item["field"] for item in charts["finals"].specification["encoding"]["tooltip"]]
    assert tooltips == ["name", "seed", "loss", "train", "outcome"]
    assert all("test" not in row for row in values(charts["finals"].specification))


def test_outcomes_are_counted():
    charts, _ = drawn(FINALS, {("random", 2): "diverged", ("zeros", 0): "symmetric", ("zeros", 1): "symmetric"})
    rows = values(charts["outcomes"].specification)
    assert [(row["i"], row["outcome"], row["runs"], row["text"]) for row in rows] == [
        (0, "learned", 1, "1 of 3 (33.3 %)"),
        (0, "symmetric", 2, "2 of 3 (66.7 %)"),
        (1, "learned", 3, "3 of 3 (100 %)"),
        (2, "learned", 2, "2 of 3 (66.7 %)"),
        (2, "diverged", 1, "1 of 3 (33.3 %)"),
    ]
    scale = charts["outcomes"].specification["encoding"]["color"]["scale"]
    assert scale["domain"] == ["learned", "symmetric", "diverged"]
    assert len(set(scale["range"])) == 3


def test_names_stand_in_the_data_and_never_in_a_field():
    name = "a.b[c]\\'\"</script>"
    charts, _ = drawn({name: [0.1, 0.2], "he": [0.3, 0.4]})
    for chart in charts.values():
        assert json.dumps(name)[1:-1] in json.dumps(chart.specification)
        fields = fields_of(chart.specification)
        assert len(fields) >= 4
        assert all(field.isalnum() for field in fields)


def fields_of(part):
    if isinstance(part, list):
        return [field for item in part for field in fields_of(item)]
    if not isinstance(part, dict):
        return []
    own = [part["field"]] if "field" in part else []
    return own + [field for item in part.values() for field in fields_of(item)]


@pytest.mark.parametrize(("finals", "kind"), [([0.5, 1e-9], "log"), ([0.0, 0.0], None)])
def test_losses_over_zero_have_a_log_scale(finals, kind):
    losses = np.zeros((2, 10)) if kind is None else None
    charts, _ = drawn({"he": finals}, losses=losses)
    layer = charts["losses"].specification["layer"][0]["layer"][1]
    assert layer["encoding"]["y"]["scale"].get("type") == kind
    assert charts["finals"].specification["encoding"]["x"]["scale"].get("type") == kind
    if kind is None:
        assert {row["median"] for row in values(charts["losses"].specification["layer"][0])} == {0.0}


def test_a_loss_of_zero_beside_others_has_no_place_on_the_log_scale():
    charts, _ = drawn({"he": [0.0, 0.5]})
    assert [row["seed"] for row in values(charts["finals"].specification)] == [1]


def test_runs_without_losses_leave_the_outcomes_alone():
    nothing = np.full((2, 10), np.nan)
    outcomes = {("he", 0): "failed", ("he", 1): "failed"}
    charts, _ = drawn({"he": [np.nan, np.nan]}, outcomes, losses=nothing)
    assert list(charts) == ["outcomes"]


def test_a_configuration_without_losses_has_none_beside_others():
    losses = np.array([[0.5] * 10, [np.nan] * 10])
    charts, _ = drawn({"he": [0.5], "boom": [np.nan]}, {("boom", 0): "failed"}, losses=losses)
    bands, texts = charts["losses"].specification["layer"]
    assert values(texts)[3] == {"epoch": 30, "text0": "0.5 (0.5 to 0.5)", "text1": "none"}
    assert {row["median"] for row in values(bands) if row["i"] == 1} == {None}


def test_the_seven_best_configurations_are_drawn_and_the_others_counted():
    finals = {f"init{i}": [10.0 - i, 10.0 - i] for i in range(9)}
    charts, _ = drawn(finals)
    for chart in charts.values():
        assert chart.caption.endswith("The 7 configurations with the lowest median final loss are drawn, 2 are not.")
    assert {row["i"] for row in values(charts["finals"].specification)} == set(range(2, 9))


def test_of_many_runs_some_have_a_mark_over_the_whole_range():
    losses = np.linspace(0.1, 0.9, 2500)
    charts, _ = drawn({"he": losses}, losses=np.tile(losses[:, np.newaxis], 10))
    rows = values(charts["finals"].specification)
    assert 800 <= len(rows) <= 1000
    assert charts["finals"].caption.startswith(f"{len(rows)} of 2500 runs have a mark")
    assert (min(row["loss"] for row in rows), max(row["loss"] for row in rows)) == pytest.approx((0.1, 0.9), abs=2e-3)


def test_captions_say_what_was_varied():
    charts, _ = drawn({"he|1": [0.1], "he|2": [0.2]}, varied=[{"learning_rate": 0.1}, {"learning_rate": 0.5}])
    assert charts["outcomes"].caption.endswith("Names tell the initializer, learning rate.")
    assert "he · 0.5" in charts["outcomes"].specification["encoding"]["y"]["sort"]
