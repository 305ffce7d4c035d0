"""Taking a whole telling: an exception where something is wrong with it, else news or the last word on its days."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

from ringfence_kernel.values.ids import external_id

from ringfence_payment_instruction.statements.domain.chain import (
    Period,
    carried_over,
    chain_fault,
    opening_fault,
    period_of,
    repetition_fault,
)
from ringfence_payment_instruction.statements.domain.checking import Fault, FaultKind, fault_of, without_repetitions
from ringfence_payment_instruction.statements.domain.columns import columns_of
from ringfence_payment_instruction.statements.domain.deciding import settle, tell
from ringfence_payment_instruction.statements.domain.events import StatementExcepted, StatementTaken
from ringfence_payment_instruction.statements.domain.movements import Movements
from ringfence_payment_instruction.statements.domain.news import booked_before
from ringfence_payment_instruction.statements.domain.paging import pages_id
from ringfence_payment_instruction.statements.domain.statement import Detail, Entry, Heading, Kind, Statement
from ringfence_payment_instruction.statements.domain.told import EPOCH, Telling, Told, told

ClientOf = Callable[[Detail], bytes]
_TELLS_AGAIN = (FaultKind.OVERLAP, FaultKind.CONTRADICTS)
"""Faults of a statement that may tell again of what another has booked: the books have to come out even with it."""


def take(
    known: Movements,
    mirror: bytes,
    currency: str,
    statement: Statement,
    digest: bytes,
    today: date,
    client_of: ClientOf,
) -> list[Any]:
    """Returns what a whole telling about a mirror brings about; `allocate` follows once that is recorded.

    `digest` is the SHA-256 of its file, or of the digests of its pages; `client_of` says whom a transaction is for. The
    same telling again brings nothing about, in whatever file it comes; with other content it contradicts itself.
    """
    statement = without_repetitions(statement)
    return take_telling(
        known, mirror, currency, statement, telling_of(mirror, statement, digest, today, client_of), digest, today
    )


def take_telling(
    known: Movements,
    mirror: bytes,
    currency: str,
    statement: Statement,
    telling: Telling,
    digest: bytes,
    today: date,
) -> list[Any]:
    """Does the same with a statement `without_repetitions`, as `telling_of` sees it."""
    period = period_of(statement, today)
    excepted = partial(_excepted, known, mirror, telling, digest, period)
    fault = fault_of(statement, currency)
    if fault is not None:
        return excepted(fault)
    if telling.kind is not Kind.STATEMENT:
        return tell(known, mirror, telling, (today - EPOCH).days)
    content = _content(telling, period)
    if telling.id in known.taken:
        if known.taken[telling.id] == content:
            return []
        return excepted(Fault(FaultKind.CONTRADICTS, "it was taken with other content"))
    if period.last_day > (today - EPOCH).days + 1:
        return excepted(Fault(FaultKind.CONTRADICTS, f"it ends {period.last_day - (today - EPOCH).days} days from now"))
    is_accepted = known.accepted.get(telling.id) == digest
    carried = carried_over(known, telling, period) if is_accepted or known.last is None else {}
    fault = chain_fault(known, period) or opening_fault(known, carried, period)
    if fault is not None and not is_accepted:
        return excepted(fault)
    before = booked_before(known, telling) if is_accepted else {}
    if fault is not None and fault.kind in _TELLS_AGAIN:
        told_again = telling.past | before.keys()
        news = [told for position, told in enumerate(telling.entries) if position not in told_again]
        fault = repetition_fault(known, period, carried, sum(told.signed_minor for told in news))
        if fault is not None:
            return excepted(fault)
    taken = StatementTaken(
        mirror=mirror,
        telling=telling.id,
        digest=digest,
        content=content,
        first_day=period.first_day,
        last_day=period.last_day,
        opening_minor=period.opening_minor,
        closing_minor=period.closing_minor,
        electronic_sequence=period.electronic_sequence,
        legal_sequence=period.legal_sequence,
    )
    return [*settle(known, mirror, telling, period.last_day, carried, before), taken]


def entries_of(statement: Statement) -> list[Entry]:
    """Returns the entries of a statement that a telling has, in its order: those that are booked and move money."""
    return [entry for entry in statement.entries if entry.is_booked and entry.amount_minor]


def telling_of(
    mirror: bytes,
    statement: Statement,
    digest: bytes,
    today: date,
    client_of: ClientOf,
    is_blocked: Callable[[Entry | Detail], bool] = lambda named: False,
) -> Telling:
    """Returns what is booked of a telling, as identity sees it; entries without money tell of no movement.

    A statement is known by its id and day, in whatever file it comes; news by its file.
    """
    heading = statement.heading
    is_statement = heading.kind is Kind.STATEMENT
    telling_id = pages_id(mirror, heading) if is_statement else external_id("bank-news", mirror, digest.hex())
    day = _day_of(heading) or today
    entries = tuple(_not_after(told(entry, day, client_of, is_blocked), heading) for entry in entries_of(statement))
    return Telling(telling_id, heading.kind, entries)


def _day_of(heading: Heading) -> date | None:
    closing = heading.closing.day if heading.closing else None
    return heading.last_day or closing or heading.created


def _not_after(entry: Told, heading: Heading) -> Told:
    """Returns an entry of a statement with a day that it covers: what it has, it has booked by its end."""
    last = _day_of(heading)
    if heading.kind is not Kind.STATEMENT or last is None or entry.day <= (last - EPOCH).days:
        return entry
    return replace(entry, day=(last - EPOCH).days)


def _content(telling: Telling, period: Period) -> bytes:
    """Hashes all but whom entries are for: that is ours to know, and may have changed."""
    digest = hashlib.sha256(f"{period.opening_minor}|{period.closing_minor}".encode())
    columns = columns_of(telling.entries)
    columns["part_clients"] = bytes(len(columns["part_clients"]))
    for name, column in sorted(columns.items()):
        digest.update(name.encode() + hashlib.sha256(column).digest())
    return digest.digest()


def _excepted(
    known: Movements, mirror: bytes, telling: Telling, digest: bytes, period: Period, fault: Fault
) -> list[Any]:
    """Returns the exception, once for each content."""
    if known.excepted.get(telling.id) == digest:
        return []
    return [StatementExcepted(mirror, telling.id, digest, fault.kind, fault.text, period.first_day, period.last_day)]
