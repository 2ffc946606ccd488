"""The trainers with Adam of PyTorch, torch.compile and JAX; what a trainer is stands in minibatch.py."""

import functools

import numpy as np
from layouts import with_bias_columns, without_bias_columns
from measure import least_seconds
from peers.full_batch_frameworks import UnavailableError, import_torch
from training_workloads import LEARNING_RATE, Training

from fastmlp.engine.plan import join_parameters, split_parameters

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


# ---- PyTorch; of fused and foreach Adam, and of the loss and its derivative as the start of autograd, the fastest


def tensors_of(torch, workload: Training):
    """[W1, b1, ...], new ones."""
    pieces = split_parameters(workload.start.copy(), workload.layer_dims)
    return [torch.from_numpy(piece) for pair in zip(*pieces, strict=True) for piece in pair]


def parameters_of(layers) -> np.ndarray:
    layers = [piece.detach().numpy() for piece in layers]
    return join_parameters(layers[::2], layers[1::2])


def torch_loss(torch, workload: Training):
    """The mean loss as a function of layers, inputs and targets."""
    functional = torch.nn.functional
    activation = {"relu": torch.relu, "tanh": torch.tanh}[workload.activation]

    def loss_of(layers, x, y):
        *hidden, last = zip(layers[::2], layers[1::2], strict=True)
        for w, b in hidden:
            x = activation(functional.linear(x, w, b))
        x = functional.linear(x, *last)
        if workload.is_classification:
            return functional.cross_entropy(x, y)
        return functional.mse_loss(x, y) * (y.shape[1] / 2)

    return loss_of


def batches_of(torch, n: int, workload: Training, shuffle: bool):
    """The indices of each batch of one epoch; None where all examples are one."""
    if workload.batch_size is None:
        return [None]
    return (torch.randperm(n) if shuffle else torch.arange(n)).split(workload.batch_size)


def picked(x, y, batch):
    return (x, y) if batch is None else (x.index_select(0, batch), y.index_select(0, batch))


def pytorch(workload: Training):
    torch = import_torch()
    x, y = map(torch.from_numpy, workload.data)
    loss_of = torch_loss(torch, workload)

    def train(epochs, shuffle):
        layers = [piece.requires_grad_() for piece in tensors_of(torch, workload)]
        adam = torch.optim.Adam(layers, lr=LEARNING_RATE, fused=True)
        for _ in range(epochs):
            for batch in batches_of(torch, len(x), workload, shuffle):
                adam.zero_grad()
                loss_of(layers, *picked(x, y, batch)).backward()
                adam.step()
        return parameters_of(layers)

    return train


# ---- torch.compile: batch, gradient and Adam in one graph, which updates everything in place


def torch_step(torch, workload: Training):
    """The compiled update of layers and moments; it takes and returns the count of updates."""
    gradient_of = torch.func.grad(torch_loss(torch, workload))

    def step(layers, means, squares, count, x, y, batch):
        gradients = gradient_of(layers, *picked(x, y, batch))
        count = count + 1
        root = torch.sqrt(1 - BETA_2**count)
        rate = LEARNING_RATE * root / (1 - BETA_1**count)
        for p, g, m, v in zip(layers, gradients, means, squares, strict=True):
            mean, square = BETA_1 * m + (1 - BETA_1) * g, BETA_2 * v + (1 - BETA_2) * g * g
            m.copy_(mean)
            v.copy_(square)
            p.copy_(p - rate * mean / (torch.sqrt(square) + EPSILON * root))
        return count

    return torch.compile(step, fullgraph=True, dynamic=False, options={"cpp_wrapper": True})


def torch_compile(workload: Training):
    torch = import_torch()
    torch._dynamo.config.recompile_limit = 64  # every workload has its own graph
    x, y = map(torch.from_numpy, workload.data)
    step = torch_step(torch, workload)

    def train(epochs, shuffle):
        layers = tensors_of(torch, workload)
        moments = [[torch.zeros_like(piece) for piece in layers] for _ in range(2)]
        count = torch.zeros((), dtype=torch.float64)
        with torch.no_grad():
            for _ in range(epochs):
                for batch in batches_of(torch, len(x), workload, shuffle):
                    count = step(layers, *moments, count, x, y, batch)
        return parameters_of(layers)

    try:
        train(1, True)
    except Exception as error:  # its compiler's failures share no narrower class
        raise UnavailableError(f"its compiler fails here: {str(error).splitlines()[0]}") from error
    return train


# ---- JAX: the whole training in one compiled call, in the faster of two layouts


def rows_layout(jax, workload: Training):
    """Examples in rows, layers as pairs (W, b): packing, logits and unpacking."""
    jnp = jax.numpy
    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh}[workload.activation]

    def logits_of(layers, x):
        *hidden, (w, b) = layers
        for v, c in hidden:
            x = activation(x @ v.T + c)
        return x @ w.T + b

    def pack(parameters):
        return list(zip(*split_parameters(parameters, workload.layer_dims), strict=True))

    def unpack(layers):
        return join_parameters(*zip(*layers, strict=True))

    return pack, logits_of, unpack


def columns_layout(jax, workload: Training):
    """Examples in columns, a layer's bias as the weight of a row of ones."""
    jnp = jax.numpy
    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh}[workload.activation]

    def logits_of(layers, x):
        *hidden, last = layers
        a, ones = x.T, jnp.ones((1, len(x)), x.dtype)
        for w in hidden:
            a = activation(w @ jnp.vstack([a, ones]))
        return (last @ jnp.vstack([a, ones])).T

    return functools.partial(with_bias_columns, layer_dims=workload.layer_dims), logits_of, without_bias_columns


def jax_loss(jax, workload: Training, logits_of):
    jnp = jax.numpy

    def loss_of(layers, x, y):
        z = logits_of(layers, x)
        if workload.is_classification:
            return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, jnp.newaxis], axis=1).mean()
        return ((z - y) ** 2).sum() / (2 * len(y))

    return loss_of


def jax_update(jax, workload: Training, logits_of):
    """One update of (layers, means, squares, count) by a batch of examples."""
    gradient_of = jax.grad(jax_loss(jax, workload, logits_of))
    tree_map, sqrt = jax.tree.map, jax.numpy.sqrt

    def update(state, x, y):
        layers, means, squares, count = state
        gradients = gradient_of(layers, x, y)
        count += 1
        root = sqrt(1 - BETA_2**count)
        rate, epsilon = (v.astype(x.dtype) for v in (LEARNING_RATE * root / (1 - BETA_1**count), EPSILON * root))
        means = tree_map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, means, gradients)
        squares = tree_map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, squares, gradients)
        layers = tree_map(lambda p, m, v: p - rate * m / (sqrt(v) + epsilon), layers, means, squares)
        return layers, means, squares, count

    return update


def jax_loop(jax, workload: Training, logits_of):
    """The compiled training: a scan over epochs of a scan over batches, and of the shorter batch at the end."""
    update = jax_update(jax, workload, logits_of)
    size, n = workload.batch_size, len(workload.data[0])

    @jax.jit
    def train(state, x, y, orders):
        def on_batch(state, batch):
            return update(state, x[batch], y[batch]), None

        def on_epoch(state, order):
            if size is None:
                return update(state, x, y), None
            state, _ = jax.lax.scan(on_batch, state, order[: n - n % size].reshape(-1, size))
            return (on_batch(state, order[n - n % size :])[0] if n % size else state), None

        return jax.lax.scan(on_epoch, state, orders)[0][0]

    return train


def jax_trainer(jax, workload: Training, layout):
    pack, logits_of, unpack = layout(jax, workload)
    loop = jax_loop(jax, workload, logits_of)
    x, y = map(jax.numpy.asarray, workload.data)

    def train(epochs, shuffle):
        rng = np.random.default_rng(0)
        orders = np.zeros((epochs, 1), np.int32)
        if workload.batch_size:
            orders = [rng.permutation(len(x)) if shuffle else np.arange(len(x)) for _ in range(epochs)]
        layers = pack(workload.start)
        zeros = jax.tree.map(np.zeros_like, layers)
        state = layers, zeros, zeros, np.float64(0)
        return unpack(jax.tree.map(np.asarray, loop(state, x, y, np.asarray(orders, np.int32))))

    return train


def jax_jit(workload: Training):
    import jax

    jax.config.update("jax_enable_x64", True)
    trainers = [jax_trainer(jax, workload, layout) for layout in (rows_layout, columns_layout)]
    return min(trainers, key=lambda train: least_seconds(functools.partial(train, workload.epochs, True)))
