"""The exported C compiles without a warning under every compiler found, and computes the kernels' bits."""

import ctypes
import platform
import re
import shutil
import subprocess

import numpy as np
import pytest
from networks import HIDDEN

from fastmlp import MLP, MLPClassifier, MLPRegressor, _kernels
from fastmlp.export import samples

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Wshadow", "-Wconversion"]
FUSED = ["-mavx2", "-mfma"] if platform.machine() == "x86_64" else []
TARGETS = [(isa, FUSED if isa == "avx2" else []) for isa in _kernels.available_isas() if isa != "avx512"]
ULPS = 0  # between the kernels' outputs and those of the C source


@pytest.fixture
def target(request):
    """Kernels and the compiler's options for their instruction set."""
    before = _kernels.current_isa()
    _kernels.select_isa(request.param[0])
    yield request.param[1]
    _kernels.select_isa(before)


every_target = pytest.mark.parametrize("target", TARGETS, indirect=True, ids=[isa for isa, _ in TARGETS])


class Exported:
    """A network written as C, compiled as a shared object and called."""

    def __init__(self, model, folder, *, compiler=COMPILERS[0], options=(), prefix=None, dtype=None):
        model.to_c(folder / "net.c", prefix=prefix, dtype=dtype)
        prefix, library = prefix or "net", folder / f"net-{compiler}.so"
        command = [compiler, *STRICT, "-O3", *options, "-shared", "-fPIC", folder / "net.c", "-o", library]
        subprocess.run(command, check=True)
        functions = ctypes.CDLL(str(library))
        self.predict, self.self_test = (functions[f"{prefix}_{name}"] for name in ("predict", "self_test"))
        self.class_of = getattr(functions, f"{prefix}_class", None)
        header = (folder / "net.h").read_text()
        real = np.dtype({"float": "float32", "double": "float64"}[re.search(r"const (\w+) \*inputs", header)[1]])
        lengths = {name: int(n) for name, n in re.findall(r"#define \w+_N_(\w+) (\d+)", header)}
        self.dtype, self.n_inputs = real, lengths["INPUTS"]
        self.outputs, self.scratch = np.empty(lengths["OUTPUTS"], real), np.empty(lengths["SCRATCH"], real)

    def __call__(self, X):
        rows = []
        for x in np.ascontiguousarray(X, self.dtype):
            assert x.shape == (self.n_inputs,)
            self.predict(*map(pointer, (x, self.outputs, self.scratch)))
            rows.append(self.outputs.copy())
        return np.array(rows)

    def test(self):
        return self.self_test(pointer(self.outputs), pointer(self.scratch))

    def classes(self, X):
        return np.array([self.class_of(pointer(row)) for row in self(X)])


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def inputs(n_features, n=200):
    """Usual inputs, tiny and large ones."""
    rng = np.random.default_rng(2)
    return rng.standard_normal((n, n_features)) * 10.0 ** rng.integers(-3, 3, (n, 1))


def network(layer_dims, activation="relu", loss="log_loss", dtype="float64"):
    model = MLP(layer_dims, activation=activation, loss=loss, dtype=dtype, seed=1)
    model.parameters = model.parameters + 0.1
    return model


def outputs(model, X):
    return samples.outputs_of(model, np.ascontiguousarray(X, model.plan.dtype))


# ---- the same bits


@every_target
@pytest.mark.parametrize("compiler", COMPILERS)
def test_all_activations_in_one_network_have_the_bits_of_the_kernels(compiler, target, dtype, tmp_path):
    model, X = network([6, *[9] * len(HIDDEN), 3], HIDDEN, "squared_error", dtype.name), inputs(6)
    exported = Exported(model, tmp_path, compiler=compiler, options=target)
    np.testing.assert_array_max_ulp(exported(X), outputs(model, X), ULPS)
    assert exported.test() == 0


@every_target
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("loss", ["log_loss", "multinomial_log_loss", "poisson"])
def test_every_output_has_the_bits_of_the_kernels(loss, compiler, target, dtype, tmp_path):
    n_outputs = 1 if loss == "log_loss" else 4
    model, X = network([5, 8, n_outputs], "tanh", loss, dtype.name), inputs(5)
    exported = Exported(model, tmp_path, compiler=compiler, options=target)
    np.testing.assert_array_max_ulp(exported(X), outputs(model, X), ULPS)
    assert exported.test() == 0


@every_target
@pytest.mark.parametrize("dims", [[1, 1], [3, 2], [4, 1, 1], [7, 100, 5, 33, 2], [784, 64, 10]])
def test_any_widths_have_the_bits_of_the_kernels(dims, target, dtype, tmp_path):
    model, X = network(dims, loss="squared_error", dtype=dtype.name), inputs(dims[0], 20)
    exported = Exported(model, tmp_path, options=target)
    np.testing.assert_array_max_ulp(exported(X), outputs(model, X), ULPS)
    assert exported.test() == 0
    assert len(exported.scratch) == max([*dims[1:-1:2], 0]) + max([*dims[2:-1:2], 0])


@every_target
@pytest.mark.parametrize("activation", HIDDEN)
def test_the_whole_range_has_the_bits_of_the_kernels(activation, target, dtype, tmp_path):
    """Subnormal numbers, infinities and NaN go through one unit of weight 1; no function is left over."""
    model = MLP([1, 1, 1], activation=activation, loss="squared_error", initialization="zeros", dtype=dtype)
    for W in model.weights:
        W[:] = 1
    info = np.finfo(dtype)
    exponents = np.arange(info.minexp - info.nmant, info.maxexp)
    x = np.concatenate([np.ldexp(dtype.type(1.37), exponents), [0, np.inf, np.nan, info.max]]).astype(dtype)
    X = np.concatenate([x, -x])[:, np.newaxis]
    exported = Exported(model, tmp_path, compiler=COMPILERS[-1], options=target)
    np.testing.assert_array_equal(exported(X), outputs(model, X))


# ---- dtypes, names, classes


def test_a_network_is_written_in_the_dtype_asked_for(tmp_path):
    model, X = network([4, 8, 3], "gelu", "multinomial_log_loss"), inputs(4)
    exported = Exported(model, tmp_path, dtype="float32")
    assert exported.dtype == np.float32
    np.testing.assert_allclose(exported(X), model.predict_proba(X.astype(np.float32)), rtol=1e-3, atol=1e-6)
    assert exported.test() == 0
    model.weights[0][0, 0] = 1e300
    with pytest.raises(ValueError, match=r"parameters must be finite in float32"):
        model.to_c(tmp_path / "net.c", dtype="float32")


def test_the_prefix_is_that_of_all_public_names(tmp_path):
    exported = Exported(network([4, 8, 1]), tmp_path, prefix="Gesture2_left")
    assert exported.test() == 0
    library = tmp_path / f"net-{COMPILERS[0]}.so"
    symbols = subprocess.run(["nm", "-g", "--defined-only", library], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in symbols.stdout.splitlines() if line.split()[-2] == "T"}
    assert {name.lstrip("_") for name in names} >= {
        f"Gesture2_left_{name}" for name in ("predict", "class", "self_test")
    }
    assert all("Gesture2_left" in name for name in names if not name.startswith("_"))


@pytest.mark.parametrize("prefix", ["", "2d", "a-b", "ä", "x" * 50, 3, "a b", "net\n"])
def test_other_prefixes_are_refused(prefix, tmp_path):
    with pytest.raises(ValueError, match=r"^prefix must be a name in C of at most 41 ASCII letters, digits and _, got"):
        network([2, 1]).to_c(tmp_path / "net.c", prefix=prefix)
    assert not list(tmp_path.iterdir())


def test_wrong_paths_and_parameters_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"^path must end in \.c, got '.*net\.cpp'; the header goes beside it$"):
        network([2, 1]).to_c(tmp_path / "net.cpp")
    with pytest.raises(ValueError, match=r"^prefix must be given where the file's name is no name in C, got '2\.c'$"):
        network([2, 1]).to_c(tmp_path / "2.c")
    with pytest.raises(TypeError, match=r"^path must be a path, got "):
        network([2, 1]).to_c(3)
    with pytest.raises(ValueError, match="dtype"):
        network([2, 1]).to_c(tmp_path / "net.c", dtype="float16")
    model = network([2, 1])
    model.weights[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="parameters must be finite"):
        model.to_c(tmp_path / "net.c")
    assert not list(tmp_path.iterdir())


def test_a_network_without_finite_outputs_is_refused(tmp_path):
    model = MLP([2, 2, 1], loss="squared_error", dtype="float32", initialization="zeros")
    model.weights[1][:] = 3e38
    model.biases[0][:] = 10
    with pytest.raises(ValueError, match="parameters must give finite outputs"):
        model.to_c(tmp_path / "net.c")


@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"], [3, 5, 7], ["*/ int x;", "/*", 'c"\n\\']])
def test_a_classifier_gives_the_index_of_the_class(labels, tmp_path):
    X = inputs(4)
    y = np.array(labels)[np.arange(len(X)) % len(labels)]
    classifier = MLPClassifier((8,), max_iter=3, random_state=0, alpha=1.0)
    with pytest.warns(UserWarning):
        classifier.fit(X, y)
    exported = Exported(classifier, tmp_path)
    probabilities = classifier.predict_proba(X)
    np.testing.assert_allclose(exported(X), probabilities[:, 1:] if len(labels) == 2 else probabilities, rtol=1e-9)
    np.testing.assert_array_equal(classifier.classes_[exported.classes(X)], classifier.predict(X))
    header = (tmp_path / "net.h").read_text()
    assert [f" *   {i}  " in header for i in range(4)] == [i < len(labels) for i in range(4)]


@pytest.mark.filterwarnings("ignore:lbfgs failed")
def test_several_labels_and_values_have_no_class(tmp_path):
    X = inputs(3, 40)
    Y = (X[:, :2] > 0).astype(int)
    classifier = MLPClassifier((5,), solver="lbfgs", max_iter=20, random_state=0).fit(X, Y)
    exported = Exported(classifier, tmp_path)
    np.testing.assert_allclose(exported(X), classifier.predict_proba(X), rtol=1e-9, atol=1e-300)
    assert exported.class_of is None
    regressor = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=20, random_state=0).fit(X, X[:, 0])
    folder = tmp_path / "regressor"  # a library is loaded once per path
    folder.mkdir()
    exported = Exported(regressor, folder)
    np.testing.assert_allclose(exported(X)[:, 0], regressor.predict(X), rtol=1e-9)
    assert exported.class_of is None


# ---- what the header says


@pytest.mark.parametrize("activation", HIDDEN)
def test_the_header_states_all_memory(activation, dtype, tmp_path):
    model = network([6, 9, 17, 3], activation, "multinomial_log_loss", dtype.name)
    model.to_c(tmp_path / "net.c")
    source, header = (tmp_path / "net.c").read_text(), (tmp_path / "net.h").read_text()
    stated = [int(n) for n in re.findall(r"^ \*   (\d+)  (?:constants|of RAM)", header, re.MULTILINE)]
    arrays = re.findall(r"^static const real (\w+)\[", source, re.MULTILINE)
    kinds = [[a for a in arrays if a.startswith(start)] for start in (("weights", "biases"), "", "test")]
    kinds[1] = [a for a in arrays if a not in kinds[0] + kinds[2]]
    sizes = ", ".join(" + ".join(["0", *(f"(int)sizeof({a})" for a in kind)]) for kind in kinds)
    program = f'#include "net.c"\nint sizes[] = {{{sizes}, NET_N_SCRATCH * (int)sizeof(real)}};\n'
    (tmp_path / "sizes.c").write_text(program)
    library = tmp_path / "sizes.so"
    command = [COMPILERS[0], *STRICT, "-shared", "-fPIC", tmp_path / "sizes.c", "-o", library]
    subprocess.run(command, check=True)
    assert stated == list((ctypes.c_int * 4).in_dll(ctypes.CDLL(str(library)), "sizes"))
    assert stated[0] == model.parameters.nbytes


def test_nothing_is_written_but_what_the_caller_gives(tmp_path):
    """No variable with static storage, and no call of another function."""
    network([6, 9, 17, 3], "gelu", "multinomial_log_loss").to_c(tmp_path / "net.c")
    for compiler in COMPILERS:
        subprocess.run([compiler, *STRICT, "-O2", "-c", tmp_path / "net.c", "-o", tmp_path / "net.o"], check=True)
        symbols = subprocess.run(["nm", tmp_path / "net.o"], capture_output=True, text=True, check=True).stdout
        kinds = {line.split()[-2] for line in symbols.splitlines()}
        assert not kinds & {"B", "b", "D", "d", "C"}, symbols
        assert not [line for line in symbols.splitlines() if " U " in line and "mem" not in line], symbols


def test_the_self_test_notices_another_weight_and_can_be_left_out(tmp_path):
    network([4, 8, 3], "tanh", "multinomial_log_loss").to_c(tmp_path / "net.c")
    source = tmp_path / "net.c"
    changed = source.read_text().replace("weights_2[24] = {\n    ", "weights_2[24] = {\n    1e-6 + ")
    source.write_text(changed)
    library = tmp_path / "net.so"
    subprocess.run([COMPILERS[0], *STRICT, "-shared", "-fPIC", source, "-o", library], check=True)
    out, scratch = np.empty(3), np.empty(8)
    assert ctypes.CDLL(str(library)).net_self_test(pointer(out), pointer(scratch)) == 1
    library = tmp_path / "without.so"  # a name of its own: a library once loaded stays
    subprocess.run([COMPILERS[0], *STRICT, "-DNET_NO_SELF_TEST", "-shared", "-fPIC", source, "-o", library], check=True)
    assert not hasattr(ctypes.CDLL(str(library)), "net_self_test")


def test_the_header_is_cxx_too(tmp_path):
    compilers = [name for name in ("g++", "clang++") if shutil.which(name)]
    network([4, 8, 1]).to_c(tmp_path / "net.c")
    (tmp_path / "main.cpp").write_text('#include "net.h"\nint main() { return net_class(nullptr); }\n')
    for compiler in compilers:
        subprocess.run(
            [compiler, "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "main.cpp"], cwd=tmp_path, check=True
        )
    assert compilers
