"""A training watched: the parameters at chosen epochs."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks, training
from fastmlp.network import MLP


@dataclass(frozen=True, eq=False)
class Snapshots:
    """The parameters of a network at chosen epochs of its training; :func:`take_snapshots` makes them.

    Attributes
    ----------
    network : MLP
        After the training.
    history : fastmlp.training.History
    epochs : ndarray of int of shape (n,)
        Epochs made when each was taken, ascending; the first is 0.
    losses : ndarray of shape (n,)
        The loss over all examples, of these parameters.
    parameters : ndarray of shape (n, n_parameters)
        As in ``MLP.parameters``.
    """

    network: MLP
    history: training.History
    epochs: np.ndarray
    losses: np.ndarray
    parameters: np.ndarray

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[MLP]:
        """Yield the networks, each a copy of its own."""
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> MLP:
        """Return the network with the parameters of snapshot i."""
        network = copy.deepcopy(self.network)
        network.parameters = self.parameters[i]
        return network


def take_snapshots(network: MLP, X: Any, y: Any, *, epochs: int, at: Any = 60, **options: Any) -> Snapshots:
    """Train a network and keep its parameters at the start, at the end and at epochs between.

    Parameters
    ----------
    network : MLP
        Trained in place, by the very updates that it would have without being watched.
    X : array-like or sparse matrix of shape (n_examples, n_features)
    y : array-like of shape (n_examples,) or (n_examples, n_outputs)
    epochs : int
    at : int or sequence of int, default=60
        How many snapshots, at least 2, the epochs between them even; or the epochs themselves.  Start and end are
        always among them.
    **options
        Of :class:`fastmlp.training.TrainingOptions`, such as ``learning_rate``.

    Returns
    -------
    Snapshots
        Fewer where the training ended before all epochs.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range or does not go with the network.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import pictures
    >>> X, y = circles(100, seed=1)
    >>> snapshots = pictures.take_snapshots(MLP([2, 8, 1], seed=0), X, y, epochs=100, at=5, learning_rate=0.1)
    >>> snapshots.epochs
    array([  0,  25,  50,  75, 100])
    """
    if not isinstance(network, MLP):
        raise TypeError(f"network must be an MLP, got {checks.shown(network)}")
    examples = network.examples(X, y)
    settled = training.TrainingOptions(epochs=epochs, **options)
    wanted = _epochs_of(at, settled.epochs)
    taken = {0: network.parameters.copy()}

    def take(epoch: int, loss: float) -> None:
        if epoch in wanted:
            taken[epoch] = network.parameters.copy()

    history = training.run(network, examples, settled, after_epoch=take)
    taken[history.ended.epoch] = network.parameters.copy()
    parameters = np.array([taken[epoch] for epoch in sorted(taken)])
    engine = network.engine(examples.n_examples, examples.data)
    losses = np.array([engine.loss(values, examples.data) for values in parameters])
    return Snapshots(network, history, np.array(sorted(taken)), losses, parameters)


def _epochs_of(at: Any, epochs: int) -> set[int]:
    """Return the epochs of the snapshots."""
    if not checks.is_sequence(at):
        n = checks.integer("at", at, minimum=2)
        return {round(i * epochs / (n - 1)) for i in range(n)}
    chosen = {checks.integer(f"at[{i}]", item, minimum=0) for i, item in enumerate(checks.items_of("at", at))}
    if chosen and max(chosen) > epochs:
        raise ValueError(f"at must be epochs from 0 to {epochs}, got {max(chosen)}")
    return chosen
