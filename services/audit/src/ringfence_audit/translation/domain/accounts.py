"""Which account stands behind a dense index of a book: custody's packed events name accounts by index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ringfence_audit.log.domain.leaf import decode

ACCOUNT_KIND = "custody.account.v1"
_PREFIX = b"\x01" + bytes([len(ACCOUNT_KIND)]) + ACCOUNT_KIND.encode()


class Account(NamedTuple):
    """An account as it was opened: its id, its owner's or None, its currency (ISO 4217 numeric)."""

    id: bytes
    owner: bytes | None
    ledger: int


@dataclass(slots=True)
class Accounts:
    """Accounts by book and index, filled from their leaves; the same leaf twice changes nothing."""

    _books: dict[bytes, dict[int, Account]] = field(default_factory=dict)

    def add(self, book: bytes, index: int, account: Account) -> None:
        """Takes in an account."""
        self._books.setdefault(book, {})[index] = account

    def of_book(self, book: bytes) -> dict[int, Account]:
        """Gives the accounts of a book by index."""
        return self._books.setdefault(book, {})

    def learn(self, leaves: Iterable[bytes]) -> None:
        """Takes in the accounts that leaves of the log state."""
        for leaf in leaves:
            if leaf.startswith(_PREFIX):
                _, fields = decode(leaf)
                book, index, identifier = fields["tenant_id"], fields["index"], fields["account_id"]
                owner, ledger = fields.get("owner_id"), fields["ledger"]
                if isinstance(book, bytes) and isinstance(index, int) and isinstance(identifier, bytes):
                    account = Account(
                        identifier,
                        owner if isinstance(owner, bytes) else None,
                        ledger if isinstance(ledger, int) else 0,
                    )
                    self.add(book, index, account)
