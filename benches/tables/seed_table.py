"""Full-batch gradient descent of the exercise's network: every peer's time over ours."""

import functools

import numpy as np
from layouts import as_dict, from_dict
from measure import OURS, Contender, Options, Times, gemm
from peers import full_batch, notebook_numpy
from report import Result, cell, left_out, markdown_table
from workloads import (
    ACTIVATIONS,
    LARGE_F64,
    LAYER_DIMS,
    LEARNING_RATE,
    NOTEBOOK,
    PUBLISHED,
    SEED_F32,
    SEED_F64,
    TRAININGS,
    Workload,
    notebook_loop,
)

from fastmlp import notebook, reference

CHECKED_EPOCHS = 100
TOLERANCES = {"float64": 1e-9, "float32": 1e-3}  # of the trained parameters, relative to the largest


@functools.lru_cache(maxsize=8)
def expected_parameters(workload: Workload, epochs: int) -> np.ndarray:
    """What the reference in float64 makes of the workload."""
    X, Y = (array.astype(np.float64) for array in workload.data)
    parameters = workload.start.astype(np.float64)
    reference.train(parameters, X, Y, LAYER_DIMS, ACTIVATIONS, LEARNING_RATE, epochs)
    return parameters


def check(train: full_batch.Trainer, workload: Workload, name: str, epochs: int = CHECKED_EPOCHS) -> None:
    """Refuse a contender whose parameters after some epochs are not those of the reference in float64."""
    expected = expected_parameters(workload, epochs)
    trained = train(workload.start, *workload.data, LEARNING_RATE, epochs)
    error = np.abs(trained - expected).max() / np.abs(expected).max()
    if trained.dtype != workload.dtype or not error <= TOLERANCES[workload.dtype]:
        raise AssertionError(f"{name}, {workload.name} {workload.dtype}: parameters off by {error:.1e}, relative")


def loop_trainer(functions) -> full_batch.Trainer:
    """The reader's loop over the notebook's functions as a trainer."""

    def train(parameters, X, Y, learning_rate, epochs):
        return from_dict(notebook_loop(functions, as_dict(parameters), X, Y, learning_rate, epochs))

    return train


def contenders_of(
    workload: Workload, trainers: dict[str, full_batch.Trainer], checked_epochs: int = CHECKED_EPOCHS
) -> list[Contender]:
    """Ours and every peer, checked."""
    contenders = []
    for name, train in trainers.items():
        check(train, workload, name, checked_epochs)
        run = functools.partial(train, workload.start, *workload.data, LEARNING_RATE, workload.epochs)
        contenders.append(Contender(workload, name, run, workload.epochs))
    return contenders


def all_contenders() -> tuple[list[Contender], dict[str, str]]:
    """Everything a round runs, and the peers left out with the reason."""
    trainers, absent = full_batch.load()
    contenders = [gemm("float64"), gemm("float32")]
    for workload in TRAININGS:
        present = dict(trainers)
        if workload.dtype == "float32":
            present.pop("NumPy notebook", None)  # the published masks of int64 turn its gradients into float64
        contenders += contenders_of(workload, {OURS: full_batch.ours, **present})
    loops = {OURS: loop_trainer(notebook), "NumPy notebook": loop_trainer(notebook_numpy)}
    published = {OURS: full_batch.ours, "NumPy notebook": loops["NumPy notebook"]}
    return contenders + contenders_of(PUBLISHED, published) + contenders_of(NOTEBOOK, loops), absent


def table(times: Times, peer_names: list[str]) -> str:
    """The ratios in Markdown."""
    columns = ["workload", "dtype", *(f"{name} / ours" for name in peer_names), "ours, us per epoch", "x gemm limit"]
    rows = []
    for workload in (*TRAININGS, PUBLISHED, NOTEBOOK):
        ratios = [times.ratio(workload, name) for name in peer_names]
        own = [f"{times.best(workload) * 1e6:.2f}", cell(times.times_limit(workload))]
        rows.append([workload.name, workload.dtype, *map(cell, ratios), *own])
    return markdown_table(columns, rows)


def figures(times: Times) -> str:
    """What no row shows: float64 over float32, and how time grows with the examples."""
    growth = LARGE_F64.n_examples / SEED_F64.n_examples
    return (
        "(1) The published code computes the loss in every iteration and prints every thousandth; ours computes those "
        "it prints. In the rows above only scikit-learn, which cannot do without, computes a loss in every epoch.\n\n"
        f"Ours, float64 over float32: {times.ratio_of_ours(SEED_F64, SEED_F32):.2f}. Ours, 30,000 examples over "
        f"{growth:.0f} times 300: {times.ratio_of_ours(LARGE_F64, SEED_F64) / growth:.2f}."
    )


def measure(options: Options) -> Result:
    """The table and its bars."""
    contenders, absent = all_contenders()
    times = Times(contenders, options.rounds)
    peer_names = [name for name in full_batch.PEERS if name not in absent]
    caption = (
        f"**Full-batch gradient descent** of the exercise's network, {times.rounds} rounds; {times.limits()}"
        + left_out(absent)
    )
    bars = {f"{w.name}, {w.dtype}": times.ratios(w, peer_names) for w in TRAININGS}
    bars["exercise as published, float64"] = times.ratios(PUBLISHED, peer_names)
    bars["notebook's functions, float64"] = times.ratios(NOTEBOOK, peer_names)
    return Result("\n\n".join([caption, table(times, peer_names), figures(times)]), bars)
