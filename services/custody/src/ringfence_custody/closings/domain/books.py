"""Books in the form in which custody and audit compare them (docs/formats.md, books)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count

RECORD_BYTES = 48
"""Of an account: id (16), then debits pending, debits posted, credits pending, credits posted (8 each)."""
PAGE_ACCOUNTS = 64
COUNT_BYTES, SUM_BYTES = 4, 12
"""Of a class: a sum of 2^32 balances below 2^63 fits."""


@dataclass(frozen=True, slots=True)
class Books:
    """How many accounts there are, the root over their balances, and the packed totals of each class by its name."""

    accounts: int
    balances_root: bytes
    totals: Mapping[str, bytes] = field(default_factory=dict)


def class_totals(
    accounts: int, debits_pending: int, debits_posted: int, credits_pending: int, credits_posted: int, owed_minor: int
) -> bytes:
    """Packs the totals of a class, 64 bytes: how many accounts, their four sums, and what is positive of them.

    `owed_minor` adds up max(0, credits posted - debits posted). Minor units.
    """
    sums = (debits_pending, debits_posted, credits_pending, credits_posted, owed_minor)
    return accounts.to_bytes(COUNT_BYTES, "big") + b"".join(each.to_bytes(SUM_BYTES, "big") for each in sums)


def balances_root(records: bytes) -> bytes:
    """Gives the RFC 6962 tree head over pages of accounts' records, which ascend by id; without any SHA-256 of b""."""
    size = PAGE_ACCOUNTS * RECORD_BYTES
    return PageTree([page_hash(records[at : at + size]) for at in range(0, len(records), size)]).root()


def page_hash(records: bytes) -> bytes:
    """Hashes a page of records as a leaf of the tree."""
    return sha256(b"\x00" + records).digest()


class PageTree:
    """The tree over hashes of pages, some of which can be set anew: a page costs as many hashes as there are rows."""

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        """Makes it of all pages."""
        self._rows = [list(hashes)]
        self._changed = set(range(len(self._rows[0])))

    def append(self, hashes: Iterable[bytes]) -> None:
        """Adds pages at the end."""
        for each in hashes:
            self._changed.add(len(self._rows[0]))
            self._rows[0].append(each)

    def put(self, page: int, hashed: bytes) -> None:
        """Sets a page anew."""
        self._rows[0][page] = hashed
        self._changed.add(page)

    def root(self) -> bytes:
        """Gives the RFC 6962 tree head; without pages SHA-256 of b""."""
        changed, self._changed = self._changed, set()
        for level in count():
            below = self._rows[level]
            if len(below) < 2:
                return below[0] if below else sha256(b"").digest()
            if level + 1 == len(self._rows):
                self._rows.append([])
            above, changed = self._rows[level + 1], {each // 2 for each in changed}
            above += [b""] * ((len(below) + 1) // 2 - len(above))
            for each in changed:
                pair = below[2 * each : 2 * each + 2]
                above[each] = sha256(b"\x01" + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0]
        raise AssertionError("a tree has a top")
