"""Pictures of comparisons, diagnoses and trainings, each on given axes or in a new figure.

Nothing here opens a window or adds to the figures of ``pyplot``: ``ax.figure.savefig`` saves a picture, and a notebook
shows ``ax.figure``.
"""

from fastmlp.lab.pictures.animation import boundary_animation
from fastmlp.lab.pictures.bands import loss_bands
from fastmlp.lab.pictures.boundaries import boundary_grid, decision_boundary
from fastmlp.lab.pictures.depth import variance_by_depth
from fastmlp.lab.pictures.maps import heat_map, sweep_map
from fastmlp.lab.pictures.ridge import histograms_by_layer
from fastmlp.lab.pictures.snapshots import Snapshots, take_snapshots
from fastmlp.lab.pictures.style import COLORS, theme
from fastmlp.lab.pictures.units import dead_units

__all__ = [
    "COLORS",
    "Snapshots",
    "boundary_animation",
    "boundary_grid",
    "dead_units",
    "decision_boundary",
    "heat_map",
    "histograms_by_layer",
    "loss_bands",
    "sweep_map",
    "take_snapshots",
    "theme",
    "variance_by_depth",
]
