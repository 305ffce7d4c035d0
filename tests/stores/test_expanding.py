"""Schemas only grow within a release: what the release before relies on is still there (docs/runbooks/upgrade.md)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ringfence_kernel.store import apply_migrations, event_store_migrations

from tests.stores import keeping
from tests.stores.generate import MIGRATIONS
from tests.stores.releases import COMMAND_SECONDS, PROTOS, RELEASE, SERVICES, Release, packages_in_use, require_done
from tests.stores.schemas import Schema, taken_away

CONTRACTING = {
    "DROP TABLE state_digests": "state_digests.digest is gone",
    "ALTER TABLE cursors DROP COLUMN hash": "cursors.hash is gone",
    "ALTER TABLE cursors RENAME COLUMN hash TO chain": "cursors.hash is gone",
    "ALTER TABLE cursors RENAME TO marks": "cursors.name is gone",
    "ALTER TABLE cursors ALTER COLUMN epoch TYPE int": "cursors.epoch is integer and no longer bigint",
    "ALTER TABLE cursors ADD COLUMN why text NOT NULL": "cursors.why is new, not null and without a default",
    "ALTER TABLE cursors ALTER COLUMN hash DROP NOT NULL": (
        "cursors.hash may be null now, which its readers do not expect"
    ),
    "ALTER TABLE state_digests ALTER COLUMN format DROP DEFAULT": "state_digests.format has lost its default",
    "ALTER TABLE cursors ADD CHECK (epoch < 100)": "cursors has a new constraint: CHECK ((epoch < 100))",
    "CREATE UNIQUE INDEX ON cursors (position)": (
        'cursors has a new constraint: CREATE UNIQUE INDEX ON public.cursors USING btree ("position")'
    ),
    "ALTER TABLE stored_events DROP CONSTRAINT stored_events_originator_id_originator_version_key": (
        "stored_events has lost a constraint: UNIQUE (originator_id, originator_version)"
    ),
    "DROP FUNCTION open_shadow(text[])": "function open_shadow(tables text[]) is gone, or returns something else",
    "REVOKE INSERT ON cursors FROM {application_role}": "the service has lost INSERT on table cursors",
    "REVOKE EXECUTE ON FUNCTION open_shadow FROM {application_role}": (
        "the service has lost EXECUTE on function open_shadow"
    ),
    "REVOKE USAGE ON SCHEMA shadow FROM {application_role}": "the service has lost USAGE on schema shadow",
}
EXPANDING = (
    "CREATE TABLE more (id int PRIMARY KEY, what text NOT NULL)",
    "ALTER TABLE cursors ADD COLUMN why text",
    "ALTER TABLE cursors ADD COLUMN why text NOT NULL DEFAULT ''",
    "CREATE INDEX ON cursors (position)",
    "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "GRANT DELETE ON cursors TO {application_role}",
)
KEPT = Path(__file__).parent / "kept" / "2026-11-29"
"""The newest store that the release before can read: later ones hold events that it does not know."""
Make = Callable[[str], Any]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release before this one."""
    return Release.unpacked(tmp_path_factory.mktemp(RELEASE))


def test_the_release_before_is_what_runs(release: Release) -> None:
    """Every package of ours comes from its folder, none from where today's are installed."""
    assert all(Path(found).is_relative_to(release.folder) for found in packages_in_use(release.environment))
    assert not any(Path(found).is_relative_to(release.folder) for found in packages_in_use({}))


def test_protos_only_add(release: Release) -> None:
    """Nothing that the release before says on the wire or in JSON means something else, or nothing, today."""
    command = [Path(sys.executable).with_name("buf"), "breaking", PROTOS, "--against", release.folder / PROTOS]
    found = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
    )
    assert (found.returncode, found.stdout) == (0, "")


@dataclass(frozen=True)
class Upgraded:
    """A kept store in the database of the release before, then migrated: its schema and rows before and after."""

    service: str
    before: tuple[Schema, dict[str, int]]
    after: tuple[Schema, dict[str, int]]


@pytest.fixture(scope="module", params=SERVICES)
def upgraded(request: pytest.FixtureRequest, release: Release, database: Make) -> Upgraded:
    """One of each service."""
    service, used = request.param, database(request.param)
    keeping.restore(used.owner_conninfo, used.app_role, KEPT / f"{service}.tar.xz")
    for command in ("migrate", "rebuild"):
        require_done(service, used, release.environment, command)
    before = described(used)
    require_done(service, used, {}, "migrate")
    return Upgraded(service, before, described(used))


def test_migrations_only_add(upgraded: Upgraded) -> None:
    """What the release before finds in its database, rows too, is there when it has been migrated.

    A migration that takes something away belongs in the release after the one that stopped using it.
    """
    (before, rows_before), (after, rows_after) = upgraded.before, upgraded.after
    assert taken_away(before, after) == []
    assert {table: rows for table, rows in rows_before.items() if rows_after[table] < rows} == {}
    assert sum(rows_before.values()) > 100


def test_a_new_database_is_like_one_that_was_migrated(upgraded: Upgraded, database: Make) -> None:
    """Migrations that were published are not changed: all of today's at once make what the upgrade makes."""
    fresh = database(upgraded.service)
    apply_migrations(fresh.owner_conninfo, fresh.app_role, MIGRATIONS[upgraded.service]())
    assert upgraded.after[0] == described(fresh)[0]


@pytest.fixture(scope="module")
def today(database: Make) -> Any:
    """A database with the event store of today."""
    made = database("custody")
    apply_migrations(made.owner_conninfo, made.app_role, event_store_migrations())
    return made


@pytest.mark.parametrize("statement", CONTRACTING)
def test_a_migration_that_takes_away_is_told(today: Any, statement: str) -> None:
    """Dropped, renamed, narrowed, demanded or revoked: each is named, so that the rule above can fail."""
    before, after = changed(today, statement)
    assert CONTRACTING[statement] in taken_away(before, after)


@pytest.mark.parametrize("statement", EXPANDING)
def test_a_migration_that_adds_is_not(today: Any, statement: str) -> None:
    """New tables, columns that may be left out, indexes, functions and rights are what a release may bring."""
    before, after = changed(today, statement)
    assert before != after or statement.startswith("CREATE INDEX")
    assert taken_away(before, after) == []


def changed(database: Any, statement: str) -> tuple[Schema, Schema]:
    """Returns the schema of a database before and after a statement of its owner, which is undone."""
    with psycopg.connect(database.owner_conninfo) as owner:
        before = Schema.of(owner, database.app_role)
        owner.execute(statement.replace("{application_role}", database.app_role).encode())
        after = Schema.of(owner, database.app_role)
        owner.rollback()
    return before, after


def described(database: Any) -> tuple[Schema, dict[str, int]]:
    """Returns the schema of a database, and how many rows each table has."""
    with psycopg.connect(database.owner_conninfo) as owner:
        schema, rows = Schema.of(owner, database.app_role), {}
        for table in schema.tables:
            row = owner.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            assert row is not None
            rows[table] = row[0]
    return schema, rows
