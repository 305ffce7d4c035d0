"""What a file tells of an account, and the faults with which it does so. Faults change files, never what is booked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from ringfence_bank_simulator.booked import Movement, derived_reference
from ringfence_bank_simulator.requests import Fault, Unreadable

NO_REFERENCE = "NONREF"
WRONG_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement as it is told, with its transactions or as a bare sum."""

    movement: Movement
    is_detailed: bool = True


@dataclass(frozen=True, slots=True)
class Balances:
    """What an account held before and after, and the ISO dates of these."""

    first_day: str
    last_day: str
    opening: Decimal
    closing: Decimal


@dataclass(frozen=True, slots=True)
class Telling:
    """Entries of one account that are told together; a statement has balances.

    `page` counts from 1; `sequence` is the statement's number, 0 where it has none.
    """

    id: str
    account: str
    currency: str
    created_at: str
    entries: tuple[Entry, ...]
    balances: Balances | None = None
    sequence: int = 0
    page: int = 1
    is_last_page: bool = True
    is_duplicate: bool = False


def with_faults(telling: Telling, faults: Sequence[Fault]) -> list[Telling]:
    """Returns what is told in the end: one telling, or two of a day in two. Raises Unreadable for an unknown fault."""
    tellings = [telling]
    for fault in faults:
        if fault.fault == "in_two":
            tellings = [half for each in tellings for half in _in_two(each)]
            continue
        change = _CHANGES.get(fault.fault)
        if change is None:
            raise Unreadable(f"no such fault: {fault.fault}")
        if fault.reference is not None and not any(_is_meant(one, fault) for each in tellings for one in each.entries):
            raise Unreadable(f"the fault is in an entry that is not told: {fault.reference}")
        tellings = [change(each, fault) for each in tellings]
    return tellings


def in_pages(telling: Telling, balances: Balances, count: int) -> list[tuple[Telling, Balances]]:
    """Returns a statement in so many pages, each with what the account held before and after its entries."""
    size = -(-len(telling.entries) // count) or 1
    pages, opening = [], balances.opening
    for page in range(1, count + 1):
        entries = telling.entries[size * (page - 1) : size * page]
        is_last = page == count
        closing = balances.closing if is_last else opening + _moved(entries)
        told = replace(telling, entries=entries, page=page, is_last_page=is_last)
        pages.append((told, replace(balances, opening=opening, closing=closing)))
        opening = closing
    return pages


def _moved(entries: Sequence[Entry]) -> Decimal:
    return sum((each.movement.signed for each in entries), Decimal(0))


def _in_two(telling: Telling) -> list[Telling]:
    """Returns two statements of the same days, each with a half of the entries and balances of its own."""
    if telling.balances is None:
        raise Unreadable("only a statement comes in two")
    middle = (len(telling.entries) + 1) // 2
    first, second = telling.entries[:middle], telling.entries[middle:]
    between = telling.balances.opening + _moved(first)
    sequence = telling.sequence and telling.sequence + 1
    return [
        replace(telling, id=f"{telling.id}A", entries=first, balances=replace(telling.balances, closing=between)),
        replace(
            telling,
            id=f"{telling.id}B",
            entries=second,
            balances=replace(telling.balances, opening=between),
            sequence=sequence,
        ),
    ]


def _wrong_balance(telling: Telling, fault: Fault) -> Telling:
    if telling.balances is None:
        raise Unreadable("only a statement has a balance")
    return replace(telling, balances=replace(telling.balances, closing=telling.balances.closing + WRONG_CENT))


def _wrong_currency(telling: Telling, fault: Fault) -> Telling:
    currency = "USD" if telling.currency != "USD" else "EUR"
    told = _told(telling, fault, lambda each: [_changed(each, currency=currency)])
    return told if fault.reference is not None else replace(told, currency=currency)


def _duplicate(telling: Telling, fault: Fault) -> Telling:
    return replace(telling, id=f"{telling.id}D", is_duplicate=True)


def _doubled(telling: Telling, fault: Fault) -> Telling:
    return _told(telling, fault, lambda each: [each, each])


def _missing(telling: Telling, fault: Fault) -> Telling:
    return _told(telling, fault, lambda each: [])


def _other_date(telling: Telling, fault: Fault) -> Telling:
    return _told(telling, fault, lambda each: [_changed(each, day=_later(each.movement.day, fault.days))])


def _other_reference(telling: Telling, fault: Fault) -> Telling:
    return _told(telling, fault, lambda each: [_referred(each, lambda text: derived_reference("other", text))])


def _no_reference(telling: Telling, fault: Fault) -> Telling:
    return _told(telling, fault, lambda each: [_referred(each, lambda text: NO_REFERENCE)])


def _sum(telling: Telling, fault: Fault) -> Telling:
    return _told(telling, fault, lambda each: [replace(each, is_detailed=False)])


def _split(telling: Telling, fault: Fault) -> Telling:
    return _told(telling, fault, lambda each: _parts(each.movement))


def _parts(movement: Movement) -> list[Entry]:
    return [Entry(replace(movement, reference=each.reference, transactions=(each,))) for each in movement.transactions]


def _told(telling: Telling, fault: Fault, told: Callable[[Entry], list[Entry]]) -> Telling:
    """Returns a telling that tells otherwise of the entry that is meant, of all where none is named."""
    entries = [one for each in telling.entries for one in (told(each) if _is_meant(each, fault) else [each])]
    return replace(telling, entries=tuple(entries))


def _is_meant(entry: Entry, fault: Fault) -> bool:
    return fault.reference in (None, entry.movement.reference)


def _changed(entry: Entry, **changes: str) -> Entry:
    return replace(entry, movement=replace(entry.movement, **changes))  # type: ignore[arg-type]


def _referred(entry: Entry, reference: Callable[[str], str]) -> Entry:
    movement = entry.movement
    transactions = tuple(replace(each, reference=reference(each.reference)) for each in movement.transactions)
    return replace(
        entry, movement=replace(movement, reference=reference(movement.reference), transactions=transactions)
    )


def _later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


_CHANGES: dict[str, Callable[[Telling, Fault], Telling]] = {
    "wrong_balance": _wrong_balance,
    "wrong_currency": _wrong_currency,
    "duplicate": _duplicate,
    "doubled": _doubled,
    "missing": _missing,
    "other_date": _other_date,
    "other_reference": _other_reference,
    "no_reference": _no_reference,
    "sum": _sum,
    "split": _split,
}
