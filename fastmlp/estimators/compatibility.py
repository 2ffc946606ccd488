"""What scikit-learn 1.6 to 1.9 do not all have."""

try:
    from sklearn.callback import CallbackSupportMixin

    HAS_CALLBACKS = True
except ImportError:  # before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for the protocol that this version does not have."""

    HAS_CALLBACKS = False

__all__ = ["HAS_CALLBACKS", "CallbackSupportMixin"]
