"""fastmlp: train and study small and medium multi-layer perceptrons on the CPU at hardware speed.

The public names below are attributes of the package.  Each is imported on first use, so ``import fastmlp`` takes
little longer than ``import numpy``.
"""

import importlib
import sys
from pathlib import Path

__version__ = "0.1.0"


def _find_compiled_package():
    """Return the folder whose submodules are imported: this one, or the installed package if this one is not built.

    Commands run in a source checkout find the checkout's folder first; after ``pip install .`` the compiled module
    lies in site-packages, and every submodule is taken from there.
    """
    from importlib.machinery import PathFinder

    here = Path(__file__).resolve().parent
    for folder in (here, *(Path(entry or ".").resolve() / "fastmlp" for entry in sys.path)):
        if PathFinder.find_spec("fastmlp._kernels", [str(folder)]):
            return [str(folder)]
    message = f"fastmlp is not built: run `pip install .` in {here.parent}"
    if sys.argv[:1] == ["-m"]:
        raise SystemExit(message)  # python -m fastmlp: one line, not a traceback
    raise ImportError(message)


__path__ = _find_compiled_package()

_MODULE_OF = {
    name: module
    for module, names in {
        "config": ["show_config"],
        "network": ["MLP"],
        "training": ["DeadNetworkWarning", "DivergenceWarning", "History"],
        "losses": [
            "AbsoluteError",
            "Huber",
            "LogLoss",
            "MultilabelLogLoss",
            "MultinomialLogLoss",
            "Poisson",
            "Quantile",
            "SquaredError",
        ],
        "optimizers": ["LBFGS", "SGD", "Adam", "AdamW", "RMSprop"],
        "schedules": ["Adaptive", "Constant", "Cosine", "InverseScaling", "StepDecay", "WarmUp"],
        "estimators": ["MLPClassifier", "MLPRegressor"],
        "engine.plan": ["Plan"],
        "datasets": ["load_dataset"],
        "plots": ["plot_decision_boundary"],
        "notebook": [
            "backward_propagation",
            "compute_loss",
            "forward_propagation",
            "initialize_parameters_he",
            "initialize_parameters_random",
            "initialize_parameters_zeros",
            "log_loss",
            "model",
            "predict",
            "predict_dec",
            "relu",
            "sigmoid",
            "update_parameters",
        ],
    }.items()
    for name in names
}
_SUBMODULES = [
    "datasets",
    "initializers",
    "lab",
    "losses",
    "notebook",
    "optimizers",
    "plots",
    "reference",
    "schedules",
    "training",
]

__all__ = ["__version__", *_MODULE_OF, *_SUBMODULES]


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"fastmlp.{name}")
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"fastmlp.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'fastmlp' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
