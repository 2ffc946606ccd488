"""What all tests share: the instruction sets and dtypes to run under, and a picture backend without a screen."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest

from fastmlp import _kernels


@pytest.fixture(params=_kernels.available_isas())
def isa(request):
    """Run the test under each instruction set this machine has, not only the one chosen at import."""
    before = _kernels.current_isa()
    _kernels.select_isa(request.param)
    yield request.param
    _kernels.select_isa(before)


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture(autouse=True)
def _end_children():
    """A child that a test forked, and in which it failed, must not go on with the next test."""
    process = os.getpid()
    yield
    if os.getpid() != process:  # pragma: no cover - runs in the child
        os._exit(1)


@pytest.fixture(autouse=True)
def _close_figures():
    """Leave no open figure behind for the next test."""
    yield
    import sys

    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
