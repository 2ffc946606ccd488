"""Options of a training, the run of one, and its history.

:meth:`fastmlp.MLP.train` is the usual entry.  :func:`run` trains on examples that were checked once, for many
trainings on the same data.
"""

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
