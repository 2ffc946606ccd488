"""Parameters of losses and optimizers that a dtype cannot hold are refused by name, before any work."""

import numpy as np
import pytest

from fastmlp import MLP, SGD, Adam, AdamW, Huber, LogLoss, MultinomialLogLoss, Quantile, RMSprop

NORMAL = r"must be from 1\.18e-38 to 3\.4e\+38 in float32, got "
X, Y = np.array([[0.0], [1.0], [2.0]]), [0, 1, 1]


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (Huber(1e-50), f"delta {NORMAL}1e-50"),
        (Huber(1e-40), f"delta {NORMAL}1e-40"),  # subnormal: a few bits of it
        (Huber(1e39), rf"delta {NORMAL}1e\+39"),
        (Quantile(1e-46), f"quantile {NORMAL}1e-46"),
        (LogLoss(1e-40), f"label_smoothing {NORMAL}1e-40"),
        (MultinomialLogLoss(1e-50), f"label_smoothing {NORMAL}1e-50"),
    ],
    ids=str,
)
def test_parameters_of_losses(loss, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        MLP([1, 2], loss=loss, dtype="float32")
    MLP([1, 2], loss=loss)


@pytest.mark.parametrize("loss", [Huber(1e-310), Quantile(1e-310), MultinomialLogLoss(1e-310)], ids=str)
def test_subnormal_parameters_of_losses_in_float64(loss):
    with pytest.raises(ValueError, match=r"must be from 2\.23e-308 to 1\.8e\+308 in float64, got 1e-310$"):
        MLP([1, 2], loss=loss)


@pytest.mark.parametrize("loss", [Huber(2e-38), Quantile(2e-38), Quantile(1 - 1e-16), LogLoss(1 - 1e-16)], ids=str)
def test_parameters_at_the_ends_of_the_range_are_taken(loss):
    MLP([1, 2], loss=loss, dtype="float32")


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (SGD(momentum=1 - 1e-9), "momentum must be below 1 in float32, got 0.999999999"),
        (SGD(momentum=1e-50, nesterov=True), f"momentum {NORMAL}1e-50"),
        (Adam(beta_1=1 - 1e-9), "beta_1 must be below 1 in float32, got 0.999999999"),
        (Adam(beta_2=1 - 1e-9), "beta_2 must be below 1 in float32, got 0.999999999"),
        (Adam(beta_1=1e-40), f"beta_1 {NORMAL}1e-40"),
        (Adam(epsilon=1e-16), "epsilon must be at least 1e-15 in float32, got 1e-16"),
        (Adam(epsilon=1e39), rf"epsilon {NORMAL}1e\+39"),
        (AdamW(weight_decay=1e39), rf"weight_decay {NORMAL}1e\+39"),
        (AdamW(weight_decay=1e-50), f"weight_decay {NORMAL}1e-50"),
        (AdamW(beta_2=1 - 1e-9), "beta_2 must be below 1 in float32, got 0.999999999"),
        (RMSprop(rho=1 - 1e-9), "rho must be below 1 in float32, got 0.999999999"),
        (RMSprop(epsilon=1e-50), "epsilon must be at least 1e-15 in float32, got 1e-50"),
    ],
    ids=str,
)
def test_parameters_of_optimizers(optimizer, message):
    narrow, wide = MLP([1, 1], dtype="float32", seed=0), MLP([1, 1], seed=0)
    before = narrow.parameters.tobytes()
    with pytest.raises(ValueError, match=f"^{message}$"):
        narrow.train(X, Y, epochs=1, optimizer=optimizer)
    assert narrow.parameters.tobytes() == before
    wide.train(X, Y, epochs=1, optimizer=optimizer)


@pytest.mark.parametrize("optimizer", [Adam(epsilon=1e-150), RMSprop(epsilon=1e-150)], ids=str)
def test_an_epsilon_below_what_squares_in_float64_can_tell(optimizer):
    with pytest.raises(ValueError, match=r"^epsilon must be at least 1e-145 in float64, got 1e-150$"):
        MLP([1, 1], seed=0).train(X, Y, epochs=1, optimizer=optimizer)


@pytest.mark.parametrize("name", ["l1", "l2", "clip_value", "clip_norm", "learning_rate"])
@pytest.mark.parametrize("value", [1e-50, 1e-40, 1e39])
def test_arguments_of_a_training(name, value):
    model = MLP([1, 1], dtype="float32", seed=0)
    with pytest.raises(ValueError, match=f"^{name} must be from .* in float32, got {value:g}".replace("+", r"\+")):
        model.train(X, Y, epochs=1, **{name: value})


def test_the_smallest_epsilon_keeps_the_digits_of_the_smallest_gradients(isa, dtype):
    """A second of two updates, of gradients about as large as epsilon, beside the same in numbers without limits."""
    from fastmlp import _kernels
    from fastmlp.optimizers import SMALLEST_EPSILON

    epsilon = SMALLEST_EPSILON[dtype]
    gradient = np.array([-3, -1, -0.1, -0.01, 0.01, 0.1, 1, 3], dtype) * dtype.type(epsilon)
    settings = {**Adam(epsilon=epsilon).settings(), "l1": 0.0, "l2": 0.0, "clip_value": np.inf, "clip_norm": np.inf}
    engine = _kernels.Engine(dtype == np.float64, (7, 1), ("identity",), 1)
    parameters, moments = np.zeros(8, dtype), np.zeros((2, 8), dtype)
    for updates in range(2):
        engine.update(parameters, gradient, moments, settings, 0.01, updates)
    wide = gradient.astype("longdouble")
    np.testing.assert_allclose(parameters, (-0.02 * wide / (abs(wide) + epsilon)).astype("float64"), rtol=2e-6)


def test_more_classes_than_float32_can_tell_apart():
    loss, most = MultinomialLogLoss(), 2**24
    loss.check(most, np.dtype("float32"))
    loss.check(2**28, np.dtype("float64"))
    with pytest.raises(ValueError, match="multinomial_log_loss must have at most 16777216 classes in float32"):
        MLP([1, most + 1], loss=loss, dtype="float32")


def test_a_second_moment_that_overflowed_is_saved_and_continued(tmp_path):
    """In float32, the square of 1e25 is too large; the training goes on and its file is one that load takes."""
    X, y, path = [[1e25], [-1e25], [3e24]], [1, 0, 1], tmp_path / "model.npz"
    model = MLP([1, 1], dtype="float32")
    model.parameters[:] = -1, 0
    for optimizer in (Adam(), RMSprop()):
        before = model.parameters.copy()
        model.train(X, y, epochs=3, optimizer=optimizer, learning_rate=0.01)
        assert (model.parameters != before).any()
        assert np.isfinite(model.training_state.moments).all()
        assert (model.training_state.moments[-1] < 0).any()
        model.save(path)
        loaded = MLP.load(path)
        for one in (model, loaded):
            one.train(X, y, epochs=3, optimizer=optimizer, learning_rate=0.01)
        assert loaded.parameters.tobytes() == model.parameters.tobytes()
