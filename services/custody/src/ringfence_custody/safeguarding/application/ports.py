"""What safeguarding asks of the ledger, of reconciliation and of calendars: all of it as of the moment it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ringfence_custody.safeguarding.domain.figures import BookFigures, OpenSums

PoolOf = Callable[[bytes, int], str]
"""The pool that a platform's accounts of a code belong to."""


class Books(Protocol):
    """The ledger's accounts, added up."""

    def funds(self, pool_of: PoolOf) -> Iterable[tuple[bytes, int, str]]:
        """Returns the platforms, currencies and pools that have a bank mirror, or hold clients' money without one."""

    def figures(self, tenant: bytes, ledger: int, pool: str, pool_of: PoolOf) -> BookFigures:
        """Returns what the books say."""

    def mirror_minor(self, tenant: bytes, mirror: bytes) -> int:
        """Returns the balance of a mirror, in whatever pool it is."""


class Evidence(Protocol):
    """What reconciliation knows of the banks."""

    def sums(
        self, tenant: bytes, mirror: bytes, day: int, overdue_day: int, position: int, now_ns: int
    ) -> OpenSums | None:
        """Returns what is open on a mirror, None while it is not known.

        It is not before breaks were looked for, and while lines that a statement has settled wait to be matched.

        What no bank has booked since `overdue_day` is overdue; the books ended the day at a `position` of the feed.
        """

    def open_breaks(self, tenant: bytes, mirrors: Sequence[bytes], day: int) -> list[str]:
        """Returns the breaks on mirrors up to a day that are not closed, in words without personal data."""


class BusinessDays(Protocol):
    """The calendars."""

    def calendar(self, ledger: int) -> str:
        """Returns the calendar of a currency."""

    def opened_day(self, ledger: int) -> int:
        """Returns the business day that is open in the calendar of a currency, 0 before the first."""

    def previous_day(self, ledger: int, day: int) -> int:
        """Returns the business day before; raises CalendarYearMissing."""

    def next_day(self, ledger: int, day: int) -> int:
        """Returns the business day after; raises CalendarYearMissing."""
