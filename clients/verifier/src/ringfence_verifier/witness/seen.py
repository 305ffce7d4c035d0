"""What a witness has seen of each log, durably, in SQLite: the newest checkpoint that it cosigned."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ringfence_verifier.durable import Database

FILE = "seen.sqlite"
TABLES = (
    "CREATE TABLE witness (name TEXT NOT NULL)",
    "CREATE TABLE seen (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL) STRICT",
)


@dataclass(frozen=True)
class SeenCheckpoint:
    """A log's size and root as they were cosigned last, and the note as it was handed in."""

    size: int
    root: bytes
    note: str


class Seen:
    """The witness's memory. It is never made anew beside keys that have signed: what they signed would be forgotten."""

    def __init__(self, folder: Path) -> None:
        """Opens what `make` has made; raises sqlite3.OperationalError where there is nothing."""
        self._database = Database(folder / FILE)
        with self._database.connection() as connection:
            (self.name,) = connection.execute("SELECT name FROM witness").fetchone()

    @classmethod
    def make(cls, folder: Path, name: str) -> Seen:
        """Makes an empty one for a witness of that name; raises FileExistsError where there is one."""
        tables = ((statement, ()) for statement in TABLES)
        Database.make(folder / FILE, (*tables, ("INSERT INTO witness VALUES (?)", (name,))))
        return cls(folder)

    def of(self, origin: str) -> SeenCheckpoint | None:
        """Gives what was cosigned last, if anything."""
        with self._database.connection() as connection:
            return _read(connection, origin)

    @contextmanager
    def turn(self, origin: str) -> Iterator[Turn]:
        """Holds the one turn in which what was seen is looked at and replaced: durable when the block is left."""
        with self._database.turn() as connection:
            yield Turn(connection, origin)


@dataclass(frozen=True)
class Turn:
    """Nobody else looks at or replaces what was seen of a log meanwhile."""

    connection: sqlite3.Connection
    origin: str

    def seen(self) -> SeenCheckpoint | None:
        """Gives what was cosigned last, if anything."""
        return _read(self.connection, self.origin)

    def replace(self, seen: SeenCheckpoint) -> None:
        """Puts something newer in its place."""
        self.connection.execute(
            "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT (origin)"
            " DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note",
            (self.origin, seen.size, seen.root, seen.note),
        )


def _read(connection: sqlite3.Connection, origin: str) -> SeenCheckpoint | None:
    row = connection.execute("SELECT size, root, note FROM seen WHERE origin = ?", (origin,)).fetchone()
    return SeenCheckpoint(*row) if row else None
