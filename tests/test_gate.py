"""The gate's own check: a test that every run skipped is named."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parent.parent / "tools" / "never_run.py"
RAN = '<testcase classname="tests.test_a" name="test_one"/>'
SKIPPED = '<testcase classname="tests.test_a" name="test_one"><skipped/></testcase>'
MODULE = '<testcase classname="" name="tests.test_a"><skipped/></testcase>'
NAMED = "skipped in every run:\n"


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([RAN], ""),
        ([SKIPPED], NAMED + "tests.test_a.test_one\n"),
        ([SKIPPED, SKIPPED], NAMED + "tests.test_a.test_one\n"),
        ([SKIPPED, RAN], ""),
        ([MODULE, RAN], ""),
        ([MODULE, SKIPPED], NAMED + "tests.test_a\ntests.test_a.test_one\n"),
        ([MODULE, RAN.replace("test_a", "test_b")], NAMED + "tests.test_a\n"),
    ],
)
def test_tests_that_no_run_ran_are_named(runs, expected, tmp_path):
    paths = [tmp_path / f"{i}.xml" for i in range(len(runs))]
    for path, cases in zip(paths, runs, strict=True):
        path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    done = subprocess.run([sys.executable, TOOL, *paths], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (int(bool(expected)), expected)
