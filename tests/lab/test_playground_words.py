"""The playground's numbers, templates and stories under Node: those of Python, in the same words."""

import numpy as np
import pytest
from in_node import in_node, needs_node

from fastmlp.datasets import circles
from fastmlp.lab import run_study
from fastmlp.lab.playground.facts import facts
from fastmlp.lab.words import STORIES, VERDICTS
from fastmlp.text import percent

pytestmark = needs_node

# ---- formats


def numbers():
    rng = np.random.default_rng(0)
    found = [*(rng.standard_normal(500) * 10.0 ** rng.integers(-320, 308, 500)), *rng.integers(0, 10**6, 200)]
    found += [0.0005, 99.95, 999.5, 9995, 0.00012345, 1e-5, 1e5, 123456, 0.5, 2.5, 1e300, 5e-324, 0, 1, 100, 1000, 0.1]
    return [float(x) for x in found]


@pytest.mark.parametrize("digits", [2, 3, 4])
def test_numbers_are_written_as_python_writes_them(digits):
    script = "return numbers.map((x) => module.significant(x, digits));"
    found = in_node(script, modules=["formats.js"], numbers=numbers(), digits=digits)
    assert found == [f"{x:.{digits}g}" for x in numbers()]


def test_numbers_that_are_not_finite_are_named():
    script = "return [NaN, Infinity, -Infinity].map((x) => module.significant(x, 3));"
    assert in_node(script, modules=["formats.js"]) == ["nan", "inf", "-inf"]


def test_shares_are_written_as_python_writes_them():
    shares = [0.0, 1.0, 0.5, 0.005, 0.015, 0.025, 0.995, 0.9999, 1e-9, *np.random.default_rng(0).random(500).tolist()]
    shares += [k / 200 for k in range(201)]
    found = in_node("return shares.map(module.percent);", modules=["formats.js"], shares=shares)
    assert found == [percent(share) for share in shares]


def test_every_template_is_filled_as_python_fills_it():
    values = dict.fromkeys(("size", "first", "ratio", "smallest", "largest", "low", "high", "target_size"), 1234.5)
    values |= {"loss": 0.69314, "factor": 0.5, "share": "12%", "units": 12, "layer": 3, "last": 4, "activation": "tanh"}
    values |= {"dtype": "float64", "name": "he", "per_layer": "a", "remedy": "b", "before": "c", "backward": "d"}
    values |= {"symptom": "e"}
    templates = [*VERDICTS.values(), *STORIES.values()]
    script = "return templates.map((template) => module.filled(template, values));"
    found = in_node(script, modules=["formats.js"], templates=templates, values=values)
    assert found == [template.format(**values) for template in templates]


# ---- stories

STORY = """
return starts.map(([initializer, scale]) => {
    const state = { ...given, starts: [{ initializer, scale, seed: 3 }] };
    const runs = new module.Runs(engine, state, facts);
    while (!runs.isOver) runs.advance(1000);
    return runs.stories()[0];
});
"""
STATE = {
    "data": "circles", "n": 300, "noise": 0.05, "classes": 2, "data_seed": 1, "points": [], "activation": "relu",
    "optimizer": "sgd", "batch_size": 0,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:training")
@pytest.mark.parametrize(
    ("layers", "epochs", "rate"), [([10, 5], 15000, 0.01), ([10, 5], 3000, 3.0), ([10] * 5, 500, 1e4), ([10], 1, 1e-9)]
)
def test_what_happened_is_told_in_the_words_of_the_study(layers, epochs, rate, baseline):
    names = ["zeros", "random", "he", "constant"]
    runs = run_study(
        [2, *layers, 1], circles(300, 1), circles(100, 2), initializations=names, epochs=epochs, learning_rate=rate
    )
    given = {**STATE, "layers": layers, "epochs": epochs, "learning_rate": rate}
    starts = [[name, None] for name in names]
    found = in_node(STORY, modules=["runs.js"], starts=starts, given=given, facts=facts())
    for run, story in zip(runs, found, strict=True):
        assert story == run.what_happened, run.initialization
