"""A principal, by all facts about it: its role, what it shows when it acts, what it did, and who was the second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from ringfence_desk.fact import Fact
from ringfence_desk.roles import Role
from ringfence_desk.sentences import role_of

REGISTERED, READ = "identity.principal_registered.v1", "audit.read.v1"
_ACTIVATED, _SUSPENDED = "identity.principal_activated.v1", "identity.principal_suspended.v1"
_RENEWED, _PINNED = "identity.grant_renewed.v1", "identity.certificate_pinned.v1"
_ENROLLED, _TOKEN = "identity.certificate_enrolled.v1", "identity.access_token_issued.v1"
_OF_PRINCIPAL = frozenset(
    {
        *(REGISTERED, _ACTIVATED, _SUSPENDED, _RENEWED, _PINNED, _ENROLLED, _TOKEN),
        *("identity.access_granted.v1", "identity.jurisdiction_stated.v1", "identity.key_rotated.v1"),
    }
)
"""Facts whose `principal_id` is whom they are about; elsewhere it is who acts."""
MOST_PROPOSALS = 25
"""So many of the newest are asked for who was the second."""
_HEARD = (".proposer_stopped.v1", ".proposer_resumed.v1")
_MADE, _CONFIRMED = ".proposal_made.v1", ".proposal_confirmed.v1"


class State(StrEnum):
    """Whether a role lets its principal in: one that is stopped may never have been confirmed, an ended one is over."""

    ACTIVE = "ACTIVE"
    STOPPED = "STOPPED"
    ENDED = "ENDED"


@dataclass(frozen=True)
class Certificate:
    """A certificate that a principal may show: its hash (32 bytes), from when and until when (UTC nanoseconds, None
    where that is not said), the fact that says so, and how many of its acts and accesses were by it."""

    sha256: bytes
    from_ns: int | None
    until_ns: int | None
    index: int
    used: int = 0


@dataclass(frozen=True)
class Act:
    """What a principal did: the fact, by which certificate where that is said, and who else had a hand in it."""

    fact: Fact
    certificate_sha256: bytes
    others: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A principal as the facts have it; without the fact of its registration `kind` is empty.

    `acts` and what was `decided` about it are in order of the log; reads and accesses are counted.
    """

    kind: str = ""
    platform_id: UUID | None = None
    person_id: UUID | None = None
    is_active: bool = False
    until_ns: int = 0
    certificates: tuple[Certificate, ...] = ()
    acts: tuple[Act, ...] = ()
    decided: tuple[Act, ...] = ()
    reads: int = 0
    accesses: int = 0

    def state(self, now_ns: int) -> State:
        """Tells whether it is let in at a time, UTC nanoseconds, by the facts that there are."""
        if 0 < self.until_ns <= now_ns:
            return State.ENDED
        return State.ACTIVE if self.is_active else State.STOPPED


def principal_in(identifier: UUID, facts: Iterable[Fact], of_proposals: Mapping[UUID, Iterable[Fact]]) -> Principal:
    """Gives a principal by all facts about it; `of_proposals` are those about proposals that it had a hand in.

    Facts are in order of the log.
    """
    told = list(facts)
    found = _Found(identifier, {each: list(about) for each, about in of_proposals.items()})
    for fact in told:
        found.take(fact)
    return Principal(
        kind=found.kind,
        platform_id=found.platform_id,
        person_id=found.person_id,
        is_active=found.is_active,
        until_ns=found.until_ns,
        certificates=tuple(found.certificates()),
        acts=tuple(found.acts),
        decided=tuple(found.decided),
        reads=found.reads,
        accesses=found.accesses,
    )


def proposals_of(identifier: UUID, facts: Iterable[Fact], most: int) -> list[UUID]:
    """Gives the newest proposals in which a principal had a hand, the newest first."""
    found = {
        proposal: None
        for fact in facts
        if fact.kind.endswith((_MADE, _CONFIRMED))
        and fact.id("principal_id") == identifier
        and (proposal := fact.id("proposal_id"))
    }
    return list(found)[::-1][:most]


@dataclass
class _Found:
    """What is known of a principal after so many facts."""

    identifier: UUID
    of_proposals: Mapping[UUID, list[Fact]]
    kind: str = ""
    platform_id: UUID | None = None
    person_id: UUID | None = None
    is_active: bool = False
    until_ns: int = 0
    acts: list[Act] = field(default_factory=list)
    decided: list[Act] = field(default_factory=list)
    reads: int = 0
    accesses: int = 0
    _shown: dict[bytes, Certificate] = field(default_factory=dict)
    _used: dict[bytes, int] = field(default_factory=dict)

    def take(self, fact: Fact) -> None:
        """Takes the next fact."""
        is_subject = fact.id("principal_id") == self.identifier and fact.kind in _OF_PRINCIPAL
        if is_subject:
            self._subject(fact)
        if fact.kind == READ:
            self.reads += fact.id("reader_id") == self.identifier
            return
        if fact.kind == _TOKEN:
            self.accesses += is_subject
            self._use(fact)
            return
        has_acted = not is_subject and not fact.kind.endswith(_HEARD) and self.identifier in _hands(fact)
        act = Act(fact, fact.content("certificate_sha256") if has_acted else b"", self._others(fact))
        if has_acted:
            self._use(fact)
            self.acts.append(act)
        elif is_subject or fact.id("subject_id") == self.identifier:
            self.decided.append(act)

    def certificates(self) -> list[Certificate]:
        """Gives those that it may show or has shown, with how often it did."""
        return [
            Certificate(each.sha256, each.from_ns, each.until_ns, each.index, self._used.get(each.sha256, 0))
            for each in self._shown.values()
        ]

    def _subject(self, fact: Fact) -> None:
        if fact.kind == REGISTERED:
            self.kind, self.platform_id = fact.text("kind"), fact.id("tenant_id")
            self.person_id, self.is_active = fact.id("person_id"), bool(fact.integer("active"))
        elif fact.kind in (_ACTIVATED, _SUSPENDED):
            self.is_active = fact.kind == _ACTIVATED
        if fact.kind in (REGISTERED, _RENEWED):
            self.until_ns = fact.integer("until_ns") or 0
        shown = fact.content("certificate_sha256")
        if shown and fact.kind in (REGISTERED, _PINNED, _ENROLLED):
            until_ns = fact.integer("expires_ns")
            self._shown.setdefault(shown, Certificate(shown, fact.time_ns, until_ns, fact.index))

    def _use(self, fact: Fact) -> None:
        shown = fact.content("certificate_sha256")
        if shown:
            self._used[shown] = self._used.get(shown, 0) + 1

    def _others(self, fact: Fact) -> tuple[UUID, ...]:
        proposal = fact.id("proposal_id")
        beside = self.of_proposals.get(proposal, []) if proposal else []
        hands = dict.fromkeys(each for told in (fact, *beside) for each in _hands(told))
        return tuple(each for each in hands if each not in (self.identifier, self.person_id))


def _hands(fact: Fact) -> list[UUID]:
    """Gives the principals that a fact says have acted."""
    names = (name for name in fact.fields if name != "person_id" and role_of(fact, name) is Role.PRINCIPAL)
    is_about = fact.kind in _OF_PRINCIPAL
    return [each for name in names if not (is_about and name == "principal_id") and (each := fact.id(name))]
