"""The report of a comparison: one HTML page that needs nothing beside itself."""

from fastmlp.lab.page.frames import BoundaryFrames, RunFrames, boundary_frames
from fastmlp.lab.page.report import write_report

__all__ = ["BoundaryFrames", "RunFrames", "boundary_frames", "write_report"]
