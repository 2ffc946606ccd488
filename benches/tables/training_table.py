"""Training with Adam: minibatches of three networks, and the matrix exponential that SimpleChains.jl published."""

import functools

import numpy as np
from measure import OURS, Contender, Options, Times, gemm
from peers.minibatch import LOSS_TOLERANCES, PEERS, TOLERANCES, Trainer, load, loss_of
from report import Result, cell, left_out, markdown_table
from training_workloads import MATRIX_EXPONENTIAL, TRAININGS, Training, matrix_exponentials

EXPONENTIAL_PEERS = ("PyTorch", "torch.compile", "JAX jit")
EPOCHS, FULL_EPOCHS = 1000, 10_000
TEST_LOSS_TOLERANCE = 0.05  # float32 trainings go apart by rounding; ours over the median of the peers


def contenders_of(workload: Training, trainers: dict[str, Trainer]) -> list[Contender]:
    return [
        Contender(workload, name, functools.partial(train, workload.epochs, True), workload.epochs, workload.every)
        for name, train in trainers.items()
    ]


def row_of(times: Times, workload: Training, peer_names: list[str]) -> list[str]:
    ratios = [times.ratio(workload, name) for name in peer_names]
    own = [f"{times.best(workload) * 1e6:.1f}", cell(times.times_limit(workload))]
    return [workload.name, workload.dtype, *map(cell, ratios), *own]


def table(times: Times, workloads: tuple[Training, ...], peer_names: list[str]) -> str:
    columns = ["workload", "dtype", *(f"{name} / ours" for name in peer_names), "ours, us per epoch", "x gemm limit"]
    return markdown_table(columns, [row_of(times, workload, peer_names) for workload in workloads])


def tolerances() -> str:
    """What equality means here."""
    parameters, losses = (
        ", ".join(f"{tolerance:g} in {dtype}" for dtype, tolerance in tolerances.items())
        for tolerances in (TOLERANCES, LOSS_TOLERANCES)
    )
    return (
        f"with the examples in their own order all reach the float64 reference's parameters ({parameters}, of the way "
        f"they went) and loss ({losses})"
    )


def measure(options: Options) -> Result:
    """Minibatches of shuffled examples."""
    contenders, absent = [gemm("float64"), gemm("float32")], {}
    for workload in TRAININGS:
        trainers, absent = load(workload)
        contenders += contenders_of(workload, trainers)
    times = Times(contenders, options.share(3))
    peer_names = [name for name in PEERS if name not in absent]
    samples = sorted({-(-times.rounds // workload.every) for workload in TRAININGS})
    caption = (
        f"**Minibatches of shuffled examples with Adam**, {samples[-1]} rounds, at least {samples[0]} of the longer "
        f"trainings; {tolerances()}. scikit-learn, which cannot do without, and PyTorch, which gains nothing without, "
        f"compute every loss; ours that of one epoch in a run. {times.limits()}" + left_out(absent)
    )
    bars = {f"{w.name}, {w.dtype}": times.ratios(w, peer_names) for w in TRAININGS}
    return Result(f"{caption}\n\n{table(times, TRAININGS, peer_names)}", bars)


def losses_on_others(workload: Training, trainers: dict[str, Trainer], epochs: int) -> dict[str, float]:
    """The loss on other examples after a long training, ours refused where it is the worse."""
    X, y = matrix_exponentials(seed=1)
    losses = {name: loss_of(workload, train(epochs, False), X, y.T) for name, train in trainers.items()}
    peers = [loss for name, loss in losses.items() if name != OURS]
    if peers and losses[OURS] > (1 + TEST_LOSS_TOLERANCE) * np.median(peers):
        raise AssertionError(f"our test loss after {epochs} epochs is above the peers': {losses}")
    return losses


def measure_exponential(options: Options) -> Result:
    """SimpleChains.jl's published benchmark: time per epoch, and test loss after many."""
    workload = MATRIX_EXPONENTIAL
    trainers, absent = load(workload, EXPONENTIAL_PEERS)
    times = Times([gemm("float32"), *contenders_of(workload, trainers)], options.share(3))
    epochs = FULL_EPOCHS if options.full else EPOCHS
    losses = losses_on_others(workload, trainers, epochs)
    peer_names = [name for name in EXPONENTIAL_PEERS if name not in absent]
    caption = (
        f"**The matrix exponential of SimpleChains.jl's published benchmark**: 10,000 matrices 2 x 2, full-batch Adam, "
        f"{times.rounds} rounds; {times.limits()}" + left_out(absent)
    )
    shown = ", ".join(f"{name} {loss:.4g}" for name, loss in losses.items())
    after = f"Loss on 10,000 other matrices after {epochs:,} epochs from the same start: {shown}."
    bars = {f"{workload.name}, {workload.dtype}": times.ratios(workload, peer_names)}
    return Result(f"{caption}\n\n{table(times, (workload,), peer_names)}\n\n{after}", bars)
