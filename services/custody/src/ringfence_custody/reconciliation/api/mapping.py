"""Between the protos and the domain of reconciliation: fields checked and converted, nothing decided."""

from __future__ import annotations

from collections.abc import Sequence

from ringfence_kernel.rpc import bounds
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb

from ringfence_custody.reconciliation.application.correcting import Correction, Entry
from ringfence_custody.reconciliation.application.ports import MatchedPair
from ringfence_custody.reconciliation.application.queries import BreakCase, DayView
from ringfence_custody.reconciliation.domain.breaks import Break, Status
from ringfence_custody.reconciliation.domain.lines import Records, id_of
from ringfence_custody.reconciliation.domain.mirror import Suggestion

MAX_PAIRS = 1_000
MAX_ENTRIES = 10
MAX_AMOUNT = 2**63 - 1
NOTE_CHARACTERS = 140
MOST_PERCENT = 100
_WORD = 7
"""Bytes of an id in each integer of a page token, which hold no more than 63 bits."""


def place_of(words: Sequence[int], size: int) -> bytes:
    """Returns the bytes that `words_of_place` took apart."""
    return b"".join(each.to_bytes(_WORD, "big") for each in words)[:size]


def words_of_place(place: bytes) -> list[int]:
    """Returns bytes as integers of a page token."""
    return [int.from_bytes(place[at : at + _WORD].ljust(_WORD, b"\0"), "big") for at in range(0, len(place), _WORD)]


def note(value: str) -> str:
    """Returns why something is done; raises InvalidArgument."""
    return bounds.text("note", value, maximum=NOTE_CHARACTERS)


def pairs(values: Sequence[pb.LinePair]) -> list[tuple[bytes, bytes]]:
    """Returns pairs of movement and transfer, each once; raises InvalidArgument."""
    bounds.size("pairs", len(values), minimum=1, maximum=MAX_PAIRS)
    found = [
        (bounds.identifier("movement_id", each.movement_id), bounds.identifier("transfer_id", each.transfer_id))
        for each in values
    ]
    if len(set(found)) < len(found):
        raise InvalidArgument("a pair stands twice", field="pairs")
    return found


def scores(values: Sequence[pb.LinePair]) -> list[int]:
    """Returns the score of each pair, percent; raises InvalidArgument."""
    return [bounds.number("score", each.score, minimum=1, maximum=MOST_PERCENT) for each in values]


def correction(request: pb.CorrectBreakRequest) -> Correction:
    """Returns what is to be posted; raises InvalidArgument."""
    bounds.size("entries", len(request.entries), minimum=1, maximum=MAX_ENTRIES)
    entries = [
        Entry(
            bounds.identifier("debit_account_id", each.debit_account_id),
            bounds.identifier("credit_account_id", each.credit_account_id),
            bounds.number("amount_minor", each.amount_minor, minimum=1, maximum=MAX_AMOUNT),
        )
        for each in request.entries
    ]
    reason = bounds.text("reason", request.reason, maximum=NOTE_CHARACTERS)
    return Correction(bounds.identifier("break_id", request.break_id), entries, reason)


def day_view(found: DayView) -> pb.GetReconciliationResponse:
    """Returns how a day stands."""
    statement = found.statement
    return pb.GetReconciliationResponse(
        day=found.day,
        has_statement=statement is not None,
        statement_id=statement.telling if statement else b"",
        first_day=statement.first_day if statement else 0,
        last_day=statement.last_day if statement else 0,
        opening_minor=statement.opening_minor if statement else 0,
        closing_minor=statement.closing_minor if statement else 0,
        books_minor=found.books_minor,
        open_bank_minor=found.open_bank[1],
        open_books_minor=found.open_books[1],
        open_bank_lines=found.open_bank[0],
        open_books_lines=found.open_books[0],
        suggestions=found.suggestions,
        open_breaks=found.open_breaks,
        is_blocked=found.is_blocked,
    )


def open_line(row: Records) -> pb.OpenLine:
    """Returns a line."""
    key, reference = id_of(row["key"]), id_of(row["reference"])
    return pb.OpenLine(
        id=id_of(row["id"]),
        day=int(row["day"]),
        amount_minor=int(row["amount_minor"]),
        state=pb.LineState.ValueType(int(row["state"])),
        key=_present(key),
        reference=_present(reference),
    )


def matched_pair(found: MatchedPair) -> pb.MatchedPair:
    """Returns a pair."""
    return pb.MatchedPair(
        match_id=found.match,
        movement_id=_present(found.movement),
        transfer_id=_present(found.transfer),
        stage=pb.MatchingStage.ValueType(found.stage),
        version=found.version,
        confidence=found.confidence,
        amount_minor=found.amount_minor,
        undone=found.is_undone,
    )


def suggestion(name: bytes, content: Suggestion) -> pb.MatchSuggestion:
    """Returns a suggestion."""
    stage = pb.MatchingStage.ValueType(content.stage)
    return pb.MatchSuggestion(
        suggestion_id=name,
        pairs=[
            pb.MatchedPair(
                movement_id=one,
                transfer_id=other,
                stage=stage,
                version=content.version,
                confidence=content.confidence,
            )
            for one, other in content.pairs
        ],
    )


def broken(found: Break) -> pb.Break:
    """Returns a break."""
    return pb.Break(
        break_id=found.id,
        book_id=found.book,
        mirror_id=found.mirror,
        side=pb.BreakSide.ValueType(int(found.side)),
        line_id=found.line,
        kind=pb.BreakKind.Value(f"BREAK_KIND_{found.kind.value}"),
        status=_status(found.status),
        ledger=found.ledger,
        amount_minor=found.amount_minor if found.incoming else -found.amount_minor,
        day=found.day,
        detected_day=found.detected_day,
        due_day=found.due_day,
        assignee_id=_present(found.assignee),
        reference_id=_present(found.reference),
        note=found.note,
        stepped_ns=found.stepped_ns,
    )


def break_case(found: BreakCase) -> pb.ShowBreakResponse:
    """Returns what stands around a break."""
    return pb.ShowBreakResponse(
        **{"break": broken(found.now)},
        steps=[
            pb.BreakStep(
                status=_status(each.now.status),
                actor_id=_present(each.actor),
                assignee_id=_present(each.now.assignee),
                reference_id=_present(each.now.reference),
                note=each.now.note,
                stepped_ns=each.now.stepped_ns,
            )
            for each in found.life
        ],
        line=None if found.line is None else open_line(found.line),
        candidates=[
            pb.BreakCandidate(
                line=open_line(each.line), likeness=[pb.BreakLikeness.ValueType(why) for why in each.likeness]
            )
            for each in found.candidates
        ],
        lacking_minor=found.lacking_minor,
        next=map(_status, found.next),
    )


def _status(status: Status) -> pb.BreakStatus.ValueType:
    return pb.BreakStatus.Value(f"BREAK_STATUS_{status.value}")


def _present(identifier: bytes) -> bytes:
    return b"" if identifier == bytes(ID_BYTES) else identifier
