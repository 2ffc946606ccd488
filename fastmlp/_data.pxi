# The examples of a pass, checked for what memory safety needs; a part of _kernels.pyx.

cdef const void *vector_data(str name, object value, int typenum, Py_ssize_t n) except NULL:
    """The data of a contiguous vector of this dtype and length."""
    if not cnp.PyArray_Check(value):
        raise TypeError(f"{name} must be an array, got {type(value).__name__}")
    cdef cnp.ndarray array = value
    if cnp.PyArray_TYPE(array) != typenum or not cnp.PyArray_ISCARRAY_RO(array) or cnp.PyArray_NDIM(array) != 1:
        raise ValueError(f"{name} must be a contiguous vector, of the dtype of the others")
    if cnp.PyArray_DIM(array, 0) != n:
        raise ValueError(f"{name} must have {n} entries, got {cnp.PyArray_DIM(array, 0)}")
    return cnp.PyArray_DATA(array)


cdef class Data:
    """Examples as the passes read them.  Nothing is copied: a change of the arrays changes the data.

    ``inputs`` is (n_examples, n_features), in C or Fortran order up to a stride, or the tuple (values, indices,
    indptr, n_features) of a CSR matrix; ``targets`` (n_targets, n_examples), C-contiguous, ``sample_weight``
    (n_examples,), both of the dtype of ``inputs``; weights may be float64 also where that is float32, else they are
    converted to it.  An engine made with ``sparse`` takes only ``is_canonical_csr`` data: each row's columns ascend.
    ``density`` is the share of stored entries, 1 if dense.
    """

    cdef fm_data data
    cdef int typenum
    cdef readonly Py_ssize_t n_examples, n_features, n_targets
    cdef readonly bint is_canonical_csr
    cdef readonly double density
    cdef object inputs, targets, sample_weight

    def __cinit__(self, object inputs not None, cnp.ndarray targets=None, cnp.ndarray sample_weight=None):
        self.inputs, self.targets = inputs, targets
        self.density = 1
        if isinstance(inputs, tuple) and len(inputs) == 4:
            self.take_csr(inputs[0], inputs[1], inputs[2], inputs[3])
        else:
            self.take_dense(inputs)
        self.data.n_examples = self.n_examples
        if self.n_examples < 1 or self.n_features < 1:
            raise ValueError("there must be at least one example and one feature")
        if self.data.indptr != NULL:
            self.density = self.data.n_stored / (<double>self.n_examples * <double>self.n_features)
        if targets is not None:
            self.n_targets = cnp.PyArray_DIM(targets, 0) if cnp.PyArray_NDIM(targets) == 2 else 0
            self.data.targets = matrix_data("targets", targets, self.typenum, self.n_targets, self.n_examples)
            self.data.target_stride = self.n_examples
        if sample_weight is not None:
            self.take_weights(sample_weight)

    cdef int take_weights(self, cnp.ndarray sample_weight) except -1:
        if cnp.PyArray_TYPE(sample_weight) == self.typenum == cnp.NPY_FLOAT:
            sample_weight = sample_weight.astype("float64")
        self.sample_weight = sample_weight
        self.data.sample_weight = <const double *>vector_data(
            "sample_weight", sample_weight, cnp.NPY_DOUBLE, self.n_examples
        )
        frexp(sample_weight.max(), &self.data.weight_exponent)
        return 0

    cdef int take_dense(self, cnp.ndarray inputs) except -1:
        cdef Py_ssize_t size, across, along
        self.typenum = real_type(inputs)
        if not cnp.PyArray_ISBEHAVED_RO(inputs):
            raise ValueError("inputs must be aligned and of native byte order")
        size = cnp.PyArray_ITEMSIZE(inputs)
        self.n_examples, self.n_features = cnp.PyArray_DIM(inputs, 0), cnp.PyArray_DIM(inputs, 1)
        across, along = cnp.PyArray_STRIDE(inputs, 0), cnp.PyArray_STRIDE(inputs, 1)
        if self.n_features == 1:
            along = across * self.n_examples if across == size else size
        if self.n_examples == 1 and along != size:
            across = size
        if across % size or along % size or (across != size and along != size):
            raise ValueError("inputs must be contiguous along examples or along features")
        self.data.inputs = cnp.PyArray_DATA(inputs)
        self.data.example_stride, self.data.feature_stride = across // size, along // size
        return 0

    cdef int take_csr(self, cnp.ndarray values, cnp.ndarray indices, cnp.ndarray indptr,
                      Py_ssize_t n_features) except -1:
        if values is None or indices is None or indptr is None:
            raise TypeError("X in CSR form must have values, indices and indptr")
        cdef Py_ssize_t stored = cnp.PyArray_SIZE(values)
        cdef int index_type = cnp.PyArray_TYPE(indices), in_range, ascending
        cdef fm_status status
        self.typenum = cnp.PyArray_TYPE(values)
        if self.typenum not in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT) or index_type not in (cnp.NPY_INT32, cnp.NPY_INT64):
            raise ValueError("X in CSR form must hold float32 or float64 and indices of int32 or int64")
        self.n_examples, self.n_features = cnp.PyArray_SIZE(indptr) - 1, n_features
        self.data.inputs = vector_data("CSR values", values, self.typenum, stored)
        self.data.indices = vector_data("CSR indices", indices, index_type, stored)
        self.data.indptr = vector_data("CSR indptr", indptr, index_type, self.n_examples + 1)
        self.data.n_examples, self.data.n_stored = self.n_examples, stored
        self.data.wide_indices = index_type == cnp.NPY_INT64
        with nogil:
            status = fm_check_csr(&in_range, &ascending, &self.data, n_features, serve_signals)
        finish(status)
        if not in_range:
            raise ValueError("X in CSR form must have indptr that rises from 0 and indices within its columns")
        self.is_canonical_csr = ascending
        return 0
