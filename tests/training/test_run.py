"""MLP.train: what it records, when it calls back, and what it leaves behind however it ends."""

import numpy as np
import pytest
from alarms import alarm, interrupt

from fastmlp import MLP, SGD, History, reference

RNG = np.random.default_rng(4)
X = RNG.standard_normal((30, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")


def network(dims=(2, 6, 4, 1), **kwargs):
    return MLP(dims, **{"activation": "tanh", "seed": 1, **kwargs})


def trained(epochs, *, learning_rate=0.5, dtype="float64", **kwargs):
    model = network(dtype=dtype)
    return model, model.train(X, Y, learning_rate=learning_rate, epochs=epochs, **kwargs)


# ---- the history


@pytest.mark.parametrize(
    ("epochs", "report_every", "expected"),
    [
        (10, 1, range(10)),
        (10, 3, [0, 3, 6, 9]),
        (9, 3, [0, 3, 6]),
        (10, 100, [0]),
        (10, 10**15, [0]),
        (0, 1, []),
        (1, 1, [0]),
        (250, None, range(0, 250, 2)),
        (50, None, range(50)),
    ],
)
def test_losses_are_reported_from_epoch_0_on_every_r_th(epochs, report_every, expected):
    _, history = trained(epochs, report_every=report_every)
    assert isinstance(history, History)
    assert history.epochs.tolist() == list(expected)
    assert history.epochs.dtype == np.int64
    assert history.losses.dtype == np.float64
    assert history.losses.shape == history.epochs.shape


def test_each_loss_is_that_of_the_parameters_before_the_update(dtype):
    _, history = trained(7, report_every=1, dtype=dtype)
    for epoch, loss in zip(history.epochs, history.losses, strict=True):
        assert loss == trained(int(epoch), dtype=dtype)[0].loss_and_gradient(X, Y)[0]


def test_training_is_the_reference_s_gradient_descent():
    model, _ = trained(40)
    start = network()
    expected = start.parameters.copy()
    reference.train(expected, X.T, Y[np.newaxis], start.plan.layer_dims, start.plan.activations, 0.5, 40)
    np.testing.assert_allclose(model.parameters, expected, rtol=1e-10, atol=1e-12)


def test_without_a_hidden_layer_training_is_logistic_regression():
    model = network((2, 1), activation=[], initialization="zeros")
    model.train(X, Y, learning_rate=0.3, epochs=25)
    w, b = np.zeros(2), 0.0
    for _ in range(25):
        error = (1 / (1 + np.exp(-(X @ w + b))) - Y) / len(Y)
        w, b = w - 0.3 * (error @ X), b - 0.3 * error.sum()
    np.testing.assert_allclose(model.parameters, [*w, b], rtol=1e-11)


def test_several_outputs_learn_each_its_own_label():
    model = network((2, 16, 2))
    targets = (X > 0).astype(int)
    model.train(X, targets, learning_rate=1.0, epochs=2000)
    np.testing.assert_array_equal(model.predict(X), targets)


# ---- the same bits however the epochs are cut


@pytest.mark.parametrize("report_every", [1, 7, 100])
def test_reports_do_not_change_a_bit_of_the_result(report_every, isa, dtype):
    expected, _ = trained(101, dtype=dtype)
    assert trained(101, report_every=report_every, dtype=dtype)[0].parameters.tobytes() == expected.parameters.tobytes()


@pytest.mark.parametrize(("first", "second"), [(5, 5), (1, 9), (0, 10)])
def test_training_goes_on_where_it_ended(first, second, dtype):
    expected, history = trained(10, report_every=1, dtype=dtype)
    model, start = trained(first, report_every=1, dtype=dtype)
    rest = model.train(X, Y, learning_rate=0.5, epochs=second, report_every=1)
    assert model.parameters.tobytes() == expected.parameters.tobytes()
    assert [*start.losses, *rest.losses] == history.losses.tolist()
    assert rest.epochs.tolist() == list(range(second))


def test_zero_epochs_change_nothing():
    model, history = trained(0, callback=pytest.fail)
    assert model.parameters.tobytes() == network().parameters.tobytes()
    assert history.epochs.size == history.losses.size == 0


def test_without_a_learning_rate_it_is_one_thousandth():
    one, other = trained(10, learning_rate=None)[0], trained(10, learning_rate=0.001)[0]
    assert one.parameters.tobytes() == other.parameters.tobytes()


@pytest.mark.parametrize("learning_rate", [0.5, np.float64(0.5), np.float32(0.5)])
@pytest.mark.parametrize("epochs", [10, np.int32(10)])
def test_numpy_scalars_are_numbers(learning_rate, epochs):
    model, _ = trained(epochs, learning_rate=learning_rate, report_every=np.uint8(4))
    assert model.parameters.tobytes() == trained(10)[0].parameters.tobytes()


# ---- callbacks and the progress bar


def test_the_callback_gets_every_report_as_it_happens():
    calls = []
    _, history = trained(10, report_every=4, callback=lambda epoch, loss: calls.append((epoch, loss)))
    assert calls == list(zip(history.epochs.tolist(), history.losses.tolist(), strict=True))
    assert [(type(epoch), type(loss)) for epoch, loss in calls] == [(int, float)] * 3


@pytest.mark.parametrize("answer", [True, 1, "stop", np.True_])
def test_a_true_answer_ends_the_training_before_that_epoch_s_update(answer):
    model, history = trained(100, report_every=3, callback=lambda epoch, loss: answer if epoch == 6 else 0)
    assert history.epochs.tolist() == [0, 3, 6]
    assert (history.ended.how, history.ended.epoch) == ("callback", 6)
    assert model.parameters.tobytes() == trained(6)[0].parameters.tobytes()


def test_the_callback_finds_the_parameters_that_have_the_loss():
    model, seen = network(), []
    model.train(
        *(X, Y),
        learning_rate=0.5,
        epochs=7,
        report_every=3,
        callback=lambda *_: seen.append(model.parameters.tobytes()),
    )
    assert seen == [trained(epochs)[0].parameters.tobytes() for epochs in (0, 3, 6)]


class Recorder(list):
    """A callback that is false as long as it has recorded nothing."""

    def __call__(self, epoch, loss):
        self.append(epoch)
        return True


def test_a_callback_that_is_a_false_object_is_called_too():
    calls = Recorder()
    model, _ = trained(20, report_every=5, callback=calls)
    assert calls == [0]
    assert model.parameters.tobytes() == trained(0)[0].parameters.tobytes()


def test_an_exception_in_the_callback_passes_through_and_leaves_the_parameters_it_saw():
    def fail_at_six(epoch, loss):
        if epoch == 6:
            raise RuntimeError("enough")

    model = network()
    with pytest.raises(RuntimeError, match="enough"):
        model.train(X, Y, learning_rate=0.5, epochs=100, report_every=2, callback=fail_at_six)
    assert model.parameters.tobytes() == trained(6)[0].parameters.tobytes()


def test_the_progress_bar_goes_to_stderr_and_changes_nothing(capfd):
    expected, history = trained(20, report_every=5)
    assert capfd.readouterr() == ("", "")
    model, shown = trained(20, report_every=5, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "100%" in err
    assert "epoch" in err
    assert model.parameters.tobytes() == expected.parameters.tobytes()
    assert shown.losses.tolist() == history.losses.tolist()


def test_the_progress_bar_counts_the_epochs_there_are(capfd):
    trained(10, report_every=3, progress=True)
    assert "10/10" in capfd.readouterr().err


# ---- interruption and errors


def test_parameters_that_are_not_finite_are_refused():
    model = network()
    model.parameters[3] = np.nan
    with pytest.raises(ValueError, match="parameters must be finite"):
        model.train(X, Y, learning_rate=0.1, epochs=1)


@pytest.mark.parametrize("report_every", [1, 10**7])
@pytest.mark.parametrize(
    "options",
    [{}, {"batch_size": 7, "optimizer": SGD(momentum=0.5), "dropout": 0.2, "seed": 0}],
    ids=["full", "batches"],
)
def test_ctrl_c_leaves_the_last_update_in_the_model(options, report_every):
    model = network()
    before = model.parameters.copy()

    def interrupt_once_moved():
        if not np.array_equal(model.parameters, before):
            interrupt()

    with pytest.raises(KeyboardInterrupt), alarm(interrupt_once_moved, 0.05, 0.05):
        model.train(X, Y, learning_rate=0.01, epochs=10**7, report_every=report_every, **options)
    assert np.isfinite(model.parameters).all()
    assert not np.array_equal(model.parameters, before)
    assert model.training_state.updates > 0
    if report_every > 1:
        assert model.training_state.epochs == model.training_state.updates // (5 if options else 1)
    assert model.train(X, Y, learning_rate=0.01, epochs=5).losses.size == 5


# ---- arguments


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"learning_rate": 0}, ValueError, "learning_rate must be finite and over 0, got 0"),
        ({"learning_rate": -0.1}, ValueError, "learning_rate must be finite and over 0, got -0.1"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate must be finite and over 0, got nan"),
        ({"learning_rate": np.inf}, ValueError, "learning_rate must be finite and over 0, got inf"),
        ({"learning_rate": 10**400}, ValueError, "learning_rate must be finite"),
        ({"learning_rate": "0.1"}, TypeError, "learning_rate must be a number, got '0.1'"),
        ({"learning_rate": True}, TypeError, "learning_rate must be a number, got True"),
        ({"learning_rate": 0.1j}, TypeError, "learning_rate must be a number"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0, got -1"),
        ({"epochs": 2.0}, TypeError, "epochs must be an integer, got 2.0"),
        ({"epochs": True}, TypeError, "epochs must be an integer, got True"),
        ({"epochs": 10**30}, ValueError, "epochs must be"),
        ({"report_every": 0}, ValueError, "report_every must be at least 1, got 0"),
        ({"report_every": 1.5}, TypeError, "report_every must be an integer, got 1.5"),
        ({"callback": 3}, TypeError, "callback must be callable, got int"),
    ],
)
def test_arguments_out_of_range_are_refused_and_the_model_stays_as_it_is(kwargs, error, message):
    model = network()
    with pytest.raises(error, match=message):
        model.train(X, Y, **{"learning_rate": 0.1, "epochs": 3, **kwargs})
    assert model.parameters.tobytes() == network().parameters.tobytes()


# ---- a model in training is left alone


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("what", ["train", "initialize"])
def test_a_callback_cannot_train_or_initialize_the_model(optimizer, what):
    model = network()

    def meddle(epoch, loss):
        with pytest.raises(RuntimeError, match=f"{what} was called while this model is training"):
            model.train(X, Y, epochs=1) if what == "train" else model.initialize()

    history = model.train(X, Y, epochs=3, optimizer=optimizer, report_every=1, callback=meddle)
    assert history.epochs.tolist() == [0, 1, 2]
    assert model.train(X, Y, epochs=1).epochs.size == 1  # and may be trained again


@pytest.mark.parametrize("options", [{}, {"batch_size": 7}, {"optimizer": "lbfgs"}], ids=str)
@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize("name", ["callback", "validation_score"])
def test_parameters_that_a_caller_s_function_makes_not_finite_are_named(name, value, options):
    def spoil(*arguments):
        model.parameters[1] = value
        return 0

    model, asked = network(), {"validation": (X, Y), "validation_score": spoil, "callback": spoil}
    used = {"callback": ["callback"], "validation_score": ["validation", "validation_score"]}[name]
    with pytest.raises(ValueError, match=rf"parameters must be finite in float64, got {value} at index \(1,\)"):
        model.train(X, Y, epochs=3, **{key: asked[key] for key in used}, **options)
    model.initialize()
    assert model.train(X, Y, epochs=1).epochs.size == 1


@pytest.mark.parametrize("options", [{}, {"batch_size": 7}, {"optimizer": "lbfgs"}], ids=str)
@pytest.mark.parametrize("name", ["callback", "validation_score"])
@pytest.mark.parametrize("call", [1, 3])
def test_stop_iteration_from_a_caller_s_function_is_not_swallowed(name, call, options):
    calls = []

    def stop(*arguments):
        calls.append(None)
        if len(calls) == call:
            raise StopIteration
        return 0

    given = {"validation": (X, Y), "validation_score": stop} if name == "validation_score" else {"callback": stop}
    with pytest.raises(StopIteration):
        network().train(X, Y, epochs=9, report_every=1, **given, **options)
    assert len(calls) == call


@pytest.mark.parametrize("options", [{}, {"batch_size": 7}, {"optimizer": "lbfgs"}], ids=str)
def test_an_answer_of_the_callback_that_is_neither_true_nor_false_is_named(options):
    with pytest.raises(TypeError, match=r"^callback must return something true or false, got array\(\[1., 1.\]\)$"):
        network().train(X, Y, epochs=3, callback=lambda epoch, loss: np.ones(2), **options)


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("callback", lambda epoch: None, r"callback\(epoch, loss\), got callback\(epoch\): too many positional"),
        ("callback", lambda a, b, c: None, r"callback\(epoch, loss\), got callback\(a, b, c\): missing a required"),
        ("shuffle", lambda epoch: None, r"shuffle\(epoch, out\), got shuffle\(epoch\): too many positional"),
        ("validation_score", lambda model: 0.0, r"validation_score\(model, X, y\), got validation_score\(model\): too"),
    ],
)
def test_functions_of_other_parameters_are_refused_before_any_work(name, function, message):
    model = network()
    before = model.parameters.tobytes()
    with pytest.raises(TypeError, match=f"^{name} must be a function {message}"):
        model.train(X, Y, epochs=3, validation=(X, Y), **{name: function})
    assert (model.parameters.tobytes(), model.training_state.updates) == (before, 0)


@pytest.mark.parametrize("function", [print, max, lambda *arguments: None, lambda epoch, loss=0, more=None: None])
def test_functions_of_fitting_or_unknown_parameters_are_taken(function, capsys):
    assert network().train(X, Y, epochs=1, callback=function).ended.epoch in (0, 1)


def test_a_model_whose_training_failed_can_be_trained_again():
    model = network()

    def fail(epoch, loss):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        model.train(X, Y, epochs=3, callback=fail)
    assert model.train(X, Y, epochs=1).epochs.size == 1
