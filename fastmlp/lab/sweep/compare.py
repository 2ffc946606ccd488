"""The sweep itself: the product of configurations and seeds, run by joblib's workers and collected."""

import contextlib
import dataclasses
import hashlib
import numbers
import pickle
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import fastmlp
from fastmlp import _kernels, checks
from fastmlp.engine.examples import Examples, dense_inputs_of
from fastmlp.lab import scores
from fastmlp.lab.scaling import blocks_of
from fastmlp.lab.sweep.case import Case, Problem, run_case
from fastmlp.lab.sweep.comparison import Collector, Comparison
from fastmlp.lab.sweep.configuration import VARIED, Configuration, all_layer_dims, configurations_of, seeds_of
from fastmlp.losses import Loss
from fastmlp.network import MLP
from fastmlp.training.options import REPORTS


def compare_initializers(
    X: Any,
    y: Any,
    layer_dims: Sequence[Any],
    *,
    initializers: Sequence[Any] = ("zeros", "random", "he"),
    seeds: int | Sequence[int] = 100,
    X_test: Any = None,
    y_test: Any = None,
    activation: Any = "relu",
    loss: str | Loss = "log_loss",
    optimizer: Any = "sgd",
    learning_rate: Any = 0.01,
    epochs: int = 15000,
    batch_size: Any = None,
    dtype: Any = "float64",
    report_every: int | None = None,
    n_jobs: int | None = None,
    folder: Any = None,
    progress: bool = True,
) -> Comparison:
    """Train the same network from several initializers, from many seeds each.

    Every combination of initializer, seed and the arguments that are lists is one run.  Its draws (weights, orders of
    the examples) depend on its configuration and seed alone, so a run has the same bits alone, in any order and with
    any number of workers.  A run that diverges, dies or raises an exception is a result.  Ctrl-C returns what is done.

    Parameters
    ----------
    X : array-like of shape (n_examples, n_features)
    y : array-like of shape (n_examples,) or (n_examples, n_outputs)
        Targets in the domain of the loss.
    layer_dims : sequence of int, or list of these
        Widths from the inputs to the outputs.
    initializers : sequence, default=("zeros", "random", "he")
        Each a name of :mod:`fastmlp.initializers`, an initializer, a function as :class:`fastmlp.MLP` takes it, or a
        pair ``(name, {parameter: value or list of values})``.
    seeds : int or sequence of int, default=100
        Seeds of the runs of every configuration; a number stands for 0, 1, ...
    X_test, y_test : array-like, default=None
        Examples for the test score.
    activation : str or list, default="relu"
        Activation of the hidden layers.  An entry of a list is a name, or a tuple of one name for each hidden layer.
    loss : str or Loss, default="log_loss"
    optimizer : str, Optimizer or list of these, default="sgd"
    learning_rate : float, Schedule or list of these, default=0.01
        None stands for 0.001; L-BFGS takes no other.
    epochs : int, default=15000
    batch_size : int or list, default=None
        Examples per update; None takes all of them.
    dtype : {"float64", "float32"}, default="float64"
    report_every : int, default=None
        Epochs from one recorded loss to the next; None records about 100.
    n_jobs : int, default=None
        Workers, as joblib counts them: None is 1 outside ``joblib.parallel_config``, -1 one per processor.
        They are threads, unless such a context says otherwise; ``parallel_config("dask")`` runs on a cluster.
        Backends that return all results at once ("multiprocessing") are refused.  Runs that are left limit them.
    folder : path, default=None
        Where every finished run is kept.  The same call again makes the missing runs only, also for more seeds; a
        call with other data or arguments is refused.
    progress : bool, default=True
        Show a progress bar.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range or the arrays do not fit together, or the folder is that of another sweep or
        damaged; before any run.
    OSError
        If the folder cannot be read or written.

    Examples
    --------
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import compare_initializers
    >>> X, y = circles(300, seed=1)
    >>> found = compare_initializers(X, y, [2, 10, 5, 1], seeds=5, epochs=2000, learning_rate=0.1, progress=False)
    >>> for row in found.summary():
    ...     print(row["initializer"], row["runs"], row["learned"])
    zeros 5 0.0
    random 5 1.0
    he 5 1.0
    """
    checks.boolean("progress", progress)
    _check_jobs(n_jobs)
    seeds = seeds_of(seeds)
    problem = problem_of(X, y, X_test, y_test, all_layer_dims(layer_dims)[0], loss, dtype, epochs, report_every)
    arguments = {
        "initializers": initializers,
        "layer_dims": layer_dims,
        "activation": activation,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
    }
    configurations = configurations_of(problem.examples.n_examples, **arguments)
    check_all(configurations, problem)
    described = [configuration.describe() for configuration in configurations]
    collector = Collector(described, seeds, problem.n_reports)
    if folder is None:
        _run_missing(configurations, problem, collector, None, n_jobs, progress)
    else:
        _run_with_folder(folder, configurations, problem, collector, n_jobs, progress)
    epochs_of_reports = np.arange(0, problem.epochs, problem.report_every)
    return collector.comparison(epochs_of_reports, _settings(problem), _varied(described))


# ---- checks


def _check_jobs(n_jobs: Any) -> None:
    if n_jobs is not None and not (isinstance(n_jobs, numbers.Integral) and n_jobs and not isinstance(n_jobs, bool)):
        error = ValueError if n_jobs == 0 else TypeError
        raise error(f"n_jobs must be None or an integer that is not 0, got {checks.shown(n_jobs)}")


def problem_of(
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    dims: tuple[int, ...],
    loss: Any,
    dtype: Any,
    epochs: Any,
    report_every: Any,
) -> Problem:
    """Check what all runs share; arrays that need no conversion are not copied."""
    epochs = checks.integer("epochs", epochs, minimum=1)
    if report_every is None:
        report_every = max(1, epochs // REPORTS)
    report_every = checks.integer("report_every", report_every, minimum=1)
    network = MLP([dims[0], dims[-1]], activation=(), loss=loss, initialization="zeros", dtype=dtype)
    examples = _examples(network, X, y)
    if examples.n_examples < 2:
        raise ValueError("X must have at least 2 examples: a run is compared with a constant for all; got 1")
    tests = None
    if (X_test is None) != (y_test is None):
        raise ValueError(f"X_test and y_test go together, got {'y_test' if X_test is None else 'X_test'} alone")
    if X_test is not None:
        try:
            tests = _examples(network, X_test, y_test)
        except (TypeError, ValueError) as error:
            raise type(error)(f"X_test, y_test: {error}") from error
    return Problem(examples, tests, network.loss, network.plan.dtype, epochs, report_every)


def _examples(network: MLP, X: Any, y: Any) -> Examples:
    return network.examples(dense_inputs_of(X, network.plan.layer_dims[0], network.plan.dtype), y)


def check_all(configurations: Sequence[Configuration], problem: Problem) -> None:
    """Refuse what does not go together: layers and activations, options of the training."""
    plans = {}
    for configuration in configurations:
        layers = configuration.layer_dims, configuration.activation
        if layers not in plans:
            plans[layers] = problem.network(configuration, "zeros").plan
        options = configuration.options(epochs=problem.epochs, report_every=problem.report_every)
        options.settled(plans[layers], problem.examples.n_examples, configuration.optimizer)


# ---- runs


def _run_with_folder(
    folder: Any,
    configurations: Sequence[Configuration],
    problem: Problem,
    collector: Collector,
    n_jobs: int | None,
    progress: bool,
) -> None:
    """Take the runs that the folder holds, and make and keep the others."""
    from fastmlp.lab.sweep.store import Store

    maker = f"fastmlp {fastmlp.__version__} with {_kernels.current_isa()} kernels"
    numbers_of = {configuration.key(): c for c, configuration in enumerate(configurations)}
    places = {seed: s for s, seed in enumerate(collector.seeds)}
    with contextlib.closing(Store(folder, identity_of_sweep(configurations, problem), maker)) as store:
        for key, seed, result in store.results():
            if seed in places:
                collector.add(numbers_of[key] * len(places) + places[seed], result)
        if collector.n_missing:
            store.check_maker()
            _run_missing(configurations, problem, collector, store, n_jobs, progress)


def _run_missing(
    configurations: Sequence[Configuration],
    problem: Problem,
    collector: Collector,
    store: Any,
    n_jobs: int | None,
    progress: bool,
) -> None:
    """Make the runs that the collector lacks; Ctrl-C ends the sweep and leaves what is done."""
    keys = [configuration.key() for configuration in configurations] if store else []
    parallel, delayed = _workers(n_jobs, collector.n_missing, is_kept=store is not None)
    with _bar(collector, progress) as bar, contextlib.suppress(KeyboardInterrupt):
        measured = dataclasses.replace(problem, constant_loss=scores.loss_of_constant(problem.examples))
        results = parallel(delayed(run_case)(case, measured) for case in _cases(configurations, collector))
        with _closing(results), _errors_of_pickle():
            for case, result in results:
                if store:  # first, so that Ctrl-C returns no run that is not kept
                    store.add(keys[case.number // len(collector.seeds)], case.seed, result)
                collector.add(case.number, result)
                if bar is not None:
                    bar.update()


def _workers(n_jobs: int | None, n_runs: int, is_kept: bool) -> tuple[Any, Any]:
    """Return joblib's workers, no more than there are runs, and what makes a call for them.

    joblib gathers quick runs to batches, whose results come together; a folder keeps each run once it is made.
    """
    import joblib

    if n_jobs is not None:
        n_jobs = max(min(int(n_jobs), n_runs), -sys.maxsize)
    try:
        batch_size = 1 if is_kept else "auto"
        parallel = joblib.Parallel(
            n_jobs=n_jobs, prefer="threads", return_as="generator_unordered", batch_size=batch_size
        )
        return parallel, joblib.delayed
    except ValueError as error:
        raise ValueError(
            "n_jobs needs a joblib backend that returns results one at a time, as threading, loky and dask do; "
            f"got another by joblib.parallel_config: {error}"
        ) from error


@contextlib.contextmanager
def _errors_of_pickle() -> Iterator[None]:
    """Name the arguments that a process cannot be sent."""
    try:
        yield
    except pickle.PicklingError as error:
        raise TypeError(
            "initializers, optimizer and learning_rate must be what pickle can store where runs are made in other "
            f"processes: {error.__cause__ or error}"
        ) from error


@contextlib.contextmanager
def _closing(results: Any) -> Iterator[None]:
    """Cancel at the end what is not done, without joblib's advice on results that nobody used."""
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def _cases(configurations: Sequence[Configuration], collector: Collector) -> Iterator[Case]:
    """Yield the runs to make, those of all configurations with a seed before those with the next."""
    n = len(collector.seeds)
    for s, seed in enumerate(collector.seeds):
        for c, configuration in enumerate(configurations):
            if collector.results[c * n + s] is None:
                yield Case(c * n + s, configuration, seed)


def _bar(collector: Collector, progress: bool) -> Any:
    """Return a bar over the runs as a context manager; without ``progress`` it is None."""
    if not progress:
        return contextlib.nullcontext()
    from tqdm.auto import tqdm

    n = len(collector.results)
    return tqdm(total=n, initial=n - collector.n_missing, unit="run")


# ---- names


def identity_of_sweep(configurations: Sequence[Configuration], problem: Problem) -> dict[str, str]:
    """Return what all runs of a sweep but for their seeds depend on, by name, so that a later call can compare it."""
    described = [configuration.identity() for configuration in configurations]
    identity = {
        "initializers" if name == "initializer" else name: ", ".join(sorted({str(found[name]) for found in described}))
        for name in ("initializer", *VARIED)
    }
    identity |= {name: str(value) for name, value in _settings(problem).items() if name != "score"}
    for name, examples in (("", problem.examples), ("test ", problem.test_examples)):
        if examples is not None:
            identity[f"{name}X"], identity[f"{name}y"] = map(_hash, (examples.inputs, examples.targets))
    return identity


def _hash(array: Any) -> str:
    """Return the shape, the dtype and a hash of the values of an array (n, m), read in blocks."""
    digest = hashlib.sha256()
    for rows in blocks_of(array):
        digest.update(np.ascontiguousarray(rows).data)
    return f"{' x '.join(map(str, array.shape))} {array.dtype} {digest.hexdigest()[:16]}"


def _settings(problem: Problem) -> dict[str, Any]:
    """Return what all runs have in common, for tables and files."""
    tests = problem.test_examples
    return {
        "loss": repr(problem.loss),
        "dtype": problem.dtype.name,
        "epochs": problem.epochs,
        "report_every": problem.report_every,
        "n_examples": problem.examples.n_examples,
        "n_test_examples": 0 if tests is None else tests.n_examples,
        "score": "R^2" if scores.is_regression(problem.loss) else "accuracy",
    }


def _varied(described: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of what differs between configurations, beside the initializer."""
    names = dict.fromkeys(name for configuration in described for name in configuration if name != "initializer")
    return [name for name in names if len({configuration.get(name) for configuration in described}) > 1]
