"""What the playground says where something is wrong: never a blank page."""

import os
from pathlib import Path

import numpy as np
import pytest
from browsers import needs_chromium

from fastmlp import MLP
from fastmlp.datasets import blobs, circles
from fastmlp.lab import write_playground

pytestmark = needs_chromium


# ---- old browsers

IN_WORKERS = """
const Real = Blob;
Blob = function (parts, options) { return new Real([%r, ...parts], options); };
"""  # the worker's script is a Blob


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (IN_WORKERS % "delete self.WebAssembly;", "This browser has no WebAssembly"),
        (IN_WORKERS % "WebAssembly.validate = () => false;", "This browser's WebAssembly lacks SIMD"),
        ("delete window.Worker", "This browser is too old for the page"),
        ("delete window.OffscreenCanvas", "This browser is too old for the page"),
    ],
)
def test_an_old_browser_gets_a_sentence(script, sentence, visit):
    seen = visit(script=script, is_working=False)
    seen.until(lambda: seen.problem().startswith(sentence))
    assert seen.wrong == []


def test_without_scripts_the_page_says_what_it_needs(visit):
    seen = visit(is_working=False, java_script_enabled=False)
    assert "by JavaScript, which is turned off" in seen.page.inner_text("body")


# ---- broken links


@pytest.mark.parametrize(
    ("fragment", "sentence"),
    [
        ("#data=cubes", "Data must be one of circles, moons, spirals, xor, blobs, painted; the link has cubes."),
        ("#n=301", "N must be one of 50, 100, 200, 300, 500, 1000; the link has 301."),
        ("#noise=-1", "Noise must be a number from 0 to 1; the link has -1."),
        ("#noise=NaN", "Noise must be a number from 0 to 1; the link has NaN."),
        ("#noise=", "Noise must be a number from 0 to 1; the link has nothing."),
        ("#layers=10-0", "A width of layers must be a whole number from 1 to 128; the link has 0."),
        ("#layers=10-5.5", "A width of layers must be a whole number from 1 to 128; the link has 5.5."),
        ("#layers=" + "-".join(["1"] * 11), "Layers must be at most 10 widths"),
        ("#activation=__proto__", "Activation must be one of identity, relu"),
        ("#optimizer=toString", "Optimizer must be one of sgd"),
        ("#learning_rate=1e99", "Learning_rate must be a number from"),
        ("#batch_size=-5", "Batch_size must be a whole number from 0 to 1000; the link has -5."),
        ("#start=he:x:3", "The scale of start must be a number"),
        ("#start=he:1:-3", "The seed of start must be a whole number from 0"),
        ("#start=orthogonal::3", "The initializer of start must be one of zeros"),
        ("#start=he:1:2:3", "Start must be initializer:scale:seed; the link has he:1:2:3."),
        ("#" + "&".join(["start=he::1"] * 7), "There must be at most 6 starts; the link has 7."),
        ("#data=painted&points=AAAA", "Points must be at most 500 times 5 letters"),
        ("#data=painted&points=AAAA!", "Points must be at most 500 times 5 letters"),
        ("#data=painted&points=AAAAZ", "Points must be classes from 0 to 4"),
        ("#colour=blue", "There is no setting colour; the link has one."),
        ("#%E0%A4%A", "There is no setting"),
        ("#=1", "There is no setting without a name; the link has one."),
        ("#start=he:-1:3", "The scale must be at least 0, got -1."),
        ("#start=network::3", "This page holds no network of a file"),
        ("#data=painted&points=AAAAEAAAAE", "There is a point of class 4, but the classes are 0 to 1."),
    ],
)
def test_a_broken_link_gets_a_sentence_and_a_page_that_works(fragment, sentence, visit):
    seen = visit(fragment)
    seen.until(lambda: seen.problem().startswith(sentence))
    seen.page.click("[data-lesson=symmetry]")
    seen.until_over()
    assert seen.loss() == pytest.approx(np.log(2))
    assert seen.problem() == ""
    assert seen.wrong == []


def test_a_link_that_looks_into_a_start_that_is_not_there_shows_the_last_one(visit):
    seen = visit("#shown=4&start=he::3&start=zeros::3")
    assert seen.problem() == ""
    assert seen.page.inner_text(".layers-moment") == "zeros, seed 3, iteration 0"


def test_a_wrong_input_gets_a_sentence_and_the_last_good_network_stays(visit):
    seen = visit("#epochs=10")
    seen.change("learning_rate", "fill", "-1")
    assert seen.problem() == "Learning_rate must be a number from 1e-9 to 1000000000; got -1."
    assert seen.state()["learning_rate"] == ["0.01"]
    seen.play_to_the_end()
    seen.change("learning_rate", "fill", "0.5")
    assert seen.problem() == ""


# ---- trainings that fail


def test_a_diverging_training_is_told_and_the_page_goes_on(visit):
    seen = visit("#learning_rate=1000000000&activation=identity&start=he::3&start=zeros::3&epochs=200")
    seen.play_to_the_end()
    assert seen.page.locator(".story").first.inner_text().startswith("diverged: the loss is not finite")
    assert seen.epoch() == 200  # of the other start
    seen.page.click("#rewind")
    seen.until(lambda: seen.epoch() == 0)
    assert np.isfinite(seen.loss())
    assert seen.wrong == []


def test_infinite_weights_are_looked_into(visit):
    seen = visit("#start=random:1000000:3&activation=softplus&layers=128-128-128-128-128-128-128-128-128-128")
    assert seen.page.get_attribute(".layers-verdict", "data-verdict") == "exploding"
    assert seen.wrong == []


# ---- networks of files


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_network_of_a_file_is_shown_as_it_is(n_classes, visit, tmp_path):
    X, y = circles(300, seed=1) if n_classes == 2 else blobs(300, 1, n_classes=3, noise=0.05)
    loss = "log_loss" if n_classes == 2 else "multinomial_log_loss"
    model = MLP([2, 8, 1 if n_classes == 2 else 3], activation="tanh", loss=loss, seed=0)
    model.train(X, y, epochs=500, learning_rate=0.5)
    write_playground(tmp_path / "page.html", network=model)
    seen = visit(address=(tmp_path / "page.html").as_uri())
    assert seen.loss() == pytest.approx(model.loss_and_gradient(X, y)[0], rel=1e-12)
    assert seen.accuracies()[0] == (model.predict(X) == y).mean()
    assert seen.page.inner_text(".layers-moment") == "network of the file, iteration 0"
    assert seen.page.is_disabled("#train-seeds")
    seen.change("data", "select", "blobs" if n_classes == 2 else "xor")
    if n_classes == 2:
        seen.change("classes", "select", "5")
    assert f"the network of the file tells {n_classes} classes apart" in seen.problem().lower()
    seen.change("initializer-1", "select", "he")
    assert seen.problem() == ""
    assert seen.wrong == []


# ---- memory


def resident():
    """Bytes of memory of all renderers, whose workers and WebAssembly are in them."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                total += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            pass  # it has ended
    return total


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs the proc file system")
def test_a_minute_of_training_takes_no_more_memory(visit):
    seen = visit("#epochs=10000000&start=he::3&start=random::3")
    session = seen.context.new_cdp_session(seen.page)

    def used():
        session.send("HeapProfiler.collectGarbage")
        heap = session.send("Runtime.getHeapUsage")["usedSize"]
        return np.array([heap, session.send("Memory.getDOMCounters")["nodes"], resident()])

    seen.page.click("#play")
    seen.page.wait_for_timeout(15_000)
    before, epochs = used(), seen.epoch()
    seen.page.wait_for_timeout(45_000)
    growth = used() - before
    assert seen.epoch() > 2 * epochs
    assert growth[0] < 2e6
    assert growth[1] < 500
    assert growth[2] < 40e6
