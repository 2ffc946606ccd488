"""Arrays in a ``.npz`` file: written to any binary file, and read in no more memory than the file has bytes.

Only files as :func:`write` makes them are read.  Their entries are not compressed, apart from the version of a later
file, and start with the header that NumPy writes, so a file contains every byte that it declares.  The dtype, shape and
size of an entry are known, and have been compared with each other, before the entry is read.
"""

import contextlib
import math
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

MOST_AT_ONCE = 2**17  # bytes of one read of the file; the directory of the zip archive is one
_PIECE = 2**16  # bytes of one read of an entry
_START = b"PK\x03\x04"  # of a zip archive
_MAGIC = b"\x93NUMPY\x01\x00"  # version 1.0 of NumPy's format; two bytes follow with the length of the header
_MOST_HEADER = 256  # bytes
_MAY_BE_DEFLATED, _SHORT = "version", 1024  # bytes unfolded: a later version that compresses its files is still named
_HEADER = re.compile(rb"\{'descr': '(<[fiU]\d{1,8})', 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n")


def write(file: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays in C order as ``numpy.savez`` does, from front to back."""
    sink: Any = _Sink(file)
    with zipfile.ZipFile(sink, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)


class _Sink:
    """The methods of a file that zipfile needs for an archive that is written from front to back."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.flush = getattr(file, "flush", lambda: None)

    def write(self, data: bytes) -> int:
        self._file.write(data)
        return len(data)


class Entries:
    """The arrays in a file.

    Parameters
    ----------
    file : binary file
        It is taken from its present position to its end, and must be able to seek.

    Attributes
    ----------
    names : set of str

    Raises
    ------
    ValueError
        If the file is no such archive, or has two entries of one name.
    """

    def __init__(self, file: IO[bytes]) -> None:
        window: Any = _Window(file)
        if window.size <= 0:
            raise ValueError("it is at its end; call file.seek(0) first" if window.start else "it is empty")
        window.seek(0)
        if window.read(len(_START)) != _START:
            raise ValueError("it does not start as a zip archive")
        with _damage(f"it is damaged or cut short, or its directory takes over {MOST_AT_ONCE} bytes"):
            self._archive = zipfile.ZipFile(window)
        self._size = window.size
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in self._members:
                raise ValueError(f"two entries are called {name[:40]!r}")
            self._members[name] = member
        self.names = set(self._members)

    def header(self, name: str) -> tuple[np.dtype, tuple[int, ...]]:
        """Return the dtype and the shape of an entry; ValueError if its size is another one."""
        member = self._members[name]
        is_stored = member.compress_type == zipfile.ZIP_STORED
        if not is_stored and (name != _MAY_BE_DEFLATED or not _is_short_and_deflated(member)):
            raise ValueError(f"{name} is compressed")
        if is_stored and not member.file_size == member.compress_size <= self._size:
            raise ValueError(f"{name} declares {member.file_size} bytes, more than the file has")
        with self._open(name) as stream:
            start = stream.read(len(_MAGIC) + 2 + _MOST_HEADER)
        data = len(_MAGIC) + 2 + int.from_bytes(start[len(_MAGIC) : len(_MAGIC) + 2], "little")
        found = _HEADER.fullmatch(start[len(_MAGIC) + 2 : data])
        if found is None or not start.startswith(_MAGIC):
            raise ValueError(f"{name} has no header of an array of numbers or text in C order")
        with _damage(f"{name} has an unknown dtype"):
            dtype = np.dtype(found[1].decode())
        shape = tuple(int(length) for length in found[2].decode().split(",") if length.strip())
        if dtype.itemsize == 0 or data + math.prod(shape) * dtype.itemsize != member.file_size:
            raise ValueError(f"{name} cannot have shape {shape} and dtype {dtype} in {member.file_size} bytes")
        return dtype, shape

    def read(self, name: str) -> np.ndarray:
        """Read an entry."""
        dtype, shape = self.header(name)
        array = np.empty(shape, dtype)
        target = array.reshape(-1).view(np.uint8)
        with self._open(name) as stream:
            stream.seek(self._members[name].file_size - array.nbytes)
            for at in range(0, len(target), _PIECE):
                stream.readinto(target[at : at + _PIECE])
        return array

    @contextlib.contextmanager
    def _open(self, name: str) -> Iterator[Any]:
        with _damage(f"{name} is damaged"), self._archive.open(self._members[name]) as stream:
            yield stream


def _is_short_and_deflated(member: zipfile.ZipInfo) -> bool:
    return member.compress_type == zipfile.ZIP_DEFLATED and member.file_size <= _SHORT


class _Window:
    """A file from its present position on.  No read is larger than ``MOST_AT_ONCE``, whatever the archive says."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.start = file.tell()
        file.seek(0, os.SEEK_END)
        self.size = file.tell() - self.start

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell() - self.start

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> None:
        place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.size}[whence]
        if not 0 <= place <= self.size:
            raise ValueError(f"place {place} of {self.size}")
        self._file.seek(self.start + place)

    def read(self, size: int = -1) -> bytes:
        size = self.size - self.tell() if size < 0 else size
        if size > MOST_AT_ONCE:
            raise ValueError(f"{size} bytes at once")
        return self._file.read(size)


@contextlib.contextmanager
def _damage(what: str) -> Iterator[None]:
    """Say ``what`` in place of the errors of any kind that zipfile and NumPy raise for damaged files."""
    try:
        yield
    except (MemoryError, OSError):
        raise
    except Exception as error:
        if isinstance(error.__context__, OSError):  # zipfile takes a file that cannot be read for a damaged one
            raise error.__context__ from None
        raise ValueError(what) from error
