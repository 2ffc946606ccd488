"""A stand-in for the theory, with the figures of Roberts, Yaida & Hanin, for tests of who asks it."""

import sys
import types
from dataclasses import dataclass

import pytest


@dataclass
class Found:
    kind: str
    weight_variance: float
    bias_variance: float
    reason: str = ""


CRITICAL = {
    "relu": Found("scale-invariant", 2.0, 0.0),
    "tanh": Found("zero", 1.0, 0.0),
    "gelu": Found("half-stable", 1.98305826, 0.172922391),
    "identity": Found("scale-invariant", 1.0, 0.0),
    "logistic": Found("none", float("nan"), float("nan"), "its slope is too small"),
}


@pytest.fixture
def theory(monkeypatch):
    """Replace ``fastmlp.lab.theory``; the names asked for are appended to the list returned."""
    import fastmlp.lab
    from fastmlp.initializers.by_activation import critical_point

    critical_point.cache_clear()
    asked = []
    module = types.ModuleType("fastmlp.lab.theory")
    module.criticality = lambda activation: asked.append(activation) or CRITICAL[activation]
    monkeypatch.setitem(sys.modules, "fastmlp.lab.theory", module)
    monkeypatch.setattr(fastmlp.lab, "theory", module, raising=False)
    yield asked
    critical_point.cache_clear()
