"""Plain SGD in float32, batch 32, 5 epochs, on data of the shapes of mantissa-mlp's own comparisons.

The values are random: only the shapes are those of higgs, covertype, MNIST, wine quality and banknote.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from measure import OURS, Contender, Options, Times, in_a_process, peak_megabytes
from report import Result, cell, left_out, markdown_table

from fastmlp import MLP
from fastmlp.training import TrainingState

BATCH, EPOCHS, RATE = 32, 5, 0.01
RTOL = 1e-3  # of an epoch's loss in float32
SHAPES = {  # name: examples, layers
    "higgs, 20,000 rows": (20_000, (30, 300, 200, 100, 2)),
    "covertype, 20,000 rows": (20_000, (54, 64, 32, 7)),
    "MNIST, 10,000 rows": (10_000, (784, 64, 32, 10)),
    "wine quality": (4872, (11, 64, 32, 3)),
    "banknote": (1029, (4, 64, 32, 2)),
}


@dataclass(frozen=True)
class Case:
    """A classification with random data, and the network that every contender starts from."""

    name: str
    X: np.ndarray
    y: np.ndarray
    network: MLP
    start: np.ndarray

    @classmethod
    def of(cls, name: str) -> "Case":
        return cls.made(name, *SHAPES[name])

    @classmethod
    def made(cls, name: str, n: int, dims: tuple[int, ...]) -> "Case":
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n, dims[0])).astype(np.float32)
        y = np.argmax(X @ rng.standard_normal((dims[0], dims[-1])), axis=1)
        network = MLP(dims, loss="multinomial_log_loss", dtype="float32", seed=0)
        return cls(name, X, y, network, network.parameters.copy())

    @property
    def layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """W (fan_out, fan_in) and b (fan_out,) of each layer at the start."""
        return list(zip(*self.network.plan.split(self.start), strict=True))


def ours(case: Case, shuffles: bool = True) -> Callable[[], np.ndarray]:
    model = case.network

    def run():
        model.parameters, model.training_state = case.start, TrainingState()
        rng = np.random.default_rng(1)

        def order(epoch, out):
            out[:] = rng.permutation(len(out))

        options = {"epochs": EPOCHS, "batch_size": BATCH, "learning_rate": RATE, "report_every": 1, "n_threads": 1}
        return model.train(case.X, case.y, shuffle=order if shuffles else False, seed=0, **options).losses

    return run


def mantissa(case: Case) -> Callable[[], np.ndarray]:
    """mantissa-mlp; its engine may use threads of its own, which the CPU time counts."""
    import mantissa_mlp

    dims = case.network.plan.layer_dims
    model = mantissa_mlp.MLP(hidden=dims[1:-1], classes=dims[-1]).build(dims[0])
    y = case.y.astype(np.int32)

    def run():
        for layer, (W, b) in zip(model.layers, case.layers, strict=True):
            layer.W[:], layer.b[:] = W, b
        model._rng = np.random.default_rng(1)
        return np.array(model.fit(case.X, y, epochs=EPOCHS, batch_size=BATCH, lr=RATE).history_["loss"])

    return run


def skorch(case: Case, shuffles: bool = True) -> Callable[[], np.ndarray]:
    """skorch's NeuralNetClassifier over PyTorch's layers, without validation and printing."""
    import torch
    from skorch import NeuralNetClassifier

    torch.set_num_threads(1)
    dims = case.network.plan.layer_dims
    layers = []
    for fan_in, fan_out in itertools.pairwise(dims):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers[:-1])
    pieces = [array for layer in case.layers for array in layer]
    y = case.y.astype(np.int64)

    def run():
        with torch.no_grad():
            for parameter, piece in zip(module.parameters(), pieces, strict=True):
                parameter.copy_(torch.from_numpy(piece))
        net = NeuralNetClassifier(
            module, criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.SGD, lr=RATE, max_epochs=EPOCHS,
            batch_size=BATCH, iterator_train__shuffle=shuffles, train_split=None, verbose=0,
        )  # fmt: skip
        return np.array(net.fit(case.X, y).history[:, "train_loss"])

    return run


MAKERS = {OURS: ours, "mantissa-mlp": mantissa, "skorch": skorch}


def contenders_of(case: Case, absent: dict[str, str]) -> list[Contender]:
    """All that are installed, each of which must have our losses, in the same order of the examples."""
    found, shuffled, in_order = [Contender(case.name, OURS, ours(case), EPOCHS)], ours(case)(), ours(case, False)()
    for name, peer, expected in (("mantissa-mlp", mantissa, shuffled), ("skorch", skorch, in_order)):
        try:
            run = peer(case)
        except (ImportError, OSError) as error:
            absent[name] = f"not installed: {error}"
            continue
        losses = run() if peer is mantissa else skorch(case, shuffles=False)()
        np.testing.assert_allclose(losses, expected, rtol=RTOL, err_msg=f"{name} on {case.name}")
        found.append(Contender(case.name, name, run, EPOCHS))
    return found


def megabytes(name: str, contender: str) -> float:
    """What a contender's network and training add to the memory of the process at its peak."""
    make, case = MAKERS[contender], Case.of(name)
    make(Case.made("tiny", BATCH, (2, 2, 2)))()  # loads what is loaded on first use
    return peak_megabytes(lambda: make(case)())


def measure(options: Options) -> Result:
    """CPU time of the peers over ours, and the memory of each."""
    absent: dict[str, str] = {}
    contenders = [contender for name in SHAPES for contender in contenders_of(Case.of(name), absent)]
    times, peers = Times(contenders, options.share(20)), ("mantissa-mlp", "skorch")
    rows = [
        [f"{name}: {'-'.join(map(str, SHAPES[name][1]))}", f"{times.best(name) * 1e3:.3g}",
         *(cell(times.ratio(name, peer)) for peer in peers),
         *(cell(in_a_process(f"tabular_table.megabytes({name!r}, {one!r})")) if times.took_part(name, one) else ""
           for one in (OURS, *peers))]
        for name in SHAPES
    ]  # fmt: skip
    caption = (
        f"**Tabular shapes**: plain SGD in float32, batch {BATCH}, {EPOCHS} epochs, random values of these shapes, the "
        f"median of {times.rounds} interleaved rounds. Each peer had our losses (to {RTOL:g}) from the same start and, "
        "in the check, the same order. The memory is what one training, in a process of its own, adds at its peak to "
        f"that of the data, the modules and the parameters at the start.{left_out(absent)}"
    )
    memories = [f"{one}, MB" for one in (OURS, *peers)]
    text = markdown_table(["data and network", "ms per epoch, ours", *peers, *memories], rows, n_texts=1)
    return Result(f"{caption}\n\n{text}", {name: times.ratios(name, peers) for name in SHAPES})
