"""The ledger's accounts added up by class, currency and pool, as they are in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.safeguarding.application.ports import PoolOf
from ringfence_custody.safeguarding.domain.figures import BookFigures, MirrorBalance, individual_minor

OWN = frozenset({AccountClass.PLATFORM, AccountClass.FEE, AccountClass.GUARANTEE})
"""Classes of the platform's own money at the banks."""


@dataclass(frozen=True, slots=True)
class LedgerBooks:
    """Reads the books of the ledger."""

    books: Callable[[], Mapping[bytes, Book]]

    def funds(self, pool_of: PoolOf) -> Iterable[tuple[bytes, int, str]]:
        """Returns the platforms, currencies and pools that have a bank mirror."""
        return {
            (tenant, accounts.ledger[each], pool_of(tenant, accounts.code[each]))
            for tenant, book in self.books().items()
            for accounts in (book.accounts,)
            for each in range(1, len(accounts))
            if accounts.account_class[each] == AccountClass.BANK_MIRROR
        }

    def figures(self, tenant: bytes, ledger: int, pool: str, pool_of: PoolOf) -> BookFigures:
        """Returns what the books say."""
        accounts = self.books()[tenant].accounts
        of_class: dict[int, list[int]] = {}
        for account in range(1, len(accounts)):
            if accounts.ledger[account] == ledger and pool_of(tenant, accounts.code[account]) == pool:
                of_class.setdefault(accounts.account_class[account], []).append(account)
        clients = of_class.get(AccountClass.CLIENT, [])
        return BookFigures(
            clients_minor=individual_minor(accounts.posted_balance(each) for each in clients),
            suspense_minor=_balance(accounts, of_class.get(AccountClass.SUSPENSE, [])),
            own_minor=sum(_balance(accounts, of_class.get(each, [])) for each in OWN),
            owed_minor=-_balance(accounts, of_class.get(AccountClass.SHORTFALL, [])),
            held_minor=sum(accounts.debits_pending[each] for each in clients),
            mirrors=tuple(
                MirrorBalance(accounts.id[each], number, accounts.debits_posted[each], accounts.credits_posted[each])
                for number, each in enumerate(of_class.get(AccountClass.BANK_MIRROR, []), start=1)
            ),
        )


def _balance(accounts: Accounts, of: Iterable[int]) -> int:
    return sum(accounts.posted_balance(each) for each in of)
