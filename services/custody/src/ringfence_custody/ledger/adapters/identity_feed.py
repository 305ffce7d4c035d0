"""What custody learns from identity's feed: how its parties stand, and who may not act any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from typing import ClassVar

from ringfence_kernel.feed import EventUnknown, FeedPage
from ringfence_kernel.feed.facts import taking_over
from ringfence_kernel.feed.published import described, require_known
from ringfence_kernel.proposals.application import Said
from ringfence_kernel.store import StoredEvent
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.endings import Ending
from ringfence_protos.common.v1 import proposal_events_pb2
from ringfence_protos.identity.v1 import events_pb2

from ringfence_custody.ledger.application.commands import ActorFact, Commands, OwnerFact
from ringfence_custody.ledger.domain.lifecycle import Standing

CURSOR = "follower:identity"
PUBLISHED = described(events_pb2.DESCRIPTOR, proposal_events_pb2.DESCRIPTOR)
# States on the way to a decision change nothing: the last decision stands.
STANDINGS = {
    "VERIFIED": Standing.ADMITTED,
    "EXPIRED": Standing.LAPSED,
    "REJECTED": Standing.REFUSED,
    "BLOCKED": Standing.BLOCKED,
}


@dataclass(frozen=True, slots=True)
class KycChanged:
    """The fields of identity's published event that matter here."""

    TOPIC: ClassVar[str] = "KycChanged.v1"
    tenant: bytes
    party: bytes
    after: str


@dataclass(frozen=True, slots=True)
class PrincipalSuspended:
    """The fields of identity's published event that matter here."""

    TOPIC: ClassVar[str] = "PrincipalSuspended.v1"
    principal: bytes


@dataclass(frozen=True, slots=True)
class PrincipalActivated:
    """The fields of identity's published event that matter here."""

    TOPIC: ClassVar[str] = "PrincipalActivated.v1"
    principal: bytes


@dataclass(frozen=True, slots=True)
class CertificatePinned:
    """The fields of identity's published event that matter here."""

    TOPIC: ClassVar[str] = "CertificatePinned.v1"
    principal: bytes


_CODEC = EventCodec([KycChanged, PrincipalSuspended, PrincipalActivated, CertificatePinned])
_SAID = {PrincipalSuspended: Said.SUSPENDED, PrincipalActivated: Said.ACTIVATED, CertificatePinned: Said.PINNED}


def facts_of(events: Iterable[StoredEvent]) -> list[OwnerFact | ActorFact]:
    """Returns the facts in events; other topics that identity describes are none of custody's business.

    Raises EventUnknown for a topic or a state that it does not describe: it may be about who may have money.
    """
    facts: list[OwnerFact | ActorFact] = []
    for stored in events:
        if stored.topic not in PUBLISHED:
            raise EventUnknown(f"identity has published {stored.topic}, which is not described")
        if stored.topic in _CODEC.topics:
            event, envelope = _CODEC.decode(stored.topic, stored.state)
            require_known(PUBLISHED[stored.topic], asdict(event))
            if not isinstance(event, KycChanged):
                ending = Ending(event.principal, stored.position, envelope.recorded_at_ns)
                facts.append(ActorFact(_SAID[type(event)], ending))
            elif (standing := STANDINGS.get(event.after)) is not None:
                facts.append(OwnerFact(event.tenant, event.party, standing, stored.position))
    return facts


def take_over(commands: Commands) -> Callable[[FeedPage], Awaitable[None]]:
    """Returns the handler of pages; see the kernel's `taking_over`."""
    return taking_over(facts_of, commands.note_identity, CURSOR)
