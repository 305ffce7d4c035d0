"""What banks tell of their accounts: files in, and what people decide about them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

import grpc
from ringfence_protos.payment_instruction.v1 import events_pb2, statements_pb2_grpc
from ringfence_protos.payment_instruction.v1 import statements_pb2 as pb

from ringfence.transport import Connection

_PART_BYTES = 1024 * 1024
_PAGE = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()


class Remedy(IntEnum):
    """How an exception is worked off, beside a corrected file."""

    BRING_FORWARD = events_pb2.EXCEPTION_OUTCOME_BROUGHT_FORWARD
    VOID = events_pb2.EXCEPTION_OUTCOME_VOIDED


@dataclass(frozen=True, kw_only=True)
class StatementAnswer:
    """What became of a file: rows and entries, tellings that are exceptions, pages that wait for others."""

    credited: int
    suspended: int
    duplicates: int
    confirmed: int
    held: int
    excepted: int
    staged: int


@dataclass(frozen=True, kw_only=True)
class StatementException:
    """A telling that posts nothing until two people have worked it off; days are None where they are not known."""

    telling_id: UUID
    kind: str
    text: str
    digest: bytes
    first_day: date | None
    last_day: date | None
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True)
class TellingHeading:
    """What a bank's telling says of itself; minor units, None where it does not say it, numbers 0 for none."""

    format: str
    account: str
    currency: str
    first_day: date | None
    last_day: date | None
    opening_minor: int | None
    closing_minor: int | None
    moved_minor: int
    entries: int
    electronic_sequence: int
    legal_sequence: int


@dataclass(frozen=True, kw_only=True)
class KnownChain:
    """The statement of the last day that was taken."""

    last_day: date
    closing_minor: int
    electronic_sequence: int
    legal_sequence: int


@dataclass(frozen=True, kw_only=True)
class ExceptionCase:
    """An exception, what its file says (None where that is not kept), and what was taken last."""

    now: StatementException
    telling: TellingHeading | None
    chain: KnownChain | None
    booked_minor: int


class ReferenceKind(IntEnum):
    """What a bank's reference is."""

    ENTRY = 1
    DETAIL = 2
    TRANSACTION = 3
    UETR = 4
    END_TO_END = 5
    SET = 6


@dataclass(frozen=True, kw_only=True)
class HeldCandidate:
    """A movement that an entry may be; `shared` and `differing` are kinds of references that both have."""

    movement_id: UUID
    day: date
    amount_minor: int
    incoming: bool
    reversal: bool
    shared: tuple[ReferenceKind, ...]
    differing: tuple[ReferenceKind, ...]
    transactions: int


@dataclass(frozen=True, kw_only=True)
class HeldEntry:
    """An entry in doubt, and the movements that it may be, where that is known; minor units."""

    entry_id: UUID
    doubt: str
    day: date
    amount_minor: int
    incoming: bool
    reversal: bool
    movement_ids: tuple[UUID, ...]
    candidates: tuple[HeldCandidate, ...] = ()


class Statements:
    """Hands in what a bank tells, and works off what files alone do not decide."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._stub = statements_pb2_grpc.StatementServiceStub(channel)
        self._connection = connection

    def submit(self, content: bytes, *, sent: Callable[[int], None] = lambda done: None) -> StatementAnswer:
        """Hands in a file (camt.052, 053, 054, MT940, MT942, at most 128 MiB), as the bank that wrote it.

        `sent` is told how many bytes are under way each time a part is taken.
        """

        def parts(whole: bytes) -> Iterator[pb.SubmitStatementRequest]:
            for at in range(0, len(whole), _PART_BYTES):
                sent(min(at + _PART_BYTES, len(whole)))
                yield pb.SubmitStatementRequest(content=whole[at : at + _PART_BYTES])

        def send(whole: bytes, **options: Any) -> Any:
            return self._stub.SubmitStatement(parts(whole), **options)

        # Called like a method of one request, which is the file.
        reply: pb.SubmitStatementResponse = self._connection.call(send, content)  # type: ignore[arg-type]
        return StatementAnswer(
            credited=reply.credited,
            suspended=reply.suspended,
            duplicates=reply.duplicates,
            confirmed=reply.confirmed,
            held=reply.held,
            excepted=reply.excepted,
            staged=reply.staged,
        )

    def exceptions(self, tenant_id: UUID, mirror_id: UUID) -> Iterator[StatementException]:
        """The exceptions of one account that wait for people, the oldest first."""
        request = pb.ListStatementExceptionsRequest(
            tenant_id=tenant_id.bytes, mirror_id=mirror_id.bytes, page_size=_PAGE
        )
        while True:
            page = self._connection.call(self._stub.ListStatementExceptions, request)
            yield from map(_exception, page.exceptions)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def exception(self, tenant_id: UUID, mirror_id: UUID, telling_id: UUID) -> ExceptionCase:
        """An exception that waits, what its file says, and what was known."""
        request = pb.ShowStatementExceptionRequest(
            tenant_id=tenant_id.bytes, mirror_id=mirror_id.bytes, telling_id=telling_id.bytes
        )
        read = self._connection.call(self._stub.ShowStatementException, request)
        return ExceptionCase(
            now=_exception(read.exception),
            telling=_telling(read.telling) if read.HasField("telling") else None,
            chain=_chain(read.chain) if read.HasField("chain") else None,
            booked_minor=read.booked_minor,
        )

    def held_entries(self, tenant_id: UUID, mirror_id: UUID) -> Iterator[HeldEntry]:
        """The entries of one account that are in doubt."""
        request = pb.ListHeldEntriesRequest(tenant_id=tenant_id.bytes, mirror_id=mirror_id.bytes, page_size=_PAGE)
        while True:
            page = self._connection.call(self._stub.ListHeldEntries, request)
            yield from map(_held, page.entries)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def work_off(
        self, tenant_id: UUID, mirror_id: UUID, telling_id: UUID, remedy: Remedy, document_sha256: bytes, note: str
    ) -> UUID:
        """The proposal to work an exception off; a second operator confirms it."""
        request = pb.WorkOffExceptionRequest(
            tenant_id=tenant_id.bytes,
            mirror_id=mirror_id.bytes,
            telling_id=telling_id.bytes,
            outcome=events_pb2.ExceptionOutcome.ValueType(remedy),
            document_sha256=document_sha256,
            note=note,
        )
        return UUID(bytes=self._connection.call(self._stub.WorkOffException, request).proposal_id)

    def decide(
        self,
        tenant_id: UUID,
        mirror_id: UUID,
        entry_id: UUID,
        movement_id: UUID | None,
        document_sha256: bytes,
        note: str,
    ) -> UUID:
        """The proposal that an entry is a known movement, or another where None; a second operator confirms it."""
        request = pb.DecideHeldEntryRequest(
            tenant_id=tenant_id.bytes,
            mirror_id=mirror_id.bytes,
            entry_id=entry_id.bytes,
            movement_id=movement_id.bytes if movement_id else b"",
            document_sha256=document_sha256,
            note=note,
        )
        return UUID(bytes=self._connection.call(self._stub.DecideHeldEntry, request).proposal_id)


def _exception(found: pb.StatementException) -> StatementException:
    return StatementException(
        telling_id=UUID(bytes=found.telling_id),
        kind=events_pb2.FaultKind.Name(found.kind).removeprefix("FAULT_KIND_"),
        text=found.text,
        digest=found.digest,
        first_day=_day(found.first_day),
        last_day=_day(found.last_day),
        recorded_at=datetime.fromtimestamp(found.recorded_at_ns / 1e9, UTC),
    )


def _telling(found: pb.TellingHeading) -> TellingHeading:
    return TellingHeading(
        format=found.format,
        account=found.account,
        currency=found.currency,
        first_day=_day(found.first_day),
        last_day=_day(found.last_day),
        opening_minor=found.opening_minor if found.HasField("opening_minor") else None,
        closing_minor=found.closing_minor if found.HasField("closing_minor") else None,
        moved_minor=found.moved_minor,
        entries=found.entries,
        electronic_sequence=found.electronic_sequence,
        legal_sequence=found.legal_sequence,
    )


def _chain(found: pb.KnownChain) -> KnownChain:
    return KnownChain(
        last_day=_EPOCH + timedelta(days=found.last_day),
        closing_minor=found.closing_minor,
        electronic_sequence=found.electronic_sequence,
        legal_sequence=found.legal_sequence,
    )


def _held(found: pb.HeldEntry) -> HeldEntry:
    doubt = events_pb2.EntryDoubt.Name(found.doubt).removeprefix("ENTRY_DOUBT_")
    return HeldEntry(
        entry_id=UUID(bytes=found.entry_id),
        doubt="" if doubt == "UNSPECIFIED" else doubt,
        day=_EPOCH + timedelta(days=found.day),
        amount_minor=found.amount_minor,
        incoming=found.incoming,
        reversal=found.reversal,
        movement_ids=tuple(UUID(bytes=each) for each in found.movement_ids),
        candidates=tuple(map(_candidate, found.candidates)),
    )


def _candidate(found: pb.HeldCandidate) -> HeldCandidate:
    return HeldCandidate(
        movement_id=UUID(bytes=found.movement_id),
        day=_EPOCH + timedelta(days=found.day),
        amount_minor=found.amount_minor,
        incoming=found.incoming,
        reversal=found.reversal,
        shared=tuple(map(ReferenceKind, found.shared)),
        differing=tuple(map(ReferenceKind, found.differing)),
        transactions=found.transactions,
    )


def _day(day: int) -> date | None:
    return _EPOCH + timedelta(days=day) if day else None
