"""The optimizers: their parameters, as the kernels and ``scipy.optimize`` take them.

One object holds what is chosen; what an optimizer has learned so far (its moments, the number of its
updates) is the model's, and goes on from call to call of :meth:`MLP.train`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastmlp import _kernels, checks

MOST_MEMORY = 1000  # steps of L-BFGS, each two vectors of the length of the parameters
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
    """What all optimizers have in common.

    Attributes
    ----------
    name : str
        As ``MLP.train(optimizer=...)`` takes it.
    method : str
        The kernels' name of its update, or "lbfgs".
    """

    method: ClassVar[str]
    name: ClassVar[str]

    @property
    def n_moments(self) -> int:
        """How many vectors of the length of the parameters it keeps."""
        return _kernels.MOMENTS.get(self.method, 0)

    def check(self, options: Any, n_examples: int, dtype: np.dtype) -> None:
        """Refuse what cannot be done with these options, examples and dtype."""

    def settings(self) -> dict[str, Any]:
        """The fields of the kernels' ``fm_optimizer``, without penalties and clipping."""
        return {**_NEUTRAL, **vars(self), "method": self.method}


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, with momentum if wanted: v <- momentum v - rate g; p <- p + v.

    Parameters
    ----------
    momentum : float, default=0.0
        From 0 to below 1.
    nesterov : bool, default=False
        Look ahead: p <- p + momentum v - rate g.

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
            momentum=checks.fraction("momentum", self.momentum),
            nesterov=checks.boolean("nesterov", self.nesterov),
        )

    @property
    def method(self) -> str:  # type: ignore[override]
        """Without momentum both forms of it are plain descent."""
        if self.momentum == 0:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"

    def settings(self) -> dict[str, Any]:
        """The fields of the kernels' ``fm_optimizer``, where nesterov is a method."""
        return {**_NEUTRAL, "method": self.method, "momentum": self.momentum}


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: steps of the size of the learning rate, from running means of the gradient and of its square.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the two means, from 0 to below 1.
    epsilon : float, default=1e-8
        Added to the root of the second mean; over 0.
    epsilon_hat : bool, default=False
        Add epsilon before the bias correction, not after it: the form at the end of section 2 of the
        paper, which is scikit-learn's.  Without it the form of algorithm 1, which is PyTorch's.

    References
    ----------
    Kingma & Ba 2015, Adam: a method for stochastic optimization.
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
        """See :meth:`Optimizer.check`: the dtype must hold epsilon."""
        checks.positive("epsilon", self.epsilon, dtype)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: weights shrink by ``rate * weight_decay`` before each update.

    Parameters
    ----------
    beta_1, beta_2, epsilon, epsilon_hat
        As in :class:`Adam`.
    weight_decay : float, default=0.01
        At least 0; of weights, not of biases.

    References
    ----------
    Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2.
    """

    weight_decay: float = 0.01
    name: ClassVar[str] = "adamw"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(self, weight_decay=checks.non_negative("weight_decay", self.weight_decay))


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop: each step is divided by the root of a running mean of the squared gradient.

    Parameters
    ----------
    rho : float, default=0.99
        Decay of the mean, from 0 to below 1.
    epsilon : float, default=1e-8
        Added to the root; over 0.

    References
    ----------
    Tieleman & Hinton 2012, Lecture 6.5 of Neural networks for machine learning.
    """

    rho: float = 0.99
    epsilon: float = 1e-8
    method: ClassVar[str] = "rmsprop"
    name: ClassVar[str] = "rmsprop"

    def __post_init__(self) -> None:
        checks.settle(self, rho=checks.fraction("rho", self.rho), epsilon=checks.positive("epsilon", self.epsilon))

    def check(self, options: Any, n_examples: int, dtype: np.dtype) -> None:
        """See :meth:`Optimizer.check`: the dtype must hold epsilon."""
        checks.positive("epsilon", self.epsilon, dtype)

    def settings(self) -> dict[str, Any]:
        """The fields of the kernels' ``fm_optimizer``, where rho is called beta_2."""
        return {**_NEUTRAL, "method": self.method, "beta_2": self.rho, "epsilon": self.epsilon}


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """L-BFGS on the whole data, by ``scipy.optimize`` over the compiled loss and gradient.

    It chooses its own steps and starts anew in each call of :meth:`MLP.train`.  An epoch is one step; its loss
    is reported before it, and a callback's true answer keeps it from being made.

    Parameters
    ----------
    tol : float, default=1e-5
        Ends the training when no entry of the gradient is larger (SciPy's ``gtol``); at least 0.
    memory : int, default=10
        Number of past steps its estimate of the curvature uses (SciPy's ``maxcor``).
    ftol : float, default=0.0
        Ends the training when a step lowers the objective by less than this share of it; at least 0.
    max_fun : int, default=None
        Most evaluations of the loss and gradient; None allows 20 for each epoch.

    References
    ----------
    Liu & Nocedal 1989, On the limited memory BFGS method for large scale optimization.
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
        """See :meth:`Optimizer.check`: it needs the same smooth function in every step, and chooses its own."""
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
    """An optimizer object as it is, a name with the default parameters."""
    if type(optimizer) in OPTIMIZERS.values():
        return optimizer
    return OPTIMIZERS[checks.choice("optimizer", optimizer, list(OPTIMIZERS))]()
