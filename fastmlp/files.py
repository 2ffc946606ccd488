"""Writing files whole or not at all."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write(file)`` on a temporary file beside ``path``, then rename it to ``path``.

    A symbolic link is followed, and an existing file keeps its permissions.  OSError if ``path`` exists and is not a
    regular file.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise OSError(f"{path} exists and is not a regular file")
    temporary = target.parent / f".fastmlp-{secrets.token_hex(8)}"
    with temporary.open("xb") as file:
        try:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            if target.exists():
                temporary.chmod(target.stat().st_mode)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
