"""The functions of the initialization notebook, under their names, for any depth, on compiled kernels.

``from fastmlp.notebook import *`` stands in for both import lines of the notebook.  Examples lie in
columns: X (features, m), Y (1, m).  Hidden layers are ReLU, the output is a sigmoid; parameters are
dicts ``W1`` (fan_out, fan_in), ``b1`` (fan_out, 1), ``W2``, ...
"""

import functools
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp import _kernels, checks, initializers
from fastmlp.datasets import load_dataset
from fastmlp.network import MLP
from fastmlp.plots import plot_decision_boundary

__all__ = [
    "backward_propagation",
    "compute_loss",
    "forward_propagation",
    "initialize_parameters_he",
    "initialize_parameters_he_test",
    "initialize_parameters_random",
    "initialize_parameters_random_test",
    "initialize_parameters_zeros",
    "initialize_parameters_zeros_test",
    "load_dataset",
    "log_loss",
    "model",
    "plot_decision_boundary",
    "predict",
    "predict_dec",
    "relu",
    "sigmoid",
    "update_parameters",
]

Parameters = dict[str, np.ndarray]

HIDDEN_WIDTHS = (10, 5)  # of the notebook's model
REPORT_EVERY = 1000


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), within 2 ulp, without overflow.

    Parameters
    ----------
    x : array-like of any shape
        float32 stays float32, all else becomes float64.

    Returns
    -------
    ndarray of the shape of ``x``, or a scalar for a scalar

    Examples
    --------
    >>> from fastmlp import sigmoid
    >>> float(sigmoid(0.0))
    0.5
    """
    return _elementwise("sigmoid", x)


def relu(x: Any) -> Any:
    """max(0, x); arguments and result as for :func:`sigmoid`.

    Examples
    --------
    >>> from fastmlp import relu
    >>> relu([-1.0, 2.0])
    array([0., 2.])
    """
    return _elementwise("relu", x)


def _elementwise(function: str, x: Any) -> Any:
    array = np.ascontiguousarray(checks.array_of("x", x, _common_dtype(x)))
    out = np.empty_like(array)
    _kernels.elementwise(function, array.reshape(-1), out.reshape(-1))
    return out.reshape(np.shape(x))[()]


def initialize_parameters_zeros(layers_dims: Any) -> Parameters:
    """Zero weights and biases: the start that cannot break symmetry.

    Parameters
    ----------
    layers_dims : sequence of int
        Widths from the inputs to the outputs.

    Returns
    -------
    dict
        ``W1`` (fan_out, fan_in), ``b1`` (fan_out, 1), ``W2``, ...

    Examples
    --------
    >>> from fastmlp import initialize_parameters_zeros
    >>> initialize_parameters_zeros([3, 2, 1])["W1"]
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """
    return _initial_parameters("zeros", layers_dims, seed=0)


def initialize_parameters_random(layers_dims: Any, seed: Any = 3) -> Parameters:
    """Weights from 10 N(0, 1), too large, and zero biases; as :func:`initialize_parameters_he`."""
    return _initial_parameters("random", layers_dims, seed)


def initialize_parameters_he(layers_dims: Any, seed: Any = 3) -> Parameters:
    """Weights from N(0, 2 / fan_in) and zero biases (He et al. 2015, eq. 10).

    Parameters
    ----------
    layers_dims : sequence of int
        Widths from the inputs to the outputs.
    seed : None, int, RandomState or Generator, default=3
        The notebook's; NumPy's global random state is not touched.

    Returns
    -------
    dict
        ``W1`` (fan_out, fan_in), ``b1`` (fan_out, 1), ``W2``, ...

    Examples
    --------
    >>> from fastmlp import initialize_parameters_he
    >>> initialize_parameters_he([2, 4, 1])["W1"][0].round(8)
    array([1.78862847, 0.43650985])
    """
    return _initial_parameters("he", layers_dims, seed)


def _initial_parameters(initialization: Any, layers_dims: Any, seed: Any) -> Parameters:
    weights, biases = initializers.draw(initialization, layers_dims, seed)
    return _as_dict(weights, biases)


def _as_dict(weights: list[np.ndarray], biases: list[np.ndarray]) -> Parameters:
    parameters = {}
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
        parameters[f"W{layer}"], parameters[f"b{layer}"] = w, b[:, np.newaxis]
    return parameters


def forward_propagation(X: Any, parameters: Parameters) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """LINEAR -> RELU in every hidden layer, LINEAR -> SIGMOID in the last.

    Parameters
    ----------
    X : array-like (features, m)
    parameters : dict
        ``W1`` (fan_out, fan_in), ``b1`` (fan_out, 1), ``W2``, ...

    Returns
    -------
    aL : ndarray (outputs, m)
        The probabilities.
    cache : tuple
        ``(z1, a1, W1, b1, z2, a2, W2, b2, ...)`` for :func:`backward_propagation`.

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit together or are not finite, or wrong keys.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import forward_propagation, initialize_parameters_zeros
    >>> aL, cache = forward_propagation(np.ones((2, 3)), initialize_parameters_zeros([2, 4, 1]))
    >>> aL
    array([[0.5, 0.5, 0.5]])
    """
    weights, biases = _layers_of(parameters)
    X, weights, biases = _network(X, weights, biases)
    cache = _kernels.forward(X, weights, biases, _activations(len(weights)))
    return cache[-3], cache


def backward_propagation(X: Any, Y: Any, cache: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """Gradients of the mean cross-entropy, from the cache of :func:`forward_propagation`.

    Parameters
    ----------
    X : array-like (features, m)
    Y : array-like (outputs, m)
        Labels 0 and 1.
    cache : tuple
        ``(z1, a1, W1, b1, z2, a2, W2, b2, ...)``.

    Returns
    -------
    dict
        From the last layer to the first: dz3, dW3, db3, da2, dz2, dW2, db2, da1, dz1, dW1, db1; the
        1 / m of the mean stands inside dz, and the derivative of ReLU at 0 is 0.

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit together or are not finite, labels other than 0 and 1, or a cache
        of another form.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import backward_propagation, forward_propagation, initialize_parameters_he
    >>> X, Y = np.ones((2, 3)), np.array([[0, 1, 1]])
    >>> _, cache = forward_propagation(X, initialize_parameters_he([2, 4, 1]))
    >>> list(backward_propagation(X, Y, cache))
    ['dz2', 'dW2', 'db2', 'da1', 'dz1', 'dW1', 'db1']
    """
    if not isinstance(cache, (tuple, list)) or len(cache) < 4 or len(cache) % 4:
        raise ValueError("cache must be the tuple (z1, a1, W1, b1, z2, ...) that forward_propagation returned")
    X, weights, outputs = _network(X, list(cache[2::4]), list(cache[1::4]), kind="a")
    Y = _labels("Y", Y, outputs[-1])
    gradients = _kernels.backward(X, Y, weights, outputs, _activations(len(weights)))
    return dict(zip(_gradient_keys(len(weights)), gradients, strict=True))


def update_parameters(parameters: Parameters, grads: dict[str, Any], learning_rate: float) -> Parameters:
    """One step of gradient descent: new arrays in the same dict, the old arrays untouched.

    Parameters
    ----------
    parameters : dict
        ``W1``, ``b1``, ``W2``, ...
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
        For missing keys, shapes that differ, gradients that are not finite, or a learning rate not
        over 0; the dict is then unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import update_parameters
    >>> one = np.ones((1, 1))
    >>> update_parameters({"W1": one, "b1": one}, {"dW1": one, "db1": one}, 0.5)["W1"]
    array([[0.5]])
    """
    learning_rate = checks.positive("learning_rate", learning_rate)
    weights, biases = _layers_of(parameters)
    if not isinstance(grads, dict):
        raise TypeError(f"grads must be a dict, got {type(grads).__name__}")
    keys, old = _keys(len(weights)), weights + biases
    try:
        gradients = list(_getter(len(weights), "d")(grads))
    except KeyError as error:
        raise ValueError(f"grads must have the key {error}, got {', '.join(map(str, grads))}") from None
    new = _kernels.descended(old, gradients, learning_rate)
    if new is None:
        dtype = _common_dtype(*old, *gradients)
        old = [checks.matrix(key, value, dtype) for key, value in zip(keys, old, strict=True)]
        gradients = [
            checks.matrix(f"grads['d{key}']", gradient, dtype, n_rows=value.shape[0], n_columns=value.shape[1])
            for key, value, gradient in zip(keys, old, gradients, strict=True)
        ]
        new = _kernels.descended(old, gradients, learning_rate)
    parameters.update(zip(keys, new, strict=True))
    return parameters


def compute_loss(a: Any, Y: Any) -> float:
    """Mean cross-entropy of given probabilities, without clipping; 0 log 0 = 0.

    Parameters
    ----------
    a : array-like (outputs, m)
        Probabilities of label 1.
    Y : array-like (outputs, m)
        Labels 0 and 1.

    Returns
    -------
    float
        inf only where a probability is exactly wrong; :func:`log_loss` stays finite even then.

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit together, probabilities outside [0, 1], or other labels.

    Examples
    --------
    >>> from fastmlp import compute_loss
    >>> compute_loss([[0.5, 1.0]], [[1, 1]])
    0.34657359027997264
    """
    a = checks.matrix("a", a, _common_dtype(a))
    if not _kernels.all_in_unit_interval(a):
        raise ValueError(f"a must hold probabilities in [0, 1], got values from {a.min():g} to {a.max():g}")
    return _kernels.cross_entropy(a, _labels("Y", Y, a))


def log_loss(z: Any, Y: Any) -> float:
    """Mean cross-entropy from logits: finite wherever the exact value is.

    Parameters
    ----------
    z : array-like (outputs, m)
        Logits.
    Y : array-like (outputs, m)
        Labels 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit together, logits that are not finite, or other labels.

    Examples
    --------
    >>> from fastmlp import log_loss
    >>> log_loss([[1000.0]], [[0]])
    1000.0
    """
    z = checks.matrix("z", z, _common_dtype(z))
    return _kernels.log_loss(z, _labels("Y", Y, z))


def model(
    X: Any,
    Y: Any,
    learning_rate: float = 0.01,
    num_iterations: int = 15000,
    print_cost: bool = True,
    initialization: Any = "he",
) -> Parameters:
    """Train the notebook's network, 10 and 5 hidden units, by full-batch gradient descent.

    The cost comes from the logits and is finite where the notebook prints inf.  Ctrl-C ends the
    training with a warning and returns the parameters reached.

    Parameters
    ----------
    X : array-like (features, m)
    Y : array-like (1, m)
        Labels 0 and 1.
    learning_rate : float, default=0.01
        Over 0.
    num_iterations : int, default=15000
    print_cost : bool, default=True
        Print the cost every 1000 iterations and plot its curve; without it, do neither.
    initialization : str, callable or sequence, default="he"
        ``"zeros"``, ``"random"``, ``"he"``, or anything :func:`fastmlp.initializers.draw` takes; with
        the notebook's seed 3.

    Returns
    -------
    dict
        ``W1``, ``b1``, ``W2``, ... for :func:`predict`.

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit together or are not finite, other labels, or arguments out of range.

    Examples
    --------
    >>> from fastmlp import load_dataset, model
    >>> train_X, train_Y, _, _ = load_dataset(is_plot=False)
    >>> parameters = model(train_X, train_Y, num_iterations=1001)  # doctest: +SKIP
    Cost after iteration 0: 0.8830537463419761
    Cost after iteration 1000: 0.6879825919728063
    """
    X = checks.matrix("X", X, np.float64)
    Y = checks.labels("Y", checks.matrix("Y", Y, np.float64, n_rows=1, n_columns=X.shape[1]))
    network = MLP([X.shape[0], *HIDDEN_WIDTHS, 1], initialization=initialization, seed=3)
    costs: list[float] = []

    def report(iteration: int, cost: float) -> None:
        costs.append(cost)
        if print_cost:
            print(f"Cost after iteration {iteration}: {cost}")

    try:
        network.train(
            X.T,
            Y[0],
            learning_rate=learning_rate,
            epochs=checks.integer("num_iterations", num_iterations, minimum=0),
            report_every=REPORT_EVERY,
            callback=report,
        )
    except KeyboardInterrupt:
        warnings.warn("training interrupted: these are the parameters reached so far", stacklevel=2)
    if print_cost:
        _plot_costs(costs, learning_rate)
    return _as_dict(network.weights, network.biases)


def _plot_costs(costs: list[float], learning_rate: float) -> None:
    import matplotlib
    from matplotlib import pyplot as plt

    plt.plot(costs)
    plt.ylabel("cost")
    plt.xlabel("iterations (per hundreds)")
    plt.title(f"Learning rate ={learning_rate}")
    if matplotlib.get_backend().lower() != "agg":  # which draws to files only, and warns about show
        plt.show()


def predict(X: Any, y: Any, parameters: Parameters) -> np.ndarray:
    """Predict labels, 1 where the probability is over 0.5, and print the accuracy.

    Parameters
    ----------
    X : array-like (features, m)
    y : array-like (1, m)
        True labels 0 and 1.
    parameters : dict
        ``W1``, ``b1``, ``W2``, ...

    Returns
    -------
    ndarray of int64 (1, m)

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit together or are not finite, other labels, or wrong keys.

    Examples
    --------
    >>> from fastmlp import initialize_parameters_zeros, predict
    >>> predict([[1.0, 2.0], [3.0, 4.0]], [[0, 1]], initialize_parameters_zeros([2, 3, 1]))
    Accuracy: 0.5
    array([[0, 0]])
    """
    probabilities, _ = forward_propagation(X, parameters)
    labels = _labels("y", y, probabilities)
    predictions = (probabilities > 0.5).astype(np.int64)
    print(f"Accuracy: {np.mean(predictions == labels)}")
    return predictions


def predict_dec(parameters: Parameters, X: Any) -> np.ndarray:
    """The decisions ``probability > 0.5``, for :func:`plot_decision_boundary`.

    Parameters
    ----------
    parameters : dict
        ``W1``, ``b1``, ``W2``, ...
    X : array-like (features, m)

    Returns
    -------
    ndarray of bool (1, m)

    Examples
    --------
    >>> from fastmlp import initialize_parameters_zeros, predict_dec
    >>> predict_dec(initialize_parameters_zeros([2, 3, 1]), [[1.0, 2.0], [3.0, 4.0]])
    array([[False, False]])
    """
    return forward_propagation(X, parameters)[0] > 0.5


def initialize_parameters_zeros_test(target: Callable[..., Any]) -> None:
    """Check a reader's ``initialize_parameters_zeros``; an AssertionError names what is wrong."""
    _check_initialization(target, "zeros", [3, 2, 1])


def initialize_parameters_random_test(target: Callable[..., Any]) -> None:
    """Check a reader's ``initialize_parameters_random``; an AssertionError names what is wrong."""
    _check_initialization(target, "random", [3, 2, 1])


def initialize_parameters_he_test(target: Callable[..., Any]) -> None:
    """Check a reader's ``initialize_parameters_he``; an AssertionError names what is wrong."""
    _check_initialization(target, "he", [2, 4, 1])


def _check_initialization(target: Callable[..., Any], name: str, layers_dims: list[int]) -> None:
    expected = _initial_parameters(name, layers_dims, seed=3)
    got = target(list(layers_dims))
    if not isinstance(got, dict):
        raise AssertionError(f"the function must return a dict, not {type(got).__name__}")
    if set(got) != set(expected):
        raise AssertionError(f"the keys must be {', '.join(expected)}; got {', '.join(map(str, got))}")
    for key, value in expected.items():
        if not isinstance(got[key], np.ndarray):
            raise AssertionError(f"{key} must be a numpy array, not {type(got[key]).__name__}")
        if got[key].shape != value.shape:
            raise AssertionError(f"{key} must have shape {value.shape}, not {got[key].shape}")
        if got[key].dtype != value.dtype:
            raise AssertionError(f"{key} must have dtype {value.dtype}, not {got[key].dtype}")
        if not np.allclose(got[key], value, rtol=1e-7, atol=0):
            raise AssertionError(f"{key} has wrong values: expected\n{value}\ngot\n{got[key]}")
    print("All tests passed.")


# ---- what the functions above share


@functools.cache
def _keys(n_layers: int) -> tuple[str, ...]:
    """W1, W2, ..., b1, b2, ..."""
    return tuple(f"{kind}{layer}" for kind in "Wb" for layer in range(1, n_layers + 1))


@functools.cache
def _getter(n_layers: int, prefix: str = "") -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """The function that takes the values of these keys out of a dict."""
    return operator.itemgetter(*(prefix + key for key in _keys(n_layers)))


@functools.cache
def _gradient_keys(n_layers: int) -> tuple[str, ...]:
    keys = [key for layer in range(n_layers, 0, -1) for key in (f"dz{layer}", f"dW{layer}", f"db{layer}", f"da{layer - 1}")]
    return tuple(keys[:-1])


@functools.cache
def _activations(n_layers: int) -> tuple[str, ...]:
    return ("relu",) * (n_layers - 1) + ("logistic",)


def _layers_of(parameters: Any) -> tuple[list[Any], list[Any]]:
    """The values W1, W2, ... and b1, b2, ... of a parameter dict."""
    if not isinstance(parameters, dict):
        raise TypeError(f"parameters must be a dict, got {type(parameters).__name__}")
    n_layers = max(1, len(parameters) // 2)
    try:
        if len(parameters) != 2 * n_layers:
            raise KeyError
        values = list(_getter(n_layers)(parameters))
        return values[:n_layers], values[n_layers:]
    except KeyError:
        raise ValueError(
            f"parameters must have the keys W1, b1, W2, b2, ... and no other; got {', '.join(map(str, parameters))}"
        ) from None


def _common_dtype(*values: Any) -> np.dtype:
    """float32 where every value is float32 already, else float64."""
    single = all(getattr(value, "dtype", None) == np.float32 for value in values)
    return np.dtype(np.float32 if single else np.float64)


def _network(
    X: Any, weights: list[Any], columns: list[Any], kind: str = "b"
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """X, the weights and one more matrix per layer (its bias or its outputs), checked to fit together."""
    if not _kernels.plain_and_finite([X, *weights, *columns]):
        X, weights, columns = _converted(X, weights, columns, kind)
    if _kernels.layers_fit(X, weights, columns, kind == "a"):
        return X, weights, columns
    width, n_columns = X.shape[0], 1 if kind == "b" else X.shape[1]
    for layer, (w, c) in enumerate(zip(weights, columns, strict=True), start=1):
        if w.shape[1] != width:
            raise ValueError(f"W{layer} must have shape (fan_out, {width}), got {w.shape}")
        width = w.shape[0]
        if c.shape != (width, n_columns):
            raise ValueError(f"{kind}{layer} must have shape {(width, n_columns)}, got {c.shape}")
    raise AssertionError("unreachable: the loop above names what does not fit")


def _converted(
    X: Any, weights: list[Any], columns: list[Any], kind: str
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """The same arrays as finite C-contiguous matrices of one dtype."""
    dtype = _common_dtype(X, *weights, *columns)
    return (
        checks.matrix("X", X, dtype),
        [checks.matrix(f"W{layer}", w, dtype) for layer, w in enumerate(weights, start=1)],
        [checks.matrix(f"{kind}{layer}", c, dtype) for layer, c in enumerate(columns, start=1)],
    )


def _labels(name: str, Y: Any, outputs: np.ndarray) -> np.ndarray:
    """Labels of the shape and dtype of the outputs."""
    quick = _kernels.integer_labels(Y, outputs)
    if quick is not None:
        return quick
    labels = np.ascontiguousarray(checks.array_of(name, Y, outputs.dtype))
    if labels.shape != outputs.shape:
        raise ValueError(f"{name} must have shape {outputs.shape} to match, got {labels.shape}")
    return checks.labels(name, labels)
