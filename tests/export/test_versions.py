"""Files and pickles of other versions: earlier ones are read, later ones are named as that."""

import io
import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

import fastmlp
from fastmlp import MLP, Adam, Adaptive, Huber, SquaredError
from fastmlp.export import archive

OLD = Path(__file__).parent / "old"


def contents(**changes):
    model = MLP([2, 4, 3, 1], loss=Huber(0.25), seed=1)
    model.train([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], epochs=2, optimizer="adam", seed=3)
    return {name: value for name, value in {**archive.contents_of(model), **changes}.items() if value is not None}


def load(savez=np.savez, **changes):
    file = io.BytesIO()
    savez(file, **contents(**changes))
    file.seek(0)
    return MLP.load(file)


def text(value):
    return np.array(value if isinstance(value, str) else json.dumps(value))


# ---- files of earlier versions


def test_a_file_holds_the_version_that_wrote_it():
    assert contents()["version"].item() == fastmlp.__version__


def test_a_file_of_version_0_1_0_loads_with_the_state_of_its_training():
    loaded, state = MLP.load(OLD / "0.1.0.npz"), MLP.load(OLD / "0.1.0.npz").training_state
    assert repr(loaded) == ("MLP([2, 4, 3, 1], activation=['tanh', 'gelu'], loss=Huber(delta=0.25), dtype='float32')")
    with np.load(OLD / "0.1.0.npz") as arrays:
        assert "version" not in arrays.files
        assert loaded.parameters.tobytes() == arrays["parameters"].tobytes()
        assert state.moments.tobytes() == arrays["moments"].tobytes()
    assert (state.optimizer, state.adaptive) == (Adam(beta_1=0.8), Adaptive(0.1))
    assert (state.updates, state.optimizer_epochs, state.examples, state.epochs, state.seed) == (9, 3, 36, 3, 3)
    loaded.train(np.eye(2), [0.0, 1.0], epochs=1, batch_size=1)
    assert loaded.training_state.updates == 11


def test_the_first_files_of_version_0_1_0_load_with_their_training_still_to_begin():
    loaded = MLP.load(OLD / "0.1.0-first.npz")
    with np.load(OLD / "0.1.0-first.npz") as arrays:
        assert set(arrays.files) == set(archive.FIRST_ENTRIES)
        assert loaded.parameters.tobytes() == arrays["parameters"].tobytes()
    assert (loaded.training_state.optimizer, loaded.training_state.updates) == (None, 0)


def test_fields_that_an_earlier_version_did_not_have_get_their_defaults():
    assert load(optimizer=text({"name": "adam", "beta_1": 0.5})).training_state.optimizer == Adam(beta_1=0.5)
    assert load(loss_parameters=text({})).loss == Huber()


# ---- files of later versions

UNKNOWN = {
    "optimizer": lambda: {"optimizer": text({"name": "lion"})},
    "optimizer's parameter": lambda: {"optimizer": text({"name": "adam", "amsgrad": True})},
    "loss": lambda: {"loss": np.array("hinge"), "loss_parameters": text({})},
    "loss's parameter": lambda: {"loss_parameters": text({"delta": 1.0, "scale": 1.0})},
    "activation": lambda: {"activations": np.array(["mish", "relu", "identity"])},
    "output": lambda: {"activations": np.array(["relu", "relu", "cauchy"])},
    "dtype": lambda: {"parameters": contents()["parameters"].astype(np.float16)},
    "entry": lambda: {"weight_averages": np.ones(31)},
    "progress": lambda: {"progress": text({**json.loads(contents()["progress"].item()), "clock": 1})},
    "progress in another form": lambda: {"progress": text([1, 2])},
    "layout": lambda: {"parameters": None, "weights_0": np.ones((4, 2))},
    "objects": lambda: {"activations": np.array(["relu", None, "identity"], object)},
}


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("version", ["0.9", "0.1.1", "0.10.0rc1", "1", "0.2.dev3+gabc"])
def test_what_a_later_version_wrote_is_named_as_that(kind, version, monkeypatch):
    monkeypatch.setattr(fastmlp, "__version__", "0.1.0")
    with pytest.raises(
        ValueError, match=rf"^file was written by fastmlp {re.escape(version)}, this is fastmlp 0\.1\.0$"
    ):
        load(version=text(version), **UNKNOWN[kind]())


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("version", ["0.2", "0.2.0", "0.1.0", "0.0.9", "0.2rc1", None])
def test_the_same_in_a_file_of_this_version_or_an_earlier_one_is_damage(kind, version, monkeypatch):
    monkeypatch.setattr(fastmlp, "__version__", "0.2.0")
    with pytest.raises(ValueError, match=r"^file is not a model saved by fastmlp: "):
        load(version=None if version is None else text(version), **UNKNOWN[kind]())


@pytest.mark.parametrize("stored", [("version",), ()])
def test_compression_by_a_later_version_is_named_as_that(stored):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name, array in contents(version=text("99.1")).items():
            member = io.BytesIO()
            np.save(member, array)
            kind = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            target.writestr(f"{name}.npy", member.getvalue(), kind)
    file.seek(0)
    with pytest.raises(ValueError, match=r"file was written by fastmlp 99\.1, this is fastmlp"):
        MLP.load(file)


def test_a_file_of_a_later_version_loads_if_it_is_understood(monkeypatch):
    assert load(version=text("99.1")).loss == Huber(0.25)


@pytest.mark.parametrize("version", ["", "next", "v1", "1..2", "0.1.0\n", "9" * 30, "0.1 " + "x" * 9, "²"])
def test_what_is_no_version_is_damage(version):
    with pytest.raises(ValueError, match=r"^file is not a model saved by fastmlp: version must be one of fastmlp, got"):
        load(version=text(version))


@pytest.mark.parametrize(
    ("version", "ours", "later"),
    [
        *(("0.9", "0.2", True), ("0.10", "0.9", True), ("0.9", "0.10", False), ("1.0", "0.9.9", True)),
        *(("0.1.1", "0.1.0", True), ("0.1.0", "0.1.0", False), ("0.1.0", "0.1.1", False), (None, "0.1.0", False)),
    ],
)
def test_versions_are_compared_by_their_numbers(version, ours, later, monkeypatch):
    monkeypatch.setattr(fastmlp, "__version__", ours)
    assert archive.is_later(version) is later


# ---- pickles


def state(**changes):
    return {**MLP([2, 3, 1], seed=0).__getstate__(), **changes}


def model_of(state):
    model = MLP.__new__(MLP)
    model.__setstate__(state)
    return model


def test_a_pickle_of_version_0_1_0_is_read():
    loaded, saved = pickle.loads((OLD / "0.1.0.pickle").read_bytes()), MLP.load(OLD / "0.1.0.npz")
    assert loaded.parameters.tobytes() == saved.parameters.tobytes()
    assert loaded.training_state.optimizer == saved.training_state.optimizer
    for model in (loaded, saved):
        model.train(np.eye(2), [0.0, 1.0], epochs=3, batch_size=1)
    assert loaded.parameters.tobytes() == saved.parameters.tobytes()
    assert "version" not in vars(loaded)


def test_a_pickle_holds_the_version_that_made_it():
    assert state()["version"] == fastmlp.__version__


@pytest.mark.parametrize("version", ["0.1.1", "0.9", "2"])
def test_pickles_of_later_versions_are_refused_by_version(version, monkeypatch):
    monkeypatch.setattr(fastmlp, "__version__", "0.1.0")
    with pytest.raises(ValueError, match=rf"^the model was pickled by fastmlp {version}, this is fastmlp 0\.1\.0$"):
        model_of(state(version=version))


@pytest.mark.parametrize("name", ["loss", "plan", "initialization", "seed", "training_state", "_parameters"])
def test_pickles_without_an_attribute_are_refused_by_version(name, monkeypatch):
    monkeypatch.setattr(fastmlp, "__version__", "0.2.0")
    incomplete = state(version="0.1.5")
    del incomplete[name]
    with pytest.raises(
        ValueError, match=rf"^the model was pickled by fastmlp 0\.1\.5, this is fastmlp 0\.2\.0: it lacks {name}$"
    ):
        model_of(incomplete)
    del incomplete["version"]
    with pytest.raises(
        ValueError, match=rf"^the model was pickled by fastmlp 0\.1\.0, this is fastmlp 0\.2\.0: it lacks {name}$"
    ):
        model_of(incomplete)


def test_fields_that_a_training_state_of_an_earlier_version_did_not_have_get_their_defaults():
    changed = state()
    del vars(changed["training_state"])["updates"]
    del vars(changed["training_state"].plateau)["n_stalled"]
    assert vars(model_of(changed).training_state)["updates"] == 0
    assert vars(model_of(changed).training_state.plateau)["n_stalled"] == 0


@pytest.mark.parametrize("change", ["a field of the state", "a field of the plateau", "no plateau", "no state"])
def test_pickles_whose_training_state_has_unknown_fields_are_refused_by_version(change):
    changed = state()
    if change == "a field of the state":
        changed["training_state"].speed = 1
    elif change == "a field of the plateau":
        changed["training_state"].plateau.speed = 1
    elif change == "no plateau":
        changed["training_state"].plateau = None
    else:
        changed["training_state"] = SquaredError()
    with pytest.raises(ValueError, match=r"^the model was pickled by fastmlp .*, this is fastmlp"):
        model_of(changed)


@pytest.mark.parametrize("wrong", [None, [1], 5, "x", object])
def test_what_is_no_state_is_refused(wrong):
    with pytest.raises(ValueError, match=r"^the state of a pickled model must be a dict, got "):
        model_of(wrong)


@pytest.mark.parametrize("version", [5, b"0.1.0", "", "next", "9" * 5000, ["0.1.0"]])
def test_what_is_no_version_of_a_pickle_is_refused(version):
    with pytest.raises(ValueError, match=r"^version must be one of fastmlp, got ") as caught:
        model_of(state(version=version))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "changes",
    [
        {"plan": None},
        {"loss": "log_loss"},
        {"_parameters": np.ones(3)},
        {"_parameters": np.ones(13, np.float32)},
        {"_parameters": None},
    ],
)
def test_pickles_whose_parts_do_not_fit_together_are_refused_by_version(changes):
    with pytest.raises(
        ValueError,
        match=r"^the model was pickled by fastmlp .*, this is fastmlp .*: (parameters have|plan and loss are) ",
    ):
        model_of(state(**changes))


def test_a_caller_s_own_attributes_come_along():
    model = MLP([2, 3, 1], seed=0)
    model.note = "trained on Monday"
    assert pickle.loads(pickle.dumps(model)).note == "trained on Monday"
