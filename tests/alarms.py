"""Signals that arrive at a chosen time, as Ctrl-C would."""

import contextlib
import gc
import signal
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def alarm(handler: Callable[[], Any], seconds: float, interval: float = 0.0) -> Iterator[None]:
    """Call ``handler`` in the main thread after some seconds, then at every interval until it raises.

    No garbage is collected meanwhile: Python drops what a handler raises inside a callback of the collector, and
    Hypothesis registers one.
    """

    def serve(signum: int, frame: Any) -> None:
        try:
            handler()
        except BaseException:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise

    before = signal.signal(signal.SIGALRM, serve)
    gc.disable()
    signal.setitimer(signal.ITIMER_REAL, seconds, interval)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.enable()
        signal.signal(signal.SIGALRM, before)


def interrupt() -> None:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt
