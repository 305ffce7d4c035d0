"""Audit: the transparency log, as regulators and auditors read it; what they get is proven by `ringfence_verifier`."""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Self
from uuid import UUID, uuid4

import grpc
from ringfence_protos.audit.v1 import audit_pb2 as pb
from ringfence_protos.audit.v1 import audit_pb2_grpc
from ringfence_verifier import (
    Answer,
    Checkpoint,
    Fact,
    KeySuccession,
    LogState,
    Opening,
    Policy,
    VerificationError,
    verify_answer,
    verify_consistency,
    verify_key_succession,
    verify_page,
)

from ringfence.reads import Read, read_of
from ringfence.remembered import Remembered
from ringfence.transport import Connection
from ringfence.unproven import Proof, UnprovenTransfer, unproven_of

_PAGE = 1_000
_LEAVES = 10_000
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Leaf:
    """A fact in the log: its index and its canonical bytes (`ringfence_verifier.read_leaf` decodes them).

    A search brings the texts that the fact commits to, as far as they are kept (`ringfence_verifier.open_fact`).
    """

    index: int
    content: bytes
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True)
class FoundPage:
    """A page of a search: its leaves, and the checkpoint under which the combined proof `hashes` leads to them."""

    leaves: list[Leaf]
    note: str
    hashes: list[bytes]


@dataclass(frozen=True)
class Receipt:
    """A fact with the proof, in C2SP tlog-proof text, that the log holds it; `verifier.verify_receipt` checks it.

    `openings` are the texts that it commits to, as far as they are kept.
    """

    leaf: bytes
    proof: str
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True)
class CompleteAnswer:
    """All facts about a subject, with their indexes and in order of the log: below `until_leaf` there are no others.

    `state` is what the log knew under `checkpoint`, the newest that a piece stands under, `note` that as it was
    signed. `pieces` are what was verified, one after the other, each by itself for whoever is handed it; `key_receipts`
    how the log's keys have followed one another, and `keys` what they led to. `openings` are the texts that facts
    commit to, by index and as far as they are kept; each proves itself (`ringfence_verifier.open_fact`).
    """

    subject_id: UUID
    until_leaf: int
    facts: list[tuple[int, Fact]]
    checkpoint: Checkpoint
    state: LogState
    note: str
    pieces: list[bytes]
    keys: KeySuccession
    key_receipts: list[str]
    openings: dict[int, tuple[Opening, ...]]


@dataclass(frozen=True)
class StatedCheckpoint:
    """A signed checkpoint, the receipt of the state leaf under it, and how the log's keys have followed one another."""

    note: str
    state_receipt: str
    key_receipts: list[str]


class Finding(IntEnum):
    """How a source compares with what the log took over from it."""

    AGREES = 1
    UNREACHABLE = 2
    DIFFERS = 3


@dataclass(frozen=True)
class SourceComparison:
    """One source: the position that the log has reached, where the source itself stands, and the verdict."""

    source: str
    logged_position: int
    current_position: int | None
    finding: Finding
    detail: str


class ReportSubject(IntEnum):
    """What a report is about: its number in the regulator's list (D1, D2, …)."""

    DAILY_CUSTODY = 1
    RECONCILIATION = 2
    MONTHLY_SAFEGUARDING = 3
    LARGE_TRANSACTIONS = 4
    AUDIT_EXPORT = 6
    RESOLUTION_PACK = 10
    REGISTER = 11


class ReportFormat(IntEnum):
    """How a report is written."""

    JSON = 1
    CSV = 2
    PDF = 3


@dataclass(frozen=True)
class Report:
    """A report as a file, the checkpoint of the log that it was made from, and the facts that its figures are from."""

    content: bytes
    checkpoint: str
    leaf_indexes: list[int]


class Audit:
    """The audit service's read API; every call is itself a fact in the log before it is answered.

    Those of one look (`looking`) are one fact, as far as each asks for what an earlier one has shown.
    """

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = audit_pb2_grpc.AuditServiceStub(channel)
        self._look: pb.Look | None = None

    def looking(self, page: str, look_id: bytes = b"") -> Self:
        """The same API for one look at something, which `page` says ("trace"): its calls belong together.

        For two minutes; what is asked for later, or is named by nothing that was shown, is a fact of its own. With the
        id of an earlier look (16 bytes, of the same page) it is a refresh: the same calls are none but for what is new.
        """
        look = copy(self)
        look._look = pb.Look(look_id=look_id or uuid4().bytes, page=page)
        return look

    @property
    def look(self) -> pb.Look | None:
        """What its calls are a part of; None where each is a read by itself."""
        return self._look

    def checkpoint(self) -> str:
        """The latest signed checkpoint (C2SP tlog-checkpoint), unverified."""
        return self._connection.call(self._stub.GetCheckpoint, pb.GetCheckpointRequest()).checkpoint

    def keyed_checkpoint(self) -> tuple[str, list[str]]:
        """The latest checkpoint, and receipts of how the log's keys have followed one another, all unverified.

        `verifier.verify_key_succession` follows them from any of the log's keys.
        """
        reply = self._connection.call(self._stub.GetCheckpoint, pb.GetCheckpointRequest())
        return reply.checkpoint, list(reply.key_receipts)

    def stated_checkpoint(self) -> StatedCheckpoint:
        """The latest checkpoint and what the log says that it knew, unverified: `verifier.verify_state` checks it."""
        reply = self._connection.call(self._stub.GetCheckpoint, pb.GetCheckpointRequest())
        return StatedCheckpoint(reply.checkpoint, reply.state_receipt, list(reply.key_receipts))

    def verified_checkpoint(self, vkey: str, remembered: Remembered, policy: Policy | None = None) -> Checkpoint:
        """The latest checkpoint, signed by the log's key, and proven to extend the newest one that was seen before.

        Where the log has changed its key it is followed to the newest one. Raises VerificationError, also where it
        lacks the quorum of a policy, and LogForked where the log does not extend what it has signed.
        """
        note, receipts = self.keyed_checkpoint()
        return remembered.accept(note, vkey, self.consistency_proof, receipts, policy=policy)

    def search(
        self,
        subject_id: UUID | None = None,
        tenant_id: UUID | None = None,
        *,
        from_ns: int = 0,
        until_ns: int = 0,
        kind: str = "",
        key: str | KeySuccession | None = None,
        policy: Policy | None = None,
    ) -> Iterator[Leaf]:
        """Facts about a party, account, instruction, transfer, submission or principal, in order of the log.

        Times are UTC nanoseconds, 0 for no bound; at least one of the four must be given. A kind is one of facts about
        a subject; a service of before gives others too. With the log's public key each page is proven to be in the
        log, by the policy too, not to be all of it: raises VerificationError where it is not.
        """
        pages = self.search_pages(
            subject_id, tenant_id, from_ns=from_ns, until_ns=until_ns, kind=kind, key=key, policy=policy
        )
        for page in pages:
            yield from page.leaves

    def search_pages(
        self,
        subject_id: UUID | None = None,
        tenant_id: UUID | None = None,
        *,
        from_ns: int = 0,
        until_ns: int = 0,
        kind: str = "",
        key: str | KeySuccession | None = None,
        policy: Policy | None = None,
    ) -> Iterator[FoundPage]:
        """The same page by page, each with what proves it, where the log's public key is given."""
        token = ""
        while True:
            request = pb.SearchRequest(
                subject_id=_id(subject_id),
                tenant_id=_id(tenant_id),
                from_ns=from_ns,
                until_ns=until_ns,
                page_size=_PAGE,
                page_token=token,
                prove=key is not None,
                kind=kind,
                look=self._look,
            )
            page = self._connection.call(self._stub.Search, request)
            if key is not None:
                content = [(each.index, each.content) for each in page.leaves]
                verify_page(content, page.checkpoint, page.proof, key, policy=policy)
            leaves = [Leaf(each.index, each.content, _openings(each.openings)) for each in page.leaves]
            yield FoundPage(leaves, page.checkpoint, list(page.proof))
            if not (token := page.next_page_token):
                return

    def reads(self, tenant_id: UUID | None = None, reader_id: UUID | None = None) -> Iterator[Read]:
        """Who has read what, the newest first: of a platform, by a reader, or all that the caller may know."""
        token = ""
        while True:
            found, token = self.read_page(tenant_id, reader_id, 0, token)
            yield from found
            if not token:
                return

    def read_page(
        self, tenant_id: UUID | None, reader_id: UUID | None, most: int, token: str = ""
    ) -> tuple[list[Read], str]:
        """A page of the same, of so many at most (0 for 100), and the token of the next, empty at the end.

        It may have fewer, and none, where it is not the last.
        """
        request = pb.ListReadsRequest(
            tenant_id=_id(tenant_id), reader_id=_id(reader_id), page_size=most, page_token=token, look=self._look
        )
        page = self._connection.call(self._stub.ListReads, request)
        return list(map(read_of, page.reads)), page.next_page_token

    def answer(
        self, subject_id: UUID, key: str | KeySuccession, *, policy: Policy | None = None, until_leaf: int = 0
    ) -> CompleteAnswer:
        """All facts about a subject below a leaf, 0 for as far as the log states its index, verified with its key.

        The key is a vkey, or all that the log was followed to before: where it has changed since, it is followed. An
        answer that is too long comes in pieces, each of which has to go on where the last one ends, under a checkpoint
        that extends the last one's. Raises VerificationError where anything does not hold.
        """
        _, receipts = self.keyed_checkpoint()
        keys, relied = verify_key_succession(receipts, key)
        facts, pieces = list[tuple[int, Fact]](), list[bytes]()
        openings = dict[int, tuple[Opening, ...]]()
        last: Answer | None = None
        while True:
            begin = last.until_leaf if last else 0
            request = pb.GetAnswerRequest(
                subject_id=subject_id.bytes, from_leaf=begin, until_leaf=until_leaf, look=self._look
            )
            reply = self._connection.call(self._stub.GetAnswer, request)
            piece = verify_answer(reply.answer, keys, policy=policy)
            if (piece.key, piece.from_leaf) != (subject_id.bytes, begin):
                raise VerificationError("the log has answered something else than it was asked")
            if piece.until_leaf != (reply.next_leaf or until_leaf or piece.state.index_size):
                raise VerificationError("the answer ends before its index does, or is of more than was asked")
            if last is not None:
                self.require_extends(last.checkpoint, piece.checkpoint)
            last = piece
            facts += piece.facts
            pieces.append(reply.answer)
            openings |= {each.leaf_index: _openings(each.openings) for each in reply.openings}
            if not reply.next_leaf:
                # What has shown the next key is of the log that has answered, and of no other.
                for each in relied:
                    self.require_extends(keys.verify_checkpoint(each), piece.checkpoint)
                said = piece.checkpoint, piece.state, piece.note
                return CompleteAnswer(subject_id, piece.until_leaf, facts, *said, pieces, keys, receipts, openings)

    def receipt(self, leaf_index: int) -> Receipt:
        """The receipt of one fact."""
        reply = self._connection.call(
            self._stub.GetReceipt, pb.GetReceiptRequest(leaf_index=leaf_index, look=self._look)
        )
        return Receipt(reply.leaf, reply.proof, _openings(reply.openings))

    def consistency_proof(self, from_size: int, to_size: int) -> list[bytes]:
        """The node hashes that prove the log of `to_size` to extend the one of `from_size`."""
        request = pb.GetConsistencyProofRequest(from_size=from_size, to_size=to_size)
        return list(self._connection.call(self._stub.GetConsistencyProof, request).path)

    def require_extends(self, older: Checkpoint, newer: Checkpoint) -> None:
        """Has the log prove that a checkpoint of it extends an older one; raises VerificationError."""
        path = self.consistency_proof(older.size, newer.size) if older.size < newer.size else []
        verify_consistency(older.size, older.root, newer.size, newer.root, path)

    def leaves(self, from_index: int = 0, until_index: int | None = None) -> Iterator[Leaf]:
        """Facts in order of the log, up to an index or to the end of what is there, fetched page by page."""
        index = from_index
        while until_index is None or index < until_index:
            limit = _LEAVES if until_index is None else min(_LEAVES, until_index - index)
            request = pb.ListLeavesRequest(from_index=index, limit=limit, look=self._look)
            page = self._connection.call(self._stub.ListLeaves, request).leaves
            if not page:
                return
            yield from (Leaf(each.index, each.content) for each in page)
            index = page[-1].index + 1

    def verify_sources(self, *, recompute: bool = False) -> list[SourceComparison]:
        """Compares the log with its sources: their heads, or with `recompute` every event of theirs."""
        request = pb.VerifySourcesRequest(recompute=recompute)
        return [_comparison(each) for each in self._connection.call(self._stub.VerifySources, request).sources]

    def prove_transfers(self, tenant_id: UUID | None = None) -> Proof:
        """What custody has booked on a bank's word, of one tenant or of all, and nothing the bank has said justifies.

        What is not judged yet may become a finding: the log has to pass custody and payment-instruction first.
        """
        found, token = list[UnprovenTransfer](), ""
        while True:
            request = pb.ListUnprovenTransfersRequest(tenant_id=_id(tenant_id), page_size=_PAGE, page_token=token)
            page = self._connection.call(self._stub.ListUnprovenTransfers, request)
            found += map(unproven_of, page.transfers)
            if not (token := page.next_page_token):
                return Proof(found, page.judged_leaves, page.open)

    def report(
        self, subject: ReportSubject, tenant_id: UUID, day: date, form: ReportFormat, *, language: str = "en"
    ) -> Report:
        """A report about a business day of a platform, or about its month, in English ("en") or Chinese ("zh")."""
        request = pb.GetReportRequest(
            subject=pb.ReportSubject.ValueType(subject),
            tenant_id=tenant_id.bytes,
            day=(day - _EPOCH).days,
            format=pb.ReportFormat.ValueType(form),
            language=language,
            look=self._look,
        )
        reply = self._connection.call(self._stub.GetReport, request)
        return Report(reply.content, reply.checkpoint, list(reply.leaf_indexes))


def _id(identifier: UUID | None) -> bytes:
    return identifier.bytes if identifier else b""


def _openings(read: Iterable[pb.Opening]) -> tuple[Opening, ...]:
    """Gives what is kept: of somebody erased there is nothing to open."""
    return tuple(
        Opening(each.field, each.salt, each.content.decode(errors="replace") if each.is_text else each.content)
        for each in read
        if each.salt
    )


def _comparison(read: pb.SourceComparison) -> SourceComparison:
    current = read.current.position if read.HasField("current") else None
    return SourceComparison(read.logged.source, read.logged.position, current, Finding(read.finding), read.detail)
