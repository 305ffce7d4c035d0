"""Audit: the transparency log, as regulators and auditors read it; what they get is proven by `ringfence_verifier`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from uuid import UUID

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
)

from ringfence.remembered import Remembered
from ringfence.transport import Connection

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
    how the log's keys have followed one another, and `keys` what they led to.
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


class Flaw(IntEnum):
    """Why a transfer is not justified by what the bank has said (protos/ringfence/audit/v1/audit.proto)."""

    EVIDENCE_NOT_NAMED = 1
    FILE_UNKNOWN = 2
    ENTRY_UNKNOWN = 3
    OTHER_TENANT = 4
    OTHER_DIRECTION = 5
    OTHER_CURRENCY = 6
    OTHER_AMOUNT = 7
    OTHER_ACCOUNT = 8
    OTHER_FEED = 9
    BOOKED_BEFORE = 10
    ALLOCATED_BEYOND = 11
    PAYMENT_UNKNOWN = 12
    AGAINST_THE_ANSWER = 13


class MirrorMove(IntEnum):
    """What a transfer does to a bank mirror, or with money that has come in by it."""

    IN = 1
    OUT = 2
    POST = 3
    VOID = 4
    ELSEWHERE = 5
    ALLOCATION = 6
    GIVEN = 7
    ALLOTTED = 8


@dataclass(frozen=True)
class UnprovenTransfer:
    """A transfer that nothing the bank has said justifies; never taken back.

    `leaf_index` is the fact that states it; amount in minor units of `ledger` (ISO 4217 numeric), time in UTC
    nanoseconds. What it names as evidence is empty, or None, where it names none.
    """

    leaf_index: int
    flaw: Flaw
    move: MirrorMove
    tenant_id: UUID
    transfer_id: UUID
    amount_minor: int
    ledger: int
    time_ns: int
    evidence_sha256: bytes
    entry_id: UUID | None
    feed_id: UUID | None


@dataclass(frozen=True)
class Proof:
    """What was found, how many facts of the log are judged for good, and how many transfers are not judged yet."""

    unproven: list[UnprovenTransfer]
    judged_leaves: int
    open: int


class ReportSubject(IntEnum):
    """What a report is about: D1, D2, D3 and D10 of the regulator's list."""

    DAILY_CUSTODY = 1
    RECONCILIATION = 2
    MONTHLY_SAFEGUARDING = 3
    RESOLUTION_PACK = 10


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
    """The audit service's read API; every call is itself a fact in the log before it is answered."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = audit_pb2_grpc.AuditServiceStub(channel)

    def checkpoint(self) -> str:
        """The latest signed checkpoint (C2SP tlog-checkpoint), unverified."""
        return self._connection.call(self._stub.GetCheckpoint, pb.GetCheckpointRequest()).checkpoint

    def keyed_checkpoint(self) -> tuple[str, list[str]]:
        """The latest checkpoint, and receipts of how the log's keys have followed one another, all unverified.

        `verifier.verify_key_succession` follows them from any of the log's keys.
        """
        reply = self._connection.call(self._stub.GetCheckpoint, pb.GetCheckpointRequest())
        return reply.checkpoint, list(reply.key_receipts)

    def verified_checkpoint(self, vkey: str, remembered: Remembered) -> Checkpoint:
        """The latest checkpoint, signed by the log's key, and proven to extend the newest one that was seen before.

        Where the log has changed its key it is followed to the newest one. Raises VerificationError, and LogForked
        where the log does not extend what it has signed.
        """
        note, receipts = self.keyed_checkpoint()
        return remembered.accept(note, vkey, self.consistency_proof, receipts)

    def search(
        self,
        subject_id: UUID | None = None,
        tenant_id: UUID | None = None,
        *,
        from_ns: int = 0,
        until_ns: int = 0,
    ) -> Iterator[Leaf]:
        """Facts about a party, account, instruction, transfer, submission or principal, in order of the log.

        Times are UTC nanoseconds, 0 for no bound; at least one of the four must be given.
        """
        token = ""
        while True:
            request = pb.SearchRequest(
                subject_id=subject_id.bytes if subject_id else b"",
                tenant_id=tenant_id.bytes if tenant_id else b"",
                from_ns=from_ns,
                until_ns=until_ns,
                page_size=_PAGE,
                page_token=token,
            )
            page = self._connection.call(self._stub.Search, request)
            yield from (Leaf(each.index, each.content, _openings(each.openings)) for each in page.leaves)
            if not (token := page.next_page_token):
                return

    def answer(self, subject_id: UUID, key: str | KeySuccession, *, policy: Policy | None = None) -> CompleteAnswer:
        """All facts about a subject as far as the log states its index, verified with the log's public key.

        The key is a vkey, or all that the log was followed to before: where it has changed since, it is followed. An
        answer that is too long comes in pieces, each of which has to go on where the last one ends, under a checkpoint
        that extends the last one's. Raises VerificationError where anything does not hold.
        """
        _, receipts = self.keyed_checkpoint()
        keys, relied = verify_key_succession(receipts, key)
        facts, pieces = list[tuple[int, Fact]](), list[bytes]()
        last: Answer | None = None
        while True:
            begin = last.until_leaf if last else 0
            request = pb.GetAnswerRequest(subject_id=subject_id.bytes, from_leaf=begin)
            reply = self._connection.call(self._stub.GetAnswer, request)
            piece = verify_answer(reply.answer, keys, policy=policy)
            if (piece.key, piece.from_leaf) != (subject_id.bytes, begin):
                raise VerificationError("the log has answered something else than it was asked")
            if piece.until_leaf != (reply.next_leaf or piece.state.index_size):
                raise VerificationError("the answer ends before its index does")
            if last is not None:
                self._require_extends(last.checkpoint, piece.checkpoint)
            last = piece
            facts += piece.facts
            pieces.append(reply.answer)
            if not reply.next_leaf:
                # What has shown the next key is of the log that has answered, and of no other.
                for each in relied:
                    self._require_extends(keys.verify_checkpoint(each), piece.checkpoint)
                said = piece.checkpoint, piece.state, piece.note
                return CompleteAnswer(subject_id, piece.until_leaf, facts, *said, pieces, keys, receipts)

    def receipt(self, leaf_index: int) -> Receipt:
        """The receipt of one fact."""
        reply = self._connection.call(self._stub.GetReceipt, pb.GetReceiptRequest(leaf_index=leaf_index))
        return Receipt(reply.leaf, reply.proof, _openings(reply.openings))

    def consistency_proof(self, from_size: int, to_size: int) -> list[bytes]:
        """The node hashes that prove the log of `to_size` to extend the one of `from_size`."""
        request = pb.GetConsistencyProofRequest(from_size=from_size, to_size=to_size)
        return list(self._connection.call(self._stub.GetConsistencyProof, request).path)

    def _require_extends(self, older: Checkpoint, newer: Checkpoint) -> None:
        path = self.consistency_proof(older.size, newer.size) if older.size < newer.size else []
        verify_consistency(older.size, older.root, newer.size, newer.root, path)

    def leaves(self, from_index: int = 0, until_index: int | None = None) -> Iterator[Leaf]:
        """Facts in order of the log, up to an index or to the end of what is there, fetched page by page."""
        index = from_index
        while until_index is None or index < until_index:
            limit = _LEAVES if until_index is None else min(_LEAVES, until_index - index)
            request = pb.ListLeavesRequest(from_index=index, limit=limit)
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
            request = pb.ListUnprovenTransfersRequest(
                tenant_id=tenant_id.bytes if tenant_id else b"", page_size=_PAGE, page_token=token
            )
            page = self._connection.call(self._stub.ListUnprovenTransfers, request)
            found += map(_unproven, page.transfers)
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
        )
        reply = self._connection.call(self._stub.GetReport, request)
        return Report(reply.content, reply.checkpoint, list(reply.leaf_indexes))


def _openings(read: Iterable[pb.Opening]) -> tuple[Opening, ...]:
    """Gives what is kept: of somebody erased there is nothing to open."""
    return tuple(
        Opening(each.field, each.salt, each.content.decode(errors="replace") if each.is_text else each.content)
        for each in read
        if each.salt
    )


def _unproven(read: pb.UnprovenTransfer) -> UnprovenTransfer:
    return UnprovenTransfer(
        read.leaf_index,
        Flaw(read.flaw),
        MirrorMove(read.move),
        UUID(bytes=read.tenant_id),
        UUID(bytes=read.transfer_id),
        read.amount_minor,
        read.ledger,
        read.time_ns,
        read.evidence_sha256,
        UUID(bytes=read.entry_id) if read.entry_id else None,
        UUID(bytes=read.feed_id) if read.feed_id else None,
    )


def _comparison(read: pb.SourceComparison) -> SourceComparison:
    current = read.current.position if read.HasField("current") else None
    return SourceComparison(read.logged.source, read.logged.position, current, Finding(read.finding), read.detail)
