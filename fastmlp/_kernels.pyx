"""The compiled kernels over typed memoryviews: forward, backward, losses, training, prediction.

``Engine`` runs the fused passes of one network over ``Data``; ``forward`` and ``backward`` keep every
layer's arrays, feature-major, ``(features, n_examples)``.  ``float32`` and ``float64`` are both served;
all arrays of a call have one dtype.  What keeps memory safe is checked here (shapes, lengths, dtypes,
indices) and nothing else: values, names and conversions are checked in Python, by their callers.
Training, prediction, forward and backward release the GIL and serve signals about every 50 ms.
"""

import os
from sys import intern

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdlib cimport free
from libc.string cimport memcpy

cnp.import_array()

ctypedef fused real:
    float
    double

cdef enum:
    MOST_UNITS = 1 << 28  # per layer
    MOST_THREADS = 1024

ISAS = ("baseline", "avx2", "avx512")  # in the order of enum fm_isa
ACTIVATIONS = {
    "identity": FM_IDENTITY,
    "relu": FM_RELU,
    "tanh": FM_TANH,
    "logistic": FM_LOGISTIC,
    "leaky_relu": FM_LEAKY_RELU,
    "elu": FM_ELU,
    "selu": FM_SELU,
    "gelu": FM_GELU,
    "gelu_tanh": FM_GELU_TANH,
    "silu": FM_SILU,
    "softplus": FM_SOFTPLUS,
    "softmax": FM_SOFTMAX,  # this one and the next of outputs only
    "exponential": FM_EXPONENTIAL,
}
NEEDING_LOGITS = ("gelu", "gelu_tanh", "silu", "softplus")  # for their derivatives
LOSSES = {
    "log_loss": FM_LOG_LOSS,
    "multinomial_log_loss": FM_MULTINOMIAL_LOG_LOSS,
    "multilabel_log_loss": FM_LOG_LOSS,
    "squared_error": FM_SQUARED_ERROR,
    "absolute_error": FM_ABSOLUTE_ERROR,
    "huber": FM_HUBER,
    "quantile": FM_QUANTILE,
    "poisson": FM_POISSON,
}
METHODS = {"sgd": FM_SGD, "adam": FM_ADAM, "rmsprop": FM_RMSPROP}
FUNCTIONS = {
    "exp": FM_EXP,
    "log": FM_LOG,
    "log1p": FM_LOG1P,
    "tanh": FM_TANH_FUNCTION,
    "sigmoid": FM_SIGMOID,
    "relu": FM_RELU_FUNCTION,
}

cdef int chosen_isa = FM_BASELINE


# ---- which kernels

def available_isas():
    """Names of the instruction sets this build and this processor share, widest last."""
    return tuple(name for i, name in enumerate(ISAS) if fm_get_kernels(<fm_isa>i, FM_F64) != NULL)


def select_isa(str name):
    """Use the kernels of instruction set ``name`` from now on; ValueError if this machine lacks it."""
    global chosen_isa
    available = available_isas()
    if name not in available:
        raise ValueError(f"FASTMLP_ISA must be one of {', '.join(available)} on this machine, got {name!r}")
    chosen_isa = ISAS.index(name)


def current_isa():
    """Name of the instruction set in use."""
    return ISAS[chosen_isa]


def has_threads():
    """Whether this build runs on several threads: it was compiled with OpenMP."""
    return bool(fm_has_threads())


def compiler():
    """Name and version of the compiler that built the kernels."""
    return fm_compiler().decode()


*_, widest = available_isas()
select_isa(os.environ.get("FASTMLP_ISA") or widest)


cdef const fm_kernels *kernels_for(bint is_double) noexcept nogil:
    return fm_get_kernels(<fm_isa>chosen_isa, FM_F64 if is_double else FM_F32)


# ---- signals

cdef extern from "Python.h":
    int PyErr_CheckSignals() noexcept  # Cython's own declaration would swallow what a handler raises

cdef int serve_signals() noexcept with gil:
    return PyErr_CheckSignals()


cdef int finish(int status) except -1:
    """Raise what a signal handler raised while the GIL was released: it is set already."""
    return -1 if status == FM_INTERRUPTED else 0


include "_workspace.pxi"
include "_engine.pxi"
include "_layerwise.pxi"
include "_elementwise.pxi"
include "_array_checks.pxi"
include "_notebook.pxi"
