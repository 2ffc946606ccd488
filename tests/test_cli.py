"""The command line, in process: what it prints and draws, its options, files and errors."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from texts import csv_rows, table, write_csv

import fastmlp
from fastmlp.cli import main
from fastmlp.lab.commands.study import PICTURE

FIGURES = json.loads((Path(__file__).parent / "figures" / "seed_study.json").read_text())["runs"]
QUICK = ["--iterations", "30"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_picture(monkeypatch):
    """For tests of the numbers alone: drawing takes most of a short study's time."""
    monkeypatch.setattr("fastmlp.lab.report.draw", lambda *_: None)


def run(capsys, *arguments):
    """Exit code and both outputs, whether main returns or exits."""
    try:
        code = main(list(arguments))
    except SystemExit as stop:
        code = stop.code
    return (code, *capsys.readouterr())


def study(capsys, *arguments):
    """The JSON of a study that went well."""
    code, out, err = run(capsys, "study", "--json", *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)


# ---- the default


def test_without_arguments_it_prints_the_published_study_and_draws_it(capsys):
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    lines = [[cell.strip() for cell in line.split("|")] for line in out.splitlines()]
    assert lines[0][:3] == ["Initialization", "cost first", "cost last"]
    assert [(line[0], line[4]) for line in lines[2:5]] == [("zeros", "50.0%"), ("random", "86.0%"), ("he", "96.0%")]
    assert out.splitlines()[-1] == f"First and last cost are those of iterations 0 and 14000. Picture: {PICTURE}"
    assert [path.name for path in Path().iterdir()] == [PICTURE]
    assert image.imread(PICTURE).std() > 0.05


def test_study_by_name_is_the_default(no_picture, capsys):
    named, default = (json.loads(run(capsys, *name, *QUICK, "--json")[1]) for name in (["study"], []))
    assert [entry["losses"] for entry in named["runs"]] == [entry["losses"] for entry in default["runs"]]


def test_json_holds_the_published_costs(no_picture, capsys):
    he = study(capsys, "--init", "he")["runs"][0]
    np.testing.assert_allclose(he["losses"], FIGURES["he"]["costs"], rtol=1e-9)


# ---- options


def test_iterations_are_reported_about_fifteen_times(no_picture, capsys):
    assert study(capsys, "--iterations", "31")["runs"][0]["epochs"] == list(range(0, 31, 2))
    assert study(capsys, "--iterations", "1")["runs"][0]["epochs"] == [0]


def test_init_names_the_rows_in_order(no_picture, capsys):
    names = ["orthogonal", "xavier", "constant"]
    assert [entry["initialization"] for entry in study(capsys, "--init", ",".join(names), *QUICK)["runs"]] == names


@pytest.mark.parametrize(
    ("option", "one", "other"),
    [
        ("--layers", "10,5", "4"),
        ("--learning-rate", "0.01", "0.5"),
        ("--seed", "3", "4"),
        ("--dtype", "float64", "float32"),
        ("--data", "circles", "moons"),
    ],
)
def test_each_option_changes_the_outcome_and_its_default_is_the_first(option, one, other, no_picture, capsys):
    default, same, changed = (
        study(capsys, *QUICK, "--init", "he", *words)["runs"][0]["losses"]
        for words in ([], [option, one], [option, other])
    )
    assert default == same != changed


def test_no_hidden_layer_is_an_empty_list_of_widths(no_picture, capsys):
    assert study(capsys, "--layers", "", "--init", "he", *QUICK)["runs"][0]["start"]["dead_units"] == 0


def test_names_and_widths_may_stand_apart(no_picture, capsys):
    names = [
        entry["initialization"] for entry in study(capsys, "--init", "he, zeros", "--layers", "4, 3", *QUICK)["runs"]
    ]
    assert names == ["he", "zeros"]


def test_output_names_the_folder_of_the_picture(capsys, tmp_path):
    folder = tmp_path / "pictures of today"
    folder.mkdir()
    assert study(capsys, "--output", str(folder), *QUICK)["picture"] == str(folder / PICTURE)
    assert [path.name for path in folder.iterdir()] == [PICTURE]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_divergence_is_a_row_of_the_table(capsys):
    code, out, err = run(capsys, "--init", "he", "--learning-rate", "1e300", *QUICK)
    assert (code, err) == (0, "")
    assert "diverged: the loss is not finite" in out


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["-h"], ["study", "--help"]])
def test_version_and_help_end_with_0_and_do_no_work(words, capsys):
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    assert out == f"fastmlp {fastmlp.__version__}\n" if words == ["--version"] else "usage: fastmlp" in out
    assert not list(Path().iterdir())


def test_ctrl_c_ends_with_130_and_one_line(capsys, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastmlp.lab.commands.study.run_study", interrupt)
    assert run(capsys) == (130, "", "fastmlp: interrupted\n")
    assert not list(Path().iterdir())


# ---- CSV files


@pytest.mark.parametrize(
    "text",
    [
        table(csv_rows(40, ["no", "yes"])),
        table(csv_rows(40, ["0", "1"])),
        table(csv_rows(40, ["-1", "1"])),
        table(csv_rows(40, ["no", "yes"]), end="\r\n"),
        "\ufeff" + table(csv_rows(40, ["no", "yes"])),
        table(csv_rows(40, ['"no, never"', '"yes"']), header='"a","b","kind"'),
        table([[kind, a, b] for a, b, kind in csv_rows(40, ["no", "yes"])], header="kind,a,b"),
        table(csv_rows(40, [" no ", "yes"]), header=" a , b , kind ").rstrip("\n"),
        table(csv_rows(40, ["no", "yes"])).replace("\n", "\n\n"),
    ],
    ids=["words", "numbers", "signs", "CRLF", "BOM", "quotes", "target first", "spaces", "blank lines"],
)
def test_a_csv_file_is_studied_however_it_is_written(text, no_picture, capsys):
    expected = study(capsys, *write_csv(table(csv_rows(40, ["no", "yes"])), "plain.csv"), *QUICK)
    assert study(capsys, *write_csv(text), *QUICK)["runs"][2]["losses"] == expected["runs"][2]["losses"]


def test_a_csv_file_with_three_features_and_float32_has_curves_only(capsys):
    arguments = write_csv(table(csv_rows(40, ["0", "1"], n_features=3), header="a,b,c,kind"))
    assert study(capsys, *arguments, *QUICK, "--dtype", "float32", "--init", "he")["runs"][0]["losses"]
    assert image.imread(PICTURE).shape[:2] == (400, 1200)


@pytest.mark.parametrize("scales", [(1e9, 1), (1e150, 1e150), (1e307, 1e307), (1e-300, 1)])
def test_features_of_any_scale_are_studied_without_a_warning(scales, capsys):
    rows = [[repr(float(a) * scales[0]), repr(float(b) * scales[1]), kind] for a, b, kind in csv_rows(40, ["0", "1"])]
    runs = study(capsys, *write_csv(table(rows)), *QUICK)["runs"]
    assert len(runs) == 3
    assert Path(PICTURE).exists()


def test_the_options_of_tables_are_used(no_picture, capsys):
    expected = study(capsys, *write_csv(table(csv_rows(40, ["no", "yes"])), "plain.csv"), *QUICK)["runs"][2]["losses"]
    rows = [[a.replace(".", ","), b.replace(".", ","), kind] for a, b, kind in csv_rows(40, ["nö", "yes"])]
    text = "\n".join(":".join(row) for row in [*rows, ["", "1", "nö"]])
    arguments = ["--data", "data.csv", "--target", "3", "--delimiter", ":", "--decimal", ",", "--encoding", "cp437"]
    write_csv(text, encoding="cp437")
    found = study(capsys, *arguments, "--no-header", "--drop-missing", *QUICK)
    assert found["runs"][2]["losses"] == expected
    assert found["data"] == {
        "target": "3",
        "classes": ["nö", "yes"],
        "features": ["1", "2"],
        "loss": "log_loss",
        "train_examples": 30,
        "test_examples": 10,
        "lines_left_out": 1,
        "standardized": False,
    }


def test_standardize_mends_features_that_are_too_large(no_picture, capsys):
    rows = [[str(17_000 + 100 * float(a)), b, kind] for a, b, kind in csv_rows(200, ["no", "yes"])]
    arguments = [*write_csv(table(rows)), "--init", "he", "--iterations", "3000"]
    (before,), (after,) = (study(capsys, *arguments, *words)["runs"] for words in ([], ["--standardize"]))
    assert before["what_happened"].startswith("features too large (of size 1.7e+04)")
    assert after["what_happened"].startswith("learns")
    assert after["feature_scale"] == pytest.approx(1, rel=1e-6)
    assert before["test_accuracy"] < after["test_accuracy"]


@pytest.mark.parametrize(
    ("name", "headings"),
    [("iris", ["train accuracy", "test accuracy"]), ("diabetes", ["train R^2", "test R^2"])],
)
def test_the_table_of_a_named_data_set_says_what_was_chosen(name, headings, capsys):
    code, out, err = run(capsys, "--data", name, "--standardize", *QUICK)
    assert (code, err) == (0, "")
    assert [cell.strip() for cell in out.splitlines()[0].split("|")][3:5] == headings
    task = "3 classes (setosa, versicolor, virginica)" if name == "iris" else "a regression, loss squared_error"
    assert f"\nTarget target: {task}" in out
    assert f"{4 if name == 'iris' else 10} features, standardized, " in out
    assert image.imread(PICTURE).shape[:2] == (400, 1200)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_any_number_of_classes_is_drawn(n_classes, capsys):
    rows = [[a, b, f"c{i % n_classes}"] for i, (a, b, _) in enumerate(csv_rows(60, ["0", "1"]))]
    found = study(capsys, *write_csv(table(rows)), *QUICK)
    assert found["data"]["loss"] == ("log_loss" if n_classes == 2 else "multinomial_log_loss")
    assert image.imread(PICTURE).shape[:2] == (800, 1200)


def test_a_regression_is_drawn(capsys):
    rows = [[a, b, str(float(a) + float(b))] for a, b, _ in csv_rows(60, ["0", "1"])]
    he = study(capsys, *write_csv(table(rows)), "--iterations", "2000")["runs"][2]
    assert he["train_r2"] > 0.9
    assert "train_accuracy" not in he
    assert image.imread(PICTURE).shape[:2] == (800, 1200)


def test_names_of_any_script_are_in_the_json(no_picture, capsys):
    assert study(capsys, *write_csv(table(csv_rows(40, ["0", "1"]), header="größe,$x$ 😀,kind")), *QUICK)["data"][
        "features"
    ] == ["größe", "$x$ 😀"]


# ---- errors

GOOD = table(csv_rows(20, ["no", "yes"]))
BAD_OPTIONS = [
    (["--iterations", "0"], "--iterations must be at least 1, got 0"),
    (["--iterations", "many"], "--iterations: invalid int value: 'many'"),
    (["--iterations", "1" + 30 * "0"], "--iterations"),
    (["--learning-rate", "0"], "--learning-rate must be finite and over 0, got 0"),
    (["--learning-rate", "nan"], "--learning-rate must be finite and over 0, got nan"),
    (["--seed", "-1"], "seed must be at least 0, got -1"),
    (["--seed", str(2**32)], "seed must be below 2**32"),
    (["--init", "best"], "initialization must be one of zeros, constant, random, he"),
    (["--init", "he,"], "got ''"),
    (["--seed", "9" * 5000], "--seed: invalid int value: '9999"),
    (["--layers", "10,five"], "--layers: must be whole numbers parted by commas, got '10,five'"),
    (["--layers", "10,0"], "--layers: must be at least 1 each, got '10,0'"),
    (["--layers", "99999999,99999999"], "layer_dims needs"),
    (["--dtype", "float16"], "--dtype: invalid choice: 'float16'"),
    (["--data", "nowhere.csv"], "there is no file nowhere.csv"),
    (
        ["--data", "."],
        "--data must be circles, moons, iris, wine, breast_cancer, digits, diabetes or a file; . is a folder",
    ),
    (["--data", "moons", "--target", "kind"], "--target goes with a file, not with --data moons"),
    (["--data", "iris", "--drop-missing"], "--drop-missing goes with a file, not with --data iris"),
    (["--data", "iris", "--task", "regression"], "--task goes with a file, not with --data iris"),
    (["--data", "iris", "--decimal", ","], "--decimal goes with a file, not with --data iris"),
    (["--delimiter", ";;"], "--delimiter: must be one character such as ; or tab, got ';;'"),
    (["--delimiter", '"'], "--delimiter: must be one character such as ; or tab"),
    (["--delimiter", "e"], "--delimiter: must be one character such as ; or tab"),
    (["--delimiter", "é"], "--delimiter: must be one character such as ; or tab"),
    (["--encoding", "klingon"], "--encoding: must be a text encoding of Python such as cp1252, got 'klingon'"),
    (["--encoding", "rot13"], "--encoding: must be a text encoding of Python such as cp1252, got 'rot13'"),
    (["--encoding", "unicode_escape"], "--encoding: must be a text encoding of Python such as cp1252"),
    (["--decimal", "x"], "--decimal: invalid choice: 'x'"),
    (["--task", "both"], "--task: invalid choice: 'both'"),
    (["--data", "two\nlines.csv"], "there is no file two\\nlines.csv"),
    (["--two\nlines"], "unrecognized arguments: --two\\nlines"),
    (["--data", "\ud800.csv"], "there is no file \\ud800.csv"),
    (["--output", "nowhere"], "--output must be an existing folder, got nowhere"),
    (["--speed", "11"], "unrecognized arguments: --speed 11"),
    (["train"], "invalid choice: 'train'"),
]
BAD_FILES = {
    "empty": ("", "data.csv must have a header line and at least one row, it is empty"),
    "header only": ("a,b,kind\n", "data.csv must have a header line and at least one row"),
    "no such column": (GOOD.replace("kind", "sort"), "--target must be a column of data.csv, one of a, b, sort"),
    "one label": (table(csv_rows(20, ["x", "x"])), "column 'kind' must have at least two distinct values, got 1"),
    "a lone label": ("a,kind\n1,x\n2,y\n3,y\n4,y\n", "must stand in at least two rows, 'x' stands in one"),
    "a missing label": (GOOD + "1,2,NA\n", "data.csv, line 22, column 'kind': the label is missing, got 'NA'"),
    "the target twice": (GOOD.replace("b", "kind", 1), "each name must stand once, columns 2 and 3 are both 'kind'"),
    "too few rows": ("a,kind\n1,x\n2,x\n3,y\n4,y\n", "data.csv"),
    "short row": (GOOD + "1,no\n", "data.csv, line 22: expected 3 values, got 2"),
    "text in a feature": (GOOD + "1,two,no\n", "data.csv, line 22, column 'b': a value must be a number, got 'two'"),
    "empty feature": (GOOD + "1,,no\n", "data.csv, line 22, column 'b': a value is missing, got ''"),
    "NaN": (GOOD + "nan,1,no\n", "data.csv, line 22, column 'a': a value is missing, got 'nan'; pass --drop-missing"),
    "no features": ("kind\nx\nx\ny\ny\n", "data.csv must have features beside the target, got one column"),
    "an endless field": (
        "a,kind\n" + 200_000 * "1" + ",x\n",
        "data.csv, line 2, column 'a': a value must be finite in float64, got '1111",
    ),
}


def check_refused(result, message, left):
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("fastmlp")
    assert message in err
    assert err.count("\n") == 1
    assert len(err) < 1200
    assert {path.name for path in Path().iterdir()} == left


@pytest.mark.parametrize(("arguments", "message"), BAD_OPTIONS, ids=[" ".join(words)[:40] for words, _ in BAD_OPTIONS])
def test_a_bad_option_ends_with_2_and_one_line_and_writes_nothing(arguments, message, capsys):
    check_refused(run(capsys, *arguments), message, set())


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_ends_with_2_and_one_line_and_writes_nothing(kind, capsys):
    text, message = BAD_FILES[kind]
    check_refused(run(capsys, *write_csv(text)), message, {"data.csv"})


def test_a_csv_file_without_a_target_lists_its_columns(capsys):
    result = run(capsys, *write_csv(GOOD)[:2])
    check_refused(result, "--target must name the column of labels in data.csv: one of a, b, kind", {"data.csv"})


def test_values_beyond_float32_are_refused_before_any_training(capsys):
    result = run(capsys, *write_csv(GOOD + "1e200,1,no\n"), "--dtype", "float32", *QUICK)
    check_refused(result, "line 22, column 'a': a value must be finite in float32, got '1e200'", {"data.csv"})


def test_targets_beyond_float32_are_refused_unless_they_are_standardized(no_picture, capsys):
    rows = [[a, b, str(1e300 * float(a))] for a, b, _ in csv_rows(40, ["0", "1"])]
    arguments = [*write_csv(table(rows)), *QUICK, "--dtype", "float32"]
    message = "column 'kind' must be finite in float32, got "
    check_refused(run(capsys, *arguments), message, {"data.csv"})
    assert study(capsys, *arguments, "--standardize")["data"]["loss"] == "squared_error"


def test_what_is_no_file_is_told(capsys):
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for name, message in [
        ("folder", "folder is a folder"),
        ("pipe", "pipe is a pipe or a device: write what it gives to a file first"),
        ("https://example.org/a.csv", "a.csv: download it first"),
        ("x" * 5000, "x" * 100),
    ]:
        check_refused(run(capsys, "--data", name, "--target", "kind"), message, {"folder", "pipe"})


def test_an_error_of_the_system_while_reading_names_the_file(capsys, monkeypatch):
    def fail(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("fastmlp.lab.tables.encoding_of", fail)
    check_refused(run(capsys, *write_csv(GOOD)), "data.csv cannot be read: Input/output error", {"data.csv"})


def test_a_picture_that_links_to_nowhere_is_refused_before_the_work(capsys):
    Path(PICTURE).symlink_to("nowhere/picture.png")
    check_refused(run(capsys, *QUICK), f"--output must be a folder in which {PICTURE} can be written", {PICTURE})


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_picture_that_cannot_be_written_in_the_end_costs_no_results(words, capsys, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastmlp.lab.report.draw", fail)
    code, out, err = run(capsys, *words, "--init", "he", *QUICK)
    assert (code, err) == (2, "fastmlp: error: [Errno 28] No space left on device\n")
    assert len(json.loads(out)["runs"]) == 1 if words else "learns" in out
