"""The state of a model's training, from which the next training continues."""

from dataclasses import dataclass, field

import numpy as np

from fastmlp.optimizers import Optimizer
from fastmlp.schedules import Adaptive, Plateau

COUNTS = ("updates", "optimizer_epochs", "examples", "epochs")


@dataclass(eq=False)
class TrainingState:
    """The state of a model's training, from which the next training continues.

    Attributes
    ----------
    optimizer : Optimizer or None
        The optimizer used last.
    moments : ndarray of shape (n_moments, n_parameters)
        The optimizer's running vectors.  A mean of squared gradients above the largest number is stored as minus its
        share of 2**128 in float32, of 2**1024 in float64.
    updates, optimizer_epochs, examples : int
        Updates made, epochs finished and examples seen with this optimizer; schedules depend on them.
    epochs : int
        Epochs finished with all optimizers but L-BFGS; also the number of the next order of the examples.
    seed : int or None
        Seed of the orders and of dropout.
    adaptive : Adaptive or None
        The adaptive learning rate used last.
    plateau : Plateau
        Its state.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> model = MLP([1, 1], seed=0)
    >>> history = model.train([[0.0], [1.0]], [0, 1], epochs=3, batch_size=1, seed=0)
    >>> model.training_state.epochs, model.training_state.updates
    (3, 6)
    """

    optimizer: Optimizer | None = None
    moments: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    updates: int = 0
    optimizer_epochs: int = 0
    examples: int = 0
    epochs: int = 0
    seed: int | None = None
    adaptive: Adaptive | None = None
    plateau: Plateau = field(default_factory=Plateau)

    def check(self) -> None:
        """Raise ValueError for numbers that the kernels cannot hold, now or in the course of a training."""
        for name in COUNTS:
            if getattr(self, name) > 2**62:
                raise ValueError(f"training_state.{name} must be at most 2**62, got {getattr(self, name)}")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise ValueError(f"training_state.seed must be at least 0 and below 2**63, got {self.seed}")

    def use(self, optimizer: Optimizer, parameters: np.ndarray) -> None:
        """Continue with ``optimizer``; one that differs from the last starts anew."""
        if optimizer == self.optimizer:
            return
        self.moments = np.empty((optimizer.n_moments, len(parameters)), parameters.dtype)
        self.optimizer = optimizer
        self.start_anew()

    def adapt(self, adaptive: Adaptive | None) -> None:
        """Continue with an adaptive learning rate, if there is one; one that differs from the last starts anew."""
        if adaptive is not None and adaptive != self.adaptive:
            self.adaptive, self.plateau = adaptive, Plateau()

    def start_anew(self) -> None:
        """Reset the moments, the counts and the adaptive learning rate."""
        self.updates = self.optimizer_epochs = self.examples = 0
        self.adaptive, self.plateau = None, Plateau()
        self.moments[:] = 0
