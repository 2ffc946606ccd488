"""Files that are no model, whatever they are, are refused by their path, and nothing in them is executed."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from fastmlp import MLP, SGD, Huber
from fastmlp.export import archive as archive_module

X = np.random.default_rng(0).standard_normal((12, 2))
Y = (X[:, 0] > 0).astype(int)


def network(**kwargs):
    model = MLP([2, 4, 3, 1], **{"seed": 1, **kwargs})
    model.train(X, Y, learning_rate=0.3, epochs=4)
    return model


def full_model():
    """A model with something in every entry of its file."""
    model = MLP([2, 4, 3, 1], loss=Huber(0.25), seed=1)
    model.train(X, Y, epochs=2, batch_size=5, optimizer=SGD(momentum=0.5), learning_rate=0.1, seed=3)
    return model


def full_archive(**changes):
    """The file of such a model, with some entries changed, or left out where None."""
    file = io.BytesIO()
    good = archive_module.contents_of(full_model())
    np.savez(file, **{name: value for name, value in {**good, **changes}.items() if value is not None})
    return file.getvalue()


def text(value):
    return np.array(value if isinstance(value, str) else json.dumps(value))


def contents(**changes):
    """Those of the first version's files."""
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


PLATEAU = {"scale": 1.0, "best": 1.0, "n_stalled": 0}
PROGRESS = {
    "updates": 6,
    "optimizer_epochs": 2,
    "examples": 24,
    "epochs": 2,
    "seed": 3,
    "adaptive": None,
    "plateau": PLATEAU,
}

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
    "loss parameters that are no JSON": lambda: full_archive(loss_parameters=text("{")),
    "loss parameters of another loss": lambda: full_archive(loss_parameters=text({"quantile": 0.5})),
    "loss parameters out of range": lambda: full_archive(loss_parameters=text({"delta": -1})),
    "a list of loss parameters": lambda: full_archive(loss_parameters=text([1])),
    "no loss parameters": lambda: full_archive(loss_parameters=None),
    "unknown optimizer": lambda: full_archive(optimizer=text({"name": "adagrad"})),
    "optimizer out of range": lambda: full_archive(optimizer=text({"name": "sgd", "momentum": 2})),
    "a number for an optimizer": lambda: full_archive(optimizer=text(3)),
    "no optimizer": lambda: full_archive(optimizer=None),
    "moments of another optimizer": lambda: full_archive(moments=np.zeros((2, 31))),
    "moments of another dtype": lambda: full_archive(moments=np.zeros((1, 31), "float32")),
    "moments in Fortran order": lambda: full_archive(
        optimizer=text({"name": "adam"}), moments=np.asfortranarray(np.zeros((2, 31)))
    ),
    "no moments": lambda: full_archive(moments=None),
    "progress that is no JSON": lambda: full_archive(progress=text("never")),
    "no progress": lambda: full_archive(progress=None),
    **{
        f"progress with {name} {value!r}": lambda name=name, value=value: full_archive(
            progress=text({**PROGRESS, name: value})
        )
        for name, value in [
            *(("updates", -1), ("updates", 1.5), ("updates", True), ("examples", None), ("optimizer_epochs", [1])),
            *(("epochs", -1), ("epochs", "2"), ("seed", -1), ("seed", "3"), ("another", 1)),
            *(("plateau", None), ("plateau", {**PLATEAU, "scale": "small"})),
            *(("plateau", {**PLATEAU, "scale": -1.0}), ("plateau", {**PLATEAU, "n_stalled": 0.5})),
            *(("plateau", {**PLATEAU, "speed": 1}), ("adaptive", {"tol": 0.1}), ("adaptive", [1])),
        ]
    },
}


@pytest.mark.parametrize("kind", NO_MODELS)
def test_a_file_that_is_no_model_is_refused_by_its_path(kind, tmp_path):
    path = tmp_path / "foreign.npz"
    path.write_bytes(NO_MODELS[kind]())
    with pytest.raises(ValueError, match=r"foreign\.npz"):
        MLP.load(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no optimizer", "it lacks optimizer$"),
        ("unknown loss", "loss must be one of log_loss, .*; got 'hinge'"),
        ("another output activation", "the output activation of loss 'log_loss' cannot be 'tanh'"),
        ("too few parameters", r"\(3,\) parameters, \(3,\) activations and \(4,\) layer_dims are no network$"),
        ("huge widths", r"layer_dims must be at most 268435456 each, got 4611686018427387904$"),
        ("integer parameters", "dtype must be float32 or float64, got dtype\\('int64'\\)$"),
        ("pickled parameters", "parameters has no header of an array of numbers or text in C order$"),
        ("a matrix of parameters", r"\(31, 1\) parameters, \(3,\) activations and \(4,\) layer_dims are no network$"),
        ("moments of another optimizer", r"moments must have shape \(1, 31\) and dtype float64, got \(2, 31\) and f"),
        (
            "moments of another dtype",
            r"moments must have shape \(1, 31\) and dtype float64, got \(1, 31\) and float32$",
        ),
        ("loss parameters that are no JSON", "loss_parameters is no JSON$"),
        ("loss parameters of another loss", "loss_parameters has an unknown 'quantile'$"),
        ("a list of loss parameters", "loss_parameters must have the fields delta$"),
        ("a number for an optimizer", "optimizer must have a name$"),
        ("progress with updates -1", "updates must be an integer of at least 0, got -1$"),
        ("progress with updates True", "updates must be an integer of at least 0, got True$"),
        ("progress with epochs '2'", "epochs must be an integer of at least 0, got '2'$"),
        ("progress with seed -1", "seed must be an integer of at least 0, got -1$"),
        ("progress with another 1", "progress has an unknown 'another'$"),
        ("progress with plateau None", "plateau must have the fields best, n_stalled, scale$"),
        ("progress with adaptive {'tol': 0.1}", "adaptive lacks initial$"),
    ],
)
def test_the_error_says_what_is_wrong_in_the_file(kind, message, tmp_path):
    path = tmp_path / "foreign.npz"
    path.write_bytes(NO_MODELS[kind]())
    with pytest.raises(ValueError, match=rf"foreign\.npz is not a model saved by fastmlp: {message}"):
        MLP.load(path)


def test_all_entries_that_a_file_lacks_are_named(tmp_path):
    path = tmp_path / "foreign.npz"
    path.write_bytes(full_archive(loss_parameters=None, progress=None))
    with pytest.raises(ValueError, match=r"it lacks loss_parameters, progress$"):
        MLP.load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused_by_its_path(share, tmp_path):
    whole = archive()
    path = tmp_path / "short.npz"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"short\.npz is not a model saved by fastmlp"):
        MLP.load(path)


def everything_in(model):
    state = model.training_state
    settings = (repr(model), state.optimizer, state.seed, state.updates, state.epochs, state.plateau)
    return settings, model.parameters.tobytes(), state.moments.tobytes()


@pytest.mark.parametrize("version", ["first", "present"])
def test_no_flipped_bit_leads_to_another_model_or_another_error(version, tmp_path):
    """One bit of every byte: which one, its place in the file decides."""
    whole = archive() if version == "first" else full_archive()
    path = tmp_path / "flipped.npz"
    path.write_bytes(whole)
    expected = everything_in(MLP.load(path))
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            loaded = MLP.load(path)
        except ValueError as error:
            assert "flipped.npz" in str(error)
        else:  # the bit stood where the format keeps dates and the like
            assert everything_in(loaded) == expected


def test_a_file_of_the_first_version_loads_with_its_training_still_to_begin(dtype, tmp_path):
    model = network(dtype=dtype)
    (tmp_path / "old.npz").write_bytes(archive(parameters=model.parameters))
    loaded = MLP.load(tmp_path / "old.npz")
    assert repr(loaded) == repr(model)
    assert loaded.parameters.tobytes() == model.parameters.tobytes()
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert (loaded.training_state.optimizer, loaded.training_state.epochs) == (None, 0)
    for one in (model, loaded):
        one.train(X, Y, learning_rate=0.3, epochs=6)
    assert loaded.parameters.tobytes() == model.parameters.tobytes()


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
