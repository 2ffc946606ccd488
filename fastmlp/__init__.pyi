from fastmlp import datasets as datasets
from fastmlp import initializers as initializers
from fastmlp import lab as lab
from fastmlp import notebook as notebook
from fastmlp import plots as plots
from fastmlp import reference as reference
from fastmlp.config import show_config as show_config
from fastmlp.datasets import load_dataset as load_dataset
from fastmlp.network import MLP as MLP
from fastmlp.notebook import backward_propagation as backward_propagation
from fastmlp.notebook import compute_loss as compute_loss
from fastmlp.notebook import forward_propagation as forward_propagation
from fastmlp.notebook import initialize_parameters_he as initialize_parameters_he
from fastmlp.notebook import initialize_parameters_random as initialize_parameters_random
from fastmlp.notebook import initialize_parameters_zeros as initialize_parameters_zeros
from fastmlp.notebook import log_loss as log_loss
from fastmlp.notebook import model as model
from fastmlp.notebook import predict as predict
from fastmlp.notebook import predict_dec as predict_dec
from fastmlp.notebook import relu as relu
from fastmlp.notebook import sigmoid as sigmoid
from fastmlp.notebook import update_parameters as update_parameters
from fastmlp.plan import Plan as Plan
from fastmlp.plots import plot_decision_boundary as plot_decision_boundary
from fastmlp.training import DivergenceWarning as DivergenceWarning
from fastmlp.training import History as History

__version__: str
