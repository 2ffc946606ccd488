"""The programs of the gallery run as a reader runs them, draw their pictures, and show what their page says."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "examples" / "gallery"
PAGE = ROOT / "docs" / "guide" / "gallery.md"


@pytest.fixture
def results_of(tmp_path, monkeypatch, capsys):
    """Run a program with a folder on its command line, look at its picture, and return its results."""

    def run(name):
        new = tmp_path / "a" / "folder"
        monkeypatch.setattr(sys, "argv", [f"{name}.py", str(new)])
        results = runpy.run_path(str(PROGRAMS / f"{name}.py"), run_name="__main__")["results"]
        assert [path.name for path in new.iterdir()] == [f"{name}.png"]
        kept, drawn = (plt.imread(folder / f"{name}.png") for folder in (PAGE.parents[1] / "images/gallery", new))
        assert abs(np.subtract(kept.shape, drawn.shape)).max() <= 2
        assert drawn.std() > 0.05
        assert capsys.readouterr().out
        assert not plt.get_fignums()
        return results

    return run


def test_the_page_shows_every_program_and_its_picture():
    text, names = PAGE.read_text(), sorted(path.stem for path in PROGRAMS.glob("*.py"))
    assert sorted(re.findall(r"^```\{literalinclude\} \.\./\.\./examples/gallery/(\w+)\.py$", text, re.M)) == names
    assert sorted(re.findall(r"^!\[.+\]\(\.\./images/gallery/(\w+)\.png\)$", text, re.M)) == names
    assert sorted(path.stem for path in (ROOT / "docs" / "images" / "gallery").iterdir()) == names


def test_balanced_weights_find_the_rare_class_at_the_price_of_false_alarms(results_of):
    results = results_of("imbalance")
    (score, confusion), (balanced_score, balanced_confusion) = results[None], results["balanced"]
    assert balanced_score > score + 0.1
    assert confusion[1, 1] < 0.6 * confusion[1].sum()
    assert balanced_confusion[1, 1] > 0.9 * confusion[1].sum()
    assert balanced_confusion[0, 1] > confusion[0, 1]


def test_early_stopping_ends_soon_after_the_best_epoch_and_keeps_its_parameters(results_of):
    results = results_of("early_stopping")
    (n_all, best_of_all, loss_of_all), (n_epochs, best, loss) = results[False], results[True]
    assert n_epochs == best + 31 < n_all
    assert best == best_of_all
    assert loss < 0.8 * loss_of_all


def test_nine_tenths_of_new_examples_lie_in_the_band(results_of):
    coverage, fifths = results_of("quantile_bands")
    assert coverage == pytest.approx(0.9, abs=0.02)
    assert fifths == pytest.approx([0.9] * 5, abs=0.04)


def test_the_c_code_computes_the_probabilities_of_predict_proba(results_of):
    difference, seconds = results_of("exported_c")
    assert difference < 1e-12
    assert len(seconds) == 3
    assert min(seconds) > 0


def test_with_relu_he_learns_first_and_zeros_never(results_of):
    results = results_of("initializations")
    median = {key: np.median(curves, axis=0) for key, curves in results.items()}
    assert {curves.shape for curves in results.values()} == {(20, 20)}
    for activation in ("relu", "tanh"):
        np.testing.assert_allclose(results[activation, "zeros"], np.log(10), rtol=0.01)
        assert all(
            median[activation, "he"][-1] < 0.7 * median[activation, s][-1] for s in ("xavier_uniform", "orthogonal")
        )
    learned = {key for key, losses in median.items() if losses[4] < 0.5 * np.log(10)}
    assert learned == {("relu", "he"), ("tanh", "xavier_uniform"), ("tanh", "orthogonal"), ("tanh", "he")}
