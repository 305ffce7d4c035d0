"""What PostgreSQL itself does on this machine, so that a figure means something elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

TABLE = """
CREATE TABLE control_rows (
    id uuid PRIMARY KEY, debit_account int, credit_account int, amount_minor bigint, position bigint
);
CREATE INDEX ON control_rows (debit_account, position);
CREATE INDEX ON control_rows (credit_account, position);
"""
COPY = "COPY control_rows FROM STDIN (FORMAT BINARY)"
TYPES = ["uuid", "int4", "int4", "int8", "int8"]
ACCOUNTS = 10_000


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


def copy_rows_per_second(conninfo: str, rows_per_commit: int, seconds: float) -> float:
    """Returns rows per second of binary COPY into a table with its primary key and two (account, position) indexes."""
    with control_table(conninfo) as connection:
        rows, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.set_types(TYPES)
                for row in range(rows, rows + rows_per_commit):
                    debit, credit = row * 7919 % ACCOUNTS, row * 104_729 % ACCOUNTS
                    copy.write_row((UUID(bytes=os.urandom(16)), debit, credit, 100, row))
            rows += rows_per_commit
        return rows / elapsed


def single_commits_per_second(conninfo: str, seconds: float) -> float:
    """Returns one-row commits per second by one connection."""
    with control_table(conninfo) as connection:
        rows, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            connection.execute(
                "INSERT INTO control_rows VALUES (%s, 1, 2, 100, %s)", (UUID(bytes=os.urandom(16)), rows), prepare=True
            )
            rows += 1
        return rows / elapsed
