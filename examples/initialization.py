# %% [markdown]
# # How the start decides the result
#
# A 3-layer network, LINEAR-RELU, LINEAR-RELU, LINEAR-SIGMOID, learns to tell two noisy circles
# apart.  It is trained three times by full-batch gradient descent; only its first weights differ.

# %%
import matplotlib.pyplot as plt

from fastmlp import (
    initialize_parameters_he,
    load_dataset,
    model,
    plot_decision_boundary,
    predict,
    predict_dec,
)
from fastmlp.notebook import initialize_parameters_he_test

train_X, train_Y, test_X, test_Y = load_dataset()
plt.title("The training examples")


# %% [markdown]
# ## Zeros
#
# With all weights zero, all units of a layer compute the same and receive the same gradient: they
# stay the same for ever, and the network answers 0.5 to everything.

# %%
def study(initialization):
    """Train from one initialization, print its accuracies, show its decisions."""
    parameters = model(train_X, train_Y, initialization=initialization)
    print("On the train set:")
    predict(train_X, train_Y, parameters)
    print("On the test set:")
    predict(test_X, test_Y, parameters)
    plt.title(f"Model with {initialization} initialization")
    axes = plt.gca()
    axes.set_xlim([-1.5, 1.5])
    axes.set_ylim([-1.5, 1.5])
    plot_decision_boundary(lambda points: predict_dec(parameters, points.T), train_X, train_Y)


study("zeros")

# %% [markdown]
# ## Large random weights
#
# Symmetry is broken, but the first logits reach thousands.  A loss computed from probabilities that
# have been rounded to 0 or 1 prints `inf` here; computed from the logits it is finite.

# %%
study("random")

# %% [markdown]
# ## He initialization
#
# Weights from a normal distribution with variance 2 / fan_in keep the size of ReLU activations from
# layer to layer (He et al. 2015).

# %%
initialize_parameters_he_test(initialize_parameters_he)
study("he")

# %% [markdown]
# The same comparison, with measured diagnostics, is one command: `python -m fastmlp`.
