# The fused passes over a flat parameter vector; a part of _kernels.pyx.

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
    """Examples as the passes read them: nothing is copied, so whoever changes an array changes the data.

    ``inputs`` is (n_examples, n_features), in C or Fortran order up to a stride, or the tuple (values, indices,
    indptr, n_features) of a CSR matrix; ``targets`` (n_targets, n_examples), C-contiguous, ``sample_weight``
    (n_examples,), both of the dtype of ``inputs``.  An engine made with ``sparse`` takes ``is_canonical_csr`` data
    alone: each row's columns ascend.  ``density`` is the share of entries that are stored, 1 of a dense array.
    """

    cdef fm_data data
    cdef int typenum
    cdef readonly Py_ssize_t n_examples, n_features, n_targets
    cdef readonly bint is_canonical_csr
    cdef readonly double density
    cdef object inputs, targets, sample_weight

    def __cinit__(self, object inputs not None, cnp.ndarray targets=None, cnp.ndarray sample_weight=None):
        self.inputs, self.targets, self.sample_weight = inputs, targets, sample_weight
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
            self.data.sample_weight = vector_data("sample_weight", sample_weight, self.typenum, self.n_examples)

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
        cdef Py_ssize_t i, k, start, end, column, before, stored = cnp.PyArray_SIZE(values)
        cdef int index_type = cnp.PyArray_TYPE(indices)
        cdef bint ordered = True, ascending = True
        self.typenum = cnp.PyArray_TYPE(values)
        if self.typenum not in (cnp.NPY_DOUBLE, cnp.NPY_FLOAT) or index_type not in (cnp.NPY_INT32, cnp.NPY_INT64):
            raise ValueError("X in CSR form must hold float32 or float64 and indices of int32 or int64")
        self.n_examples, self.n_features = cnp.PyArray_SIZE(indptr) - 1, n_features
        self.data.inputs = vector_data("CSR values", values, self.typenum, stored)
        self.data.indices = vector_data("CSR indices", indices, index_type, stored)
        self.data.indptr = vector_data("CSR indptr", indptr, index_type, self.n_examples + 1)
        self.data.n_stored = stored
        self.data.wide_indices = index_type == cnp.NPY_INT64
        with nogil:
            start = 0
            for i in range(self.n_examples + 1):
                end = csr_index(self.data.indptr, self.data.wide_indices, i)
                ordered = ordered and start <= end <= stored and (i > 0 or end == 0)
                start = end
            for i in range(stored):
                column = csr_index(self.data.indices, self.data.wide_indices, i)
                ordered = ordered and 0 <= column < n_features
            for i in range(self.n_examples if ordered else 0):
                start = csr_index(self.data.indptr, self.data.wide_indices, i)
                end = csr_index(self.data.indptr, self.data.wide_indices, i + 1)
                before = -1
                for k in range(max(start, 0), min(end, stored)):  # the caller may change indptr meanwhile
                    column = csr_index(self.data.indices, self.data.wide_indices, k)
                    ascending = ascending and before < column
                    before = column
        if not ordered:
            raise ValueError("X in CSR form must have indptr that rises from 0 and indices within its columns")
        self.is_canonical_csr = ascending
        return 0


cdef inline Py_ssize_t csr_index(const void *indices, bint wide, Py_ssize_t i) noexcept nogil:
    return (<const cnp.int64_t *>indices)[i] if wide else (<const cnp.int32_t *>indices)[i]


cdef class Engine(Workspace):
    """A network's fused passes over batches of up to ``batch`` examples; see :class:`Workspace` for its arguments.

    One engine serves one call at a time.
    """

    cdef readonly Py_ssize_t updates  # after ``train``: the updates made in all, also where it was interrupted

    cdef int check_data(self, Data data, bint is_double, Py_ssize_t n_parameters, bint with_targets) except -1:
        if is_double != self.is_double or data.typenum != (cnp.NPY_DOUBLE if is_double else cnp.NPY_FLOAT):
            raise ValueError("parameters and data must have the dtype of the engine")
        if n_parameters != self.plan.n_parameters:
            raise ValueError(f"layer_dims need {self.plan.n_parameters} parameters, got {n_parameters}")
        check_shape("inputs", (data.n_features,), (self.plan.layers[0].fan_in,))
        if self.plan.layers[0].is_sparse and not data.is_canonical_csr:
            raise ValueError("an engine for sparse data takes CSR data alone, columns ascending in every row")
        if with_targets:
            check_shape("targets", (data.n_targets,), (self.plan.n_targets,))
        self.allocate()
        return 0

    def loss_and_gradient(self, real[::1] gradient, const real[::1] parameters, Data data not None):
        """Write the gradient of the mean loss over all of the data to ``gradient`` and return the loss."""
        cdef double loss = 0
        cdef int status
        self.check_data(data, real is double, parameters.shape[0], True)
        check_shape("gradient", (gradient.shape[0],), (parameters.shape[0],))
        if data.n_examples > self.plan.batch:
            raise ValueError(f"the engine takes {self.plan.batch} examples at a time, got {data.n_examples}")
        with nogil:
            status = self.kernels.loss_and_gradient(&gradient[0], &loss, self.plan, &parameters[0], &data.data,
                                                    self.arena, self.n_threads, serve_signals)
        finish(status)
        return loss

    def train(self, real[::1] parameters, Data data not None, optimizer not None, real[:, ::1] moments not None,
              const double[::1] learning_rates, const Py_ssize_t[:, ::1] order, double[::1] losses,
              Py_ssize_t epochs, Py_ssize_t updates=0, unsigned long long seed=0):
        """Train ``parameters`` in place; False where a gradient was not finite, which moved no parameter.

        ``optimizer`` maps the fields of ``fm_optimizer`` to values; ``moments`` (0 to 2, n_parameters) are its
        state, read and written.  ``learning_rates`` has an entry per update, ``order`` a row per epoch, or is
        None for examples as they lie.  The first ``len(losses)`` epochs write their loss to ``losses``.
        ``updates`` counts those made before.  After Ctrl-C, parameters and moments are those of the last update.
        """
        self.updates = updates
        cdef Py_ssize_t n = data.n_examples, batches = (n + self.plan.batch - 1) // self.plan.batch, i, k
        cdef fm_optimizer settings = fm_optimizer(
            METHODS[optimizer["method"]], optimizer["nesterov"], optimizer["epsilon_hat"], optimizer["momentum"],
            optimizer["beta_1"], optimizer["beta_2"], optimizer["epsilon"], optimizer["weight_decay"],
            optimizer["l1"], optimizer["l2"], optimizer["clip_value"], optimizer["clip_norm"],
        )
        cdef Py_ssize_t n_moments = settings.method == FM_RMSPROP or settings.momentum != 0
        cdef fm_training training
        cdef cnp.ndarray gradient = np_empty(parameters.shape[0], real is double)
        cdef bint in_range = True
        cdef int status
        if settings.method == FM_ADAM:
            n_moments = 2
        self.check_data(data, real is double, parameters.shape[0], True)
        check_shape("moments", (moments.shape[0], moments.shape[1]), (n_moments, parameters.shape[0]))
        if epochs < 0 or updates < 0 or losses.shape[0] > epochs or epochs > (2**62) // batches:
            raise ValueError("epochs and updates must be at least 0, and losses no longer than epochs")
        check_shape("learning_rates", (learning_rates.shape[0],), (epochs * batches,))
        training.order = NULL
        if order is not None and epochs:
            check_shape("order", (order.shape[0], order.shape[1]), (epochs, n))
            with nogil:
                for i in range(epochs):
                    for k in range(n):
                        in_range &= 0 <= order[i, k] < n
            if not in_range:
                raise ValueError(f"order must hold indices of the {n} examples")
            training.order = &order[0, 0]
        if epochs == 0:
            return True
        training.parameters, training.gradient = &parameters[0], cnp.PyArray_DATA(gradient)
        training.moments[0] = training.moments[1] = NULL
        if settings.method == FM_RMSPROP:
            training.moments[1] = &moments[0, 0]
        elif n_moments:
            training.moments[0] = &moments[0, 0]
            if n_moments == 2:
                training.moments[1] = &moments[1, 0]
        training.optimizer, training.learning_rates = &settings, &learning_rates[0]
        training.epochs, training.updates, training.seed = epochs, updates, seed
        training.losses, training.n_losses = NULL, losses.shape[0]
        if losses.shape[0]:
            training.losses = &losses[0]
        with nogil:
            status = self.kernels.train(&training, self.plan, &data.data, self.arena, self.n_threads, serve_signals)
        self.updates = training.updates
        finish(status)
        return status == FM_DONE

    def predict(self, real[:, ::1] outputs, const real[::1] parameters, Data data not None, bint probabilities):
        """Write the logits (n_outputs, n_examples), or the output activation of them, to ``outputs``."""
        cdef int status
        self.check_data(data, real is double, parameters.shape[0], False)
        check_shape("outputs", (outputs.shape[0], outputs.shape[1]), (self.n_outputs(), data.n_examples))
        with nogil:
            status = self.kernels.predict(&outputs[0, 0], self.plan, &parameters[0], &data.data, self.arena,
                                          FM_PROBABILITIES if probabilities else FM_LOGITS, serve_signals)
        finish(status)

    def predict_one(self, cnp.ndarray parameters not None, object x, bint probabilities):
        """Outputs (n_outputs,) of one example (n_features,), or None unless both are plain and finite.

        The GIL is held throughout: the call is meant for networks that take microseconds.
        """
        cdef int typenum = cnp.NPY_DOUBLE if self.is_double else cnp.NPY_FLOAT
        cdef cnp.npy_intp n_outputs = self.n_outputs()
        cdef fm_data data = fm_data(NULL, NULL, NULL, 1, self.plan.layers[0].fan_in, 1, 0, NULL, NULL, 0, 0)
        cdef cnp.ndarray outputs
        if self.plan.layers[0].is_sparse:
            raise ValueError("an engine for sparse data takes CSR data alone, columns ascending in every row")
        if not cnp.PyArray_CheckExact(x) or cnp.PyArray_TYPE(x) != typenum or not cnp.PyArray_ISCARRAY_RO(x):
            return None
        if cnp.PyArray_NDIM(x) != 1 or cnp.PyArray_DIM(x, 0) != self.plan.layers[0].fan_in:
            return None
        if not passes(x, FM_ALL_FINITE) or not passes(parameters, FM_ALL_FINITE):
            return None
        self.allocate()
        data.inputs = cnp.PyArray_DATA(x)
        outputs = cnp.PyArray_EMPTY(1, &n_outputs, typenum, 0)
        finish(self.kernels.predict(cnp.PyArray_DATA(outputs), self.plan,
                                    vector_data("parameters", parameters, typenum, self.plan.n_parameters), &data,
                                    self.arena, FM_PROBABILITIES if probabilities else FM_LOGITS, serve_signals))
        return outputs

    def dropout_mask(self, Py_ssize_t layer, unsigned long long seed, Py_ssize_t update):
        """The factors (fan_out, batch), 0 or 1 / (1 - dropout), of a hidden layer's outputs in one update."""
        if not 0 <= layer < self.plan.n_layers - 1:
            raise ValueError(f"layer must be a hidden one, below {self.plan.n_layers - 1}; got {layer}")
        cdef cnp.ndarray mask = new_matrix(cnp.NPY_DOUBLE if self.is_double else cnp.NPY_FLOAT,
                                           self.plan.layers[layer].fan_out, self.plan.batch)
        self.kernels.dropout_mask(cnp.PyArray_DATA(mask), self.plan, layer, seed, update)
        return mask


cdef cnp.ndarray np_empty(cnp.npy_intp n, bint is_double):
    return cnp.PyArray_EMPTY(1, &n, cnp.NPY_DOUBLE if is_double else cnp.NPY_FLOAT, 0)


def draw_order(Py_ssize_t[::1] order not None, const double[::1] draws not None):
    """Write the permutation of 0 .. n - 1 to ``order`` that n draws from [0, 1) make: Durstenfeld's shuffle."""
    cdef Py_ssize_t n = order.shape[0], i, other
    cdef bint in_range = True
    cdef double draw = 0
    check_shape("draws", (draws.shape[0],), (n,))
    with nogil:
        for i in range(n):
            order[i] = i
        for i in range(n - 1, -1, -1):
            draw = draws[i]  # once: another thread may write to it
            if not 0 <= draw < 1:
                in_range = False
                break
            other = <Py_ssize_t>(draw * <double>(i + 1))
            order[i], order[other] = order[other], order[i]
    if not in_range:
        raise ValueError(f"draws must lie in 0 <= draw < 1, got {draw}")
