"""What a host brings for proven balances: an account in the books of a closing, under the leaf that states these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ringfence_desk.safeguarding import grown_minor

from ringfence_console.ports import Seal, View


@dataclass(frozen=True, kw_only=True)
class Sums:
    """The four sums of an account, minor units."""

    debits_pending_minor: int
    debits_posted_minor: int
    credits_pending_minor: int
    credits_posted_minor: int

    @property
    def owed_minor(self) -> int:
        """Credits less debits: what is owed to the holder, below zero what he owes."""
        return self.credits_posted_minor - self.debits_posted_minor


@dataclass(frozen=True, kw_only=True)
class InBooks:
    """What books have of an account: its sums, None where it is not among their accounts.

    `account_class` is empty where no fact says it. `index` is the leaf that states the books, at `time_ns` (UTC); they
    are over the leaves before `closing`, which is custody's own at `closed_ns` (UTC), and the same where `is_same`.
    `newest_closing` is custody's last by then, whose books the log may not have stated yet. The seal says whether
    whoever brings it has checked the proof.
    """

    sums: Sums | None
    accounts: int
    account_class: str
    index: int
    closing: int
    closed_ns: int
    newest_closing: int
    time_ns: int
    is_same: bool
    seal: Seal
    content: bytes
    """The proof, for `ringfence verify balance`."""

    @property
    def balance_minor(self) -> int | None:
        """The balance as a statement has it, on the side on which its class grows; None where nobody says its class."""
        return grown_minor(self.account_class, self.sums.owed_minor) if self.sums and self.account_class else None


class Balances(Protocol):
    """Balances of accounts under stated books."""

    def in_books(self, platform_id: UUID, ledger: int, account_id: UUID, at_ns: int, view: View) -> InBooks:
        """Gives that of the newest books by an instant, UTC nanoseconds, 0 for now; raises NotThere before any."""
