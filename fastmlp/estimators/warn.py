"""Warnings that point to the user's line, past the decorators around ``fit``."""

import sys
import warnings

LIBRARIES = ("fastmlp.", "sklearn.", "contextlib")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning that names the first line outside fastmlp and scikit-learn."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__name__", "").startswith(LIBRARIES):
        frame, level = frame.f_back, level + 1  # type: ignore[assignment]
    warnings.warn(message, category, stacklevel=level)
