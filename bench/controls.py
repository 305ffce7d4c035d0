"""What PostgreSQL itself does on this machine with the same fsync, so that a figure means something elsewhere.

Both sides get their rows as columns that were made ahead: the ledger's as requests, these as lists of bytes. Ids are
random on both sides.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

import psycopg
from psycopg.pq import ExecStatus, Format

from bench import echo
from bench.load import Job, Seen
from bench.rows import Row, row
from bench.stack import MeasuredStack

TABLE = """
CREATE TABLE control_rows (
    id uuid PRIMARY KEY, debit_account int, credit_account int, amount_minor bigint, position bigint
);
CREATE INDEX ON control_rows (debit_account, position);
CREATE INDEX ON control_rows (credit_account, position);
"""
COPY = "COPY control_rows FROM STDIN (FORMAT BINARY)"
INSERT = b"INSERT INTO control_rows VALUES ($1, $2, $3, $4, $5)"
HEADER, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
WIDTHS = (16, 4, 4, 8, 8)
TEMPLATE = len(WIDTHS).to_bytes(2, "big") + b"".join(width.to_bytes(4, "big") + bytes(width) for width in WIDTHS)
SUSTAINED, TRANSPORT = "copy_sustained", "transport"
ACCOUNTS = 10_000
AMOUNT = (100).to_bytes(8, "big")

Run = Callable[[psycopg.Connection, int, float, Seen], None]


@dataclass
class Controls:
    """Runs the controls, and pools what each size has shown in the whole run."""

    seconds: float
    seen: dict[tuple[str, int], Seen] = field(default_factory=dict)
    callers: dict[str, int] = field(default_factory=dict)

    def measure(self, measured: MeasuredStack, per_request: int) -> tuple[str, float]:
        """Runs the control for a size on the stack's own server; returns its name and its rows per second."""
        name, run = ("single_commit", single_commits) if per_request == 1 else ("copy", copies)
        return name, self._measure(name, run, measured, per_request, self.seconds)

    def sustained(self, measured: MeasuredStack, per_request: int, seconds: float) -> tuple[str, float]:
        """Runs `copy` for as long as what it is the control of: the larger its indexes, the slower it is."""
        return SUSTAINED, self._measure(SUSTAINED, copies, measured, per_request, seconds)

    def _measure(self, name: str, run: Run, measured: MeasuredStack, per_request: int, seconds: float) -> float:
        seen = Seen()
        with control_table(measured.control_conninfo()) as connection, measured.cpu.during(seen.cpu):
            run(connection, per_request, seconds, seen)
        self.seen.setdefault((name, per_request), Seen()).add(seen)
        return seen.per_second

    def transport(self, jobs: Iterable[Job], callers: int) -> float:
        """Runs requests of one row against a gRPC server that does nothing; returns requests per second."""
        seen = echo.transport(jobs, callers, self.seconds)
        self.seen.setdefault((TRANSPORT, 1), Seen()).add(seen)
        self.callers[TRANSPORT] = callers
        return seen.per_second

    def rows(self) -> list[Row]:
        """Returns the controls as rows of their own."""
        return [
            row(name, per_request, self.callers.get(name, 1), seen, None)
            for (name, per_request), seen in self.seen.items()
        ]


@contextmanager
def control_table(conninfo: str) -> Iterator[psycopg.Connection]:
    """Lends a connection to a database with an empty control table, and drops the table afterwards."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS control_rows")
        connection.execute(TABLE)
        try:
            yield connection
        finally:
            connection.execute("DROP TABLE control_rows")


def copies(connection: psycopg.Connection, per_commit: int, seconds: float, seen: Seen) -> None:
    """Commits rows by binary COPY into a table with its primary key and two (account, position) indexes."""
    prepared = [columns(per_commit, at) for at in range(0, 16 * per_commit, per_commit)]
    while seen.seconds < seconds:
        made = prepared[len(seen.latencies_ms) % len(prepared)]
        # The others may come again, an id may not.
        made[0] = os.urandom(16 * per_commit)
        began = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.write(HEADER + packed(made, per_commit) + TRAILER)
        _note(seen, began, per_commit)


def columns(count: int, first: int) -> list[bytes]:
    """Returns `count` rows as columns of big-endian bytes, without ids."""
    random = Random(first)
    accounts = [b"".join(random.randrange(ACCOUNTS).to_bytes(4, "big") for _ in range(count)) for _ in range(2)]
    positions = b"".join(position.to_bytes(8, "big") for position in range(first, first + count))
    return [b"", *accounts, AMOUNT * count, positions]


def packed(made: list[bytes], count: int) -> bytes:
    """Returns columns as rows of binary COPY: each byte of a column is written into all rows at once."""
    rows, offset = bytearray(TEMPLATE * count), 2
    for column, width in zip(made, WIDTHS, strict=True):
        offset += 4
        for byte in range(width):
            rows[offset + byte :: len(TEMPLATE)] = column[byte::width]
        offset += width
    return bytes(rows)


def single_commits(connection: psycopg.Connection, per_commit: int, seconds: float, seen: Seen) -> None:
    """Commits one row at a time by one connection: a prepared statement with binary parameters, straight to libpq."""
    server = connection.pgconn
    server.prepare(b"insert", INSERT)
    formats = [Format.BINARY] * len(WIDTHS)
    one, other = (account.to_bytes(4, "big") for account in (1, 2))
    while seen.seconds < seconds:
        position = seen.rows.to_bytes(8, "big")
        began = time.perf_counter()
        done = server.exec_prepared(b"insert", [os.urandom(16), one, other, AMOUNT, position], formats)
        if done.status != ExecStatus.COMMAND_OK:
            raise RuntimeError(done.error_message.decode())
        _note(seen, began, per_commit)


def _note(seen: Seen, began: float, rows: int) -> None:
    took = time.perf_counter() - began
    seen.rows += rows
    seen.seconds += took
    seen.latencies_ms.append(took * 1_000)
