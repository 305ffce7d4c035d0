"""Who was erased, read from leaves by an operator: the second copy of identity's register."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from ringfence_kernel.service import CannotRun, Command, opened_store
from ringfence_kernel.store import ChainBroken, EventStore
from ringfence_kernel.store.codec import EventCodec

from ringfence_audit.log.domain.events import EVENTS, LeavesAppended, LeavesDeflated, leaves_beginning
from ringfence_audit.log.domain.leaf import Value, decode, prefix
from ringfence_audit.settings import AuditSettings
from ringfence_audit.texts.domain.state import ERASED

PARTY, PRINCIPAL = "identity.party_registered.v1", "identity.principal_registered.v1"
"""Kinds of facts that say whose an id is."""
NO_TENANT = b""
"""Whose the id of a principal is, also where that is a platform: its client of the same id is another subject."""


def erasures(store: EventStore) -> list[dict[str, str | bool]]:
    """Gives everybody whom a leaf says to be erased: `tenant` and `party` in hex, and `position` in identity's feed.

    `taken` tells whether the id was another tenant's, or a principal's, before it was this tenant's: such a party is a
    subject of its own (ADR 23), as no database from before the erasure need know. Reads the log twice; blocks, raises
    StoreUnavailable, and ChainBroken where it is not what was committed.
    """
    store.verify_chain()
    found = [(_bytes(each["tenant_id"]), _bytes(each["party_id"]), each) for _, each in _leaves(store, ERASED)]
    first = _first_of(store, {party for _, party, _ in found}) if found else {}
    return [
        {
            "tenant": tenant.hex(),
            "party": party.hex(),
            "position": str(each["position"]),
            "taken": first.get(party, tenant) != tenant,
        }
        for tenant, party, each in found
    ]


def _first_of(store: EventStore, ids: set[bytes]) -> dict[bytes, bytes]:
    """Gives whose ids were first: a tenant's, or NO_TENANT's."""
    first: dict[bytes, bytes] = {}
    for kind, fields in _leaves(store, PARTY, PRINCIPAL):
        is_party = kind == PARTY
        named = _bytes(fields["party_id" if is_party else "principal_id"])
        if named in ids:
            first.setdefault(named, _bytes(fields["tenant_id"]) if is_party else NO_TENANT)
    return first


def _leaves(store: EventStore, *kinds: str) -> Iterator[tuple[str, dict[str, Value]]]:
    starts = tuple(map(prefix, kinds))
    for event in (each.event for each in store.replay(EventCodec(EVENTS))):
        if isinstance(event, LeavesAppended | LeavesDeflated):
            yield from map(decode, leaves_beginning(event, "identity", starts))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def list_erasures(settings: AuditSettings, typed: argparse.Namespace) -> Mapping[str, object]:
    """Lists them; raises CannotRun."""
    with opened_store(settings) as store:
        try:
            return {"erasures": erasures(store)}
        except ChainBroken as broken:
            raise CannotRun(f"the log is not what was committed from position {broken.position} on") from None


COMMAND = Command(help="list who was erased, by the leaves of the log", run=list_erasures)
