"""What this installation is: versions, instruction sets, threads, BLAS, compiler."""

import platform

import numpy as np

from fastmlp import __version__, _kernels, checks
from fastmlp.engine import threads


def show_config(mode: str = "print") -> dict[str, object] | None:
    """Show the version, instruction set, threads, BLAS and compiler of this installation.

    Parameters
    ----------
    mode : {"print", "dict"}, default="print"
        Print the facts, or return them.

    Returns
    -------
    dict or None
        With ``mode="dict"``: ``version``, ``isa``, ``isa_available``, ``threads`` (the most a call uses without
        ``n_threads``, see :mod:`fastmlp.engine.threads`), ``blas``, ``compiler``, ``numpy``, ``python``, ``machine``.

    Raises
    ------
    TypeError, ValueError
        If ``mode`` is neither of these.

    Examples
    --------
    >>> import fastmlp
    >>> fastmlp.show_config(mode="dict")["threads"] >= 1
    True
    """
    checks.choice("mode", mode, ("print", "dict"))
    numpy_config: dict[str, dict[str, dict[str, str]]] = np.show_config(mode="dicts")  # type: ignore[assignment]
    blas = numpy_config["Build Dependencies"]["blas"]
    facts: dict[str, object] = {
        "version": __version__,
        "isa": _kernels.current_isa(),
        "isa_available": list(_kernels.available_isas()),
        "threads": threads.available(),
        "blas": f"none used; NumPy has {blas.get('name')} {blas.get('version')}",
        "compiler": _kernels.compiler(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    if mode == "dict":
        return facts
    for name, value in facts.items():
        print(f"{name:14}{', '.join(value) if isinstance(value, list) else value}")
    return None
