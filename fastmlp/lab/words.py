"""The words of verdicts and of what happened in a training, for Python and for the page of the playground.

Templates of :meth:`str.format`; the page knows ``{name}`` and ``{name:.3g}``, or with other digits, alone.
"""

VERDICTS = {
    "healthy": "the pre-activations keep their size ({smallest:.3g} to {largest:.3g}), and {units}",
    "no_dead_units": "no unit is dead",
    "few_dead_units": "at most {share} of a layer's units are dead",
    "symmetric": "all {units} units of layer {layer} have the same incoming and outgoing weights. Their gradients are "
    "the same too, so they stay one unit. {remedy}",
    "saturated": "{share} of the outputs of layer {layer} lie where {activation} is flat (its pre-activations have a "
    "root mean square of {size:.3g}), and pass on hardly any gradient",
    "dead": "{share} of the {units} units of layer {layer} give the same output for every example, so no example tells "
    'them how to change. Try biases of 0, smaller updates, or activation="leaky_relu"',
    "vanishing": "the pre-activations shrink from {first:.3g} in layer 1 to {size:.3g} in layer {layer} (root mean "
    "square), {per_layer}: the weights are too small. {remedy}",
    "parameters_not_finite": "parameters of layer {layer} are not finite, as after a training that diverged",
    "overflow": "squares of pre-activations of layer {layer} leave the range of {dtype}{before}. {remedy}",
    "before_overflow": "; their root mean square is {size:.3g} in layer {layer}",
    "large": "the pre-activations of layer {layer} have a root mean square of {size:.3g}: the weights are too large. "
    "{remedy}",
    "growing": "the pre-activations grow from {first:.3g} in layer 1 to {size:.3g} in layer {layer} (root mean "
    "square), {per_layer}: the weights are too large. {remedy}",
    "backward": "what reaches layer {layer} of a change of the outputs is {ratio:.3g} times what reaches layer {last} "
    "(Jacobian norm), {per_layer}",
    "backward_large": "{backward}: the weights are too large. {remedy}",
    "backward_small": "{backward}: the slopes of {activation} times the weights are too small. {remedy}",
    "wrong_outputs": "{share} of the outputs are saturated on the wrong side (the logits have a root mean square of "
    "{size:.3g}): the weights are too large",
    "certain_outputs": "{share} of the outputs are saturated (the logits have a root mean square of {size:.3g}): the "
    "weights are too large",
    "far_outputs": "the outputs have a root mean square of {size:.3g}, the targets one of {target_size:.3g}: the "
    "weights are too large",
    "per_layer": "a factor of {factor:.3g} per layer",
    "beyond_range": "a factor beyond all range",
    "no_initialization": 'Try activation="tanh": no usual initialization keeps the variance through layers of '
    "{activation}",
    "other_shape": "Try fewer or wider layers, or smaller updates",
    "other_initialization": 'Try initialization="{name}"',
}

STORIES = {
    "symmetric": "symmetry not broken: hidden units stay identical",
    "learns": "learns: no symptom",
    "learns_with_dead_units": "learns: no symptom, {share} dead units",
    "not_finite": "diverged: the loss is not finite",
    "grew": "diverged: the loss ended over ten times its start",
    "too_large": "weights too large: {symptom}",
    "saturated": "{share} of outputs saturated at the start, logits {low:.4g} to {high:.4g}",
    "dead": "dead units: {share} of hidden units give one value for all examples",
    "not_fallen": "does not learn: the loss has not fallen",
    "constant": "does not learn: no better than a constant, whose loss is {loss:.4g}",
}
