"""Waiting for a schema that somebody else makes, on real PostgreSQL, with the service's own role."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from ringfence_kernel.store import (
    Migration,
    MigrationsCollide,
    SchemaNotThere,
    apply_migrations,
    await_migrations,
    event_store_migrations,
)
from ringfence_local_stack.servers.database import Database
from ringfence_local_stack.servers.postgres import PostgresServer

OWN = Migration(100, "own table", "CREATE TABLE own (id int PRIMARY KEY)")
NEWER = Migration(101, "newer table", "CREATE TABLE newer (id int PRIMARY KEY)")
TIMEOUT_SECONDS = 20.0


class Meanwhile:
    """What others do while somebody waits: one step per pause."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        """Takes the steps in order."""
        self.left = list(steps)

    def __call__(self, seconds: float) -> None:
        """Stands in for a pause."""
        self.left.pop(0)()


def test_it_waits_for_every_migration_that_it_knows(database: Callable[[str], Database]) -> None:
    """Nothing, then the event store, then the service's own: only with the last is it there."""
    fresh = database("custody")
    needed = [*event_store_migrations(), OWN]
    meanwhile = Meanwhile(
        lambda: None,
        lambda: apply_migrations(fresh.owner_conninfo, fresh.app_role, event_store_migrations()),
        lambda: apply_migrations(fresh.owner_conninfo, fresh.app_role, needed),
    )
    await_migrations(fresh.app_conninfo, needed, TIMEOUT_SECONDS, meanwhile)
    assert meanwhile.left == []


def test_two_migrations_of_one_number_are_refused(database: Callable[[str], Database]) -> None:
    """Of two branches that chose the same number one would never be applied; both are named, and nothing is done."""
    fresh = database("custody")
    other = Migration(OWN.number, "other table", "CREATE TABLE other (id int PRIMARY KEY)")
    with pytest.raises(MigrationsCollide, match="'own table' and 'other table' are both migration 100"):
        apply_migrations(fresh.owner_conninfo, fresh.app_role, [*event_store_migrations(), OWN, other])
    with psycopg.connect(fresh.owner_conninfo) as connection:
        assert connection.execute("SELECT to_regclass('own'), to_regclass('stored_events')").fetchone() == (None, None)


def test_a_newer_schema_is_there_for_an_older_release(database: Callable[[str], Database]) -> None:
    """After a rollback the older release does not wait for anything."""
    fresh = database("custody")
    apply_migrations(fresh.owner_conninfo, fresh.app_role, [*event_store_migrations(), OWN, NEWER])
    await_migrations(fresh.app_conninfo, [*event_store_migrations(), OWN], 0)


def test_a_database_that_does_not_answer_is_waited_for(migrated: Database, postgres_server: PostgresServer) -> None:
    """It may be about to be made, or to begin its service."""
    with postgres_server.down(cleanly=True):
        with pytest.raises(SchemaNotThere, match=r"^DATABASE_UNREACHABLE: "):
            await_migrations(migrated.app_conninfo, event_store_migrations(), 0)
        meanwhile = Meanwhile(lambda: None, postgres_server.start)
        await_migrations(migrated.app_conninfo, event_store_migrations(), TIMEOUT_SECONDS, meanwhile)


def test_a_role_that_is_not_there_yet_is_waited_for(migrated: Database) -> None:
    """Roles may be made after databases; no password is shown."""
    conninfo = psycopg.conninfo.make_conninfo(migrated.app_conninfo, user="not_yet", password="p@ss")
    with pytest.raises(SchemaNotThere, match=r"^DATABASE_UNREACHABLE: .*not_yet") as late:
        await_migrations(conninfo, event_store_migrations(), 0)
    assert "p@ss" not in str(late.value)


def test_a_migration_that_is_being_applied_does_not_hold_it_up(migrated: Database) -> None:
    """The time to wait is kept, whatever locks others hold."""
    with psycopg.connect(migrated.owner_conninfo) as owner:
        owner.execute("LOCK TABLE schema_migrations")
        with pytest.raises(SchemaNotThere, match=r"^SCHEMA_BEHIND: a migration is being applied$"):
            await_migrations(migrated.app_conninfo, event_store_migrations(), 0)
        await_migrations(migrated.app_conninfo, event_store_migrations(), TIMEOUT_SECONDS, Meanwhile(owner.rollback))


def test_a_schema_before_it_could_be_seen_counts_as_behind(migrated: Database) -> None:
    """A release whose role may not see what is applied came before this one."""
    with psycopg.connect(migrated.owner_conninfo) as owner:
        owner.execute("REVOKE ALL ON schema_migrations FROM PUBLIC")
        owner.execute(f"REVOKE SELECT ON schema_migrations FROM {migrated.app_role}")
    with pytest.raises(SchemaNotThere, match=r"^SCHEMA_BEHIND: "):
        await_migrations(migrated.app_conninfo, event_store_migrations(), 0)
