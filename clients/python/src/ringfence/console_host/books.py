"""Books as of an instant for the console, as the log computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ringfence_console import ports
from ringfence_desk.safeguarding import grown_minor

from ringfence.books import BookReads, Books
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.refusals import told_to_pages
from ringfence.money import currency_of


@dataclass(frozen=True)
class SdkBooks:
    """Books as one reader gets them."""

    reads: BookReads
    facts: LogFacts

    def known(self) -> Sequence[tuple[UUID, int]]:
        """Gives the platforms and currencies of the accounts that were seen."""
        return self.facts.books()

    def as_of(self, platform_id: UUID, ledger: int, at_ns: int, view: ports.View) -> ports.ClosedBook:
        """Gets a book."""
        with told_to_pages():
            return _book(
                self.reads.get(platform_id, currency_of(ledger), at_ns=at_ns, look=self.facts.history.looking(view))
            )


def _book(read: Books) -> ports.ClosedBook:
    closing = read.closing
    return ports.ClosedBook(
        size=read.size,
        accounts=read.accounts,
        balances_root=read.balances_root,
        classes=[
            ports.ClassOfAccounts(
                name=name,
                accounts=each.accounts,
                balance_minor=grown_minor(name, each.balance),
                reserved_minor=each.debits_pending,
            )
            for name, each in read.classes.items()
        ],
        equation=read.equation,
        closing=ports.Closing(closing.leaf_index, closing.closed_ns, closing.is_same) if closing else None,
    )
