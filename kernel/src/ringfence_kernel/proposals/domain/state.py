"""What is kept of proposals: those that wait, and how the latest of the others ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar, TypeAlias

from ringfence_kernel.access.hands import Hand
from ringfence_kernel.proposals.domain import events
from ringfence_kernel.proposals.domain.events import (
    ProposalConfirmed,
    ProposalMade,
    ProposalVoided,
    ProposerResumed,
    ProposerStopped,
)
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.endings import Ending, Endings
from ringfence_kernel.writing.groups import Groups
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.recent import Recent

SECTION = "waiting, format 1"
ENDED = "ended, format 1"
STOPPED = "stopped, format 1"
ENDINGS = "endings of tokens, format 1"
MOST_ENDED = 4_096
"""How many that have ended are told from those that never were."""
Meaning: TypeAlias = tuple[str, bytes, bytes, bytes, bytes, Hand]
"""Effect, subject, tenant, payload, basis and proposer."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody proposed.

    `payload` says what would be done, in the module's own bytes; `basis` is a digest of what that would change;
    `position` is that of its event in the feed.
    """

    id: bytes
    effect: str
    subject: bytes
    tenant: bytes
    payload: bytes
    basis: bytes
    proposer: Hand
    made_ns: int
    expires_ns: int
    position: int = 0

    @property
    def meaning(self) -> Meaning:
        """What two proposals of one hand have in common that are the same command, repeated."""
        return self.effect, self.subject, self.tenant, self.payload, self.basis, self.proposer


@dataclass(frozen=True, slots=True)
class Ended:
    """A proposal that waits no more, and the principal that confirmed it; empty where it came to nothing."""

    effect: str
    tenant: bytes
    proposer: bytes
    confirmed_by: bytes


@dataclass(slots=True)
class State:
    """Proposals by id; records are replaced, never changed. `stopped` are principals that may not act.

    `endings` are from when on their tokens, and those of pinned certificates, count. What waits is found by what it is
    about, who proposed it, with which hand, and what it means, however much else waits.
    """

    EVENTS: ClassVar[tuple[type, ...]] = events.EVENTS

    waiting: dict[bytes, Proposal] = field(default_factory=dict)
    ended: Recent[Ended] = field(default_factory=lambda: Recent(Ended, MOST_ENDED))
    stopped: dict[bytes, bool] = field(default_factory=dict)
    endings: Endings = field(default_factory=Endings)
    of_subject: Groups[bytes, Proposal] = field(default_factory=lambda: Groups(lambda each: each.subject))
    of_person: Groups[bytes, Proposal] = field(default_factory=lambda: Groups(lambda each: each.proposer.person))
    of_hand: Groups[Hand, Proposal] = field(default_factory=lambda: Groups(lambda each: each.proposer))
    of_meaning: Groups[Meaning, Proposal] = field(default_factory=lambda: Groups(lambda each: each.meaning))

    def in_order(self) -> list[Proposal]:
        """Returns those that wait, the oldest first."""
        return in_order(self.waiting.values())

    def about(self, subject: bytes) -> list[Proposal]:
        """Returns those that wait about a subject, the oldest first."""
        return in_order(self.of_subject.of(subject).values())

    def proposed_by(self, principal: bytes) -> list[Proposal]:
        """Returns those that a principal has proposed, whatever its hand was then, the oldest first."""
        hands = [hand for hand in self.of_hand if hand.principal == principal]
        return in_order(each for hand in hands for each in self.of_hand.of(hand).values())

    def is_stopped(self, principal: bytes) -> bool:
        """Tells whether a principal, or a platform, is suspended."""
        return principal in self.stopped

    def end_of(self, proposal: bytes) -> Ended | None:
        """Returns how a proposal ended, None for one that waits or is not known."""
        return self.ended.get(_key(proposal))

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal."""
        event = recorded.event
        match event:
            case ProposalMade():
                self._wait(_made(event, recorded), journal)
            case ProposerStopped():
                journal.put(self.stopped, event.principal, True)
                if event.identity_position:
                    ending = Ending(event.principal, event.identity_position, event.at_ns)
                    self.endings.note(ending, journal)
            case ProposerResumed():
                journal.remove(self.stopped, event.principal)
            case _:
                self._end(event, recorded.position, journal)

    def _wait(self, proposal: Proposal, journal: Journal) -> None:
        journal.put(self.waiting, proposal.id, proposal)
        for groups in self._groups():
            groups.add(proposal.id, proposal, journal)

    def _groups(self) -> tuple[Groups[Any, Proposal], ...]:
        return self.of_subject, self.of_person, self.of_hand, self.of_meaning

    def _end(self, event: ProposalConfirmed | ProposalVoided, position: int, journal: Journal) -> None:
        proposal = self.waiting[event.proposal]
        journal.remove(self.waiting, event.proposal)
        for groups in self._groups():
            groups.remove(event.proposal, proposal, journal)
        confirmed_by = event.principal if isinstance(event, ProposalConfirmed) else b""
        ended = Ended(proposal.effect, proposal.tenant, proposal.proposer.principal, confirmed_by)
        self.ended.put(_key(event.proposal), ended, position, journal)

    def digest(self) -> bytes:
        """Returns SHA-256 over all of it, in order."""
        small = plain.encode((self.in_order(), sorted(self.stopped)))
        return sha256(small + self.endings.save() + self.ended.digest()).digest()

    def save(self) -> Sections:
        """Returns all of it."""
        return [
            (SECTION, plain.encode(self.in_order())),
            (STOPPED, plain.encode(sorted(self.stopped))),
            (ENDED, self.ended.save()),
            (ENDINGS, self.endings.save()),
        ]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned."""
        waiting = plain.decode(sections[SECTION], list[Proposal])
        stopped = plain.decode(sections[STOPPED], list[bytes])
        self.ended.restore(sections[ENDED])
        self.endings.restore(sections[ENDINGS])
        self.waiting = {each.id: each for each in waiting}
        for groups in self._groups():
            groups.restore(self.waiting)
        self.stopped = dict.fromkeys(stopped, True)


def in_order(found: Iterable[Proposal]) -> list[Proposal]:
    """Returns proposals, the oldest first."""
    return sorted(found, key=lambda each: each.position)


def _key(proposal: bytes) -> bytes:
    return ZERO_ID + proposal


def _made(event: ProposalMade, recorded: Recorded) -> Proposal:
    return Proposal(
        id=event.proposal,
        effect=event.effect,
        subject=event.subject,
        tenant=event.tenant,
        payload=event.payload,
        basis=event.basis,
        proposer=Hand(event.principal, event.person, event.key_sha256, event.certificate_sha256),
        made_ns=recorded.recorded_at_ns,
        expires_ns=event.expires_ns,
        position=recorded.position,
    )
