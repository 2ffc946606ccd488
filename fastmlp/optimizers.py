"""Optimizers: the objects that ``MLP.train(optimizer=...)`` takes, or names for them with default parameters.

An object holds parameters only. The state of an optimizer (its moments, the number of its updates) belongs to the
model and continues from call to call of :meth:`fastmlp.MLP.train`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastmlp import _kernels, checks

MOST_MEMORY = 1000  # steps of L-BFGS, each two vectors of the length of the parameters
# Below it, the squares of gradients of its size underflow: with default decay rates, a step would be off by over 1e-6.
SMALLEST_EPSILON = {np.dtype("float32"): 1e-15, np.dtype("float64"): 1e-145}
_NEUTRAL = {
    "epsilon_hat": False,
    "momentum": 0.0,
    "beta_1": 0.0,
    "beta_2": 0.0,
    "epsilon": 0.0,
    "weight_decay": 0.0,
}


@dataclass(frozen=True)
class Optimizer:
    """Base class of the optimizers.

    Attributes
    ----------
    name : str
        The name that ``MLP.train(optimizer=...)`` takes.
    method : str
        The kernels' name for the update, or "lbfgs".
    """

    method: ClassVar[str]
    name: ClassVar[str]

    @property
    def n_moments(self) -> int:
        """Number of state vectors, each as long as the parameters."""
        return _kernels.MOMENTS.get(self.method, 0)

    def check(self, options: Any, n_examples: int, dtype: np.dtype) -> None:
        """Raise ValueError for options, numbers of examples and dtypes that the optimizer cannot work with."""

    def settings(self) -> dict[str, Any]:
        """Return the fields of the kernels' ``fm_optimizer``, without penalties and clipping."""
        return {**_NEUTRAL, **vars(self), "method": self.method}


def _check_epsilon(epsilon: float, dtype: np.dtype) -> None:
    smallest = SMALLEST_EPSILON[dtype]
    if epsilon < smallest:
        raise ValueError(f"epsilon must be at least {smallest:g} in {dtype}, got {epsilon}")
    checks.check_held("epsilon", epsilon, dtype)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, optionally with momentum.

    The update of the parameters p by the gradient g is ``v <- momentum v - rate g; p <- p + v``.

    Parameters
    ----------
    momentum : float, default=0.0
        Share of the last step that is kept, from 0 to 1.  At 1 no step is ever forgotten.
    nesterov : bool, default=False
        Use Nesterov's momentum: ``p <- p + momentum v - rate g``.

    References
    ----------
    Sutskever et al. 2013, On the importance of initialization and momentum in deep learning, equations 1 to 4.

    Examples
    --------
    >>> from fastmlp import MLP, SGD, load_dataset
    >>> X, Y, _, _ = load_dataset(is_plot=False)
    >>> model = MLP([2, 10, 5, 1], seed=3)
    >>> history = model.train(
    ...     X.T, Y[0], epochs=50, batch_size=32, optimizer=SGD(momentum=0.9), learning_rate=0.1, seed=0)
    >>> bool(history.losses[-1] < 0.2)
    True
    """

    momentum: float = 0.0
    nesterov: bool = False
    name: ClassVar[str] = "sgd"

    def __post_init__(self) -> None:
        checks.settle(
            self,
            momentum=checks.share("momentum", self.momentum),
            nesterov=checks.boolean("nesterov", self.nesterov),
        )

    def check(self, options: Any, n_examples: int, dtype: np.dtype) -> None:
        """See :meth:`Optimizer.check`: the dtype must hold the momentum."""
        if self.momentum < 1:
            checks.decay_rate("momentum", self.momentum, dtype)

    @property
    def method(self) -> str:  # type: ignore[override]
        """The kernels' name: without momentum, both forms of momentum are plain descent."""
        if self.momentum == 0:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"

    def settings(self) -> dict[str, Any]:
        """Return the fields of the kernels' ``fm_optimizer``, where nesterov is a method."""
        return {**_NEUTRAL, "method": self.method, "momentum": self.momentum}


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: steps from running means of the gradient and of its square.

    Steps have about the size of the learning rate, whatever the size of the gradient.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of the two means, from 0 to below 1.
    epsilon : float, default=1e-8
        Number added to the root of the second mean; at least 1e-15 in float32, 1e-145 in float64.
    epsilon_hat : bool, default=False
        Whether epsilon is added before the bias correction, as at the end of section 2 of the paper and in
        scikit-learn, instead of after it, as in algorithm 1 and in PyTorch.

    References
    ----------
    Kingma & Ba 2015, Adam: a method for stochastic optimization.

    Examples
    --------
    >>> from fastmlp import MLP, Adam
    >>> model = MLP([1, 4, 1], loss="squared_error", seed=0)
    >>> history = model.train([[0.0], [1.0]], [1.0, 3.0], epochs=500, optimizer=Adam(beta_1=0.8), learning_rate=0.02)
    >>> model.predict([[0.0], [1.0]]).round(2)
    array([1., 3.])
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = False
    method: ClassVar[str] = "adam"
    name: ClassVar[str] = "adam"

    def __post_init__(self) -> None:
        checks.settle(
            self,
            beta_1=checks.fraction("beta_1", self.beta_1),
            beta_2=checks.fraction("beta_2", self.beta_2),
            epsilon=checks.positive("epsilon", self.epsilon),
            epsilon_hat=checks.boolean("epsilon_hat", self.epsilon_hat),
        )

    def check(self, options: Any, n_examples: int, dtype: np.dtype) -> None:
        """See :meth:`Optimizer.check`: the dtype must hold the decay rates and epsilon."""
        checks.decay_rate("beta_1", self.beta_1, dtype)
        checks.decay_rate("beta_2", self.beta_2, dtype)
        _check_epsilon(self.epsilon, dtype)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: ``rate * weight_decay`` of each weight is subtracted before each update.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        As in :class:`Adam`.
    epsilon : float, default=1e-8
        As in :class:`Adam`.
    epsilon_hat : bool, default=False
        As in :class:`Adam`.
    weight_decay : float, default=0.01
        Decay of the weights, at least 0; biases do not decay.

    References
    ----------
    Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2.

    Examples
    --------
    >>> from fastmlp import AdamW
    >>> AdamW(weight_decay=0.1).n_moments
    2
    """

    weight_decay: float = 0.01
    name: ClassVar[str] = "adamw"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(self, weight_decay=checks.non_negative("weight_decay", self.weight_decay))

    def check(self, options: Any, n_examples: int, dtype: np.dtype) -> None:
        """See :meth:`Optimizer.check`: the dtype must hold also the decay of the weights."""
        super().check(options, n_examples, dtype)
        checks.non_negative("weight_decay", self.weight_decay, dtype)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop: each step is divided by the root of a running mean of the squared gradient.

    Parameters
    ----------
    rho : float, default=0.99
        Decay rate of the mean, from 0 to below 1.
    epsilon : float, default=1e-8
        Number added to the root; at least 1e-15 in float32, 1e-145 in float64.

    References
    ----------
    Tieleman & Hinton 2012, Lecture 6.5 of Neural networks for machine learning.

    Examples
    --------
    >>> from fastmlp import RMSprop
    >>> RMSprop(rho=0.9).n_moments
    1
    """

    rho: float = 0.99
    epsilon: float = 1e-8
    method: ClassVar[str] = "rmsprop"
    name: ClassVar[str] = "rmsprop"

    def __post_init__(self) -> None:
        checks.settle(self, rho=checks.fraction("rho", self.rho), epsilon=checks.positive("epsilon", self.epsilon))

    def check(self, options: Any, n_examples: int, dtype: np.dtype) -> None:
        """See :meth:`Optimizer.check`: the dtype must hold the decay rate and epsilon."""
        checks.decay_rate("rho", self.rho, dtype)
        _check_epsilon(self.epsilon, dtype)

    def settings(self) -> dict[str, Any]:
        """Return the fields of the kernels' ``fm_optimizer``, where rho is called beta_2."""
        return {**_NEUTRAL, "method": self.method, "beta_2": self.rho, "epsilon": self.epsilon}


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """L-BFGS on the whole data, by ``scipy.optimize`` over the compiled loss and gradient.

    L-BFGS chooses its own step sizes and starts anew in each call of :meth:`MLP.train`.  An epoch is one step.  Its
    loss is reported before the step, and a callback that returns a true value prevents the step.  Minibatches,
    learning rates, L1 penalties, clipping and dropout are refused.

    Parameters
    ----------
    tol : float, default=1e-5
        Training ends when no entry of the gradient is larger (SciPy's ``gtol``); at least 0.
    memory : int, default=10
        Number of past steps that the estimate of the curvature uses (SciPy's ``maxcor``), from 1 to 1000.
    ftol : float, default=0.0
        Training ends when a step lowers the objective by less than this share of it; at least 0.
    max_fun : int, default=None
        Most evaluations of the loss and gradient; None allows 20 for each epoch.

    References
    ----------
    Liu & Nocedal 1989, On the limited memory BFGS method for large scale optimization.

    Examples
    --------
    >>> from fastmlp import LBFGS, MLP, load_dataset
    >>> X, Y, _, _ = load_dataset(is_plot=False)
    >>> history = MLP([2, 10, 5, 1], seed=3).train(X.T, Y[0], epochs=100, optimizer=LBFGS(memory=20))
    >>> bool(history.losses[-1] < 0.05)
    True
    """

    tol: float = 1e-5
    memory: int = 10
    ftol: float = 0.0
    max_fun: int | None = None
    method: ClassVar[str] = "lbfgs"
    name: ClassVar[str] = "lbfgs"

    def __post_init__(self) -> None:
        checks.settle(
            self,
            tol=checks.non_negative("tol", self.tol),
            memory=checks.integer("memory", self.memory, minimum=1),
            ftol=checks.non_negative("ftol", self.ftol),
        )
        if self.max_fun is not None:
            checks.settle(self, max_fun=checks.integer("max_fun", self.max_fun, minimum=1))
        if self.memory > MOST_MEMORY:
            raise ValueError(f"memory must be at most {MOST_MEMORY}, got {self.memory}")

    def check(self, options: Any, n_examples: int, dtype: np.dtype) -> None:
        """See :meth:`Optimizer.check`: L-BFGS needs the same smooth function in every step and chooses the steps."""
        if options.batch_size < n_examples:
            raise ValueError(f"batch_size must be None with the optimizer lbfgs, got {options.batch_size}")
        if options.learning_rate is not None:
            raise ValueError(f"learning_rate must be None with the optimizer lbfgs, got {options.learning_rate}")
        for name, neutral in (("l1", 0), ("clip_value", None), ("clip_norm", None)):
            if getattr(options, name) != neutral:
                raise ValueError(f"{name} cannot be used with the optimizer lbfgs, got {getattr(options, name)}")
        if any(options.dropout):
            raise ValueError(f"dropout cannot be used with the optimizer lbfgs, got {options.dropout}")


OPTIMIZERS: dict[str, type[Optimizer]] = {optimizer.name: optimizer for optimizer in (SGD, Adam, AdamW, RMSprop, LBFGS)}


def optimizer_of(optimizer: Any) -> Optimizer:
    """Return an optimizer object as it is, and for a name the optimizer with its default parameters."""
    if type(optimizer) in OPTIMIZERS.values():
        return optimizer
    return OPTIMIZERS[checks.choice("optimizer", optimizer, list(OPTIMIZERS))]()
