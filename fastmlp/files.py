"""Files that users name or pass: read, and written whole or not at all."""

import contextlib
import fcntl
import io
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

_TEMPORARY = re.compile(r"\.fastmlp-[0-9a-f]{16}")


def path_of(name: str, value: Any, expected: str = "a path or an open binary file") -> Path:
    """A str, bytes or path object as a Path; TypeError or ValueError for what cannot be one."""
    if not _is_path(value):
        raise TypeError(f"{name} must be {expected}, got {value!r}")
    path = os.fsdecode(value)
    try:
        if path and b"\0" not in os.fsencode(path):
            return Path(path)
    except UnicodeEncodeError:
        pass
    raise ValueError(f"{name} must be a path that a file can have, got {path!r}")


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, bytes, os.PathLike))


# ---- reading


@contextlib.contextmanager
def opened_for_reading(name: str, value: Any) -> Iterator[tuple[IO[bytes], str]]:
    """Open a path, or take an open binary file from its present position to its end; with a name for messages.

    A file that cannot seek is read into memory.
    """
    if _is_path(value) or not hasattr(value, "read"):
        path = path_of(name, value)
        with _errors_name(path), path.open("rb") as opened:
            yield _seekable(opened), str(path)
        return
    _refuse_text(name, value, "reading", lambda: value.read(0) + b"")
    title = getattr(value, "name", None)
    file = _seekable(value)
    yield file, title if isinstance(title, str) else name
    file.seek(0, os.SEEK_END)


def _seekable(file: IO[bytes]) -> IO[bytes]:
    return file if hasattr(file, "seekable") and file.seekable() else io.BytesIO(file.read())


def _refuse_text(name: str, file: Any, purpose: str, attempt: Callable[[], object]) -> None:
    """Refuse text files, closed files and those that are open for something else."""
    try:
        attempt()
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must be open for {purpose} in binary mode, got {file!r}") from error


@contextlib.contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """Make errors of the system name this path, not another one and not none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename == str(path):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


# ---- writing


def write_to(name: str, value: Any, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write(file)`` with an open binary file, or write a path by :func:`write_whole`."""
    if _is_path(value) or not hasattr(value, "write"):
        write_whole(path_of(name, value), write)
        return
    _refuse_text(name, value, "writing", lambda: value.write(b""))
    if not isinstance(value, io.RawIOBase):
        write(value)
        return
    buffered = io.BufferedWriter(value)  # a raw file may take a part of the bytes only
    try:
        write(buffered)
    finally:
        buffered.detach()


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Call ``write(file)`` on a temporary file beside ``path``, then rename it to ``path``.

    A symbolic link is followed, and an existing file keeps its permissions.  The temporary file is locked while it is
    written.  Temporary files in the folder that are not locked were left by killed processes and are removed first.

    Raises
    ------
    OSError
        If the file cannot be written, or ``path`` exists and is not a regular file.  It names ``path``.
    """
    with _errors_name(path):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and not stat.S_ISREG(mode):
            raise OSError(f"{path} exists and is not a regular file")
        target = path.resolve()
        _remove_abandoned(target.parent)
        with _temporary(target.parent) as (file, temporary):
            write(file)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                temporary.chmod(stat.S_IMODE(mode))
            temporary.replace(target)


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Make a locked file, which is removed if an error comes."""
    path, file = _create(folder)
    try:
        with file:
            yield file, path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _create(folder: Path) -> tuple[Path, IO[bytes]]:
    while True:
        path = folder / f".fastmlp-{secrets.token_hex(8)}"
        file = path.open("xb")
        if _lock(file):
            return path, file
        file.close()


def _lock(file: IO[bytes]) -> bool:
    """Lock a new file; False if another save took it for abandoned before it was locked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks, where no file is taken for abandoned
    return os.fstat(file.fileno()).st_nlink > 0


def _remove_abandoned(folder: Path) -> None:
    """Remove the temporary files that no process has locked."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError), Path(entry.path).open("r+b") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    Path(entry.path).unlink()
