"""The same numbers as PyTorch: training by batches under each optimizer, activations, losses, penalties, clipping."""

import numpy as np
import pytest

from fastmlp import (
    MLP,
    SGD,
    AbsoluteError,
    Adam,
    AdamW,
    Constant,
    Cosine,
    Huber,
    InverseScaling,
    LogLoss,
    MultilabelLogLoss,
    MultinomialLogLoss,
    Poisson,
    RMSprop,
    SquaredError,
    StepDecay,
)
from fastmlp.schedules import Steps
from fastmlp.training import order_of

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # networks as small as these gain nothing from more

RNG = np.random.default_rng(11)
DIMS, N, BATCH, EPOCHS = (5, 12, 9, 4), 190, 20, 20
BATCHES = 10  # an epoch, the last of 10 examples
X = RNG.standard_normal((N, DIMS[0]))
LOGITS = X @ RNG.standard_normal((5, 4)) + RNG.standard_normal((N, 4))
CLASSES = LOGITS.argmax(axis=1)

ACTIVATIONS = {
    "identity": torch.nn.Identity(),
    "relu": torch.nn.ReLU(),
    "tanh": torch.nn.Tanh(),
    "logistic": torch.nn.Sigmoid(),
    "leaky_relu": torch.nn.LeakyReLU(0.01),
    "elu": torch.nn.ELU(),
    "selu": torch.nn.SELU(),
    "gelu": torch.nn.GELU(),
    "gelu_tanh": torch.nn.GELU(approximate="tanh"),
    "silu": torch.nn.SiLU(),
    "softplus": torch.nn.Softplus(threshold=1e3),
}


def torch_network(model):
    """The same network in PyTorch, with copies of the parameters."""
    layers = []
    for w, b, activation in zip(model.weights, model.biases, model.plan.activations, strict=True):
        linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(w), torch.tensor(b)
        layers += [linear, ACTIVATIONS.get(activation, torch.nn.Identity())]
    return torch.nn.Sequential(*layers[:-1])


def parameters_of(network):
    return np.concatenate([p.detach().numpy().ravel() for p in network.parameters()])


def groups(network, weight_decay):
    """Weights, which decay, and biases, which do not."""
    weights = [p for p in network.parameters() if p.ndim == 2]
    biases = [p for p in network.parameters() if p.ndim == 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": biases, "weight_decay": 0.0}]


def all_steps():
    """Where the 200 updates stand, for a schedule."""
    return Steps(EPOCHS * BATCHES, BATCHES, N)


def torch_train(network, make_optimizer, loss, targets, *, rates, clip_norm=None, clip_value=None):
    optimizer = make_optimizer(network)
    inputs, targets, update = torch.tensor(X), torch.tensor(targets), 0
    for epoch in range(EPOCHS):
        order = order_of(3, epoch, N)
        for start in range(0, N, BATCH):
            batch = torch.tensor(order[start : start + BATCH])
            for group in optimizer.param_groups:
                group["lr"] = float(rates[update])
            optimizer.zero_grad()
            loss(network(inputs[batch]), targets[batch]).backward()
            if clip_value:
                torch.nn.utils.clip_grad_value_(network.parameters(), clip_value)
            if clip_norm:  # not by clip_grad_norm_, which adds 1e-6 to the norm
                norm = torch.nn.utils.get_total_norm([p.grad for p in network.parameters()])
                for p in network.parameters():
                    p.grad.mul_(min(1.0, clip_norm / float(norm)))
            optimizer.step()
            update += 1
    assert update == 200


def compare(optimizer, make_optimizer, rate, **options):
    """Both trained by the same 200 batches."""
    model = MLP(DIMS, activation="tanh", loss="multinomial_log_loss", seed=1)
    network = torch_network(model)
    before = model.parameters.copy()
    model.train(X, CLASSES, epochs=EPOCHS, batch_size=BATCH, optimizer=optimizer, learning_rate=rate, seed=3, **options)
    schedule = rate if not isinstance(rate, float) else Constant(rate)
    rates = schedule.rates(all_steps())
    clips = {name: value for name, value in options.items() if name.startswith("clip")}
    torch_train(network, make_optimizer, torch.nn.CrossEntropyLoss(), CLASSES, rates=rates, **clips)
    assert abs(model.parameters - before).max() > 0.1
    np.testing.assert_allclose(model.parameters, parameters_of(network), rtol=1e-8, atol=1e-8)
    theirs = torch.softmax(network(torch.tensor(X)), dim=1).detach().numpy()
    np.testing.assert_allclose(model.predict_proba(X), theirs, rtol=1e-7, atol=1e-12)


OPTIMIZERS = {
    "gradient descent": (SGD(), 0.1, lambda net: torch.optim.SGD(net.parameters(), lr=1.0)),
    "momentum": (SGD(momentum=0.9), 0.02, lambda net: torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.9)),
    "Nesterov": (
        SGD(momentum=0.9, nesterov=True),
        0.02,
        lambda net: torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.9, nesterov=True),
    ),
    "Adam": (Adam(), 0.01, lambda net: torch.optim.Adam(net.parameters())),
    "Adam with other decays": (
        Adam(beta_1=0.8, beta_2=0.95, epsilon=1e-4),
        0.01,
        lambda net: torch.optim.Adam(net.parameters(), betas=(0.8, 0.95), eps=1e-4),
    ),
    "AdamW": (AdamW(weight_decay=0.1), 0.01, lambda net: torch.optim.AdamW(groups(net, 0.1))),
    "RMSprop": (RMSprop(), 0.003, lambda net: torch.optim.RMSprop(net.parameters())),
    "RMSprop with another decay": (
        RMSprop(rho=0.8, epsilon=1e-3),
        0.003,
        lambda net: torch.optim.RMSprop(net.parameters(), alpha=0.8, eps=1e-3),
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_hundred_batches_lead_where_they_lead_in_pytorch(name, isa):
    optimizer, rate, make = OPTIMIZERS[name]
    compare(optimizer, make, rate)


@pytest.mark.parametrize("name", ["momentum", "Adam"])
@pytest.mark.parametrize("options", [{"clip_norm": 0.3}, {"clip_value": 0.02}], ids=str)
def test_clipped_gradients_are_pytorch_s(name, options):
    optimizer, rate, make = OPTIMIZERS[name]
    compare(optimizer, make, rate, **options)


@pytest.mark.parametrize(
    ("optimizer", "rate", "make"),
    [
        (SGD(), 0.1, lambda net: torch.optim.SGD(groups(net, 0.05), lr=1.0)),
        (Adam(), 0.01, lambda net: torch.optim.Adam(groups(net, 0.05))),
    ],
    ids=["SGD", "Adam"],
)
def test_l2_is_the_weight_decay_that_pytorch_adds_to_the_gradient(optimizer, rate, make):
    compare(optimizer, make, rate, l2=0.05)


@pytest.mark.parametrize("schedule", [InverseScaling(0.1), Cosine(0.1, epochs=15), StepDecay(0.1, every=6)], ids=str)
def test_with_a_schedule_the_momentum_holds_the_rates_of_each_update(schedule):
    """v <- momentum v - rate g, as in the literature; PyTorch's v <- momentum v + g agrees at a constant rate."""
    model = MLP(DIMS, activation="tanh", loss="multinomial_log_loss", seed=1)
    network = torch_network(model)
    options = {"batch_size": BATCH, "seed": 3, "learning_rate": schedule}
    model.train(X, CLASSES, epochs=EPOCHS, optimizer=SGD(momentum=0.9), **options)
    rates = schedule.rates(all_steps())
    velocity = [torch.zeros_like(p) for p in network.parameters()]
    inputs, targets, loss, update = torch.tensor(X), torch.tensor(CLASSES), torch.nn.CrossEntropyLoss(), 0
    for epoch in range(EPOCHS):
        order = order_of(3, epoch, N)
        for start in range(0, N, BATCH):
            batch = torch.tensor(order[start : start + BATCH])
            network.zero_grad()
            loss(network(inputs[batch]), targets[batch]).backward()
            for v, p in zip(velocity, network.parameters(), strict=True):
                v.mul_(0.9).sub_(p.grad, alpha=float(rates[update]))
                p.data.add_(v)
            update += 1
    np.testing.assert_allclose(model.parameters, parameters_of(network), rtol=1e-8, atol=1e-8)


# ---- one pass


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_and_its_derivative_are_pytorch_s(name, isa):
    """A hidden layer whose unit i sees z[i], then each unit alone at the output."""
    z = np.concatenate([np.linspace(-30, 30, 241), RNG.standard_normal(200) * 3, [1e-9, -1e-9, 0.0]])
    model = MLP([1, len(z), 1], activation=name, loss="squared_error", initialization="zeros")
    model.weights[0][:, 0], model.weights[1][0] = z, 1.0
    at = torch.tensor(z, requires_grad=True)
    theirs = ACTIVATIONS[name](at)
    theirs.sum().backward()
    target = float(theirs.sum().detach()) - 1  # so that dz of the output is 1
    _, gradient = model.loss_and_gradient([[1.0]], [target])
    d_weights, d_biases = model.plan.split(gradient)
    scale = float(d_biases[1][0])
    assert scale == pytest.approx(1.0, abs=1e-8)
    np.testing.assert_allclose(d_weights[1][0] / scale, theirs.detach().numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(d_biases[0] / scale, at.grad.numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(d_weights[0][:, 0] / scale, at.grad.numpy(), rtol=1e-10, atol=1e-10)


nn = torch.nn
PER_OUTPUT = 4  # PyTorch's means are over outputs too
LOSSES = {
    "log_loss": (LogLoss(), LOGITS > 0.3, nn.BCEWithLogitsLoss(), PER_OUTPUT),
    "multilabel": (MultilabelLogLoss(), LOGITS > -0.3, nn.BCEWithLogitsLoss(), PER_OUTPUT),
    "multinomial": (MultinomialLogLoss(), CLASSES, nn.CrossEntropyLoss(), 1),
    "multinomial, smoothed": (MultinomialLogLoss(0.2), CLASSES, nn.CrossEntropyLoss(label_smoothing=0.2), 1),
    "squared": (SquaredError(), LOGITS, nn.MSELoss(), PER_OUTPUT / 2),
    "absolute": (AbsoluteError(), LOGITS, nn.L1Loss(), PER_OUTPUT),
    "Huber": (Huber(0.7), LOGITS, nn.HuberLoss(delta=0.7), PER_OUTPUT),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("activation", ["relu", "gelu", "softplus"])
def test_each_loss_and_its_gradient_are_pytorch_s(name, activation):
    loss, y, theirs, factor = LOSSES[name]
    model = MLP(DIMS, activation=activation, loss=loss, seed=1)
    network = torch_network(model)
    got, gradient = model.loss_and_gradient(X, y)
    targets = torch.tensor(y) if y is CLASSES else torch.tensor(y.astype("float64"))
    expected = factor * theirs(network(torch.tensor(X)), targets)
    expected.backward()
    assert got == pytest.approx(float(expected.detach()), rel=1e-12)
    np.testing.assert_allclose(
        gradient, np.concatenate([p.grad.numpy().ravel() for p in network.parameters()]), rtol=1e-9, atol=1e-12
    )


def test_the_poisson_loss_and_its_gradient_are_pytorch_s_up_to_what_only_the_targets_decide():
    y = RNG.poisson(np.exp(0.3 * LOGITS)).astype("float64")
    model = MLP(DIMS, activation="tanh", loss=Poisson(), seed=1)
    network = torch_network(model)
    got, gradient = model.loss_and_gradient(X, y)
    expected = nn.PoissonNLLLoss(log_input=True, reduction="sum")(network(torch.tensor(X)), torch.tensor(y)) / N
    expected.backward()
    of_targets = np.sum(y * np.log(np.maximum(y, 1)) - y) / N
    assert got == pytest.approx(float(expected.detach()) + of_targets, rel=1e-11)
    theirs = np.concatenate([p.grad.numpy().ravel() for p in network.parameters()])
    np.testing.assert_allclose(gradient, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activations", [("elu", "silu"), ("selu", "gelu"), ("softplus", "relu")], ids=str)
def test_each_hidden_layer_may_have_its_own_activation_as_in_pytorch(activations):
    model = MLP(DIMS, activation=activations, loss="squared_error", seed=1)
    theirs = torch_network(model)(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(model.predict(X), theirs, rtol=1e-10, atol=1e-12)
