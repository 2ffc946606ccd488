"""What may happen to one model at once: what is refused, what goes on, what a copy holds."""

import contextlib
import copy
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from alarms import alarm, interrupt
from forks import fork, forked

from fastmlp import MLP
from fastmlp.training.occupancy import Occupancy

RNG = np.random.default_rng(2)
X = RNG.standard_normal((60, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")
OPTIMIZERS = ["sgd", "adam", "lbfgs"]


def network():
    return MLP([3, 6, 1], activation="tanh", seed=0)


def train(model, epochs=30, optimizer="adam", **options):
    options = {"batch_size": None if optimizer == "lbfgs" else 16, "shuffle": False, "seed": 0, **options}
    return model.train(X, Y, epochs=epochs, optimizer=optimizer, **options)


def assign(model):
    model.parameters = model.parameters.copy()


REFUSED_ALWAYS = {"train": train, "initialize": MLP.initialize}
FOR_THE_CALLBACK = {
    "save": lambda model: model.save("never written"),
    "to_c": lambda model: model.to_c("never_written.c"),
    "to_onnx": lambda model: model.to_onnx("never written"),
    "copying": copy.copy,
    "copying ": copy.deepcopy,
    "copying  ": pickle.dumps,
    "assigning parameters": assign,
}
FREE = [
    lambda model: model.predict(X),
    lambda model: model.predict_proba(X),
    lambda model: model.predict_one(X[0]),
    lambda model: model.decision_function(X),
    lambda model: model.loss_and_gradient(X, Y)[1],
]


def check_from_outside(model):
    """What a call from another thread, or in the middle of an update, may do."""
    for name, call in REFUSED_ALWAYS.items():
        with pytest.raises(RuntimeError, match=f"^{name} was called while this model is training$"):
            call(model)
    for name, call in FOR_THE_CALLBACK.items():
        with pytest.raises(RuntimeError, match=f"^{name.strip()} while this model is training is for its callback"):
            call(model)
    for call in FREE:
        assert np.isfinite(call(model)).all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_another_thread_may_predict_with_a_model_in_training_but_neither_copy_nor_change_it(optimizer):
    model, in_callback, may_go = network(), threading.Event(), threading.Event()

    def wait(epoch, loss):
        in_callback.set()
        assert may_go.wait(60)

    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(train, model, optimizer=optimizer, callback=wait, report_every=100)
        try:
            assert in_callback.wait(60)
            check_from_outside(model)
        finally:
            may_go.set()
        assert training.result().ended.how == "finished"
    train(model)


def test_a_signal_handler_is_outside_too_though_its_thread_trains_the_model():
    model, checked = network(), []
    start = model.parameters.copy()

    def check():
        if not np.array_equal(model.parameters, start) and not checked:
            check_from_outside(model)
            checked.append(True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), alarm(check, 0.02, 0.02):
        train(model, epochs=10**7)
    assert checked
    train(model)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["callback", "validation_score"])
def test_the_training_s_own_functions_may_copy_and_save_but_not_train(name, optimizer, tmp_path):
    """Each copy is the model as it is there, and trains on as the model itself would."""
    model, copies = network(), []

    def take(*arguments):
        for refused, call in REFUSED_ALWAYS.items():
            with pytest.raises(RuntimeError, match=f"{refused} was called while this model is training"):
                call(model)
        model.save(tmp_path / "model")
        copies.extend([copy.deepcopy(model), pickle.loads(pickle.dumps(model)), MLP.load(tmp_path / "model")])
        for other in copies[-3:]:
            assert other.parameters.tobytes() == model.parameters.tobytes()
        return 0

    own = {"callback": take} if name == "callback" else {"validation": (X, Y), "validation_score": take}
    train(model, epochs=4, optimizer=optimizer, report_every=2, **own)
    expected = network()
    is_after_epoch_2 = name == "callback" and optimizer != "lbfgs"  # else it is called after two epochs
    train(expected, epochs=3 if is_after_epoch_2 else 2, optimizer=optimizer)
    for other in (expected, *copies[3:6]):
        train(other, epochs=1)
    assert {other.parameters.tobytes() for other in copies[3:6]} == {expected.parameters.tobytes()}


def test_of_two_threads_that_train_one_model_at_once_one_is_refused():
    """A second training is made only after the first; nothing but a RuntimeError or a history comes out."""
    seen = set()
    for _ in range(40):
        model, barrier = network(), threading.Barrier(2)

        def attempt(model=model, barrier=barrier):
            barrier.wait()
            try:
                return train(model, epochs=200).ended.how
            except RuntimeError as error:
                return str(error)

        with ThreadPoolExecutor(2) as pool:
            results = sorted(future.result() for future in [pool.submit(attempt), pool.submit(attempt)])
        seen.add(tuple(results))
        expected = network()
        for _ in range(results.count("finished")):
            train(expected, epochs=200)
        assert model.parameters.tobytes() == expected.parameters.tobytes()
        assert model.training_state.moments.tobytes() == expected.training_state.moments.tobytes()
        assert model.training_state.updates == expected.training_state.updates
    assert ("finished", "train was called while this model is training") in seen
    assert len(seen) <= 2


def test_predictions_in_many_threads_do_not_disturb_one_another():
    model = MLP([300, 400, 3], dtype="float32", loss="multinomial_log_loss", seed=0)
    rows = RNG.standard_normal((64, 300)).astype("float32")
    expected = [model.predict_one(row).tobytes() for row in rows]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            assert [answer.tobytes() for answer in pool.map(model.predict_one, rows)] == expected


def test_a_signal_at_any_moment_leaves_a_model_that_can_be_trained():
    """Also in the few steps in which a training takes hold of the model and lets go of it."""
    occupancy, interrupted = Occupancy(), 0
    for i in range(3000):
        with contextlib.suppress(KeyboardInterrupt), alarm(interrupt, 1e-6 * (1 + i % 40)):
            for _ in range(300):
                with occupancy.training("train"):
                    pass
            continue
        interrupted += 1
        with occupancy.training("train"):
            pass
    assert interrupted > 100


def test_while_a_model_is_initialized_a_refusal_says_so():
    model = network()

    def draw(layer_dims):
        for name, call in (REFUSED_ALWAYS | FOR_THE_CALLBACK).items():
            with pytest.raises(
                RuntimeError, match=f"^{name.strip()} was called while this model is being initialized$"
            ):
                call(model)
        return [np.ones((6, 3)), np.ones((1, 6))], [np.ones(6), np.ones(1)]

    model.initialization = draw
    model.initialize()
    train(model)


# ---- processes forked while a model trains


@contextlib.contextmanager
def training_in_another_thread(**options):
    """A model that another thread trains, past its first updates."""
    model, has_begun, may_end = network(), threading.Event(), threading.Event()

    def callback(epoch, loss):
        has_begun.set()
        return may_end.is_set()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(train, model, epochs=10**7, report_every=100, callback=callback, **options)
        try:
            assert has_begun.wait(60)
            yield model
        finally:
            may_end.set()
        assert running.result().ended.how == "callback"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_in_a_child_forked_by_another_thread_a_model_in_training_predicts_until_it_is_initialized(optimizer):
    """The fork may have come in the middle of an update, of which no more is made."""

    def use():
        for name, call in (REFUSED_ALWAYS | FOR_THE_CALLBACK).items():
            if name != "initialize":
                with pytest.raises(
                    RuntimeError, match=f"^{name.strip()} was called in a process that was forked while"
                ):
                    call(model)
        for call in FREE:
            assert np.isfinite(call(model)).all()
        expected = network()
        for other in (model.initialize(), expected):
            train(other, optimizer=optimizer)
        return str(copy.deepcopy(model).parameters.tobytes() == expected.parameters.tobytes())

    with training_in_another_thread(optimizer=optimizer) as model:
        assert forked(use) == "True"
    train(model)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_failed_initialization_leaves_the_model_of_a_forked_child_refused():
    def use():
        model.initialization = lambda layer_dims: None
        with pytest.raises((TypeError, ValueError), match="initialization"):
            model.initialize()
        with pytest.raises(RuntimeError, match="train was called in a process that was forked while"):
            train(model)
        return "refused"

    with training_in_another_thread() as model:
        assert forked(use) == "refused"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_by_the_callback_goes_on_with_the_training():
    model, expected, parent, (read, write) = network(), network(), os.getpid(), os.pipe()

    def callback(epoch, loss):
        if epoch == 10:
            fork()
        with pytest.raises(RuntimeError, match="train was called while this model is training"):
            train(model)

    train(model, report_every=10, callback=callback)
    train(model, epochs=1)
    if os.getpid() != parent:  # pragma: no cover - runs in the child
        os.write(write, model.parameters.tobytes())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        of_the_child = pipe.read()
    os.wait()
    train(expected, epochs=31)
    assert model.parameters.tobytes() == of_the_child == expected.parameters.tobytes()
