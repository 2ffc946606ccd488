"""Every loss through MLP: what it fits and predicts, label smoothing, sample weights, several outputs."""

import numpy as np
import pytest

from fastmlp import (
    MLP,
    SGD,
    AbsoluteError,
    Huber,
    LogLoss,
    MultilabelLogLoss,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    SquaredError,
)

RNG = np.random.default_rng(2)
N = 60
X = RNG.standard_normal((N, 3))
LOGITS = X @ RNG.standard_normal((3, 4)) + 0.5 * X**2 @ RNG.standard_normal((3, 4))
TARGETS = {
    "log_loss": (LOGITS > 0).astype(int),
    "multilabel_log_loss": (LOGITS > 0).astype(int),
    "multinomial_log_loss": LOGITS.argmax(axis=1),
    "squared_error": LOGITS,
    "absolute_error": LOGITS,
    "huber": LOGITS,
    "quantile": LOGITS,
    "poisson": RNG.poisson(np.exp(0.3 * LOGITS)),
}
CLASSES = {
    "log_loss": LogLoss,
    "multilabel_log_loss": MultilabelLogLoss,
    "multinomial_log_loss": MultinomialLogLoss,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": Poisson,
}
LOG_LOSSES = [name for name in CLASSES if name.endswith("log_loss")]
CASES = [(name, n) for name in CLASSES for n in ((1, 4) if name != "multinomial_log_loss" else (4, 1))]


def targets_of(name, n_outputs):
    targets = TARGETS[name]
    if name == "multinomial_log_loss":
        return np.minimum(targets, n_outputs - 1)
    return targets[:, 0] if n_outputs == 1 else targets


def network(loss, n_outputs=4, **kwargs):
    return MLP([3, 16, n_outputs], loss=loss, **{"activation": "tanh", "seed": 1, **kwargs})


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def as_column(array):
    return array.reshape(len(array), -1).astype("float64")


def by_hand(loss, z, y):
    """The loss of each example, from its definition."""
    z, y = as_column(z), as_column(y)
    if loss.targets == "classes":
        smoothing, k = loss.label_smoothing, z.shape[1]
        target = (1 - smoothing) * (y == np.arange(k)) + smoothing / k
        return -(target * np.log(softmax(z))).sum(axis=1)
    if loss.targets == "labels":
        target = y * (1 - loss.label_smoothing) + loss.label_smoothing / 2
        p = 1 / (1 + np.exp(-z))
        return -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum(axis=1)
    error = abs(z - y)
    if loss.name == "quantile":
        values = np.maximum(loss.quantile * (y - z), (loss.quantile - 1) * (y - z))
    elif loss.name == "huber":
        values = np.where(error < loss.delta, error**2 / 2, loss.delta * (error - loss.delta / 2))
    elif loss.name == "poisson":
        values = np.exp(z) - y + np.where(y > 0, y * (np.log(np.maximum(y, 1)) - z), 0)
    else:
        values = error if loss.name == "absolute_error" else error**2 / 2
    return values.sum(axis=1)


VARIANTS = [
    *(make() for make in CLASSES.values()),
    *(LogLoss(0.2), MultilabelLogLoss(label_smoothing=0.1), MultinomialLogLoss(0.3)),
    *(Huber(0.3), Huber(100.0), Quantile(0.1), Quantile(0.95)),
]


# ---- fitting


@pytest.mark.parametrize("loss", VARIANTS, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_the_weighted_mean_of_its_definition(loss, weighted, dtype):
    model = network(loss, dtype=dtype)
    y, weight = targets_of(loss.name, 4), RNG.uniform(0, 3, N) if weighted else np.ones(N)
    got, _ = model.loss_and_gradient(X, y, sample_weight=weight if weighted else None)
    logits = model.decision_function(X).astype("float64")
    expected = np.average(by_hand(loss, logits, y), weights=weight)
    assert got == pytest.approx(expected, rel=1e-12 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("loss", VARIANTS, ids=str)
def test_the_gradient_is_the_slope_of_the_loss(loss):
    model = network(loss)
    y = targets_of(loss.name, 4)
    gradient = model.loss_and_gradient(X, y)[1]
    direction = np.random.default_rng(0).standard_normal(len(gradient))
    direction /= np.linalg.norm(direction)
    start, losses = model.parameters.copy(), []
    for step in (-1e-6, 1e-6):
        model.parameters = start + step * direction
        losses.append(model.loss_and_gradient(X, y)[0])
    assert (losses[1] - losses[0]) / 2e-6 == pytest.approx(gradient @ direction, rel=1e-6)


@pytest.mark.parametrize(("name", "n_outputs"), CASES)
@pytest.mark.parametrize("optimizer", [SGD(momentum=0.9), "adam"], ids=str)
def test_every_loss_falls_in_training_and_its_name_is_its_default_object(name, n_outputs, optimizer, dtype):
    y = targets_of(name, n_outputs)
    parameters = []
    for loss in (name, CLASSES[name]()):
        model = network(loss, n_outputs, dtype=dtype)
        history = model.train(
            *(X, y), epochs=150, batch_size=16, optimizer=optimizer, learning_rate=0.01, seed=0, report_every=1
        )
        parameters.append(model.parameters.tobytes())
        if name == "multinomial_log_loss" and n_outputs == 1:
            assert not history.losses.any(), "one class alone is always right"
        else:
            assert history.losses[-1] < 0.75 * history.losses[0]
    assert parameters[0] == parameters[1]


# ---- predictions


@pytest.mark.parametrize(("name", "n_outputs"), CASES)
def test_predictions_have_the_shapes_dtypes_and_values_of_the_loss(name, n_outputs, dtype):
    model = network(name, n_outputs, dtype=dtype)
    logits, predicted = model.decision_function(X), model.predict(X)
    shape = (N,) if n_outputs == 1 else (N, n_outputs)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert (logits.shape, logits.dtype) == (shape, dtype)
    assert logits.flags.c_contiguous
    if name in LOG_LOSSES:
        proba = model.predict_proba(X)
        assert (proba.shape, proba.dtype, predicted.dtype) == (shape, dtype, np.int64)
        wide = as_column(logits)
        expected = softmax(wide) if name == "multinomial_log_loss" else 1 / (1 + np.exp(-wide))
        np.testing.assert_allclose(as_column(proba), expected, rtol=tolerance)
    if name == "multinomial_log_loss":
        np.testing.assert_array_equal(predicted, as_column(logits).argmax(axis=1))
        assert proba.reshape(N, -1).sum(axis=1) == pytest.approx(np.ones(N), rel=tolerance)
    elif name in LOG_LOSSES:
        np.testing.assert_array_equal(predicted, proba > 0.5)
    else:
        assert (predicted.shape, predicted.dtype) == (shape, dtype)
        np.testing.assert_allclose(predicted, np.exp(logits) if name == "poisson" else logits, rtol=tolerance)


@pytest.mark.parametrize(("name", "n_outputs"), CASES)
@pytest.mark.parametrize("dims", [(3, 16), (3,), (3, 5, 70, 9)], ids=str)
def test_one_example_has_the_bits_of_its_row(name, n_outputs, dims, isa, dtype):
    model = MLP([*dims, n_outputs], loss=name, activation="gelu" if len(dims) > 1 else [], seed=1, dtype=dtype)
    rows = (model.predict_proba if name in LOG_LOSSES else model.predict)(X).reshape(N, -1)
    inputs = X.astype(dtype)
    for i in (0, 1, 7, 33, N - 1):
        one = model.predict_one(inputs[i])
        assert (one.shape, one.dtype) == ((n_outputs,), dtype)
        assert one.tobytes() == rows[i].tobytes()


@pytest.mark.parametrize(
    "form", [list, tuple, lambda x: x.astype("float32"), lambda x: np.repeat(x, 2)[::2], lambda x: x.astype(">f8")]
)
def test_one_example_may_come_in_any_form(form):
    model, x = network("log_loss"), np.array([0.5, -1.25, 2.0])
    assert model.predict_one(form(x)).tobytes() == model.predict_one(x).tobytes()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X, r"x must have shape \(3,\), got \(60, 3\)"),
        (X[0, :2], r"x must have shape \(3,\), got \(2,\)"),
        (1.0, r"x must have shape \(3,\), got \("),
        ([1, np.nan, 2], r"x must be finite in float64, got nan at index \(1,\)"),
        (np.array([1, 2, np.inf]), r"x must be finite in float64, got inf at index \(2,\)"),
        (None, "x must be an array of real numbers"),
        (["a", "b", "c"], "x must be an array of real numbers"),
    ],
)
def test_what_is_no_example_is_refused_by_name(x, message):
    with pytest.raises((TypeError, ValueError), match=message):
        network("log_loss").predict_one(x)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in LOG_LOSSES])
def test_probabilities_are_for_the_log_losses_only(name):
    with pytest.raises(ValueError, match=f"predict_proba needs one of the log-losses, this model has {name}; use pred"):
        network(name).predict_proba(X)


def test_the_quantile_loss_finds_the_quantile():
    y = RNG.exponential(size=2000)
    model = MLP([1, 1], activation=[], loss=Quantile(0.8), initialization="zeros")
    model.train(np.zeros((2000, 1)), y, epochs=3000, learning_rate=0.05)
    assert model.predict([[0.0]])[0] == pytest.approx(np.quantile(y, 0.8), abs=0.05)


@pytest.mark.parametrize(("loss", "expected"), [("squared_error", np.mean), ("absolute_error", np.median)])
def test_squared_and_absolute_errors_find_the_mean_and_the_median(loss, expected):
    y = RNG.exponential(size=501)
    model = MLP([1, 1], activation=[], loss=loss, initialization="zeros")
    model.train(np.zeros((501, 1)), y, epochs=3000, learning_rate=0.01)
    assert model.predict([[0.0]])[0] == pytest.approx(expected(y), abs=0.01)


# ---- several outputs and label smoothing


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "huber", "poisson", "multilabel_log_loss"])
def test_without_a_hidden_layer_several_outputs_are_as_many_models_side_by_side(name):
    y = targets_of(name, 4)
    together = MLP([3, 4], activation=[], loss=name, initialization="zeros")
    together.train(X, y, epochs=50, learning_rate=0.05)
    for k in range(4):
        alone = MLP([3, 1], activation=[], loss=name, initialization="zeros")
        alone.train(X, y[:, k], epochs=50, learning_rate=0.05)
        np.testing.assert_allclose(together.weights[0][k], alone.weights[0][0], rtol=1e-10)


def test_label_smoothing_keeps_predictions_off_the_extremes():
    for make, name in ((LogLoss, "log_loss"), (MultinomialLogLoss, "multinomial_log_loss")):
        y, largest = targets_of(name, 4), []
        for smoothing in (0.0, 0.2):
            model = network(make(smoothing))
            model.train(X, y, epochs=1000, optimizer="adam", learning_rate=0.02)
            largest.append(abs(model.decision_function(X)).max())
        assert largest[1] < 0.5 * largest[0]


@pytest.mark.parametrize("smoothing", [1e-4, 1e-6, 1e-8, 1e-30])
@pytest.mark.parametrize("make", [LogLoss, MultilabelLogLoss])
def test_a_small_label_smoothing_is_not_rounded_away(make, smoothing, dtype):
    """In the loss, the gradient and the validation loss of sure predictions, with weights."""
    model = MLP([1, 1], activation=[], loss=make(smoothing), initialization="zeros", dtype=dtype)
    model.biases[0][0] = 50
    examples, weight = ([[0.0]] * 3, [1, 1, 0]), [3.0, 5.0, 0.0]
    loss, gradient = model.loss_and_gradient(*examples, sample_weight=weight)
    missed = np.exp(-50.0)
    assert loss == pytest.approx(missed + 50 * smoothing / 2, rel=1e-6)
    assert gradient[1] == pytest.approx(smoothing / 2 - missed, rel=1e-6)
    history = model.train(
        *examples, sample_weight=weight, epochs=1, validation=(*examples, weight), learning_rate=1e-30
    )
    assert history.losses[0] == history.validation_losses[0] == loss


def test_the_minimum_under_a_small_label_smoothing_is_where_it_should_be(dtype):
    """The probability of the only label that occurs is 1 - s / 2, which float32 rounds to 1; the logit is exact."""
    model = MLP([1, 1], activation=[], loss=LogLoss(1e-8), initialization="zeros", dtype=dtype)
    model.biases[0][0] = np.log((1 - 5e-9) / 5e-9)
    assert abs(model.loss_and_gradient([[0.0]], [1])[1][1]) < 1e-5 * 5e-9


def test_the_minimum_under_label_smoothing_is_the_smoothed_frequency():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    model = MLP([1, 3], activation=[], loss=MultinomialLogLoss(0.3), initialization="zeros")
    model.train(np.zeros((100, 1)), y, epochs=3000, learning_rate=0.5)
    np.testing.assert_allclose(model.predict_proba([[0.0]])[0], 0.7 * np.array([0.5, 0.3, 0.2]) + 0.1, rtol=1e-6)


# ---- sample weights

WEIGHTED = {"epochs": 30, "learning_rate": 0.05}


@pytest.mark.parametrize("name", CLASSES)
def test_an_integer_weight_is_a_repeated_example(name):
    y, counts = targets_of(name, 4), np.random.default_rng(0).integers(0, 4, N)
    weighted, repeated = network(name), network(name)
    one = weighted.train(X, y, sample_weight=counts, **WEIGHTED)
    other = repeated.train(np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0), **WEIGHTED)
    np.testing.assert_allclose(weighted.parameters, repeated.parameters, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(one.losses, other.losses, rtol=1e-12)


@pytest.mark.parametrize("name", CLASSES)
def test_an_example_of_weight_0_is_absent(name):
    y, keep = targets_of(name, 4), np.random.default_rng(0).random(N) < 0.6
    weighted, without = network(name), network(name)
    extreme = np.where(keep[:, np.newaxis], X, 1e3)
    weighted.train(extreme, y, sample_weight=keep, **WEIGHTED)
    without.train(X[keep], y[keep], **WEIGHTED)
    np.testing.assert_allclose(weighted.parameters, without.parameters, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", ["sgd", SGD(momentum=0.9), "adam", "lbfgs"], ids=str)
@pytest.mark.parametrize("factor", [0.25, 3.0, 1e-9, 1e12, 1e-30, 1e30])
def test_weights_times_a_constant_change_nothing(factor, optimizer, dtype):
    y, weight = targets_of("log_loss", 4), np.random.default_rng(0).uniform(0.1, 2, N)
    batches = {} if optimizer == "lbfgs" else {"batch_size": 13, "seed": 0, "learning_rate": 0.01}
    models = [network("log_loss", dtype=dtype) for _ in range(2)]
    for model, scale in zip(models, (1.0, factor), strict=True):
        model.train(X, y, epochs=5, optimizer=optimizer, sample_weight=scale * weight, **batches)
    tolerance = 1e-10 if dtype == np.float64 else 1e-3
    np.testing.assert_allclose(models[1].parameters, models[0].parameters, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "weight"), [("float64", 1e-312), ("float32", 1e-42), ("float32", 1e38)])
def test_weights_at_the_ends_of_the_range_of_numbers_count_too(dtype, weight):
    model, y = network("log_loss", dtype=dtype), targets_of("log_loss", 4)
    loss, gradient = model.loss_and_gradient(X, y)
    weighted_loss, weighted_gradient = model.loss_and_gradient(X, y, sample_weight=np.full(N, weight))
    assert weighted_loss == pytest.approx(loss, rel=1e-3)  # the smallest numbers have few digits
    np.testing.assert_allclose(weighted_gradient, gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("power", [-200, -1060, 900])
def test_a_power_of_2_that_the_weights_of_a_batch_have_in_common_changes_no_bit(power, optimizer, isa, dtype):
    """Of its update: it is the mean over the batch.  In float32, 2**-200 beside 1 would be no weight at all."""
    y, weight = targets_of("log_loss", 4), np.random.default_rng(0).integers(0, 8, N) / 4
    scaled = weight.copy()
    scaled[20:40] = np.ldexp(weight[20:40], power)
    models = [network("log_loss", dtype=dtype) for _ in range(2)]
    for model, weights in zip(models, (weight, scaled), strict=True):
        options = {"epochs": 3, "batch_size": 20, "shuffle": False, "learning_rate": 0.1, "report_every": 1}
        model.train(X, y, optimizer=optimizer, sample_weight=weights, **options)
    assert models[1].parameters.tobytes() == models[0].parameters.tobytes()


@pytest.mark.parametrize("factor", [1e-60, 1e-300, 1e300])
def test_batches_weigh_in_the_loss_of_an_epoch_as_much_as_their_examples(factor, dtype):
    y, weight = targets_of("log_loss", 4), np.random.default_rng(0).uniform(0.1, 2, N)
    weight[20:40] *= factor
    model, copy, losses = network("log_loss", dtype=dtype), network("log_loss", dtype=dtype), []
    options = {"epochs": 1, "batch_size": 20, "shuffle": False, "learning_rate": 0.1}
    for batch in (slice(0, 20), slice(20, 40), slice(40, 60)):
        losses.append(copy.loss_and_gradient(X[batch], y[batch], sample_weight=weight[batch])[0])
        copy.train(X[batch], y[batch], sample_weight=weight[batch], **options)
    history = model.train(X, y, sample_weight=weight, **options)
    assert model.parameters.tobytes() == copy.parameters.tobytes()
    shares = np.array([weight[:20].sum(), weight[20:40].sum(), weight[40:].sum()]) / weight.max()
    tolerance = 1e-13 if dtype == np.float64 else 1e-6
    assert history.losses[0] == pytest.approx(losses @ shares / shares.sum(), rel=tolerance)
    alike = network("log_loss", dtype=dtype).train(X, y, sample_weight=weight, penalty="sum", **options)
    assert alike.losses[0] == pytest.approx(np.mean(losses), rel=tolerance), "as scikit-learn, by numbers of examples"


@pytest.mark.parametrize("power", [-300, 5, 900])
def test_a_penalty_of_the_sum_of_heavier_examples_is_that_of_as_many_times_less(power, dtype):
    """Bit for bit, where both are times a power of 2."""
    weight = np.random.default_rng(0).uniform(0.1, 2, N)
    models, losses = [network("log_loss", dtype=dtype) for _ in range(2)], []
    for model, factor in zip(models, (0, power if dtype == np.float64 else power // 10), strict=True):
        options = {"epochs": 3, "batch_size": 20, "seed": 0, "learning_rate": 0.1, "report_every": 1, "penalty": "sum"}
        history = model.train(
            *(X, targets_of("log_loss", 4)), l2=np.ldexp(0.5, factor), sample_weight=np.ldexp(weight, factor), **options
        )
        losses.append(history.losses)
    assert models[1].parameters.tobytes() == models[0].parameters.tobytes()
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-14)


def test_a_batch_in_which_nothing_weighs_anything_moves_no_parameter():
    y, weight = targets_of("log_loss", 4), np.ones(N)
    weight[20:40] = 0
    model, part = network("log_loss"), network("log_loss")
    history = model.train(X, y, epochs=1, batch_size=20, shuffle=False, learning_rate=0.1, sample_weight=weight)
    rows = np.r_[:20, 40:60]
    expected = part.train(X[rows], y[rows], epochs=1, batch_size=20, shuffle=False, learning_rate=0.1)
    assert model.parameters.tobytes() == part.parameters.tobytes()
    assert history.losses.tolist() == expected.losses.tolist()


@pytest.mark.parametrize("kind", ["list", "int64", "bool", "float32", ">f8", "strided"])
def test_weights_may_come_in_any_form(kind):
    weight = np.random.default_rng(0).integers(0, 2, N).astype("float64")
    given = {"list": weight.tolist(), "strided": np.repeat(weight, 2)[::2]}.get(kind)
    given = weight.astype(kind) if given is None else given
    model, y = network("log_loss"), targets_of("log_loss", 4)
    got, expected = (model.loss_and_gradient(X, y, sample_weight=w)[1].tobytes() for w in (given, weight))
    assert got == expected
