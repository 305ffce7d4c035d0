"""A million parties, each verified and with an IBAN: one real party's events, over and over under fresh ids."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from uuid import UUID

from ringfence_kernel.store import NewEvent, StoredEvent
from ringfence_kernel.values.ids import ID_BYTES, external_id
from ringfence_local_stack.servers.database import Database

from bench.filling.patterns import Fields, Pattern, PatternMissing, append, opened, pattern, recorded, require_stream

FRESH = frozenset({"personal", "identity_index", "digest", "decision", "account", "iban"})
ALIAS_INDEX = "iban_index"


def fill(database: Database, party_id: UUID, copies: int) -> None:
    """Appends so many copies of a party and its alias while identity is down; raises PatternMissing."""
    party = party_id.bytes
    with opened(database) as store:
        events = [
            (each, fields) for each, fields in recorded(store) if party in (fields.get("party"), fields.get("owner"))
        ]
        index = _index(events)
        patterns = _patterns(events, party, index)
        append(store, _copies(patterns, party, index, copies))


def _index(events: list[tuple[StoredEvent, Fields]]) -> bytes:
    """Returns the blind index of the party's one IBAN."""
    found = {fields[ALIAS_INDEX] for _, fields in events if ALIAS_INDEX in fields}
    if len(found) != 1:
        raise PatternMissing(f"the party has {len(found)} aliases, not one")
    (index,) = found
    return bytes(index)


def _patterns(events: list[tuple[StoredEvent, Fields]], party: bytes, index: bytes) -> list[Pattern]:
    found = [pattern(each, FRESH, [party, index]) for each, _ in events]
    if not {name for each in found for name in each.fresh} >= FRESH:
        raise PatternMissing("the party was not recorded as it used to be")
    for each in found:
        require_stream(each.stored, _alias_stream(party, index) if ALIAS_INDEX in each.told else party)
    return found


def _copies(patterns: list[Pattern], party: bytes, index: bytes, copies: int) -> Iterator[NewEvent]:
    alias = _alias_stream(party, index)
    for _ in range(copies):
        other, other_index = os.urandom(ID_BYTES), os.urandom(len(index))
        ids = {party: other, index: other_index, alias: _alias_stream(other, other_index)}
        now_ns = time.time_ns()
        for each in patterns:
            yield each.copy(ids, now_ns)


def _alias_stream(owner: bytes, index: bytes) -> bytes:
    return external_id("identity.alias", owner, index.hex())
