"""The same values in every form a caller may pass them in."""

import numpy as np


class ArrayLike:
    """Something that NumPy can convert, and that has no length and no dtype of its own."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


def eighths(seed, shape):
    """Random multiples of 1/8, which every floating-point type holds exactly."""
    return np.random.default_rng(seed).integers(-16, 17, shape) / 8


def _strided(array):
    wide = np.zeros((array.shape[0], 2 * array.shape[1]), array.dtype)
    wide[:, ::2] = array
    return wide[:, ::2]


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def _unaligned(array):
    shifted = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    shifted[...] = array
    return shifted


FORMS = {
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(map(tuple, a.tolist())),
    "Fortran order": np.asfortranarray,
    "strided": _strided,
    "reversed twice": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": _read_only,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": _unaligned,
    "float32": lambda a: a.astype("float32"),
    "float16": lambda a: a.astype("float16"),
    "longdouble": lambda a: a.astype("longdouble"),
    "subclass": lambda a: a.view(np.memmap),
    "unmasked": np.ma.masked_array,
    "array-like": ArrayLike,
}

LABEL_FORMS = {
    "list": lambda y: y.tolist(),
    "bool": lambda y: y.astype(bool),
    "int8": lambda y: y.astype("int8"),
    "uint64": lambda y: y.astype("uint64"),
    "big-endian int": lambda y: y.astype(">i4"),
    "float32": lambda y: y.astype("float32"),
    "float64": lambda y: y.astype("float64"),
    "unaligned float64": lambda y: _unaligned(y.astype("float64")),
    "read-only": _read_only,
    "array-like": ArrayLike,
}


def content(value):
    """Everything in ``value`` that a call could have changed."""
    if isinstance(value, ArrayLike):
        value = value.array
    return (value.dtype, value.shape, value.strides, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)


def flat(result):
    """All arrays of a result, in its order."""
    if isinstance(result, dict):
        result = tuple(result.values())
    return [a for part in result for a in flat(part)] if isinstance(result, tuple) else [np.asarray(result)]


def assert_same(got, expected):
    for one, other in zip(flat(got), flat(expected), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
