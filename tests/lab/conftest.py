"""What the tests of the laboratory share."""

import pytest

from fastmlp.datasets import circles
from fastmlp.lab import run_study


@pytest.fixture(scope="session")
def runs():
    return run_study([2, 10, 5, 1], circles(300, seed=1), circles(100, seed=2))
