"""What the theory of wide networks says about an initialization."""

from fastmlp.lab.theory.critical import Criticality, criticality, gain

__all__ = ["Criticality", "criticality", "gain"]
