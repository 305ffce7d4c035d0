"""What is learned from identity's feed: which principals are suspended, and which parties may not pay or be paid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from ringfence_kernel.feed import EventUnknown, FeedPage
from ringfence_kernel.feed.facts import taking_over
from ringfence_kernel.feed.published import described, require_known
from ringfence_kernel.store import StoredEvent
from ringfence_kernel.store.codec import EventCodec
from ringfence_protos.common.v1 import proposal_events_pb2
from ringfence_protos.identity.v1 import events_pb2

from ringfence_payment_instruction.standing.application.noting import Noting
from ringfence_payment_instruction.standing.domain.state import Standing, StandingFact
from ringfence_payment_instruction.submissions.domain.submission import stream_of

CURSOR = "follower:identity"
PUBLISHED = described(events_pb2.DESCRIPTOR, proposal_events_pb2.DESCRIPTOR)
# States on the way to a decision change nothing: the last decision stands.
STANDINGS = {
    "VERIFIED": Standing.GOOD,
    "EXPIRED": Standing.LAPSED,
    "REJECTED": Standing.REFUSED,
    "BLOCKED": Standing.BLOCKED,
}


@dataclass(frozen=True, slots=True)
class PrincipalSuspended:
    """The fields of identity's published event that matter here, as of those below; who it is about is its stream."""

    TOPIC: ClassVar[str] = "PrincipalSuspended.v1"

    def fact(self, stream: bytes) -> StandingFact | None:
        """Returns what it says."""
        return StandingFact(stream, b"", Standing.SUSPENDED)


@dataclass(frozen=True, slots=True)
class PrincipalActivated:
    """A suspension was lifted, or a registration confirmed."""

    TOPIC: ClassVar[str] = "PrincipalActivated.v1"

    def fact(self, stream: bytes) -> StandingFact | None:
        """Returns what it says."""
        return StandingFact(stream, b"", Standing.GOOD)


@dataclass(frozen=True, slots=True)
class CertificatePinned:
    """A principal presents another certificate from here on."""

    TOPIC: ClassVar[str] = "CertificatePinned.v1"

    def fact(self, stream: bytes) -> StandingFact | None:
        """Returns what it says."""
        return StandingFact(stream, b"", None)


@dataclass(frozen=True, slots=True)
class KycChanged:
    """A party went from one KYC state to another."""

    TOPIC: ClassVar[str] = "KycChanged.v1"
    tenant: bytes
    after: str

    def fact(self, stream: bytes) -> StandingFact | None:
        """Returns what it says, None for a state on the way to a decision."""
        standing = STANDINGS.get(self.after)
        return None if standing is None else StandingFact(stream, self.tenant, standing)


@dataclass(frozen=True, slots=True)
class PartyErased:
    """A party's data key is destroyed."""

    TOPIC: ClassVar[str] = "PartyErased.v1"
    tenant: bytes

    def fact(self, stream: bytes) -> StandingFact | None:
        """Returns what it says."""
        return StandingFact(stream, self.tenant, Standing.ERASED)


@dataclass(frozen=True, slots=True)
class AuthorisationRevoked:
    """The authorisation of a submission was ended before its time."""

    TOPIC: ClassVar[str] = "AuthorisationRevoked.v1"
    tenant: bytes
    submission: bytes

    def fact(self, stream: bytes) -> StandingFact | None:
        """Returns what it says."""
        return StandingFact(stream_of(self.tenant, self.submission), self.tenant, Standing.REVOKED)


_READ: tuple[type[Any], ...] = (
    AuthorisationRevoked,
    CertificatePinned,
    PrincipalSuspended,
    PrincipalActivated,
    KycChanged,
    PartyErased,
)
_CODEC = EventCodec(_READ)


def standing_facts(events: Iterable[StoredEvent]) -> list[StandingFact]:
    """Returns the facts in events; other topics that identity describes say nothing of how anybody stands.

    Raises EventUnknown for a topic, or a code, that it does not describe: it may be about who may pay.
    """
    facts = []
    for stored in events:
        if stored.topic not in PUBLISHED:
            raise EventUnknown(f"identity has published {stored.topic}, which is not described")
        if stored.topic in _CODEC.topics:
            event, envelope = _CODEC.decode(stored.topic, stored.state)
            require_known(PUBLISHED[stored.topic], asdict(event))
            if (fact := event.fact(stored.stream)) is not None:
                facts.append(replace(fact, position=stored.position, at_ns=envelope.recorded_at_ns))
    return facts


def take_over(noting: Noting) -> Callable[[FeedPage], Awaitable[None]]:
    """Returns the handler of pages; see the kernel's `taking_over`."""
    return taking_over(standing_facts, noting.note, CURSOR)
