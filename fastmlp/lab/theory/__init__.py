"""What the theory of wide networks says about an initialization."""

from fastmlp.lab.theory.critical import Criticality, criticality, gain
from fastmlp.lab.theory.edge import edge_of_chaos
from fastmlp.lab.theory.fields import MeanField, mean_field
from fastmlp.lab.theory.laws import (
    JacobianSpectrum,
    LengthLaw,
    born_dead_probability,
    jacobian_spectrum,
    length_law,
)
from fastmlp.lab.theory.prospects import Outlook, outlook
from fastmlp.lab.theory.variances import predicted_variances

__all__ = [
    "Criticality",
    "JacobianSpectrum",
    "LengthLaw",
    "MeanField",
    "Outlook",
    "born_dead_probability",
    "criticality",
    "edge_of_chaos",
    "gain",
    "jacobian_spectrum",
    "length_law",
    "mean_field",
    "outlook",
    "predicted_variances",
]
