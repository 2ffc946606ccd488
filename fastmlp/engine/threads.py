"""How many threads a call uses.

1. ``n_threads``, if the caller gives it, but at most four for each processor.
2. Otherwise one thread if the work of a batch is small, and else as many as are available: the number in
   ``FASTMLP_NUM_THREADS`` or, without it, ``OMP_NUM_THREADS``, but never more than the processors that this
   process may use, by its affinity and its cgroup's quota.
3. Fewer where the system makes no more, whatever was asked for.

No result depends on the number.  A variable that holds no number is an error of the first call that trains or predicts.
"""

import functools
import math
import os
from pathlib import Path
from typing import Any

from fastmlp import checks

VARIABLES = ("FASTMLP_NUM_THREADS", "OMP_NUM_THREADS")
CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
MOST_PER_PROCESSOR = 4  # more would only wait for one another
SMALL_BATCH = 2e7  # floating-point operations: below it a second thread gains little, and loses on a busy machine


def available() -> int:
    """Return the most threads that a call uses without ``n_threads``.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If an environment variable above holds no number of at least 1.

    Examples
    --------
    >>> from fastmlp.engine import threads
    >>> threads.available() >= 1
    True
    """
    return min([_processors(), *_wanted()])


def choose(n_threads: Any, work: float) -> int:
    """Return the number of threads of a call.

    Parameters
    ----------
    n_threads : int or None
        What the caller asks for.
    work : float
        Floating-point operations of a batch.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    TypeError, ValueError
        If ``n_threads`` is no integer of at least 1.

    Examples
    --------
    >>> from fastmlp.engine import threads
    >>> threads.choose(None, work=1e5)
    1
    """
    if n_threads is not None:
        asked = checks.integer("n_threads", n_threads, minimum=1)
        if asked <= MOST_PER_PROCESSOR:  # allowed on any number of processors: no need to count them
            return asked
        return min(asked, MOST_PER_PROCESSOR * _processors())
    return available() if work >= SMALL_BATCH else 1


@functools.cache
def check_environment() -> None:
    """Raise ValueError if an environment variable above holds no number of at least 1; later calls do nothing.

    Reading the environment takes half as long as predicting one example.
    """
    _wanted()


def _wanted() -> list[int]:
    """Return the value of the first of the environment variables that is set, or an empty list."""
    for name in VARIABLES:
        text = os.environ.get(name, "").split(",")[0].strip()  # OMP_NUM_THREADS may list nested levels
        if text:
            digits = text.lstrip("0")
            if not (text.isascii() and text.isdecimal() and digits):
                raise ValueError(f"{name} must be a number of threads, at least 1, got {checks.shown(text)}")
            return [int(digits[:9])]  # more than any machine has; Python makes no int of a text of any length
    return []


def _processors() -> int:
    """Return how many processors this process may use, by affinity and by the cgroup's quota of CPU time."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CGROUP_QUOTA.read_text().split()
        allowed = affinity if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return affinity
    return max(1, min(affinity, allowed))
