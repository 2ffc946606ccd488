"""The contents of a saved model, and a model from them; network.py opens the files and reports errors."""

import dataclasses
import json
from typing import IO, Any

import numpy as np

from fastmlp import checks
from fastmlp.engine.plan import Plan, hidden_activations
from fastmlp.losses import LOSSES
from fastmlp.optimizers import OPTIMIZERS
from fastmlp.schedules import Adaptive, Plateau
from fastmlp.training import TrainingState

COUNTS = ("updates", "optimizer_epochs", "examples", "epochs")  # of a training state
LATER_ENTRIES = ("loss_parameters", "optimizer", "moments", "progress")  # files of version 0.1.0 have none


def contents_of(model: Any) -> dict[str, np.ndarray]:
    """Return arrays by name; objects are JSON strings, so nothing needs pickle."""
    state = model.training_state
    progress = {
        **{name: getattr(state, name) for name in COUNTS},
        "seed": state.seed,
        "adaptive": None if state.adaptive is None else dataclasses.asdict(state.adaptive),
        "plateau": dataclasses.asdict(state.plateau),
    }
    return {  # required entries last: a file that was cut short lacks these
        "loss_parameters": np.array(json.dumps(dataclasses.asdict(model.loss))),
        "optimizer": np.array(_described(state.optimizer)),
        "moments": state.moments,
        "progress": np.array(json.dumps(progress)),
        "parameters": model.parameters,
        "layer_dims": np.array(model.plan.layer_dims),
        "activations": np.array(model.plan.activations),
        "loss": np.array(model.loss.name),
    }


def read(cls: Any, file: IO[bytes]) -> Any:
    """Read a model of class ``cls`` from an open file; raises an error of any kind if the file holds none."""
    archive = np.load(file, allow_pickle=False)
    contents = {name: archive[name] for name in ("parameters", "layer_dims", "activations", "loss")}
    later = [name for name in LATER_ENTRIES if name not in archive]
    if later and len(later) < len(LATER_ENTRIES):
        raise ValueError(f"it lacks {', '.join(later)}")
    *hidden, output = contents["activations"].tolist()
    loss_name = checks.choice("loss", contents["loss"].item(), list(LOSSES))
    loss = LOSSES[loss_name](**_json(archive, "loss_parameters", {}))
    dims = checks.layer_dims_of(contents["layer_dims"].tolist())
    activations = (*hidden_activations(hidden, len(dims) - 2), output)
    plan = Plan(dims, activations, checks.dtype_of(contents["parameters"].dtype))
    if loss.output != output:
        raise ValueError(f"the output activation of loss {loss_name!r} cannot be {output!r}")
    if contents["parameters"].shape != (plan.n_parameters,):
        raise ValueError(f"parameters must have shape ({plan.n_parameters},), got {contents['parameters'].shape}")
    checks.check_finite("parameters", np.ascontiguousarray(contents["parameters"]))
    state = _state(archive, plan)
    model = cls(dims, activation=hidden, loss=loss, dtype=plan.dtype)
    model.parameters[:] = contents["parameters"]
    model.training_state = state
    return model


def _described(optimizer: Any) -> str:
    return json.dumps(None if optimizer is None else {"name": optimizer.name, **dataclasses.asdict(optimizer)})


def _json(archive: Any, name: str, missing: Any) -> Any:
    """Return a JSON entry, or ``missing`` for files of version 0.1.0, which lack it."""
    return json.loads(archive[name].item()) if name in archive else missing


def _state(archive: Any, plan: Plan) -> TrainingState:
    state, described = TrainingState(), _json(archive, "optimizer", None)
    progress = _json(archive, "progress", None)
    if progress is not None:
        state.seed = None if progress["seed"] is None else checks.integer("seed", progress["seed"], minimum=0)
        state.epochs = checks.integer("epochs", progress["epochs"], minimum=0)
    if described is not None:
        state.use(OPTIMIZERS[described.pop("name")](**described), np.empty(plan.n_parameters, plan.dtype))
        if archive["moments"].shape != state.moments.shape or archive["moments"].dtype != plan.dtype:
            raise ValueError(f"moments must have shape {state.moments.shape} and dtype {plan.dtype}")
        checks.check_finite("moments", np.ascontiguousarray(archive["moments"]))
        state.moments[:] = archive["moments"]
        for name in COUNTS:
            setattr(state, name, checks.integer(name, progress[name], minimum=0))
        adaptive = progress["adaptive"]
        state.adaptive = None if adaptive is None else Adaptive(**adaptive)
        state.plateau = Plateau(**progress["plateau"])
    return state
