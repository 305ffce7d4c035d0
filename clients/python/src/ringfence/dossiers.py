"""Dossiers: made here of answers that were proven here, bound to the log, and given only once the whole holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

import grpc
from ringfence_protos.audit.v1 import audit_pb2 as pb
from ringfence_protos.audit.v1 import audit_pb2_grpc
from ringfence_verifier import (
    Fact,
    KeySuccession,
    Opening,
    Policy,
    read_leaf,
    verify_answer,
    verify_key_succession,
    verify_receipt,
)
from ringfence_verifier.dossier import (
    Dossier,
    Gathered,
    Question,
    answer_name,
    compose,
    verify_dossier,
    write_shown,
)

from ringfence.audit import Audit
from ringfence.dossier_words import words
from ringfence.errors import RingfenceError
from ringfence.stretches import Stretches
from ringfence.transport import Connection

LINKED_MOST = 200
_PAGE = "dossiers"
_NARROW = "GRANT_TOO_NARROW"
_LINKING = ("transfer_id", "pending_id", "entry_id", "movement_id", "proposal_id")


@dataclass(frozen=True)
class Asked:
    """What a dossier is to be of: subjects, or all facts that the log took over between two times (UTC nanoseconds).

    With `is_linked` also the transfers, bank entries and proposals that facts about the subjects name, 200 for each.
    Without `has_texts` what facts commit to stays closed.
    """

    subjects: tuple[UUID, ...] = ()
    between_ns: tuple[int, int] | None = None
    is_linked: bool = False
    has_texts: bool = True


@dataclass
class _Parts:
    """What was got so far: `notes` are the checkpoints that it stands under, by their sizes."""

    audit: Audit
    """By which all of it is asked for, in one look."""
    questions: list[Question] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    openings: dict[int, tuple[Opening, ...]] = field(default_factory=dict)

    def add(
        self,
        pieces: Iterable[tuple[bytes, str]],
        about: bytes | None = None,
        between: tuple[int, int] | None = None,
        *,
        is_shown: bool = False,
    ) -> None:
        """Takes in the pieces of an answer, each with its checkpoint."""
        question, names = len(self.questions) + 1, list[str]()
        for number, (content, note) in enumerate(pieces, start=1):
            names.append(answer_name(question, number))
            self.answers[names[-1]] = content
            self.notes[_size_of(note)] = note
        self.questions.append(Question(tuple(names), about, between, is_shown))


class Dossiers:
    """Makes dossiers by the read API of audit: what is asked about subjects is one look for each that no other names.

    That a dossier was made is a fact of its own, and so are the read of that one and each stretch of a period.
    """

    def __init__(self, channel: grpc.Channel, connection: Connection, audit: Audit) -> None:
        self._connection, self._audit = connection, audit
        self._stub = audit_pb2_grpc.AuditServiceStub(channel)

    def make(self, asked: Asked, key: str | KeySuccession, *, policy: Policy | None = None) -> bytes:
        """Gives a dossier as a file, as `made` does."""
        return self.made(asked, key, policy=policy)[0]

    def made(self, asked: Asked, key: str | KeySuccession, *, policy: Policy | None = None) -> tuple[bytes, Dossier]:
        """Gives a dossier as a file, and what it says, verified whole as its reader will verify it.

        Of a reader of some platforms it has what that one is shown, and says that this is not proven to be all. The key
        is a vkey, or all that the log was followed to before. Raises VerificationError where anything does not hold,
        and PeriodOpen for a period that the log may not have all facts of yet.
        """
        gathered, keys = self._gathered(asked, key, policy)
        composed = compose(gathered, keys, words)
        index = self.bind(composed.manifest_sha256, asked.subjects[0].bytes if len(asked.subjects) == 1 else b"")
        receipt = self._audit.receipt(index).proof
        size = verify_receipt(receipt, keys).checkpoint.size
        proof = self._audit.consistency_proof(composed.size, size)
        made = composed.bound(receipt, {(composed.size, size): proof})
        return made, verify_dossier(made, keys, policy=policy)

    def bind(self, manifest_sha256: bytes, subject_id: bytes = b"") -> int:
        """Has the log record that the caller has made a dossier; returns the index of the fact."""
        request = pb.BindDossierRequest(manifest_sha256=manifest_sha256, subject_id=subject_id)
        return self._connection.call(self._stub.BindDossier, request).leaf_index

    def _gathered(
        self, asked: Asked, key: str | KeySuccession, policy: Policy | None
    ) -> tuple[Gathered, KeySuccession]:
        parts = _Parts(self._audit.looking(_PAGE))
        if asked.between_ns:
            self._add_stretches(parts, asked.between_ns, key)
        waiting, seen = list(asked.subjects), set(asked.subjects)
        while waiting:
            subject = waiting.pop(0)
            facts, openings, key = self._add_subject(parts, subject, key, policy)
            if asked.has_texts:
                parts.openings |= openings
            if asked.is_linked and subject in asked.subjects:
                waiting += islice((each for each in _linked(facts) if each not in seen), LINKED_MOST)
                seen.update(waiting)
        _, receipts = self._audit.keyed_checkpoint()
        keys, _ = verify_key_succession(receipts, key)
        newest = max(parts.notes)
        # Whoever has an older key than we had relies on the checkpoints that announced the others.
        older = {*parts.notes, *(_size_of(each.partition("\n\n")[2]) for each in receipts)} - {newest}
        steps = {(size, newest): self._audit.consistency_proof(size, newest) for size in sorted(older) if size < newest}
        found = tuple(parts.questions), parts.answers, parts.notes[newest], steps, tuple(receipts), parts.openings
        return Gathered(*found), keys

    def _add_subject(
        self, parts: _Parts, subject: UUID, key: str | KeySuccession, policy: Policy | None
    ) -> tuple[list[tuple[int, Fact]], Mapping[int, tuple[Opening, ...]], KeySuccession]:
        """Adds all facts about a subject; gives them, their texts, and the keys that the log was followed to."""
        try:
            answer = parts.audit.answer(subject, key, policy=policy)
        except RingfenceError as error:
            if error.reason != _NARROW:
                raise
            return self._add_shown(parts, subject, key)
        parts.add([(each, verify_answer(each, answer.keys).note) for each in answer.pieces], about=subject.bytes)
        return answer.facts, answer.openings, answer.keys

    def _add_shown(
        self, parts: _Parts, subject: UUID, key: str | KeySuccession
    ) -> tuple[list[tuple[int, Fact]], Mapping[int, tuple[Opening, ...]], KeySuccession]:
        """Adds what the reader is shown about a subject; an empty page only where there is no other."""
        _, receipts = self._audit.keyed_checkpoint()
        keys, _ = verify_key_succession(receipts, key)
        found = list(parts.audit.search_pages(subject, key=keys))
        pages = [each for each in found if each.leaves] or found[-1:]
        written = [
            (write_shown(each.note, [(leaf.index, leaf.content) for leaf in each.leaves], each.hashes), each.note)
            for each in pages
        ]
        parts.add(written, about=subject.bytes, is_shown=True)
        leaves = [leaf for each in pages for leaf in each.leaves]
        facts = [(leaf.index, read_leaf(leaf.content)) for leaf in leaves]
        return facts, {leaf.index: tuple(leaf.openings) for leaf in leaves if leaf.openings}, keys

    def _add_stretches(self, parts: _Parts, between: tuple[int, int], key: str | KeySuccession) -> None:
        note, receipts = self._audit.keyed_checkpoint()
        keys, _ = verify_key_succession(receipts, key)
        stretches = Stretches(self._audit, keys, keys.verify_checkpoint(note).size)
        parts.add(stretches.between(*between), between=between)


def _linked(facts: Iterable[tuple[int, Fact]]) -> Iterator[UUID]:
    """Yields what facts name that has facts of its own about the same money, each once, in order."""
    seen = set[bytes]()
    for _, fact in facts:
        for name in _LINKING:
            value = fact.fields.get(name)
            if isinstance(value, bytes) and len(value) == 16 and any(value) and value not in seen:
                seen.add(value)
                yield UUID(bytes=value)


def _size_of(note: str) -> int:
    """Returns the size that a checkpoint says that it is of, which others verify."""
    return int(note.split("\n", 2)[1])
