"""Training."""

from fastmlp.training.descent import DivergenceWarning, History, TrainingState, order_of

__all__ = ["DivergenceWarning", "History", "TrainingState", "order_of"]
