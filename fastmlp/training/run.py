"""One training, from its checked arguments to its history."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.engine import threads
from fastmlp.engine.examples import Examples
from fastmlp.optimizers import SGD
from fastmlp.training import descent, lbfgs
from fastmlp.training.history import Ended, History
from fastmlp.training.options import TrainingOptions
from fastmlp.training.task import Task, progress_bar
from fastmlp.training.validation import Validation

TRAINERS: dict[str, Callable[[Task], Ended]] = {"lbfgs": lbfgs.train}  # by method; all others descend
GROWN = 10  # times its start: a loss that no noise between batches explains


def run(network: Any, examples: Examples, options: TrainingOptions) -> History:
    """Train a network in place; :meth:`fastmlp.MLP.train` without its check of X and y, and without warnings.

    Parameters
    ----------
    network : MLP
    examples : Examples
        Checked for a network of its widths, loss and dtype: many trainings can share them, also at once.
    options : TrainingOptions

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        For options that do not go with the network or the examples, which is then unchanged.
    RuntimeError
        If the network is in training already.

    Examples
    --------
    >>> from fastmlp import MLP, load_dataset
    >>> from fastmlp.training import TrainingOptions, run
    >>> X, Y, _, _ = load_dataset(is_plot=False)
    >>> network = MLP([2, 10, 5, 1], seed=3)
    >>> history = run(network, network.examples(X.T, Y[0]), TrainingOptions(epochs=15000, learning_rate=0.01))
    >>> history.ended.how, round(float(history.losses[-1]), 3)
    ('finished', 0.066)
    """
    with network.in_training():
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
        state.use(options.optimizer, network.parameters)
        state.seed = seed
        with progress_bar(options) as bar:
            task = Task(network, engine, examples, options, validation, bar, np.zeros_like(network.parameters))
            ended = TRAINERS.get(options.optimizer.method, descent.train)(task)
        if validation is not None and options.restore_best and validation.best_epoch >= 0:
            network.parameters[:] = validation.best_parameters
        return task.history(dataclasses.replace(ended, symptom=symptom_of(task, ended)))


def symptom_of(task: Task, ended: Ended) -> str | None:
    """What is wrong with a training that ended by itself: a loss that grew, or a network that died."""
    if ended.how == "diverged" or ended.epoch == 0:
        return None
    if task.last_loss > GROWN * max(task.reports[0][1], np.finfo(np.float64).tiny) and not task.options.restore_best:
        return "loss grew"
    return "dead" if is_dead(task) else None


def is_dead(task: Task) -> bool:
    """Whether some hidden layer's outputs are the same for all examples, so that no layer up to it learns.

    Anything in the first layer's gradient by the last batch says no at once; else the first 1,000 examples tell.
    """
    network, examples = task.network, task.examples
    n_features, first_width, *_ = network.plan.layer_dims
    if examples.n_examples < 2 or np.any(task.gradient[: (n_features + 1) * first_width]):
        return False
    sample = examples.first(1000)
    layers = network.engine(sample.n_examples, sample).layers(network.parameters, sample)
    return any(bool((layer["a"].max(axis=1) == layer["a"].min(axis=1)).all()) for layer in layers[:-1])
