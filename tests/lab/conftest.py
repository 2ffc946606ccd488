"""What the tests of the laboratory share."""

from pathlib import Path

import numpy as np
import pytest

from fastmlp import _kernels
from fastmlp.datasets import circles
from fastmlp.lab import run_study, tables, write_playground
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


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """The playground's page."""
    path = tmp_path_factory.mktemp("playground") / "page.html"
    write_playground(path)
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    """Open the playground, at a fragment or another address; no script may fail until the test ends."""
    from playgrounds import Playground  # skips where there is no Playwright

    opened = []

    def make(fragment="", address=address, **options):
        opened.append(Playground(browser, address + fragment, **options))
        return opened[-1]

    yield make
    for page in opened:
        page.context.close()
    assert [page.wrong for page in opened if page.wrong] == []


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a text as the table ``t.csv``, with any of the options."""
    monkeypatch.chdir(tmp_path)

    def read_text(text, target="kind", written_in="utf-8", task="auto", drop_missing=False, dtype="float64", **form):
        path = Path("t.csv")
        path.write_bytes(text if isinstance(text, bytes) else text.encode(written_in))
        return tables.read(path, target, Form(**form), task=task, drop_missing=drop_missing, dtype=np.dtype(dtype))

    return read_text
