"""The compiled kernels over typed memoryviews: forward, backward, losses, training, prediction.

Matrices are feature-major, ``(features, n_examples)``, each row contiguous.  ``float32`` and
``float64`` are both served; all arrays of a call have one dtype.  The functions check what keeps
memory safe (shapes, lengths, dtypes) and nothing else: values, names and conversions are checked in
Python, by their callers.  Training, prediction, forward and backward release the GIL and serve signals
about every 50 ms.
"""

import os

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdlib cimport free
from posix.stdlib cimport posix_memalign

cnp.import_array()

ctypedef fused real:
    float
    double

cdef enum:
    ARENA_ALIGNMENT = 64  # bytes, the widest vector
    MOST_UNITS = 1 << 28  # per layer

ISAS = ("baseline", "avx2", "avx512")  # in the order of enum fm_isa
ACTIVATIONS = {"identity": FM_IDENTITY, "relu": FM_RELU, "tanh": FM_TANH, "logistic": FM_LOGISTIC}
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
    return -1 if status else 0


# ---- plans and scratch memory

@cython.no_gc
cdef class Workspace:
    """The plan of one call and its arena: the only memory a pass uses."""

    cdef const fm_kernels *kernels
    cdef fm_plan *plan
    cdef void *arena

    def __cinit__(self, bint is_double, tuple layer_dims, tuple activations, Py_ssize_t n_examples):
        cdef Py_ssize_t n_layers = len(activations), i
        cdef double bytes_at_most = 0
        cdef Py_ssize_t *dims
        cdef int *codes
        if n_layers < 1 or len(layer_dims) != n_layers + 1:
            raise ValueError("layer_dims must have one entry more than activations, and at least two")
        dims = <Py_ssize_t *>PyMem_Malloc((n_layers + 1) * sizeof(Py_ssize_t) + n_layers * sizeof(int))
        self.plan = <fm_plan *>PyMem_Malloc(sizeof(fm_plan) + n_layers * sizeof(fm_layer))
        if dims == NULL or self.plan == NULL:
            PyMem_Free(dims)
            raise MemoryError()
        codes = <int *>(dims + n_layers + 1)
        try:
            for i in range(n_layers + 1):
                dims[i] = layer_dims[i]
            for i in range(n_layers + 1):
                if not 1 <= dims[i] <= MOST_UNITS:
                    raise ValueError(f"layer_dims must lie in 1 .. {MOST_UNITS}, got {dims[i]}")
                bytes_at_most += 8.0 * (dims[i] + 1.0) * (dims[min(i + 1, n_layers)] + 8192.0) * 2.0
            if n_examples < 1:
                raise ValueError("there must be at least one example")
            if bytes_at_most > 2.0**62:
                raise MemoryError(f"the network {layer_dims} needs more scratch memory than can be addressed")
            for i in range(n_layers):
                if activations[i] not in ACTIVATIONS:
                    raise ValueError(f"activations must be of {', '.join(ACTIVATIONS)}; got {activations[i]!r}")
                codes[i] = ACTIVATIONS[activations[i]]
            self.kernels = kernels_for(is_double)
            self.kernels.make_plan(self.plan, n_layers, dims, codes, n_examples)
        finally:
            PyMem_Free(dims)
        if posix_memalign(&self.arena, ARENA_ALIGNMENT, self.plan.arena_bytes):
            self.arena = NULL
            raise MemoryError(f"could not allocate {self.plan.arena_bytes} bytes of scratch memory")

    def __dealloc__(self):
        PyMem_Free(self.plan)
        free(self.arena)


cdef Workspace workspace_for(bint is_double, tuple layer_dims, tuple activations, Py_ssize_t n_examples,
                             Py_ssize_t n_parameters):
    cdef Workspace space = Workspace(is_double, layer_dims, activations, n_examples)
    if space.plan.n_parameters != n_parameters:
        raise ValueError(f"layer_dims need {space.plan.n_parameters} parameters, got {n_parameters}")
    return space


cdef Py_ssize_t n_outputs(const fm_plan *plan) noexcept:
    return plan.layers[plan.n_layers - 1].fan_out


cdef int check_shape(str name, tuple got, tuple expected) except -1:
    if got != expected:
        raise ValueError(f"{name} must have shape {expected}, got {got}")
    return 0


def describe_plan(tuple layer_dims, tuple activations, bint is_double, Py_ssize_t n_examples):
    """How a pass over ``n_examples`` would run: tile, scratch bytes and the gradient method of each layer."""
    cdef Workspace space = Workspace(is_double, layer_dims, activations, n_examples)
    cdef fm_plan *plan = space.plan
    return {
        "isa": space.kernels.isa.decode(),
        "lanes": space.kernels.lanes,
        "tile": plan.tile,
        "scratch_bytes": plan.arena_bytes,
        "gradient_methods": tuple(
            ("lane_sums", "broadcast")[plan.layers[i].gradient_method] for i in range(plan.n_layers)
        ),
    }


# ---- the fused passes over a flat parameter vector

def loss_and_gradient(real[::1] gradient, const real[::1] parameters, const real[:, ::1] inputs,
                      const real[:, ::1] targets, tuple layer_dims, tuple activations):
    """Write the gradient of the mean log-loss to ``gradient`` and return the loss."""
    cdef Workspace space = workspace_for(real is double, layer_dims, activations, inputs.shape[1],
                                         parameters.shape[0])
    cdef fm_data data = fm_data(&inputs[0, 0], &targets[0, 0], inputs.shape[1], inputs.shape[1])
    cdef double loss = 0
    cdef int status
    check_shape("gradient", (gradient.shape[0],), (parameters.shape[0],))
    check_shape("inputs", (inputs.shape[0],), (layer_dims[0],))
    check_shape("targets", (targets.shape[0], targets.shape[1]), (n_outputs(space.plan), inputs.shape[1]))
    with nogil:
        status = space.kernels.loss_and_gradient(&gradient[0], &loss, space.plan, &parameters[0], &data,
                                                 space.arena, serve_signals)
    finish(status)
    return loss


def train(real[::1] parameters, const real[:, ::1] inputs, const real[:, ::1] targets, tuple layer_dims,
          tuple activations, double learning_rate, Py_ssize_t epochs):
    """Full-batch gradient descent in place; after Ctrl-C ``parameters`` hold the last finished epoch."""
    cdef Workspace space = workspace_for(real is double, layer_dims, activations, inputs.shape[1],
                                         parameters.shape[0])
    cdef fm_data data = fm_data(&inputs[0, 0], &targets[0, 0], inputs.shape[1], inputs.shape[1])
    cdef cnp.npy_intp n = parameters.shape[0]
    cdef cnp.ndarray gradient = cnp.PyArray_EMPTY(1, &n, cnp.NPY_DOUBLE if real is double else cnp.NPY_FLOAT, 0)
    cdef void *d_parameters = cnp.PyArray_DATA(gradient)
    cdef Py_ssize_t done = 0
    cdef int status
    check_shape("inputs", (inputs.shape[0],), (layer_dims[0],))
    check_shape("targets", (targets.shape[0], targets.shape[1]), (n_outputs(space.plan), inputs.shape[1]))
    with nogil:
        status = space.kernels.train(&parameters[0], &done, d_parameters, space.plan, &data, space.arena,
                                     learning_rate, epochs, serve_signals)
    finish(status)


def predict(real[:, ::1] outputs, const real[::1] parameters, const real[:, ::1] inputs, tuple layer_dims,
            tuple activations, bint probabilities):
    """Write logits, or the output activation of them, to ``outputs``."""
    cdef Workspace space = workspace_for(real is double, layer_dims, activations, inputs.shape[1],
                                         parameters.shape[0])
    cdef fm_data data = fm_data(&inputs[0, 0], NULL, inputs.shape[1], 0)
    cdef int status
    check_shape("inputs", (inputs.shape[0],), (layer_dims[0],))
    check_shape("outputs", (outputs.shape[0], outputs.shape[1]), (n_outputs(space.plan), inputs.shape[1]))
    with nogil:
        status = space.kernels.predict(&outputs[0, 0], space.plan, &parameters[0], &data, space.arena,
                                       FM_PROBABILITIES if probabilities else FM_LOGITS, serve_signals)
    finish(status)


# ---- layer by layer, keeping every array

cdef int real_type(cnp.ndarray array) except -1:
    """NumPy's number for the dtype of a float32 or float64 matrix."""
    cdef int typenum = cnp.PyArray_TYPE(array)
    if typenum not in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT) or cnp.PyArray_NDIM(array) != 2:
        raise ValueError("arrays must be matrices of float32 or float64")
    return typenum


cdef void *matrix_data(str name, object value, int typenum, Py_ssize_t rows, Py_ssize_t columns) except NULL:
    """The data of a C-contiguous matrix of this dtype and shape; on lists a memoryview for each costs too much."""
    if not cnp.PyArray_Check(value):
        raise TypeError(f"{name} must be an array, got {type(value).__name__}")
    cdef cnp.ndarray array = value
    if cnp.PyArray_TYPE(array) != typenum or not cnp.PyArray_ISCARRAY_RO(array) or cnp.PyArray_NDIM(array) != 2:
        raise ValueError(f"{name} must be a C-contiguous matrix, of the dtype of the others")
    if cnp.PyArray_DIM(array, 0) != rows or cnp.PyArray_DIM(array, 1) != columns:
        raise ValueError(f"{name} must have shape {(rows, columns)}, got {(array.shape[0], array.shape[1])}")
    return cnp.PyArray_DATA(array)


@cython.no_gc
cdef class LayerArrays:
    """The C view of the arrays of every layer; whoever makes one keeps the arrays themselves."""

    cdef fm_layer_arrays *layers
    cdef tuple layer_dims

    def __cinit__(self, list weights not None, list columns not None, Py_ssize_t fan_in, int typenum):
        cdef Py_ssize_t layer, fan_out
        if not weights or len(columns) != len(weights):
            raise ValueError(f"expected one more array for each of {len(weights)} weights, got {len(columns)}")
        self.layers = <fm_layer_arrays *>PyMem_Malloc(len(weights) * sizeof(fm_layer_arrays))
        if self.layers == NULL:
            raise MemoryError()
        dims = [fan_in]
        for layer in range(len(weights)):
            fan_out = len(weights[layer])
            self.layers[layer].weights = matrix_data("weights", weights[layer], typenum, fan_out, fan_in)
            fan_in = fan_out
            dims.append(fan_out)
        self.layer_dims = tuple(dims)

    def __dealloc__(self):
        PyMem_Free(self.layers)


cdef cnp.ndarray new_matrix(int typenum, Py_ssize_t rows, Py_ssize_t columns):
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = rows, columns
    return cnp.PyArray_EMPTY(2, shape, typenum, 0)


def forward(cnp.ndarray inputs not None, list weights, list biases, tuple activations):
    """Return the tuple (z1, a1, W1, b1, z2, a2, ...): z and a (fan_out, n); biases are columns (fan_out, 1)."""
    cdef int typenum = real_type(inputs)
    cdef Py_ssize_t fan_in = cnp.PyArray_DIM(inputs, 0), n = cnp.PyArray_DIM(inputs, 1), layer, fan_out
    cdef LayerArrays arrays = LayerArrays(weights, biases, fan_in, typenum)
    cdef Workspace space = Workspace(typenum == cnp.NPY_DOUBLE, arrays.layer_dims, activations, n)
    cdef fm_data data = fm_data(matrix_data("inputs", inputs, typenum, fan_in, n), NULL, n, 0)
    cdef cnp.ndarray z, a
    cdef list cache = []
    cdef int status
    for layer in range(len(weights)):
        fan_out = space.plan.layers[layer].fan_out
        z, a = new_matrix(typenum, fan_out, n), new_matrix(typenum, fan_out, n)
        cache += (z, a, weights[layer], biases[layer])
        arrays.layers[layer].bias = matrix_data("biases", biases[layer], typenum, fan_out, 1)
        arrays.layers[layer].z = cnp.PyArray_DATA(z)
        arrays.layers[layer].a = cnp.PyArray_DATA(a)
    with nogil:
        status = space.kernels.forward(arrays.layers, space.plan, &data, space.arena, serve_signals)
    finish(status)
    return tuple(cache)


def backward(cnp.ndarray inputs not None, cnp.ndarray targets not None, list weights, list outputs, tuple activations):
    """Return the list [dz, dW, db of the last layer, da, dz, dW, db of the one before, ...]; db are columns."""
    cdef int typenum = real_type(inputs)
    cdef Py_ssize_t fan_in = cnp.PyArray_DIM(inputs, 0), n = cnp.PyArray_DIM(inputs, 1), layer
    cdef LayerArrays arrays = LayerArrays(weights, outputs, fan_in, typenum)
    cdef Workspace space = Workspace(typenum == cnp.NPY_DOUBLE, arrays.layer_dims, activations, n)
    cdef Py_ssize_t fan_out = n_outputs(space.plan)
    cdef fm_data data = fm_data(matrix_data("inputs", inputs, typenum, fan_in, n),
                                matrix_data("targets", targets, typenum, fan_out, n), n, n)
    cdef cnp.ndarray dz, dw, db, da
    cdef list gradients = []
    cdef int status
    for layer in range(space.plan.n_layers - 1, -1, -1):
        fan_in, fan_out = space.plan.layers[layer].fan_in, space.plan.layers[layer].fan_out
        dz = new_matrix(typenum, fan_out, n)
        dw, db = new_matrix(typenum, fan_out, fan_in), new_matrix(typenum, fan_out, 1)
        gradients += (dz, dw, db)
        arrays.layers[layer].a = matrix_data("outputs", outputs[layer], typenum, fan_out, n)
        arrays.layers[layer].dz = cnp.PyArray_DATA(dz)
        arrays.layers[layer].d_weights = cnp.PyArray_DATA(dw)
        arrays.layers[layer].d_bias = cnp.PyArray_DATA(db)
        if layer:
            da = new_matrix(typenum, fan_in, n)
            gradients.append(da)
            arrays.layers[layer].d_inputs = cnp.PyArray_DATA(da)
    with nogil:
        status = space.kernels.backward(arrays.layers, space.plan, &data, space.arena, serve_signals)
    finish(status)
    return gradients


# ---- elementwise functions and losses

def elementwise(str function, const real[::1] x, real[::1] out):
    """out <- exp, log, log1p, tanh, sigmoid or relu of x."""
    if function not in FUNCTIONS:
        raise ValueError(f"function must be one of {', '.join(FUNCTIONS)}; got {function!r}")
    cdef int code = FUNCTIONS[function]
    cdef const fm_kernels *kernels = kernels_for(real is double)
    check_shape("out", (out.shape[0],), (x.shape[0],))
    if x.shape[0]:
        with nogil:
            kernels.map(&out[0], &x[0], x.shape[0], code)


def log_loss(const real[:, ::1] logits, const real[:, ::1] targets):
    """Mean over examples of the log-loss summed over outputs, from logits."""
    cdef const fm_kernels *kernels = kernels_for(real is double)
    cdef double loss
    check_shape("targets", (targets.shape[0], targets.shape[1]), (logits.shape[0], logits.shape[1]))
    if logits.shape[0] < 1 or logits.shape[1] < 1:
        raise ValueError("logits must not be empty")
    with nogil:
        loss = kernels.mean_log_loss(&logits[0, 0], &targets[0, 0], logits.shape[0] * logits.shape[1],
                                     logits.shape[1])
    return loss


def cross_entropy(cnp.ndarray probabilities not None, cnp.ndarray targets not None):
    """Mean over examples of the cross-entropy summed over outputs, from probabilities."""
    cdef int typenum = real_type(probabilities)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(probabilities, 0), n = cnp.PyArray_DIM(probabilities, 1)
    cdef void *a = matrix_data("probabilities", probabilities, typenum, rows, n)
    cdef void *y = matrix_data("targets", targets, typenum, rows, n)
    cdef const fm_kernels *kernels = kernels_for(typenum == cnp.NPY_DOUBLE)
    cdef double loss
    if rows < 1 or n < 1:
        raise ValueError("probabilities must not be empty")
    with nogil:
        loss = kernels.mean_cross_entropy(a, y, rows * n, n)
    return loss


def gradient_descent(real[::1] parameters, const real[::1] gradient, double learning_rate):
    """parameters <- parameters - learning_rate * gradient, with the bits of an epoch of ``train``."""
    cdef const fm_kernels *kernels = kernels_for(real is double)
    check_shape("gradient", (gradient.shape[0],), (parameters.shape[0],))
    if parameters.shape[0]:
        with nogil:
            kernels.gradient_descent(&parameters[0], &gradient[0], parameters.shape[0], learning_rate)


def descended(list matrices, list gradients, double learning_rate):
    """New matrices, ``matrix - learning_rate * gradient`` each; None unless all are plain and finite."""
    cdef cnp.ndarray new
    cdef int typenum
    if not plain_and_finite(matrices) or not plain_and_finite(gradients) or len(matrices) != len(gradients):
        return None
    moved = []
    for matrix, gradient in zip(matrices, gradients):
        typenum = cnp.PyArray_TYPE(matrix)
        if cnp.PyArray_TYPE(gradient) != typenum or not cnp.PyArray_SAMESHAPE(matrix, gradient):
            return None
        new = cnp.PyArray_NewCopy(matrix, cnp.NPY_CORDER)
        kernels_for(typenum == cnp.NPY_DOUBLE).gradient_descent(
            cnp.PyArray_DATA(new), cnp.PyArray_DATA(gradient), cnp.PyArray_SIZE(new), learning_rate
        )
        moved.append(new)
    return moved


include "_array_checks.pxi"
