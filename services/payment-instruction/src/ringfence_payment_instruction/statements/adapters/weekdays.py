"""Business days where no calendar says otherwise."""

from __future__ import annotations

from ringfence_payment_instruction.statements.domain.told import EPOCH

_WORKING_DAYS = 5


class Weekdays:
    """The BusinessDays port: every day but Saturdays and Sundays, whatever the currency."""

    def before(self, ledger: int, day: int, count: int) -> int:
        """Returns the day that lies so many weekdays before another."""
        while count:
            day -= 1
            count -= (EPOCH.weekday() + day) % 7 < _WORKING_DAYS
        return day
