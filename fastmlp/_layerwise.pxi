# Layer by layer, keeping every array; a part of _kernels.pyx.

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
    cdef fm_data data = fm_data(matrix_data("inputs", inputs, typenum, fan_in, n), NULL, NULL, n, 1, n, 0, NULL, NULL,
                                0, 0)
    cdef cnp.ndarray z, a
    cdef list cache = []
    cdef int status
    space.allocate()
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
    """Return the list [dz, dW, db of the last layer, da, dz, dW, db of the one before, ...]; db are columns.

    All activations must have derivatives that are functions of their outputs.
    """
    for name in activations:
        if DERIVATIVES.get(name) == "logits":
            raise ValueError(f"activations must have derivatives by their outputs, got {name!r}")
    cdef int typenum = real_type(inputs)
    cdef Py_ssize_t fan_in = cnp.PyArray_DIM(inputs, 0), n = cnp.PyArray_DIM(inputs, 1), layer
    cdef LayerArrays arrays = LayerArrays(weights, outputs, fan_in, typenum)
    cdef Workspace space = Workspace(typenum == cnp.NPY_DOUBLE, arrays.layer_dims, activations, n)
    cdef Py_ssize_t fan_out = space.n_outputs()
    cdef fm_data data = fm_data(matrix_data("inputs", inputs, typenum, fan_in, n),
                                matrix_data("targets", targets, typenum, fan_out, n), NULL, n, 1, n, n, NULL, NULL, 0,
                                0)
    cdef cnp.ndarray dz, dw, db, da
    cdef list gradients = []
    cdef int status
    space.allocate()
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
