"""What ``save`` of an estimator writes, ``load`` takes, and a fit goes on as if nothing had happened."""

import io
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from fastmlp import MLP, SGD, Adam, Cosine, Huber, MLPClassifier, MLPRegressor, Quantile, WarmUp
from fastmlp.estimators import plain, saving
from fastmlp.export import archive

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:lbfgs failed")


def data(n=60, dtype="float64"):
    return np.random.default_rng(0).standard_normal((n, 4)).astype(dtype)


def classifier(labels=("no", "yes", "perhaps"), dtype="float64", **arguments):
    X, labels = data(dtype=dtype), np.array(labels)
    model = MLPClassifier((8,), **{"max_iter": 5, "random_state": 0, **arguments})
    return model.fit(X, labels[np.arange(len(X)) % len(labels)])


def regressor(n_outputs=1, **arguments):
    X = data()
    model = MLPRegressor(hidden_layer_sizes=(8,), **{"max_iter": 5, "random_state": 0, **arguments})
    return model.fit(X, X[:, 0] if n_outputs == 1 else X[:, :n_outputs])


def come_back(model):
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return type(model).load(file)


def changed(model, **changes):
    """The file of a model whose description has other fields."""
    contents = saving.contents_of(model)
    description = {**json.loads(contents["estimator"].item()), **changes}
    file = io.BytesIO()
    np.savez(file, **{**contents, "estimator": np.array(json.dumps(description))})
    file.seek(0)
    return file


def shown(value):
    """A text that two values share only if they are equal, kinds and types included."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.tolist()}"
    if hasattr(value, "__dict__"):
        return f"{type(value).__name__}{ {name: shown(item) for name, item in vars(value).items()} }"
    return repr(value.item() if isinstance(value, np.generic) else value)


def assert_same(loaded, model):
    assert type(loaded) is type(model)
    assert shown(loaded.get_params()) == shown(model.get_params())
    ours, theirs = ({name: shown(v) for name, v in vars(m).items() if name != "_network"} for m in (loaded, model))
    assert ours == theirs
    assert loaded._network.parameters.tobytes() == model._network.parameters.tobytes()
    X = data(dtype=model.coefs_[0].dtype)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


MODELS = {
    "three classes": classifier,
    "numbers": lambda: classifier([3, -1]),
    "bytes": lambda: classifier(np.array([3, 200], np.uint8)),
    "bools": lambda: classifier([True, False]),
    "floats": lambda: classifier(np.array([0.0, 2.0], np.float32)),
    "objects": lambda: classifier(np.array(["a", "bcd"], object)),
    "float32": lambda: classifier(dtype="float32"),
    "sgd": lambda: classifier(solver="sgd", learning_rate="adaptive"),
    "lbfgs": lambda: classifier(solver="lbfgs"),
    "early stopping": lambda: classifier(early_stopping=True, validation_fraction=0.3),
    "objects as options": lambda: classifier(
        solver=SGD(momentum=0.5), learning_rate=WarmUp(Cosine(0.1, epochs=9), epochs=2)
    ),
    "weights by dict": lambda: classifier(class_weight={"no": 2, "yes": 1.5, "perhaps": 1}, dropout=[0.1]),
    "no limit": lambda: classifier(n_iter_no_change=np.inf, batch_size=7),
    "regression": regressor,
    "several values": lambda: regressor(3, loss=Huber(0.5)),
    "quantile": lambda: regressor(loss=Quantile(0.9), solver=Adam(beta_1=0.8), activation=["gelu"]),
}


@pytest.mark.parametrize("kind", MODELS)
def test_whatever_is_in_an_estimator_comes_back(kind):
    model = MODELS[kind]()
    loaded = come_back(model)
    assert_same(loaded, model)
    assert_same(come_back(loaded), model)
    clone(loaded)


def test_several_labels_come_back():
    X = data()
    model = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, (X[:, :2] > 0).astype(int))
    assert_same(come_back(model), model)
    assert come_back(model).partial_fit(X, (X[:, :2] > 0).astype(int)).predict(X).shape == (60, 2)


def test_names_of_features_come_back():
    frame = pd.DataFrame(data(), columns=["a", "b", "c", "d"])
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, random_state=0).fit(frame, frame["a"])
    loaded = come_back(model)
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    assert loaded.feature_names_in_.dtype == object
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame.rename(columns={"a": "z"}))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_training_goes_on_with_the_same_bits(solver):
    X = data()
    y = np.arange(len(X)) % 3
    one = MLPClassifier((8,), solver=solver, random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    other = come_back(one)
    for model in (one, other):
        model.partial_fit(X, y)
    assert one._network.parameters.tobytes() == other._network.parameters.tobytes()
    assert (one.t_, one.loss_curve_) == (other.t_, other.loss_curve_)


def test_a_path_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.npz"
    model = classifier()
    model.save(path)
    before = path.read_bytes()
    model.coefs_[0][:] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            model.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]
    assert MLPClassifier.load(str(path)).classes_.tolist() == ["no", "perhaps", "yes"]


def test_a_model_that_is_not_fitted_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        MLPClassifier().save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_parameters_that_are_no_plain_values_are_left_out_with_a_warning():
    model = classifier(random_state=np.random.RandomState(0), initialization=[lambda *a: np.ones((8, 4)), "he"])
    with pytest.warns(UserWarning, match=r"^save leaves out initialization=\[.*, random_state=RandomState.*default$"):
        loaded = come_back(model)
    assert (loaded.random_state, loaded.initialization) == (None, "glorot_uniform")
    np.testing.assert_array_equal(loaded.predict(data()), model.predict(data()))


# ---- files of other kinds


def test_kinds_are_not_taken_for_one_another():
    file = io.BytesIO()
    classifier().save(file)
    file.seek(0)
    with pytest.raises(
        ValueError, match=r"^file is not a model saved by fastmlp: it holds a classifier, not a regressor$"
    ):
        MLPRegressor.load(file)
    with pytest.raises(
        ValueError, match=r"^file is not a model saved by fastmlp: it holds an estimator; MLPClassifier\.load or"
    ):
        file.seek(0)
        MLP.load(file)
    network = io.BytesIO()
    MLP([2, 1]).save(network)
    network.seek(0)
    with pytest.raises(ValueError, match=r"it holds no estimator; fastmlp\.MLP\.load reads networks$"):
        MLPClassifier.load(network)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "regressor"}, "it holds a regressor, not a classifier"),
        ({"kind": 3}, ""),
        ({"parameters": {"colour": 1}}, "parameters has an unknown 'colour'"),
        ({"parameters": []}, ""),
        ({"parameters": {"solver": {"object": "Popen", "fields": {"args": "true"}}}}, ""),
        ({"attributes": {"fit": 1}}, "'fit' is no attribute of a fitted model"),
        ({"attributes": {"_network": 1}}, "'_network' is no attribute of a fitted model"),
        ({"attributes": {"coefs_": 1}}, "'coefs_' is no attribute of a fitted model"),
        ({"attributes": {"__class__": 1}}, "'__class__' is no attribute of a fitted model"),
        ({"arrays": {}}, "it has an unknown"),
        ({"arrays": {"classes_": "object_", "loss_curve_": "list"}}, ""),
        ({"stopping": {"speed": 1}}, ""),
        ({"labels": [1]}, ""),
        ({"more": 1}, "estimator has an unknown 'more'"),
    ],
)
def test_damaged_descriptions_are_refused(changes, message):
    with pytest.raises(ValueError, match=f"^file is not a model saved by fastmlp: .*{message}"):
        MLPClassifier.load(changed(classifier(), **changes))


def test_what_a_later_version_wrote_is_named_as_that():
    model, file = classifier(), io.BytesIO()
    np.savez(file, **{**saving.contents_of(model), "version": np.array("99.1"), "more": np.ones(1)})
    file.seek(0)
    with pytest.raises(ValueError, match=r"^file was written by fastmlp 99\.1, this is fastmlp"):
        MLPClassifier.load(file)


def test_outputs_that_are_not_computed_again_are_refused_by_file(tmp_path):
    contents = saving.contents_of(classifier())
    contents["sample_outputs"] = contents["sample_outputs"] + 1e-6
    with (tmp_path / "model.npz").open("wb") as file:
        np.savez(file, **contents)
    with pytest.raises(
        ValueError, match=r"model\.npz is not a model saved by fastmlp: its outputs .* rounding explains$"
    ):
        MLPClassifier.load(tmp_path / "model.npz")


def test_a_file_holds_the_samples_of_its_network():
    model = classifier()
    contents, of_network = saving.contents_of(model), archive.contents_of(model._network)
    assert {"sample_inputs", "sample_outputs"} < of_network.keys() < contents.keys()
    np.testing.assert_allclose(contents["sample_outputs"], model.predict_proba(contents["sample_inputs"]), rtol=1e-12)


# ---- values


@pytest.mark.parametrize(
    "value", [None, True, 3, 0.1, np.inf, "a", [1, "b"], (1, (2, None)), {1: "a", "b": [0.5]}, Adam()]
)
def test_values_come_back(value):
    assert shown(plain.value_of(json.loads(json.dumps(plain.described(value))))) == shown(value)


@pytest.mark.parametrize("value", [len, object(), {1, 2}, 1j, [object()], np.random.RandomState(0), b"a"])
def test_other_values_are_refused(value):
    with pytest.raises(TypeError, match="no plain value"):
        plain.described(value)


def test_a_subclass_of_a_choice_is_no_plain_value():
    class Mine(Adam):
        pass

    with pytest.raises(TypeError, match="no plain value: Mine"):
        plain.described(Mine())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain.described(Adam())
