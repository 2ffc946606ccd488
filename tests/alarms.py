"""Signals that arrive at a chosen time, as Ctrl-C would."""

import contextlib
import gc
import itertools
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

SIGNALS = {signal.ITIMER_REAL: signal.SIGALRM, signal.ITIMER_PROF: signal.SIGPROF}


@contextlib.contextmanager
def alarm(
    handler: Callable[[], Any],
    seconds: float,
    interval: float = 0.0,
    timers: tuple[int, ...] = (signal.ITIMER_REAL,),
) -> Iterator[None]:
    """Call ``handler`` in the main thread after some seconds, then at every interval until it raises.

    Each timer sends a signal of its own: ITIMER_REAL counts seconds, ITIMER_PROF those in which this process runs.  No
    garbage is collected meanwhile: Python drops what a handler raises inside a callback of the collector, and
    Hypothesis registers one.
    """

    def serve(signum: int, frame: Any) -> None:
        try:
            handler()
        except BaseException:
            for timer in timers:
                if SIGNALS[timer] == signum:
                    signal.setitimer(timer, 0)
            raise

    before = [signal.signal(SIGNALS[timer], serve) for timer in timers]
    gc.disable()
    for timer in timers:
        signal.setitimer(timer, seconds, interval)
    try:
        yield
    finally:
        for timer, handler_before in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(SIGNALS[timer], handler_before)
        gc.enable()


def interrupt() -> None:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def interrupt_training(network_of: Callable[[], Any], after: int = 2) -> Callable[[], None]:
    """Return a handler that raises what Ctrl-C raises when it has seen a network so many times amid its updates."""
    seen, at_start = itertools.count(1), []

    def handler() -> None:
        network = network_of()
        if network is None or not network.occupancy.claims:
            return
        if not at_start:
            at_start.append(network.parameters.copy())
        elif not np.array_equal(network.parameters, at_start[0]) and next(seen) == after:
            interrupt()

    return handler
