"""What screening learns from identity's feed: names of clients and their owners, erasures, and who was released."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ringfence_kernel.store import StoredEvent
from ringfence_kernel.store.codec import EventCodec

from ringfence_payment_instruction.screening.domain.clients import ClientFact, ClientReleased, NamesRecorded
from ringfence_payment_instruction.screening.domain.listed import DIGEST_BYTES
from ringfence_payment_instruction.screening.domain.screened_fields import Part

NAME = "name"
UNTOLD = b"-"
"""Stands for what an event of an earlier release does not tell: no digests have that length."""


@dataclass(frozen=True, slots=True)
class _Personal:
    """The fields of identity's published events that matter here."""

    tenant: bytes
    party: bytes
    personal: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class PartyRegistered(_Personal):
    """A client was registered."""

    TOPIC: ClassVar[str] = "PartyRegistered.v1"


@dataclass(frozen=True, slots=True)
class PartyAmended(_Personal):
    """A client's data has changed."""

    TOPIC: ClassVar[str] = "PartyAmended.v1"


@dataclass(frozen=True, slots=True)
class OwnersRecorded(_Personal):
    """Who owns a company was recorded; fields are named by the owner's id, a dot and the field."""

    TOPIC: ClassVar[str] = "OwnersRecorded.v1"


@dataclass(frozen=True, slots=True)
class PartyErased:
    """A client's data key is destroyed."""

    TOPIC: ClassVar[str] = "PartyErased.v1"
    tenant: bytes
    party: bytes


@dataclass(frozen=True, slots=True)
class KycChanged:
    """A client went from one KYC state to another."""

    TOPIC: ClassVar[str] = "KycChanged.v1"
    before: str
    after: str
    findings: bytes = UNTOLD


_CODEC = EventCodec([PartyRegistered, PartyAmended, OwnersRecorded, PartyErased, KycChanged])


def client_facts(events: Iterable[StoredEvent]) -> list[ClientFact]:
    """Returns the facts in events, in order; that each is described is for the follower to see to."""
    return [fact for stored in events for fact in _facts(stored)]


def _facts(stored: StoredEvent) -> Iterator[ClientFact]:
    if stored.topic not in _CODEC.topics:
        return
    subject, version = stored.stream, stored.version
    event: Any = _CODEC.decode(stored.topic, stored.state)[0]
    match event:
        case PartyRegistered() | PartyAmended():
            sealed = {NAME: event.personal[NAME]}
            yield NamesRecorded(subject, Part.REGISTERED, event.tenant, event.party, version, sealed)
        case OwnersRecorded():
            sealed = {field: each for field, each in event.personal.items() if field.endswith(f".{NAME}")}
            yield NamesRecorded(subject, Part.OWNERS, event.tenant, event.party, version, sealed)
        case PartyErased():
            for part in (Part.REGISTERED, Part.OWNERS):
                yield NamesRecorded(subject, part, event.tenant, event.party, version, {})
        case KycChanged(before="BLOCKED", after="REVIEW"):
            yield ClientReleased(subject, None if event.findings == UNTOLD else frozenset(_digests(event.findings)))


def _digests(packed: bytes) -> Iterator[bytes]:
    return (packed[at : at + DIGEST_BYTES] for at in range(0, len(packed), DIGEST_BYTES))
