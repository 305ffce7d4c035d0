"""The accounts directory: which account stands behind each index, as the leaves of the log state it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Protocol

from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.events import LeavesAppended, leaves_of
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.translation.domain.accounts import ACCOUNT_KIND, Account

ACCOUNT_PREFIX = b"\x01" + bytes([len(ACCOUNT_KIND)]) + ACCOUNT_KIND.encode()
SOURCE = "custody"


class Committed(Protocol):
    """An event as the store gives it back."""

    @property
    def event(self) -> object:
        """The event itself."""


@dataclass(slots=True)
class State:
    """Accounts by book and index; `learned` chains the leaves that they came from: equal directories, equal chains."""

    EVENTS: ClassVar[tuple[type, ...]] = (LeavesAppended,)
    books: dict[bytes, dict[int, Account]] = field(default_factory=dict)
    learned: bytes = bytes(32)

    def apply(self, recorded: Committed, journal: Journal) -> None:
        """Takes in the accounts that leaves of custody's events state."""
        event = recorded.event
        if not isinstance(event, LeavesAppended) or event.source != SOURCE or ACCOUNT_PREFIX not in event.leaves:
            return
        journal.call(setattr, self, "learned", self.learned)
        for leaf in leaves_of(event):
            if leaf.startswith(ACCOUNT_PREFIX):
                self.learned = sha256(self.learned + leaf).digest()
                self._learn(leaf, journal)

    def digest(self) -> bytes:
        """Gives a hash of the whole directory."""
        return self.learned

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
