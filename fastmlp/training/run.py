"""One training, from checked examples and options to a history."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.engine import threads
from fastmlp.engine.examples import Examples
from fastmlp.optimizers import SGD
from fastmlp.training import descent, lbfgs
from fastmlp.training.history import Ended, History
from fastmlp.training.occupancy import Occupancy
from fastmlp.training.options import TrainingOptions
from fastmlp.training.task import Task, progress_bar
from fastmlp.training.validation import Validation

TRAINERS: dict[str, Callable[[Task], Ended]] = {"lbfgs": lbfgs.train}  # by method; all others descend
GROWN = 10  # the last loss over the first: more than noise between batches explains


def run(network: Any, examples: Examples, options: TrainingOptions) -> History:
    """Train a network in place, on examples that are already checked, without warnings.

    :meth:`fastmlp.MLP.train` checks its X and y, calls this function and issues the warning of ``History.ended``.

    Parameters
    ----------
    network : MLP
    examples : Examples
        Checked for a network of the same inputs, outputs, loss and dtype.  Many trainings can share them, also at
        the same time in several threads.
    options : TrainingOptions

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
        validation = None if options.validation is None else Validation(network, options)
        seed = checks.seed_number(options.seed, state.seed)
        with unchanged_if_failed(network), progress_bar(options) as bar:
            state.use(options.optimizer, network.parameters)
            state.seed = seed
            task = Task(network, engine, examples, options, validation, bar, np.zeros_like(network.parameters))
            ended = TRAINERS.get(options.optimizer.method, descent.train)(task)
        if validation is not None and options.restore_best and validation.best_epoch >= 0:
            network.parameters[:] = validation.best_parameters
        return task.history(dataclasses.replace(ended, symptom=symptom_of(task, ended)))


@contextlib.contextmanager
def unchanged_if_failed(network: Any) -> Iterator[None]:
    """Put the training state back where a training raises before its first update."""
    state, parameters = network.training_state, network.parameters.copy()
    before = dataclasses.replace(state)
    try:
        yield
    except BaseException:
        updates_at_start = before.updates if state.optimizer == before.optimizer else 0
        if state.updates == updates_at_start and np.array_equal(network.parameters, parameters):
            vars(state).update(vars(before))
        raise


def symptom_of(task: Task, ended: Ended) -> str | None:
    """Return what is wrong with a training that did not diverge: a loss that grew, a dead network, or None."""
    if ended.how == "diverged" or ended.epoch == 0:
        return None
    rounding = float(np.finfo(task.parameters.dtype).eps)  # of a loss this small, its size means nothing
    if (
        task.last_loss > GROWN * max(task.reports[0][1] if task.reports else 0.0, rounding)
        and not task.options.restore_best
    ):
        return "loss grew"
    return "dead" if is_dead(task) else None


def is_dead(task: Task) -> bool:
    """Whether every unit of some hidden layer gives the same output for all examples.

    A gradient of the first layer that is not 0, in the last batch, rules it out; otherwise the first 1,000 examples
    decide.
    """
    network, examples = task.network, task.examples
    n_features, first_width, *_ = network.plan.layer_dims
    if examples.n_examples < 2 or np.any(task.gradient[: (n_features + 1) * first_width]):
        return False
    sample = examples.first(1000)
    layers = network.engine(sample.n_examples, sample).layers(network.parameters, sample)
    return any(bool((layer["a"].max(axis=1) == layer["a"].min(axis=1)).all()) for layer in layers[:-1])
