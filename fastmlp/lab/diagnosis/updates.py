"""How far one update moves the weights of each layer."""

import numpy as np

from fastmlp.lab.diagnosis.subject import Subject
from fastmlp.optimizers import SGD
from fastmlp.schedules import Constant, Steps
from fastmlp.training import TrainingOptions
from fastmlp.training.descent import DEFAULT_LEARNING_RATE


def update_ratios(subject: Subject, gradient: np.ndarray, options: TrainingOptions) -> np.ndarray:
    """Return the norm of the next full-batch update of each layer's weights over that of the weights.

    Moments, place in the schedule and penalties are those with which the training would go on.  With L-BFGS, whose
    steps have no learning rate, all are NaN; so is that of weights that are 0 and stay so.
    """
    network, n = subject.network, len(subject.inputs)
    state, plan = network.training_state, network.plan
    options = options.settled(plan, n, state.optimizer or SGD())
    optimizer = options.optimizer
    if optimizer.method == "lbfgs":
        return np.full(len(plan.activations), np.nan)
    is_continued = optimizer == state.optimizer
    counts = (state.updates, state.optimizer_epochs, state.examples) if is_continued else (0, 0, 0)
    moments = state.moments.copy() if is_continued else np.zeros((optimizer.n_moments, len(gradient)), plan.dtype)
    assert options.batch_size is not None
    schedule = options.schedule or Constant(DEFAULT_LEARNING_RATE)
    rate = float(schedule.rates(Steps(1, -(-n // options.batch_size), n, *counts))[0])
    settings = {**optimizer.settings(), **options.limits()}
    if options.penalty == "sum":
        settings.update(l1=options.l1 / n, l2=options.l2 / n)
    moved = network.parameters.copy()
    network.engine(1).update(moved, gradient.copy(), moments, settings, rate, counts[0])
    before, after = network.weights, plan.split(moved)[0]
    return np.array([np.linalg.norm(b - a) / np.linalg.norm(b) for b, a in zip(before, after, strict=True)])
