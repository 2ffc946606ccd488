"""One step of the notebook's training: forward, backward, update."""

from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.notebook.layers import Parameters, common_dtype, labels_like, layers_of, network_of, soft_labels


def forward_propagation(X: Any, parameters: Parameters) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Run the forward pass: LINEAR -> RELU in every hidden layer, LINEAR -> SIGMOID in the last.

    Parameters
    ----------
    X : array-like of shape (features, m)
    parameters : dict
        ``W1`` (fan_out, fan_in), ``b1`` (fan_out, 1), ``W2``, ...; other keys are ignored.

    Returns
    -------
    aL : ndarray of shape (outputs, m)
        Probabilities of label 1.
    cache : tuple
        ``(z1, a1, W1, b1, z2, a2, W2, b2, ...)`` for :func:`backward_propagation`.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together or are not finite, or a key is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import forward_propagation, initialize_parameters_zeros
    >>> aL, cache = forward_propagation(np.ones((2, 3)), initialize_parameters_zeros([2, 4, 1]))
    >>> aL
    array([[0.5, 0.5, 0.5]])
    """
    quick = _kernels.notebook_forward(X, parameters)
    if quick is not None:
        return quick
    weights, biases = layers_of(parameters)
    X, weights, biases = network_of(X, weights, biases)
    cache = _kernels.forward(X, weights, biases, _kernels.layer_names(len(weights)).activations)
    return cache[-3], cache


def backward_propagation(X: Any, Y: Any, cache: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """Compute the gradients of the mean cross-entropy from the cache of :func:`forward_propagation`.

    Parameters
    ----------
    X : array-like of shape (features, m)
    Y : array-like of shape (outputs, m)
        Labels from 0 to 1.
    cache : tuple
        ``(z1, a1, W1, b1, z2, a2, W2, b2, ...)``.

    Returns
    -------
    dict
        From the last layer to the first: dz3, dW3, db3, da2, dz2, dW2, db2, da1, dz1, dW1, db1.  dz includes
        the factor 1 / m of the mean, and the derivative of ReLU at 0 is 0.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together or are not finite, a label lies outside [0, 1], or the cache has another form.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import backward_propagation, forward_propagation, initialize_parameters_he
    >>> X, Y = np.ones((2, 3)), np.array([[0, 1, 1]])
    >>> _, cache = forward_propagation(X, initialize_parameters_he([2, 4, 1]))
    >>> list(backward_propagation(X, Y, cache))
    ['dz2', 'dW2', 'db2', 'da1', 'dz1', 'dW1', 'db1']
    """
    quick = _kernels.notebook_backward(X, Y, cache)
    if quick is not None:
        return quick
    if not isinstance(cache, (tuple, list)) or len(cache) < 4 or len(cache) % 4:
        raise ValueError("cache must be the tuple (z1, a1, W1, b1, z2, ...) that forward_propagation returned")
    X, weights, outputs = network_of(X, list(cache[2::4]), list(cache[1::4]), kind="a")
    Y = labels_like("Y", Y, outputs[-1], soft_labels)
    names = _kernels.layer_names(len(weights))
    gradients = _kernels.backward(X, Y, weights, outputs, names.activations)
    return dict(zip(names.gradients, gradients, strict=True))


def update_parameters(parameters: Parameters, grads: dict[str, Any], learning_rate: float) -> Parameters:
    """Make one step of gradient descent: new arrays in the same dict; the old arrays stay unchanged.

    Parameters
    ----------
    parameters : dict
        ``W1``, ``b1``, ``W2``, ...; other entries stay as they are.
    grads : dict
        With ``dW1``, ``db1``, ``dW2``, ... of the same shapes; other keys are ignored.
    learning_rate : float
        Over 0.

    Returns
    -------
    dict
        ``parameters`` itself.

    Raises
    ------
    TypeError, ValueError
        If a key is missing, shapes differ, a gradient is not finite, or the learning rate is not over 0; the dict is
        then unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import update_parameters
    >>> one = np.ones((1, 1))
    >>> update_parameters({"W1": one, "b1": one}, {"dW1": one, "db1": one}, 0.5)["W1"]
    array([[0.5]])
    """
    quick = _kernels.notebook_update(parameters, grads, learning_rate)
    if quick is not None:
        return quick
    weights, biases = layers_of(parameters)
    learning_rate = checks.positive("learning_rate", learning_rate, common_dtype(*weights, *biases))
    if not isinstance(grads, dict):
        raise TypeError(f"grads must be a dict, got {type(grads).__name__}")
    names = _kernels.layer_names(len(weights))
    keys, old = names.weights + names.biases, weights + biases
    try:
        gradients = [grads[key] for key in names.d_weights + names.d_biases]
    except LookupError as error:
        raise ValueError(f"grads must have the key {error}, got {', '.join(map(str, grads))}") from None
    new = _kernels.descended(old, gradients, learning_rate)
    if new is None:
        dtype = common_dtype(*old, *gradients)
        old = [checks.matrix(key, value, dtype) for key, value in zip(keys, old, strict=True)]
        gradients = [
            checks.matrix(f"grads['d{key}']", gradient, dtype, n_rows=value.shape[0], n_columns=value.shape[1])
            for key, value, gradient in zip(keys, old, gradients, strict=True)
        ]
        new = _kernels.descended(old, gradients, learning_rate)
        assert new is not None  # all are plain now
    parameters.update(zip(keys, new, strict=True))
    return parameters
