"""What happens to proposals, the same in every service. Stored as msgpack maps by field name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from ringfence_kernel.values.ids import external_id


class VoidReason(StrEnum):
    """Why a proposal came to nothing."""

    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    CHANGED = "CHANGED"
    LAPSED = "LAPSED"


@dataclass(frozen=True, slots=True)
class _OfProposal:
    proposal: bytes
    effect: str
    subject: bytes
    tenant: bytes

    @property
    def stream(self) -> bytes:
        """A proposal's events stand in the stream of its id."""
        return self.proposal


@dataclass(frozen=True, slots=True)
class ProposalMade(_OfProposal):
    """Somebody proposed what a second person must confirm; nothing else has happened.

    `tenant` is empty for what stands above all platforms; the last fields but one are the proposer's hand.
    """

    TOPIC: ClassVar[str] = "ProposalMade.v1"
    payload: bytes
    basis: bytes
    principal: bytes
    person: bytes
    key_sha256: bytes
    certificate_sha256: bytes
    expires_ns: int


@dataclass(frozen=True, slots=True)
class ProposalConfirmed(_OfProposal):
    """A second person confirmed a proposal; what it brought about stands in the events of the same commit."""

    TOPIC: ClassVar[str] = "ProposalConfirmed.v1"
    note: str
    principal: bytes
    person: bytes
    key_sha256: bytes
    certificate_sha256: bytes


@dataclass(frozen=True, slots=True)
class ProposalVoided(_OfProposal):
    """A proposal came to nothing, for good; `by` is empty where nobody refused or withdrew it."""

    TOPIC: ClassVar[str] = "ProposalVoided.v1"
    reason: VoidReason
    note: str
    by: bytes


@dataclass(frozen=True, slots=True)
class _OfProposer:
    principal: bytes

    @property
    def stream(self) -> bytes:
        """A stream of its own: the principal's id may be that of something else here."""
        return external_id("proposer", self.principal, "")


@dataclass(frozen=True, slots=True)
class ProposerStopped(_OfProposer):
    """A principal may neither propose nor confirm any more; what it had proposed is void, and its tokens have ended.

    `identity_position` is that of the event which says so in identity's feed, `at_ns` its time; 0 in releases before.
    Where a certificate was pinned, the principal resumes at once.
    """

    TOPIC: ClassVar[str] = "ProposerStopped.v1"
    identity_position: int = 0
    at_ns: int = 0


@dataclass(frozen=True, slots=True)
class ProposerResumed(_OfProposer):
    """A principal that was stopped may propose and confirm again."""

    TOPIC: ClassVar[str] = "ProposerResumed.v1"


EVENTS: tuple[type, ...] = (ProposalMade, ProposalConfirmed, ProposalVoided, ProposerStopped, ProposerResumed)
