"""Proven facts: all as of one size of the log, texts that prove themselves, names by one proven fact more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import cast
from uuid import UUID

import pytest
from ringfence.audit import Audit, CompleteAnswer, Leaf
from ringfence.proven import ProvenFacts
from ringfence_desk.fact import Fact as Told
from ringfence_desk.roles import Role
from ringfence_verifier import Checkpoint, Fact, KeySuccession, LogState, Opening, VerificationError

ACCOUNT, OTHER, PAYMENT = UUID(int=1), UUID(int=2), UUID(int=3)
SALT, NOTE = bytes(range(16)), "because"
COMMITMENT = sha256(b"ringfence/text/v1\x00" + SALT + NOTE.encode()).digest()
CHECKPOINT = Checkpoint("log.example", 10, bytes(32), ())


def leaf(kind: str, fields: dict[str, int | bytes | str]) -> bytes:
    """Encodes a leaf (docs/formats.md)."""
    encoded = b"\x01" + bytes([len(kind)]) + kind.encode()
    for name, value in sorted(fields.items()):
        content = value if isinstance(value, bytes) else str(value).encode()
        shape = 2 if isinstance(value, bytes) else 3
        encoded += bytes([len(name)]) + name.encode() + bytes([shape]) + len(content).to_bytes(2, "big") + content
    return encoded


DECIDED = {"instruction_id": PAYMENT.bytes, "note_commitment": COMMITMENT}


@dataclass
class FakeAudit:
    """A log that answers what it is told to, and notes which checkpoints it had to prove."""

    answers: dict[UUID, tuple[int, list[tuple[int, Fact]]]]
    openings: dict[int, tuple[Opening, ...]] = field(default_factory=dict)
    found: list[Leaf] = field(default_factory=list)
    asked: list[UUID] = field(default_factory=list)
    extended: list[tuple[int, int]] = field(default_factory=list)

    def answer(self, subject_id: UUID, key: object, *, policy: object = None, until_leaf: int = 0) -> CompleteAnswer:
        """Answers under a checkpoint whose size is the number of answers."""
        self.asked.append(subject_id)
        until, facts = self.answers[subject_id]
        checkpoint = replace(CHECKPOINT, size=len(self.asked))
        state = cast(LogState, None)
        keys = cast(KeySuccession, key)
        return CompleteAnswer(subject_id, until, facts, checkpoint, state, "", [], keys, [], self.openings)

    def require_extends(self, older: Checkpoint, newer: Checkpoint) -> None:
        """Notes what was to be proven."""
        self.extended.append((older.size, newer.size))

    def search(
        self,
        subject_id: UUID,
        tenant_id: UUID | None = None,
        *,
        kind: str = "",
        key: object = None,
        policy: object = None,
    ) -> Iterator[Leaf]:
        """Finds the same whatever was asked for, and nothing that need not be proven."""
        yield from self.found if key == "key" else ()


def facts_over(audit: FakeAudit) -> ProvenFacts:
    """Returns facts over a log."""
    return ProvenFacts(cast(Audit, audit), "key")


def test_everything_is_as_of_the_first_answer() -> None:
    """What later answers know beyond it is not told, each checkpoint extends the one before, nothing is asked twice."""
    audit = FakeAudit(
        {ACCOUNT: (10, [(4, Fact("a.b.v1", {}))]), OTHER: (20, [(9, Fact("c.d.v1", {})), (10, Fact("e.f.v1", {}))])}
    )
    facts = facts_over(audit)
    assert [fact.index for fact in facts.facts_of(ACCOUNT)] == [4]
    assert [fact.index for fact in facts.facts_of(OTHER)] == [9]
    assert facts.facts_of(OTHER)
    assert (audit.asked, audit.extended, facts.until_leaf) == ([ACCOUNT, OTHER], [(1, 2)], 10)


def test_a_log_that_answers_from_less_than_before_is_refused() -> None:
    """An answer that ends before the first one did could hide what that knew."""
    facts = facts_over(FakeAudit({ACCOUNT: (10, []), OTHER: (9, [])}))
    facts.facts_of(ACCOUNT)
    with pytest.raises(VerificationError, match="less than it had before"):
        facts.facts_of(OTHER)


def test_texts_come_with_the_answer_and_prove_themselves() -> None:
    """A fact is told with what it commits to, as far as that is kept."""
    facts = [(4, Fact("p.directive.v1", {**DECIDED})), (5, Fact("p.directive.v1", {**DECIDED}))]
    audit = FakeAudit({PAYMENT: (10, facts)}, {4: (Opening("note", SALT, NOTE),)})
    assert [dict(each.texts) for each in facts_over(audit).facts_of(PAYMENT)] == [{"note": NOTE}, {}]


def test_a_text_that_is_not_the_one_is_refused() -> None:
    """A log that shows another text than the leaf commits to is caught."""
    audit = FakeAudit(
        {PAYMENT: (10, [(4, Fact("p.directive.v1", {**DECIDED}))])}, {4: (Opening("note", SALT, "else"),)}
    )
    with pytest.raises(VerificationError):
        facts_over(audit).facts_of(PAYMENT)


def test_a_name_is_taken_from_a_fact_that_is_proven() -> None:
    """Whoever is named in a fact is called as the registration says that is proven; others stay ids."""
    who = UUID(int=7)
    name = sha256(b"ringfence/text/v1\x00" + SALT + b"lantern").digest()
    registered = leaf("identity.principal_registered.v1", {"principal_id": who.bytes, "name_commitment": name})
    audit = FakeAudit({}, found=[Leaf(2, registered, (Opening("name", SALT, "lantern"),))])
    names = facts_over(audit).names([Told(9, "x.y.v1", {"actor_id": who.bytes, "by_id": OTHER.bytes})])
    assert names.called == {(Role.PRINCIPAL, who): {None: "lantern"}}
