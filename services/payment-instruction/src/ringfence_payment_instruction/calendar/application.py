"""Business days: on which the bank is asked to settle a payment, and how long ago something was."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.values.business_days import CalendarYearMissing, calendar_of, is_weekday

from ringfence_payment_instruction.submissions.domain.days import LocalDays


@dataclass(frozen=True, slots=True)
class SettlementDays:
    """Knows business days as custody opens them."""

    calendars: Calendars
    local: LocalDays

    def settlement_day(self, tenant: bytes, ledger: int, now_ns: int) -> int:
        """Returns the business day of a currency on which a payment settles that is sent now.

        That is the platform's today, or the next business day after it; where the currency's newest open day is ahead
        of the platform, that one. Raises CalendarYearMissing.
        """
        calendar = calendar_of(ledger)
        today = max(self.local.today(tenant, ledger, now_ns), self.calendars.opened_day(calendar) or 0)
        return self.calendars.business_day_from(calendar, today)


@dataclass(frozen=True, slots=True)
class PastDays:
    """Counts business days back; days of years that are not listed count as weekdays do."""

    calendars: Calendars

    def newest(self, ledger: int, day: int) -> int:
        """Returns a day, or the one that is open in a currency's calendar where that is later; days since 1970."""
        return max(day, self.calendars.opened_day(calendar_of(ledger)) or 0)

    def before(self, ledger: int, day: int, count: int) -> int:
        """Returns the day that lies so many business days of a currency before another, days since 1970."""
        calendar = calendar_of(ledger)
        while count:
            day -= 1
            count -= self._is_business_day(calendar, day)
        return day

    def _is_business_day(self, calendar: str, day: int) -> bool:
        try:
            return self.calendars.is_business_day(calendar, day)
        except CalendarYearMissing:
            return is_weekday(day)
