"""Orders of the examples: sources of one's own, and scikit-learn's."""

import numpy as np
import pytest

from fastmlp import MLP
from fastmlp.training import CumulativeOrders, order_of

RNG = np.random.default_rng(3)
X = RNG.standard_normal((30, 2))
Y = (X[:, 0] > 0).astype("int64")


def network():
    return MLP((2, 5, 1), activation="tanh", seed=1)


def train(model, **options):
    return model.train(X, Y, **{"epochs": 12, "batch_size": 7, "learning_rate": 0.2, "report_every": 1, **options})


def test_a_source_that_gives_the_default_s_orders_gives_its_bits():
    model, expected = network(), network()
    train(expected, seed=4)
    train(model, shuffle=lambda epoch, out: order_of(4, epoch, len(out), out=out))
    assert model.parameters.tobytes() == expected.parameters.tobytes()


@pytest.mark.parametrize("most_ordered", [30, 65536])
def test_a_source_is_asked_once_for_each_epoch_in_turn_over_all_calls(most_ordered, monkeypatch):
    monkeypatch.setattr("fastmlp.training.descent.MOST_ORDERED", most_ordered)
    asked = []

    def source(epoch, out):
        asked.append(epoch)
        out[:] = np.arange(len(out))

    model, expected = network(), network()
    train(model, epochs=5, shuffle=source, callback=lambda epoch, loss: None)
    train(model, epochs=7, shuffle=source)
    train(expected, shuffle=False)
    assert asked == list(range(12))
    assert model.parameters.tobytes() == expected.parameters.tobytes()


def test_a_source_is_asked_with_one_batch_per_epoch_too_and_once_with_a_callback():
    asked = []

    def backwards(epoch, out):
        asked.append(epoch)
        out[:] = np.arange(len(out))[::-1]

    model, expected = network(), network()
    train(model, batch_size=None, shuffle=backwards, callback=lambda epoch, loss: None)
    expected.train(X[::-1], Y[::-1], epochs=12, learning_rate=0.2)
    assert asked == list(range(12))
    np.testing.assert_allclose(model.parameters, expected.parameters, rtol=1e-12)


def test_a_source_may_leave_examples_out_and_repeat_others():
    def bootstrap(epoch, out):
        out[:] = np.random.default_rng(epoch).integers(0, 30, 30)

    model, chain = network(), network()
    train(model, epochs=3, shuffle=bootstrap)
    for epoch in range(3):
        rows = np.random.default_rng(epoch).integers(0, 30, 30)
        chain.train(X[rows], Y[rows], epochs=1, batch_size=7, learning_rate=0.2, shuffle=False)
    np.testing.assert_allclose(model.parameters, chain.parameters, rtol=1e-12)


def test_indices_out_of_range_are_refused_and_change_nothing():
    def beyond(epoch, out):
        out[:] = 30

    model = network()
    before = model.parameters.tobytes()
    with pytest.raises(ValueError, match=r"shuffle must fill its array with indices of the 30 examples$"):
        train(model, shuffle=beyond)
    assert model.parameters.tobytes() == before


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("written", [0, 29])
def test_a_source_that_writes_too_little_is_refused(written, batch_size):
    """Also where the order of an earlier epoch lies in the same place."""

    def too_little(epoch, out):
        out[: 30 if epoch == 0 else written] = np.arange(30 if epoch == 0 else written)

    model, first = network(), network()
    with pytest.raises(ValueError, match=r"^shuffle must fill its array with indices of the 30 examples$"):
        train(model, batch_size=batch_size, shuffle=too_little, callback=lambda epoch, loss: None)
    train(first, epochs=1, batch_size=batch_size, shuffle=False)
    assert model.training_state.epochs == (0 if batch_size is None else 1)
    if batch_size:
        assert model.parameters.tobytes() == first.parameters.tobytes()


def test_a_source_that_returns_an_order_is_told_that_it_is_not_read():
    with pytest.raises(ValueError, match=r"^shuffle must fill its array .* examples; what it returns is not read$"):
        train(network(), shuffle=lambda epoch, out: np.arange(30))


def test_cumulative_orders_are_those_of_scikit_learn_s_shuffle():
    from sklearn.utils import shuffle

    source, theirs = CumulativeOrders(np.random.RandomState(8)), np.random.RandomState(8)
    expected, out = np.arange(25), np.empty(25, np.intp)
    for epoch in range(5):
        source(epoch, out)
        expected = shuffle(expected, random_state=theirs)
        assert out.tolist() == expected.tolist()
    fewer = np.empty(9, np.intp)
    source(5, fewer)
    assert sorted(fewer) == list(range(9))


def test_the_draws_of_an_order_do_not_depend_on_the_blocks_in_which_they_are_made(monkeypatch):
    expected = order_of(3, 5, 1000)
    monkeypatch.setattr("fastmlp.training.orders.BLOCK", 7)
    np.testing.assert_array_equal(order_of(3, 5, 1000), expected)
    order, draws = np.arange(1000), np.random.default_rng((3, 5)).random(1000)
    for i in range(999, -1, -1):
        other = int(draws[i] * (i + 1))
        order[[i, other]] = order[[other, i]]
    np.testing.assert_array_equal(expected, order)
