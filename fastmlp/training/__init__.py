"""Training: options that check themselves, one run from them to a history, gradient descent and L-BFGS."""

from fastmlp.training.history import DeadNetworkWarning, DivergenceWarning, Ended, History
from fastmlp.training.options import TrainingOptions
from fastmlp.training.orders import CumulativeOrders, order_of
from fastmlp.training.run import run
from fastmlp.training.state import TrainingState

__all__ = [
    "CumulativeOrders",
    "DeadNetworkWarning",
    "DivergenceWarning",
    "Ended",
    "History",
    "TrainingOptions",
    "TrainingState",
    "order_of",
    "run",
]
