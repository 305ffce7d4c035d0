"""Balances of accounts under stated books for the console, each proven here by the reader's own key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ringfence_console import ports
from ringfence_console.balances import InBooks, Sums
from ringfence_desk.roles import Role
from ringfence_verifier import Balances

from ringfence.books import BookReads, closed_ns, proven_balance
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.refusals import told_to_pages
from ringfence.money import currency_of
from ringfence.proven import Nameable


@dataclass(frozen=True)
class SdkBalances:
    """Balances as one reader gets them."""

    reads: BookReads
    facts: LogFacts

    def in_books(self, platform_id: UUID, ledger: int, account_id: UUID, at_ns: int, view: ports.View) -> InBooks:
        """Gets the proof, and holds it to the key, to what was seen of the log, and to what was asked for.

        When custody closed the books is proven by the closing's own fact, a second read; an account's class by the
        fact that opens it, where that was not shown before.
        """
        history = self.facts.history
        with told_to_pages():
            seen_size = history.size
            look = history.looking(view)
            read = self.reads.get(platform_id, currency_of(ledger), at_ns=at_ns, account_id=account_id, look=look)
            if not read.balance_proof or read.closing is None:
                raise ports.NotThere("the log has stated no books by then")
            # Keys that the log has changed since are followed first.
            history.follow()
            found = proven_balance(read.balance_proof, account_id, platform_id, ledger, history.keys(), history.policy)
            seal = history.seal(found.note, history.accept(found.note, seen_size))
            closing = self.facts.fact(found.closing, view).fact
            when = closed_ns(closing, found, at_ns, read.closing.leaf_index)
            account = Nameable(account_id, Role.ACCOUNT, platform_id)
            self.facts.learned.name([account] if found.balances else [], look)
        opened = self.facts.names().found(account_id, platform_id)
        return InBooks(
            sums=None if found.balances is None else _sums(found.balances),
            accounts=found.accounts,
            account_class=opened.account_class if opened else "",
            index=found.index,
            closing=found.closing,
            closed_ns=when,
            newest_closing=read.closing.leaf_index,
            time_ns=found.time_ns,
            is_same=found.is_same,
            seal=seal,
            content=read.balance_proof,
        )


def _sums(found: Balances) -> Sums:
    return Sums(
        debits_pending_minor=found.debits_pending,
        debits_posted_minor=found.debits_posted,
        credits_pending_minor=found.credits_pending,
        credits_posted_minor=found.credits_posted,
    )
