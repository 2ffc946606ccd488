"""X, y and weights in the types that people have them in: converted where nothing is lost, otherwise named."""

import datetime
import numbers
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from fastmlp import MLP, notebook

REALS, WHOLE = [1.5, -2.0, 0.25, 3.0], [3, 1, 2, 2]
BOOLS = [True, False, True, True]
EXPECTED = np.c_[REALS, WHOLE, BOOLS].astype("float64")
COLUMNS = {"a": REALS, "b": WHOLE, "c": BOOLS}
ORDINARY = pd.DataFrame(COLUMNS)


def of_columns(**dtypes):
    return pd.DataFrame({name: pd.Series(COLUMNS[name], dtype=dtype) for name, dtype in dtypes.items()})


FRAMES = {
    "pandas": ORDINARY,
    "pandas, nullable": of_columns(a="Float64", b="Int64", c="boolean"),
    "pandas, nullable and not": of_columns(a="float32", b="Int8", c="bool"),
    "pandas, Arrow": of_columns(a="double[pyarrow]", b="uint8[pyarrow]", c="bool[pyarrow]"),
    "pandas, categories of numbers": of_columns(a="category", b="category", c="category"),
    "pandas, objects": ORDINARY.astype(object),
    "pandas, sparse": ORDINARY.assign(b=pd.arrays.SparseArray(WHOLE)),
    "pandas, decimal": ORDINARY.assign(a=[Decimal(str(a)) for a in REALS]),
    "pandas, decimal of Arrow": ORDINARY.assign(
        a=pd.array([Decimal(str(a)) for a in REALS], dtype=pd.ArrowDtype(pa.decimal128(8, 3)))
    ),
    "pandas, one name twice": ORDINARY.set_axis(["a", "a", "b"], axis=1),
    "pandas, another index": ORDINARY.set_axis([9, 9, 3, 1]),
    "polars": pl.DataFrame(COLUMNS),
    "polars, decimal": pl.DataFrame(COLUMNS | {"a": [Decimal(str(a)) for a in REALS]}),
    "pyarrow table": pa.table(COLUMNS),
    "pyarrow table in chunks": pa.concat_tables([pa.table(COLUMNS).slice(0, 1), pa.table(COLUMNS).slice(1)]),
    "pyarrow batch": pa.RecordBatch.from_pydict(COLUMNS),
}


@pytest.mark.parametrize("form", FRAMES)
def test_frames_of_numbers_are_taken_at_their_values(form, dtype):
    model = MLP([3, 4, 1], seed=1, dtype=dtype)
    assert model.decision_function(FRAMES[form]).tobytes() == model.decision_function(EXPECTED).tobytes()


def test_dummies_beside_numbers_are_taken():
    frame = pd.get_dummies(pd.DataFrame({"city": list("abca"), "age": REALS}))
    model = MLP([4, 1], seed=1)
    np.testing.assert_array_equal(model.predict(frame), model.predict(np.array(frame, "float64")))


def test_a_frame_of_one_dtype_is_read_in_place():
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3))
    examples = MLP([3, 1]).examples(frame, [0, 1, 0, 1])
    assert np.shares_memory(examples.inputs, frame.to_numpy())


NUMBERS = {
    "objects": np.array([[1, Decimal("1.5")], [True, Fraction(1, 4)], [np.float32(2), np.int8(3)]], object),
    "lists of them": [[1, Decimal("1.5")], [True, Fraction(1, 4)], [np.float32(2), np.int8(3)]],
    "float16": np.array([[1, 1.5], [1, 0.25], [2, 3]], "float16"),
    "a NumPy matrix": np.matrix([[1, 1.5], [1, 0.25], [2, 3]]),
    "lists of Series": [pd.Series(row) for row in ([1, 1.5], [1, 0.25], [2, 3])],
}


@pytest.mark.parametrize("form", NUMBERS)
def test_objects_that_are_numbers_are_taken_at_their_values(form, dtype):
    model = MLP([2, 4, 1], seed=1, dtype=dtype)
    expected = model.decision_function(np.array([[1, 1.5], [1, 0.25], [2, 3]]))
    assert model.decision_function(NUMBERS[form]).tobytes() == expected.tobytes()


def test_integers_are_rounded_to_the_nearest_number_of_the_dtype(dtype):
    model = MLP([1, 1], seed=1, dtype=dtype)
    large = 2**60 + 1
    expected = model.decision_function(np.array([[2.0**60]], dtype))
    for form in ([[large]], np.array([[large]]), np.array([[large]], object), pd.DataFrame({"a": [large]})):
        np.testing.assert_array_equal(model.decision_function(form), expected)


LABELS = [1, 0, 1, 1]
TARGETS = {
    "pandas": pd.Series(LABELS),
    "pandas, another index": pd.Series(LABELS, index=[3, 2, 1, 0]),
    "pandas, nullable": pd.Series(LABELS, dtype="Int64"),
    "pandas, boolean": pd.array([True, False, True, True], dtype="boolean"),
    "pandas, Arrow": pd.Series(LABELS, dtype="int64[pyarrow]"),
    "pandas, categories": pd.Series(LABELS, dtype="category"),
    "pandas, Index": pd.Index(LABELS),
    "polars": pl.Series(LABELS),
    "polars, bool": pl.Series([True, False, True, True]),
    "pyarrow": pa.array(LABELS),
    "pyarrow, in chunks": pa.chunked_array([LABELS[:1], LABELS[1:]]),
    "pyarrow, bool": pa.array([True, False, True, True]),
    "objects": np.array([1, Decimal(0), True, np.float32(1)], object),
}


@pytest.mark.parametrize("loss", ["log_loss", "multinomial_log_loss", "squared_error"])
@pytest.mark.parametrize("form", TARGETS)
def test_targets_and_weights_in_any_column_are_taken_at_their_values(form, loss):
    model = MLP([3, 2 if loss == "multinomial_log_loss" else 1], loss=loss, seed=1)
    expected = model.loss_and_gradient(EXPECTED, LABELS, sample_weight=LABELS)[1].tobytes()
    column = TARGETS[form]
    assert model.loss_and_gradient(EXPECTED, column, sample_weight=column)[1].tobytes() == expected


# ---- what would lose its meaning

DAY = datetime.date(2020, 1, 1)
ENCODE, CONVERT = (
    "; encode it, e.g. with sklearn.preprocessing.OneHotEncoder$",
    r"; convert it, e.g. with astype\(float\)$",
)
MISSING, DATE = "; drop or fill what is missing$", "; pass numbers, e.g. the days since a first date$"
DURATION = r"; pass numbers, e.g. what division by numpy.timedelta64\(1, 's'\) gives$"


class Mute(numbers.Real):
    """A number that cannot be had."""

    def __float__(self):
        raise IndexError("no number\ntoday")


Mute.__abstractmethods__ = frozenset()


BAD_COLUMNS = {
    "str": (list("wxyz"), TypeError, f"got str 'w' at index 0{ENCODE}"),
    "categories": (pd.Categorical(list("wxyz")), TypeError, f"got str 'w' at index 0{ENCODE}"),
    "bytes": ([b"w"] * 4, TypeError, f"got b'w' at index 0{ENCODE}"),
    "str of a number": (["1", "2", "3", "4"], TypeError, f"got str '1' at index 0{CONVERT}"),
    "one str among numbers": ([1, 2.0, "x", 3], TypeError, f"got str 'x' at index 2{ENCODE}"),
    "nullable": (pd.array([1, 2, None, 3], dtype="Int64"), ValueError, f"got a missing one at index 2{MISSING}"),
    "boolean": (pd.array([True, None] * 2, dtype="boolean"), ValueError, f"got a missing one at index 1{MISSING}"),
    "Arrow": (pd.array([1.0, None] * 2, dtype="double[pyarrow]"), ValueError, f"a missing one at index 1{MISSING}"),
    "category": (pd.Categorical([1, 2, 1, None]), ValueError, f"got a missing one at index 3{MISSING}"),
    "objects": (pd.Series([1, None, 2, 3], dtype=object), TypeError, f"got None at index 1{MISSING}"),
    "NaT": (pd.Series([1, pd.NaT, 2, 3], dtype=object), TypeError, f"got NaT at index 1{MISSING}"),
    "complex": ([1j] * 4, TypeError, "got dtype complex128 from Series; pass the real and imaginary parts as two"),
    "complex objects": (pd.Series([1j] * 4, dtype=object), TypeError, "got 1j at index 0; pass the real and"),
    "datetime": (pd.date_range("2020", periods=4), TypeError, f"got dtype datetime64.* from Series{DATE}"),
    "date": ([DAY] * 4, TypeError, rf"got datetime.date\(2020, 1, 1\) at index 0{DATE}"),
    "timedelta": (pd.to_timedelta([1] * 4, unit="s"), TypeError, f"got dtype timedelta64.* from Series{DURATION}"),
    "duration": (pd.Series([datetime.timedelta(1)] * 4, dtype=object), TypeError, f"got datetime.time.*{DURATION}"),
    "interval": (
        pd.interval_range(0, 4),
        TypeError,
        "got Interval.* at index 0; pass numbers, e.g. the middle of each",
    ),
    "lists": ([[1, 2]] * 4, TypeError, r"got \[1, 2\] at index 0; give each entry a column of its own"),
    "arrays": ([np.ones(2)] * 4, TypeError, r"got array\(\[1., 1.\]\) at index 0; give each entry a column of its own"),
    "dicts": ([{"a": 1}] * 4, TypeError, r"got \{'a': 1\} at index 0; give each key a column of its own"),
    "an item's own error": (pd.Series([Mute()] * 4), ValueError, "that float64 can hold: no number today$"),
    "too large": ([1, 10**400] * 2, ValueError, "that float64 can hold: int too large to convert to float$"),
}


@pytest.mark.parametrize("kind", BAD_COLUMNS)
def test_a_column_of_something_else_is_refused_by_its_name(kind):
    column, error, message = BAD_COLUMNS[kind]
    with pytest.raises(error, match=f"^column 'town' of X must hold real numbers,? .*{message}"):
        MLP([2, 1]).predict(pd.DataFrame({"age": REALS, "town": column}))


@pytest.mark.parametrize("frame_of", [pl.DataFrame, pa.table], ids=["polars", "pyarrow"])
@pytest.mark.parametrize(
    ("column", "message"),
    [
        (list("wxyz"), f"got str 'w' at index 0{ENCODE}"),
        ([1, None, 2, 3], f"got a missing one at index 1{MISSING}"),
        ([1.0, 2.0, None, 3], f"got a missing one at index 2{MISSING}"),
        ([DAY] * 4, f"got dtype datetime64.D. from .*{DATE}"),
        ([datetime.timedelta(1)] * 4, f"got dtype timedelta64.*{DURATION}"),
        ([datetime.time(3)] * 4, "got datetime.time"),
    ],
)
def test_polars_and_pyarrow_columns_of_something_else_are_refused_by_name(frame_of, column, message):
    with pytest.raises((TypeError, ValueError), match=f"^column 'town' of X must hold real numbers, {message}"):
        MLP([2, 1]).predict(frame_of({"age": REALS, "town": column}))


@pytest.mark.parametrize(
    "frame",
    [ORDINARY.assign(a=[1.0, 2, np.nan, 4]), pl.DataFrame(COLUMNS | {"a": [1.0, 2, float("nan"), 4]})],
    ids=["pandas", "polars"],
)
def test_a_number_that_is_not_finite_is_named_by_row_and_column(frame):
    with pytest.raises(ValueError, match=r"^X must be finite in float64, got nan at index \(2, 0\), column 'a'$"):
        MLP([3, 1]).predict(frame)


NUMBER = "; number the classes, e.g. classes, y = numpy.unique"


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (["cat", "dog", "cat", "dog"], TypeError, f"got str 'cat' at index 0{NUMBER}"),
        (np.array(["cat", "dog"] * 2), TypeError, f"got str 'cat' at index 0{NUMBER}"),
        (np.array(["cat", "dog"] * 2, np.dtypes.StringDType()), TypeError, f"got str 'cat' at index 0{NUMBER}"),
        (pd.Series(["cat", "dog"] * 2), TypeError, f"got str 'cat' at index 0{NUMBER}"),
        (pd.Series(["cat", "dog"] * 2, dtype="category"), TypeError, f"got str 'cat' at index 0{NUMBER}"),
        (pl.Series(["cat", "dog"] * 2), TypeError, f"got str 'cat' at index 0{NUMBER}"),
        (pa.array(["cat", "dog"] * 2), TypeError, f"got str 'cat' at index 0{NUMBER}"),
        ([1, 0, "dog", 1], TypeError, f"got str 'dog' at index 2{NUMBER}"),
        (["0", "1", "0", "1"], TypeError, f"got str '0' at index 0{CONVERT}"),
        ([0, 1, None, 1], TypeError, f"got None at index 2{MISSING}"),
        (pl.Series([0, 1, None, 1]), ValueError, f"got a missing one at index 2{MISSING}"),
        (pa.array([0, 1, None, 1]), ValueError, f"got a missing one at index 2{MISSING}"),
        (pd.Series([0, 1, None, 1], dtype="Int64"), ValueError, f"got a missing one at index 2{MISSING}"),
        (pd.date_range("2020", periods=4), TypeError, f"got dtype datetime64.* from DatetimeIndex{DATE}"),
        ((label for label in LABELS), TypeError, r"got <generator .*>; pass list\(y\)$"),
        ({0: 1, 1: 0}.values(), TypeError, r"got dict_values\(\[1, 0\]\); pass list\(y\)$"),
        ({0, 1}, TypeError, r"got \{0, 1\}; pass list\(y\)$"),
        ({0: 1}, TypeError, r"got \{0: 1\}; pass list\(y.values\(\)\)$"),
        (pl.LazyFrame({"y": LABELS}), TypeError, r"got .*; pass y.collect\(\)$"),
        ("0110", TypeError, "got '0110'$"),
        (np.rec.fromarrays([LABELS, LABELS]), TypeError, "got dtype .* from recarray; .*structured_to_unstructured"),
    ],
)
def test_targets_of_something_else_are_refused_with_what_to_do(y, error, message):
    for loss in ("log_loss", "multinomial_log_loss", "squared_error"):
        model = MLP([3, 2 if loss == "multinomial_log_loss" else 1], loss=loss)
        with pytest.raises(error, match=f"^y must be an array of real numbers, {message}"):
            model.loss_and_gradient(EXPECTED, y)


def test_a_remedy_is_that_of_the_argument():
    model, words = MLP([3, 1]), ["cat", "dog", "cat", "dog"]
    with pytest.raises(
        TypeError, match=f"^column 'kind' of y must hold real numbers, got str 'cat' at index 0{NUMBER}"
    ):
        model.loss_and_gradient(EXPECTED, pd.DataFrame({"kind": words}))
    with pytest.raises(
        TypeError, match=r"^sample_weight must be an array of real numbers, got str 'cat' at index 0; pass n"
    ):
        model.loss_and_gradient(EXPECTED, LABELS, sample_weight=words)


class Raising:
    """What its library cannot convert, such as a tensor on another device."""

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError, IndexError, TypeError, ValueError, KeyError, AttributeError])
@pytest.mark.parametrize("wrapped", [lambda thing: thing, lambda thing: [thing]], ids=["itself", "in a list"])
def test_an_error_of_the_library_that_an_argument_comes_from_names_the_argument(error, wrapped):
    message = rf"must be an array of numbers; reading the \w+ raised {error.__name__}: .*call.*detach"
    given = wrapped(Raising(error("call\ndetach()")))
    model = MLP([2, 1])
    for name, call in (
        ("X", lambda: model.predict(given)),
        ("y", lambda: model.loss_and_gradient([[1.0, 2.0]], given)),
        ("sample_weight", lambda: model.loss_and_gradient([[1.0, 2.0]], [1], sample_weight=given)),
        ("x", lambda: model.predict_one(given)),
        ("parameters", lambda: setattr(model, "parameters", given)),
        ("x", lambda: notebook.sigmoid(given)),
    ):
        with pytest.raises(ValueError, match=f"^{name} {message}"):
            call()


def test_memory_that_the_conversion_lacks_is_a_memory_error():
    with pytest.raises(MemoryError):
        MLP([2, 1]).predict(Raising(MemoryError()))


def test_masked_entries_are_refused_also_in_lists():
    masked = np.ma.masked_array([1.0, 2.0], mask=[False, True])
    for given in (np.ma.stack([masked, masked]), [masked, masked], (masked, masked), [[1.0, 2.0], masked]):
        with pytest.raises(ValueError, match=r"^X must not have masked entries$"):
            MLP([2, 1]).predict(given)
    assert MLP([2, 1]).predict([np.ma.masked_array([1.0, 2.0])]).shape == (1,)


def test_a_dict_of_columns_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"; pass numpy.column_stack\(list\(X.values\(\)\)\)$"):
        MLP([2, 1]).predict({"a": [1.0], "b": [2.0]})


def test_a_frame_that_only_looks_like_one_of_numbers_is_refused_by_name():
    class Frame:
        columns, dtypes, iloc = ("a",), (np.dtype(float),), None

    with pytest.raises(ValueError, match=r"^X must be an array of numbers; reading the Frame raised TypeError"):
        MLP([2, 1]).predict(Frame())


def test_lists_that_hold_themselves_are_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match=r"^X must be an array of numbers"):
        MLP([2, 1]).predict(endless)


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2)])
def test_sparse_arrays_of_other_dimensions_are_refused(shape):
    with pytest.raises(ValueError, match=r"^X must have 2 dimensions \(n_examples, n_features\), got shape \("):
        MLP([2, 1]).predict(scipy.sparse.coo_array(np.ones(shape)))


def test_no_library_of_frames_is_imported_for_arrays():
    code = (
        "import sys, numpy as np, fastmlp\n"
        "fastmlp.MLP([2, 1]).train([[1, 2.0]] * 3, np.array([1, 0, 1], object), epochs=1)\n"
        "print({'pandas', 'polars', 'pyarrow', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
