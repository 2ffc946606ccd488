# The fused passes over a flat parameter vector; a part of _kernels.pyx.

cdef fm_optimizer optimizer_settings(object settings) except *:
    """The C form of a mapping from "method" and every name of OPTIMIZER_FIELDS."""
    cdef fm_optimizer optimizer
    optimizer.method = <fm_method><int>METHODS[settings["method"]]
    for name, field in OPTIMIZER_FIELDS.items():
        fm_set_optimizer_field(&optimizer, field, settings[name])
    return optimizer


cdef class Engine(Workspace):
    """A network's fused passes over batches of up to ``batch`` examples; see :class:`Workspace` for its arguments.

    One engine serves one call at a time; a RuntimeError refuses a second.
    """

    cdef bint is_busy  # a call is using the arena

    cdef readonly double last_loss  # of the last epoch of ``train``, if it was wanted

    cdef int enter(self) except -1:
        if self.is_busy:
            raise RuntimeError("the engine is in use by another call")
        self.is_busy = True
        return 0

    cdef int check_data(self, Data data, bint is_double, Py_ssize_t n_parameters, bint with_targets) except -1:
        if is_double != self.is_double or data.typenum != real_number(is_double):
            raise ValueError("parameters and data must have the dtype of the engine")
        if n_parameters != self.layout.n_parameters:
            raise ValueError(f"layer_dims need {self.layout.n_parameters} parameters, got {n_parameters}")
        check_shape("inputs", (data.n_features,), (self.layout.layers[0].fan_in,))
        if self.layout.layers[0].is_sparse and not data.is_canonical_csr:
            raise ValueError("an engine for sparse data takes CSR data alone, columns ascending in every row")
        if with_targets:
            check_shape("targets", (data.n_targets,), (self.layout.n_targets,))
        self.allocate()
        return 0

    def loss_and_gradient(self, real[::1] gradient, const real[::1] parameters, Data data not None):
        """Write the gradient of the mean loss over all of the data to ``gradient`` and return the loss."""
        cdef double loss = 0
        cdef fm_status status
        self.check_data(data, real is double, parameters.shape[0], True)
        check_shape("gradient", (gradient.shape[0],), (parameters.shape[0],))
        self.check_batch(data)
        cdef fm_call call = self.call_on(&data.data)
        self.enter()
        with nogil:
            status = self.kernels.loss_and_gradient(&gradient[0], NULL, &loss, &parameters[0], &call)
        self.is_busy = False
        finish(status)
        return loss

    def loss(self, const real[::1] parameters, Data data not None, real[:, ::1] outputs=None):
        """The mean loss over all of the data, without its gradient.

        ``outputs`` (n_outputs, n_examples) receives what :meth:`predict` gives with ``probabilities``.
        """
        cdef double loss = 0
        cdef fm_status status
        cdef void *to = NULL
        self.check_data(data, real is double, parameters.shape[0], True)
        self.check_batch(data)
        if outputs is not None:
            check_shape("outputs", (outputs.shape[0], outputs.shape[1]), (self.n_outputs(), data.n_examples))
            to = &outputs[0, 0]
        cdef fm_call call = self.call_on(&data.data)
        self.enter()
        with nogil:
            status = self.kernels.loss_and_gradient(NULL, to, &loss, &parameters[0], &call)
        self.is_busy = False
        finish(status)
        return loss

    cdef int check_batch(self, Data data) except -1:
        if data.n_examples > self.layout.batch_size:
            raise ValueError(f"the engine takes {self.layout.batch_size} examples at a time, got {data.n_examples}")
        return 0

    def train(self, real[::1] parameters, Data data not None, optimizer not None, real[:, ::1] moments not None,
              const double[::1] learning_rates, const Py_ssize_t[:, ::1] order, double[::1] losses,
              Py_ssize_t epochs, dict counts=None, unsigned long long seed=0, Py_ssize_t first_loss=0,
              Py_ssize_t loss_every=1, dict watch=None, dict plateau=None, real[::1] best_parameters=None,
              real[::1] gradient=None, bint penalizes_sum=False, double loss_share=1, bint wants_last_loss=False,
              bint holds_update=False, held_loss=None):
        """Train ``parameters`` in place and return how the training ended: a name of ``STATUSES``.

        A gradient that is not finite moves no parameter, nor does an update that would leave one not finite.  A loss
        that is not finite ends a training if an argument below asks for that loss.  ``optimizer`` maps "method" and
        every name of ``OPTIMIZER_FIELDS`` to its value; ``moments`` (0 to 2, n_parameters) are its state, read and
        written.  ``learning_rates`` has an entry per update, ``order`` a row per epoch, which nothing else may write to
        during the call; without it examples keep their own order.  ``losses`` receives the losses of epochs
        ``first_loss``, ``first_loss + loss_every``, ...; if ``wants_last_loss``, the attribute ``last_loss`` receives
        that of the last epoch.

        ``counts`` has the "updates" made before and any of "epochs", "optimizer_epochs" and "examples"; the call adds
        what it made.  ``watch`` maps fields of ``fm_watch``, whose state is read and written; ``plateau`` holds the
        "scale", "best" and "n_stalled" of its rule ``slow``.  If the watch keeps the best parameters,
        ``best_parameters`` receives those of the least loss.  ``penalizes_sum`` adds penalties to the sum of the losses
        of a batch, not to their mean, and ``loss_share`` is then a factor of the losses; see ``fm_training``.

        With one batch per epoch, ``holds_update`` ends the call before the last update and leaves the gradient in
        ``gradient``; the next call, given the loss of that gradient as ``held_loss``, makes the update first.  After
        Ctrl-C, parameters, moments, ``counts``, ``watch`` and ``plateau`` are those of the last update: no other signal
        is served before all are written.
        """
        cdef Py_ssize_t updates = 0 if counts is None else counts["updates"]
        cdef Py_ssize_t n = data.n_examples, batches = (n + self.layout.batch_size - 1) // self.layout.batch_size
        cdef fm_optimizer settings = optimizer_settings(optimizer)
        cdef fm_watch rules = watch_of(watch or {}, plateau)
        cdef fm_training training
        cdef fm_status status
        cdef PyObject *kind
        cdef PyObject *value
        cdef PyObject *traceback
        self.last_loss = NAN
        self.check_data(data, real is double, parameters.shape[0], True)
        if epochs < 0 or updates < 0 or losses.shape[0] > epochs or epochs > (2**62) // batches:
            raise ValueError("epochs and updates must be at least 0, and losses no longer than epochs")
        if first_loss < 0 or loss_every < 1:
            raise ValueError("first_loss must be at least 0, and loss_every at least 1")
        if (holds_update or held_loss is not None) and (batches > 1 or gradient is None):
            raise ValueError("an update can be held only with a gradient, and one batch per epoch")
        if rules.keeps_best and best_parameters is None:
            raise ValueError("best_parameters must be given where the watch keeps them")
        check_shape("learning_rates", (learning_rates.shape[0],), (epochs * batches,))
        set_moments(&training, &settings, moments, parameters.shape[0])
        training.order = checked_order(order, epochs, n)
        if epochs == 0:
            return status_name(FM_DONE)
        scratch = np_empty(parameters.shape[0], real is double) if gradient is None else None
        if gradient is not None:
            check_shape("gradient", (gradient.shape[0],), (parameters.shape[0],))
            training.gradient = &gradient[0]
        else:
            training.gradient = cnp.PyArray_DATA(scratch)
        training.best_parameters = NULL
        if best_parameters is not None:
            check_shape("best_parameters", (best_parameters.shape[0],), (parameters.shape[0],))
            training.best_parameters = &best_parameters[0]
        training.parameters = &parameters[0]
        training.optimizer, training.learning_rates = &settings, &learning_rates[0]
        training.epochs, training.updates, training.seed = epochs, updates, seed
        training.losses, training.n_losses = NULL, losses.shape[0]
        if losses.shape[0]:
            training.losses = &losses[0]
        training.first_loss, training.loss_every, training.last_loss = first_loss, loss_every, NULL
        if wants_last_loss:
            training.last_loss = &self.last_loss
        training.watch = &rules
        training.penalizes_sum, training.loss_share = penalizes_sum, loss_share
        training.holds_update, training.is_held = holds_update, held_loss is not None
        training.held_loss = NAN if held_loss is None else held_loss
        cdef fm_call call = self.call_on(&data.data)
        self.enter()
        with nogil:
            status = self.kernels.train(&training, &call)
        self.is_busy = False
        PyErr_Fetch(&kind, &value, &traceback)  # a signal handler's: nothing may be called while it is set
        if counts is not None:
            count(counts, training.updates - updates, batches, n, self.layout.batch_size)
        if watch is not None:
            watch.update(rules)
        if plateau is not None:
            plateau.update(scale=rules.rate_scale, best=rules.slow.best, n_stalled=rules.slow.n_stalled)
        PyErr_Restore(kind, value, traceback)
        finish(status)
        return status_name(status)

    def update(self, real[::1] parameters, real[::1] gradient, real[:, ::1] moments not None, optimizer not None,
               double learning_rate, Py_ssize_t updates=0):
        """One update of ``parameters`` and ``moments`` in place from a gradient: the optimizer's sweep alone.

        ``updates`` counts the updates made before.  Penalties and clipping are those of ``optimizer``.  The gradient is
        neither changed nor checked for NaN and infinities.
        """
        cdef fm_optimizer settings = optimizer_settings(optimizer)
        cdef fm_training training
        cdef bint is_double = real is double
        if parameters.shape[0] != self.layout.n_parameters or is_double != self.is_double:
            raise ValueError(f"parameters must be {self.layout.n_parameters} of the dtype of the engine")
        check_shape("gradient", (gradient.shape[0],), (parameters.shape[0],))
        if updates < 0:
            raise ValueError(f"updates must be at least 0, got {updates}")
        set_moments(&training, &settings, moments, parameters.shape[0])
        training.parameters, training.gradient, training.optimizer = &parameters[0], &gradient[0], &settings
        training.updates = updates
        cdef fm_status status
        with nogil:
            status = self.kernels.update(&training, self.layout, learning_rate, serve_signals)
        finish(status)

    def predict(self, real[:, ::1] outputs, const real[::1] parameters, Data data not None, bint probabilities):
        """Write the logits (n_outputs, n_examples), or their output activations, to ``outputs``."""
        cdef fm_status status
        self.check_data(data, real is double, parameters.shape[0], False)
        check_shape("outputs", (outputs.shape[0], outputs.shape[1]), (self.n_outputs(), data.n_examples))
        cdef fm_call call = self.call_on(&data.data)
        self.enter()
        with nogil:
            status = self.kernels.predict(&outputs[0, 0], &parameters[0],
                                          FM_PROBABILITIES if probabilities else FM_LOGITS, &call)
        self.is_busy = False
        finish(status)

    def predict_one(self, cnp.ndarray parameters not None, object x, bint probabilities, bint with_rest=False):
        """Outputs (n_outputs,) of one example (n_features,), or None unless both are plain and finite,
        and the engine free.  ``with_rest``: of a single output p, return (1 - p, p).

        The GIL is held but while signals are served: the call is meant for networks that take microseconds.
        """
        cdef int typenum = real_number(self.is_double)
        cdef cnp.npy_intp n_outputs = self.n_outputs() + with_rest
        cdef fm_data data = fm_data(NULL, NULL, NULL, 1, self.layout.layers[0].fan_in, 1, 0, NULL, NULL, 0, 0, 0)
        cdef cnp.ndarray outputs
        cdef char *first
        if with_rest and n_outputs != 2:
            raise ValueError(f"with_rest needs a network with one output, this one has {n_outputs - 1}")
        if self.layout.layers[0].is_sparse:
            raise ValueError("an engine for sparse data takes CSR data alone, columns ascending in every row")
        if self.is_busy or not cnp.PyArray_CheckExact(x) or cnp.PyArray_TYPE(x) != typenum:
            return None
        if not cnp.PyArray_ISCARRAY_RO(x) or cnp.PyArray_NDIM(x) != 1:
            return None
        if cnp.PyArray_DIM(x, 0) != self.layout.layers[0].fan_in:
            return None
        if not passes(x, FM_ALL_FINITE) or not passes(parameters, FM_ALL_FINITE):
            return None
        self.allocate()
        data.inputs = cnp.PyArray_DATA(x)
        outputs = cnp.PyArray_EMPTY(1, &n_outputs, typenum, 0)
        first = <char *>cnp.PyArray_DATA(outputs) + with_rest * cnp.PyArray_ITEMSIZE(outputs)
        cdef fm_call call = self.call_on(&data)
        cdef const void *flat = vector_data("parameters", parameters, typenum, self.layout.n_parameters)
        self.enter()
        cdef fm_output kind = FM_PROBABILITIES if probabilities else FM_LOGITS
        cdef fm_status status = self.kernels.predict(first, flat, kind, &call)
        self.is_busy = False
        finish(status)
        if with_rest:
            set_rest(cnp.PyArray_DATA(outputs), self.is_double)
        if not passes(outputs, FM_ALL_FINITE) and (outputs != outputs).any():
            largest, weight = abs(x).max(), abs(parameters).max()
            raise ValueError(
                f"{'parameters' if weight > largest else 'x'} must give numbers, but a sum overflows and an output is "
                f"NaN: the largest entry of x is {largest:g}, the largest parameter {weight:g}"
            )
        return outputs

    def layers(self, const real[::1] parameters, Data data not None):
        """A dict of arrays for each layer, examples in columns: ``z`` and ``a`` (fan_out, n).

        If the data have targets, also the derivatives of the mean loss: ``dz`` and ``da`` (fan_out, n; the last layer
        has no ``da``), ``d_weights`` (fan_out, fan_in) and ``d_bias`` (fan_out,).  There is no dropout.
        """
        cdef int typenum = cnp.NPY_DOUBLE if self.is_double else cnp.NPY_FLOAT
        cdef Py_ssize_t i, n = data.n_examples, n_layers = self.layout.n_layers
        cdef bint with_gradients = data.targets is not None
        cdef fm_layer_arrays *arrays
        cdef fm_layer *layer
        cdef fm_status status
        self.check_data(data, real is double, parameters.shape[0], with_gradients)
        cdef fm_call call = self.call_on(&data.data)
        found = []
        arrays = <fm_layer_arrays *>PyMem_Malloc(n_layers * sizeof(fm_layer_arrays))
        if arrays == NULL:
            raise MemoryError()
        try:
            for i in range(n_layers):
                layer = &self.layout.layers[i]
                named = {"z": new_matrix(typenum, layer.fan_out, n), "a": new_matrix(typenum, layer.fan_out, n)}
                arrays[i] = fm_layer_arrays(&parameters[layer.weights], &parameters[layer.bias], NULL, NULL, NULL, NULL,
                                            NULL, NULL)
                arrays[i].z, arrays[i].a = cnp.PyArray_DATA(named["z"]), cnp.PyArray_DATA(named["a"])
                found.append(named)
                if not with_gradients:
                    continue
                named["dz"] = new_matrix(typenum, layer.fan_out, n)
                named["d_weights"] = new_matrix(typenum, layer.fan_out, layer.fan_in)
                named["d_bias"] = np_empty(layer.fan_out, self.is_double)
                arrays[i].dz = cnp.PyArray_DATA(named["dz"])
                arrays[i].d_weights = cnp.PyArray_DATA(named["d_weights"])
                arrays[i].d_bias = cnp.PyArray_DATA(named["d_bias"])
                if i:
                    found[i - 1]["da"] = new_matrix(typenum, layer.fan_in, n)
                    arrays[i].d_inputs = cnp.PyArray_DATA(found[i - 1]["da"])
            self.enter()
            with nogil:
                status = self.kernels.layers(arrays, &call)
            self.is_busy = False
        finally:
            PyMem_Free(arrays)
        finish(status)
        return found

    def dropout_mask(self, Py_ssize_t layer, unsigned long long seed, Py_ssize_t update):
        """The factors (fan_out, batch) of a hidden layer's outputs in one update: 0 or 1 / (1 - dropout)."""
        if not 0 <= layer < self.layout.n_layers - 1:
            raise ValueError(f"layer must be a hidden one, below {self.layout.n_layers - 1}; got {layer}")
        cdef cnp.ndarray mask = new_matrix(real_number(self.is_double), self.layout.layers[layer].fan_out,
                                           self.layout.batch_size)
        finish(self.kernels.dropout_mask(cnp.PyArray_DATA(mask), self.layout, layer, seed, update, serve_signals))
        return mask


cdef void set_rest(void *pair, bint is_double) noexcept:
    """Set the first of two probabilities to 1 minus the second."""
    if is_double:
        (<double *>pair)[0] = 1 - (<double *>pair)[1]
    else:
        (<float *>pair)[0] = 1 - (<float *>pair)[1]


cdef str status_name(fm_status status):
    return fm_status_names[<int>status].name.decode()


cdef fm_plateau rule_of(dict fields) except *:
    """The C form of the fields given; without any, a rule that never holds."""
    if fields is None:
        return fm_plateau(0, -1, INFINITY, 0)
    return fm_plateau(fields["tol"], fields["patience"], fields.get("best", INFINITY), fields.get("n_stalled", 0))


cdef fm_watch watch_of(dict fields, dict plateau) except *:
    """The C form of the fields given; by the others, nothing is watched."""
    cdef fm_watch watch = fm_watch(
        rule_of(fields.get("stop")), rule_of(fields.get("slow")), fields.get("slow_factor", 1.0),
        fields.get("smallest_rate", 0.0), fields.get("rate_scale", 1.0), fields.get("best_loss", INFINITY),
        fields.get("best_epoch", -1), fields.get("keeps_best", False),
    )
    if plateau is not None:
        watch.rate_scale, watch.slow.best = plateau["scale"], plateau["best"]
        watch.slow.n_stalled = plateau["n_stalled"]
    return watch


cdef int count(dict counts, Py_ssize_t made, Py_ssize_t batches, Py_ssize_t n, Py_ssize_t batch_size) except -1:
    """Add updates, and what follows from them, to those of the counts that are there."""
    cdef Py_ssize_t epochs = made // batches
    more = {"updates": made, "epochs": epochs, "optimizer_epochs": epochs,
            "examples": epochs * n + (made - epochs * batches) * batch_size}
    for name in more:
        if name in counts:
            counts[name] += more[name]
    return 0


cdef int set_moments(fm_training *training, const fm_optimizer *settings, real[:, ::1] moments,
                     Py_ssize_t n_parameters) except -1:
    """Point to the moments that the method keeps, m before v."""
    cdef int kept = fm_method_names[<int>settings.method].property
    n_moments = bool(kept & FM_KEEPS_M) + bool(kept & FM_KEEPS_V)
    check_shape("moments", (moments.shape[0], moments.shape[1]), (n_moments, n_parameters))
    training.moments[0] = training.moments[1] = NULL
    if kept & FM_KEEPS_M:
        training.moments[0] = &moments[0, 0]
    if kept & FM_KEEPS_V:
        training.moments[1] = &moments[moments.shape[0] - 1, 0]
    return 0


cdef const Py_ssize_t *checked_order(const Py_ssize_t[:, ::1] order, Py_ssize_t epochs, Py_ssize_t n) except? NULL:
    """The rows of an order, which hold indices of examples; NULL for none."""
    cdef int in_range
    cdef fm_status status
    if order is None or epochs == 0:
        return NULL
    check_shape("order", (order.shape[0], order.shape[1]), (epochs, n))
    with nogil:
        status = fm_check_order(&in_range, &order[0, 0], epochs * n, n, serve_signals)
    finish(status)
    if not in_range:
        raise ValueError(f"order must hold indices of the {n} examples")
    return &order[0, 0]


cdef cnp.ndarray np_empty(cnp.npy_intp n, bint is_double):
    return cnp.PyArray_EMPTY(1, &n, real_number(is_double), 0)


def draw_order(Py_ssize_t[::1] order not None, const double[::1] draws not None):
    """Write to ``order`` the permutation of 0 .. n - 1 that Durstenfeld's shuffle makes of n draws from [0, 1)."""
    cdef double wrong = 0
    cdef fm_status status
    check_shape("draws", (draws.shape[0],), (order.shape[0],))
    if order.shape[0] == 0:
        return
    with nogil:
        status = fm_draw_order(&order[0], &draws[0], order.shape[0], &wrong, serve_signals)
    finish(status)
    if wrong != 0:
        raise ValueError(f"draws must lie in 0 <= draw < 1, got {wrong}")
