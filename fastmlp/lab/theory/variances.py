"""Predicted variances by layer, forward and backward, with the noise of a draw."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.theory.activations import Activation, Array, activation_of
from fastmlp.lab.theory.critical import finite_second_moment
from fastmlp.lab.theory.fields import slope_square_at_zero
from fastmlp.lab.theory.gaussian import sample

THEORIES = ("mean_field", "he", "glorot")
VANISHED = 1e-250  # variances below count as 0
FIELDS = np.dtype(
    [
        ("layer", np.int64),
        ("fan_in", np.int64),
        ("width", np.int64),
        ("forward", np.float64),
        ("forward_deviation", np.float64),
        ("backward", np.float64),
        ("backward_deviation", np.float64),
    ]
)


@dataclass(frozen=True)
class _Layer:
    """Moments of a hidden layer's activation at the variance q of its pre-activations; the last five are relative."""

    square: float  # g = E phi^2
    slope_square: float  # D = E phi'^2
    growth: float  # d log g / d log q
    slope_growth: float  # d log D / d log q
    noise: float  # Var phi^2 / g^2
    slope_noise: float  # Var (phi' h)^2 / D^2, h ~ N(0, 1)
    shared_noise: float  # Cov (phi^2, (phi' h)^2) / (g D)


def predicted_variances(
    layer_dims: Sequence[int],
    activation: Any = "relu",
    weight_variance: float | Sequence[float] = 2.0,
    bias_variance: float | Sequence[float] = 0.0,
    *,
    input_variance: float = 1.0,
    theory: str = "mean_field",
) -> Array:
    """Return the variance of every layer's pre-activations and of their gradients, as theory predicts them.

    With q_l the variance of layer l's pre-activations z, V_l the variance of its weights times fan_in, and d_l the mean
    square of the loss's derivatives by z,

        q_1 = V_1 input_variance + bias_variance,  q_(l+1) = V_(l+1) E phi(z_l)^2 + bias_variance
        d_l = V_(l+1) (n_(l+1) / n_l) E phi'(z_l)^2 d_(l+1)

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs.
    activation : str, callable or sequence, default="relu"
        Activation of the hidden layers, one for all or one for each, by name or as a function on arrays.
    weight_variance, bias_variance : float or sequence of float, default=2.0 and 0.0
        Variance of the weights times fan_in, and of the biases; one for all layers or one for each.
    input_variance : float, default=1.0
        Mean square of the features of an example.
    theory : {"mean_field", "he", "glorot"}, default="mean_field"
        "glorot" takes every activation for linear with slope 1; "he" takes it for relu, unless it is leaky_relu; both
        are mean field theory where that holds.

    Returns
    -------
    ndarray of shape (n_layers,)
        A structured array with a row per layer, the output layer last, and the fields

        - layer, fan_in, width : numbers from 1, widths
        - forward : q_l
        - forward_deviation : its standard deviation over draws, measured in one network at one example
        - backward : d_l over that of the output layer
        - backward_deviation : its standard deviation over draws

    Raises
    ------
    TypeError, ValueError
        If a width, activation, variance or the theory cannot be used, or lists have another length.

    Notes
    -----
    The deviations are those of first order in 1 / width, for Gaussian weights.  A mean over several examples fluctuates
    less.  Where deviation and variance are of one size, the logarithm is closer to normal (:func:`length_law`).

    References
    ----------
    Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, equations 5 and 6.
    He et al. 2015, Delving Deep into Rectifiers, equations 8 and 13, and 15 for leaky ones.
    Schoenholz et al. 2017, Deep Information Propagation, for mean field theory.

    Examples
    --------
    >>> from fastmlp.lab.theory import predicted_variances
    >>> layers = predicted_variances([100, 100, 100, 1], "relu", weight_variance=1.0)
    >>> layers["forward"], layers["backward"]
    (array([1.  , 0.5 , 0.25]), array([0.0025, 0.005 , 1.    ]))
    """
    dims = checks.layer_dims_of(layer_dims)
    n_layers = len(dims) - 1
    phis = _hidden_activations(activation, n_layers - 1, checks.choice("theory", theory, THEORIES))
    weight = _per_layer("weight_variance", weight_variance, n_layers)
    bias = _per_layer("bias_variance", bias_variance, n_layers)
    forward = [weight[0] * checks.non_negative("input_variance", input_variance) + bias[0]]
    layers = []
    for hidden, phi in enumerate(phis):
        layers.append(_moments(phi, forward[-1]))
        forward.append(weight[hidden + 1] * layers[-1].square + bias[hidden + 1])
    widths = np.array(dims[1:], np.float64)
    factors = weight[1:] * widths[1:] / widths[:-1] * [layer.slope_square for layer in layers]
    predicted = np.zeros(n_layers, FIELDS)
    predicted["layer"], predicted["fan_in"], predicted["width"] = np.arange(1, n_layers + 1), dims[:-1], dims[1:]
    predicted["forward"] = forward
    with np.errstate(over="ignore", under="ignore"):
        predicted["backward"] = np.append(np.cumprod(factors[::-1])[::-1], 1.0)
    shares = weight[1:] * [layer.square for layer in layers] / np.maximum(predicted["forward"][1:], VANISHED)
    from_layers, of_gradients = _fluctuations(layers, shares, widths)
    predicted["forward_deviation"] = predicted["forward"] * np.sqrt(2 / widths + from_layers)
    predicted["backward_deviation"] = predicted["backward"] * np.sqrt(of_gradients)
    return predicted


def _hidden_activations(activation: Any, n_hidden: int, theory: str) -> list[Activation]:
    if isinstance(activation, str) or callable(activation):
        given = [activation_of(activation)] * n_hidden
    elif checks.is_sequence(activation):
        given = [activation_of(one) for one in checks.items_of("activation", activation)]
        if len(given) != n_hidden:
            raise ValueError(f"activation must have {n_hidden} entries, one per hidden layer; got {len(given)}")
    else:
        activation_of(activation)  # raises the error
    if theory == "glorot":
        return [activation_of("identity")] * n_hidden
    if theory == "he":
        return [phi if phi.name == "leaky_relu" else activation_of("relu") for phi in given]
    return given


def _per_layer(name: str, value: Any, n_layers: int) -> Array:
    if not checks.is_sequence(value):
        return np.full(n_layers, checks.non_negative(name, value))
    entries = checks.items_of(name, value)
    if len(entries) != n_layers:
        raise ValueError(f"{name} must have {n_layers} entries, one per layer; got {len(entries)}")
    return np.array([checks.non_negative(f"{name}[{i}]", entry) for i, entry in enumerate(entries)])


def _moments(phi: Activation, variance: float) -> _Layer:
    if variance < VANISHED:
        start = float(phi.values(np.zeros(1))[0])
        return _Layer(start**2, slope_square_at_zero(phi), 1.0, 0.0, 0.0, 2.0, 0.0)
    found = sample(phi, variance)
    square = finite_second_moment(phi, variance, found)
    if phi.jump is not None:
        raise ValueError(
            f"activation must not jump, as {phi.name} does at z = {phi.jump:.6g}: its slope has no variance"
        )
    slope_square = found.slope_second_moment
    squares = (found.values / math.sqrt(square)) ** 2
    slopes = (found.slopes / math.sqrt(slope_square or 1.0)) ** 2
    of_log_variance = (found.x**2 - 1) / 2
    return _Layer(
        square,
        slope_square,
        found.mean(squares * of_log_variance),
        found.mean(slopes * of_log_variance),
        found.mean((squares - 1) ** 2),
        3 * found.mean(slopes**2) - 1,
        found.mean((squares - 1) * slopes),
    )


def _fluctuations(layers: list[_Layer], shares: Array, widths: Array) -> tuple[Array, Array]:
    """Return relative variances: of what each layer takes over from those before, and of the gradients.

    The mean of phi^2 over layer l deviates by a share u_l from its expectation, that of (phi' h)^2 by v_l.  To first
    order log q_l is a linear function of the u before it, and log d_l one of the u and of the v from l on.  ``shares``
    are the weights' parts in q.
    """
    n = len(layers)
    of_u = np.zeros((n + 1, n))  # the coefficients of u in log q_l
    for i, layer in enumerate(layers):
        of_u[i + 1] = shares[i] * layer.growth * of_u[i]
        of_u[i + 1, i] = shares[i]
    u_in_log, v_in_log = np.zeros((n + 1, n)), np.triu(np.ones((n + 1, n)))
    for i in reversed(range(n)):
        u_in_log[i] = u_in_log[i + 1] + layers[i].slope_growth * of_u[i]
    noise, slope_noise, shared = (
        np.array([getattr(layer, name) for layer in layers]) / widths[:-1]
        for name in ("noise", "slope_noise", "shared_noise")
    )
    backward = u_in_log**2 @ noise + 2 * (u_in_log * v_in_log) @ shared + v_in_log**2 @ slope_noise
    return of_u**2 @ noise, backward
