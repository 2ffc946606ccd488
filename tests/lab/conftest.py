"""What the tests of the laboratory share."""

from pathlib import Path

import numpy as np
import pytest

from fastmlp import _kernels
from fastmlp.datasets import circles
from fastmlp.lab import run_study, tables
from fastmlp.lab.values import Form


@pytest.fixture(scope="session")
def runs():
    return run_study([2, 10, 5, 1], circles(300, seed=1), circles(100, seed=2))


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium."""
    from browsers import CHROMIUM, sync_api  # skips where there is no Playwright

    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def baseline():
    """The native kernels whose bits the playground's engine has."""
    before = _kernels.current_isa()
    _kernels.select_isa("baseline")
    yield
    _kernels.select_isa(before)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a text as the table ``t.csv``, with any of the options."""
    monkeypatch.chdir(tmp_path)

    def read_text(text, target="kind", written_in="utf-8", task="auto", drop_missing=False, dtype="float64", **form):
        path = Path("t.csv")
        path.write_bytes(text if isinstance(text, bytes) else text.encode(written_in))
        return tables.read(path, target, Form(**form), task=task, drop_missing=drop_missing, dtype=np.dtype(dtype))

    return read_text
