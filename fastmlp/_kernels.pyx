"""The compiled kernels over typed memoryviews: forward, backward, losses, training, prediction.

``Engine`` runs the fused passes of one network over ``Data``; ``forward`` and ``backward`` keep every
layer's arrays, feature-major, ``(features, n_examples)``.  All arrays of a call are ``float32`` or all are
``float64``.  This module checks what memory safety needs (shapes, lengths, dtypes, indices) and nothing
else; its callers in Python check values and names, and convert.
Whatever loops over data serves signals about every 50 ms; the long passes release the GIL.
"""

import os
import threading
from sys import intern

cimport cython
cimport numpy as cnp
from cpython.exc cimport PyErr_Fetch, PyErr_Occurred, PyErr_Restore
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.ref cimport PyObject
from libc.math cimport INFINITY, NAN, frexp
from libc.stdlib cimport free
from libc.string cimport memcpy

cnp.import_array()

ctypedef fused real:
    float
    double

cdef enum:
    MOST_UNITS = 1 << 28  # per layer

cdef dict members_of(const fm_name *member):
    """The names in a table of names.c, each with the number that stands for it in C and its property."""
    members = {}
    while member.name != NULL:
        members[member.name.decode()] = member.code, member.property
        member += 1
    return members


cdef dict codes_of(const fm_name *member):
    return {name: code for name, (code, _) in members_of(member).items()}


cdef dict properties_of(const fm_name *member):
    return {name: value for name, (_, value) in members_of(member).items()}


ISAS = codes_of(fm_isa_names)
ACTIVATIONS = codes_of(fm_activation_names)
LOSSES = codes_of(fm_loss_names)
METHODS = codes_of(fm_method_names)
FUNCTIONS = codes_of(fm_function_names)
STATUSES = codes_of(fm_status_names)
OPTIMIZER_FIELDS = codes_of(fm_optimizer_fields)  # beside the method
# What each activation's derivative is computed from; activations without one are for outputs only.
DERIVATIVES = {
    name: "output" if derivative == FM_FROM_OUTPUT else "logits"
    for name, derivative in properties_of(fm_activation_names).items() if derivative != FM_NO_DERIVATIVE
}
MOMENTS = {name: moments.bit_count() for name, moments in properties_of(fm_method_names).items()}  # how many

cdef int chosen_isa = 0


# ---- which kernels

def available_isas():
    """Names of the instruction sets this build and this processor share, widest last."""
    return tuple(name for name, code in ISAS.items() if fm_get_kernels(<fm_isa><int>code, FM_F64) != NULL)


def select_isa(str name):
    """Use the kernels of instruction set ``name`` from now on; ValueError if this machine lacks it."""
    global chosen_isa
    available = available_isas()
    if name not in available:
        raise ValueError(f"FASTMLP_ISA must be one of {', '.join(available)} on this machine, got {name!r}")
    chosen_isa = ISAS[name]


def current_isa():
    """Name of the instruction set in use."""
    return fm_get_kernels(<fm_isa>chosen_isa, FM_F64).isa.decode()


def compiler():
    """Name and version of the compiler that built the kernels."""
    return fm_compiler().decode()


*_, widest = available_isas()
select_isa(os.environ.get("FASTMLP_ISA") or widest)


cdef const fm_kernels *kernels_for(bint is_double) noexcept nogil:
    return fm_get_kernels(<fm_isa>chosen_isa, FM_F64 if is_double else FM_F32)


cdef int real_number(bint is_double) noexcept nogil:
    """NumPy's number for float64 or float32."""
    return cnp.NPY_DOUBLE if is_double else cnp.NPY_FLOAT


# ---- signals

cdef extern from "Python.h":
    int PyErr_CheckSignals() noexcept  # Cython's own declaration would swallow a handler's exception
    unsigned long PyThread_get_thread_ident() noexcept nogil

# The only one in which Python runs signal handlers.
cdef unsigned long main_thread = threading.main_thread().ident


def note_main_thread():
    """Make the calling thread the main one, as it is in a child that it forked."""
    global main_thread
    main_thread = PyThread_get_thread_ident()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=note_main_thread)


cdef int run_handlers() noexcept with gil:
    return PyErr_CheckSignals()


cdef int serve_signals() noexcept nogil:
    """Run the handlers of signals that have arrived; not 0 if one raised.

    Other threads than the main one do not ask for the GIL: while the interpreter exits, a daemon thread that does so
    ends there or crashes, and the other threads of its call still work on its stack.
    """
    return run_handlers() if PyThread_get_thread_ident() == main_thread else 0


cdef int finish(fm_status status) except -1:
    """Pass on the exception that a signal handler raised while the GIL was released: it is set already."""
    if status == FM_FORKED and PyErr_Occurred() == NULL:
        raise RuntimeError("this process was forked by a signal handler during a call on several threads, which it "
                           "lacks; parameters and counts are those of the last update, and the next call may start")
    return -1 if status == FM_INTERRUPTED or status == FM_FORKED else 0


include "_workspace.pxi"
include "_data.pxi"
include "_engine.pxi"
include "_layerwise.pxi"
include "_elementwise.pxi"
include "_array_checks.pxi"
include "_notebook.pxi"
