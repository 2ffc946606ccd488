"""Every loss and its derivative from logits, and the cross-entropy of probabilities."""

import itertools

import mpmath
import numpy as np
import pytest
from networks import (
    LOSS_PARAMETERS,
    OneExample,
    activations_of,
    kernel_loss_and_gradient,
    loss_options,
    random_network,
    widened,
)
from tolerances import relative_error, tolerance

from fastmlp import _kernels, reference

LOSSES = tuple(_kernels.LOSSES)
LOGITS = [0.0, 1e-300, -1e-300, 1e-30, 0.5, -0.5, 1, -1, 3.7, -3.7, 36, -36, 37.5, 88, -88, 700, -700, 745, 1e3, -1e3]
HUGE = {"float64": [1e300, -1e300, 1.7e308, -1.7e308], "float32": [1e30, -1e30, 3.4e38, -3.4e38]}


def eps_of(dtype):
    return float(np.finfo(dtype).eps)


def row(values, dtype):
    return np.array([values], dtype)


@pytest.mark.parametrize("y", [0, 1])
def test_log_loss_of_one_logit_within_four_ulp(y, isa, dtype):
    rng = np.random.default_rng(2)
    for z in [*LOGITS, *HUGE[dtype.name], *rng.normal(0, 20, 200)]:
        z = dtype.type(z)
        got = _kernels.log_loss(row([z], dtype), row([y], dtype))
        with mpmath.workdps(400):
            exact = mpmath.log(1 + mpmath.exp(-mpmath.mpf(float(z)) if y else mpmath.mpf(float(z))))
            spacing = mpmath.mpf(float(np.spacing(dtype.type(float(exact)))))
            assert abs(mpmath.mpf(got) - exact) <= tolerance("loss ulp", dtype) * spacing, (z, y, got)


def test_log_loss_at_zero_is_log_2(isa, dtype):
    assert _kernels.log_loss(row([0], dtype), row([1], dtype)) == dtype.type(np.log(2))


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 300, 1001])
def test_mean_log_loss_is_the_reference_s(n, isa, dtype):
    rng = np.random.default_rng(n)
    z, y = rng.normal(0, 5, (3, n)).astype(dtype), rng.integers(0, 2, (3, n)).astype(dtype)
    expected = reference.log_loss(z.astype("float64"), y.astype("float64"))
    assert _kernels.log_loss(z, y) == pytest.approx(expected, rel=tolerance("mean loss", dtype))


def test_a_mean_whose_sum_would_overflow_is_finite(isa):
    z = np.full((1, 1000), 1.5e308)
    assert _kernels.log_loss(z, np.zeros_like(z)) == pytest.approx(1.5e308, rel=1e-13)


def test_a_mean_of_subnormal_losses_is_exact(isa):
    z = np.full((1, 1024), -740.0)
    loss = np.exp(np.float64(-740))
    assert 0 < loss < np.finfo(np.float64).tiny
    assert _kernels.log_loss(z, np.zeros_like(z)) == loss
    assert _kernels.cross_entropy(np.full((1, 1024), loss), np.zeros((1, 1024))) == loss


@pytest.mark.parametrize("n", [1, 5, 300])
def test_cross_entropy_is_the_reference_s(n, isa, dtype):
    rng = np.random.default_rng(n)
    a = rng.uniform(0, 1, (2, n)) ** rng.choice([1, 30], (2, n))
    a, y = a.astype(dtype), rng.integers(0, 2, (2, n)).astype(dtype)
    expected = reference.cross_entropy(a.astype("float64"), y.astype("float64"))
    assert _kernels.cross_entropy(a, y) == pytest.approx(expected, rel=tolerance("mean loss", dtype))


def test_cross_entropy_at_the_ends(isa, dtype):
    right = _kernels.cross_entropy(row([0, 1], dtype), row([0, 1], dtype))
    assert right == 0
    assert _kernels.cross_entropy(row([1, 1], dtype), row([0, 1], dtype)) == np.inf
    assert _kernels.cross_entropy(row([0, 1], dtype), row([1, 1], dtype)) == np.inf
    tiny = np.finfo(dtype).smallest_subnormal
    assert _kernels.cross_entropy(row([tiny], dtype), row([1], dtype)) == pytest.approx(-np.log(float(tiny)), rel=1e-6)
    assert _kernels.cross_entropy(row([tiny], dtype), row([0], dtype)) == pytest.approx(float(tiny))


# a probability or a label
SOME = [0.0, 1e-30, 1e-10, 1e-3, 0.25, 0.3, 0.5, 0.7, 0.75, 0.99, 1.0]


def test_cross_entropy_of_a_label_between_0_and_1_within_four_ulp(isa, dtype):
    rng, info = np.random.default_rng(3), np.finfo(dtype)
    values = [*SOME, info.smallest_subnormal, info.tiny, 1 - info.epsneg, *rng.uniform(0, 1, 20)]
    values = [
        dtype.type(value) for value in (*values, *10 ** rng.uniform(-30, 0, 20), *1 - 10 ** rng.uniform(-7, 0, 20))
    ]
    for a, y in itertools.product(values, values):
        got = _kernels.cross_entropy(row([a], dtype), row([y], dtype))
        if (a == 0 < y) or (a == 1 > y):
            assert got == np.inf, (a, y, got)
            continue
        with mpmath.workdps(400):
            p, label = mpmath.mpf(float(a)), mpmath.mpf(float(y))
            exact = -(label * mpmath.log(p) if y else 0) - ((1 - label) * mpmath.log(1 - p) if y != 1 else 0)
            spacing = mpmath.mpf(float(np.spacing(dtype.type(float(exact)))))
            assert abs(mpmath.mpf(got) - exact) <= tolerance("loss ulp", dtype) * spacing, (a, y, got)


def test_labels_0_and_1_beside_one_between_them_are_taken_at_the_ends(isa, dtype):
    half = np.log(2)
    assert _kernels.cross_entropy(row([0, 1, 0.5], dtype), row([0, 1, 0.5], dtype)) == pytest.approx(half / 3, rel=1e-7)
    for a, y in ((0, 1), (1, 0)):
        assert _kernels.cross_entropy(row([a, 0.5], dtype), row([y, 0.5], dtype)) == np.inf


@pytest.mark.parametrize("n", [1, 5, 300])
def test_cross_entropy_of_labels_between_0_and_1_is_the_reference_s(n, isa, dtype):
    rng = np.random.default_rng(n)
    a, y = (rng.choice(SOME[1:-1], (2, n)).astype(dtype) for _ in range(2))
    expected = reference.cross_entropy(a.astype("float64"), y.astype("float64"))
    assert _kernels.cross_entropy(a, y) == pytest.approx(expected, rel=tolerance("mean loss", dtype))


# ---- all losses, through the last layer of a network


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 2, 7])
@pytest.mark.parametrize("loss", LOSSES)
def test_loss_and_gradient_are_the_reference_s(loss, n_outputs, weighted, isa, dtype):
    layer_dims = (3, 6, n_outputs)
    activations = activations_of(layer_dims, "tanh", loss)
    for n in (1, 50, 700):
        network = random_network(layer_dims, n, dtype, seed=n, loss=loss)
        weight = np.random.default_rng(n).uniform(0, 3, n).astype(dtype) if weighted else None
        if weighted and n > 1:
            weight[::3] = 0
        (*wide, wide_weight) = widened(*network, weight)
        got, gradient = kernel_loss_and_gradient(
            *network, layer_dims, activations, sample_weight=weight, **loss_options(loss)
        )
        expected_loss, expected = reference.loss_and_gradient(
            *wide, layer_dims, activations, sample_weight=wide_weight, **loss_options(loss)
        )
        assert got == pytest.approx(expected_loss, rel=tolerance("step", dtype), abs=tolerance("step", dtype) / 10)
        if n_outputs > 1 or loss != "multinomial_log_loss":
            assert relative_error(gradient, expected) <= tolerance("step", dtype)
        else:  # of one class there is nothing to learn
            assert np.abs(gradient).max() <= np.finfo(dtype).eps


@pytest.mark.parametrize("parameter", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("loss", LOSS_PARAMETERS)
def test_every_parameter_of_a_loss(loss, parameter, isa, dtype):
    layer_dims = (3, 6, 4)
    activations, network = activations_of(layer_dims, "tanh", loss), random_network(layer_dims, 90, dtype, loss=loss)
    options = {"loss": loss, "loss_parameter": parameter}
    got, gradient = kernel_loss_and_gradient(*network, layer_dims, activations, **options)
    expected_loss, expected = reference.loss_and_gradient(*widened(*network), layer_dims, activations, **options)
    assert got == pytest.approx(expected_loss, rel=tolerance("step", dtype))
    assert relative_error(gradient, expected) <= tolerance("step", dtype)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_agrees_with_central_differences(loss, isa):
    layer_dims, step = (3, 5, 3), 1e-6
    activations = activations_of(layer_dims, "tanh", loss)
    parameters, inputs, targets = random_network(layer_dims, 30, "float64", seed=4, loss=loss)
    weight = np.random.default_rng(0).uniform(0, 2, 30)

    def loss_at(parameters):
        arguments = (parameters, inputs, targets, layer_dims, activations)
        return kernel_loss_and_gradient(*arguments, sample_weight=weight, **loss_options(loss))

    _, gradient = loss_at(parameters)
    moves = step * np.eye(len(parameters))
    numeric = [(loss_at(parameters + move)[0] - loss_at(parameters - move)[0]) / (2 * step) for move in moves]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_integer_weights_count_examples_as_often(loss, isa, dtype):
    layer_dims = (3, 6, 3)
    activations = activations_of(layer_dims, "tanh", loss)
    parameters, inputs, targets = random_network(layer_dims, 60, dtype, loss=loss)
    counts = np.random.default_rng(1).integers(0, 4, 60)
    options = loss_options(loss)
    weighted, gradient = kernel_loss_and_gradient(
        parameters, inputs, targets, layer_dims, activations, sample_weight=counts.astype(dtype), **options
    )
    repeated = (np.repeat(array, counts, axis=1) for array in (inputs, targets))
    expected_loss, expected = kernel_loss_and_gradient(parameters, *repeated, layer_dims, activations, **options)
    assert weighted == pytest.approx(expected_loss, rel=tolerance("step", dtype))
    assert relative_error(gradient, expected) <= tolerance("step", dtype)


def test_one_binary_output_has_one_loss_by_two_names(isa, dtype):
    network = random_network((3, 6, 2), 60, dtype)
    plain, multilabel = (
        kernel_loss_and_gradient(*network, (3, 6, 2), ("relu", "logistic"), loss=loss)
        for loss in ("log_loss", "multilabel_log_loss")
    )
    assert plain[0] == multilabel[0]
    np.testing.assert_array_equal(plain[1], multilabel[1])


# ---- single values


# loss: (logit, target, loss, derivative), ... where both are exact
EXACT = {
    "log_loss": [(1e4, 1, 0, 0), (1e4, 0, 1e4, 1), (-1e4, 1, 1e4, -1), (-1e4, 0, 0, 0)],
    "squared_error": [(1e4, 0, 5e7, 1e4), (-1e4, 1, 50010000.5, -10001), (3, 3, 0, 0)],
    "absolute_error": [(1e4, 0, 1e4, 1), (-1e4, 0, 1e4, -1), (3, 3, 0, 0), (-0.0, 0, 0, 0)],
    "huber": [
        (1e4, 0, 0.5 * (1e4 - 0.25), 0.5),
        (-1e4, 0, 0.5 * (1e4 - 0.25), -0.5),
        (0.25, 0, 1 / 32, 0.25),
        (1, 1, 0, 0),
    ],
    "quantile": [(1e4, 0, 7500, 0.75), (-1e4, 0, 2500, -0.25), (3, 3, 0, 0)],
    "poisson": [(-1e4, 0, 0, 0), (0, 0, 1, 1), (0, 1, 0, 0), (-1e4, 1, 9999, -1), (-1e4, 2, 2 * np.log(2) + 19998, -2)],
}


@pytest.mark.parametrize("loss", EXACT)
def test_losses_and_derivatives_at_far_logits_and_at_kinks(loss, isa, dtype):
    at = OneExample(loss, dtype, loss_parameter={"huber": 0.5, "quantile": 0.25}.get(loss, 0))
    for logit, target, expected, derivative in EXACT[loss]:
        got = at(logit, target)
        assert got[0] == pytest.approx(expected, rel=2 * eps_of(dtype), abs=0), (logit, target)
        np.testing.assert_array_equal(got[1], np.array([derivative], dtype))


@pytest.mark.parametrize("smoothing", [0, 0.25])
def test_multinomial_loss_of_far_logits(smoothing, isa, dtype):
    at = OneExample("multinomial_log_loss", dtype, 3, smoothing)
    share = smoothing / 3
    for target, hit in ((0, 0), (1, 1e4), (2, 2e4)):  # how far the logits lie below the largest
        loss, derivative = at([1e4, 0, -1e4], target)
        expected = (1 - smoothing) * hit + share * (1e4 + 2e4)
        assert loss == pytest.approx(expected, rel=4 * eps_of(dtype), abs=0)
        targets = share + (1 - smoothing) * (np.arange(3) == target)
        np.testing.assert_allclose(derivative, [1, 0, 0] - targets, rtol=0, atol=2 * eps_of(dtype))
    equal = at([-1e4] * 3, 1)
    assert equal[0] == pytest.approx(np.log(3), rel=2 * eps_of(dtype))


def largest(dtype, fraction):
    return float(np.finfo(dtype).max) * fraction


def test_losses_near_the_largest_number_are_finite(isa, dtype):
    """Wherever the exact value is finite: no intermediate result overflows."""
    huge = largest(dtype, 0.9)
    assert OneExample("log_loss", dtype)(huge, 0)[0] == pytest.approx(huge, rel=1e-6)
    assert OneExample("absolute_error", dtype)(-huge, 0)[0] == pytest.approx(huge, rel=1e-6)
    assert OneExample("huber", dtype, loss_parameter=1)(huge, 0)[0] == pytest.approx(huge, rel=1e-6)
    assert OneExample("quantile", dtype, loss_parameter=0.5)(huge, 0)[0] == pytest.approx(huge / 2, rel=1e-6)
    multinomial = OneExample("multinomial_log_loss", dtype, 2, 0)
    assert multinomial([huge / 2, -huge / 2], 1)[0] == pytest.approx(huge, rel=1e-6)


# r * r overflows where r * r / 2 does not.
def test_a_squared_error_whose_double_overflows_is_finite(isa, dtype):
    root = np.sqrt(largest(dtype, 1)) * 1.2  # its square overflows, half of it does not
    assert OneExample("squared_error", dtype)(root, 0)[0] == pytest.approx(largest(dtype, 0.72), rel=1e-6)


def test_a_mean_in_float32_of_losses_whose_sum_overflows_float32(isa):
    """Sums are in double: a thousand losses of 3e38 have that mean."""
    n = 1000
    network = np.array([0, 3e38], "float32"), np.zeros((1, n), "float32"), np.zeros((1, n), "float32")
    loss, gradient = kernel_loss_and_gradient(*network, (1, 1), ("identity",), loss="absolute_error")
    assert loss == pytest.approx(3e38, rel=1e-6)
    np.testing.assert_allclose(gradient, [0, 1], rtol=1e-5)


# ---- Poisson


def exact_poisson(z, y):
    z, y = mpmath.mpf(float(z)), mpmath.mpf(float(y))
    return mpmath.exp(z) - y * z - y + (y * mpmath.log(y) if y else 0)


def test_poisson_loss_near_its_minimum_within_a_few_ulp(isa, dtype):
    """Of a target of 1, whose logarithm is exact: the loss is about z^2 / 2, from terms of about 1."""
    at = OneExample("poisson", dtype)
    rng = np.random.default_rng(5)
    logits = np.concatenate([10.0 ** np.arange(-12, 0), rng.uniform(-0.5, 0.5, 60), rng.uniform(-3, 3, 60)])
    with mpmath.workdps(60):
        for z in logits.astype(dtype):
            exact = exact_poisson(z, 1)
            spacing = mpmath.mpf(float(np.spacing(dtype.type(float(exact)))))
            cancels = 1 if abs(z) < 0.34 else 8  # from log(2) / 2 on, exp(z) - 1 - z is a difference
            assert abs(mpmath.mpf(at(z, 1)[0]) - exact) <= cancels * tolerance("loss ulp", dtype) * spacing, z


def test_poisson_loss_of_any_target_loses_no_more_than_the_rounding_of_its_logarithm(isa, dtype):
    at = OneExample("poisson", dtype)
    rng = np.random.default_rng(6)
    with mpmath.workdps(60):
        for target in (2, 3, 7, 20, 1e3, 1e6, 0.1):
            y = dtype.type(target)
            for distance in (1e-6, -1e-3, 0.1, -1, *rng.normal(0, 1, 10)):
                z = dtype.type(np.log(float(y)) + distance)
                exact = exact_poisson(z, y)
                slope = abs(mpmath.exp(mpmath.mpf(float(z))) - mpmath.mpf(float(y)))
                rounding = slope * float(np.spacing(np.abs(np.log(y)))) + float(np.spacing(dtype.type(float(exact))))
                assert abs(mpmath.mpf(at(z, y)[0]) - exact) <= tolerance("loss ulp", dtype) * rounding, (z, y)


def test_poisson_loss_of_large_rates_is_finite(isa, dtype):
    at = OneExample("poisson", dtype)
    for z, y in ((80, 0), (80, 1), (80, 1e6), (0, 1e6), (np.log(1e6), 1e6), (-80, 1e6), (88, 3)):
        loss, (derivative,) = at(z, y)
        z, y = float(dtype.type(z)), float(dtype.type(y))
        scale = abs(np.exp(z) - y * z - y) + y * 14  # log y is below 14
        expected = np.exp(z) - y * (1 + z - np.log(y or 1))
        assert loss == pytest.approx(expected, rel=1e-4, abs=scale * eps_of(dtype)), (z, y)
        assert derivative == pytest.approx(np.exp(z) - y, rel=4 * eps_of(dtype), abs=y * eps_of(dtype))


# exp(z - log y) overflows where exp(z) does not.
def test_poisson_loss_of_targets_near_zero_is_finite(isa, dtype):
    at = OneExample("poisson", dtype)
    smallest = float(np.finfo(dtype).smallest_subnormal)
    for z, y in ((86.0, 1e-3), (2.0, float(np.finfo(dtype).tiny)), (0.0, smallest), (-3.0, smallest)):
        assert at(z, y)[0] == pytest.approx(np.exp(z), rel=1e-4), (z, y)


# ---- multinomial


def test_multinomial_loss_within_a_few_ulp(isa, dtype):
    """Of the larger of the loss and 1: the logarithm is that of a sum of exponentials, the largest of them 1."""
    rng = np.random.default_rng(7)
    for n_classes, smoothing in ((2, 0), (3, 0), (3, 0.125), (10, 0)):
        at = OneExample("multinomial_log_loss", dtype, n_classes, smoothing)
        for scale in (0.1, 1, 5, 30):
            z, target = rng.normal(0, scale, n_classes).astype(dtype), int(rng.integers(n_classes))
            with mpmath.workdps(60):
                wide = [mpmath.mpf(float(value)) for value in z]
                total = mpmath.log(mpmath.fsum(map(mpmath.exp, wide)))
                mean = mpmath.fsum(wide) / n_classes
                exact = total - (1 - smoothing) * wide[target] - smoothing * mean
                spacing = float(np.spacing(dtype.type(max(float(exact), 1))))
                assert abs(mpmath.mpf(at(z, target)[0]) - exact) <= tolerance("loss ulp", dtype) * spacing, z


def test_two_classes_are_the_log_loss_of_the_difference(isa, dtype):
    at, binary = OneExample("multinomial_log_loss", dtype, 2, 0), OneExample("log_loss", dtype)
    for difference in (-30, -2, -0.5, 0, 0.25, 3, 20):
        loss, derivative = at([0, difference], 1)
        expected, (slope,) = binary(difference, 1)
        eps = eps_of(dtype)
        assert loss == pytest.approx(expected, rel=4 * eps, abs=4 * eps)
        np.testing.assert_allclose(derivative, [-slope, slope], rtol=0, atol=4 * eps)


def test_the_largest_class_index_is_a_target_too(isa, dtype):
    n_classes = 1000
    at = OneExample("multinomial_log_loss", dtype, n_classes, 0)
    for target in (0, 1, 511, 999):
        loss, derivative = at(np.zeros(n_classes), target)
        assert loss == pytest.approx(np.log(1000), rel=1e-6)
        assert np.argmin(derivative) == target
        assert derivative.sum(dtype="float64") == pytest.approx(0, abs=1e-4)


# ---- the reference's own


@pytest.mark.parametrize("loss", LOSSES)
def test_the_reference_s_derivatives_are_central_differences(loss):
    rng = np.random.default_rng(8)
    z, step, parameter = rng.normal(0, 2, (3, 40)), 1e-6, LOSS_PARAMETERS.get(loss, 0.0)
    *_, y = random_network((1, 3), 40, "float64", loss=loss)
    numeric = np.empty_like(z)
    for output in range(3):
        move = step * (np.arange(3) == output)[:, np.newaxis]
        above, below = (reference.LOSSES[loss](z + sign * move, y, parameter).sum(axis=0) for sign in (1, -1))
        numeric[output] = (above - below) / (2 * step)
    np.testing.assert_allclose(reference.LOSS_DERIVATIVES[loss](z, y, parameter), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_reference_s_losses_of_far_logits_are_finite(loss):
    z = np.array([[-1e4, 1e4, 0], [0, -1e4, 1e4]]) if loss != "poisson" else np.array([[-1e4, -700, 700.0]] * 2)
    *_, y = random_network((1, 2), 3, "float64", loss=loss)
    assert np.isfinite(reference.LOSSES[loss](z, y, 0.25)).all()
    assert np.isfinite(reference.LOSS_DERIVATIVES[loss](z, y, 0.25)).all()
