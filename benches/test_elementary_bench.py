"""exp, log1p, tanh and sigmoid on 10,000 elements, against NumPy's; all but NumPy's sigmoid write in place."""

import numpy as np
import pytest

from fastmlp import _kernels, reference

N_ELEMENTS = 10_000
NUMPY = {"exp": np.exp, "log1p": np.log1p, "tanh": np.tanh, "sigmoid": None}
RTOL = {"float64": 2e-15, "float32": 1e-6}


def calls_of(function, dtype):
    """Ours and NumPy's, each as a call that returns its result."""
    x = np.random.default_rng(0).uniform(-5, 5, N_ELEMENTS).astype(dtype)
    if function == "log1p":
        x = np.abs(x)
    out, numpy_out = np.empty_like(x), np.empty_like(x)

    def ours():
        _kernels.elementwise(function, x, out)
        return out

    def numpy():
        return reference.sigmoid(x) if function == "sigmoid" else NUMPY[function](x, out=numpy_out)

    return {"fastmlp": ours, "NumPy": numpy}


@pytest.mark.parametrize("contender", ["fastmlp", "NumPy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("function", NUMPY)
def test_elementary(benchmark, function, dtype, contender):
    benchmark.group = f"{function}, {dtype}"
    calls = calls_of(function, dtype)
    np.testing.assert_allclose(calls["fastmlp"](), calls["NumPy"](), rtol=RTOL[dtype])
    benchmark(calls[contender])
