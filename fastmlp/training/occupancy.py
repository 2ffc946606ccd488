"""What may happen to a model while it trains."""

import contextlib
import threading
from collections.abc import Iterator


class Occupancy:
    """Which calls a model takes while it trains, from any thread and from signal handlers.

    - ``train`` and ``initialize`` are refused by a RuntimeError; nothing waits.
    - ``save``, pickling, copying and assigning ``parameters`` are refused as well, but for the training's own callback
      and ``validation_score``: elsewhere an update may be half made, and the counts not written yet.
    - Predictions, losses and gradients are taken, any number at a time.  They read the parameters as they come, which
      in the middle of an update are partly old and partly new.
    """

    def __init__(self) -> None:
        self.claims: dict[str, object] = {}  # "model": that of the training that holds it
        self.guest: int | None = None  # the thread that runs the callback, between two updates

    @contextlib.contextmanager
    def training(self, what: str) -> Iterator[None]:
        """Hold the model for ``what``; RuntimeError if it is held already."""
        claim = object()
        try:
            if self.claims.setdefault("model", claim) is not claim:
                raise _refused(what)
            self.guest = None
            yield
        finally:  # without a call, after which a signal handler could raise before the model is free
            if "model" in self.claims and self.claims["model"] is claim:
                del self.claims["model"]

    @contextlib.contextmanager
    def between_updates(self) -> Iterator[None]:
        """Let this thread, which trains the model, copy and change it."""
        self.guest = threading.get_ident()
        try:
            yield
        finally:
            self.guest = None

    def refuse_training(self, what: str) -> None:
        """Raise RuntimeError while the model trains."""
        if self.claims:
            raise _refused(what)

    def refuse_changing(self, what: str) -> None:
        """Raise RuntimeError while the model trains, except between updates in the thread that trains it."""
        if self.claims and self.guest != threading.get_ident():
            raise RuntimeError(f"{what} while this model is training is for its callback alone")


def _refused(what: str) -> RuntimeError:
    return RuntimeError(f"{what} was called while this model is training")
