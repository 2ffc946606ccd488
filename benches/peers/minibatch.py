"""Trainers with Adam, one per peer.

A peer is a function of a workload that returns its trainer; data are brought into the peer's own form there,
once and untimed.  A trainer is called as ``train(epochs, shuffle)``, starts anew each time and returns the
trained flat vector.  With ``shuffle`` each draws orders of its own, in the timed call.  No trainer computes a
loss value where its library lets it do without, but ours computes that of the first epoch.
"""

import warnings
from collections.abc import Callable

import numpy as np
from measure import OURS
from peers.full_batch_frameworks import UnavailableError
from peers.minibatch_frameworks import jax_jit, pytorch, torch_compile
from training_workloads import LEARNING_RATE, Training, expected

from fastmlp import Adam, reference
from fastmlp.engine.plan import join_parameters, split_parameters
from fastmlp.training import TrainingState

Trainer = Callable[[int, bool], np.ndarray]
TOLERANCES = {"float64": 1e-9, "float32": 0.05}  # norms: of what the parameters are off, over the way they went
LOSS_TOLERANCES = {"float64": 1e-9, "float32": 1e-3}  # of the loss they lead to


# ---- ours, through the public class


def ours(workload: Training, n_threads: int | None = 1, epsilon_hat: bool = False) -> Trainer:
    model, (X, y) = workload.model(), workload.data

    def train(epochs, shuffle):
        model.parameters[:] = workload.start
        model.training_state = TrainingState()
        model.train(
            X,
            y,
            epochs=epochs,
            batch_size=workload.batch_size,
            optimizer=Adam(epsilon_hat=epsilon_hat),
            learning_rate=LEARNING_RATE,
            shuffle=shuffle,
            seed=0,
            n_threads=n_threads,
            report_every=epochs,
        )
        return model.parameters.copy()

    return train


# ---- NumPy: the passes of fastmlp.reference, and Adam on the flat vector in place, faster than the reference's


class InPlaceAdam:
    """Algorithm 1 of the paper with the bias corrections drawn together."""

    def __init__(self, parameters: np.ndarray) -> None:
        self.parameters = parameters
        self.mean, self.square = np.zeros_like(parameters), np.zeros_like(parameters)
        self.scratch = np.empty_like(parameters)
        self.updates = 0

    def update(self, gradient: np.ndarray) -> None:
        self.updates += 1
        root = (1 - 0.999**self.updates) ** 0.5
        self.mean *= 0.9
        self.mean += np.multiply(gradient, 0.1, out=self.scratch)
        self.square *= 0.999
        np.multiply(gradient, gradient, out=self.scratch)
        self.square += np.multiply(self.scratch, 0.001, out=self.scratch)
        np.sqrt(self.square, out=self.scratch)
        self.scratch += 1e-8 * root
        np.divide(self.mean, self.scratch, out=self.scratch)
        self.scratch *= LEARNING_RATE * root / (1 - 0.9**self.updates)
        self.parameters -= self.scratch


def numpy_passes(workload: Training) -> Trainer:
    X, targets = workload.data[0], workload.targets()
    dims, activations = workload.layer_dims, workload.activations
    size = workload.batch_size

    def train(epochs, shuffle):
        rng = np.random.default_rng(0)
        parameters = workload.start.copy()
        adam = InPlaceAdam(parameters)
        for _ in range(epochs):
            order = rng.permutation(len(X)) if shuffle else np.arange(len(X))
            for batch in [order[i : i + size] for i in range(0, len(X), size)] if size else [slice(None)]:
                batch_of = X[batch].T, targets[:, batch]
                _, gradient = reference.logits_and_gradient(
                    parameters, *batch_of, dims, activations, loss=workload.loss
                )
                adam.update(gradient)
        return parameters

    return train


# ---- scikit-learn: its own fit from given weights, without its stopping rules; it computes every batch's loss


def scikit_learn(workload: Training) -> Trainer:
    from sklearn import config_context
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if workload.is_classification else MLPRegressor
    X, y = workload.data[0], np.squeeze(workload.data[1])
    model = kind(
        hidden_layer_sizes=workload.layer_dims[1:-1],
        activation=workload.activation,
        solver="adam",
        alpha=0,
        batch_size=workload.batch_size or len(X),
        learning_rate_init=LEARNING_RATE,
        max_iter=1,
        tol=0,
        n_iter_no_change=np.inf,
        warm_start=True,
        random_state=0,
    )

    def train(epochs, shuffle):
        weights, biases = split_parameters(workload.start, workload.layer_dims)
        model.coefs_, model.intercepts_ = [w.T.copy() for w in weights], [b.copy() for b in biases]
        model.set_params(max_iter=epochs, shuffle=shuffle)
        with warnings.catch_warnings(), config_context(skip_parameter_validation=True):
            warnings.simplefilter("ignore")  # so few epochs cannot converge
            model.fit(X, y)
        return join_parameters([w.T for w in model.coefs_], model.intercepts_)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    checked = model._validate_input(X, y, incremental=False, reset=False)
    model._validate_input = lambda *_, **__: checked  # its checks take as long as an epoch, and are not training
    return train


PEERS = {
    "NumPy": numpy_passes,
    "scikit-learn": scikit_learn,
    "PyTorch": pytorch,
    "torch.compile": torch_compile,
    "JAX jit": jax_jit,
}
EPSILON_HAT = ("scikit-learn",)  # those with epsilon before the bias correction


def loss_of(workload: Training, parameters: np.ndarray, X: np.ndarray, targets: np.ndarray) -> float:
    """The mean loss in float64, of the reference."""
    logits = reference.predict(
        parameters.astype(np.float64), X.astype(np.float64).T, workload.layer_dims, workload.activations, False
    )
    return reference.mean_loss(logits, targets.astype(np.float64), workload.loss)


def check(train: Trainer, workload: Training, name: str) -> None:
    """Refuse a contender whose parameters, or their loss, are not those of the reference in float64."""
    wanted = expected(workload, name in EPSILON_HAT)
    trained = train(workload.epochs, False)
    error = np.linalg.norm(trained - wanted) / np.linalg.norm(wanted - workload.start)
    losses = [loss_of(workload, p, workload.data[0], workload.targets()) for p in (trained, wanted)]
    loss_error = abs(losses[0] / losses[1] - 1)
    is_equal = error <= TOLERANCES[workload.dtype] and loss_error <= LOSS_TOLERANCES[workload.dtype]
    if trained.dtype != workload.dtype or not is_equal:
        raise AssertionError(
            f"{name}, {workload.name} {workload.dtype}: parameters off by {error:.1e}, loss by {loss_error:.1e}"
        )


def load(workload: Training, names=tuple(PEERS)) -> tuple[dict[str, Trainer], dict[str, str]]:
    """Ours and the peers' trainers by name, each checked, and why the absent ones are absent."""
    trainers, absent = {OURS: ours(workload)}, {}
    check(ours(workload, epsilon_hat=True), workload, EPSILON_HAT[0])
    for name in names:
        try:
            trainers[name] = PEERS[name](workload)
        except ImportError:
            absent[name] = "not installed"
        except UnavailableError as error:
            absent[name] = str(error)
    for name, train in trainers.items():
        check(train, workload, name)
    return trainers, absent
