"""MLP.train over batches: training goes on where it ended, and its updates are those written by hand in NumPy."""

import itertools

import numpy as np
import pytest

from fastmlp import (
    LBFGS,
    MLP,
    SGD,
    Adam,
    AdamW,
    Adaptive,
    Constant,
    Cosine,
    InverseScaling,
    RMSprop,
    StepDecay,
    WarmUp,
    _kernels,
)
from fastmlp.training import order_of

RNG = np.random.default_rng(4)
X = RNG.standard_normal((45, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")
WEIGHTS = RNG.uniform(0, 2, 45)
BATCH = 7  # six of them, and a last one of three examples

OPTIMIZERS = [
    SGD(),
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    Adam(),
    Adam(epsilon_hat=True),
    AdamW(),
    RMSprop(),
]
SCHEDULES = [
    Constant(0.05),
    InverseScaling(0.05),
    Adaptive(0.05, tol=0.1, n_iter_no_change=1),
    Cosine(0.05, epochs=8),
    StepDecay(0.05, every=3),
    WarmUp(Cosine(0.05, epochs=9, final=0.001), epochs=7),
    WarmUp(Adaptive(0.05, tol=0.1, n_iter_no_change=1), epochs=7),
]


def network(dims=(3, 6, 4, 1), **kwargs):
    return MLP(dims, **{"activation": "tanh", "seed": 1, **kwargs})


def train(model, epochs, **kwargs):
    options = {"batch_size": BATCH, "seed": 8, "dropout": [0.4, 0.2], "sample_weight": WEIGHTS, **kwargs}
    return model.train(X, Y, epochs=epochs, **options)


def state_of(model):
    state = model.training_state
    counts = (state.updates, state.optimizer_epochs, state.examples, state.epochs)
    numbers = (state.optimizer, *counts, state.seed, state.plateau)
    return model.parameters.tobytes(), state.moments.tobytes(), numbers


def same(model):
    return model


def saved_and_loaded(path):
    def through_a_file(model):
        model.save(path)
        return MLP.load(path)

    return through_a_file


# ---- training in two calls


@pytest.mark.parametrize("between", ["the same model", "a file"])
@pytest.mark.parametrize("first", [1, 5, 10])
@pytest.mark.parametrize(
    ("optimizer", "learning_rate"),
    [*itertools.product(OPTIMIZERS, SCHEDULES[:1]), *itertools.product(OPTIMIZERS[1:2], SCHEDULES[1:])],
    ids=str,
)
def test_training_in_two_calls_gives_the_bits_of_one(optimizer, learning_rate, first, between, dtype, tmp_path):
    options = {"optimizer": optimizer, "learning_rate": learning_rate}
    through = same if between == "the same model" else saved_and_loaded(tmp_path / "model")
    expected, start = network(dtype=dtype), network(dtype=dtype)
    history = train(expected, 10, **options)
    begun = train(start, first, **options)
    model = through(start)
    rest = train(model, 10 - first, **options)
    assert state_of(model) == state_of(expected)
    assert [*begun.losses, *rest.losses] == history.losses.tolist()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_second_call_goes_on_with_the_optimizer_and_the_seed_of_the_first(optimizer, tmp_path):
    expected, start = network(), network()
    train(expected, 10, optimizer=optimizer, learning_rate=0.02)
    train(start, 4, optimizer=optimizer, learning_rate=0.02)
    for through in (saved_and_loaded(tmp_path / "model"), same):
        model = through(start)
        train(model, 6, optimizer=None, seed=None, learning_rate=0.02)
        assert state_of(model) == state_of(expected)


def test_without_a_seed_a_fresh_one_is_drawn_and_kept():
    models = [network(), network()]
    for model in models:
        train(model, 3, seed=None)
    seeds = [model.training_state.seed for model in models]
    assert seeds[0] != seeds[1]
    assert models[0].parameters.tobytes() != models[1].parameters.tobytes()
    again = network()
    train(again, 3, seed=seeds[0])
    assert again.parameters.tobytes() == models[0].parameters.tobytes()


@pytest.mark.parametrize("generator", [np.random.default_rng, np.random.RandomState])
def test_a_generator_as_seed_gives_a_number_that_depends_on_its_state(generator):
    seeds, source = [], generator(3)
    for given in (generator(3), source, source):
        model = network()
        train(model, 1, seed=given)
        seeds.append(model.training_state.seed)
    assert seeds[0] == seeds[1] != seeds[2]


@pytest.mark.parametrize("other", ["adam", SGD(momentum=0.8), Adam(beta_1=0.8)], ids=str)
def test_another_optimizer_starts_anew_but_the_epochs_count_on(other):
    model, expected = network(), network()
    train(model, 5, optimizer=SGD(momentum=0.9), learning_rate=0.05)
    expected.parameters = model.parameters
    expected.training_state.epochs = 5
    for one in (model, expected):
        train(one, 5, optimizer=other, learning_rate=WarmUp(0.05, epochs=3))
    assert state_of(model) == state_of(expected)
    assert (model.training_state.updates, model.training_state.epochs) == (35, 10)


@pytest.mark.parametrize("learning_rate", [0.05, Adaptive(0.05, tol=0.1, n_iter_no_change=1)], ids=str)
def test_an_optimizer_of_equal_parameters_is_the_same_one(learning_rate):
    model, expected = network(), network()
    train(expected, 10, optimizer=SGD(momentum=0.5), learning_rate=learning_rate)
    for _ in range(2):
        train(model, 5, optimizer=SGD(momentum=np.float32(0.5)), learning_rate=learning_rate)
    assert state_of(model)[:2] == state_of(expected)[:2]


def test_the_optimizer_before_last_is_not_remembered():
    model, expected = network(), network()
    for optimizer in ("adam", "rmsprop", "adam"):
        before = model.parameters.copy()
        train(model, 2, optimizer=optimizer)
    expected.parameters = before
    expected.training_state.epochs = 4
    train(expected, 2, optimizer="adam")
    assert state_of(model) == state_of(expected)


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, LBFGS()], ids=str)
def test_initialize_forgets_all_training(optimizer):
    batches = {"batch_size": None, "dropout": 0} if isinstance(optimizer, LBFGS) else {"learning_rate": 0.05}
    model = network()
    train(model, 4, optimizer=optimizer, **batches)
    first = state_of(model)
    model.initialize()
    assert (model.training_state.optimizer, model.training_state.seed, model.training_state.epochs) == (None, None, 0)
    train(model, 4, optimizer=optimizer, **batches)
    assert state_of(model) == first


@pytest.mark.parametrize("report_every", [1, 3, 100])
def test_reports_and_callbacks_change_no_bit_of_a_training_by_batches(report_every, isa, dtype):
    expected, model, watched = (network(dtype=dtype) for _ in range(3))
    train(expected, 10, optimizer="adam")
    train(model, 10, optimizer="adam", report_every=report_every)
    train(watched, 10, optimizer="adam", report_every=report_every, callback=lambda epoch, loss: None)
    assert state_of(model) == state_of(watched) == state_of(expected)


def test_a_training_longer_than_one_compiled_block_is_the_same_in_one_call_or_many(monkeypatch):
    expected, model = network(), network()
    train(expected, 20, optimizer="adam")
    monkeypatch.setattr("fastmlp.training.descent.MOST_UPDATES", 15)
    monkeypatch.setattr("fastmlp.training.descent.MOST_ORDERED", 100)
    history = train(model, 20, optimizer="adam", report_every=9)
    assert history.epochs.tolist() == [0, 9, 18]
    assert state_of(model) == state_of(expected)


@pytest.mark.parametrize(
    "learning_rate", [0.05, WarmUp(Adaptive(0.05, tol=0.1, n_iter_no_change=1), epochs=7)], ids=str
)
def test_a_model_saved_by_the_callback_trains_on_to_the_same_end(learning_rate, tmp_path):
    def save(epoch, loss):
        if epoch == 3:
            model.save(tmp_path / "model")

    model, options = network(), {"optimizer": "adam", "learning_rate": learning_rate}
    train(model, 10, report_every=1, callback=save, **options)
    resumed = MLP.load(tmp_path / "model")
    assert resumed.training_state.epochs == 4
    train(resumed, 6, **options)
    assert state_of(resumed) == state_of(model)


# ---- the order of the examples


def shuffled_by_hand(seed, epoch, n):
    order, draws = list(range(n)), np.random.default_rng((seed, epoch)).random(n)
    for i in reversed(range(n)):
        other = int(draws[i] * (i + 1))
        order[i], order[other] = order[other], order[i]
    return order


def test_the_order_of_an_epoch_is_a_permutation_that_numpy_repeats():
    for seed, epoch in ((0, 0), (0, 1), (7, 0), (2**32 - 1, 10**6)):
        order = order_of(seed, epoch, 45)
        assert order.tolist() == shuffled_by_hand(seed, epoch, 45)
        assert sorted(order) == list(range(45))
    assert order_of(0, 1, 45).tolist() != order_of(1, 0, 45).tolist()


@pytest.mark.parametrize("draw", [1.0, -0.5, np.nan, np.inf])
def test_an_order_is_drawn_from_numbers_in_the_unit_interval(draw):
    order = np.empty(3, np.intp)
    with pytest.raises(ValueError, match=f"draws must lie in 0 <= draw < 1, got {draw}"):
        _kernels.draw_order(order, np.array([0.5, draw, 0.5]))
    with pytest.raises(ValueError, match=r"draws must have shape \(3,\)"):
        _kernels.draw_order(order, np.zeros(2))
    with pytest.raises(ValueError, match=f"got {draw}"):
        _kernels.draw_order(order, np.array([draw, 0.5, 0.5]))
    for n in (0, 1):
        few = np.empty(n, np.intp)
        _kernels.draw_order(few, np.zeros(n))
        assert few.tolist() == list(range(n))
    assert order_of(0, 0, 3, out=order) is order
    largest = np.nextafter(1, 0)
    _kernels.draw_order(order, np.full(3, largest))
    assert order.tolist() == [0, 1, 2]


def gradient_by_hand(weights, biases, inputs, labels, sample_weight):
    """Of the weighted mean log-loss of a tanh network, written out; flat, as the parameters."""
    outputs = [inputs]
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        outputs.append(np.tanh(outputs[-1] @ w.T + b))
    z = outputs[-1] @ weights[-1].T + biases[-1]
    dz = (1 / (1 + np.exp(-z)) - labels[:, np.newaxis]) * (sample_weight / sample_weight.sum())[:, np.newaxis]
    pieces = []
    for w, a in zip(reversed(weights), reversed(outputs), strict=True):
        pieces[:0] = [(dz.T @ a).ravel(), dz.sum(axis=0)]
        dz = dz @ w * (1 - a * a)
    return np.concatenate(pieces)


@pytest.mark.parametrize("batch_size", [1, 7, 15, 44, 45, 1000])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_loop_over_batches_in_numpy_reaches_the_same_parameters(batch_size, shuffle, weighted):
    model, copy = network(), network()
    sample_weight = WEIGHTS if weighted else None
    options = {"batch_size": batch_size, "learning_rate": 0.1, "shuffle": shuffle, "sample_weight": sample_weight}
    history = model.train(X, Y, epochs=6, seed=5, **options)
    weight = WEIGHTS if weighted else np.ones(45)
    for epoch in range(6):
        order = order_of(5, epoch, 45) if shuffle else np.arange(45)
        before = []
        for start in range(0, 45, batch_size):
            batch = order[start : start + batch_size]
            loss, _ = copy.loss_and_gradient(X[batch], Y[batch], sample_weight=weight[batch])
            before.append(weight[batch].sum() * loss)
            copy.parameters -= 0.1 * gradient_by_hand(copy.weights, copy.biases, X[batch], Y[batch], weight[batch])
        assert history.losses[epoch] == pytest.approx(sum(before) / weight.sum(), rel=1e-12)
    np.testing.assert_allclose(model.parameters, copy.parameters, rtol=1e-12, atol=1e-12)


def test_another_seed_gives_another_order_and_full_batches_need_none():
    models = {seed: network() for seed in (0, 1)}
    for seed, model in models.items():
        model.train(X, Y, epochs=2, batch_size=BATCH, learning_rate=0.3, seed=seed)
    assert models[0].parameters.tobytes() != models[1].parameters.tobytes()
    full = {(seed, shuffle): network() for seed in (0, 1) for shuffle in (False, True)}
    for (seed, shuffle), model in full.items():
        model.train(X, Y, epochs=2, learning_rate=0.3, seed=seed, shuffle=shuffle)
    assert len({model.parameters.tobytes() for model in full.values()}) == 1


# ---- penalties, clipping and dropout


def updates_by_hand(model, n, change):
    """n full-batch updates of rate 0.5 with the gradient as ``change`` makes it; is_weight marks the weights."""
    is_weight = np.concatenate(
        [np.r_[np.ones(w.size), np.zeros(b.size)] for w, b in zip(model.weights, model.biases, strict=True)]
    )
    for _ in range(n):
        model.parameters -= 0.5 * change(model.loss_and_gradient(X, Y)[1], model.parameters, is_weight)
    return model.parameters


def norm_clipped(gradient, most):
    norm = np.linalg.norm(gradient)
    return gradient * min(1, most / norm)


CHANGES = {
    "l1": ({"l1": 0.01}, lambda g, p, w: g + 0.01 * w * np.sign(p)),
    "l2": ({"l2": 0.02}, lambda g, p, w: g + 0.02 * w * p),
    "both": ({"l1": 0.01, "l2": 0.02}, lambda g, p, w: g + w * (0.01 * np.sign(p) + 0.02 * p)),
    "clip_value": ({"clip_value": 0.005}, lambda g, p, w: np.clip(g, -0.005, 0.005)),
    "clip_norm": ({"clip_norm": 0.05}, lambda g, p, w: norm_clipped(g, 0.05)),
    "a clip_norm never reached": ({"clip_norm": 1e6}, lambda g, p, w: g),
    "all": (
        {"l1": 0.01, "l2": 0.02, "clip_value": 0.03, "clip_norm": 0.06},
        lambda g, p, w: norm_clipped(np.clip(g + w * (0.01 * np.sign(p) + 0.02 * p), -0.03, 0.03), 0.06),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_penalties_and_clipping_are_those_written_by_hand(name, isa):
    options, change = CHANGES[name]
    model, plain = network(), network()
    losses = model.train(X, Y, epochs=20, learning_rate=0.5, report_every=1, **options).losses
    np.testing.assert_allclose(model.parameters, updates_by_hand(network(), 20, change), rtol=1e-10, atol=1e-12)
    plain.train(X, Y, epochs=20, learning_rate=0.5)
    assert (model.parameters.tobytes() == plain.parameters.tobytes()) == (name == "a clip_norm never reached")
    assert losses[0] == network().loss_and_gradient(X, Y)[0], "penalties are no part of the loss reported"


def test_a_strong_l1_penalty_leaves_small_weights_and_spares_the_biases():
    model, plain = network(), network()
    for one, l1 in ((model, 0.05), (plain, 0)):
        one.biases[2][:] = 3
        one.train(X, np.ones(45), epochs=2000, learning_rate=0.02, l1=l1)
    assert max(abs(w).max() for w in model.weights) < 0.2 < min(abs(w).max() for w in plain.weights)
    assert model.biases[2][0] > 3


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_network_trains_with_half_of_its_units_dropped_and_predicts_with_all(optimizer, dtype):
    model = network((3, 40, 40, 1), activation="relu", dtype=dtype)
    rate = 0.2 if optimizer == "sgd" else 0.01
    options = {"learning_rate": rate, "optimizer": optimizer, "batch_size": 15, "dropout": 0.5, "seed": 0}
    before = model.loss_and_gradient(X, Y)[0]
    history = model.train(X, Y, epochs=300, report_every=1, **options)
    assert model.loss_and_gradient(X, Y)[0] < 0.3 * before
    assert np.mean(model.predict(X) == Y) > 0.95
    assert history.losses[-20:].mean() > 1.2 * model.loss_and_gradient(X, Y)[0], "the reported losses have dropout"
    assert model.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    same_parameters = network((3, 40, 40, 1), activation="relu", dtype=dtype)
    same_parameters.parameters = model.parameters
    assert same_parameters.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


def test_the_seed_decides_what_drops_out_also_without_an_order_of_the_examples():
    models = {seed: network() for seed in (0, 1, 2)}
    for seed, model in models.items():
        train(model, 3, batch_size=None, seed=seed)
    assert len({model.parameters.tobytes() for model in models.values()}) == 3


def test_dropout_of_zero_is_none_and_one_rate_is_that_of_every_hidden_layer():
    results = {}
    for dropout in (0, 0.0, [0, 0], 0.3, [0.3, 0.3], np.array([0.3, 0.3]), (0.3, 0)):
        model = network()
        train(model, 3, dropout=dropout)
        results[str(dropout)] = model.parameters.tobytes()
    assert results["0"] == results["0.0"] == results["[0, 0]"]
    assert results["0.3"] == results["[0.3, 0.3]"] == results["[0.3 0.3]"]
    assert len(set(results.values())) == 3
