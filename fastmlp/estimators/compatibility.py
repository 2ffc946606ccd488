"""What scikit-learn 1.6 to 1.9 do not all have."""

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    HAS_CALLBACKS = True
except ImportError:  # before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for the protocol that this version does not have."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method

    HAS_CALLBACKS = False

__all__ = ["HAS_CALLBACKS", "CallbackSupportMixin", "with_callbacks"]
