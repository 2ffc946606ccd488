"""The engine of the playground under Node: the bits of the native baseline kernels, NumPy's draws, memory, errors."""

import gzip
import hashlib
import platform

import numpy as np
import pytest
from in_node import ENGINE, HAS_GLIBCS_FUSED_LOG, in_node, needs_node
from networks import HIDDEN

from fastmlp import MLP, initializers, load_dataset
from fastmlp.lab.diagnosis import diagnose
from fastmlp.lab.diagnosis.layers import saturation_limits
from fastmlp.lab.playground import facts

LOSSES = ("log_loss", "multinomial_log_loss", "squared_error", "absolute_error", "huber", "quantile", "poisson")
ADAM = {"method": "adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
INITIALIZERS = [
    "zeros", "constant", "random", "he", "he_uniform", "lecun", "lecun_uniform", "xavier_normal", "xavier_uniform",
    "identity",
]  # fmt: skip
N_SEEDS = 1000

has_same_bits = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="elsewhere the baseline kernels fuse multiply-adds"
)


def hash_of(numbers):
    return hashlib.sha256(np.ascontiguousarray(numbers).tobytes()).hexdigest()


def described(model):
    """The arguments of `engine.model`."""
    options = {"lossParameter": model.loss.parameter, "labelSmoothing": model.loss.label_smoothing}
    return [list(model.plan.layer_dims), list(model.plan.activations), model.loss.name, options]


def circles():
    X, Y, _, _ = load_dataset(False)
    return X.T, Y[0].astype(float)


# ---- bits


@needs_node
@has_same_bits
@pytest.mark.filterwarnings("ignore:training ended with a dead network")  # zeros, as it should
@pytest.mark.parametrize("initialization", ["zeros", "random", "he"])
def test_the_trainings_of_the_study_have_the_bits_of_the_baseline_kernels(initialization, baseline):
    X, y = circles()
    model = MLP([2, 10, 5, 1], initialization=initialization, seed=3)
    start = model.parameters.copy()
    history = model.train(X, y, epochs=15_000, learning_rate=0.01, report_every=1000)
    found = in_node(
        """
        const model = engine.model(...network);
        model.parameters = engine.draw(initialization, network[0], 3);
        const start = hash(model.parameters);
        model.setData(X, y);
        const { losses, status, epochs } = model.train(15000, { lossEvery: 1000 });
        return { start, end: hash(model.parameters), losses, status, epochs };
        """,
        network=described(model),
        initialization=initialization,
        X=X.ravel().tolist(),
        y=y.tolist(),
    )
    assert found["start"] == hash_of(start)
    assert found["end"] == hash_of(model.parameters)
    assert found["losses"] == history.losses[:15].tolist()
    assert (found["status"], found["epochs"]) == ("done", 15_000)


def targets_of(loss, n, rng):
    if loss == "multinomial_log_loss":
        return rng.integers(0, 3, n)
    if loss == "poisson":
        return rng.poisson(1.5, (n, 3))
    if loss == "log_loss":
        return rng.integers(0, 2, n)
    return rng.standard_normal((n, 3))


@needs_node
@has_same_bits
@pytest.mark.parametrize("loss", LOSSES)
def test_minibatches_with_adam_have_the_bits_of_the_baseline_kernels(loss, baseline):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 2)), targets_of(loss, 100, rng)
    dims = [2, 9, 7, 1 if loss == "log_loss" else 3]
    networks, expected, losses = [], [], []
    for activation in HIDDEN:
        model = MLP(dims, activation=activation, loss=loss, initialization="xavier_normal", seed=5)
        networks.append(described(model))
        history = model.train(
            X, y, epochs=10, batch_size=32, optimizer="adam", learning_rate=0.01, seed=11, report_every=1
        )
        expected.append(hash_of(model.parameters))
        losses.append(history.losses[:10].tolist())
    found = in_node(
        """
        return networks.map((network) => {
            const model = engine.model(...network);
            model.parameters = engine.draw("xavier_normal", network[0], 5);
            model.setOptimizer(adam, 0.01);
            model.setData(X, y, { batchSize: 32, seed: 11 });
            const { losses } = model.train(10);
            return [hash(model.parameters), losses];
        });
        """,
        networks=networks,
        adam=ADAM,
        X=X.ravel().tolist(),
        y=y.T.ravel().tolist(),
    )
    assert [pair[0] for pair in found] == expected
    assert len(set(expected)) == len(HIDDEN)
    assert [pair[1] for pair in found] == losses


@needs_node
@has_same_bits
def test_training_in_slices_of_time_gives_the_bits_of_one_call(baseline):
    X, y = circles()
    model = MLP([2, 10, 5, 1], seed=3)
    history = model.train(X, y, epochs=200, batch_size=64, optimizer="adam", learning_rate=0.01, seed=2, report_every=7)
    found = in_node(
        """
        const model = engine.model(...network);
        model.parameters = engine.draw("he", network[0], 3);
        model.setOptimizer(adam, 0.01);
        model.setData(X, y, { batchSize: 64, seed: 2 });
        const slices = [], losses = [];
        while (model.epochs < 200) {
            const slice = model.train(200 - model.epochs, { milliseconds: 0, lossEvery: 7 });
            slices.push(slice.epochs);
            losses.push(...slice.losses);
        }
        return { end: hash(model.parameters), slices, losses };
        """,
        network=described(model),
        adam=ADAM,
        X=X.ravel().tolist(),
        y=y.tolist(),
    )
    assert len(found["slices"]) > 3
    assert sum(found["slices"]) == 200
    assert found["end"] == hash_of(model.parameters)
    assert found["losses"] == history.losses[:29].tolist()  # of epochs 0, 7, ..., 196


@needs_node
@has_same_bits
def test_outputs_have_the_bits_of_the_baseline_kernels(baseline):
    X = np.random.default_rng(0).standard_normal((1000, 4))
    model = MLP([4, 20, 3], activation="gelu", loss="multinomial_log_loss", seed=0)
    found = in_node(
        """
        const model = engine.model(...network);
        model.parameters = parameters;
        model.setData(X.slice(0, 40), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        return Array.from(model.predict(X));
        """,
        network=described(model),
        parameters=model.parameters.tolist(),
        X=X.ravel().tolist(),
    )
    np.testing.assert_array_equal(np.reshape(found, (3, -1)).T, model.predict_proba(X))


@needs_node
def test_restart_and_the_same_parameters_give_the_same_training_again():
    X, y = circles()
    hashes = in_node(
        """
        const model = engine.model([2, 10, 5, 1], ["relu", "relu", "logistic"], "log_loss");
        const start = engine.draw("he", [2, 10, 5, 1], 0);
        model.setOptimizer(adam, 0.01);
        model.setData(X, y, { batchSize: 32 });
        const ends = [];
        for (let i = 0; i < 3; i++) {
            if (i < 2) model.restart();
            model.parameters = start;
            model.train(5);
            ends.push(hash(model.parameters));
        }
        return ends;
        """,
        adam=ADAM,
        X=X.ravel().tolist(),
        y=y.tolist(),
    )
    assert hashes[0] == hashes[1] != hashes[2]  # the third has the moments of the second


# ---- what is measured


@needs_node
@pytest.mark.parametrize("loss", ["log_loss", "multinomial_log_loss"])
def test_layers_are_measured_as_by_diagnose(loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    model = MLP(
        [3, 12, 8, 4, 1 if loss == "log_loss" else 3], activation=["tanh", "relu", "logistic"], loss=loss, seed=1
    )
    y = rng.integers(0, 2, 300) if loss == "log_loss" else rng.integers(0, 3, 300)
    model.weights[0][3:6] = model.weights[0][2] * 20  # equal units
    model.weights[1][:3], model.biases[1][:3] = 0.001, -10  # dead ones
    look = diagnose(model, X, y, histograms=20)
    limits = [saturation_limits(name) for name in model.plan.activations[:-1]]
    edges = [look.histograms["preactivation"][1], look.histograms["gradient"][1] / len(X)]
    found = in_node(
        """
        const model = engine.model(...network);
        model.parameters = parameters;
        model.setData(X, y);
        const ends = (layer) => [layer.at(0), layer.at(-1)];
        return {
            rows: model.layerStatistics(),
            preactivations: edges[0].map((e, l) => Array.from(model.histogram("preactivations", l, ...ends(e), 20))),
            gradients: edges[1].map((e, l) => Array.from(model.histogram("gradients", l, ...ends(e), 20))),
            saturated: limits.map(([low, high], l) => model.shareOutside(l, low ?? -Infinity, high ?? Infinity)),
        };
        """,
        network=described(model),
        parameters=model.parameters.tolist(),
        X=X.ravel().tolist(),
        y=y.tolist(),
        edges=[[list(layer) for layer in part] for part in edges],
        limits=[[limit if np.isfinite(limit) else None for limit in pair] for pair in limits],
    )
    assert look.layers["dead"][1] > 0.3 and look.layers["distinct_units"][0] == 10 and look.layers["saturated"][0] > 0
    for name in found["rows"][0]:
        measured = [row[name] for row in found["rows"]]
        np.testing.assert_allclose(measured, look.layers[name], rtol=1e-9, atol=1e-15, err_msg=name)
    np.testing.assert_allclose(found["saturated"], look.layers["saturated"][:-1], rtol=1e-12)
    np.testing.assert_array_equal(found["preactivations"], look.histograms["preactivation"][0])
    np.testing.assert_array_equal(found["gradients"], look.histograms["gradient"][0])


# ---- NumPy's random numbers


@needs_node
def test_the_initializers_are_listed_here():
    assert in_node("return Object.keys(module.INITIALIZERS);") == INITIALIZERS == list(facts.INITIALIZERS)


@needs_node
@pytest.mark.parametrize("name", INITIALIZERS)
def test_initial_weights_are_those_of_the_same_name_for_a_thousand_seeds(name):
    dims = [3, 10, 5, 2]
    expected = [MLP(dims, initialization=name, seed=seed).parameters for seed in range(N_SEEDS)]
    script = "return Array.from({ length: seeds }, (_, seed) => Array.from(engine.draw(name, dims, seed)));"
    found = np.array(in_node(script, name=name, dims=dims, seeds=N_SEEDS))
    if HAS_GLIBCS_FUSED_LOG:
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-15)


@needs_node
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("constant", initializers.Constant(0.25)),
        ("random", initializers.Random(0.3)),
        ("he", initializers.He(0.3)),
        ("lecun_uniform", initializers.LeCun(0.3, distribution="uniform")),
        ("xavier_uniform", initializers.Glorot(0.3, distribution="uniform")),
        ("identity", initializers.Identity(0.3)),
    ],
)
def test_a_scale_is_that_of_the_initializer(name, rule):
    scale = 0.25 if name == "constant" else 0.3
    found = in_node("return Array.from(engine.draw(name, [3, 7, 2], 4, scale));", name=name, scale=scale)
    np.testing.assert_allclose(found, MLP([3, 7, 2], initialization=rule, seed=4).parameters, rtol=1e-15)


# ---- memory, size, errors


@needs_node
def test_freed_models_leave_no_memory_behind():
    before, after = in_node(
        """
        const X = new Float64Array(2000).map((_, i) => Math.sin(i)), y = new Float64Array(1000).map((_, i) => i % 2);
        const use = () => {
            const model = engine.model([2, 100, 100, 1], ["relu", "tanh", "logistic"], "log_loss");
            model.parameters = engine.draw("he", [2, 100, 100, 1], 0);
            for (const batchSize of [1000, 100]) {
                model.setData(X, y, { batchSize });
                model.train(1);
                model.layerStatistics();
                model.histogram("gradients", 0, -1, 1, 30);
                model.predict(X);
            }
            model.free();
        };
        const sizeAfter = (times) => {
            for (let i = 0; i < times; i++) use();
            return engine.calls.memory.buffer.byteLength;
        };
        return [sizeAfter(3), sizeAfter(60)];
        """
    )
    assert after == before > 4e6  # one model takes megabytes


def test_the_engine_is_small():
    assert len(gzip.compress(ENGINE.read_bytes())) <= 100_000


@needs_node
@pytest.mark.parametrize(
    ("lack", "message"),
    [
        ("delete globalThis.WebAssembly", "this browser has no WebAssembly"),
        ("WebAssembly.validate = () => false", "this browser's WebAssembly lacks SIMD"),
        ("bytes = bytes.subarray(0, 999)", "the engine's file is damaged"),
    ],
)
def test_what_the_browser_lacks_is_said(lack, message):
    script = f"{lack}; return module.loadEngine(bytes).then(() => '', (error) => error.message);"
    assert in_node(script).startswith(message)


@needs_node
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("engine.model([2], [], 'log_loss')", "there must be at least two widths"),
        ("engine.model([2, 1], [], 'log_loss')", "there must be one activation for each layer"),
        ("engine.model([2, 0, 1], ['relu', 'logistic'], 'log_loss')", "a width must be a whole number from 1"),
        ("engine.model([2, 1], ['sine'], 'log_loss')", "the activation must be one of identity, relu, "),
        (
            "engine.model([2, 3, 1], ['softmax', 'logistic'], 'log_loss')",
            "the activation of a hidden layer must be one",
        ),
        ("engine.model([2, 1], ['logistic'], 'hinge')", "the loss must be one of log_loss, "),
        ("model.setOptimizer({ method: 'lion' }, 0.1)", "the method must be one of sgd, "),
        ("model.setOptimizer({ speed: 1 }, 0.1)", "a setting must be one of epsilon_hat, "),
        ("model.parameters = [1, 2]", "there must be 3 parameters, got 2"),
        ("model.train(1)", "the network has no data yet"),
        ("model.layerStatistics()", "the network has no data yet"),
        ("model.setData([], [])", "the number of examples must be a whole number from 1"),
        ("model.setData([1, 2, 3], [1])", "the number of examples must be a whole number from 1"),
        ("model.setData([1, 2], [1, 0])", "there must be 1 targets, got 2"),
        ("model.setData([1, NaN], [1])", "inputs and targets must be finite"),
        ("engine.model([2, 3], ['softmax'], 'multinomial_log_loss').setData([1, 2], [3])", "a class must be a whole"),
        ("model.setOptimizer({}, Infinity)", "the learning rate must be a finite number"),
        ("model.setData([1, 2], [1]), model.histogram('gradients', 0, -1, 1, 9)", "layerStatistics must come first"),
        ("model.setData([1, 2], [1], { batchSize: 0 })", "the batch must be a whole number from 1"),
        ("model.setData([1, 2], [1], { seed: -1 })", "the seed must be a whole number from 0"),
        ("engine.draw('zero', [2, 1], 0)", "the initializer must be one of zeros, "),
        ("engine.draw('he', [2, 1], 2 ** 32)", "the seed must be a whole number from 0 to 4294967295"),
        ("engine.draw('random', [2, 1], 0, NaN)", "the scale must be a finite number"),
        ("engine.model([2 ** 20, 2 ** 12, 1], ['relu', 'logistic'], 'log_loss')", "there is not enough memory"),
    ],
)
def test_bad_arguments_get_a_sentence(call, message):
    found = in_node(
        f"""
        const model = engine.model([2, 1], ["logistic"], "log_loss");
        try {{
            {call};
        }} catch (error) {{
            return error.message;
        }}
        """
    )
    assert found.startswith(message)


@needs_node
def test_a_diverging_training_ends_with_finite_parameters():
    status, epochs, parameters = in_node(
        """
        const model = engine.model([1, 1], ["identity"], "squared_error");
        model.parameters = [1, 0];
        model.setOptimizer({}, 1e200);
        model.setData([1, 2], [3, 4]);
        const { status, epochs } = model.train(100);
        return [status, epochs, Array.from(model.parameters)];
        """
    )
    assert status in ("diverged", "overflowed")
    assert 0 < epochs < 100
    assert np.isfinite(parameters).all()
