"""What has passed on one person's word, summed by day: per debtor's account and per platform, in each currency.

A payment counts on the day on which it passed screening without being held, or with the approver who let it pass alone;
it counts no more once it is refused, withdrawn or failed. Sums of days before yesterday leave memory, since nothing is
decided by them.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.ids import ID_BYTES
from ringfence_kernel.writing.journal import Journal

KEPT_DAYS = 2
Days = list[tuple[int, list[tuple[bytes, int]]]]


class Counted(NamedTuple):
    """A row that counts on a day's sums, or does no more: its index, the day, and which."""

    row: int
    day: int
    counts: bool


class Approved(NamedTuple):
    """What an approver let pass alone on a day, minor units; less than nothing where it came to nothing."""

    day: int
    key: bytes
    amount_minor: int


class Rows(Protocol):
    """The columns of a submission that sums are made of."""

    amounts_minor: array[int]
    ledgers: array[int]
    debtor_accounts: bytes

    @property
    def tenant(self) -> bytes:
        """Platform, 16 bytes."""


def day_of(now_ns: int) -> int:
    """Returns the day on which a moment falls: days since 1970-01-01, UTC. A platform's own zone belongs here."""
    return now_ns // DAY_NS


def platform_key(tenant: bytes, ledger: int) -> bytes:
    """Returns what a platform's sum is known by."""
    return tenant + ledger.to_bytes(2, "big")


def debtor_key(tenant: bytes, account: bytes, ledger: int) -> bytes:
    """Returns what the sum of a debtor's account is known by."""
    return tenant + account + ledger.to_bytes(2, "big")


def approver_key(tenant: bytes, approver: bytes, ledger: int) -> bytes:
    """Returns what the sum of what an approver let pass alone is known by."""
    return tenant + approver + ledger.to_bytes(2, "big") + b"approver"


class Tallies:
    """Sums in minor units by day and key. Every change goes through the journal."""

    __slots__ = ("_days",)

    def __init__(self) -> None:
        """Starts with none."""
        self._days: dict[int, dict[bytes, int]] = {}

    def sum_minor(self, day: int, key: bytes) -> int:
        """Returns what has passed on a day."""
        return self._days.get(day, {}).get(key, 0)

    def sliding_minor(self, now_ns: int, key: bytes) -> int:
        """Returns what has passed today, and of yesterday's sum the share that falls into the last 24 hours.

        Yesterday is taken to have been even: so midnight does not open the whole room anew.
        """
        day, left_ns = day_of(now_ns), DAY_NS - now_ns % DAY_NS
        return self.sum_minor(day, key) - (-self.sum_minor(day - 1, key) * left_ns // DAY_NS)

    def count_approved(self, approved: Iterable[Approved], journal: Journal) -> None:
        """Counts what approvers let pass alone, or counts it back."""
        for each in approved:
            self._add(each.day, each.key, each.amount_minor, journal)

    def count(self, rows: Rows, counted: Iterable[Counted], journal: Journal) -> None:
        """Counts rows of a submission, or counts them back."""
        changes: defaultdict[tuple[int, bytes], int] = defaultdict(int)
        for index, day, counts in counted:
            amount = rows.amounts_minor[index] if counts else -rows.amounts_minor[index]
            ledger = rows.ledgers[index]
            account = rows.debtor_accounts[index * ID_BYTES : (index + 1) * ID_BYTES]
            changes[day, platform_key(rows.tenant, ledger)] += amount
            changes[day, debtor_key(rows.tenant, account, ledger)] += amount
        for (day, key), amount_minor in changes.items():
            self._add(day, key, amount_minor, journal)

    def _add(self, day: int, key: bytes, amount_minor: int, journal: Journal) -> None:
        """Adds to a sum; of a day that has left memory nothing is known any more."""
        if day <= max(self._days, default=day) - KEPT_DAYS:
            return
        if day not in self._days:
            for past in [each for each in self._days if each <= day - KEPT_DAYS]:
                journal.remove(self._days, past)
            journal.put(self._days, day, {})
        sums = self._days[day]
        total = sums.get(key, 0) + amount_minor
        if total:
            journal.put(sums, key, total)
        elif key in sums:
            journal.remove(sums, key)

    def items(self) -> Days:
        """Returns all sums, in order."""
        return [(day, sorted(sums.items())) for day, sums in sorted(self._days.items())]

    def restore(self, days: Days) -> None:
        """Takes up what `items` returned."""
        self._days = {day: dict(sums) for day, sums in days}

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(repr(self.items()).encode()).digest()
