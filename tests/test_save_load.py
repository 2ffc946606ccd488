"""Saved models: the same bits back, whole or not at all, and nothing foreign taken for a model."""

import io
import os
import pickle
import stat
from pathlib import Path

import numpy as np
import pytest

from fastmlp import MLP

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
    ("owner", "name"), [(np, "savez"), (os, "fsync"), (Path, "chmod"), (Path, "replace")], ids=lambda x: str(x)
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


# ---- what is no model


def contents(**changes):
    model = network()
    good = {
        "parameters": model.parameters,
        "layer_dims": np.array([2, 4, 3, 1]),
        "activations": np.array(["relu", "relu", "logistic"]),
        "loss": np.array("log_loss"),
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def archive(**changes):
    file = io.BytesIO()
    np.savez(file, **contents(**changes))
    return file.getvalue()


def single_array():
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


NO_MODELS = {
    "empty": lambda: b"",
    "text": lambda: b"layer_dims: 2, 4, 3, 1\n",
    "pickle": lambda: pickle.dumps(network()),
    "one array": single_array,
    "zip header only": lambda: b"PK\x03\x04",
    "no parameters": lambda: archive(parameters=None),
    "no widths": lambda: archive(layer_dims=None),
    "no activations": lambda: archive(activations=None),
    "no loss": lambda: archive(loss=None),
    "pickled parameters": lambda: archive(parameters=np.array([1, None], object)),
    "too few parameters": lambda: archive(parameters=np.ones(3)),
    "a matrix of parameters": lambda: archive(parameters=np.ones((31, 1))),
    "integer parameters": lambda: archive(parameters=np.ones(31, int)),
    "text for parameters": lambda: archive(parameters=np.array("31")),
    "scalar widths": lambda: archive(layer_dims=np.array(2)),
    "fractional widths": lambda: archive(layer_dims=np.array([2.5, 4, 3, 1])),
    "negative widths": lambda: archive(layer_dims=np.array([2, -4, 3, 1])),
    "huge widths": lambda: archive(layer_dims=np.array([2, 2**62, 3, 1])),
    "numbers for activations": lambda: archive(activations=np.array([1, 2, 3])),
    "scalar activations": lambda: archive(activations=np.array("relu")),
    "no activation at all": lambda: archive(activations=np.array([], "U5")),
    "unknown activations": lambda: archive(activations=np.array(["swish", "relu", "logistic"])),
    "another output activation": lambda: archive(activations=np.array(["relu", "relu", "tanh"])),
    "unknown loss": lambda: archive(loss=np.array("hinge")),
    "several losses": lambda: archive(loss=np.array(["log_loss", "log_loss"])),
}


@pytest.mark.parametrize("kind", NO_MODELS)
def test_a_file_that_is_no_model_is_refused_by_its_path(kind, tmp_path):
    path = tmp_path / "foreign.npz"
    path.write_bytes(NO_MODELS[kind]())
    with pytest.raises(ValueError, match=r"foreign\.npz"):
        MLP.load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused_by_its_path(share, tmp_path):
    whole = archive()
    path = tmp_path / "short.npz"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"short\.npz is not a model saved by fastmlp"):
        MLP.load(path)


@pytest.mark.parametrize("bit", [0, 7])
def test_no_flipped_bit_leads_to_other_parameters_or_another_error(bit, tmp_path):
    whole = archive()
    expected = network()
    path = tmp_path / "flipped.npz"
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            loaded = MLP.load(path)
        except ValueError as error:
            assert "flipped.npz" in str(error)
        else:  # the bit stood where the format keeps dates and the like
            assert repr(loaded) == repr(expected)
            assert loaded.parameters.tobytes() == expected.parameters.tobytes()


def test_nothing_in_a_file_is_executed(tmp_path):
    class Harmful:
        def __reduce__(self):
            return Path.touch, (tmp_path / "executed",)

    for name, payload in {
        "plain": pickle.dumps(Harmful()),
        "inside": archive(parameters=np.array([Harmful()], object)),
    }.items():
        (tmp_path / name).write_bytes(payload)
        with pytest.raises(ValueError, match=name):
            MLP.load(tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        MLP.load(tmp_path / "nowhere")
