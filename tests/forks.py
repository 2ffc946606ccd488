"""Processes that tests fork."""

import os
import signal
import warnings
from collections.abc import Callable

_TESTS = os.getpid()


def fork() -> int:
    """os.fork without the warning that threads, which the child does not touch, stay behind; no child forks further."""
    assert os.getpid() == _TESTS, "a forked child forks again"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def forked(work: Callable[[], str]) -> str:
    """What a child's ``work`` returns, as text; a child that hangs dies."""
    read, write = os.pipe()
    child = fork()
    if child == 0:  # pragma: no cover - runs in the child
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(60)
            os.write(write, work().encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return text
