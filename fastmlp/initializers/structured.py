"""Weights with a structure: orthogonal, sparse, mirrored in pairs, of sines, of a Hadamard matrix."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastmlp import checks
from fastmlp.initializers.base import Generator, Initializer, Place, WeightInitializer

# phi with phi(z) - phi(-z) proportional to z: rectifiers, and z times a function s with s(z) + s(-z) = 1
LINEAR_IN_PAIRS = ("identity", "relu", "leaky_relu", "gelu", "gelu_tanh", "silu", "softplus")


def orthogonal_matrix(generator: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Draw a matrix with orthonormal rows or columns, uniformly from all such."""
    wide, narrow = max(n_rows, n_columns), min(n_rows, n_columns)
    q, r = np.linalg.qr(generator.standard_normal((wide, narrow)))
    q *= np.where(np.diag(r) < 0, -1, 1)  # otherwise QR's sign convention skews the distribution
    return q if n_rows >= n_columns else q.T


@dataclass(frozen=True, repr=False)
class Orthogonal(WeightInitializer):
    """Orthonormal rows or columns: all singular values of a layer are equal.

    Parameters
    ----------
    gain : float, default=1.0
        The singular values, over 0; sqrt(2) for relu.
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    References
    ----------
    Saxe et al. 2014, Exact solutions to the nonlinear dynamics of learning in deep linear networks.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import Orthogonal
    >>> (weights,), _ = Orthogonal(gain=3.0)([5, 4], seed=0)
    >>> np.linalg.svd(weights, compute_uv=False).round(12)
    array([3., 3., 3., 3.])
    """

    gain: float = 1.0
    name: ClassVar[str] = "orthogonal"
    source: ClassVar[str] = (
        "Saxe et al. 2014, Exact solutions to the nonlinear dynamics of learning in deep linear networks"
    )
    when: ClassVar[str] = "deep networks of tanh or linear units; with gain sqrt(2), of relu"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(self, gain=checks.positive("gain", self.gain))

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        return orthogonal_matrix(generator, place.fan_out, place.fan_in) * self.gain

    @property
    def weight_formula(self) -> str:
        """See :class:`WeightInitializer`."""
        formula = "W with orthonormal rows or columns, uniform over all such"
        return formula if self.gain == 1 else f"{formula}, times {self.gain:g}"


@dataclass(frozen=True, repr=False)
class Sparse(WeightInitializer):
    """Few normal weights for each unit, all others 0: the size of a unit's input does not grow with the width.

    Parameters
    ----------
    n_connections : int, default=15
        Weights of a unit that are not 0; all, where it has fewer inputs.
    scale : float, default=1.0
        Their standard deviation, over 0.
    bias, bias_scale : str, float
        See :class:`WeightInitializer`; the paper has constant biases of 0.5 for tanh.

    References
    ----------
    Martens 2010, Deep learning via Hessian-free optimization, section 5.

    Examples
    --------
    >>> from fastmlp.initializers import Sparse
    >>> (weights,), _ = Sparse(n_connections=2)([6, 4], seed=0)
    >>> (weights != 0).sum(axis=1)
    array([2, 2, 2, 2])
    """

    n_connections: int = 15
    scale: float = 1.0
    name: ClassVar[str] = "sparse"
    source: ClassVar[str] = "Martens 2010, Deep learning via Hessian-free optimization, section 5"
    when: ClassVar[str] = "wide layers of tanh or logistic units whose units should differ and not saturate"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(
            self,
            n_connections=checks.integer("n_connections", self.n_connections, minimum=1),
            scale=checks.positive("scale", self.scale),
        )

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        weights = np.zeros((place.fan_out, place.fan_in))
        n = min(self.n_connections, place.fan_in)
        chosen = np.argsort(generator.uniform(size=weights.shape), axis=1)[:, :n]
        np.put_along_axis(weights, chosen, generator.standard_normal((place.fan_out, n)) * self.scale, axis=1)
        return weights

    @property
    def weight_formula(self) -> str:
        """See :class:`WeightInitializer`."""
        return f"min({self.n_connections}, fan_in) weights of each unit ~ N(0, {self.scale:g}^2), all others 0"


@dataclass(frozen=True, repr=False)
class LooksLinear(Initializer):
    """Units in pairs with opposite weights: the whole network is a linear function at the start.

    A pair of units with pre-activations z and -z, read with weights w and -w, gives ``w (phi(z) - phi(-z))``, which for
    the activations below is w z times a constant. A hidden layer of an odd width has one unit without a partner, which
    the next layer reads with weights of 0 at the start. Biases are 0, or the network would not be linear.

    Parameters
    ----------
    gain : float, default=1.0
        Singular values of each layer's linear function, over 0.

    Raises
    ------
    ValueError
        When drawing for an activation that is not linear in pairs (all but identity, relu, leaky_relu, gelu, gelu_tanh,
        silu and softplus), or a hidden layer of one unit.

    References
    ----------
    Balduzzi et al. 2017, The shattered gradients problem: if resnets are the answer, then what is the question?

    Examples
    --------
    >>> from fastmlp import MLP
    >>> model = MLP([2, 6, 4, 1], initialization="looks_linear", seed=0)
    >>> up, down = model.decision_function([[1.0, 2.0], [-1.0, -2.0]])
    >>> bool(abs(up + down) < 1e-15)
    True
    """

    gain: float = 1.0
    name: ClassVar[str] = "looks_linear"
    source: ClassVar[str] = "Balduzzi et al. 2017, The shattered gradients problem"
    when: ClassVar[str] = "very deep networks of relu or its relatives, without skip connections"

    def __post_init__(self) -> None:
        checks.settle(self, gain=checks.positive("gain", self.gain))

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        before, width = place.activation_before, place.fan_out
        if not place.is_first and before not in (None, *LINEAR_IN_PAIRS):
            raise ValueError(f"initialization looks_linear needs one of {', '.join(LINEAR_IN_PAIRS)}; got {before}")
        if not place.is_last and width < 2:
            raise ValueError("initialization looks_linear needs hidden layers of at least 2 units, got 1")
        n_inputs = place.fan_in if place.is_first else place.fan_in // 2
        rows = orthogonal_matrix(generator, width if place.is_last else width // 2, n_inputs) * self.gain
        if not place.is_last:
            alone = orthogonal_matrix(generator, width % 2, n_inputs) * self.gain
            rows = np.concatenate([rows, -rows, alone])
        if not place.is_first:
            rows = np.concatenate([rows, -rows, np.zeros((width, place.fan_in % 2))], axis=1)
        return rows, np.zeros(width)

    @property
    def formula(self) -> str:
        """See :class:`Initializer`."""
        a = "A orthogonal" if self.gain == 1 else f"A orthogonal times {self.gain:g}"
        return f"W = [A, -A; -A, A], {a}; the first layer [A; -A], the last [A, -A]"


@dataclass(frozen=True, repr=False)
class Sinusoidal(WeightInitializer):
    """Each unit's weights are a sine wave, of a frequency and a phase of its own: nothing is random.

    The variance is the mean square about the mean; the authors' program divides by one less than the number of weights.

    Parameters
    ----------
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    Raises
    ------
    ValueError
        When drawing for a layer whose sines are all 0: one unit with one or two inputs, and two with one.

    References
    ----------
    Fernandez-Hernandez et al. 2025, Sinusoidal initialization, time for a new start.

    Examples
    --------
    >>> from fastmlp.initializers import Sinusoidal
    >>> (weights,), _ = Sinusoidal()([6, 4])
    >>> round(float(weights.var()), 12), bool(abs(weights.sum(axis=1)).max() < 1e-15)
    (0.2, True)
    """

    name: ClassVar[str] = "sinusoidal"
    source: ClassVar[str] = "Fernandez-Hernandez et al. 2025, Sinusoidal initialization, time for a new start"
    when: ClassVar[str] = "a start without chance and with balanced units, in layers that do not grow"
    weight_formula: ClassVar[str] = (
        "W[i, j] = a sin(2 pi i (j / fan_in + 1 / fan_out)), i from 1, j from 0, a for Var W = 2 / (fan_in + fan_out)"
    )

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        m, n = place.fan_out, place.fan_in
        units, inputs = np.arange(1, m + 1)[:, np.newaxis], np.arange(n)
        turns = (units * (inputs * m + n)) % (m * n) / (m * n)  # whole turns are left out exactly
        waves = np.sin(2 * np.pi * turns)
        variance = waves.var()
        if variance < 1e-20:
            raise ValueError(
                f"initialization sinusoidal has only sines of 0 for a layer of {n} inputs and {m} units; "
                "name another one for it"
            )
        return waves * np.sqrt(2 / ((m + n) * variance))


@dataclass(frozen=True, repr=False)
class ZerO(WeightInitializer):
    """Only zeros and ones, up to one factor: the identity, or where the width grows a part of a Hadamard matrix.

    Columns are orthonormal where the width grows. The factor ``2^(-m / 2)`` is that of the authors' program; the paper
    prints ``2^(-(m - 1) / 2)``.

    Parameters
    ----------
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    References
    ----------
    Zhao, Schaefer & Anandkumar 2022, ZerO initialization: initializing neural networks with only zeros and ones,
    algorithm 1.

    Examples
    --------
    >>> from fastmlp.initializers import ZerO
    >>> ZerO()([2, 4])[0]
    [array([[ 0.5,  0.5],
           [ 0.5, -0.5],
           [ 0.5,  0.5],
           [ 0.5, -0.5]])]
    """

    name: ClassVar[str] = "hadamard"
    source: ClassVar[str] = "Zhao, Schaefer & Anandkumar 2022, ZerO initialization, algorithm 1"
    when: ClassVar[str] = "a start without chance, one seed is enough"
    weight_formula: ClassVar[str] = (
        "W = I where fan_out <= fan_in, else the corner of H / 2^(m / 2), H Hadamard of size 2^m >= fan_out"
    )

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        if place.fan_out <= place.fan_in:
            return np.eye(place.fan_out, place.fan_in)
        m = (place.fan_out - 1).bit_length()
        common = np.arange(place.fan_out)[:, np.newaxis] & np.arange(place.fan_in)  # Sylvester's: (-1)^(bits in common)
        return (1 - 2 * (np.bitwise_count(common) % 2).astype(float)) / 2 ** (m / 2)
