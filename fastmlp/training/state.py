"""What a training leaves for the next to go on from."""

from dataclasses import dataclass, field

import numpy as np

from fastmlp.optimizers import Optimizer
from fastmlp.schedules import Plateau


@dataclass(eq=False)
class TrainingState:
    """What a training leaves for the next to go on from.

    Attributes
    ----------
    optimizer : Optimizer or None
        The one used last.
    moments : ndarray (n_moments, n_parameters)
        What the optimizer has learned.
    updates, optimizer_epochs, examples : int
        Updates made, epochs finished and examples seen with this optimizer: where a schedule stands.
    epochs : int
        Epochs finished with all optimizers but L-BFGS: the number of the next order of the examples.
    seed : int or None
        Of orders and dropout.
    plateau : Plateau
        What an adaptive learning rate has seen.
    """

    optimizer: Optimizer | None = None
    moments: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    updates: int = 0
    optimizer_epochs: int = 0
    examples: int = 0
    epochs: int = 0
    seed: int | None = None
    plateau: Plateau = field(default_factory=Plateau)

    def use(self, optimizer: Optimizer, parameters: np.ndarray) -> None:
        """Go on with ``optimizer``, from the beginning where it is another than before."""
        if optimizer == self.optimizer:
            return
        self.moments = np.empty((optimizer.n_moments, len(parameters)), parameters.dtype)
        self.optimizer = optimizer
        self.start_anew()

    def start_anew(self) -> None:
        """Forget what the optimizer and the schedule have learned."""
        self.updates = self.optimizer_epochs = self.examples = 0
        self.plateau = Plateau()
        self.moments[:] = 0

    def count(self, updates: int, batches: int, n_examples: int, batch_size: int) -> tuple[int, int]:
        """Count updates of an epoch's batches; returns the epochs finished and the batches of the one begun."""
        epochs, rest = divmod(updates, batches)
        self.updates += updates
        self.epochs += epochs
        self.optimizer_epochs += epochs
        self.examples += epochs * n_examples + rest * batch_size
        return epochs, rest
