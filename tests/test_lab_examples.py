"""The programs of the laboratory in a small form: they run, draw their pictures, and show what their page says."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "examples" / "lab"
PAGE = ROOT / "docs" / "guide" / "laboratory.md"
PICTURES = ROOT / "docs" / "images" / "lab"


@pytest.fixture
def results_of(tmp_path):
    """Run a program's main in a small form, look at its picture, and return its results."""

    def run(name, **small):
        results = runpy.run_path(str(PROGRAMS / f"{name}.py"))["main"](tmp_path, **small)
        assert [path.name for path in tmp_path.iterdir()] == [f"{name}.png"]
        kept, drawn = (plt.imread(folder / f"{name}.png") for folder in (PICTURES, tmp_path))
        assert abs(np.subtract(kept.shape, drawn.shape)).max() <= 2
        assert drawn.std() > 0.05
        return results

    return run


def test_the_page_shows_every_program_and_its_picture():
    text, names = PAGE.read_text(), sorted(path.stem for path in PROGRAMS.glob("*.py"))
    assert sorted(re.findall(r"^```\{literalinclude\} \.\./\.\./examples/lab/(\w+)\.py$", text, re.M)) == names
    assert sorted(re.findall(r"^!\[.+\]\(\.\./images/lab/(\w+)\.png\)$", text, re.M)) == names
    assert {path.stem for path in PICTURES.iterdir()} >= set(names)


def test_seed_3_flatters_the_large_random_start(results_of):
    found, worse = results_of("typical_seed", seeds=20)
    assert worse["random"] > 0.5
    assert worse["zeros"] == 0
    assert set(found.runs["outcome"][found.runs["initializer"] == "zeros"]) == {"symmetric"}
    assert found.paired("he", "random").high < 0


def test_as_many_networks_are_born_dead_as_theory_says_and_mirrored_weights_save_all(results_of):
    predicted, for_one, for_all, outcomes = results_of("dying_relu", n_networks=200, seeds=6, epochs=200)
    for width, share in predicted.items():
        noise = 4 * np.sqrt(share * (1 - share) / 200)
        assert abs(for_one[width] - share) <= noise + 1e-3
        assert for_all[width] <= for_one[width]
    assert outcomes["relu", "looks_linear"]["learned"] == 1
    assert outcomes["relu", "he"]["dead"] > 0


def test_deep_tanh_networks_train_near_the_edge_of_chaos_alone(results_of):
    scales, depths, accuracies, xi = results_of("edge_of_chaos", n_scales=4, n_depths=3, n_examples=200, epochs=8)
    assert np.shape(accuracies) == (len(depths), len(scales)) == (3, 4)
    shallow, deep = accuracies[0], accuracies[-1]
    assert shallow.min() > 0.5 > deep.min()
    assert min(xi.values()) < 2 < max(xi.values())


def test_pytorch_s_default_fails_first_with_depth(results_of):
    found, (chi_1, depth_scale) = results_of("framework_defaults", seeds=2, epochs=10)
    deep = found.runs[found.runs["layer_dims"] == found.runs["layer_dims"][-1]]
    scores = {name: deep["train_score"][deep["initializer"] == name].mean() for name in set(deep["initializer"])}
    assert min(scores, key=scores.get) == "pytorch"
    assert max(scores, key=scores.get) == "he"
    assert chi_1 == pytest.approx(1 / 6)
    assert depth_scale == pytest.approx(0.56, abs=0.005)


def test_a_logistic_network_passes_on_a_seventh_of_a_difference(results_of):
    chi_1, looks, found = results_of("near_constant", seeds=4, epochs=60)
    measured = looks["scikit-learn"].layers["chi"][:2]
    assert 0.5 * chi_1 < measured.min() < measured.max() < 2 * chi_1
    assert looks["scikit-learn"].layers["correlation"][1] > 0.98
    losses = {name: np.median(found.runs["final_loss"][found.runs["initializer"] == name]) for name in looks}
    assert losses["kumar"] < 0.7 * losses["scikit-learn"]
