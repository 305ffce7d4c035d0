"""Stores that an earlier release wrote open and verify under this one.

Each folder under `kept/` holds the four databases of one stack, with the schema and the bytes of their time. A service
is only called by its own command line, so that these tests outlive whatever moves inside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ringfence_verifier import verify_checkpoint, verify_log

from tests.stores import keeping, releases
from tests.stores.keeping import SERVICES

KEPT = sorted(path.parent for path in (Path(__file__).parent / "kept").glob(f"*/{keeping.MANIFEST}"))
SOURCES = SERVICES[:3]


@dataclass(frozen=True)
class Restored:
    """A store in a database of its own, migrated to the schema of today."""

    service: str
    database: Any
    kept: dict[str, Any]
    commands: releases.Commands

    def connection(self) -> psycopg.Connection:
        """A connection of the database's owner."""
        return psycopg.connect(self.database.owner_conninfo, autocommit=True)

    def verify(self) -> dict[str, Any]:
        """What the service says of the store: how many events, and what differs."""
        done = self.commands.run("rebuild", "--verify")
        assert done.stdout, done.stderr
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert done.returncode == (0 if said["same"] else 1)
        return said


def restored(make: Callable[[str], Any], folder: Path, errors: Path, service: str) -> Restored:
    """Puts a kept store into a fresh database and lets the service migrate it."""
    database = make(service)
    owner = database.owner_conninfo
    keeping.restore(owner, database.app_role, folder / f"{service}.tar.xz")
    kept = keeping.manifest(folder)["services"][service]
    store = Restored(service, database, kept, releases.Commands(service, database, errors / f"{service}.log"))
    migrated = store.commands.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    return store


@pytest.fixture(scope="module", params=KEPT, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    """A folder with the stores of one stack."""
    found: Path = request.param
    return found


@pytest.fixture(scope="module")
def stores(
    folder: Path, database: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Restored]]:
    """The four stores, restored and migrated."""
    errors = tmp_path_factory.mktemp("errors")
    with ThreadPoolExecutor(len(SERVICES)) as threads:
        each = threads.map(lambda service: restored(database, folder, errors, service), SERVICES)
        made = dict(zip(SERVICES, each, strict=True))
    yield made
    for store in made.values():
        store.commands.close()


@pytest.mark.parametrize("service", SERVICES)
def test_kept_store_verifies(stores: dict[str, Restored], service: str) -> None:
    """Its chain holds, every event is decoded and applied, and state and read models are those that it led to then."""
    store = stores[service]
    said = store.verify()
    assert said["differences"]
    assert {name: each for name, each in said["differences"].items() if each} == {}
    assert said["events"] == store.kept["position"]


@pytest.mark.parametrize("service", SERVICES)
def test_kept_store_is_complete(stores: dict[str, Restored], service: str) -> None:
    """Migrating leaves the feed as it was: the same head, the same events by topic, a digest of the last state."""
    store = stores[service]
    with store.connection() as connection:
        found = keeping.description(connection)
        last = connection.execute("SELECT max(notification_id) FROM stored_events").fetchone()
        digest = connection.execute("SELECT max(position) FROM state_digests").fetchone()
    assert {name: found[name] for name in ("epoch", "position", "hash", "topics")} == {
        name: store.kept[name] for name in ("epoch", "position", "hash", "topics")
    }
    assert last == digest == (store.kept["position"],)


def test_kept_log_verifies_offline(folder: Path, stores: dict[str, Restored]) -> None:
    """All leaves lead to the kept checkpoint under the kept key, and its source heads are the heads of the stores."""
    kept = keeping.manifest(folder)
    checked = verify_checkpoint(kept["checkpoint"], kept["log_key"])
    assert checked.origin == kept["log_origin"]
    with stores["audit"].connection() as connection:
        leaves = list(keeping.leaves(connection))
        last = [each.fields for each in keeping.events(connection) if each.topic == "CheckpointSigned.v1"][-1]
    assert last["note"] == kept["checkpoint"]
    assert len(leaves) == checked.size
    summary = verify_log(leaves, checked)
    heads = {each.source: (each.epoch, each.position, each.hash.hex()) for each in summary.source_heads}
    feeds = {service: _head(stores[service]) for service in SOURCES}
    assert heads == feeds


def _head(store: Restored) -> tuple[int, int, str]:
    with store.connection() as connection:
        found = keeping.description(connection)
    return found["epoch"], found["position"], found["hash"]


NEWER_TABLES = {
    "identity": ("authorisations", "kyc_decisions"),
    "payment-instruction": ("known_ids", "known_entries"),
}
"""Tables that the release of the kept stores did not know."""


@pytest.mark.parametrize("service", SOURCES)
def test_tables_of_a_kept_store_are_filled(stores: dict[str, Restored], service: str) -> None:
    """A rebuild fills every table from the old events, the ones that came later too, and then nothing differs."""
    store = stores[service]
    filled = store.commands.run("rebuild")
    assert filled.returncode == 0, filled.stderr
    differences = store.verify()["differences"]
    for table in NEWER_TABLES.get(service, ()):
        with store.connection() as connection:
            found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        assert found is not None
        assert found[0] > 0, table
        assert table in differences
    assert not any(differences.values())


FLIPPED = 20
FLIP = """
UPDATE stored_events SET state = set_byte(state, octet_length(state) - 1, get_byte(state, octet_length(state) - 1) # 1)
WHERE notification_id = %(position)s
"""


@pytest.mark.parametrize("service", SERVICES)
def test_flipped_bit_in_a_kept_event_shows(stores: dict[str, Restored], service: str) -> None:
    """Where one bit of one event is another, the service says that its chain is broken, and how far it held."""
    store = stores[service]

    def flip() -> None:
        with store.connection() as connection:
            assert connection.execute(FLIP.encode(), {"position": FLIPPED}).rowcount == 1

    flip()
    try:
        said = store.verify()
    finally:
        flip()
    assert said["differences"]["chain"] == 1
    assert said["events"] == FLIPPED - 1
