"""What stores are filled with is what a service would have written, under fresh ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

import pytest
from ringfence_kernel.store import NewEvent, apply_migrations, event_store_migrations
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.ids import external_id, show
from ringfence_local_stack.servers.database import Database

from bench.filling import instructions, parties
from bench.filling.instructions import Submitted
from bench.filling.patterns import PatternMissing, opened, pattern, random_like, recorded

TENANT, SUBMISSION, PARTY, INDEX = (bytes([each]) * 16 for each in (1, 2, 3, 4))
ROWS = [bytes([5]) * 16, bytes([6]) * 16]


@dataclass(frozen=True)
class Received:
    """Rows as payment-instruction records them, as far as it matters here."""

    TOPIC: ClassVar[str] = "InstructionsReceived.v1"
    tenant: bytes = TENANT
    submission_id: bytes = SUBMISSION
    digest: bytes = b"d" * 32
    instruction_ids: bytes = b"".join(ROWS)
    amounts_minor: bytes = bytes(16)
    end_to_end_ids: tuple[str, ...] = ("one", "two")
    debtor_sealed: tuple[bytes, ...] = (b"short", b"longer")
    creditor_sealed: tuple[bytes, ...] = (b"", b"x" * 100)


@dataclass(frozen=True)
class Registered:
    """A party as identity records it, as far as it matters here."""

    TOPIC: ClassVar[str] = "PartyRegistered.v1"
    party: bytes = PARTY
    personal: dict[str, bytes] | None = None
    identity_index: bytes = b"i" * 16
    digest: bytes = b"d" * 16
    decision: bytes = b"k" * 16


@dataclass(frozen=True)
class AliasRegistered:
    """An alias as identity records it."""

    TOPIC: ClassVar[str] = "AliasRegistered.v1"
    owner: bytes = PARTY
    iban_index: bytes = INDEX
    account: bytes = b"a" * 16
    iban: bytes = b"sealed"


CODEC = EventCodec([Received, Registered, AliasRegistered])
SUBMITTED = Submitted(UUID(bytes=TENANT), UUID(bytes=SUBMISSION), [UUID(bytes=each) for each in ROWS])


@pytest.fixture
def store_database(database: Callable[[str], Database]) -> Database:
    """An empty event store."""
    fresh = database("custody")
    conninfo = fresh.owner_conninfo
    apply_migrations(conninfo, fresh.app_role, event_store_migrations())
    return fresh


def test_copied_submission_is_as_recorded_under_fresh_ids(store_database: Database) -> None:
    """Every copy has its own stream, ids and sealed bytes, as many as before; all else stays, and the chain holds."""
    stream = external_id("submission", TENANT, show(SUBMISSION))
    _record(store_database, [(stream, Received())])
    last = instructions.fill(store_database, SUBMITTED, 3)
    with opened(store_database) as store:
        events = [each.event for each in store.replay(CODEC)]
        streams = [each.stream for each in store.replay(CODEC)]
        store.verify_chain()
    assert len({each.submission_id for each in events}) == len(set(streams)) == 4
    assert streams == [external_id("submission", TENANT, show(each.submission_id)) for each in events]
    assert events[-1].instruction_ids[-16:] == last.bytes
    assert len({each.instruction_ids[at : at + 16] for each in events for at in (0, 16)}) == 8
    for each in events[1:]:
        assert [len(sealed) for sealed in (*each.debtor_sealed, *each.creditor_sealed)] == [5, 6, 0, 100]
        assert each.debtor_sealed != events[0].debtor_sealed
        assert (each.tenant, each.end_to_end_ids, each.amounts_minor) == (TENANT, ("one", "two"), bytes(16))


def test_lists_are_told_that_they_show_the_copies(store_database: Database) -> None:
    """The tables for lists stand at the head, so that a start has nothing to do for them."""
    stream = external_id("submission", TENANT, show(SUBMISSION))
    _record(store_database, [(stream, Received())])
    instructions.fill(store_database, SUBMITTED, 2)
    with opened(store_database) as store, store.connection() as connection:
        row = connection.execute("SELECT name, position FROM cursors").fetchone()
    assert row == {"name": "projection:instructions", "position": 3}


def test_copied_party_keeps_its_alias(store_database: Database) -> None:
    """A copy's alias belongs to the copy, in the stream of its owner and index; no index is used twice."""
    alias_stream = external_id("identity.alias", PARTY, INDEX.hex())
    _record(store_database, [(PARTY, Registered(personal={"name": b"sealed"})), (alias_stream, AliasRegistered())])
    parties.fill(store_database, UUID(bytes=PARTY), 2)
    with opened(store_database) as store:
        found = list(store.replay(CODEC))
    pairs = list(zip(found[::2], found[1::2], strict=True))
    assert len({alias.event.iban_index for _, alias in pairs}) == len({party.stream for party, _ in pairs}) == 3
    for party, alias in pairs:
        assert party.stream == party.event.party == alias.event.owner
        assert alias.stream == external_id("identity.alias", party.stream, alias.event.iban_index.hex())
        assert len(party.event.personal["name"]) == 6


def test_events_in_another_stream_are_not_copied_wrongly(store_database: Database) -> None:
    """Where a service names its streams otherwise, the filling says so and writes nothing."""
    _record(store_database, [(b"s" * 16, Received())])
    with pytest.raises(PatternMissing):
        instructions.fill(store_database, SUBMITTED, 1)
    with opened(store_database) as store:
        assert len(recorded(store)) == 1


def test_events_without_what_is_drawn_anew_are_not_copied(store_database: Database) -> None:
    """A party that is recorded without a decision, or an alias, is no pattern."""
    _record(store_database, [(PARTY, Registered())])
    with pytest.raises(PatternMissing):
        parties.fill(store_database, UUID(bytes=PARTY), 1)


def test_pattern_renames_columns_of_ids_alone(store_database: Database) -> None:
    """A column of another length, or of other values, stays as it is."""
    _record(store_database, [(PARTY, Received())])
    with opened(store_database) as store:
        (stored, _), *_ = recorded(store)
    made = pattern(stored, {"digest"}, ROWS)
    assert (set(made.fresh), set(made.ids)) == ({"digest"}, {"instruction_ids"})


def test_random_bytes_are_as_many() -> None:
    """Bytes are drawn anew wherever they stand, texts and numbers are not."""
    drawn = random_like([b"12", {"a": b"123", "b": "text"}, 7])
    assert [len(drawn[0]), len(drawn[1]["a"]), drawn[1]["b"], drawn[2]] == [2, 3, "text", 7]


def _record(database: Database, events: list[tuple[bytes, object]]) -> None:
    with opened(database) as store:
        new = [NewEvent(stream, 1, *CODEC.encode(event, 1)) for stream, event in events]
        store.append(store.head().position, new)
