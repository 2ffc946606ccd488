"""Sparse inputs: a bag of words beside scikit-learn, and the density from which on the dense way is faster."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.sparse
from measure import OURS, Contender, Options, Times, kilobytes
from peers import minibatch
from peers.minibatch import TOLERANCES, Trainer, scikit_learn
from report import Result, cell, markdown_table
from training_workloads import Training
from workloads import SEED

from fastmlp import MLP, _kernels
from fastmlp.engine.examples import MOST_DENSITY_OF_SPARSE

PEER = "scikit-learn"
SPARSE, DENSE = OURS, "dense"
BATCH = 200
DENSITIES = (0.001, 0.003, 0.01, 0.03, 0.05, 0.1, 0.3)
NETWORKS = ((1_000, 32, 1), (10_000, 32, 1), (10_000, 256, 1), (100_000, 32, 1))


# ---- the bag of words


@functools.cache
def bag_of_words(
    n_words: int, n_examples: int = 2_000, n_stored: int = 100
) -> tuple[scipy.sparse.csr_matrix, np.ndarray]:
    """Texts of 100 different words each, and one of 20 groups for each."""
    rng = np.random.default_rng(0)
    columns = np.concatenate([np.sort(rng.choice(n_words, n_stored, replace=False)) for _ in range(n_examples)])
    indptr = np.arange(0, len(columns) + 1, n_stored, dtype=np.int32)
    values = rng.random(len(columns))
    X = scipy.sparse.csr_matrix((values, columns.astype(np.int32), indptr), shape=(n_examples, n_words))
    return X, rng.integers(0, 20, n_examples)


class SparseTraining(Training):
    """A training on the bag of words: X is a CSR matrix."""

    @functools.cached_property
    def data(self):
        X, y = self.examples()
        return X.astype(self.dtype), y


def training_of(n_words: int, dtype: str, epochs: int) -> SparseTraining:
    name, dims = f"{n_words:,}-32-20 relu, 100 words each", (n_words, 32, 20)
    examples = functools.partial(bag_of_words, n_words)
    return SparseTraining(name, dtype, dims, "relu", "multinomial_log_loss", examples, epochs, BATCH)


TRAININGS = (
    training_of(100_000, "float64", 2),
    training_of(100_000, "float32", 2),
    training_of(1_000_000, "float32", 1),
)


def check(workload: Training, peer: Trainer) -> None:
    """Refuse trainings that lead apart with the examples in their own order, epsilon where the peer has it."""
    ours, theirs = minibatch.ours(workload, epsilon_hat=True)(1, False), peer(1, False)
    error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs - workload.start)
    if not error <= TOLERANCES[workload.dtype]:
        raise AssertionError(f"{workload.name} {workload.dtype}: parameters off by {error:.1e}")


def contenders_of(workload: Training) -> list[Contender]:
    trainers = {OURS: minibatch.ours(workload), PEER: scikit_learn(workload)}
    check(workload, trainers[PEER])
    return [
        Contender(workload, name, functools.partial(train, workload.epochs, True), workload.epochs)
        for name, train in trainers.items()
    ]


# ---- its memory: each trains in a process of its own


def train_alone(name: str, n_words: int, dtype: str) -> None:
    """Print what a whole training, its start included, adds to the memory of the data and the modules."""
    import sklearn.neural_network

    X, y = training_of(n_words, dtype, 1).data
    before = kilobytes("VmHWM")
    if name == PEER:
        model = sklearn.neural_network.MLPClassifier((32,), batch_size=BATCH, max_iter=1, alpha=0, random_state=0)
        model.fit(X, y)
    else:
        model = MLP((n_words, 32, 20), loss="multinomial_log_loss", dtype=dtype, seed=SEED)
        model.train(X, y, epochs=1, batch_size=BATCH, optimizer="adam", seed=0, n_threads=1)
    print(kilobytes("VmHWM") - before)


def megabytes_of(name: str, workload: Training) -> float:
    command = [sys.executable, "-W", "ignore", __file__, name, str(workload.layer_dims[0]), workload.dtype]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=True)
    return int(run.stdout) / 1024


def memory_row(workload: Training) -> list[str]:
    """Ours and the peer's, where the system tells it."""
    if not Path("/proc/self/status").exists():
        return ["", ""]
    return [f"{megabytes_of(name, workload):,.0f}" for name in (OURS, PEER)]


# ---- the crossover: gradients of one batch, both ways


def gradients_of(layer_dims: tuple[int, ...], dtype: str, density: float) -> list[Contender]:
    """The two ways of one engine, which must give the same bits."""
    rng = np.random.default_rng(0)
    X = scipy.sparse.random(BATCH, layer_dims[0], density=density, format="csr", dtype=dtype, rng=rng)
    X.sort_indices()
    targets = rng.integers(0, 2, (1, BATCH)).astype(dtype)
    data = _kernels.Data((X.data, X.indices, X.indptr, layer_dims[0]), targets)
    parameters = MLP(layer_dims, seed=SEED, dtype=dtype).parameters
    found, contenders = [], []
    for name in (SPARSE, DENSE):
        engine = _kernels.Engine(dtype == "float64", layer_dims, ("relu", "logistic"), BATCH, sparse=name == SPARSE)
        gradient = np.empty_like(parameters)
        found.append((engine.loss_and_gradient(gradient, parameters, data), gradient))
        run = functools.partial(engine.loss_and_gradient, gradient, parameters, data)
        contenders.append(Contender((layer_dims, dtype, density), name, run, 1))
    if found[0][0] != found[1][0] or not np.array_equal(found[0][1], found[1][1]):
        raise AssertionError(f"{layer_dims} {dtype} at {density}: the two ways give different bits")
    return contenders


def crossover_row(layer_dims: tuple[int, ...], dtype: str, rounds: int) -> list[str]:
    ratios = []
    for density in DENSITIES:
        times = Times(gradients_of(layer_dims, dtype, density), rounds)
        ratios.append(cell(times.ratio((layer_dims, dtype, density), SPARSE, base=DENSE)))
    return ["-".join(map(str, layer_dims)), dtype, *ratios]


def measure(options: Options) -> Result:
    times = Times([c for workload in TRAININGS for c in contenders_of(workload)], options.share(6))
    rows = [
        [w.name, w.dtype, cell(times.ratio(w, PEER)), f"{times.best(w) * 1e3:.1f}", *memory_row(w)] for w in TRAININGS
    ]
    caption = (
        f"**A bag of words**: 2,000 texts as a CSR matrix, Adam on shuffled minibatches of {BATCH}, {times.rounds} "
        "rounds; with the texts in their own order both reach the same parameters. Memory is what the draws of the "
        "start and the training add to the peak of a process of its own."
    )
    columns = ["workload", "dtype", f"{PEER} / ours", "ours, ms per epoch", "ours, MB", f"{PEER}, MB"]
    crossover = [crossover_row(dims, dtype, options.share(6)) for dims in NETWORKS for dtype in ("float64", "float32")]
    explanation = (
        f"**Entries alone, or dense**: time of a gradient of {BATCH} examples by their stored entries alone over that "
        "of the same with tiles made dense, by the share of entries stored; both give the same bits. Up to "
        f"{100 * MOST_DENSITY_OF_SPARSE:g} % a model takes the first way."
    )
    table = markdown_table(["network", "dtype", *(f"{100 * d:g} %" for d in DENSITIES)], crossover)
    bars = {f"{w.name}, {w.dtype}": times.ratios(w, [PEER]) for w in TRAININGS}
    return Result("\n\n".join([caption, markdown_table(columns, rows), explanation, table]), bars)


if __name__ == "__main__":
    train_alone(sys.argv[1], int(sys.argv[2]), sys.argv[3])
