"""Many runs of the exercise's network: time of a run in a sweep beside NumPy and JAX, and two workers over one."""

import functools
import tempfile
import time
from collections.abc import Callable

import numpy as np
from measure import OURS, Contender, Options, Times
from peers import full_batch
from peers.full_batch_frameworks import jax_vmap
from report import Result, cell, left_out, markdown_table
from workloads import ACTIVATIONS, LAYER_DIMS, LEARNING_RATE, SEED_F64

from fastmlp import MLP, reference
from fastmlp.lab import compare_initializers

EPOCHS = 15_000
SEEDS = range(20)
MORE_SEEDS = range(1000)  # of the workers' comparison
KEPT_SEEDS = range(1000)  # of a folder that is read again
CHECKED_EPOCHS = 100
RTOL = 1e-9
VMAP = "JAX vmap"
PEERS = ("NumPy", "JAX jit", VMAP)
NAME = f"a run of a sweep: 2-10-5-1, 300 examples, {EPOCHS:,} iterations, float64"
WORKERS = "sweep on two workers"
Sweep = Callable[[int], np.ndarray]  # takes the epochs, returns the last loss of every seed


def ours(epochs: int, seeds: range = SEEDS, n_jobs: int = 1) -> np.ndarray:
    """The losses after so many updates, and with them all that a sweep measures."""
    X, Y = SEED_F64.data
    found = compare_initializers(
        X.T, Y[0], LAYER_DIMS, initializers=["he"], seeds=seeds, learning_rate=LEARNING_RATE, epochs=epochs + 1,
        report_every=epochs, n_jobs=n_jobs, progress=False,
    )  # fmt: skip
    return found.runs["final_loss"]


def losses_of(parameters: np.ndarray) -> np.ndarray:
    """The reference's loss of each vector of parameters."""
    X, Y = SEED_F64.data
    return np.array([reference.loss_and_gradient(vector, X, Y, LAYER_DIMS, ACTIVATIONS)[0] for vector in parameters])


def sweep_of(train: full_batch.Trainer) -> Sweep:
    """One training after another."""

    def sweep(epochs: int) -> np.ndarray:
        starts = [MLP(LAYER_DIMS, seed=seed).parameters for seed in SEEDS]
        return losses_of([train(start, *SEED_F64.data, LEARNING_RATE, epochs) for start in starts])

    return sweep


def mapped_sweep() -> Sweep:
    """All trainings in one call of JAX."""
    train = jax_vmap()

    def sweep(epochs: int) -> np.ndarray:
        starts = np.stack([MLP(LAYER_DIMS, seed=seed).parameters for seed in SEEDS])
        return losses_of(train(starts, *SEED_F64.data, LEARNING_RATE, epochs))

    return sweep


def sweeps() -> tuple[dict[str, Sweep], dict[str, str]]:
    """Ours and the peers, each checked, and the peers left out with the reason."""
    found = {OURS: ours, "NumPy": sweep_of(full_batch.numpy_reference())}
    absent = {}
    for name, make in (("JAX jit", lambda: sweep_of(full_batch.jax_jit())), (VMAP, mapped_sweep)):
        try:
            found[name] = make()
        except ImportError:
            absent[name] = "not installed"
    expected = found["NumPy"](CHECKED_EPOCHS)
    for name, sweep in found.items():
        np.testing.assert_allclose(sweep(CHECKED_EPOCHS), expected, rtol=RTOL, err_msg=name)
    return found, absent


def workers(rounds: int) -> tuple[Times, int]:
    """Wall times on one and on two workers, whose losses are the same bits."""
    one, two = (functools.partial(ours, EPOCHS, MORE_SEEDS, n) for n in (1, 2))
    np.testing.assert_array_equal(one(), two())
    contenders = [
        Contender(WORKERS, OURS, two, len(MORE_SEEDS)),
        Contender(WORKERS, "one worker", one, len(MORE_SEEDS)),
    ]
    return Times(contenders, rounds, time.perf_counter), len(MORE_SEEDS)


def read_again() -> float:
    """Seconds of a call whose runs are all in its folder."""
    X, Y = SEED_F64.data
    with tempfile.TemporaryDirectory() as folder:

        def sweep() -> float:
            began = time.perf_counter()
            compare_initializers(
                X.T, Y[0], LAYER_DIMS, initializers=["he"], seeds=KEPT_SEEDS, epochs=100, folder=folder, progress=False
            )
            return time.perf_counter() - began

        sweep()
        return min(sweep() for _ in range(5))


def measure(options: Options) -> Result:
    """CPU time of a run on one thread; of the workers, by the clock on the wall."""
    found, absent = sweeps()
    every = {"NumPy": 3, "JAX jit": 2}
    contenders = [
        Contender(NAME, name, functools.partial(sweep, EPOCHS), len(SEEDS), every.get(name, 1))
        for name, sweep in found.items()
    ]
    times = Times(contenders, options.share(10))
    walls, n = workers(max(3, options.rounds // 20))
    ratios = times.ratios(NAME, PEERS)
    gain = walls.ratio(WORKERS, "one worker")
    rows = [[name, f"{times.best(NAME, name) * 1e3:.1f}", cell(ratio)] for name, ratio in ratios.items()]
    caption = (
        f"**Sweeps**: a run of `compare_initializers` (2-10-5-1, 300 examples, {EPOCHS:,} iterations, float64; drawn, "
        f"trained, scored and classified), {times.best(NAME) * 1e3:.1f} ms on one thread, beside the same "
        f"{len(SEEDS)} trainings by NumPy (the reference), JAX one by one and JAX's `vmap` over all seeds; CPU time, "
        f"{times.rounds} rounds, fewer of the longer ones. Losses after {CHECKED_EPOCHS} updates agree to {RTOL:g}. "
        f"{n} seeds on two workers, by the clock on the wall: {cell(gain)} times as fast as on one, with the same bits."
        f" A folder of {len(KEPT_SEEDS):,} finished runs is read again in {read_again() * 1e3:.0f} ms."
        + left_out(absent)
    )
    return Result(
        f"{caption}\n\n{markdown_table(['peer', 'ms per run', 'peer / ours'], rows, n_texts=1)}", {NAME: ratios}
    )
