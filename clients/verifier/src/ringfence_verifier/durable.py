"""A file of SQLite that is made once and never silently anew; what was committed outlives a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_SECONDS = 10.0
"""For so long a turn of somebody else is waited for."""


class Database:
    """Opens a file for each use, so that any thread may; each raises sqlite3.OperationalError where there is none."""

    def __init__(self, file: Path) -> None:
        """Takes the file that `make` has made."""
        self._uri = f"{file.absolute().as_uri()}?mode=rw"

    @classmethod
    def make(cls, file: Path, statements: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        """Makes the file by statements with their parameters; raises FileExistsError where there is one."""
        file.touch(mode=0o600, exist_ok=False)
        with cls(file).turn() as connection:
            for statement, parameters in statements:
                connection.execute(statement, parameters)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Reads, or writes each statement by itself."""
        connection = sqlite3.connect(self._uri, uri=True, timeout=WAIT_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = EXTRA")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """Holds the one turn in which something is looked at and written: all of it, durable when the block is left."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
