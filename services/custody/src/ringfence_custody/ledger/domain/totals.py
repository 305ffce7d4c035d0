"""What a book's money adds up to, per ledger: kept with every movement, and checked at every commit."""

from __future__ import annotations

from collections import defaultdict

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.errors import InvariantBroken
from ringfence_custody.ledger.domain.purposes import AccountClass as C

CLASSES = max(C) + 1
OWN_MONEY = (C.PLATFORM, C.FEE)


class Totals:
    """Net posted balance by class, and the cover of overdrafts, per ledger; all in minor units.

    `net[ledger][account_class]` is credits minus debits. `overdrawn` is what clients with a covered overdraft have
    spent or reserved beyond their credits; `guaranteed` is what guarantee accounts hold beyond their reservations.
    """

    __slots__ = ("guaranteed", "net", "overdrawn")

    def __init__(self) -> None:
        """Starts at zero."""
        self.net: defaultdict[int, list[int]] = defaultdict(lambda: [0] * CLASSES)
        self.overdrawn: defaultdict[int, int] = defaultdict(int)
        self.guaranteed: defaultdict[int, int] = defaultdict(int)

    def owes(self) -> bool:
        """Tells whether the platform owes clients anything, in whatever currency."""
        return any(net[C.SHORTFALL] for net in self.net.values())

    def recount(self, accounts: Accounts) -> None:
        """Adds everything up anew from the balances."""
        self.__init__()  # type: ignore[misc]
        for account in range(1, len(accounts)):
            ledger = accounts.ledger[account]
            self.net[ledger][accounts.account_class[account]] += accounts.posted_balance(account)
            if accounts.covered[account]:
                self.cover(accounts, account, 1)

    def cover(self, accounts: Accounts, account: int, sign: int) -> None:
        """Adds (1) or takes away (-1) a covered account's part in the cover of overdrafts, as its balances stand."""
        available = (
            accounts.credits_posted[account] - accounts.debits_posted[account] - accounts.debits_pending[account]
        )
        if accounts.account_class[account] == C.GUARANTEE:
            self.guaranteed[accounts.ledger[account]] += sign * available
        else:
            self.overdrawn[accounts.ledger[account]] += sign * max(0, -available)

    def check(self) -> None:
        """Raises InvariantBroken unless, in every ledger, debits equal credits and clients' money is at the banks.

        The second reads: sum of max(0, client balance) is at most the bank mirrors less the platform's own money. A
        client's balance below zero counts with what it has reserved, so the check is a little stricter than that. What
        a bank took back beyond that is owed by the platform, and counts as if it were there.
        """
        for ledger, net in self.net.items():
            if sum(net):
                raise InvariantBroken("debits do not equal credits", ledger=str(ledger))
            at_banks = -net[C.BANK_MIRROR] - net[C.SHORTFALL] - sum(net[own] for own in OWN_MONEY)
            overdrawn, guaranteed = self.overdrawn[ledger], self.guaranteed[ledger]
            if net[C.CLIENT] + overdrawn > at_banks or overdrawn > guaranteed:
                raise InvariantBroken("clients' money is not covered", ledger=str(ledger))
