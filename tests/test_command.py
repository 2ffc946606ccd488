"""``python -m fastmlp`` as a process of its own: exit codes, terminals, outputs that end early."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from texts import csv_rows, table, write_csv

import fastmlp
from fastmlp.lab.commands.study import PICTURE

QUICK = ["--iterations", "30"]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def command(*words, **variables):
    paths = os.pathsep.join([str(Path(fastmlp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, **variables}
    words = [sys.executable, "-W", "error", "-m", "fastmlp", *words]
    return subprocess.run(words, capture_output=True, errors="backslashreplace", env=environment)


def test_python_m_fastmlp_prints_its_version():
    done = command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"fastmlp {fastmlp.__version__}\n", "")


def test_python_m_fastmlp_runs_the_study():
    done = command()
    assert (done.returncode, done.stderr) == (0, "")
    assert "he" in done.stdout
    assert Path(PICTURE).stat().st_size > 10_000


def test_python_m_fastmlp_refuses_with_exit_code_2():
    assert command("--iterations", "0").returncode == 2


def test_an_unknown_instruction_set_is_one_line_too(monkeypatch):
    monkeypatch.setenv("FASTMLP_ISA", "mmx")
    done = command()
    assert done.returncode != 0
    assert "FASTMLP_ISA must be one of" in done.stderr


def write_foreign_names():
    rows = [[a, b, kind] for a, b, kind in csv_rows(40, ["nö", "😀"])]
    return write_csv(table(rows, header="größe,$x$ 😀,kind"))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_names_that_the_terminal_lacks_are_escaped(encoding):
    done = command(*write_foreign_names(), *QUICK, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"2 classes (n\xf6, \U0001f600)" in done.stdout  # of Latin-1 a byte, which this decoding escapes
    done = command("--data", "data.csv", "--target", "größe 😀", PYTHONIOENCODING=encoding)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("fastmlp: error: --target must be a column of data.csv")


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system refuses such names")
def test_a_folder_that_no_encoding_holds_is_printed_escaped():
    folder = os.fsdecode(b"pictures \xff\n")
    Path(folder).mkdir()
    done = command(*QUICK, "--output", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Picture: pictures \\udcff\\n/initialization_study.png\n")
    assert (Path(folder) / PICTURE).is_file()
    done = command(*QUICK, "--output", folder, "--json")
    assert Path(json.loads(done.stdout)["picture"]) == Path(folder) / PICTURE


@pytest.mark.parametrize("words", [QUICK, ["--help"], ["--version"]])
def test_a_reader_that_leaves_ends_nothing(words):
    read, write = os.pipe()
    os.close(read)
    paths = os.pathsep.join([str(Path(fastmlp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    words = [sys.executable, "-m", "fastmlp", *words]
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True, env=environment)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(PICTURE).exists() is (QUICK[0] in words)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("words", [QUICK, ["--help"]])
def test_an_output_that_is_full_is_an_error(words):
    paths = os.pathsep.join([str(Path(fastmlp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths}
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "fastmlp", *words]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr == "fastmlp: error: the standard output cannot be written: No space left on device\n"
