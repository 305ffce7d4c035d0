"""Decisions on proposals: who may see, confirm and end one, and when it is void by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringfence_kernel.access.hands import Hand, differs
from ringfence_kernel.proposals.domain.errors import (
    ProposalNotFound,
    ProposalVoid,
    SecondPersonRequired,
    TooManyProposals,
)
from ringfence_kernel.proposals.domain.events import ProposalConfirmed, ProposalMade, ProposalVoided, VoidReason
from ringfence_kernel.proposals.domain.state import Ended, Proposal, State, in_order
from ringfence_kernel.values.clock import DAY_NS

LONGEST_NS = 7 * DAY_NS
MOST_OF_PERSON = 256


@dataclass(frozen=True, slots=True)
class Actor:
    """Who proposes or decides: a hand with its roles; `tenant` is empty for those above all platforms.

    `grant_ends_ns` is when its role ends, UTC nanoseconds, 0 for never.
    """

    hand: Hand
    roles: frozenset[str]
    tenant: bytes
    grant_ends_ns: int = 0

    def may_decide(self, confirmers: frozenset[str], tenant: bytes) -> bool:
        """Whether one of its roles confirms such acts, in general or of its own tenant."""
        return bool(self.roles & confirmers) and self.tenant in (b"", tenant)


def propose(
    state: State, draft: Proposal, actor: Actor, lasts_ns: int, now_ns: int
) -> tuple[bytes, list[ProposalMade]]:
    """Returns the id of the proposal and the event that makes it, none where the same person waits with the same.

    It lapses after `lasts_ns`, at most 7 days, and never after its proposer's role. Raises TooManyProposals.
    """
    for same in in_order(state.of_meaning.of(draft.meaning).values()):
        return same.id, []
    if len(state.of_person.of(draft.proposer.person)) >= MOST_OF_PERSON:
        raise TooManyProposals
    expires_ns = now_ns + min(lasts_ns, LONGEST_NS)
    if actor.grant_ends_ns:
        expires_ns = min(expires_ns, actor.grant_ends_ns)
    hand = draft.proposer
    event = ProposalMade(
        draft.id,
        draft.effect,
        draft.subject,
        draft.tenant,
        draft.payload,
        draft.basis,
        hand.principal,
        hand.person,
        hand.key_sha256,
        hand.certificate_sha256,
        expires_ns,
    )
    return draft.id, [event]


def require_second_person(proposal: Proposal, actor: Actor, interested: frozenset[bytes]) -> None:
    """Raises SecondPersonRequired for a hand that is not wholly another's, and for whoever the act is about.

    `interested` are principals and persons who gain by it, beside its subject.
    """
    itself = {actor.hand.principal, actor.hand.person}
    if not differs(proposal.proposer, actor.hand) or itself & {proposal.subject, *interested}:
        raise SecondPersonRequired


def require_waiting(
    state: State, proposal: bytes, actor: Actor, confirmers: Callable[[str], frozenset[str]]
) -> Proposal:
    """Returns a proposal that waits; raises ProposalNotFound for one that is not the actor's business, ProposalVoid.

    `confirmers` tells the roles that confirm an effect.
    """
    found: Proposal | Ended | None = state.waiting.get(proposal) or state.end_of(proposal)
    if found is None:
        raise ProposalNotFound
    proposer = found.proposer.principal if isinstance(found, Proposal) else found.proposer
    allowed = actor.may_decide(confirmers(found.effect), found.tenant)
    if not allowed and proposer != actor.hand.principal:
        raise ProposalNotFound
    if isinstance(found, Ended):
        raise ProposalVoid
    return found


def is_confirmed_by(state: State, proposal: bytes, actor: Actor) -> bool:
    """Whether the same principal has confirmed it before: a repeated confirmation is done."""
    ended = state.end_of(proposal)
    return ended is not None and ended.confirmed_by == actor.hand.principal


def confirmed(proposal: Proposal, actor: Actor, note: str) -> ProposalConfirmed:
    """Returns the event of a confirmation."""
    hand = actor.hand
    return ProposalConfirmed(
        proposal.id,
        proposal.effect,
        proposal.subject,
        proposal.tenant,
        note,
        hand.principal,
        hand.person,
        hand.key_sha256,
        hand.certificate_sha256,
    )


def voided(proposal: Proposal, reason: VoidReason, note: str = "", by: bytes = b"") -> ProposalVoided:
    """Returns the event that ends a proposal for good."""
    return ProposalVoided(proposal.id, proposal.effect, proposal.subject, proposal.tenant, reason, note, by)
