"""Every activation and its derivative, unit by unit, against the reference, mpmath and their limits."""

import mpmath
import numpy as np
import pytest
from networks import HIDDEN, engine_of, kernel_loss_and_gradient, random_network, values_and_derivatives
from tolerances import tolerance

from fastmlp import _kernels, reference
from fastmlp.reference.activation import SELU_ALPHA, SELU_SCALE

OUTPUTS = ("identity", "logistic", "softmax", "exponential")
FUSED = tuple(name for name in _kernels.available_isas() if name != "baseline")  # with multiply-adds


def sweep(dtype):
    rng = np.random.default_rng(3)
    pieces = [np.linspace(-40, 40, 801), rng.normal(0, 1, 700), rng.normal(0, 6, 500), [0, 1e-8, -1e-8, 1e4, -1e4]]
    return np.concatenate(pieces).astype(dtype)


@pytest.mark.parametrize("name", HIDDEN)
def test_values_and_derivatives_are_the_reference_s(name, isa, dtype):
    z = sweep(dtype)
    values, derivatives = values_and_derivatives(name, z)
    wide = z.astype("float64")
    tiny = np.finfo(dtype).tiny
    np.testing.assert_allclose(
        values, reference.ACTIVATIONS[name](wide), rtol=tolerance("activation", dtype), atol=tiny
    )
    np.testing.assert_allclose(
        derivatives, reference.DERIVATIVES[name](wide), rtol=0, atol=tolerance("derivative", dtype)
    )


@pytest.mark.parametrize("name", HIDDEN)
def test_derivatives_are_central_differences(name, isa):
    """Of the kernel's own values, away from the kinks at 0."""
    z, step = np.linspace(-8, 8, 401), 1e-5
    z = z[np.abs(z) > 2 * step]
    above, below = (values_and_derivatives(name, z + sign * step)[0] for sign in (1, -1))
    np.testing.assert_allclose(values_and_derivatives(name, z)[1], (above - below) / (2 * step), rtol=0, atol=1e-9)


AT_ZERO = {
    "identity": 1,
    "relu": 0,
    "tanh": 1,
    "logistic": 0.25,
    "leaky_relu": 0.01,
    "elu": 1,
    "selu": SELU_SCALE * SELU_ALPHA,
    "gelu": 0.5,
    "gelu_tanh": 0.5,
    "silu": 0.5,
    "softplus": 0.5,
}


@pytest.mark.parametrize("name", HIDDEN)
def test_derivative_at_zero(name, isa, dtype):
    expected = dtype.type(AT_ZERO[name])
    for zero in (0.0, -0.0):
        z = np.array([zero], dtype)
        np.testing.assert_array_almost_equal_nulp(values_and_derivatives(name, z)[1], np.array([expected]), 1)
        assert reference.DERIVATIVES[name](z)[0] == pytest.approx(AT_ZERO[name], rel=1e-6)


# activation: values at -1e4 and 1e4, derivatives there
FAR = {
    "identity": (-1e4, 1e4, 1, 1),
    "relu": (0, 1e4, 0, 1),
    "tanh": (-1, 1, 0, 0),
    "logistic": (0, 1, 0, 0),
    "leaky_relu": (-100, 1e4, 0.01, 1),
    "elu": (-1, 1e4, 0, 1),
    "selu": (-SELU_SCALE * SELU_ALPHA, SELU_SCALE * 1e4, 0, SELU_SCALE),
    "gelu": (0, 1e4, 0, 1),
    "gelu_tanh": (0, 1e4, 0, 1),
    "silu": (0, 1e4, 0, 1),
    "softplus": (0, 1e4, 0, 1),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_far_from_zero_values_and_derivatives_are_their_limits(name, isa, dtype):
    z = np.array([-1e4, 1e4], dtype)
    got = np.concatenate(values_and_derivatives(name, z))
    np.testing.assert_allclose(got, np.array(FAR[name]), rtol=4 * np.finfo(dtype).eps, atol=0)
    of_reference = np.concatenate([reference.ACTIVATIONS[name](z), reference.DERIVATIVES[name](z)])
    np.testing.assert_allclose(of_reference, np.array(FAR[name]), rtol=4 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("name", HIDDEN)
def test_at_the_ends_of_the_dtype_nothing_is_nan(name, isa, dtype):
    most = np.finfo(dtype).max / 4
    z = np.array([-most, most, np.finfo(dtype).smallest_subnormal, -np.finfo(dtype).smallest_subnormal], dtype)
    values, derivatives = values_and_derivatives(name, z)
    assert np.isfinite(values).all()
    assert (np.abs(derivatives) <= SELU_SCALE * SELU_ALPHA).all()


EXACT = {
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "gelu_tanh": lambda z: z / (1 + mpmath.exp(-gelu_tanh_argument(z))),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
}


def gelu_tanh_argument(z):
    return 2 * mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf("0.044715") * z**3)


def amplification(name, isa, z):
    """Ulp of the value that the roundings of exp's argument are worth: four of a cubic, one of an unfused square."""
    if name == "gelu_tanh":
        return float(4 * abs(gelu_tanh_argument(z)))
    return float(z * z / 2) if name == "gelu" and isa not in FUSED else 0


@pytest.mark.parametrize("name", EXACT)
def test_within_a_few_ulp_of_mpmath(name, isa, dtype):
    lowest = {"float64": -36, "float32": -12}[dtype.name]
    rng = np.random.default_rng(4)
    z = np.concatenate([np.linspace(lowest, 6, 120), rng.normal(0, 1, 120)]).astype(dtype)
    with mpmath.workdps(50):
        for at, got in zip(z, values_and_derivatives(name, z)[0], strict=True):
            exact = EXACT[name](mpmath.mpf(float(at)))
            spacing = float(np.spacing(np.abs(dtype.type(float(exact)))))
            allowed = tolerance("activation ulp", dtype) + amplification(name, isa, mpmath.mpf(float(at)))
            assert abs(mpmath.mpf(float(got)) - exact) <= allowed * spacing, at


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_are_the_reference_s(name, isa, dtype):
    layer_dims, n = (4, 6, 5), 37
    parameters, inputs, _ = random_network(layer_dims, n, dtype, seed=7)
    activations = ("tanh", name)
    outputs = np.empty((5, n), dtype)
    data = _kernels.Data(inputs.T)
    engine_of(dtype, layer_dims, activations, n).predict(outputs, parameters, data, True)
    wide = [array.astype("float64") for array in (parameters, inputs)]
    expected = reference.predict(*wide, layer_dims, activations, True)
    np.testing.assert_allclose(outputs, expected, rtol=10 * tolerance("step", dtype))


def outputs_at(name, z):
    """The output activation of one example's logits, which are the biases."""
    parameters = np.concatenate([np.zeros(len(z), z.dtype), z])
    outputs = np.empty((len(z), 1), z.dtype)
    data = _kernels.Data(np.ones((1, 1), z.dtype))
    engine_of(z.dtype, (1, len(z)), (name,), 1).predict(outputs, parameters, data, True)
    return outputs[:, 0]


def test_softmax_of_far_logits(isa, dtype):
    for z in ([1e4, -1e4, 0], [-1e4, -1e4, -1e4], [np.finfo(dtype).max, 0, -np.finfo(dtype).max]):
        z = np.array(z, dtype)
        expected = (z == z.max()) / (z == z.max()).sum()
        np.testing.assert_allclose(outputs_at("softmax", z), expected, rtol=1e-6, atol=0)


def test_softmax_sums_to_one_over_any_number_of_classes(isa, dtype):
    rng = np.random.default_rng(0)
    for n_classes in (1, 2, 3, 17, 100):
        probabilities = outputs_at("softmax", rng.normal(0, 5, n_classes).astype(dtype))
        assert probabilities.sum(dtype="float64") == pytest.approx(1, rel=1e-6)
        assert (probabilities > 0).all()


def test_exponential_overflows_to_infinity_alone(isa, dtype):
    z = np.array([-1e4, 0, 1, 1e4], dtype)
    np.testing.assert_allclose(outputs_at("exponential", z), np.array([0, 1, np.e, np.inf]), rtol=1e-6)


def test_one_network_mixes_all_activations(isa, dtype):
    layer_dims = (3, *range(2, 2 + len(HIDDEN)), 2)
    network = random_network(layer_dims, 50, dtype, seed=5)
    activations = (*HIDDEN, "logistic")
    _, gradient = kernel_loss_and_gradient(*network, layer_dims, activations)
    wide = [array.astype("float64") for array in network]
    _, expected = reference.loss_and_gradient(*wide, layer_dims, activations)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(gradient / scale, expected / scale, rtol=0, atol=tolerance("step", dtype))
