"""The functions of the initialization notebook, on compiled kernels, for networks of any depth.

``from fastmlp.notebook import *`` replaces both import lines of the notebook.  Examples lie in columns: X (features,
m), Y (1, m).  Hidden layers are ReLU, the output is a sigmoid.  Parameters are dicts ``W1`` (fan_out, fan_in), ``b1``
(fan_out, 1), ``W2``, ...
"""

from fastmlp.datasets import load_dataset
from fastmlp.notebook.functions import compute_loss, log_loss, relu, sigmoid
from fastmlp.notebook.initialization import (
    initialize_parameters_he,
    initialize_parameters_he_test,
    initialize_parameters_random,
    initialize_parameters_random_test,
    initialize_parameters_zeros,
    initialize_parameters_zeros_test,
)
from fastmlp.notebook.propagation import backward_propagation, forward_propagation, update_parameters
from fastmlp.notebook.training import model, predict, predict_dec
from fastmlp.plots import plot_decision_boundary

__all__ = [
    "backward_propagation",
    "compute_loss",
    "forward_propagation",
    "initialize_parameters_he",
    "initialize_parameters_he_test",
    "initialize_parameters_random",
    "initialize_parameters_random_test",
    "initialize_parameters_zeros",
    "initialize_parameters_zeros_test",
    "load_dataset",
    "log_loss",
    "model",
    "plot_decision_boundary",
    "predict",
    "predict_dec",
    "relu",
    "sigmoid",
    "update_parameters",
]
