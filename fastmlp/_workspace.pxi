# The layout of a pass and its scratch memory; a part of _kernels.pyx.

cdef int check_shape(str name, tuple got, tuple expected) except -1:
    if got != expected:
        raise ValueError(f"{name} must have shape {expected}, got {got}")
    return 0


cdef int code_of(str name, object value, dict codes) except -1:
    if value not in codes:
        raise ValueError(f"{name} must be one of {', '.join(codes)}; got {value!r}")
    return codes[value]


@cython.no_gc
cdef class Workspace:
    """The layout of the passes over a batch, and their arena: all the scratch memory a pass uses."""

    cdef const fm_kernels *kernels
    cdef fm_layout *layout
    cdef void *arena
    cdef int n_threads
    cdef bint is_double

    def __cinit__(self, bint is_double, tuple layer_dims, tuple activations, Py_ssize_t batch, str loss="log_loss",
                  double loss_parameter=0, double label_smoothing=0, tuple dropout=(), int n_threads=1,
                  bint sparse=False):
        cdef Py_ssize_t n_layers = len(activations), i
        cdef double bytes_at_most = 0
        cdef fm_network network
        cdef Py_ssize_t *dims
        cdef double *rates
        cdef fm_activation *codes
        if n_layers < 1 or len(layer_dims) != n_layers + 1:
            raise ValueError("layer_dims must have one entry more than activations, and at least two")
        if batch < 1 or not 1 <= n_threads <= FM_MOST_THREADS:
            raise ValueError(f"there must be at least one example and 1 to {FM_MOST_THREADS} threads")
        if dropout and len(dropout) != n_layers:
            raise ValueError(f"dropout must have {n_layers} entries, one per layer; got {len(dropout)}")
        dims = <Py_ssize_t *>PyMem_Malloc(
            (n_layers + 1) * (sizeof(Py_ssize_t) + sizeof(double) + sizeof(fm_activation))
        )
        self.layout = <fm_layout *>PyMem_Malloc(sizeof(fm_layout) + n_layers * sizeof(fm_layer))
        if dims == NULL or self.layout == NULL:
            PyMem_Free(dims)
            raise MemoryError()
        rates = <double *>(dims + n_layers + 1)
        codes = <fm_activation *>(rates + n_layers + 1)
        try:
            for i in range(n_layers + 1):
                dims[i] = layer_dims[i]
            # No less than make_layout reserves, so that its sums cannot overflow: elements of 8 bytes; at most 4
            # copies of each weight; at most 9 rows for each unit, of at most 1,056 elements each, which 4 * 8192
            # exceeds.
            for i in range(n_layers + 1):
                if not 1 <= dims[i] <= MOST_UNITS:
                    raise ValueError(f"layer_dims must lie in 1 .. {MOST_UNITS}, got {dims[i]}")
                bytes_at_most += 8.0 * (dims[i] + 1.0) * (dims[min(i + 1, n_layers)] + 8192.0) * 4.0 * n_threads
            if bytes_at_most > 2.0**62:
                raise MemoryError(f"the network {layer_dims} needs more scratch memory than can be addressed")
            for i in range(n_layers):
                codes[i] = <fm_activation>code_of("activations", activations[i], ACTIVATIONS)
                rates[i] = dropout[i] if dropout else 0
                if not 0 <= rates[i] < 1:
                    raise ValueError(f"dropout must be at least 0 and below 1, got {rates[i]}")
            network = fm_network(n_layers, dims, codes, rates, <fm_loss>code_of("loss", loss, LOSSES), loss_parameter,
                                 label_smoothing, sparse)
            self.kernels = kernels_for(is_double)
            self.is_double = is_double
            self.kernels.make_layout(self.layout, &network, batch)
            self.n_threads = n_threads
        finally:
            PyMem_Free(dims)

    def allocate(self):
        """Make the arena, which the passes need, if there is none yet."""
        if self.arena == NULL:
            self.arena = fm_allocate(self.scratch_bytes())
        if self.arena == NULL:
            raise MemoryError(f"could not allocate {self.scratch_bytes()} bytes of scratch memory")

    cdef size_t scratch_bytes(self) noexcept:
        cdef size_t n_arenas = self.n_threads if self.layout.n_chunks > 1 else 1
        return n_arenas * self.layout.arena_bytes + self.n_threads * self.layout.block_bytes + self.layout.chunk_bytes

    cdef fm_call call_on(self, const fm_data *data) noexcept:
        cdef fm_call call
        call.layout, call.data, call.arena = self.layout, data, self.arena
        call.n_threads, call.poll = self.n_threads, serve_signals
        return call

    cdef Py_ssize_t n_outputs(self) noexcept:
        return self.layout.layers[self.layout.n_layers - 1].fan_out

    def describe(self):
        """How a pass over a batch runs: instruction set, tile, chunks, whether it reads only the stored entries of CSR
        data, scratch bytes, each layer's gradient method."""
        return {
            "isa": self.kernels.isa.decode(),
            "lanes": self.kernels.lanes,
            "tile": self.layout.tile_size,
            "chunks": self.layout.n_chunks,
            "sparse": bool(self.layout.layers[0].is_sparse),
            "scratch_bytes": self.scratch_bytes(),
            "gradient_methods": tuple(
                ("lane_sums", "broadcast")[<int>self.layout.layers[i].gradient_method]
                for i in range(self.layout.n_layers)
            ),
        }

    def __dealloc__(self):
        PyMem_Free(self.layout)
        free(self.arena)
