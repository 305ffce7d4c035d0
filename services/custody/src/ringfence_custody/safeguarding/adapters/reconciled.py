"""What reconciliation has open on mirrors, and the calendars, as they are in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.values.business_days import calendar_of
from ringfence_kernel.values.ids import show

from ringfence_custody.reconciliation.domain.assessing import GRACE_NS
from ringfence_custody.reconciliation.domain.booked import BOOKED, SENT
from ringfence_custody.reconciliation.domain.breaks import Break, Status
from ringfence_custody.reconciliation.domain.lines import mixed
from ringfence_custody.reconciliation.domain.matching import TOLD
from ringfence_custody.reconciliation.domain.state import State
from ringfence_custody.safeguarding.domain.figures import OpenSums

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The Evidence port over reconciliation's state."""

    state: State

    def sums(
        self, tenant: bytes, mirror: bytes, day: int, overdue_day: int, position: int, now_ns: int
    ) -> OpenSums | None:
        """Returns what is open on a mirror.

        None before breaks were looked for by the newest statement, and while a line of the bank up to the day is booked
        and not matched, for as long as its posting may take.
        """
        found = self.state.mirror(tenant, mirror)
        if not found.is_assessed:
            return None
        bank, books = (each.rows[each.open_rows()] for each in (found.bank, found.books))
        waits = (bank["state"] == BOOKED) & (bank["day"] <= day)
        noted_ns = found.statement.noted_ns if found.statement else 0
        if waits.any() and now_ns < noted_ns + GRACE_NS:
            return None
        told = bank[bank["state"] == TOLD]
        came = told[told["amount_minor"] > 0]
        of_news = books["key"].any(axis=1) & np.isin(mixed(books["key"]), mixed(told["key"]))
        went = (books["amount_minor"] < 0) & (books["marks"] & SENT > 0)
        is_young, is_later = books["day"] > overdue_day, books["day"] > day
        ahead = bank[(bank["state"] == BOOKED) & (bank["day"] > day)]
        # What was told after the day is not of it, and what is booked on a later one was not placed by its end.
        not_yet = mixed(bank["key"][(bank["state"] == TOLD) | (bank["day"] > day)])
        waiting = (books["position"] <= position) & books["key"].any(axis=1) & np.isin(mixed(books["key"]), not_yet)
        return OpenSums(
            unplaced_minor=_sum(books["amount_minor"][waiting & (books["amount_minor"] > 0)]),
            overdue_minor=_sum(came["amount_minor"][came["day"] <= overdue_day]),
            later_minor=_sum(books["amount_minor"][is_later | (is_young & of_news)]) - _sum(ahead["amount_minor"]),
            sent_minor=_sum(books["amount_minor"][is_young & went & ~of_news & ~is_later]),
        )

    def open_breaks(self, tenant: bytes, mirrors: Sequence[bytes], day: int) -> list[str]:
        """Returns the breaks on mirrors up to a day that are not settled, in words.

        A payment on its way is none until the next statement lacks it: the day names it as unbooked.
        """
        return [
            f"break {show(each.id)}: {each.kind.value.lower()} of {_EPOCH + timedelta(each.day)}, {each.status.value}"
            for each in sorted(self.state.breaks.values(), key=lambda found: (found.day, found.id))
            if each.book == tenant and each.mirror in mirrors and each.day <= day and _stands_between(each)
        ]


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """The BusinessDays port over the calendars."""

    calendars: Calendars

    def calendar(self, ledger: int) -> str:
        """Returns the calendar of a currency."""
        return calendar_of(ledger)

    def opened_day(self, ledger: int) -> int:
        """Returns the business day that is open, 0 before the first."""
        return self.calendars.opened_day(calendar_of(ledger)) or 0

    def previous_day(self, ledger: int, day: int) -> int:
        """Returns the business day before; raises CalendarYearMissing."""
        return self.calendars.previous_business_day(calendar_of(ledger), day)

    def next_day(self, ledger: int, day: int) -> int:
        """Returns the business day after; raises CalendarYearMissing."""
        return self.calendars.next_business_day(calendar_of(ledger), day)


def _stands_between(found: Break) -> bool:
    return found.is_open and found.status is not Status.WAITING


def _sum(column: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> int:
    return sum(column.tolist())
