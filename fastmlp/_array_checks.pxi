# Checks of whole arrays, faster than NumPy's on small ones; a part of _kernels.pyx.

cdef int passes(object value, fm_check check) except -1:
    """Whether a C-contiguous array of float32 or float64 passes a check."""
    if not cnp.PyArray_Check(value):
        raise TypeError(f"expected an array, got {type(value).__name__}")
    cdef cnp.ndarray array = value
    cdef int typenum = cnp.PyArray_TYPE(array)
    if typenum not in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT) or not cnp.PyArray_ISCARRAY_RO(array):
        raise ValueError("expected a C-contiguous, aligned array of float32 or float64")
    cdef int answer
    finish(kernels_for(typenum == cnp.NPY_DOUBLE).all_pass(
        &answer, cnp.PyArray_DATA(array), cnp.PyArray_SIZE(array), check, serve_signals
    ))
    return answer


cdef bint is_plain_matrix(object value, int typenum):
    """Whether ``value`` can go to the kernels as it is: non-empty, C-contiguous, aligned, of this dtype."""
    if not cnp.PyArray_CheckExact(value):
        return False
    cdef cnp.ndarray array = value
    return (
        cnp.PyArray_NDIM(array) == 2
        and cnp.PyArray_TYPE(array) == typenum
        and cnp.PyArray_ISCARRAY_RO(array)
        and cnp.PyArray_SIZE(array) > 0
    )


def first_not_finite(arrays):
    """Index of the first of these C-contiguous float32 or float64 arrays with a NaN or an infinity, or -1."""
    for index, array in enumerate(arrays):
        if not passes(array, FM_ALL_FINITE):
            return index
    return -1


def all_binary(cnp.ndarray array not None):
    """Whether every element of a C-contiguous float32 or float64 array is 0 or 1."""
    return bool(passes(array, FM_ALL_BINARY))


cdef cnp.ndarray labels_from_integers(object labels, cnp.ndarray outputs):
    real_type(outputs)
    if not is_plain_matrix(labels, cnp.NPY_INT64) or not cnp.PyArray_SAMESHAPE(labels, outputs):
        return None
    cdef Py_ssize_t rows = cnp.PyArray_DIM(outputs, 0), n = cnp.PyArray_DIM(outputs, 1)
    cdef cnp.ndarray new = new_matrix(cnp.PyArray_TYPE(outputs), rows, n)
    cdef fm_dtype dtype = FM_F64 if cnp.PyArray_TYPE(new) == cnp.NPY_DOUBLE else FM_F32
    cdef int are_binary
    finish(fm_convert_labels(cnp.PyArray_DATA(new), &are_binary, <const int64_t *>cnp.PyArray_DATA(labels),
                             cnp.PyArray_SIZE(new), dtype, serve_signals))
    return new if are_binary else None


def integer_labels(object labels, cnp.ndarray outputs not None):
    """C-contiguous int64 labels 0 and 1 of the shape of ``outputs``, converted to its dtype; None for any others."""
    return labels_from_integers(labels, outputs)


def all_in_unit_interval(cnp.ndarray array not None):
    """Whether every element of a C-contiguous float32 or float64 array lies in [0, 1]."""
    return bool(passes(array, FM_ALL_IN_UNIT_INTERVAL))


cdef bint is_real_matrix(object value):
    """Whether ``value`` can go to the kernels as it is, in its own dtype."""
    return is_plain_matrix(value, cnp.NPY_DOUBLE) or is_plain_matrix(value, cnp.NPY_FLOAT)


cdef bint all_plain_and_finite(list matrices) except -1:
    cdef int typenum
    if not matrices or not is_real_matrix(matrices[0]):
        return False
    typenum = cnp.PyArray_TYPE(matrices[0])
    for matrix in matrices:
        if not is_plain_matrix(matrix, typenum) or not passes(matrix, FM_ALL_FINITE):
            return False
    return True


def plain_and_finite(list matrices):
    """Whether all are finite, non-empty, C-contiguous matrices of one dtype, float32 or float64.

    The quick answer for arrays that need no conversion; for the others, the checks in Python say what is wrong.
    """
    return all_plain_and_finite(matrices)


cdef bint fits_network(object inputs, list weights, list columns, bint per_example) except -1:
    cdef Py_ssize_t width, n, layer
    cdef list all_arrays
    if len(weights) != len(columns):
        return False
    all_arrays = weights + columns
    all_arrays.append(inputs)
    if not all_plain_and_finite(all_arrays):
        return False
    width, n = cnp.PyArray_DIM(inputs, 0), cnp.PyArray_DIM(inputs, 1) if per_example else 1
    for layer in range(len(weights)):
        if cnp.PyArray_DIM(weights[layer], 1) != width:
            return False
        width = cnp.PyArray_DIM(weights[layer], 0)
        if cnp.PyArray_DIM(columns[layer], 0) != width or cnp.PyArray_DIM(columns[layer], 1) != n:
            return False
    return True


def network_fits(object inputs, list weights, list columns, bint per_example):
    """Whether inputs, weights and one column (or one matrix of outputs) per layer are plain, finite and chain up."""
    return fits_network(inputs, weights, columns, per_example)
