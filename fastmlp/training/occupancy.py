"""What may happen to a model while it trains."""

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator


class Occupancy:
    """Which calls a model takes while it trains, from any thread and from signal handlers.

    - ``train`` and ``initialize`` are refused by a RuntimeError; nothing waits.
    - ``save``, ``to_c``, ``to_onnx``, pickling, copying and assigning ``parameters`` are refused as well, but for the
      training's own callback and ``validation_score``: elsewhere an update may be half made, and the counts not written
      yet.
    - Predictions, losses and gradients are taken, any number at a time.  They read the parameters as they come, which
      in the middle of an update are partly old and partly new.

    In a process that is forked by another thread than the one that trains, the model stays as the fork found it: it
    predicts, and all else is refused until ``initialize`` has drawn new parameters.
    """

    def __init__(self) -> None:
        self.claims: dict[str, tuple[str, int]] = {}  # "model": the name of the call that holds it, and its thread
        self.guest: int | None = None  # the thread that runs the callback, between two updates
        self.is_torn = False  # whether a fork may have left the parameters in the middle of an update
        _occupancies.add(self)

    @contextlib.contextmanager
    def training(self, what: str) -> Iterator[None]:
        """Hold the model for ``what``, "train" or "initialize"; RuntimeError if it is held already."""
        claim = (what, threading.get_ident())
        try:
            if self.claims.setdefault("model", claim) is not claim or (self.is_torn and what != "initialize"):
                raise self._refused(what)
            self.guest = None
            yield
            self.is_torn = False
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
        if self.claims or self.is_torn:
            raise self._refused(what)

    def refuse_changing(self, what: str) -> None:
        """Raise RuntimeError while the model trains, except between updates in the thread that trains it."""
        if self.is_torn or (self.claims and self.guest != threading.get_ident()):
            raise self._refused(what)

    def lose_other_threads(self) -> None:
        """Give up, in a forked child, the claim of a thread that is not in it."""
        if any(thread != threading.get_ident() for _, thread in self.claims.values()):
            self.claims.clear()
            self.is_torn = True

    def _refused(self, what: str) -> RuntimeError:
        holder, _ = self.claims.get("model", ("train", 0))
        if self.is_torn:
            return RuntimeError(
                f"{what} was called in a process that was forked while another thread changed this model, perhaps in "
                "the middle of an update; initialize it, or load another"
            )
        if holder == "initialize":
            return RuntimeError(f"{what} was called while this model is being initialized")
        if what in ("train", "initialize"):
            return RuntimeError(f"{what} was called while this model is training")
        return RuntimeError(f"{what} while this model is training is for its callback alone")


_occupancies: "weakref.WeakSet[Occupancy]" = weakref.WeakSet()


def _lose_other_threads() -> None:
    for occupancy in _occupancies:
        occupancy.lose_other_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lose_other_threads)
