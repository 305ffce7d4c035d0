"""Makes reports from leaves, under the latest checkpoint. All calls block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from ringfence_audit.reports.application.ports import Currencies, Leaves
from ringfence_audit.reports.domain.daily import daily
from ringfence_audit.reports.domain.errors import ReportEmpty
from ringfence_audit.reports.domain.facts import CUT, POOLS, DayFacts, DayKey, day_facts
from ringfence_audit.reports.domain.monthly import monthly
from ringfence_audit.reports.domain.reconciliation import reconciliation
from ringfence_audit.reports.domain.report import Report, Under

_EPOCH = date(1970, 1, 1)
LOOK_BACK_DAYS = 14
"""How far the business day before may lie: the longest holidays of any calendar are shorter."""


class Subject(Enum):
    """What a report is about."""

    DAILY_CUSTODY = "D1"
    RECONCILIATION = "D2"
    MONTHLY_SAFEGUARDING = "D3"


@dataclass(frozen=True, slots=True)
class Making:
    """Reads the days of a platform from the log."""

    leaves: Leaves
    currencies: Currencies

    def report(self, subject: Subject, tenant: bytes, day: int, under: Under) -> Report:
        """Returns the report about a day, or about the month that it lies in; raises ReportEmpty, LogDamaged."""
        if subject is Subject.MONTHLY_SAFEGUARDING:
            return self._monthly(tenant, day, under)
        days = [found for fund in self._funds(tenant) if (found := self._day(tenant, fund, day, under)).of(CUT)]
        if not days:
            raise ReportEmpty
        if subject is Subject.RECONCILIATION:
            return reconciliation(days, under)
        return daily([(each, self._before(each.key, under)) for each in days], under)

    def _monthly(self, tenant: bytes, day: int, under: Under) -> Report:
        first, last = month_of(day)
        days = [
            found
            for fund in self._funds(tenant)
            for each in range(first, last + 1)
            if (found := self._day(tenant, fund, each, under)).of(CUT)
        ]
        if not days:
            raise ReportEmpty
        return monthly(days, tenant, first, last, under)

    def _funds(self, tenant: bytes) -> Iterator[tuple[int, str]]:
        return ((ledger, pool) for ledger in self.currencies(tenant) for pool in POOLS)

    def _day(self, tenant: bytes, fund: tuple[int, str], day: int, under: Under) -> DayFacts:
        key = DayKey(tenant, *fund, day)
        return day_facts(key, self.leaves.about(key.day_id, under.size))

    def _before(self, key: DayKey, under: Under) -> DayFacts:
        """Returns the business day before: the newest one before that was cut, or one without facts."""
        for day in range(key.day - 1, key.day - LOOK_BACK_DAYS, -1):
            found = self._day(key.tenant, (key.ledger, key.pool), day, under)
            if found.of(CUT):
                return found
        return DayFacts(key, {})


def month_of(day: int) -> tuple[int, int]:
    """Returns the first and last day of the month that a day lies in, in days since 1970."""
    first = (_EPOCH + timedelta(day)).replace(day=1)
    following = (first + timedelta(32)).replace(day=1)
    return (first - _EPOCH).days, (following - _EPOCH).days - 1
