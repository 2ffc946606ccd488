"""The commands ``compare``, ``report`` and ``diagnose``: what they print, draw, write and refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

from fastmlp import MLP, initializers
from fastmlp.cli import main
from fastmlp.datasets import circles
from fastmlp.lab import compare_initializers, diagnose
from fastmlp.lab.commands import report
from fastmlp.lab.commands.compare import PICTURE
from fastmlp.lab.commands.report import PAGE
from fastmlp.lab.commands.starts import initializers_of

QUICK = ["--seeds", "3", "--iterations", "40", "--jobs", "1"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def printed(capsys):
    """Run a command that succeeds; return what it prints."""

    def run(*words):
        assert main(words) == 0
        out, error = capsys.readouterr()
        assert error == ""
        return out

    return run


@pytest.fixture
def refusal(capsys):
    """Run a command that is refused; return the one line that says why."""

    def run(*words):
        try:
            code = main(words)
        except SystemExit as ended:  # argparse's own
            code = ended.code
        out, error = capsys.readouterr()
        assert (code, out, error.count("\n")) == (2, "", 1)
        assert not list(Path().iterdir())
        return error

    return run


def test_compare_prints_the_comparison_and_draws_it(printed):
    text = printed("compare", *QUICK, "--init", "zeros, random(scale=[1, 10]),he", "--learning-rate", "0.1")
    found = compare_initializers(
        *circles(300, seed=1),
        [2, 10, 5, 1],
        initializers=["zeros", ("random", {"scale": [1, 10]}), "he"],
        seeds=3,
        X_test=circles(100, seed=2)[0],
        y_test=circles(100, seed=2)[1],
        epochs=40,
        learning_rate=0.1,
        progress=False,
    )
    without_time = [[cell.strip() for cell in line.split("|")] for line in repr(found).splitlines()]
    printed_cells = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    for ours, expected in zip(printed_cells, without_time, strict=False):
        assert ours[:-2] == expected[:-2]  # the times differ
        assert ours[-1] == expected[-1]
    assert text.endswith(f"\nPicture: {PICTURE}\n")
    assert plt.imread(PICTURE).std() > 0.05


def test_compare_as_json_holds_every_run(printed):
    words = ["--data", "wine", "--standardize", "--optimizer", "adam", "--batch-size", "32", "--activation", "tanh"]
    document = json.loads(printed("compare", "--json", *QUICK, *words, "--init", "he,pytorch", "--layers", "4"))
    assert [(row["initializer"], row["seed"]) for row in document["runs"]] == [
        (name, seed) for name in ("he", "pytorch") for seed in range(3)
    ]
    assert np.shape(document["losses"]) == (6, len(document["epochs"]))
    assert [row["runs"] for row in document["summary"]] == [3, 3]
    assert document["data"]["loss"] == "multinomial_log_loss"
    assert document["settings"]["epochs"] == 40


def test_a_seed_of_a_list_is_the_run_of_the_study(printed):
    words = ["--iterations", "100", "--init", "he", "--json"]
    (run,) = json.loads(printed("study", "--seed", "7", *words))["runs"]
    document = json.loads(printed("compare", "--seeds", "5,7", *words))
    losses = dict(zip(document["epochs"], document["losses"][1], strict=True))
    assert document["runs"][1]["seed"] == 7
    assert [losses[epoch] for epoch in run["epochs"]] == run["losses"]


def test_a_folder_keeps_the_runs_for_a_second_call(printed, monkeypatch):
    first = printed("compare", *QUICK, "--folder", "kept")
    monkeypatch.setattr("fastmlp.lab.sweep.case.training.run", None)  # which a run would need
    assert printed("compare", *QUICK, "--folder", "kept") == first


def test_what_ctrl_c_leaves_is_printed_and_the_exit_code_says_so(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastmlp.lab.sweep.compare.run_case", interrupted)
    assert main(["compare", *QUICK]) == 130
    assert "9 not done" in capsys.readouterr().out
    assert not Path(PICTURE).exists()


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("he", ["he"]),
        ("zeros, he", ["zeros", "he"]),
        ("orthogonal(gain=2)", [("orthogonal", {"gain": 2})]),
        (
            "variance_scaling(scale=[1,2], mode='fan_out'),keras",
            [("variance_scaling", {"scale": [1, 2], "mode": "fan_out"}), "keras"],
        ),
        ("he()", [("he", {})]),
    ],
)
def test_initializers_take_their_parameters_in_brackets(text, entries):
    assert initializers_of(text) == entries


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--init", "foo,he"], "argument --init: 'foo': initializer must be one of zeros"),
        (["--init", "he("], "argument --init: 'he(': it is no NAME(PARAMETER=VALUE)"),
        (["--init", "random(10)"], "'random(10)': it is no NAME(PARAMETER=VALUE)"),
        (["--init", "random(scale=big)"], "a value must be a number, a word in quotes, or a list"),
        (["--init", "random(scale=-1)"], "scale"),
        (["--init", "he(gain=1)"], "got gain"),
        (["--init", "he,he"], "got he 2 times"),
        (["--seeds", "x"], "argument --seeds: must be a whole number or several parted by commas, got 'x'"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["--seeds", "1,1"], "seeds must be different"),
        (["--jobs", "0"], "--jobs must be a number of runs or -1, got 0"),
        (["--batch-size", "0"], "--batch-size must be at least 1, got 0"),
        (["--iterations", "0"], "--iterations must be at least 1, got 0"),
        (["--learning-rate", "nan"], "--learning-rate must be"),
        (["--optimizer", "foo"], "argument --optimizer: invalid choice: 'foo'"),
        (["--activation", "foo"], "argument --activation: invalid choice: 'foo'"),
        (["--output", "nowhere"], "--output must be an existing folder, got nowhere"),
    ],
)
def test_compare_refuses_before_any_run(refusal, words, message):
    assert message in refusal("compare", *words)


def test_report_writes_the_page_of_the_comparison_with_films_and_its_own_command(printed):
    words = [*QUICK, "--init", "he,random(scale=[1,10])", "--title", "Starts & ends"]
    text = printed("report", *words)
    assert text.endswith(f"\n\nPage: {PAGE}\nPlayground: initialization_playground.html\n")
    page = Path(PAGE).read_text(encoding="utf-8")
    assert "<title>Starts &amp; ends</title>" in page
    assert "fastmlp report --seeds 3 --iterations 40 --jobs 1 --init &#x27;he,random(scale=[1,10])&#x27;" in page
    assert "circles, 300 training and 100 test examples." in page
    assert page.count('class="player"') == 3
    assert 1e6 < len(page) < 2e6


def test_report_of_more_features_has_no_films(printed):
    printed("report", "--data", "iris", "--standardize", "--init", "he", *QUICK)
    page = Path(PAGE).read_text(encoding="utf-8")
    assert 'class="player"' not in page
    assert "Target target: 3 classes (setosa, versicolor, virginica)" in page


@pytest.mark.parametrize("n_done", [0, 4])
def test_an_interrupted_report_holds_the_runs_that_are_done(monkeypatch, capsys, n_done):
    from fastmlp.lab.sweep import compare

    run, made = compare.run_case, []

    def interrupted(*arguments):
        if len(made) == n_done:
            raise KeyboardInterrupt
        made.append(run(*arguments))
        return made[-1]

    monkeypatch.setattr("fastmlp.lab.sweep.compare.run_case", interrupted)
    assert main(["report", *QUICK]) == 130
    assert Path(PAGE).exists() == (n_done > 0)
    out = capsys.readouterr().out
    assert "5 not done" in out if n_done else "there is no page" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "nowhere"], "--output must be an existing folder, got nowhere"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["--init", "foo"], "argument --init: 'foo': initializer must be one of zeros"),
        (["--json"], "unrecognized arguments: --json"),
    ],
)
def test_report_refuses_before_any_run(refusal, words, message):
    assert message in refusal("report", *words)


def test_diagnose_prints_what_the_function_finds(printed):
    network = MLP([2, 10, 5, 1], initialization="zeros", seed=3)
    text = printed("diagnose", "--init", "zeros")
    assert text == f"{network!r}\n{diagnose(network, *circles(300, seed=1), learning_rate=0.01)!r}\n"
    assert "symmetric from layer 1" in text


def test_study_and_diagnose_take_parameters_as_compare_does(printed):
    words = ["--init", "he, random(scale=[0.5, 2])", "--json"]
    study = json.loads(printed("study", "--seed", "1", "--iterations", "41", *words))["runs"]
    compared = json.loads(printed("compare", *QUICK[2:], "--seeds", "1,2", "--iterations", "41", *words))["runs"]
    assert [run["initialization"] for run in study] == ["he", "random(scale=0.5)", "random(scale=2.0)"]
    compared = [run for run in compared if run["seed"] == 1]
    assert [run["losses"][0] for run in study] == [run["first_loss"] for run in compared]
    network = MLP([2, 10, 5, 1], initialization=initializers.get("random", scale=2), seed=3)
    expected = diagnose(network, *circles(300, seed=1), learning_rate=0.01)
    assert printed("diagnose", "--init", "random(scale=2)").endswith(f"\n{expected!r}\n")


def test_diagnose_reads_a_saved_network_and_traces_its_training(printed):
    MLP([13, 6, 3], loss="multinomial_log_loss", seed=0).save("network.npz")
    words = ["--data", "wine", "--network", "network.npz", "--trace", "0,5,20", "--json"]
    document = json.loads(printed("diagnose", *words))
    assert [part["epoch"] for part in document["trace"]] == [0, 5, 20]
    assert document["cause"] == "features"
    assert [row["units"] for row in document["layers"]] == [6, 3]
    assert printed("diagnose", *words[:-1]).rstrip().endswith("133 training and 45 test examples.")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--network", "nothing.npz"], "--network: nothing.npz cannot be read"),
        (["--init", "foo"], "argument --init: 'foo': initializer must be one of zeros"),
        (["--init", "he,zeros"], "--init must be one initializer, got 2"),
        (["--init", "random(scale=[1,2])"], "--init must be one initializer, got 2"),
        (["--init", "random(scale=-1)"], "--init: scale must be"),
        (["--trace", "a"], "argument --trace: must be whole numbers parted by commas, got 'a'"),
        (["--trace", "5,3"], "trace must hold ascending numbers of epochs"),
        (["--learning-rate", "0"], "--learning-rate must be"),
        (["--layers", "0"], "argument --layers"),
    ],
)
def test_diagnose_refuses_by_the_name_of_the_option(refusal, words, message):
    assert message in refusal("diagnose", *words)


def test_a_network_for_other_data_is_refused(capsys):
    MLP([3, 2, 1], seed=0).save("network.npz")
    assert main(["diagnose", "--network", "network.npz"]) == 2
    assert "X must have shape (at least 1, 3), got (300, 2)" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["lsuv", "within_layer", "pytorch", "critical"])
def test_every_kind_of_initializer_is_taken_by_each_command(printed, name):
    for command in (["study", "--iterations", "10"], ["compare", *QUICK], ["report", *QUICK], ["diagnose"]):
        assert printed(*command, "--init", name)


def _write_table(targets, most=1.7e308):
    """Ten rows of two features whose ranges overflow, at least with margins."""
    rows = [f"{'-' if i % 3 else ''}{most},{i},{target}" for i, target in enumerate(targets)]
    Path("table.csv").write_text("\n".join(["a,b,y", *rows]), encoding="utf-8")


TABLE = ("--data", "table.csv", "--target", "y", "--init", "he", *QUICK)


def test_runs_without_a_finite_loss_are_printed_and_not_drawn(printed):
    _write_table([1.7e308, -1.7e308] * 5)
    text = printed("compare", *TABLE, "--task", "regression")
    assert "diverged 100%" in text
    assert text.endswith("No run has a finite loss, so there is no picture.\n")
    assert not Path(PICTURE).exists()


def test_a_report_of_features_without_a_plane_has_no_films_and_says_why(printed):
    _write_table([0, 1] * 5)
    printed("report", *TABLE)
    page = Path(PAGE).read_text(encoding="utf-8")
    assert 'class="player"' not in page
    assert "There are no films: the range of X must be finite" in page


def test_ctrl_c_amid_the_films_leaves_the_page_of_the_runs(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "boundary_frames", interrupted)
    assert main(["report", *QUICK]) == 130
    assert 'class="player"' not in Path(PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("most", [1.7e308, 8.9e307])
def test_a_study_of_features_without_a_plane_draws_the_losses_alone(printed, most):
    _write_table([0, 1] * 5, most)
    assert "Picture: initialization_study.png" in printed("study", *TABLE[:4], "--iterations", "3")
