"""Whether a whole statement follows the last one that was taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from ringfence_payment_instruction.statements.domain.checking import Fault, FaultKind
from ringfence_payment_instruction.statements.domain.movements import Chain, Movements
from ringfence_payment_instruction.statements.domain.statement import Statement
from ringfence_payment_instruction.statements.domain.told import EPOCH, Telling, all_references


@dataclass(frozen=True, slots=True)
class Period:
    """What a statement says of itself: its days since 1970, balances, and numbers, 0 where it has none."""

    first_day: int
    last_day: int
    opening_minor: int
    closing_minor: int
    electronic_sequence: int
    legal_sequence: int


def period_of(statement: Statement, today: date) -> Period:
    """Returns the period of a statement whose balances hold; without a date of its own it is of today.

    It begins on the day that the statement says, else with the first entry that is booked on one.
    """
    heading = statement.heading
    closing = heading.closing.day if heading.closing else None
    last = heading.last_day or closing or heading.created or today
    booked = [entry.booking_date for entry in statement.entries if entry.booking_date and entry.is_booked]
    first = heading.first_day or min([*booked, last])
    return Period(
        (min(first, last) - EPOCH).days,
        (last - EPOCH).days,
        heading.opening.amount_minor if heading.opening else 0,
        heading.closing.amount_minor if heading.closing else 0,
        heading.electronic_sequence or 0,
        heading.legal_sequence or 0,
    )


def chain_fault(known: Movements, period: Period) -> Fault | None:
    """Returns why a statement does not follow the last; None where it does, or is the first.

    The balance is what counts; numbers say what a difference is about.
    """
    last = known.last
    if last is None:
        return None
    step = _step(last, period)
    if period.opening_minor == last.closing_minor and period.last_day >= last.last_day and step in (None, 1):
        return None
    if step is not None and step <= 0:
        text = f"its number is {1 - step} before the next"
        return Fault(FaultKind.OVERLAP if step else FaultKind.CONTRADICTS, text)
    if step is not None and step > 1:
        return Fault(FaultKind.GAP, f"{step - 1} statements before it are missing")
    if period.last_day <= last.last_day:
        return Fault(FaultKind.OVERLAP, "its days have been taken with another statement")
    if period.first_day <= last.last_day and period.opening_minor != last.closing_minor:
        return Fault(
            FaultKind.OVERLAP, f"it begins {last.last_day - period.first_day + 1} days before the last one ends"
        )
    text = f"it opens with {period.opening_minor}, the last one closed with {last.closing_minor}"
    return Fault(FaultKind.CONTRADICTS if step == 1 else FaultKind.GAP, text)


def carried_over(known: Movements, telling: Telling, period: Period) -> dict[bytes, int]:
    """Returns the open movements of days before a statement that it does not have by reference, and their days.

    They are in its opening balance, where nothing before it says otherwise.
    """
    named = set(known.by_references(frozenset().union(*map(all_references, telling.entries))))
    return {
        key: each.told.day
        for key, each in known.known.items()
        if each.is_open and each.told.day < period.first_day and key not in named
    }


def opening_fault(known: Movements, carried: Iterable[bytes], period: Period) -> Fault | None:
    """Returns why the first statement of a mirror cannot be taken: it opens with another balance than the books."""
    if known.last is not None:
        return None
    held = sum(known.known[each].posted_minor for each in carried)
    if period.opening_minor == held:
        return None
    return Fault(FaultKind.OPENING, f"it opens with {period.opening_minor}, the books hold {held} by then")


def repetition_fault(known: Movements, period: Period, carried: Iterable[bytes], new_minor: int) -> Fault | None:
    """Returns why a statement that tells again of booked days cannot be taken, though people let it count.

    With `new_minor` of its entries, and what is `carried` over, the books come to the balance of the last day, or are
    as far from it as they were.
    """
    last = known.last
    if last is None:
        return None
    before = known.booked_minor
    after = before + new_minor + sum(known.known[each].posted_minor for each in carried)
    closing = period.closing_minor if period.last_day >= last.last_day else last.closing_minor
    if after == closing or after - closing == before - last.closing_minor:
        return None
    return Fault(FaultKind.CONTRADICTS, f"with it the books hold {after}, the balance is {closing}")


def _step(last: Chain, period: Period) -> int | None:
    """Returns by how much the statement's number exceeds the last; None where one has none, or counting began anew.

    Banks begin again with each year, so a number below the last says something only within one.
    """
    for before, now in (
        (last.legal_sequence, period.legal_sequence),
        (last.electronic_sequence, period.electronic_sequence),
    ):
        if before and now:
            begins_anew = now < before and _year(period.last_day) > _year(last.last_day)
            return None if begins_anew else now - before
    return None


def _year(day: int) -> int:
    return (EPOCH + timedelta(days=day)).year
