"""Sparse inputs read by their stored entries alone: the bits of the dense way, in memory that does not grow with the
features."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from alarms import alarm, interrupt
from networks import OPTIMIZER, activations_of, engine_of, loss_options, random_network

from fastmlp import MLP, _kernels
from fastmlp.engine.examples import MOST_DENSITY_OF_SPARSE, is_sparse


class Case:
    """A network, sparse examples with some empty rows, and the passes over them both ways."""

    def __init__(self, layer_dims, n_examples, dtype, *, density=0.05, index_dtype="int32", loss="log_loss", **options):
        self.dtype, self.layer_dims, self.n_examples = np.dtype(dtype), layer_dims, n_examples
        self.parameters, inputs, self.targets = random_network(layer_dims, n_examples, dtype, loss=loss)
        rng = np.random.default_rng(1)
        is_stored = (rng.random(inputs.T.shape) < density) & (np.arange(n_examples) % 7 != 3)[:, np.newaxis]
        self.matrix = scipy.sparse.csr_array(np.where(is_stored, inputs.T, 0))
        self.csr = csr_of(self.matrix, index_dtype)
        self.sample_weight = rng.random(n_examples).astype(dtype)
        self.options = {**loss_options(loss), **options}
        self.activations = activations_of(layer_dims, loss=loss)

    def engine(self, sparse, batch=None, **options):
        batch = batch or self.n_examples
        return engine_of(self.dtype, self.layer_dims, self.activations, batch, sparse=sparse, **self.options, **options)

    def data(self):
        return _kernels.Data(self.csr, self.targets, self.sample_weight)

    def loss_and_gradient(self, sparse, **options):
        gradient = np.full_like(self.parameters, np.nan)
        return self.engine(sparse, **options).loss_and_gradient(gradient, self.parameters, self.data()), gradient

    def train(self, sparse, batch, order=None, epochs=3, **options):
        """The losses, parameters and moments of Adam with dropout, penalty and clipping."""
        dropout = (0.25,) * (len(self.layer_dims) - 1)
        parameters, moments = self.parameters.copy(), np.zeros((2, len(self.parameters)), self.dtype)
        rates, losses = np.full(epochs * -(-self.n_examples // batch), 1e-2), np.empty(epochs)
        optimizer = OPTIMIZER | {"method": "adam", "l2": 1e-3, "clip_norm": 1.0}
        engine = self.engine(sparse, batch, dropout=dropout, **options)
        assert engine.train(parameters, self.data(), optimizer, moments, rates, order, losses, epochs, seed=3)
        return losses, parameters, moments

    def predict(self, sparse, probabilities):
        outputs = np.full((self.layer_dims[-1], self.n_examples), np.nan, self.dtype)
        self.engine(sparse).predict(outputs, self.parameters, self.data(), probabilities)
        return outputs


def csr_of(matrix, index_dtype):
    indices, indptr = matrix.indices.astype(index_dtype), matrix.indptr.astype(index_dtype)
    return matrix.data, indices, indptr, matrix.shape[1]


def assert_same(got, expected):
    """Equal bit by bit, but for the sign of zeros."""
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


NETWORKS = {
    "several layers": ((300, 33, 6, 3), 200, "multilabel_log_loss"),
    "one layer": ((160, 5), 90, "multinomial_log_loss"),
    "narrow": ((5, 6, 1), 1500, "log_loss"),
    "many tiles": ((64, 4, 2), 3000, "squared_error"),
    "many parameters and tiles": ((2000, 20, 1), 2500, "log_loss"),
    "one example": ((100, 9, 1), 1, "poisson"),
}


@pytest.fixture(params=NETWORKS)
def case(request, dtype):
    layer_dims, n_examples, loss = NETWORKS[request.param]
    return Case(layer_dims, n_examples, dtype, loss=loss, density=0.3 if layer_dims[0] < 10 else 0.05)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_loss_and_gradient_have_the_bits_of_the_dense_way(case, n_threads, isa):
    assert_same(case.loss_and_gradient(True, n_threads=n_threads), case.loss_and_gradient(False))


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("is_shuffled", [False, True])
def test_training_has_the_bits_of_the_dense_way(case, is_shuffled, n_threads, isa):
    n, rng = case.n_examples, np.random.default_rng(0)
    order = np.array([rng.permutation(n) for _ in range(3)]) if is_shuffled else None
    for batch in {n, 1 + n // 4}:
        assert_same(case.train(True, batch, order, n_threads=n_threads), case.train(False, batch, order))


@pytest.mark.parametrize("probabilities", [False, True])
def test_predictions_have_the_bits_of_the_dense_way(case, probabilities, isa):
    np.testing.assert_array_equal(case.predict(True, probabilities), case.predict(False, probabilities))


def test_the_cases_above_take_both_orders_of_summing(isa, dtype):
    cases = [Case(layer_dims, n, dtype, loss=loss) for layer_dims, n, loss in NETWORKS.values()]
    plans = [case.engine(True).describe() for case in cases]
    assert {plan["gradient_methods"][0] for plan in plans} == {"lane_sums", "broadcast"}
    assert any(plan["chunks"] > 1 for plan in plans)
    assert all(plan["sparse"] for plan in plans)
    assert not cases[0].engine(False).describe()["sparse"]


def test_indices_of_64_bits_give_the_same(isa, dtype):
    layer_dims, n_examples, loss = NETWORKS["several layers"]
    narrow, wide = (Case(layer_dims, n_examples, dtype, loss=loss, index_dtype=i) for i in ("int32", "int64"))
    assert_same(wide.loss_and_gradient(True), narrow.loss_and_gradient(True))


def test_rows_without_entries_see_the_biases_alone(isa, dtype):
    case = Case((40, 3, 2), 50, dtype, density=0, loss="squared_error")
    assert len(case.csr[0]) == 0
    assert_same(case.loss_and_gradient(True), case.loss_and_gradient(False))
    assert_same(case.train(True, 8), case.train(False, 8))
    assert np.ptp(case.predict(True, False), axis=1).max() == 0


# ---- what an engine for sparse data takes


def test_an_engine_for_sparse_data_takes_canonical_csr_alone():
    case = Case((4, 3, 1), 2, "float64")
    values, indptr = np.ones(4), np.array([0, 2, 4], "int32")
    gradient, predicted = np.empty_like(case.parameters), np.empty((1, 2))
    for columns in ([1, 0, 2, 3], [0, 1, 3, 3]):
        data = _kernels.Data((values, np.array(columns, "int32"), indptr, 4), case.targets)
        assert not data.is_canonical_csr
        with pytest.raises(ValueError, match="CSR data alone, columns ascending"):
            case.engine(True).loss_and_gradient(gradient, case.parameters, data)
        with pytest.raises(ValueError, match="CSR data alone, columns ascending"):
            case.engine(True).predict(predicted, case.parameters, data, True)
    dense = _kernels.Data(np.ones((2, 4)), case.targets)
    assert not dense.is_canonical_csr
    with pytest.raises(ValueError, match="CSR data alone, columns ascending"):
        case.engine(True).loss_and_gradient(gradient, case.parameters, dense)
    with pytest.raises(ValueError, match="CSR data alone, columns ascending"):
        case.engine(True).predict_one(case.parameters, np.ones(4), True)
    ascending = _kernels.Data((values, np.array([0, 3, 0, 1], "int32"), indptr, 4), case.targets)
    assert ascending.is_canonical_csr
    assert ascending.density == 0.5
    assert np.isfinite(case.engine(True).loss_and_gradient(gradient, case.parameters, ascending))


@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
@pytest.mark.parametrize("n_examples", [40, 1500])
def test_indices_that_change_after_the_check_are_not_followed(n_examples, index_dtype, isa, dtype):
    case = Case((6, 5, 1), n_examples, dtype, density=0.5, index_dtype=index_dtype)
    values, indices, indptr, _ = case.csr
    data, engine = case.data(), case.engine(True)
    gradient, outputs = np.empty_like(case.parameters), np.empty((1, n_examples), dtype)
    n, far = len(values), 2**30
    for new_indices, new_indptr in (
        (far, None),
        (-5, None),
        (None, far),
        (None, -far),
        (None, np.linspace(n, 0, n_examples + 1)),
        (far, np.tile([-far, far], n_examples)[: n_examples + 1]),
    ):
        if new_indices is not None:
            indices[:] = new_indices
        if new_indptr is not None:
            indptr[:] = new_indptr
        assert np.isfinite(engine.loss_and_gradient(gradient, case.parameters, data))
        assert np.isfinite(gradient).all()
        engine.predict(outputs, case.parameters, data, True)
        assert np.isfinite(outputs).all()


@pytest.mark.parametrize("n_examples", [200, 1500])
def test_a_long_pass_is_interrupted(n_examples):
    case = Case((20_000, 200, 1), n_examples, "float32", density=0.1)
    with alarm(interrupt, 0.2), pytest.raises(KeyboardInterrupt):
        case.train(True, n_examples, epochs=10**4)
    with alarm(interrupt, 0.1), pytest.raises(KeyboardInterrupt):
        for _ in range(10**4):
            case.predict(True, True)


# ---- the model: chooses by density, and brings any sparse matrix into the form that is read


def sparse_and_dense(density, dtype="float64"):
    case = Case((500, 8, 1), 120, dtype, density=density)
    return case.matrix, case.matrix.toarray(), case.targets[0]


def trained(X, y):
    model = MLP([500, 8, 1], seed=0)
    model.train(X, y, epochs=3, batch_size=50, optimizer="adam", seed=0)
    loss, gradient = model.loss_and_gradient(X, y)
    return model.parameters, loss, gradient, model.predict_proba(X), model.decision_function(X)


@pytest.mark.parametrize("density", [MOST_DENSITY_OF_SPARSE / 2, MOST_DENSITY_OF_SPARSE * 2])
def test_a_model_gives_the_same_bits_at_any_density(density):
    sparse, dense, y = sparse_and_dense(density)
    assert is_sparse(_kernels.Data(csr_of(sparse, "int32"))) == (density < MOST_DENSITY_OF_SPARSE)
    assert_same(trained(sparse, y), trained(dense, y))


def shuffled_within_rows(matrix):
    """The same matrix, columns of each row in descending order."""
    order = np.concatenate([np.arange(end - 1, start - 1, -1) for start, end in itertools.pairwise(matrix.indptr)])
    return scipy.sparse.csr_array((matrix.data[order], matrix.indices[order], matrix.indptr), shape=matrix.shape)


def test_columns_in_any_order_and_entries_in_two_parts_are_put_in_order_on_a_copy():
    matrix, _, y = sparse_and_dense(MOST_DENSITY_OF_SPARSE / 2)
    halves = scipy.sparse.csr_array(
        (np.repeat(matrix.data / 2, 2), np.repeat(matrix.indices, 2), matrix.indptr * 2), shape=matrix.shape
    )
    expected = trained(matrix, y)
    for form in (shuffled_within_rows(matrix), halves):
        before = form.data.copy(), form.indices.copy(), form.indptr.copy()
        assert_same(trained(form, y), expected)
        assert_same((form.data, form.indices, form.indptr), before)


def test_a_form_wrongly_said_to_be_canonical_is_put_in_order():
    matrix, _, y = sparse_and_dense(MOST_DENSITY_OF_SPARSE / 2)
    wrong = shuffled_within_rows(matrix)
    wrong.has_sorted_indices = wrong.has_canonical_format = True
    assert_same(trained(wrong, y), trained(matrix, y))


def test_entries_that_overflow_when_added_are_refused_by_place():
    most = np.finfo("float64").max
    matrix = scipy.sparse.csr_array((np.array([most, most]), np.array([3, 3]), np.array([0, 0, 2])), shape=(2, 500))
    with pytest.raises(ValueError, match=r"X must be finite in float64, got inf at index \(1, 3\)"):
        MLP([500, 1]).predict(matrix)


@pytest.mark.parametrize("outputs", [1, 3])
def test_one_sparse_row_has_the_bits_of_the_others(outputs):
    matrix, dense, _ = sparse_and_dense(MOST_DENSITY_OF_SPARSE / 2)
    loss = "log_loss" if outputs == 1 else "multinomial_log_loss"
    model = MLP([500, 8, outputs], loss=loss, seed=0)
    expected = model.predict_proba(matrix).reshape(-1, outputs)
    for i in range(5):
        row = matrix[[i]]
        np.testing.assert_array_equal(model.predict_one(row), expected[i])
        np.testing.assert_array_equal(model.predict_proba(row).reshape(-1), expected[i])
        np.testing.assert_array_equal(model.predict_one(dense[i]), expected[i])
    for wrong in (matrix[:2], matrix[[0]].T, matrix[[0]][:, :499]):
        with pytest.raises(ValueError, match=r"x must have shape \(1, 500\) where it is sparse"):
            model.predict_one(wrong)


# ---- memory


def test_scratch_does_not_grow_with_the_features(isa, dtype):
    """But for a vector of the sums of one row of weights, where its gradient is summed by lanes."""
    for batch in (1, 200, 3000):
        few, many = (
            engine_of(dtype, (n, 32, 1), activations_of((n, 32, 1)), batch, sparse=True).describe()
            for n in (10_000, 1_000_000)
        )
        sums = many["lanes"] * 1_000_000 * dtype.itemsize if many["gradient_methods"][0] == "lane_sums" else 0
        assert few["gradient_methods"] == many["gradient_methods"]
        assert many["scratch_bytes"] <= few["scratch_bytes"] + sums


PEAK = """
import sys
sys.path[:0] = {path!r}
import numpy as np
import scipy.sparse
from fastmlp import MLP

def peak():
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))

n_features = 1_000_000
model = MLP([n_features, 8, 1], initialization="zeros", dtype="float32")
columns = np.sort(np.random.default_rng(0).integers(0, n_features, (500, 100)), axis=1)
X = scipy.sparse.csr_array((np.ones(50_000, "f"), columns.ravel(), np.arange(0, 50_001, 100)), shape=(500, n_features))
X.sum_duplicates()
y = np.arange(500) % 2
before = peak()
model.train(X, y, epochs=1, batch_size=200, optimizer="sgd", n_threads=1)
model.predict(X)
model.predict_one(X[[0]])
print(peak() - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="peaks as Linux counts them, without a sanitizer's own memory",
)
def test_peak_memory_of_a_million_features_is_that_of_the_gradient():
    """32 MB of gradient; the inputs of one batch as columns would be 800 MB."""
    script = PEAK.format(path=[p for p in sys.path if p])
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 64 * 1024
