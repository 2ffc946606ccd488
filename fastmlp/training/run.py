"""One training, from checked examples and options to a history."""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.engine import threads
from fastmlp.engine.examples import Examples
from fastmlp.optimizers import SGD
from fastmlp.schedules import Plateau
from fastmlp.training import descent, lbfgs
from fastmlp.training.history import Ended, History
from fastmlp.training.occupancy import Occupancy
from fastmlp.training.options import TrainingOptions
from fastmlp.training.task import Task, progress_bar
from fastmlp.training.validation import Validation

TRAINERS: dict[str, Callable[[Task], Ended]] = {"lbfgs": lbfgs.train}  # by method; all others descend
GROWN = 10  # a loss over that of the start: more than noise between batches explains
A_FEW = 32  # examples whose loss at the start decides whether a look at all of them is worth it


def run(
    network: Any,
    examples: Examples,
    options: TrainingOptions,
    *,
    stopping: Plateau | None = None,
    after_epoch: Callable[[int, float], Any] | None = None,
    returns_when_interrupted: bool = False,
) -> History:
    """Train a network in place, on examples that are already checked, without warnings.

    :meth:`fastmlp.MLP.train` checks its X and y, calls this function and issues the warning of ``History.ended``.

    Parameters
    ----------
    network : MLP
    examples : Examples
        Checked for a network of the same inputs, outputs, loss and dtype.  Many trainings can share them, also at
        the same time in several threads.
    options : TrainingOptions
    stopping : Plateau, default=None
        State of the rule ``n_iter_no_change``, updated in place: the count goes on from an earlier training.  With
        validation data and ``restore_best``, parameters no better than its ``best`` give way to those of the start.
    after_epoch : callable, default=None
        Called as ``after_epoch(epochs, loss)`` after each epoch's last update and the evaluation of the validation
        data, with the number of epochs made and the loss of the last; if it returns a true value, training ends.  It
        may read and change the parameters, as ``options.callback`` may.
    returns_when_interrupted : bool, default=False
        Whether Ctrl-C ends the training with the history of the epochs made, in place of a KeyboardInterrupt.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        If the options do not go with the network or the examples; the network is then unchanged.
    RuntimeError
        If the network is already in training.

    Examples
    --------
    >>> from fastmlp import MLP, load_dataset
    >>> from fastmlp.training import TrainingOptions, run
    >>> X, Y, _, _ = load_dataset(is_plot=False)
    >>> network = MLP([2, 10, 5, 1], seed=3)
    >>> options = TrainingOptions(epochs=15000, learning_rate=0.01)
    >>> history = run(network, network.examples(X.T, Y[0]), options)
    >>> history.ended.how, round(float(history.losses[-1]), 3)
    ('finished', 0.066)
    """
    for name, given, kind in (("examples", examples, Examples), ("options", options, TrainingOptions)):
        if not isinstance(given, kind):
            raise TypeError(f"{name} must be {kind.__name__}, got {checks.shown(given)}")
    if not isinstance(getattr(network, "occupancy", None), Occupancy):
        raise TypeError(f"network must be an MLP, got {checks.shown(network)}")
    with network.occupancy.training("train"):
        state = network.training_state
        examples.check_for(network)
        options = options.settled(network.plan, examples.n_examples, state.optimizer or SGD())
        assert options.batch_size is not None and isinstance(options.dropout, list)
        n_threads = threads.choose(options.n_threads, 6.0 * network.plan.n_parameters * options.batch_size)
        engine = network.engine(options.batch_size, examples.data, dropout=(*options.dropout, 0.0), n_threads=n_threads)
        checks.check_finite("parameters", network.parameters)
        if not network.parameters.flags.writeable:
            raise ValueError("parameters must be writeable to be trained, got a read-only array")
        is_resumed, stopping = stopping is not None and stopping.best < math.inf, stopping or Plateau()
        validation = None if options.validation is None else Validation(network, options, stopping)
        seed = checks.seed_number(options.seed, state.seed)
        with unchanged_if_failed(network) as start, progress_bar(options) as bar:
            state.use(options.optimizer, network.parameters)
            state.seed = seed
            task = Task(
                network,
                engine,
                examples,
                options,
                validation,
                bar,
                np.zeros_like(network.parameters),
                stopping,
                after_epoch,
                returns_when_interrupted,
            )
            ended = TRAINERS.get(options.optimizer.method, descent.train)(task)
        if validation is not None and options.restore_best and (validation.best_epoch >= 0 or is_resumed):
            network.parameters[:] = validation.best_parameters
        return task.history(dataclasses.replace(ended, symptom=symptom_of(task, ended, start)))


@contextlib.contextmanager
def unchanged_if_failed(network: Any) -> Iterator[np.ndarray]:
    """Put the training state back where a training raises before its first update; yield the parameters before it."""
    state, parameters = network.training_state, network.parameters.copy()
    before = dataclasses.replace(state)
    try:
        yield parameters
    except BaseException:
        updates_at_start = before.updates if state.optimizer == before.optimizer else 0
        if state.updates == updates_at_start and np.array_equal(network.parameters, parameters):
            vars(state).update(vars(before))
        raise


def symptom_of(task: Task, ended: Ended, start: np.ndarray) -> str | None:
    """Return what is wrong with a training that did not diverge: a loss that grew, a dead network, or None.

    ``start`` are the parameters at its start.
    """
    if ended.how == "diverged" or ended.epoch == 0:
        return None
    if has_grown(task, start):
        return "loss grew"
    return "dead" if is_dead(task) else None


def has_grown(task: Task, start: np.ndarray) -> bool:
    """Whether the loss is over ten times that of the start, and larger than that of a network of zeros.

    A network that fitted well and lost some of that is no worse than one of zeros, which knows nothing.  Where the last
    epoch's loss is not large beside that of a few examples at the start, the losses of all examples are not computed.
    With several batches, the first epoch's loss can be large itself: it is measured after updates.
    """
    examples, batch_size = task.examples, task.options.batch_size
    assert batch_size is not None
    few = task.reports[0][1] if task.reports else math.inf
    if batch_size < examples.n_examples:
        few = min(few, loss_of(task, start, examples.rows(0, A_FEW)))
    if not task.last_loss > least_grown(task, few):
        return False
    at_start, of_zeros, now = (
        loss_of(task, parameters, examples.data) for parameters in (start, np.zeros_like(start), task.parameters)
    )
    return not now <= max(least_grown(task, at_start), of_zeros)


def least_grown(task: Task, loss: float) -> float:
    """The loss from which on one has grown; of one as small as rounding, the size means nothing."""
    return GROWN * max(loss, float(np.finfo(task.parameters.dtype).eps))


def loss_of(task: Task, parameters: np.ndarray, data: _kernels.Data) -> float:
    return task.network.engine(data.n_examples, data).loss(parameters, data)


def is_dead(task: Task) -> bool:
    """Whether every unit of some hidden layer gives the same output for all examples.

    A gradient of the first layer that is not 0, in the last batch, rules it out; otherwise the first 1,000 examples
    decide.
    """
    network, examples = task.network, task.examples
    n_features, first_width, *_ = network.plan.layer_dims
    if examples.n_examples < 2 or np.any(task.gradient[: (n_features + 1) * first_width]):
        return False
    sample = examples.rows(0, 1000, with_targets=False)
    layers = network.engine(sample.n_examples, sample).layers(network.parameters, sample)
    return any(bool((layer["a"].max(axis=1) == layer["a"].min(axis=1)).all()) for layer in layers[:-1])
