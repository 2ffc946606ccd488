"""Pictures of comparisons, diagnoses and trainings, each on given axes or in a new figure.

Nothing here opens a window or adds to the figures of ``pyplot``: ``ax.figure.savefig`` saves a picture, and a notebook
shows ``ax.figure``.
"""

from fastmlp.lab.pictures.animation import boundary_animation
from fastmlp.lab.pictures.bands import loss_bands
from fastmlp.lab.pictures.boundaries import boundary_grid, decision_boundary
from fastmlp.lab.pictures.snapshots import Snapshots, take_snapshots
from fastmlp.lab.pictures.style import COLORS, theme

__all__ = [
    "COLORS",
    "Snapshots",
    "boundary_animation",
    "boundary_grid",
    "decision_boundary",
    "loss_bands",
    "take_snapshots",
    "theme",
]
