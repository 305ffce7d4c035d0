"""A safeguarding day: CUT, COMPUTED when the banks' word is there, PREPARED, REVIEWED by another person, SIGNED.

Nothing of a day is ever edited: where what it rests on has changed, it is REOPENED as another version beside the old.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import IntEnum
from typing import Any

from ringfence_kernel.values.ids import external_id

from ringfence_custody.safeguarding.domain.document import document
from ringfence_custody.safeguarding.domain.errors import SafeguardingDayOpen, SafeguardingDayState
from ringfence_custody.safeguarding.domain.events import (
    MirrorCompared,
    MirrorCut,
    SafeguardingComputed,
    SafeguardingCut,
    SafeguardingMissed,
    SafeguardingNotified,
    SafeguardingPrepared,
    SafeguardingReopened,
    SafeguardingReviewed,
    SafeguardingSigned,
)
from ringfence_custody.safeguarding.domain.figures import BankFigures, BookFigures, Computation, MirrorBalance

_EPOCH = date(1970, 1, 1)


class Status(IntEnum):
    """How far a version of a day is."""

    CUT = 1
    COMPUTED = 2
    PREPARED = 3
    REVIEWED = 4
    SIGNED = 5


@dataclass(frozen=True, slots=True, order=True)
class DayKey:
    """Whose day it is: platform, currency, pool, and the business day in days since 1970."""

    tenant: bytes
    ledger: int
    pool: str
    day: int

    @property
    def stream(self) -> bytes:
        """The id of its stream."""
        return external_id("safeguarding-day", self.tenant, f"{self.pool}|{self.ledger}|{self.day}")

    @property
    def date(self) -> date:
        """The business day."""
        return _EPOCH + timedelta(self.day)


@dataclass(frozen=True, slots=True)
class Preparer:
    """By whose hand a day was prepared: whoever reviews it must differ in all of them."""

    principal: bytes
    person: bytes
    key_sha256: bytes
    certificate_sha256: bytes


@dataclass(frozen=True, slots=True)
class Day:
    """The newest version of a day: the figures at its end, what was computed, who prepared it."""

    key: DayKey
    cut: SafeguardingCut
    mirrors: tuple[MirrorCut, ...] = ()
    status: Status = Status.CUT
    version: int = 1
    compared: tuple[MirrorCompared, ...] = ()
    computed: SafeguardingComputed | None = None
    preparer: Preparer | None = None
    is_missed: bool = False
    is_notified: bool = False


def cut(key: DayKey, books: BookFigures, position: int, now_ns: int) -> list[Any]:
    """Decides the cut of a day: the event of the day, then one of each mirror."""
    tenant, ledger, pool, day = key.tenant, key.ledger, key.pool, key.day
    of_day = SafeguardingCut(
        day_id=key.stream,
        tenant=tenant,
        pool=pool,
        ledger=ledger,
        day=day,
        cut_ns=now_ns,
        as_of_position=position,
        clients_minor=books.clients_minor,
        suspense_minor=books.suspense_minor,
        own_minor=books.own_minor,
        owed_minor=books.owed_minor,
        held_minor=books.held_minor,
        mirrors=len(books.mirrors),
    )
    mirrors = [
        MirrorCut(
            key.stream, tenant, pool, ledger, day, each.mirror, each.number, each.debits_minor, each.credits_minor
        )
        for each in books.mirrors
    ]
    return [of_day, *mirrors]


def computed(day: Day, computation: Computation, breaks: int, position: int, now_ns: int) -> list[Any]:
    """Decides what a day comes to: an event of each mirror, then that of the day."""
    key = day.key
    text = document(computation, key.day, key.pool, key.ledger, day.version, breaks)
    of_day = SafeguardingComputed(
        day_id=key.stream,
        tenant=key.tenant,
        pool=key.pool,
        ledger=key.ledger,
        day=key.day,
        version=day.version,
        computed_ns=now_ns,
        as_of_position=position,
        requirement_minor=computation.requirement_minor,
        resource_minor=computation.resource_minor,
        funds_minor=computation.funds_minor,
        unplaced_minor=computation.unplaced_minor,
        assets_minor=computation.facts.assets_minor,
        insurance_minor=computation.facts.insurance_minor,
        internal_minor=computation.internal_minor,
        overdue_minor=computation.overdue_minor,
        external_minor=computation.external_minor,
        breaks=breaks,
        document=text,
        document_sha256=hashlib.sha256(text.encode()).digest(),
    )
    return [*(_compared(day, each) for each in computation.banks), of_day]


def _compared(day: Day, bank: BankFigures) -> MirrorCompared:
    key = day.key
    return MirrorCompared(
        day_id=key.stream,
        tenant=key.tenant,
        pool=key.pool,
        ledger=key.ledger,
        day=key.day,
        version=day.version,
        mirror=bank.mirror,
        number=bank.number,
        telling=bank.telling,
        mirror_minor=bank.mirror_minor,
        bank_minor=bank.bank_minor,
        later_minor=bank.later_minor,
        unbooked_minor=bank.unbooked_minor,
        unplaced_minor=bank.unplaced_minor,
        overdue_minor=bank.overdue_minor,
        difference_minor=bank.difference_minor,
    )


def prepared(day: Day, preparer: Preparer, note: str, now_ns: int) -> SafeguardingPrepared:
    """Decides that a person has prepared a day; raises SafeguardingDayState."""
    _require(day, Status.COMPUTED)
    return SafeguardingPrepared(
        day_id=day.key.stream,
        tenant=day.key.tenant,
        version=day.version,
        prepared_ns=now_ns,
        principal=preparer.principal,
        person=preparer.person,
        key_sha256=preparer.key_sha256,
        certificate_sha256=preparer.certificate_sha256,
        note=note,
    )


def reviewed(day: Day, principal: bytes, person: bytes, note: str, now_ns: int) -> SafeguardingReviewed:
    """Decides that another person has reviewed it; raises SafeguardingDayState."""
    _require(day, Status.PREPARED)
    return SafeguardingReviewed(day.key.stream, day.key.tenant, day.version, now_ns, principal, person, note)


def signed(day: Day, principal: bytes, breaks: Sequence[str], now_ns: int) -> SafeguardingSigned:
    """Decides that a day is closed; raises SafeguardingDayState, SafeguardingDayOpen with all that is open.

    A day that does not come out is signed when the regulator was notified of it; with open breaks never.
    """
    _require(day, Status.REVIEWED)
    found = [*breaks, *(unnotified(day) if not day.is_notified else ())]
    if found or day.computed is None:
        raise SafeguardingDayOpen(found)
    return SafeguardingSigned(
        day.key.stream, day.key.tenant, day.version, now_ns, principal, day.computed.document_sha256
    )


def unnotified(day: Day) -> list[str]:
    """Returns which comparisons do not come out, in words."""
    computed = day.computed
    if computed is None:
        return ["the banks' word is not there"]
    found = [f"a shortfall of {-computed.internal_minor} minor units"] if computed.internal_minor < 0 else []
    found += [f"{computed.overdue_minor} minor units received and not placed"] if computed.overdue_minor else []
    return found + (
        [f"{computed.external_minor} minor units between books and banks"] if computed.external_minor else []
    )


def missed(day: Day, now_ns: int) -> SafeguardingMissed:
    """Decides that a day was not signed in time, with a draft of what the regulator is told."""
    key = day.key
    open_things = "; ".join(unnotified(day)) or f"the reconciliation is {day.status.name}"
    draft = (
        f"The reconciliation of relevant funds for {key.date} (pool {key.pool}, currency {key.ledger:03d}) was not"
        f" completed by the end of the following business day: {open_things}."
    )
    return SafeguardingMissed(key.stream, key.tenant, key.pool, key.ledger, key.day, now_ns, day.status, draft)


def notified(day: Day, principal: bytes, digest: bytes, reference: str, now_ns: int) -> SafeguardingNotified:
    """Decides that the regulator was told of a day; raises SafeguardingDayState where there is nothing to tell."""
    if day.status is Status.CUT and not day.is_missed:
        raise SafeguardingDayState(day.status.name)
    return SafeguardingNotified(day.key.stream, day.key.tenant, day.version, now_ns, principal, digest, reference)


def reopened(day: Day, principal: bytes, reason: str, now_ns: int) -> SafeguardingReopened:
    """Decides that another version begins; raises SafeguardingDayState for a day that was not computed yet."""
    if day.status < Status.COMPUTED:
        raise SafeguardingDayState(day.status.name)
    return SafeguardingReopened(day.key.stream, day.key.tenant, day.version + 1, now_ns, reason, principal)


def evidence_of(banks: Sequence[BankFigures | MirrorCompared]) -> list[tuple[bytes, bytes, int]]:
    """Returns what a computation rests on: of each mirror the statement, and what it closes with."""
    return [(each.mirror, each.telling, each.bank_minor) for each in banks]


def books_of(day: Day) -> BookFigures:
    """Returns what the books said when a day was cut."""
    found = day.cut
    return BookFigures(
        clients_minor=found.clients_minor,
        suspense_minor=found.suspense_minor,
        own_minor=found.own_minor,
        owed_minor=found.owed_minor,
        held_minor=found.held_minor,
        mirrors=tuple(
            MirrorBalance(each.mirror, each.number, each.debits_minor, each.credits_minor) for each in day.mirrors
        ),
    )


def applied(day: Day, event: object) -> Day:
    """Returns a day after one of its events."""
    if isinstance(event, MirrorCut):
        return replace(day, mirrors=(*day.mirrors, event))
    if isinstance(event, MirrorCompared):
        return replace(day, compared=(*day.compared, event))
    if isinstance(event, SafeguardingComputed):
        return replace(day, status=Status.COMPUTED, computed=event)
    if isinstance(event, SafeguardingPrepared):
        preparer = Preparer(event.principal, event.person, event.key_sha256, event.certificate_sha256)
        return replace(day, status=Status.PREPARED, preparer=preparer)
    if isinstance(event, SafeguardingReviewed):
        return replace(day, status=Status.REVIEWED)
    if isinstance(event, SafeguardingSigned):
        return replace(day, status=Status.SIGNED)
    if isinstance(event, SafeguardingMissed):
        return replace(day, is_missed=True)
    if isinstance(event, SafeguardingNotified):
        return replace(day, is_notified=True)
    if isinstance(event, SafeguardingReopened):
        return replace(
            day, status=Status.CUT, version=event.version, compared=(), computed=None, preparer=None, is_notified=False
        )
    raise TypeError(type(event).__name__)


def _require(day: Day, status: Status) -> None:
    if day.status is not status:
        waits_for = "the banks' word for the day" if day.status is Status.CUT else ""
        raise SafeguardingDayState(day.status.name, waits_for)
