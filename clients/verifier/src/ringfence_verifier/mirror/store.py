"""What a mirror holds of each log, durably, in SQLite: entries with their tiles, and the checkpoint that it cosigned.

An entry that is read back is compared with its hash, and a full tile that is served with the hash above it, which is in
another row: one that was changed is named. All tiles are compared when a process starts, up to the root that was
cosigned; what somebody changes after that in several rows at once, or in a tile that is not full, is found by whoever
reads it under the checkpoint.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ringfence_verifier.durable import Database
from ringfence_verifier.errors import VerificationError
from ringfence_verifier.proofs import HASH_BYTES, leaf_hash
from ringfence_verifier.tiles import TILE_WIDTH, edge_root, fold, tile_path

FILE = "mirror.sqlite"
TABLES = (
    "CREATE TABLE bundles (origin TEXT NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL, entries BLOB NOT NULL,"
    " PRIMARY KEY (origin, number)) STRICT",
    "CREATE TABLE tiles (origin TEXT NOT NULL, level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL,"
    " PRIMARY KEY (origin, level, number)) STRICT",
    "CREATE TABLE pending (origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL,"
    " PRIMARY KEY (origin, size)) STRICT",
    "CREATE TABLE cosigned (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL,"
    " cosignatures TEXT NOT NULL) STRICT",
    "CREATE TABLE progress (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, sha256 BLOB NOT NULL, saved BLOB NOT NULL)"
    " STRICT",
    "CREATE TABLE reads (number INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL,"
    " certificate_sha256 TEXT NOT NULL, path TEXT NOT NULL, unix_seconds INTEGER NOT NULL) STRICT",
    *(
        f"CREATE TRIGGER reads_are_not_{verb.lower()}d BEFORE {verb} ON reads"
        " BEGIN SELECT RAISE(ABORT, 'what was read stays'); END"
        for verb in ("UPDATE", "DELETE")
    ),
)
LATEST_PENDING = 16
LONGEST_BUNDLE = TILE_WIDTH * (2 + 65_535)


class MirrorDamaged(VerificationError):
    """What this mirror holds is not what it has written; the text names the row."""


@dataclass(frozen=True)
class Held:
    """A checkpoint: size, root, its note, and the lines of this mirror's cosignatures where it holds all of it."""

    size: int
    root: bytes
    note: str
    cosignatures: str = ""


class Store:
    """The mirror's database. It is never made anew beside keys that have signed."""

    def __init__(self, folder: Path) -> None:
        """Opens what `make` has made; raises sqlite3.Error where there is nothing, or MirrorDamaged."""
        self._database = Database(folder / FILE)
        with self._database.connection() as connection:
            try:
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            except sqlite3.DatabaseError as error:
                found = str(error)
        if found != "ok":
            raise MirrorDamaged(f"{FILE}: {found}")

    @classmethod
    def make(cls, folder: Path) -> Store:
        """Makes an empty one; raises FileExistsError where there is one."""
        Database.make(folder / FILE, ((statement, ()) for statement in TABLES))
        return cls(folder)

    def entries_held(self, origin: str) -> int:
        """Gives the index of the first entry that is not there."""
        with self._database.connection() as connection:
            return _held(connection, origin)

    def append(self, origin: str, first: int, entries: Sequence[bytes]) -> int:
        """Adds entries from index `first` on, those that are there already left out; gives the next index.

        They are durable, with their tiles, when this returns. Raises VerificationError where some before are missing.
        """
        with self._database.turn() as connection:
            held = _held(connection, origin)
            if first > held:
                raise VerificationError(f"the entries from {held} to {first} are missing")
            new = list(entries[held - first :])
            while new:
                number, count = divmod(held, TILE_WIDTH)
                part, new = new[: TILE_WIDTH - count], new[TILE_WIDTH - count :]
                _add(connection, origin, number, part)
                held += len(part)
            return held

    def hashes(self, origin: str, level: int, number: int, width: int) -> bytes:
        """Gives the first hashes of a tile; raises MirrorDamaged where there are fewer."""
        with self._database.connection() as connection:
            found = _hashes(connection, origin, level, number)
        if len(found) < width * HASH_BYTES:
            raise MirrorDamaged(f"{tile_path(level, number, width)} of {origin} is not held whole")
        return found[: width * HASH_BYTES]

    def tile(self, origin: str, level: int, number: int, width: int) -> bytes:
        """Gives the first hashes of a tile to serve; raises MirrorDamaged where it is not what was written.

        A full one is compared with the hash in the tile above.
        """
        found = self.hashes(origin, level, number, width)
        if width == TILE_WIDTH:
            self._check_tile(origin, level, number, found)
        return found

    def record_read(self, origin: str, certificate_sha256: str, path: str, unix_seconds: int) -> None:
        """Records for good that entries are about to be given out, and to whom."""
        with self._database.turn() as connection:
            connection.execute(
                "INSERT INTO reads (origin, certificate_sha256, path, unix_seconds) VALUES (?, ?, ?, ?)",
                (origin, certificate_sha256, path, unix_seconds),
            )

    def reads(self, after: int = 0) -> Iterator[tuple[int, str, str, str, int]]:
        """Yields what was given out, oldest first: number, origin, SHA-256 of the certificate, path, Unix seconds."""
        with self._database.connection() as connection:
            yield from connection.execute(
                "SELECT number, origin, certificate_sha256, path, unix_seconds FROM reads WHERE number > ?"
                " ORDER BY number",
                (after,),
            )

    def bundle(self, origin: str, number: int, width: int) -> bytes:
        """Gives the first entries of a bundle as C2SP tlog-tiles has them; raises MirrorDamaged where they changed."""
        content, end = self._entries(origin, number), 0
        for _ in range(width):
            end += 2 + int.from_bytes(content[end : end + 2], "big")
        return content[:end]

    def leaves(self, origin: str, start: int, end: int) -> Iterator[bytes]:
        """Yields the entries from `start` to `end`; raises MirrorDamaged where one changed, or is missing."""
        for number in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = number * TILE_WIDTH
            found = list(split(self._entries(origin, number)))
            if len(found) < min(end - first, TILE_WIDTH):
                raise MirrorDamaged(
                    f"{tile_path(0, number, TILE_WIDTH, of_entries=True)} of {origin} is not held whole"
                )
            yield from found[max(start - first, 0) : end - first]

    def root(self, origin: str, size: int) -> bytes:
        """Gives the root of what is held, from its tiles; raises MirrorDamaged where there is less."""
        return edge_root(size, lambda level, number, width: self.hashes(origin, level, number, width))

    def check_tiles(self, origin: str, size: int) -> None:
        """Compares every full tile with the hash above it; raises MirrorDamaged, naming the first that is another."""
        level = 0
        while size >> 8 * (level + 1):
            for number in range(size >> 8 * (level + 1)):
                self._check_tile(origin, level, number, self.hashes(origin, level, number, TILE_WIDTH))
            level += 1

    def pend(self, origin: str, checkpoint: Held) -> None:
        """Remembers a checkpoint up to which entries are taken; the latest few are kept."""
        with self._database.turn() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?)",
                (origin, checkpoint.size, checkpoint.root, checkpoint.note),
            )
            connection.execute(
                "DELETE FROM pending WHERE origin = ?1 AND size NOT IN"
                " (SELECT size FROM pending WHERE origin = ?1 ORDER BY size DESC LIMIT ?2)",
                (origin, LATEST_PENDING),
            )

    def pending(self, origin: str) -> dict[int, Held]:
        """Gives those checkpoints by size, the largest last."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "SELECT size, root, note FROM pending WHERE origin = ? ORDER BY size", (origin,)
            ).fetchall()
        return {row[0]: Held(*row) for row in rows}

    def cosigned(self, origin: str) -> Held | None:
        """Gives the checkpoint that was cosigned last, if any."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT size, root, note, cosignatures FROM cosigned WHERE origin = ?", (origin,)
            ).fetchone()
        return Held(*row) if row else None

    def cosign(self, origin: str, checkpoint: Held) -> bool:
        """Puts a cosigned checkpoint in place of a smaller one; False where there is a larger one."""
        with self._database.turn() as connection:
            row = connection.execute("SELECT size FROM cosigned WHERE origin = ?", (origin,)).fetchone()
            if row and row[0] > checkpoint.size:
                return False
            connection.execute(
                "INSERT OR REPLACE INTO cosigned VALUES (?, ?, ?, ?, ?)",
                (origin, checkpoint.size, checkpoint.root, checkpoint.note, checkpoint.cosignatures),
            )
            return True

    def progress(self, origin: str) -> tuple[int, bytes, bytes] | None:
        """Gives at which size what was read was saved, its SHA-256, and it."""
        with self._database.connection() as connection:
            row = connection.execute("SELECT size, sha256, saved FROM progress WHERE origin = ?", (origin,)).fetchone()
        return (row[0], row[1], row[2]) if row else None

    def save_progress(self, origin: str, size: int, sha256: bytes, saved: bytes) -> None:
        """Saves what was read in place of what was saved before."""
        with self._database.turn() as connection:
            connection.execute("INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?)", (origin, size, sha256, saved))

    def _check_tile(self, origin: str, level: int, number: int, hashes: bytes) -> None:
        above, at = divmod(number, TILE_WIDTH)
        if fold(hashes) != self.hashes(origin, level + 1, above, at + 1)[at * HASH_BYTES :]:
            raise MirrorDamaged(f"{tile_path(level, number, TILE_WIDTH)} of {origin} is not what was written")

    def _entries(self, origin: str, number: int) -> bytes:
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT hashes, entries FROM bundles WHERE origin = ? AND number = ?", (origin, number)
            ).fetchone()
        name = f"{tile_path(0, number, TILE_WIDTH, of_entries=True)} of {origin}"
        if row is None:
            raise MirrorDamaged(f"{name} is not held whole")
        try:
            content = _unpacked(row[1])
            found = b"".join(leaf_hash(entry) for entry in split(content))
        except (zlib.error, VerificationError) as error:
            raise MirrorDamaged(f"{name} is not what was written ({error})") from None
        if found != row[0]:
            raise MirrorDamaged(f"{name} is not what was written")
        return content


def split(bundle: bytes) -> Iterator[bytes]:
    """Yields the entries of a bundle (C2SP tlog-tiles); raises VerificationError where it is cut short."""
    at = 0
    while at < len(bundle):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        if start > len(bundle) or at > len(bundle):
            raise VerificationError("the entry bundle is cut short")
        yield bundle[start:at]


def _held(connection: sqlite3.Connection, origin: str) -> int:
    row = connection.execute(
        "SELECT number, length(hashes) FROM bundles WHERE origin = ? ORDER BY number DESC LIMIT 1", (origin,)
    ).fetchone()
    return row[0] * TILE_WIDTH + row[1] // HASH_BYTES if row else 0


def _add(connection: sqlite3.Connection, origin: str, number: int, entries: Sequence[bytes]) -> None:
    """Adds entries to a bundle, and the hash of one that is full to the tiles above."""
    row = connection.execute(
        "SELECT hashes, entries FROM bundles WHERE origin = ? AND number = ?", (origin, number)
    ).fetchone()
    hashes, content = (row[0], _unpacked(row[1])) if row else (b"", b"")
    hashes += b"".join(leaf_hash(entry) for entry in entries)
    content += b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
    packed = zlib.compress(content, 1)
    connection.execute("INSERT OR REPLACE INTO bundles VALUES (?, ?, ?, ?)", (origin, number, hashes, packed))
    level = 0
    while len(hashes) == TILE_WIDTH * HASH_BYTES:
        level, above = level + 1, number // TILE_WIDTH
        held = _hashes(connection, origin, level, above)[: number % TILE_WIDTH * HASH_BYTES]
        hashes, number = held + fold(hashes), above
        connection.execute("INSERT OR REPLACE INTO tiles VALUES (?, ?, ?, ?)", (origin, level, number, hashes))


def _hashes(connection: sqlite3.Connection, origin: str, level: int, number: int) -> bytes:
    table = "tiles WHERE level = ?2 AND" if level else "bundles WHERE ?2 = 0 AND"
    statement = f"SELECT hashes FROM {table} origin = ?1 AND number = ?3"  # nosec B608 # one of two texts above
    row = connection.execute(statement, (origin, level, number)).fetchone()
    return bytes(row[0]) if row else b""


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(packed, LONGEST_BUNDLE)
    if not unpacking.eof:
        raise VerificationError("it is longer than a bundle, or cut short")
    return content
