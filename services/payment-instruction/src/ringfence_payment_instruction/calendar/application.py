"""On which day the bank is asked to settle a payment."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.calendars.known import Calendars
from ringfence_kernel.values.business_days import calendar_of

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
