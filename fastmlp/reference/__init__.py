"""The pure NumPy twin of every compiled kernel: oracle of the tests, documentation, benchmark baseline.

A module for each family, named as in ``src/``: dense, activation, dropout, loss, optimizer, step.  As in the
kernels, matrices are feature-major: column ``j`` of ``inputs`` (fan_in, n_examples) is example ``j``, and a
layer is ``z = W a + b`` with ``W`` (fan_out, fan_in) and ``b`` (fan_out,).

Nothing here is fast, and the compiled paths use none of it.
"""

from fastmlp.reference.activation import ACTIVATIONS, DERIVATIVES, exponential, relu, sigmoid, softmax, softplus
from fastmlp.reference.dense import dense_backward, dense_forward, dense_gradient
from fastmlp.reference.dropout import dropout_mask
from fastmlp.reference.loss import (
    LOSS_DERIVATIVES,
    LOSSES,
    cross_entropy,
    log_loss,
    log_loss_backward,
    loss_backward,
    mean_loss,
    weighted_losses,
)
from fastmlp.reference.optimizer import (
    STEPS,
    changed_gradient,
    gradient_descent,
    new_moments,
    optimizer_update,
)
from fastmlp.reference.step import (
    backward,
    forward,
    logits_and_gradient,
    loss_and_gradient,
    predict,
    train,
    train_minibatches,
)

__all__ = [
    "ACTIVATIONS",
    "DERIVATIVES",
    "LOSSES",
    "LOSS_DERIVATIVES",
    "STEPS",
    "backward",
    "changed_gradient",
    "cross_entropy",
    "dense_backward",
    "dense_forward",
    "dense_gradient",
    "dropout_mask",
    "exponential",
    "forward",
    "gradient_descent",
    "log_loss",
    "log_loss_backward",
    "logits_and_gradient",
    "loss_and_gradient",
    "loss_backward",
    "mean_loss",
    "new_moments",
    "optimizer_update",
    "predict",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "train",
    "train_minibatches",
    "weighted_losses",
]
