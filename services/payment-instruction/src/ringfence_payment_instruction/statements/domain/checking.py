"""What can be wrong with a telling as it stands, before anything else is known of the account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from ringfence_payment_instruction.statements.domain.statement import BOOKED, CREDIT, Entry, Heading, Kind, Statement


class FaultKind(IntEnum):
    """Why a telling is an exception: it posts nothing, and people work it off."""

    GAP = 1  # something between it and the last one is missing
    OVERLAP = 2  # it tells again what another has told already
    WRONG_SUM = 3  # its balances and entries do not agree, or it says no balance to check by
    MISSING_PAGE = 4  # its set of pages never became whole
    CONTRADICTS = 5  # it says otherwise what has been said before
    CURRENCY = 6  # of a currency that this account is not held in
    OPENING = 7  # the first of an account, and it opens with another balance than the books hold
    TOO_LARGE = 8  # its pages have more entries together than may be


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong; `text` says it with numbers, never with a name or a text of the bank."""

    kind: FaultKind
    text: str


def fault_of(statement: Statement, currency: str = "") -> Fault | None:
    """Returns what is wrong with a whole telling, None where nothing is; `currency` is that of the mirror, if known."""
    heading, entries = statement.heading, statement.entries
    return _currency(heading, entries, currency) or _totals(heading, entries) or _sum(statement)


def without_repetitions(statement: Statement) -> Statement:
    """Returns a statement without the entries that it repeats word for word, where only so its sum holds.

    A bank may list an entry twice; whether that is one movement or two, its closing balance says.
    """
    if statement.heading.kind is not Kind.STATEMENT or _sum(statement) is None:
        return statement
    once: dict[object, Entry] = {}
    kept = []
    for position, entry in enumerate(statement.entries):
        has_reference = entry.bank_reference or any(each.bank_reference or each.uetr for each in entry.details)
        key: object = _content(entry) if has_reference else position
        if key not in once:
            once[key] = entry
            kept.append(entry)
    found = Statement(heading=statement.heading, entries=tuple(kept))
    return statement if _sum(found) else found


def _currency(heading: Heading, entries: Iterable[Entry], currency: str) -> Fault | None:
    stated = [each.currency for each in (heading.opening, heading.closing, *heading.totals) if each]
    found = {currency, heading.currency, *stated, *(entry.currency for entry in entries)} - {""}
    if len(found) > 1:
        return Fault(FaultKind.CURRENCY, f"{len(found)} currencies where one is expected: {', '.join(sorted(found))}")
    return None


def _totals(heading: Heading, entries: Iterable[Entry]) -> Fault | None:
    """Compares what stands there with the number and sum that the bank says."""
    for total in heading.totals:
        found = [each.amount_minor for each in entries if (each.direction, each.status) == (total.direction, BOOKED)]
        if (len(found), sum(found)) != (total.count, total.sum_minor):
            side = "credit" if total.direction == CREDIT else "debit"
            text = f"{len(found)} {side} entries of {sum(found)}, said are {total.count} of {total.sum_minor}"
            return Fault(FaultKind.WRONG_SUM, text)
    return None


def _sum(statement: Statement) -> Fault | None:
    heading = statement.heading
    if heading.kind is not Kind.STATEMENT:
        return None
    if heading.opening is None or heading.closing is None:
        missing = "opening" if heading.opening is None else "closing"
        return Fault(FaultKind.WRONG_SUM, f"no {missing} balance to check the entries by")
    reached = heading.opening.amount_minor + statement.moved_minor
    if reached != heading.closing.amount_minor:
        text = f"opening and entries come to {reached}, the closing balance is {heading.closing.amount_minor}"
        return Fault(FaultKind.WRONG_SUM, text)
    return None


def _content(entry: Entry) -> object:
    """Returns everything of an entry but its position."""
    return (
        entry.amount_minor, entry.currency, entry.direction, entry.reversal, entry.status, entry.booking_date,
        entry.value_date, entry.bank_reference, entry.details, entry.text,
    )  # fmt: skip
