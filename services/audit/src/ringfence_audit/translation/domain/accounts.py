"""Which account stands behind a dense index of a book: custody's packed events name accounts by index."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from typing import NamedTuple

ACCOUNT_KIND = "custody.account.v1"


class Account(NamedTuple):
    """An account as it was opened: its id, its owner's or None, its currency (ISO 4217 numeric)."""

    id: bytes
    owner: bytes | None
    ledger: int


Books = Mapping[bytes, Mapping[int, Account]]
"""Accounts by index, by book."""


class Accounts:
    """The accounts known so far, and those that the events being translated open: these are kept apart."""

    def __init__(self, known: Books) -> None:
        self._known = known
        self._opened: dict[bytes, dict[int, Account]] = {}

    def add(self, book: bytes, index: int, account: Account) -> None:
        """Takes note of an account that is being opened."""
        self._opened.setdefault(book, {})[index] = account

    def of_book(self, book: bytes) -> Mapping[int, Account]:
        """Gives the accounts of a book by index."""
        known, opened = self._known.get(book, {}), self._opened.get(book)
        return _both(opened, known) if opened else known


def _both(opened: MutableMapping[int, Account], known: Mapping[int, Account]) -> Mapping[int, Account]:
    return ChainMap(opened, known)  # type: ignore[arg-type] # only ever read
