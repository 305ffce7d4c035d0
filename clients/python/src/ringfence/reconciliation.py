"""Reconciliation: what banks say is held against what the books hold, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

import grpc
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb
from ringfence_protos.custody.v1 import reconciliation_pb2_grpc

from ringfence.ids import optional
from ringfence.money import currency_of
from ringfence.transport import Connection

_PAGE = 1_000
_EPOCH = date(1970, 1, 1)


class BreakKind(IntEnum):
    """What is wrong."""

    TIMING = 1
    OURS = 2
    BANK = 3
    UNIDENTIFIED = 4
    SHORTFALL = 5
    EXCESS = 6
    EVIDENCE = 7


class BreakStatus(IntEnum):
    """How far a break has come."""

    DETECTED = 1
    CLASSIFIED = 2
    WAITING = 3
    MATCHED = 4
    ESCALATED = 5
    ASSIGNED = 6
    CORRECTING = 7
    FUNDED = 8
    NOTIFIED = 9
    RESOLVED = 10
    CLOSED = 11
    REOPENED = 12


class LineState(IntEnum):
    """How a line stands."""

    TOLD = 1
    BOOKED = 2
    MISSING = 3
    SAME = 4


class MatchingStage(IntEnum):
    """How lines were found to be one."""

    KEY = 1
    REFERENCE_AND_AMOUNT = 2
    AMOUNT_AND_DAY = 3
    REFERENCES = 4
    SUMS = 5
    TEXT = 6
    PEOPLE = 7


@dataclass(frozen=True)
class ReconciliationDay:
    """How a mirror and a day stand; minor units. Without a statement `statement_id` is None."""

    day: date
    statement_id: UUID | None
    first_day: date
    last_day: date
    opening_minor: int
    closing_minor: int
    books_minor: int
    open_bank_lines: int
    open_bank_minor: int
    open_books_lines: int
    open_books_minor: int
    suggestions: int
    open_breaks: int
    is_blocked: bool


@dataclass(frozen=True)
class OpenLine:
    """A line that is not matched; its amount is below zero where money went out. `reference` is a digest of one."""

    id: UUID
    day: date
    amount_minor: int
    state: LineState
    reference: bytes = b""


@dataclass(frozen=True)
class MatchedPair:
    """A pair of a match, or of a suggestion; confidence in percent."""

    match_id: UUID | None
    movement_id: UUID | None
    transfer_id: UUID | None
    stage: MatchingStage
    version: int
    confidence: int
    amount_minor: int
    is_undone: bool


@dataclass(frozen=True)
class Suggestion:
    """Lines that may be one."""

    id: UUID
    pairs: list[MatchedPair]


@dataclass(frozen=True)
class Break:
    """A disagreement between bank and books; its amount is below zero where the line takes money out."""

    id: UUID
    book_id: UUID
    mirror_id: UUID
    line_id: bytes
    kind: BreakKind
    status: BreakStatus
    currency: str
    amount_minor: int
    day: date
    detected_day: date
    due_day: date
    assignee_id: UUID | None
    note: str


class Likeness(IntEnum):
    """Why lines may be one, the strongest reason first."""

    KEY = 1
    REFERENCE = 2
    AMOUNT = 3


@dataclass(frozen=True)
class BreakStep:
    """A step in a break's life; `actor_id` is None for what nobody did."""

    status: BreakStatus
    actor_id: UUID | None
    assignee_id: UUID | None
    reference_id: UUID | None
    note: str
    time_ns: int


@dataclass(frozen=True)
class BreakCase:
    """What stands around a break.

    `line` is None where it is not open, or there is none; `candidates` are open lines of the other side that may be its
    counterpart, each with why. `lacking_minor` is what its mirror lacks, below zero where it has too much.
    """

    now: Break
    is_of_bank: bool
    steps: list[BreakStep]
    line: OpenLine | None
    candidates: list[tuple[OpenLine, list[Likeness]]]
    lacking_minor: int
    next: list[BreakStatus]


class CorrectingEntry(NamedTuple):
    """One compensating entry, minor units of the break's currency."""

    debit_account_id: UUID
    credit_account_id: UUID
    amount_minor: int


class Reconciliation:
    """Comparing banks with the books. `book_id` is the platform's id; left out it is the caller's own book."""

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._connection = connection
        self._stub = reconciliation_pb2_grpc.ReconciliationServiceStub(channel)

    def day(self, mirror_id: UUID, day: date | None = None, book_id: UUID | None = None) -> ReconciliationDay:
        """How a day stands; left out, the last one of the newest statement."""
        days = 0 if day is None else (day - _EPOCH).days
        request = pb.GetReconciliationRequest(**_mirror(book_id, mirror_id), day=days)
        reply = self._connection.call(self._stub.GetReconciliation, request)
        return ReconciliationDay(
            _date(reply.day),
            optional(reply.statement_id),
            _date(reply.first_day),
            _date(reply.last_day),
            reply.opening_minor,
            reply.closing_minor,
            reply.books_minor,
            reply.open_bank_lines,
            reply.open_bank_minor,
            reply.open_books_lines,
            reply.open_books_minor,
            reply.suggestions,
            reply.open_breaks,
            reply.is_blocked,
        )

    def open_lines(self, mirror_id: UUID, *, of_bank: bool, book_id: UUID | None = None) -> Iterator[OpenLine]:
        """Lines of one side that are not matched."""
        side = pb.BREAK_SIDE_BANK if of_bank else pb.BREAK_SIDE_BOOKS
        request = pb.ListOpenLinesRequest(**_mirror(book_id, mirror_id), side=side, page_size=_PAGE)
        for reply in self._pages(self._stub.ListOpenLines, request):
            for each in reply.lines:
                yield _line(each)

    def matches(self, mirror_id: UUID, day: date, book_id: UUID | None = None) -> Iterator[MatchedPair]:
        """Matches of a booking day, those that were undone too."""
        days = (day - _EPOCH).days
        request = pb.ListMatchesRequest(**_mirror(book_id, mirror_id), day=days, page_size=_PAGE)
        for reply in self._pages(self._stub.ListMatches, request):
            yield from map(_pair, reply.pairs)

    def suggestions(self, mirror_id: UUID, book_id: UUID | None = None) -> list[Suggestion]:
        """What may be one."""
        request = pb.ListSuggestionsRequest(**_mirror(book_id, mirror_id))
        reply = self._connection.call(self._stub.ListSuggestions, request)
        return [Suggestion(UUID(bytes=each.suggestion_id), list(map(_pair, each.pairs))) for each in reply.suggestions]

    def decide(
        self, mirror_id: UUID, suggestion_id: UUID, *, confirmed: bool, note: str, book_id: UUID | None = None
    ) -> None:
        """Confirms or refuses a suggestion, as an operator."""
        request = pb.DecideSuggestionRequest(
            **_mirror(book_id, mirror_id), suggestion_id=suggestion_id.bytes, confirmed=confirmed, note=note
        )
        self._connection.call(self._stub.DecideSuggestion, request)

    def match(self, mirror_id: UUID, pairs: Sequence[tuple[UUID, UUID]], book_id: UUID | None = None) -> None:
        """Matches movements with transfers, together one match, as an operator; their sums are the same."""
        named = [pb.LinePair(movement_id=one.bytes, transfer_id=other.bytes) for one, other in pairs]
        self._connection.call(self._stub.MatchLines, pb.MatchLinesRequest(**_mirror(book_id, mirror_id), pairs=named))

    def undo(self, mirror_id: UUID, match_id: UUID, *, note: str, book_id: UUID | None = None) -> None:
        """Takes a match apart, as an operator; no money moves."""
        request = pb.UndoMatchRequest(**_mirror(book_id, mirror_id), match_id=match_id.bytes, note=note)
        self._connection.call(self._stub.UndoMatch, request)

    def breaks(
        self,
        book_id: UUID | None = None,
        mirror_id: UUID | None = None,
        kind: BreakKind | None = None,
        status: BreakStatus | None = None,
    ) -> Iterator[Break]:
        """Breaks that are not closed; as an operator, of all books where none is named."""
        request = pb.ListBreaksRequest(
            book_id=_id(book_id),
            mirror_id=_id(mirror_id),
            kind=pb.BreakKind.ValueType(kind or 0),
            status=pb.BreakStatus.ValueType(status or 0),
            page_size=_PAGE,
        )
        for reply in self._pages(self._stub.ListBreaks, request):
            yield from map(_break, reply.breaks)

    def find_break(self, break_id: UUID) -> Break:
        """A break, closed ones too."""
        reply = self._connection.call(self._stub.GetBreak, pb.GetBreakRequest(break_id=break_id.bytes))
        return _break(getattr(reply, "break"))

    def case(self, break_id: UUID) -> BreakCase:
        """A break, closed ones too, with its life and with what its line may be on the other side."""
        reply = self._connection.call(self._stub.ShowBreak, pb.ShowBreakRequest(break_id=break_id.bytes))
        message = getattr(reply, "break")
        steps = [
            BreakStep(
                BreakStatus(each.status),
                optional(each.actor_id),
                optional(each.assignee_id),
                optional(each.reference_id),
                each.note,
                each.stepped_ns,
            )
            for each in reply.steps
        ]
        return BreakCase(
            _break(message),
            message.side == pb.BREAK_SIDE_BANK,
            steps,
            _line(reply.line) if reply.HasField("line") else None,
            [(_line(each.line), list(map(Likeness, each.likeness))) for each in reply.candidates],
            reply.lacking_minor,
            list(map(BreakStatus, reply.next)),
        )

    def assign(self, break_id: UUID, *, note: str, assignee_id: UUID | None = None) -> None:
        """Gives a break to somebody, left out to oneself, as an operator."""
        request = pb.AssignBreakRequest(break_id=break_id.bytes, assignee_id=_id(assignee_id), note=note)
        self._connection.call(self._stub.AssignBreak, request)

    def correct(self, break_id: UUID, entries: Sequence[CorrectingEntry], *, reason: str) -> UUID:
        """Proposes compensating entries, as an operator; returns what another must confirm."""
        rows = [
            pb.CorrectingEntry(
                debit_account_id=each.debit_account_id.bytes,
                credit_account_id=each.credit_account_id.bytes,
                amount_minor=each.amount_minor,
            )
            for each in entries
        ]
        request = pb.CorrectBreakRequest(break_id=break_id.bytes, entries=rows, reason=reason)
        return UUID(bytes=self._connection.call(self._stub.CorrectBreak, request).proposal_id)

    def fund(self, break_id: UUID, transfer_id: UUID, *, note: str) -> None:
        """Says by which transfer a shortfall was paid in, as an operator."""
        request = pb.FundBreakRequest(break_id=break_id.bytes, transfer_id=transfer_id.bytes, note=note)
        self._connection.call(self._stub.FundBreak, request)

    def close(self, break_id: UUID, *, note: str) -> None:
        """Closes a break that is resolved, as an operator."""
        self._connection.call(self._stub.CloseBreak, pb.CloseBreakRequest(break_id=break_id.bytes, note=note))

    def reopen(self, break_id: UUID, *, note: str) -> None:
        """Opens a break again, as an operator."""
        self._connection.call(self._stub.ReopenBreak, pb.ReopenBreakRequest(break_id=break_id.bytes, note=note))

    def _pages(self, method: Any, request: Any) -> Iterator[Any]:
        while True:
            reply: Any = self._connection.call(method, request)
            yield reply
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token


def _mirror(book_id: UUID | None, mirror_id: UUID) -> dict[str, Any]:
    return {"book_id": _id(book_id), "mirror_id": mirror_id.bytes}


def _id(identifier: UUID | None) -> bytes:
    return identifier.bytes if identifier else b""


def _date(days: int) -> date:
    return _EPOCH + timedelta(days=days)


def _line(message: pb.OpenLine) -> OpenLine:
    state = LineState(message.state)
    return OpenLine(UUID(bytes=message.id), _date(message.day), message.amount_minor, state, message.reference)


def _pair(message: pb.MatchedPair) -> MatchedPair:
    return MatchedPair(
        optional(message.match_id),
        optional(message.movement_id),
        optional(message.transfer_id),
        MatchingStage(message.stage),
        message.version,
        message.confidence,
        message.amount_minor,
        message.undone,
    )


def _break(message: pb.Break) -> Break:
    return Break(
        UUID(bytes=message.break_id),
        UUID(bytes=message.book_id),
        UUID(bytes=message.mirror_id),
        message.line_id,
        BreakKind(message.kind),
        BreakStatus(message.status),
        currency_of(message.ledger),
        message.amount_minor,
        _date(message.day),
        _date(message.detected_day),
        _date(message.due_day),
        optional(message.assignee_id),
        message.note,
    )
