"""Brings a database to the schema that a release needs, as its owner; or waits until somebody has, as the service."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg import sql

from ringfence_kernel.store.schema import Migration
from ringfence_kernel.store.sockets import parameters_of
from ringfence_kernel.telemetry import logs

POLL_SECONDS = 1.0
BOUND = "SET statement_timeout = '2s'"
"""While a migration is being applied, whoever looks would wait for it."""

_LOG = logs.get(__name__)


class SchemaNotThere(Exception):
    """The database has not come to the schema that this release needs within the time; the text says what is missing.

    `reason` is `DATABASE_UNREACHABLE`, or `SCHEMA_BEHIND` where it answers.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class MigrationsCollide(Exception):
    """Two migrations of a release have one number; the text names both."""


def apply_migrations(conninfo: str, application_role: str, migrations: Sequence[Migration]) -> list[int]:
    """Applies what is missing, each in a transaction of its own, as the owner role; returns the numbers applied.

    Raises MigrationsCollide, and has applied nothing, where two have one number: only one would ever be applied.
    """
    _require_numbers(migrations)
    applied = []
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            "number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        for migration in sorted(migrations, key=lambda each: each.number):
            with connection.transaction():
                connection.execute("LOCK TABLE schema_migrations")
                row = connection.execute(
                    "INSERT INTO schema_migrations (number, name) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING 1",
                    (migration.number, migration.name),
                ).fetchone()
                if row is not None:
                    role = sql.Identifier(application_role).as_string(connection)
                    connection.execute(migration.statements.replace("{application_role}", role).encode())
                    applied.append(migration.number)
    return applied


def await_migrations(
    conninfo: str,
    migrations: Sequence[Migration],
    timeout_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Returns as soon as all migrations are applied; asks as the service's own role, at least once.

    A database that does not answer, does not know the role or lets it see nothing yet is waited for. Raises
    SchemaNotThere when the time is over.
    """
    end, last_reason = time.monotonic() + timeout_seconds, ""
    while (problem := _problem(conninfo, migrations)) is not None:
        if time.monotonic() >= end:
            raise problem
        if problem.reason != last_reason:
            _LOG.warning("schema_awaited", reason=problem.reason, detail=str(problem))
        last_reason = problem.reason
        sleep(min(POLL_SECONDS, max(0.0, end - time.monotonic())))


def _require_numbers(migrations: Sequence[Migration]) -> None:
    names: dict[int, str] = {}
    for each in migrations:
        if each.number in names:
            raise MigrationsCollide(f"{names[each.number]!r} and {each.name!r} are both migration {each.number}")
        names[each.number] = each.name


def _problem(conninfo: str, migrations: Sequence[Migration]) -> SchemaNotThere | None:
    try:
        with psycopg.connect(**parameters_of(conninfo), autocommit=True) as connection:
            connection.execute(BOUND)
            missing = {each.number for each in migrations} - _applied(connection)
    except psycopg.errors.QueryCanceled:
        return SchemaNotThere("SCHEMA_BEHIND", "a migration is being applied")
    except psycopg.OperationalError as error:
        return SchemaNotThere("DATABASE_UNREACHABLE", str(error).strip().replace("\n", "; "))
    if not missing:
        return None
    return SchemaNotThere("SCHEMA_BEHIND", f"migrations {', '.join(map(str, sorted(missing)))} are not applied")


def _applied(connection: psycopg.Connection) -> set[int]:
    """Returns the numbers of what is applied; none before the owner has made the table, or lets the service see it."""
    try:
        return {number for (number,) in connection.execute("SELECT number FROM schema_migrations")}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return set()
