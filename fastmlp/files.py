"""Writing files whole or not at all."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write(file)`` on a temporary file beside ``path``, then put it in place in one step.

    A symbolic link is followed, an existing file keeps its permissions, and what is no regular file
    is refused.
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
