# The notebook's functions on arguments that need no conversion; a part of _kernels.pyx.
#
# Each returns None unless its arguments are plain dicts, or a tuple, of plain, finite arrays of one dtype and of
# fitting shapes; the functions in Python then convert the arguments, or say what is wrong.  The lists made here keep
# the arrays alive while the GIL is released, even if the caller's dict changes.

cdef class LayerNames:
    """The keys of the notebook's dicts for a number of layers, and the activations of those layers."""

    cdef readonly tuple weights, biases, d_weights, d_biases, gradients, activations

    def __cinit__(self, Py_ssize_t n_layers):
        layers = range(1, n_layers + 1)
        self.weights = tuple([intern(f"W{layer}") for layer in layers])
        self.biases = tuple([intern(f"b{layer}") for layer in layers])
        self.d_weights = tuple([intern(f"dW{layer}") for layer in layers])
        self.d_biases = tuple([intern(f"db{layer}") for layer in layers])
        kinds = [(kind, layer) for layer in reversed(layers) for kind in ("da", "dz", "dW", "db")]
        self.gradients = tuple([intern(f"{kind}{layer}") for kind, layer in kinds[1:]])
        self.activations = ("relu",) * (n_layers - 1) + ("logistic",)


cdef dict names_by_depth = {}


def layer_names(Py_ssize_t n_layers):
    """The one :class:`LayerNames` for this number of layers."""
    return names_of(n_layers)


cdef LayerNames names_of(Py_ssize_t n_layers):
    names = names_by_depth.get(n_layers)
    if names is None:
        names = names_by_depth[n_layers] = LayerNames(n_layers)
    return names


cdef list values_of(dict arrays, tuple keys):
    """The values of these keys, None where one is missing."""
    return [arrays.get(key) for key in keys]


cdef LayerNames names_for(object parameters):
    """The names of the parameters in a plain dict that has no other entries; None where this is not so for sure."""
    if type(parameters) is not dict or len(<dict>parameters) < 2 or len(<dict>parameters) % 2:
        return None
    cdef Py_ssize_t n_layers = len(<dict>parameters) // 2
    names = names_by_depth.get(n_layers)
    if names is None and f"W{n_layers}" in <dict>parameters:  # not for a dict of many other entries
        return names_of(n_layers)
    return names


cdef cnp.ndarray plain_labels(object labels, cnp.ndarray outputs, fm_check check):
    """Labels of the outputs' shape and dtype that pass a check, copied only from integers; None for any others."""
    if not is_plain_matrix(labels, cnp.PyArray_TYPE(outputs)):
        return labels_from_integers(labels, outputs)
    if not cnp.PyArray_SAMESHAPE(labels, outputs) or not passes(labels, check):
        return None
    return labels


def notebook_forward(object X, object parameters):
    """What ``forward_propagation`` returns: the probabilities and the cache."""
    cdef LayerNames names = names_for(parameters)
    cdef list weights, biases
    cdef tuple cache
    if names is None:
        return None
    weights, biases = values_of(parameters, names.weights), values_of(parameters, names.biases)
    if not fits_network(X, weights, biases, False):
        return None
    cache = forward_pass(X, weights, biases, names.activations)
    return cache[len(cache) - 3], cache


def notebook_loss(object a, object Y):
    """What ``compute_loss`` returns."""
    cdef cnp.ndarray targets
    if not is_real_matrix(a) or not passes(a, FM_ALL_IN_UNIT_INTERVAL):
        return None
    targets = plain_labels(Y, a, FM_ALL_BINARY)
    if targets is not None:
        return mean_cross_entropy(a, targets, False)
    targets = plain_labels(Y, a, FM_ALL_IN_UNIT_INTERVAL)
    return None if targets is None else mean_cross_entropy(a, targets, True)


def notebook_backward(object X, object Y, object cache):
    """What ``backward_propagation`` returns: the dict of gradients."""
    cdef Py_ssize_t n_layers, layer, i
    cdef LayerNames names
    cdef cnp.ndarray targets
    cdef list weights = [], outputs = [], arrays
    cdef dict gradients = {}
    if type(cache) is not tuple or len(<tuple>cache) < 4 or len(<tuple>cache) % 4:
        return None
    n_layers = len(<tuple>cache) // 4
    for layer in range(n_layers):
        outputs.append((<tuple>cache)[4 * layer + 1])
        weights.append((<tuple>cache)[4 * layer + 2])
    if not fits_network(X, weights, outputs, True):
        return None
    targets = plain_labels(Y, outputs[n_layers - 1], FM_ALL_IN_UNIT_INTERVAL)
    if targets is None:
        return None
    names = names_of(n_layers)
    arrays = backward_pass(X, targets, weights, outputs, names.activations)
    for i in range(len(arrays)):
        gradients[names.gradients[i]] = arrays[i]
    return gradients


def notebook_update(object parameters, object grads, object learning_rate):
    """What ``update_parameters`` returns: ``parameters`` itself, with new arrays."""
    cdef LayerNames names = names_for(parameters)
    cdef list old, gradients, new
    cdef tuple keys
    cdef Py_ssize_t i
    if names is None or type(grads) is not dict:
        return None
    if type(learning_rate) is not float or not 1e-30 < <double>learning_rate < 1e30:
        return None
    keys = names.weights + names.biases
    old, gradients = values_of(parameters, keys), values_of(grads, names.d_weights + names.d_biases)
    new = descent(old, gradients, learning_rate)
    if new is None:
        return None
    for i in range(len(new)):
        (<dict>parameters)[keys[i]] = new[i]
    return parameters
