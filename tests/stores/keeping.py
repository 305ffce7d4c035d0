"""Stores as files: the schema and the rows of a service's database, packed, and put back into an empty database.

A kept store depends on no code of ours: its schema is SQL as it was, its rows are PostgreSQL's own COPY text.
"""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql

SERVICES = ("identity", "custody", "payment-instruction", "audit")
MANIFEST = "manifest.json"
SCHEMA = "schema.sql"
ROWS = ".copy"
LEFT_OUT = "left out"
"""What stands in a kept store for a wrapped data key: keys are not kept."""
_ROLE = "{application_role}"
_READ = {
    "data_keys": sql.SQL(
        "SELECT subject, CASE WHEN wrapped IS NULL THEN NULL ELSE {} END, created_at, destroyed_at"
        " FROM data_keys ORDER BY subject"
    ).format(sql.Literal(LEFT_OUT))
}


@dataclass(frozen=True)
class StoredEvent:
    """An event of a store, its fields by name as they were written."""

    position: int
    topic: str
    fields: dict[str, Any]


def pack(connection: psycopg.Connection, schema: str, file: Path) -> None:
    """Writes a database, all tables of its public schema, beside the SQL that makes them."""
    with tarfile.open(file, "w:xz", preset=9) as archive:
        _add(archive, SCHEMA, schema.encode())
        for table in tables(connection):
            name = sql.Identifier(table)
            read = _READ.get(table) or sql.SQL("SELECT * FROM {} AS t ORDER BY t").format(name)
            with connection.cursor().copy(sql.SQL("COPY ({}) TO STDOUT").format(read)) as copy:
                _add(archive, f"{table}{ROWS}", b"".join(copy))


def restore(conninfo: str, application_role: str, file: Path) -> None:
    """Makes the schema as it was in an empty database, as its owner, and loads the rows."""
    with tarfile.open(file, "r:xz") as archive, psycopg.connect(conninfo) as connection:
        parts = {each.name: _content(archive, each) for each in archive.getmembers()}
        role = sql.Identifier(application_role).as_string(connection)
        connection.execute(parts.pop(SCHEMA).decode().replace(_ROLE, role).encode())
        for name, rows in parts.items():
            table = sql.Identifier(name.removesuffix(ROWS))
            # The schema itself puts the head of an empty feed there.
            connection.execute(sql.SQL("DELETE FROM {}").format(table))
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
                copy.write(rows)


def tables(connection: psycopg.Connection) -> list[str]:
    """The tables of the public schema, by name."""
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [name for (name,) in found]


def description(connection: psycopg.Connection) -> dict[str, Any]:
    """What the manifest says of a store: the head of its feed, events by topic, rows by table."""
    head = connection.execute("SELECT epoch, position, encode(hash, 'hex') FROM feed_head").fetchone()
    assert head is not None
    counted = connection.execute("SELECT topic, count(*) FROM stored_events GROUP BY 1 ORDER BY 1").fetchall()
    rows = {name: _count(connection, name) for name in tables(connection)}
    return {"epoch": head[0], "position": head[1], "hash": head[2], "topics": dict(counted), "rows": rows}


def events(connection: psycopg.Connection) -> Iterator[StoredEvent]:
    """The events in order of the feed, read without any code of the services (docs/formats.md)."""
    found = connection.execute("SELECT notification_id, topic, state FROM stored_events ORDER BY 1")
    for position, topic, state in found:
        _, _, _, fields = msgspec.msgpack.decode(state)
        yield StoredEvent(position, topic, fields)


def leaves(connection: psycopg.Connection) -> Iterator[bytes]:
    """The leaves of audit's log in order, out of its events."""
    for event in events(connection):
        if event.topic == "LeavesAppended.v1":
            yield from unbundled(event.fields["leaves"])
        elif event.topic == "LeavesDeflated.v1":
            yield from unbundled(zlib.decompress(event.fields["deflated"]))
        elif event.topic in ("ReadRecorded.v1", "StateRecorded.v1"):
            yield event.fields["leaf"]


def manifest(folder: Path) -> dict[str, Any]:
    """What is kept in a folder."""
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return found


def unbundled(bundle: bytes) -> Iterator[bytes]:
    """Reads a C2SP entry bundle: each leaf follows its length, 2 bytes, big-endian."""
    at = 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        yield bundle[at + 2 : end]
        at = end


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()
