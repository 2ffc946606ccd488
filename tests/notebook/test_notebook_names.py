"""Every function of the notebook takes its arguments under the published names."""

import inspect

import pytest
from matplotlib import pyplot as plt

from fastmlp import notebook

NAMES = ["zeros", "random", "he"]
SIGNATURES = {
    "sigmoid": "x",
    "relu": "x",
    "compute_loss": "a3, Y",
    "forward_propagation": "X, parameters",
    "backward_propagation": "X, Y, cache",
    "update_parameters": "parameters, grads, learning_rate",
    "predict": "X, y, parameters",
    "predict_dec": "parameters, X",
    "load_dataset": "is_plot=True",
    "plot_decision_boundary": "model, X, y",
    "model": "X, Y, learning_rate=0.01, num_iterations=15000, print_cost=True, initialization='he'",
    **{f"initialize_parameters_{name}": "layers_dims" for name in NAMES},
    **{f"initialize_parameters_{name}_test": "target" for name in NAMES},
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_published_arguments_come_first_with_their_defaults(name):
    parameters = list(inspect.signature(getattr(notebook, name)).parameters.values())
    plain = [str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters]
    n_published = len(SIGNATURES[name].split(", "))
    assert ", ".join(plain[:n_published]) == SIGNATURES[name]
    assert all(parameter.default is not inspect.Parameter.empty for parameter in parameters[n_published:])


def test_every_function_is_called_by_the_published_names(capsys):
    functions = {name: getattr(notebook, name) for name in SIGNATURES}
    train_X, train_Y, _, _ = functions["load_dataset"](is_plot=False)
    for name in NAMES:
        start = functions[f"initialize_parameters_{name}"](layers_dims=[2, 10, 5, 1])
        functions[f"initialize_parameters_{name}_test"](target=functions[f"initialize_parameters_{name}"])
    a3, cache = functions["forward_propagation"](X=train_X, parameters=start)
    assert functions["compute_loss"](a3=a3, Y=train_Y) == pytest.approx(0.88305374634)
    grads = functions["backward_propagation"](X=train_X, Y=train_Y, cache=cache)
    functions["update_parameters"](parameters=start, grads=grads, learning_rate=0.01)
    assert functions["sigmoid"](x=0) == 0.5
    assert functions["relu"](x=-1) == 0
    trained = functions["model"](
        X=train_X, Y=train_Y, learning_rate=0.1, num_iterations=3000, print_cost=False, initialization="he"
    )
    assert (functions["predict"](X=train_X, y=train_Y, parameters=trained) == train_Y).mean() > 0.9
    functions["plot_decision_boundary"](
        model=lambda x: functions["predict_dec"](parameters=trained, X=x.T), X=train_X, y=train_Y
    )
    assert not plt.get_fignums()
    assert capsys.readouterr().out.count("All tests passed.") == 3
