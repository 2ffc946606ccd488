"""Examples in every form that training takes: the same bits, nothing changed, nothing copied that need not be."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from forms import FORMS, content, eighths

from fastmlp import MLP, _kernels, checks

N, N_FEATURES = 75, 4
X = np.where(np.random.default_rng(1).random((N, N_FEATURES)) < 0.4, 0.0, eighths(0, (N, N_FEATURES)))
Y = (X[:, 0] > X[:, 1]).astype("int64")
WEIGHTS = eighths(2, N) ** 2


def trained(inputs, dtype="float64", **kwargs):
    """Everything that a training by batches and the calls on its network give for these inputs, as bytes."""
    options = {"batch_size": 16, "optimizer": "adam", "learning_rate": 0.05, "dropout": 0.2, "seed": 4, **kwargs}
    model = MLP([inputs_of_width(inputs), 7, 1], activation="tanh", seed=1, dtype=dtype)
    history = model.train(inputs, Y, epochs=4, sample_weight=WEIGHTS, **options)
    loss, gradient = model.loss_and_gradient(inputs, Y)
    outputs = (model.predict(inputs), model.predict_proba(inputs), model.decision_function(inputs))
    return [loss, *(array.tobytes() for array in (model.parameters, history.losses, gradient, *outputs))]


def inputs_of_width(inputs):
    return inputs.shape[1] if hasattr(inputs, "shape") else N_FEATURES


# ---- dense

LAYOUTS = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every other row, Fortran order": lambda a: np.asfortranarray(np.repeat(a, 2, axis=0))[::2],
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "some columns of a wider array": lambda a: np.c_[a + 1, a, a][:, N_FEATURES : 2 * N_FEATURES],
    "some rows of a longer Fortran array": lambda a: np.asfortranarray(np.r_[a + 1, a, a])[N : 2 * N],
    "rows reversed": lambda a: a[::-1].copy()[::-1],
    "columns reversed": lambda a: a[:, ::-1].copy()[:, ::-1],
    "a window of three dimensions": lambda a: np.stack([a, a + 1])[0],
    "an inner axis of three dimensions": lambda a: np.stack([a, a + 1], axis=2)[:, :, 0],
    "odd bytes between rows": lambda a: (
        np.concatenate([a.view(np.uint8), np.zeros((N, 3), np.uint8)], axis=1)[:, : a.shape[1] * a.itemsize]
        .copy()
        .view(a.dtype)
    ),
    "a field of records": lambda a: np.array([(row, 1) for row in a], [("x", a.dtype, (N_FEATURES,)), ("y", "i1")])[
        "x"
    ],
}


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("form", {**FORMS, **LAYOUTS})
def test_dense_inputs_in_any_form_give_the_same_bits_and_stay_as_they_are(form, shuffle, dtype):
    inputs = {**FORMS, **LAYOUTS}[form](X.astype(dtype) if form in LAYOUTS else X)
    before = content(inputs)
    assert trained(inputs, dtype, shuffle=shuffle) == trained(X, dtype, shuffle=shuffle)
    assert content(inputs) == before


@pytest.mark.parametrize("kind", ["bool", "int8", "uint16", "int64", "float16", "float32", "longdouble", ">f4", ">i4"])
def test_numbers_of_any_type_are_taken_at_their_values(kind, dtype):
    whole = np.round(X) ** 2 > 1 if kind == "bool" else np.round(X) ** 2
    assert trained(whole.astype(kind), dtype) == trained(whole.astype("float64"), dtype)


def test_one_column_and_one_row_in_every_layout(dtype):
    for inputs, y in ((X[:, :1], Y), (X[:1], Y[:1]), (X[:1, :1], Y[:1])):
        model = MLP([inputs.shape[1], 3, 1], seed=1, dtype=dtype)
        expected = model.loss_and_gradient(np.array(inputs, dtype), y)[1].tobytes()
        for form in ("C order", "Fortran order", "every other row", "every other column"):
            given = LAYOUTS[form](inputs.astype(dtype))
            assert model.loss_and_gradient(given, y)[1].tobytes() == expected
        broad = np.broadcast_to(inputs[:1], inputs.shape)
        assert model.predict_proba(broad).tobytes() == model.predict_proba(broad.copy()).tobytes()


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_memory_mapped_file_gives_the_same_bits_and_stays_as_it_is(mode, order, dtype, tmp_path):
    path = tmp_path / "inputs.bin"
    X.astype(dtype).ravel(order=order).tofile(path)
    before = path.read_bytes()
    inputs = np.memmap(path, dtype=dtype, mode=mode, shape=X.shape, order=order)
    assert trained(inputs, dtype) == trained(X, dtype)
    del inputs
    assert path.read_bytes() == before


def test_an_npy_file_read_by_mmap_mode_is_taken(tmp_path):
    np.save(tmp_path / "inputs.npy", X)
    assert trained(np.load(tmp_path / "inputs.npy", mmap_mode="r")) == trained(X)


# ---- sparse

SPARSE = [
    f"{kind}_{container}" for kind in ("csr", "csc", "coo", "lil", "dok", "bsr") for container in ("matrix", "array")
]


def sparse_content(matrix):
    coo = matrix.tocoo()
    return [content(array) for array in (coo.data, *coo.coords)], matrix.dtype, matrix.shape


@pytest.mark.parametrize("form", SPARSE)
def test_sparse_inputs_give_the_bits_of_the_dense_array_and_stay_as_they_are(form, dtype):
    matrix = getattr(scipy.sparse, form)(X.astype(dtype))
    before = sparse_content(matrix)
    assert trained(matrix, dtype) == trained(X, dtype)
    assert sparse_content(matrix) == before


@pytest.mark.parametrize("kind", ["bool", "int8", "int64", "float32", "longdouble"])
def test_sparse_numbers_of_any_type_are_taken_at_their_values(kind):
    whole = np.round(X) ** 2
    expected = whole.astype(kind).astype("float64")
    assert trained(scipy.sparse.csr_array(whole.astype(kind))) == trained(expected)


def changed_csr(change):
    matrix = scipy.sparse.csr_array(X)
    change(matrix)
    return matrix


def unsort(matrix):
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        for array in (matrix.data, matrix.indices):
            array[start:end] = array[start:end][::-1].copy()
    matrix.has_sorted_indices = False


def widen(matrix):
    matrix.indices, matrix.indptr = matrix.indices.astype("int64"), matrix.indptr.astype("int64")


def mix(matrix):
    matrix.indices = matrix.indices.astype("int64")


def leave_room(matrix):
    matrix.data, matrix.indices = np.r_[matrix.data, 7.0, np.nan], np.r_[matrix.indices, 0, 99].astype("int32")


def freeze(matrix):
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array.flags.writeable = False


@pytest.mark.parametrize("change", [unsort, widen, mix, leave_room, freeze], ids=lambda change: change.__name__)
def test_a_csr_matrix_in_any_valid_state_gives_the_bits_of_the_dense_array(change):
    assert trained(changed_csr(change)) == trained(X)


def test_stored_zeros_and_repeated_entries_of_a_csr_matrix_are_what_they_stand_for():
    values, columns = np.array([0.0, 1.5, 2.0, -0.5, 4.0]), np.array([2, 1, 1, 1, 0])
    matrix = scipy.sparse.csr_array((values, columns, np.array([0, 1, 4, 4, 5])), shape=(4, 4))
    model = MLP([4, 5, 1], seed=1)
    assert model.predict_proba(matrix).tobytes() == model.predict_proba(matrix.toarray()).tobytes()
    assert matrix.nnz == 5


@pytest.mark.parametrize("kind", ["bool", "int8", "uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr"])
@pytest.mark.parametrize("container", ["matrix", "array"])
def test_repeated_entries_are_added_in_the_dtype_of_the_network_whatever_the_form(form, kind, container, dtype):
    """120 + 120 is beyond int8, True + True is 2, and in float32 1 is lost beside 2^24."""
    values = np.array(
        {"bool": [1, 1, 1], "uint8": [200, 100, 3], "float64": [2**24, 1, 3]}.get(kind, [120, 120, 3]), kind
    )
    places = np.array([0, 0, 2]), np.array([1, 1, 0])
    parts = {
        "csr": (values, places[1], [0, 2, 2, 3]),
        "csc": (values[[2, 0, 1]], places[0][[2, 0, 1]], [0, 1, 3, 3, 3]),
        "bsr": (values[:, np.newaxis, np.newaxis], places[1], [0, 2, 2, 3]),
        "coo": (values, places),
    }
    matrix = getattr(scipy.sparse, f"{form}_{container}")(parts[form], shape=(3, 4))
    dense = np.zeros((3, 4), dtype)
    np.add.at(dense, places, values.astype(dtype))
    assert dense[0, 1] == values.astype(dtype)[:2].sum()
    model = MLP([4, 5, 1], seed=1, dtype=dtype)
    assert model.predict_proba(matrix).tobytes() == model.predict_proba(dense).tobytes()
    assert matrix.nnz == 3
    assert matrix.data.dtype == kind


def test_a_matrix_without_any_entry_is_all_zeros():
    model = MLP([4, 5, 1], activation="tanh", seed=1)
    model.biases[0][:] = 0.5
    matrix = scipy.sparse.csr_array((6, 4))
    assert model.predict_proba(matrix).tobytes() == model.predict_proba(np.zeros((6, 4))).tobytes()


@pytest.mark.parametrize("entry", [np.nan, np.inf, -np.inf])
def test_an_entry_that_is_not_finite_is_named_by_row_and_column(entry):
    sparse, dense = scipy.sparse.lil_array(X), X.copy()
    sparse[6, 2] = dense[6, 2] = entry
    for inputs in (sparse, sparse.tocsr(), sparse.tocsc(), dense, np.asfortranarray(dense), dense[::2, 1:]):
        place = r"\(6, 2\)" if inputs.shape == X.shape else r"\(3, 1\)"
        with pytest.raises(ValueError, match=f"X must be finite in float64, got {entry} at index {place}"):
            MLP([inputs.shape[1], 3, 1]).predict(inputs)


DAMAGE = {
    "none": lambda a: None,
    "empty": lambda a: a[:0],
    "shorter": lambda a: a[:-1],
    "a list": lambda a: a.tolist(),
    "float": lambda a: a.astype(float),
    "object": lambda a: a.astype(object),
    "a column": lambda a: a[:, np.newaxis],
    "one number": lambda a: np.array(3),
    "negative": lambda a: -a - 1,
    "outside": lambda a: a + 99,
    "far outside": lambda a: np.full(len(a), 2**40),
    "falling": lambda a: np.r_[0, a[:0:-1]],
    "a fall to 0": lambda a: np.r_[a[:-1], 0],
    "longer": lambda a: np.r_[a, a],
}
ANY_VECTOR = ["none", "empty", "shorter", "a list", "float", "object", "a column", "one number"]
ANY_INDEX = [*ANY_VECTOR, "negative", "outside", "far outside"]
DAMAGED = [
    *((form, "indices", damage) for form in ("csr", "csc", "bsr") for damage in ANY_INDEX),
    *((form, "indptr", damage) for form in ("csr", "csc", "bsr") for damage in DAMAGE),
    *(("coo", part, damage) for part in ("row", "col") for damage in [*ANY_INDEX, "longer"]),
    *(("dia", "offsets", damage) for damage in [*ANY_VECTOR, "longer", "far outside"]),
]


@pytest.mark.parametrize(("form", "part", "damage"), DAMAGED)
@pytest.mark.parametrize("container", ["matrix", "array"])
def test_a_damaged_sparse_matrix_is_refused_by_name(form, part, damage, container):
    """SciPy's conversions would read and write wherever such indices point."""
    matrix = getattr(scipy.sparse, f"{form}_{container}")(X)
    damaged = DAMAGE[damage](getattr(matrix, part))
    if form == "coo":
        matrix.coords = (damaged, matrix.col) if part == "row" else (matrix.row, damaged)
    else:
        vars(matrix)[part] = damaged
    model = MLP([4, 3, 1], seed=1)
    before = model.parameters.tobytes()
    with pytest.raises(ValueError, match=r"^X must be a sparse matrix|^X in (CSR|sparse) form must "):
        model.train(matrix, Y, epochs=3)
    assert model.parameters.tobytes() == before


@pytest.mark.parametrize("form", ["csr", "csc", "bsr", "coo", "dia", "lil"])
@pytest.mark.parametrize("damage", ["none", "empty", "shorter", "one number", "object"])
def test_a_sparse_matrix_of_damaged_values_is_refused_by_name(form, damage):
    matrix = getattr(scipy.sparse, f"{form}_array")(X)
    damaged = DAMAGE[damage](matrix.data)
    matrix.data = np.array([None] * len(damaged)) if damage == "object" and damaged is not None else damaged
    with pytest.raises((TypeError, ValueError), match=r"^X must be |^X in CSR form must "):
        MLP([4, 3, 1], seed=1).predict(matrix)


def test_a_list_of_lists_whose_rows_and_values_differ_in_length_is_refused():
    matrix = scipy.sparse.lil_array(X)
    matrix.data[3] = matrix.data[3][:-1]
    with pytest.raises(ValueError, match=r"^X must be a sparse matrix"):
        MLP([4, 3, 1]).predict(matrix)


# ---- arrays that another thread writes to while they are checked


def write_during(monkeypatch, owner, name, write):
    """Let ``owner.name`` write as another thread might, right after it has done its own work."""
    original = getattr(owner, name)

    def and_write(*arguments, **kwargs):
        answer = original(*arguments, **kwargs)
        write(answer)
        return answer

    monkeypatch.setattr(owner, name, and_write)


@pytest.mark.parametrize(
    ("inputs", "y", "loss", "message"),
    [
        (X, Y, "log_loss", "X must be finite in float64"),
        (np.asfortranarray(X), Y, "log_loss", "X must be finite in float64"),
        (scipy.sparse.csr_array(X), Y, "log_loss", "X must be finite in float64"),
        (X, Y.astype("float64"), "log_loss", "y must hold labels 0 and 1 only"),
        (X, Y.astype("float64"), "squared_error", "y must be finite in float64"),
        (X, Y.astype("float64"), "poisson", "y must be finite in float64"),
    ],
)
def test_what_another_thread_puts_right_during_a_check_is_an_error_of_ours(inputs, y, loss, message, monkeypatch):
    """A check finds something, and nothing where it then looks for the place."""
    inputs, y = inputs.copy(), y.copy()
    array = (inputs.data if scipy.sparse.issparse(inputs) else inputs) if message.startswith("X") else y
    was = array.flat[5]
    array.flat[5] = np.nan
    model = MLP([4, 3, 1], loss=loss)
    for check, found in (("first_not_finite", 0), ("all_binary", False)):
        write_during(monkeypatch, _kernels, check, lambda answer, found=found: answer == found and array.put(5, was))
    with pytest.raises(ValueError, match=f"^{message}.*something changed it while it was checked$"):
        model.loss_and_gradient(inputs, y)


def test_sample_weights_are_those_that_were_checked(monkeypatch):
    model = MLP([4, 3, 1])
    expected = model.examples(X, Y, sample_weight=WEIGHTS).sample_weight.tobytes()
    for bad in (np.nan, -1.0, 0.0):
        weights = WEIGHTS.copy()
        with monkeypatch.context() as patch:
            write_during(patch, checks, "check_finite", lambda answer, w=weights, b=bad: w.fill(b))
            assert model.examples(X, Y, sample_weight=weights).sample_weight.tobytes() == expected
        assert not (weights == WEIGHTS).all()


def test_indices_written_after_their_check_are_not_followed_in_a_conversion(monkeypatch):
    expected = MLP([4, 3, 1], seed=1).predict_proba(X)
    matrix = scipy.sparse.csc_array(X)
    write_during(monkeypatch, scipy.sparse.csc_array, "check_format", lambda answer: matrix.indices.fill(2**30))
    np.testing.assert_array_equal(MLP([4, 3, 1], seed=1).predict_proba(matrix), expected)


@pytest.mark.parametrize("at", [1, -1])
def test_pointers_written_after_their_check_are_not_followed_when_columns_are_put_in_order(at, monkeypatch):
    matrix, model = changed_csr(unsort), MLP([4, 3, 1])
    write_during(monkeypatch, _kernels, "Data", lambda answer: matrix.indptr.put(at, 2**30))
    with pytest.raises(ValueError, match=r"^X in CSR form must have indptr that rises from 0 and indices within"):
        model.predict(matrix)


# ---- memory

MEMORY_AS_IT_IS = pytest.mark.skipif(
    not sys.platform.startswith("linux") or "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="limits and peaks as Linux counts them, without a sanitizer's own memory",
)
ONE_THREAD = dict.fromkeys(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"], "1")
HEAD = f"""
import resource, sys
sys.path[:0] = {[path for path in sys.path if path]!r}
import numpy as np
from fastmlp import MLP, _kernels
"""


def in_a_child(code, *arguments):
    """What a fresh interpreter prints."""
    words = [sys.executable, "-c", HEAD + code, *map(str, arguments)]
    done = subprocess.run(words, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


LIMITED = """
folder, rows = sys.argv[1], int(sys.argv[2])
MLP([2, 2, 1]).train([[0.0, 1.0]], [1], epochs=1, batch_size=1)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
limit = int(status["VmData"].split()[0]) * 1024 + 32 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
X = np.memmap(folder + "/X.bin", "float64", "r", shape=(rows, 128))
assert X.nbytes > limit, (X.nbytes, limit)
y = np.load(folder + "/y.npy")
for inputs in (X, X[:, 3:]):
    try:
        np.array(inputs)
        sys.exit("the limit is none")
    except MemoryError:
        pass
    model = MLP([inputs.shape[1], 6, 1], activation="tanh", seed=1)
    model.train(inputs, y, epochs=1, batch_size=5000, optimizer="adam", seed=2)
    print(model.parameters.tobytes().hex())
    print(model.predict(inputs)[:1000].tobytes().hex())
"""


@MEMORY_AS_IT_IS
def test_a_file_larger_than_the_memory_allowed_is_trained_on_as_if_it_were_in_memory(tmp_path):
    rows, columns = 200_000, 128  # 205 MB
    rng = np.random.default_rng(0)
    inputs = np.memmap(tmp_path / "X.bin", "float64", "w+", shape=(rows, columns))
    rng.random(out=inputs)
    inputs.flush()
    y = (inputs[:, 0] > inputs[:, 5]).astype("int8")
    np.save(tmp_path / "y.npy", y)
    lines = in_a_child(LIMITED, tmp_path, rows).split()
    assert len(lines) == 4
    in_memory = np.array(inputs)
    for part, of_child in ((in_memory, lines[:2]), (in_memory[:, 3:], lines[2:])):
        model = MLP([part.shape[1], 6, 1], activation="tanh", seed=1)
        model.train(part, y, epochs=1, batch_size=5000, optimizer="adam", seed=2)
        assert of_child == [model.parameters.tobytes().hex(), model.predict(part)[:1000].tobytes().hex()]


PEAK = """
def peak():  # of this process alone: that of getrusage may be its parent's
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))

n, order = int(sys.argv[1]), sys.argv[2]
X = np.empty((n, 64), order=order)
np.random.default_rng(0).random(out=X if order == "C" else X.T)
y = (X[:, 0] > 0.5).astype("float64")
options = dict(batch_size=1000, optimizer="adam", seed=2, dropout=0.1)
before = peak()
MLP([64, 6, 1], seed=1).train(X, y, epochs=2, **options)
print(peak() - before)
"""


@MEMORY_AS_IT_IS
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_peak_of_memory_grows_with_the_orders_of_the_examples_alone(order):
    """64 features are 512 bytes per example; two orders of 8 bytes, 16, and what else a training may keep of each."""
    few, many = 2_000, 150_000
    growth = 1024 * (int(in_a_child(PEAK, many, order)) - int(in_a_child(PEAK, few, order)))
    assert growth < 48 * (many - few)
