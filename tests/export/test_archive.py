"""Saved models: the same bits back, whole or not at all."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from fastmlp import LBFGS, MLP, SGD, Adam, AdamW, Huber, LogLoss, MultinomialLogLoss, Quantile, RMSprop
from fastmlp.export import npz

X = np.random.default_rng(0).standard_normal((12, 2))
Y = (X[:, 0] > 0).astype(int)


def network(**kwargs):
    model = MLP([2, 4, 3, 1], **{"seed": 1, **kwargs})
    model.train(X, Y, learning_rate=0.3, epochs=4)
    return model


# ---- the round trip


@pytest.mark.parametrize("activation", ["relu", "tanh", ["logistic", "identity"]])
def test_a_loaded_model_has_the_same_bits(activation, dtype, tmp_path):
    model = network(activation=activation, dtype=dtype)
    model.save(tmp_path / "model.npz")
    loaded = MLP.load(tmp_path / "model.npz")
    assert repr(loaded) == repr(model)
    assert loaded.parameters.dtype == dtype
    assert loaded.parameters.tobytes() == model.parameters.tobytes()
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()


def test_a_loaded_model_trains_on_as_the_saved_one(tmp_path):
    model = network()
    model.save(tmp_path / "model")
    loaded = MLP.load(tmp_path / "model")
    for one in (model, loaded):
        one.train(X, Y, learning_rate=0.3, epochs=6)
    assert loaded.parameters.tobytes() == model.parameters.tobytes()


@pytest.mark.parametrize(
    "loss",
    [LogLoss(0.1), MultinomialLogLoss(label_smoothing=0.2), Huber(0.25), Quantile(0.9), "poisson", "absolute_error"],
    ids=str,
)
def test_a_loss_comes_back_with_its_parameters(loss, tmp_path):
    model = MLP([2, 3, 2], loss=loss, activation="gelu", seed=1)
    model.save(tmp_path / "model")
    loaded = MLP.load(tmp_path / "model")
    assert loaded.loss == model.loss
    assert loaded.plan == model.plan
    assert repr(loaded) == repr(model)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(momentum=0.9, nesterov=True),
        Adam(beta_1=0.8, epsilon_hat=True),
        AdamW(weight_decay=0.1),
        RMSprop(rho=0.9),
        LBFGS(memory=5),
        SGD(momentum=np.float32(0.5), nesterov=np.True_),
        LBFGS(memory=np.int64(5)),
    ],
    ids=str,
)
@pytest.mark.parametrize("epochs", [0, 4])
def test_an_optimizer_comes_back_with_what_it_has_learned(optimizer, epochs, dtype, tmp_path):
    model = MLP([2, 3, 1], seed=1, dtype=dtype)
    model.train(X, Y, epochs=epochs, optimizer=optimizer, seed=epochs)
    model.save(tmp_path / "model")
    state, loaded = model.training_state, MLP.load(tmp_path / "model").training_state
    assert loaded.optimizer == state.optimizer == optimizer
    for name in ("updates", "optimizer_epochs", "examples", "epochs", "seed"):
        assert getattr(loaded, name) == getattr(state, name)
    assert loaded.moments.dtype == state.moments.dtype
    assert loaded.moments.tobytes() == state.moments.tobytes()
    assert loaded.plateau == state.plateau


@pytest.mark.parametrize(
    "loss", [Huber(np.float32(0.5)), Quantile(np.float64(0.25)), LogLoss(np.float16(0.25))], ids=str
)
def test_numpy_scalars_among_the_parameters_of_a_loss_are_saved_as_numbers(loss, tmp_path):
    MLP([2, 3, 1], loss=loss).save(tmp_path / "model")
    assert MLP.load(tmp_path / "model").loss == loss


def test_a_model_that_was_never_trained_comes_back_as_one(tmp_path):
    model = MLP([2, 3, 1], seed=1)
    model.save(tmp_path / "model")
    state = MLP.load(tmp_path / "model").training_state
    assert (state.optimizer, state.seed, state.updates, state.epochs, state.moments.size) == (None, None, 0, 0, 0)


def test_a_loaded_model_can_be_initialized_anew_by_the_default(tmp_path):
    network().save(tmp_path / "model")
    loaded = MLP.load(tmp_path / "model")
    assert loaded.initialization == MLP([2, 1], activation=[]).initialization
    assert loaded.initialize().weights[0].all()


@pytest.mark.parametrize("dims", [[2, 1], [2, 5, 3]])
def test_networks_without_hidden_layers_or_with_several_outputs_come_back(dims, tmp_path):
    model = MLP(dims, seed=1)
    model.save(tmp_path / "model")
    loaded = MLP.load(tmp_path / "model")
    assert loaded.plan == model.plan
    assert loaded.parameters.tobytes() == model.parameters.tobytes()


# ---- where it is written


@pytest.mark.parametrize("name", ["model.npz", "model", "model.v1.bin", "with space"])
@pytest.mark.parametrize("kind", [str, Path])
def test_the_file_lies_exactly_where_it_was_asked_for(name, kind, tmp_path):
    network().save(kind(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert MLP.load(kind(tmp_path / name)).plan.layer_dims == (2, 4, 3, 1)


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network().save("model.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def test_saving_again_replaces_the_file(tmp_path):
    path = tmp_path / "model"
    path.write_text("something else")
    network(seed=1).save(path)
    network(seed=2).save(path)
    assert MLP.load(path).parameters.tobytes() == network(seed=2).parameters.tobytes()


def test_the_file_has_the_permissions_of_any_new_file(tmp_path):
    network().save(tmp_path / "model")
    (tmp_path / "other").touch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("owner", "name"), [(npz, "write"), (os, "fsync"), (Path, "chmod"), (Path, "replace")], ids=lambda x: str(x)
)
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["OSError", "KeyboardInterrupt"])
def test_a_failed_save_leaves_the_old_file_and_no_other(owner, name, error, tmp_path, monkeypatch):
    path = tmp_path / "model"
    network(seed=1).save(path)
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        with pytest.raises(type(error)):
            network(seed=2).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        network().save(tmp_path / "no such folder" / "model")
    assert not list(tmp_path.iterdir())
