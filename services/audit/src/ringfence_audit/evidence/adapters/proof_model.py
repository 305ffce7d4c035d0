"""The proof, which follows the log on its own: rows, findings and cursor in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringfence_kernel.values.recorded import Recorded

from ringfence_audit.evidence.adapters.proof_rows import ProofRows
from ringfence_audit.evidence.domain.bookings import Booking, Flaw, Move, Word, judge, prove
from ringfence_audit.evidence.domain.facts import Facts
from ringfence_audit.log.domain.events import SourcesPassed, Taken

JUDGED_AT_ONCE = 1_000


class ProofModel:
    """Which bookings the bank's word does not justify.

    Events are taken one by one, in order, so that the rows do not depend on how many come together. Beside one event,
    memory holds the mirrors, suspense accounts and newest windows of all books.
    """

    name = "evidence"
    tables: Sequence[str] = (
        "evidence_accounts",
        "evidence_windows",
        "evidence_since",
        "evidence_words",
        "evidence_payments",
        "evidence_bookings",
        "evidence_findings",
    )

    def project(self, connection: Any, recorded: Sequence[Recorded]) -> None:
        """Writes the rows of these events."""
        if not any(isinstance(each.event, Taken | SourcesPassed) for each in recorded):
            return
        rows = ProofRows(connection)
        accounts, windows = rows.accounts(), rows.windows()
        for each in recorded:
            if isinstance(each.event, Taken):
                _take(rows, Facts(accounts, windows, each.recorded_at_ns).read(each.event))
            elif isinstance(each.event, SourcesPassed):
                _conclude(rows, each.event.size)


def _take(rows: ProofRows, facts: Facts) -> None:
    """Takes in what an event says; bookings that are proven by then leave the tables, or never come there."""
    rows.save(facts)
    rows.forget(facts.ended)
    new = [*facts.bookings, *rows.name(facts.join())]
    subjects = {each.subject for each in facts.words}
    transfers = {each.transfer for each in facts.evidence}
    transfers |= {each.transfer for each in facts.payments if each.mandate is not None}
    if not new and not subjects and not transfers:
        return
    earlier = rows.concerned(transfers, subjects)
    # What names nothing, or a window, is sound for want of something else, which may come.
    named = [each for each in (*earlier, *new) if each.file or (each.move is Move.ALLOCATION and not each.imported)]
    judged, changed = _judged(rows, sorted(named, key=lambda each: (each.leaf, each.move)))
    proven = {(each.leaf, each.move) for each, flaw in judged if flaw is None}
    rows.settle([(each, flaw) for each, flaw in judged if flaw is None], changed)
    rows.add([each for each in new if (each.leaf, each.move) not in proven])
    rows.forget([each.reserved for each, flaw in judged if flaw is None])


def _conclude(rows: ProofRows, size: int) -> None:
    """Judges for good whatever is open before a leaf: what could justify it is in the log."""
    since = rows.since()
    while bookings := rows.open_before(size, JUDGED_AT_ONCE):
        judged, changed = _judged(rows, bookings)
        settled = [(each, _as_of(each, flaw, since)) for each, flaw in judged]
        rows.settle(settled, changed)
        rows.forget([each.reserved for each, flaw in settled if flaw is None])


def _judged(rows: ProofRows, bookings: Sequence[Booking]) -> tuple[list[tuple[Booking, Flaw | None]], list[Word]]:
    """Judges bookings one after the other; each finds used what those before have used."""
    known = rows.known(bookings) if bookings else None
    judged: list[tuple[Booking, Flaw | None]] = []
    changed: dict[tuple[Any, ...], Word] = {}
    for booking in bookings:
        assert known is not None
        flaw = judge(booking, known)
        judged.append((booking, flaw))
        if flaw is None:
            changed |= {each.key: each for each in prove(booking, known)}
    return judged, list(changed.values())


def _as_of(booking: Booking, flaw: Flaw | None, since: int | None) -> Flaw | None:
    """Leaves what was booked before anybody named evidence: an earlier release could not, and had no windows."""
    is_earlier = since is None or booking.leaf < since
    is_excused = flaw is Flaw.EVIDENCE_NOT_NAMED or booking.move is Move.ALLOCATION
    return None if is_earlier and is_excused else flaw
