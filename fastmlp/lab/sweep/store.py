"""A folder that keeps the finished runs of a sweep: one SQLite file, one transaction for each run.

A process that is killed loses the runs that it had not finished.  Several processes may use a folder at a time.
"""

import contextlib
import fcntl
import json
import math
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import files
from fastmlp.lab.sweep.case import Result

FILE = "runs.sqlite"
KIND = 0x666D6C70  # SQLite's application_id of these files: "fmlp"
FORMAT = 1  # SQLite's user_version
PATIENCE = 60  # seconds for which a process waits while another one writes
TABLES = """
CREATE TABLE sweep (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE runs (
    configuration TEXT, seed INTEGER, first_loss REAL, final_loss REAL, train_score REAL, test_score REAL,
    outcome TEXT, epoch INTEGER, reason TEXT, seconds REAL, losses BLOB, checksum INTEGER,
    PRIMARY KEY (configuration, seed)
) WITHOUT ROWID;
"""
FLOATS = ("first_loss", "final_loss", "train_score", "test_score", "seconds")
FIELDS = ("first_loss", "final_loss", "train_score", "test_score", "outcome", "epoch", "reason", "seconds")


class Store:
    """The finished runs in a folder, which is made if there is none.

    Parameters
    ----------
    folder : path
    identity : dict of str
        What the runs depend on but for configuration and seed; a folder of another sweep is refused.
    maker : str
        The version and kernels that make the runs.

    Raises
    ------
    ValueError
        If the folder holds other files, another sweep, or a damaged file, which stays as it is.
    OSError
        If the folder cannot be read or written.
    """

    def __init__(self, folder: Any, identity: dict[str, str], maker: str) -> None:
        self.folder = files.path_of("folder", folder, "a path")
        self.path = self.folder / FILE
        self.maker = maker
        self._prepare()
        with self._errors():
            self._connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            with _alone_in(self.folder), self._errors():
                self._open(identity)
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        """Make the folder, or refuse one that is not a sweep's, before SQLite writes to it."""
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"folder must be a folder, {self.folder} is a file")
        self.folder.mkdir(parents=True, exist_ok=True)
        others = sorted(entry.name for entry in self.folder.iterdir() if not entry.name.startswith((FILE, ".")))
        if others and not self.path.exists():
            raise ValueError(f"folder must be new or that of a sweep, {self.folder} holds other files: {others[0]}")

    def _open(self, identity: dict[str, str]) -> None:
        """Compare the file with the sweep, or make its tables."""
        execute = self._connection.execute
        execute("PRAGMA journal_mode = WAL")  # a killed process leaves whole transactions
        execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            (kind,), (version,) = (execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version"))
            (n_tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
            if not kind and not n_tables:
                for statement in TABLES.split(";")[:-1]:
                    execute(statement)
                execute(f"PRAGMA application_id = {KIND}")
                execute(f"PRAGMA user_version = {FORMAT}")
                execute("INSERT INTO sweep VALUES ('made by', ?)", (self.maker,))
                self._connection.executemany("INSERT INTO sweep VALUES (?, ?)", identity.items())
        if n_tables and (kind != KIND or version != FORMAT):
            raise ValueError(f"{self.path} is no file of a sweep that this version of fastmlp can read")
        if execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its check finds errors")
        found = dict(execute("SELECT name, value FROM sweep"))
        self.made_by = found.pop("made by", "")
        differences = [
            f"{name} was {found.get(name, 'unknown')} and is {identity.get(name, 'unknown')}"
            for name in {**identity, **found}
            if found.get(name) != identity.get(name)
        ]
        if differences:
            raise ValueError(f"{self.folder} holds the runs of another sweep: {'; '.join(differences)}")

    def check_maker(self) -> None:
        """Refuse to add runs to those of another version or other kernels, whose bits may differ."""
        if self.made_by != self.maker:
            raise ValueError(
                f"{self.folder} holds runs made by {self.made_by}, whose bits those made by {self.maker} may not have; "
                "take another folder"
            )

    def results(self) -> Iterator[tuple[str, int, Result]]:
        """Yield the key of a configuration, the seed and the result of every finished run."""
        columns = ", ".join(["configuration", "seed", *FIELDS, "losses", "checksum"])
        with self._errors():
            for key, seed, *values, losses, checksum in self._connection.execute(f"SELECT {columns} FROM runs"):
                if not _is_whole(key, seed, values, losses, checksum):
                    raise sqlite3.DatabaseError(f"the run of seed {seed} of {key} has changed")
                row = dict(zip(FIELDS, values, strict=True))
                row.update((name, math.nan) for name in FLOATS if row[name] is None)
                yield key, seed, Result(np.frombuffer(losses, np.float64), **row)

    def add(self, key: str, seed: int, result: Result) -> None:
        """Keep a finished run; one that another process has kept meanwhile stays."""
        values = [getattr(result, name) for name in FIELDS]
        values = [None if value != value else value for value in values]  # as SQLite stores NaN
        losses = result.losses.tobytes()
        row = [key, seed, *values, losses, _checksum(key, seed, values, losses)]
        names = ", ".join(["configuration", "seed", *FIELDS, "losses", "checksum"])
        with self._errors(), self._transaction():
            self._connection.execute(f"INSERT OR IGNORE INTO runs ({names}) VALUES ({', '.join('?' * len(row))})", row)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, alone among all processes."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Say in place of SQLite's errors what is wrong with the file."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(f"{self.path} cannot be read and written: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ValueError(
                f"{self.path} is damaged or no file of a sweep: {error}. It stays as it is; take another folder"
            ) from error


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time open the file: SQLite does not wait for another one that changes its journal's mode."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_whole(key: Any, seed: Any, values: Iterable[Any], losses: Any, checksum: Any) -> bool:
    """Whether a row is as it was written; damage may have changed also the types."""
    try:
        return bool(checksum == _checksum(key, seed, values, losses))
    except TypeError:
        return False


def _checksum(key: str, seed: int, values: Iterable[Any], losses: bytes) -> int:
    """Return a number that changes with any value of a run."""
    return zlib.crc32(losses, zlib.crc32(json.dumps([key, seed, *values]).encode()))
