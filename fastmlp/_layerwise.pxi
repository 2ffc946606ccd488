# Layer by layer, keeping every array; a part of _kernels.pyx.

cdef int real_type(cnp.ndarray array) except -1:
    """NumPy's number for the dtype of a float32 or float64 matrix."""
    cdef int typenum = cnp.PyArray_TYPE(array)
    if typenum not in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT) or cnp.PyArray_NDIM(array) != 2:
        raise ValueError("arrays must be matrices of float32 or float64")
    return typenum


cdef void *matrix_data(str name, object value, int typenum, Py_ssize_t rows, Py_ssize_t columns) except NULL:
    """The data of a C-contiguous matrix of this dtype and shape; a memoryview for each matrix would cost too much."""
    if not cnp.PyArray_Check(value):
        raise TypeError(f"{name} must be an array, got {type(value).__name__}")
    cdef cnp.ndarray array = value
    if cnp.PyArray_TYPE(array) != typenum or not cnp.PyArray_ISCARRAY_RO(array) or cnp.PyArray_NDIM(array) != 2:
        raise ValueError(f"{name} must be a C-contiguous matrix, of the dtype of the others")
    if cnp.PyArray_DIM(array, 0) != rows or cnp.PyArray_DIM(array, 1) != columns:
        raise ValueError(f"{name} must have shape {(rows, columns)}, got {(array.shape[0], array.shape[1])}")
    return cnp.PyArray_DATA(array)


cdef Py_ssize_t rows_of(object matrix) except -1:
    if not cnp.PyArray_Check(matrix):
        raise TypeError(f"weights must be arrays, got {type(matrix).__name__}")
    if cnp.PyArray_NDIM(matrix) != 2:
        raise ValueError(f"weights must be matrices, got {cnp.PyArray_NDIM(matrix)} dimensions")
    return cnp.PyArray_DIM(matrix, 0)


cdef enum:
    # of an arena kept between calls; keeping larger ones, on huge pages, gained nothing
    MOST_IDLE_BYTES = 1 << 22


@cython.no_gc
cdef class LayerArrays(Workspace):
    """The layout and arena of a pass layer by layer, and the C view of its arrays, which the caller keeps alive."""

    cdef fm_layer_arrays *layers
    cdef tuple activations

    def __cinit__(self, bint is_double, tuple layer_dims, tuple activations, Py_ssize_t batch):
        self.layers = <fm_layer_arrays *>PyMem_Malloc(len(activations) * sizeof(fm_layer_arrays))
        if self.layers == NULL:
            raise MemoryError()
        self.activations = activations
        self.allocate()

    cdef bint fits(self, cnp.ndarray inputs, list weights, tuple activations) except -1:
        """Whether a new layout for these would be the same."""
        cdef Py_ssize_t layer
        if (
            self.kernels != kernels_for(cnp.PyArray_TYPE(inputs) == cnp.NPY_DOUBLE)
            or self.layout.layers[0].fan_in != cnp.PyArray_DIM(inputs, 0)
            or self.layout.batch_size != cnp.PyArray_DIM(inputs, 1)
            or self.activations != activations
            or len(activations) != len(weights)
        ):
            return False
        for layer in range(len(weights)):
            if self.layout.layers[layer].fan_out != rows_of(weights[layer]):
                return False
        return True

    def __dealloc__(self):
        PyMem_Free(self.layers)


cdef LayerArrays idle_arrays = None  # of the last call, for the next one; they hold none of its values


cdef LayerArrays take_arrays(cnp.ndarray inputs, list weights, list columns, tuple activations):
    """The arrays of the last call if they fit, else new ones, with pointers to the weights."""
    global idle_arrays
    cdef int typenum = real_type(inputs)
    cdef Py_ssize_t layer, fan_in, fan_out
    cdef LayerArrays arrays = idle_arrays
    idle_arrays = None  # another thread or a signal handler must not take them during the pass
    if not weights or len(columns) != len(weights):
        raise ValueError(f"expected one more array for each of {len(weights)} weights, got {len(columns)}")
    if arrays is None or not arrays.fits(inputs, weights, activations):
        layer_dims = (cnp.PyArray_DIM(inputs, 0), *[rows_of(weight) for weight in weights])
        arrays = LayerArrays(typenum == cnp.NPY_DOUBLE, layer_dims, activations, cnp.PyArray_DIM(inputs, 1))
    for layer in range(len(weights)):
        fan_out, fan_in = arrays.layout.layers[layer].fan_out, arrays.layout.layers[layer].fan_in
        arrays.layers[layer].weights = matrix_data("weights", weights[layer], typenum, fan_out, fan_in)
    return arrays


cdef void give_back(LayerArrays arrays) noexcept:
    """Keep the arrays of a finished pass for the next call."""
    global idle_arrays
    if arrays.scratch_bytes() <= MOST_IDLE_BYTES:
        idle_arrays = arrays


cdef cnp.ndarray new_matrix(int typenum, Py_ssize_t rows, Py_ssize_t columns):
    cdef cnp.npy_intp[2] shape
    shape[0], shape[1] = rows, columns
    return cnp.PyArray_EMPTY(2, shape, typenum, 0)


cdef tuple forward_pass(cnp.ndarray inputs, list weights, list biases, tuple activations):
    cdef LayerArrays arrays = take_arrays(inputs, weights, biases, activations)
    cdef int typenum = cnp.PyArray_TYPE(inputs)
    cdef fm_status status
    cdef Py_ssize_t fan_in = cnp.PyArray_DIM(inputs, 0), n = cnp.PyArray_DIM(inputs, 1), layer, fan_out
    cdef fm_data data = fm_data(matrix_data("inputs", inputs, typenum, fan_in, n), NULL, NULL, n, 1, n, 0, NULL, NULL,
                                0, 0, 0)
    cdef cnp.ndarray z, a
    cdef list cache = []
    for layer in range(len(weights)):
        fan_out = arrays.layout.layers[layer].fan_out
        z, a = new_matrix(typenum, fan_out, n), new_matrix(typenum, fan_out, n)
        cache.append(z)
        cache.append(a)
        cache.append(weights[layer])
        cache.append(biases[layer])
        arrays.layers[layer].bias = matrix_data("biases", biases[layer], typenum, fan_out, 1)
        arrays.layers[layer].z = cnp.PyArray_DATA(z)
        arrays.layers[layer].a = cnp.PyArray_DATA(a)
    cdef fm_call call = arrays.call_on(&data)
    with nogil:
        status = arrays.kernels.layers(arrays.layers, &call)
    finish(status)
    give_back(arrays)
    return tuple(cache)


def forward(cnp.ndarray inputs not None, list weights not None, list biases not None, tuple activations not None):
    """Return the tuple (z1, a1, W1, b1, z2, a2, ...): z and a (fan_out, n); biases are columns (fan_out, 1)."""
    return forward_pass(inputs, list(weights), list(biases), activations)  # copies: the caller may change its lists


cdef list backward_pass(cnp.ndarray inputs, cnp.ndarray targets, list weights, list outputs, tuple activations):
    cdef LayerArrays arrays = take_arrays(inputs, weights, outputs, activations)
    cdef int typenum = cnp.PyArray_TYPE(inputs)
    cdef fm_status status
    cdef Py_ssize_t fan_in = cnp.PyArray_DIM(inputs, 0), n = cnp.PyArray_DIM(inputs, 1), layer
    cdef Py_ssize_t fan_out = arrays.n_outputs()
    cdef fm_data data = fm_data(matrix_data("inputs", inputs, typenum, fan_in, n),
                                matrix_data("targets", targets, typenum, fan_out, n), NULL, n, 1, n, n, NULL, NULL, 0,
                                0, 0)
    cdef cnp.ndarray dz, dw, db, da
    cdef list gradients = []
    for layer in range(arrays.layout.n_layers - 1, -1, -1):
        fan_in, fan_out = arrays.layout.layers[layer].fan_in, arrays.layout.layers[layer].fan_out
        dz = new_matrix(typenum, fan_out, n)
        dw, db = new_matrix(typenum, fan_out, fan_in), new_matrix(typenum, fan_out, 1)
        gradients.append(dz)
        gradients.append(dw)
        gradients.append(db)
        arrays.layers[layer].a = matrix_data("outputs", outputs[layer], typenum, fan_out, n)
        arrays.layers[layer].dz = cnp.PyArray_DATA(dz)
        arrays.layers[layer].d_weights = cnp.PyArray_DATA(dw)
        arrays.layers[layer].d_bias = cnp.PyArray_DATA(db)
        if layer:
            da = new_matrix(typenum, fan_in, n)
            gradients.append(da)
            arrays.layers[layer].d_inputs = cnp.PyArray_DATA(da)
    cdef fm_call call = arrays.call_on(&data)
    with nogil:
        status = arrays.kernels.backward(arrays.layers, &call)
    finish(status)
    give_back(arrays)
    return gradients


def backward(cnp.ndarray inputs not None, cnp.ndarray targets not None, list weights not None, list outputs not None,
             tuple activations not None):
    """Return the list [dz, dW, db of the last layer, da, dz, dW, db of the one before, ...]; db are columns.

    All activations must have derivatives that are functions of their outputs.
    """
    for name in activations:
        if DERIVATIVES.get(name) == "logits":
            raise ValueError(f"activations must have derivatives by their outputs, got {name!r}")
    return backward_pass(inputs, targets, list(weights), list(outputs), activations)
