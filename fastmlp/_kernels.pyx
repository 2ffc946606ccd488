"""The compiled kernels over typed memoryviews: forward, backward, losses, training, prediction.

Matrices are feature-major, ``(features, n_examples)``, each row contiguous.  ``float32`` and
``float64`` are both served; all arrays of a call have one dtype.  The functions check what keeps
memory safe (shapes, lengths, dtypes) and nothing else: values, names and conversions are checked in
Python, by their callers.  Long calls release the GIL and serve signals about every 50 ms.
"""

import os

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdlib cimport free
from posix.stdlib cimport posix_memalign

cnp.import_array()

ctypedef fused real:
    float
    double

cdef enum:
    ARENA_ALIGNMENT = 64  # bytes, the widest vector

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

cdef int serve_signals() noexcept with gil:
    return PyErr_CheckSignals()


cdef int finish(int status) except -1:
    """Raise what a signal handler raised while the GIL was released: it is already set."""
    return -1 if status else 0


# ---- plans and scratch memory

cdef class Workspace:
    """The plan of one call and its arena: the only memory a pass uses."""

    cdef const fm_kernels *kernels
    cdef fm_plan *plan
    cdef void *arena

    def __cinit__(self, bint is_double, tuple layer_dims, tuple activations, Py_ssize_t n_examples):
        cdef Py_ssize_t n_layers = len(activations)
        cdef Py_ssize_t *dims
        cdef int *codes
        if n_layers < 1 or len(layer_dims) != n_layers + 1:
            raise ValueError("layer_dims must have one entry more than activations, and at least two")
        if n_examples < 1 or min(layer_dims) < 1:
            raise ValueError("layer_dims and the number of examples must be at least 1")
        dims = <Py_ssize_t *>PyMem_Malloc((n_layers + 1) * sizeof(Py_ssize_t) + n_layers * sizeof(int))
        self.plan = <fm_plan *>PyMem_Malloc(sizeof(fm_plan) + n_layers * sizeof(fm_layer))
        if dims == NULL or self.plan == NULL:
            PyMem_Free(dims)
            raise MemoryError()
        codes = <int *>(dims + n_layers + 1)
        try:
            dims[n_layers] = layer_dims[n_layers]
            for i in range(n_layers):
                dims[i] = layer_dims[i]
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
    check_shape("targets", (targets.shape[0], targets.shape[1]), (space.plan.layers[space.plan.n_layers - 1].fan_out, inputs.shape[1]))
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
    check_shape("targets", (targets.shape[0], targets.shape[1]), (space.plan.layers[space.plan.n_layers - 1].fan_out, inputs.shape[1]))
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
    check_shape("outputs", (outputs.shape[0], outputs.shape[1]), (space.plan.layers[space.plan.n_layers - 1].fan_out, inputs.shape[1]))
    with nogil:
        status = space.kernels.predict(&outputs[0, 0], space.plan, &parameters[0], &data, space.arena,
                                       FM_PROBABILITIES if probabilities else FM_LOGITS, serve_signals)
    finish(status)


# ---- layer by layer, keeping every array

cdef cnp.ndarray empty_matrix(bint is_double, Py_ssize_t rows, Py_ssize_t columns):
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = rows, columns
    return cnp.PyArray_EMPTY(2, shape, cnp.NPY_DOUBLE if is_double else cnp.NPY_FLOAT, 0)


cdef class LayerArrays:
    """The C view of one list of arrays per layer, and the network's widths."""

    cdef fm_layer_arrays *layers
    cdef list kept
    cdef tuple layer_dims

    def __cinit__(self, Py_ssize_t n_layers):
        self.kept = []
        self.layers = <fm_layer_arrays *>PyMem_Malloc(n_layers * sizeof(fm_layer_arrays))
        if self.layers == NULL:
            raise MemoryError()

    def __dealloc__(self):
        PyMem_Free(self.layers)


cdef LayerArrays layers_of_weights(list weights, const real[:, ::1] inputs):
    cdef LayerArrays arrays = LayerArrays(len(weights))
    cdef const real[:, ::1] w
    cdef Py_ssize_t fan_in = inputs.shape[0]
    dims = [fan_in]
    for l in range(len(weights)):
        w = weights[l]
        check_shape(f"weights[{l}]", (w.shape[0], w.shape[1]), (w.shape[0], fan_in))
        if w.shape[0] < 1:
            raise ValueError(f"weights[{l}] must have at least one row")
        arrays.layers[l].weights = &w[0, 0]
        fan_in = w.shape[0]
        dims.append(fan_in)
    arrays.layer_dims = tuple(dims)
    return arrays


def forward(const real[:, ::1] inputs, list weights, list biases, tuple activations):
    """Return lists of every layer's z and a; biases are columns (fan_out, 1)."""
    cdef LayerArrays arrays = layers_of_weights(weights, inputs)
    cdef Py_ssize_t n = inputs.shape[1], n_layers = len(weights), l, fan_out
    cdef Workspace space = Workspace(real is double, arrays.layer_dims, activations, n)
    cdef fm_data data = fm_data(&inputs[0, 0], NULL, n, 0)
    cdef const real[:, ::1] b
    cdef cnp.ndarray z, a
    cdef int status
    zs, outputs = [], []
    for l in range(n_layers):
        fan_out = arrays.layer_dims[l + 1]
        b = biases[l]
        check_shape(f"biases[{l}]", (b.shape[0], b.shape[1]), (fan_out, 1))
        z = empty_matrix(real is double, fan_out, n)
        a = empty_matrix(real is double, fan_out, n)
        zs.append(z)
        outputs.append(a)
        arrays.layers[l].bias = &b[0, 0]
        arrays.layers[l].z = cnp.PyArray_DATA(z)
        arrays.layers[l].a = cnp.PyArray_DATA(a)
    with nogil:
        status = space.kernels.forward(arrays.layers, space.plan, &data, space.arena, serve_signals)
    finish(status)
    return zs, outputs


def backward(const real[:, ::1] inputs, const real[:, ::1] targets, list weights, list outputs, tuple activations):
    """Return lists of every layer's dz, dW, db (columns) and da; da of the inputs is not computed: None."""
    cdef LayerArrays arrays = layers_of_weights(weights, inputs)
    cdef Py_ssize_t n = inputs.shape[1], n_layers = len(weights), l, fan_out
    cdef Workspace space = Workspace(real is double, arrays.layer_dims, activations, n)
    cdef fm_data data = fm_data(&inputs[0, 0], &targets[0, 0], n, n)
    cdef const real[:, ::1] a
    cdef cnp.ndarray dz, dw, db, da
    cdef int status
    check_shape("targets", (targets.shape[0], targets.shape[1]), (arrays.layer_dims[n_layers], n))
    dzs, dws, dbs, das = [], [], [], []
    for l in range(n_layers):
        fan_out = arrays.layer_dims[l + 1]
        a = outputs[l]
        check_shape(f"outputs[{l}]", (a.shape[0], a.shape[1]), (fan_out, n))
        dz = empty_matrix(real is double, fan_out, n)
        dw = empty_matrix(real is double, fan_out, arrays.layer_dims[l])
        db = empty_matrix(real is double, fan_out, 1)
        da = empty_matrix(real is double, arrays.layer_dims[l], n) if l else None
        dzs.append(dz)
        dws.append(dw)
        dbs.append(db)
        das.append(da)
        arrays.layers[l].a = <void *>&a[0, 0]
        arrays.layers[l].dz = cnp.PyArray_DATA(dz)
        arrays.layers[l].d_weights = cnp.PyArray_DATA(dw)
        arrays.layers[l].d_bias = cnp.PyArray_DATA(db)
        arrays.layers[l].d_inputs = cnp.PyArray_DATA(da) if l else NULL
    with nogil:
        status = space.kernels.backward(arrays.layers, space.plan, &data, space.arena, serve_signals)
    finish(status)
    return dzs, dws, dbs, das


# ---- elementwise functions and losses

def elementwise(str function, const real[::1] x, real[::1] out):
    """out <- exp, log, log1p, tanh, sigmoid or relu of x."""
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


def cross_entropy(const real[:, ::1] probabilities, const real[:, ::1] targets):
    """Mean over examples of the cross-entropy summed over outputs, from probabilities."""
    cdef const fm_kernels *kernels = kernels_for(real is double)
    cdef double loss
    check_shape("targets", (targets.shape[0], targets.shape[1]), (probabilities.shape[0], probabilities.shape[1]))
    if probabilities.shape[0] < 1 or probabilities.shape[1] < 1:
        raise ValueError("probabilities must not be empty")
    with nogil:
        loss = kernels.mean_cross_entropy(&probabilities[0, 0], &targets[0, 0],
                                          probabilities.shape[0] * probabilities.shape[1],
                                          probabilities.shape[1])
    return loss


def gradient_descent(real[::1] parameters, const real[::1] gradient, double learning_rate):
    """parameters <- parameters - learning_rate * gradient, with the bits of an epoch of ``train``."""
    cdef const fm_kernels *kernels = kernels_for(real is double)
    check_shape("gradient", (gradient.shape[0],), (parameters.shape[0],))
    if parameters.shape[0]:
        with nogil:
            kernels.gradient_descent(&parameters[0], &gradient[0], parameters.shape[0], learning_rate)


# ---- checks of whole arrays, faster than NumPy's on small ones

cdef bint is_finite(const real *x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real residue = 0
    for i in range(n):
        residue += x[i] - x[i]  # 0, or NaN where x[i] is not finite
    return residue == 0


def first_not_finite(arrays):
    """Index of the first of these C-contiguous float32 or float64 arrays with a NaN or an infinity, or -1."""
    cdef cnp.ndarray array
    cdef bint finite
    for index, array in enumerate(arrays):
        if cnp.PyArray_TYPE(array) == cnp.NPY_DOUBLE:
            finite = is_finite(<const double *>cnp.PyArray_DATA(array), cnp.PyArray_SIZE(array))
        else:
            finite = is_finite(<const float *>cnp.PyArray_DATA(array), cnp.PyArray_SIZE(array))
        if not finite:
            return index
    return -1


def all_in_unit_interval(const real[:, ::1] x):
    """Whether every element lies in [0, 1]."""
    cdef Py_ssize_t i, j
    cdef bint inside = True
    with nogil:
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                inside &= (x[i, j] >= 0) & (x[i, j] <= 1)
    return inside


def all_binary(const real[:, ::1] x):
    """Whether every element is 0 or 1."""
    cdef Py_ssize_t i, j
    cdef bint binary = True
    with nogil:
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                binary &= (x[i, j] == 0) | (x[i, j] == 1)
    return binary
