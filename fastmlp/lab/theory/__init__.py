"""What the theory of wide networks says about an initialization."""

from fastmlp.lab.theory.critical import Criticality, criticality, gain
from fastmlp.lab.theory.fields import MeanField, edge_of_chaos, mean_field

__all__ = ["Criticality", "MeanField", "criticality", "edge_of_chaos", "gain", "mean_field"]
