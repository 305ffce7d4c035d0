"""The accounts directory: which account stands behind each index, as the leaves of the log state it."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256
from typing import ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.events import OF_SOURCES, leaves_beginning
from ringfence_audit.log.domain.leaf import decode, prefix
from ringfence_audit.translation.domain.accounts import ACCOUNT_KIND, Account

ACCOUNT_PREFIX = prefix(ACCOUNT_KIND)
SOURCE = "custody"
NOBODY = bytes(16)
SAVED_FORMAT = 2


@dataclass(slots=True)
class State:
    """Accounts by book and index; `learned` chains the accounts of each book: equal directories, equal chains."""

    EVENTS: ClassVar[tuple[type, ...]] = OF_SOURCES
    books: dict[bytes, dict[int, Account]] = field(default_factory=dict)
    learned: dict[bytes, bytes] = field(default_factory=dict)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in the accounts that leaves of custody's events state."""
        for leaf in leaves_beginning(recorded.event, SOURCE, (ACCOUNT_PREFIX,)):
            self._learn(leaf, journal)

    def currencies(self, book: bytes) -> list[int]:
        """Gives the currencies of a book's accounts, ISO 4217 numeric, in order."""
        # A list of its own: reports ask in other threads than the one that learns of accounts.
        return sorted({account.ledger for account in list(self.books.get(book, {}).values())})

    def book_keys(self) -> list[tuple[bytes, int]]:
        """Gives all books with their currencies."""
        return [(book, currency) for book in list(self.books) for currency in self.currencies(book)]

    def digest(self) -> bytes:
        """Gives a hash of the whole directory."""
        return sha256(b"".join(book + self.learned[book] for book in sorted(self.learned))).digest()

    def save(self) -> Sequence[tuple[str, bytes]]:
        """Gives the sections of a snapshot: the books' columns, 44 bytes an account."""
        sections = [("format", bytes([SAVED_FORMAT]))]
        for book, accounts in self.books.items():
            named = f"{book.hex()} "
            sections.append((f"{named}index", array("Q", accounts).tobytes()))
            sections.append((f"{named}id", b"".join([each.id for each in accounts.values()])))
            sections.append((f"{named}owner", b"".join([each.owner or NOBODY for each in accounts.values()])))
            sections.append((f"{named}ledger", array("I", [each.ledger for each in accounts.values()]).tobytes()))
        return sections

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` gave; raises ValueError or LookupError for another format."""
        if bytes(sections["format"]) != bytes([SAVED_FORMAT]):
            raise ValueError("a directory of another format")
        names = [name.partition(" ") for name in sections]
        books: dict[bytes, dict[int, Account]] = {}
        for shown in {book: None for book, _, column in names if column}:
            index, ledger = sections[f"{shown} index"].cast("Q"), sections[f"{shown} ledger"].cast("I")
            ids, owners = (split(sections[f"{shown} {name}"]) for name in ("id", "owner"))
            columns = zip(index, ids, owners, ledger, strict=True)
            books[bytes.fromhex(shown)] = {
                at: Account(each, owner if owner != NOBODY else None, currency) for at, each, owner, currency in columns
            }
        self.books = books
        # Of what is there, not of what the file says of it.
        self.learned = {book: reduce(_chained, accounts.items(), bytes(32)) for book, accounts in books.items()}

    def _learn(self, leaf: bytes, journal: Journal) -> None:
        _, fields = decode(leaf)
        book, index, identifier = fields["tenant_id"], fields["index"], fields["account_id"]
        owner, ledger = fields.get("owner_id"), fields["ledger"]
        if isinstance(book, bytes) and isinstance(index, int) and isinstance(identifier, bytes):
            if book not in self.books:
                journal.put(self.books, book, {})
            account = Account(
                identifier, owner if isinstance(owner, bytes) else None, ledger if isinstance(ledger, int) else 0
            )
            journal.put(self.books[book], index, account)
            journal.put(self.learned, book, _chained(self.learned.get(book, bytes(32)), (index, account)))


def _chained(previous: bytes, item: tuple[int, Account]) -> bytes:
    """Returns the hash of a book's accounts with one more."""
    index, account = item
    numbers = index.to_bytes(8, "big") + account.ledger.to_bytes(4, "big")
    return sha256(previous + numbers + account.id + (account.owner or NOBODY)).digest()


def split(packed: memoryview) -> list[bytes]:
    """Gives the ids of a column."""
    content = bytes(packed)
    return [content[at : at + 16] for at in range(0, len(content), 16)]
