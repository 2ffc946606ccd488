"""The memory that a table takes: a small multiple of its file, measured in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastmlp

MOST = 4.0  # times the file, over a study of a tiny one
SIZE = 9.8 * 2**20

STUDY = """
import sys
from fastmlp.cli import main
code = main(sys.argv[1:])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(code, 1024 * int(status["VmHWM"].split()[0]))
"""
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's peak of a process")


def peak_of(path):
    """Bytes that a short study of a file takes at most."""
    paths = os.pathsep.join([str(Path(fastmlp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    words = [
        "--data",
        path,
        "--target",
        "y",
        "--standardize",
        "--iterations",
        "2",
        "--init",
        "he",
        "--output",
        path.parent,
    ]
    done = subprocess.run(
        [sys.executable, "-c", STUDY, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    code, peak = done.stdout.splitlines()[-1].split()
    assert (code, done.stderr) == ("0", "")
    return int(peak)


@pytest.mark.parametrize(("n_features", "decimals"), [(2, 6), (64, 0)])
def test_a_file_of_10_megabytes_takes_at_most_4_times_as_much_memory(n_features, decimals, tmp_path):
    rng = np.random.default_rng(0)
    rows = 10 * rng.standard_normal((1000, n_features))
    text = "".join(",".join(f"{abs(x):.{decimals}f}" for x in row) + f",{row[0] > 0}\n" for row in rows)
    header = ",".join([*(f"x{i}" for i in range(n_features)), "y"]) + "\n"
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text(header + text)
    large.write_text(header + text * int(SIZE / len(text)))
    grown = (peak_of(large) - peak_of(small)) / large.stat().st_size
    assert 0.3 < grown < MOST
