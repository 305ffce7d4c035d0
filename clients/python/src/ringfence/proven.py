"""Facts as the desk has them, each proven: complete answers of one state of the log, with the texts beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from ringfence_desk.fact import Fact
from ringfence_desk.kinds import ACCOUNT, INSTRUCTION, platform_of
from ringfence_desk.names import Names
from ringfence_desk.roles import Role
from ringfence_desk.sentences import role_of
from ringfence_verifier import Fact as Leaf
from ringfence_verifier import (
    KeySuccession,
    Opening,
    Policy,
    VerificationError,
    open_fact,
    read_leaf,
)

from ringfence.audit import Audit, CompleteAnswer

MOST_LOOKED_UP = 100
"""So many ids at most are asked for their names."""
_FIRST = 20
"""What an id is called stands in one of the first facts about it."""
_PRINCIPAL = "identity.principal_registered.v1"
_NAMED = {Role.ACCOUNT: ACCOUNT, Role.PRINCIPAL: _PRINCIPAL, Role.PLATFORM: _PRINCIPAL, Role.PAYMENT: INSTRUCTION}
"""What is named, and by which kind of fact: a payment may have an id that is somebody's."""
_OF_PLATFORMS = frozenset({Role.ACCOUNT, Role.PAYMENT})


class ProvenFacts:
    """Complete answers about ids, all as of the first one's leaf, verified by a reader's own key.

    Every look-up is a read that the log records, or all are one (`Audit.looking`). Not thread-safe.
    """

    def __init__(self, audit: Audit, key: str | KeySuccession, policy: Policy | None = None) -> None:
        self.first: CompleteAnswer | None = None
        """The answer as of whose leaf all is told."""
        self.newest: CompleteAnswer | None = None
        """The last answer, whose checkpoint extends those of all before it."""
        self._audit, self._key, self._policy = audit, key, policy
        self._answers: dict[UUID, list[Fact]] = {}
        self._known: dict[int, Fact] = {}

    def facts_of(self, identifier: UUID) -> Sequence[Fact]:
        """Gives all facts about an id; raises VerificationError where the log does not prove that they are all."""
        if identifier not in self._answers:
            got = self._audit.answer(identifier, self._key, policy=self._policy, until_leaf=self.until_leaf)
            if self.newest is not None:
                self._audit.require_extends(self.newest.checkpoint, got.checkpoint)
            first = self.first or got
            if got.until_leaf < first.until_leaf:
                raise VerificationError("the log has answered from less than it had before")
            facts = [
                told_of(index, leaf, got.openings.get(index, ()))
                for index, leaf in got.facts
                if index < first.until_leaf
            ]
            self.first, self.newest, self._key = first, got, got.keys
            self._known |= {fact.index: fact for fact in facts}
            self._answers[identifier] = facts
        return self._answers[identifier]

    @property
    def until_leaf(self) -> int:
        """Facts from here on are not told."""
        return self.first.until_leaf if self.first else 0

    def names(self, facts: Iterable[Fact]) -> Names:
        """Gives what the ids in facts are called: by these facts, by what was answered, or by one proven fact more."""
        told = list(facts)
        names = Names.of([*self._known.values(), *told])
        unknown = (each for each in nameable(told) if not each.is_named(names))
        for each in islice(unknown, MOST_LOOKED_UP):
            found = naming(self._audit, self._key, each, self._policy)
            names = names.learned([found] if found else [])
        return names


@dataclass(frozen=True)
class Nameable:
    """An id that is called something, what it is of, and of an account or a payment whose platform's it is."""

    id: UUID
    role: Role
    platform_id: UUID | None = None

    def is_named(self, names: Names) -> bool:
        """Tells whether it is known what it is called."""
        if self.role is Role.ACCOUNT:
            return names.found(self.id, self.platform_id) is not None
        return names.name(self.role, self.id, self.platform_id) is not None


def nameable(facts: Iterable[Fact]) -> list[Nameable]:
    """Gives what facts name by ids alone, each once and in order."""
    found: dict[Nameable, None] = {}
    for fact in facts:
        for name in fact.fields:
            identifier = fact.id(name) if name.endswith("_id") else None
            if identifier and (role := role_of(fact, name)) in _NAMED:
                found[Nameable(identifier, role, platform_of(fact) if role in _OF_PLATFORMS else None)] = None
    return list(found)


def naming(audit: Audit, key: str | KeySuccession, each: Nameable, policy: Policy | None = None) -> Fact | None:
    """Gives the first fact that says what an id is called, proven to be in the log; None where no early one does.

    Raises VerificationError and RingfenceError.
    """
    kind = _NAMED[each.role]
    for leaf in islice(audit.search(each.id, each.platform_id, kind=kind, key=key, policy=policy), _FIRST):
        fact = fact_of(leaf.index, leaf.content, leaf.openings)
        if fact.kind == kind and each.is_named(Names.of([fact])):
            return fact
    return None


def fact_of(index: int, leaf: bytes, openings: Iterable[Opening] = ()) -> Fact:
    """Gives a leaf as the desk has it, with the texts that are truly those it commits to; raises VerificationError."""
    return told_of(index, read_leaf(leaf), openings)


def told_of(index: int, read: Leaf, openings: Iterable[Opening] = ()) -> Fact:
    """Gives a decoded leaf as the desk has it; raises as `fact_of`."""
    kept = list(openings)
    opened = open_fact(read, kept)
    texts = {each.field: str(opened.fields[each.field]) for each in kept if isinstance(each.content, str)}
    return Fact(index, read.kind, read.fields, texts)
