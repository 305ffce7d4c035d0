"""The ledger's accounts added up by class, currency and pool, as they are in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass

import numpy as np

from ringfence_custody.ledger.domain.accounts import Accounts, Numbers
from ringfence_custody.ledger.domain.book import Book
from ringfence_custody.ledger.domain.purposes import CLASS_MASK, AccountClass, account_key
from ringfence_custody.safeguarding.application.ports import PoolOf
from ringfence_custody.safeguarding.domain.figures import BookFigures, MirrorBalance

OWN = (AccountClass.PLATFORM, AccountClass.FEE, AccountClass.GUARANTEE)
"""Classes of the platform's own money at the banks."""
CLASS_BITS = CLASS_MASK.bit_length()
_LEDGER_BITS, _LEDGERS = 13, (1 << 13) - 1
_HALF, _LOW = 32, (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class LedgerBooks:
    """Reads the books of the ledger: columns at a time, for a platform may have millions of accounts."""

    books: Callable[[], Mapping[bytes, Book]]

    def funds(self, pool_of: PoolOf) -> Set[tuple[bytes, int, str]]:
        """Returns the platforms, currencies and pools that have a bank mirror, or hold clients' money without one."""
        return {
            (tenant, ledger, pool)
            for tenant, book in self.books().items()
            for ledger, code in _in_use(book.accounts)
            for pool in (pool_of(tenant, code),)
        }

    def figures(self, tenant: bytes, ledger: int, pool: str, pool_of: PoolOf) -> BookFigures:
        """Returns what the books say."""
        accounts = self.books()[tenant].accounts
        codes = np.array(accounts.code, np.int64)
        distinct = np.flatnonzero(np.bincount(codes[1:])).tolist()
        elsewhere = [code for code in distinct if pool_of(tenant, code) != pool]
        keys = np.frombuffer(accounts.ledger_class, np.uint16)
        keys = np.where(np.isin(codes, elsewhere), 0, keys) if elsewhere else keys
        of_class = {each: np.flatnonzero(keys == account_key(ledger, each)) for each in AccountClass}
        clients = of_class[AccountClass.CLIENT]
        balances = _balances(accounts, clients)
        return BookFigures(
            clients_minor=_sum(balances[balances > 0]),
            suspense_minor=_sum(_balances(accounts, of_class[AccountClass.SUSPENSE])),
            own_minor=sum(_sum(_balances(accounts, of_class[each])) for each in OWN),
            owed_minor=-_sum(_balances(accounts, of_class[AccountClass.SHORTFALL])),
            held_minor=_sum(accounts.view("debits_pending")[clients]),
            mirrors=tuple(
                MirrorBalance(accounts.id[each], number, accounts.debits_posted[each], accounts.credits_posted[each])
                for number, each in enumerate(of_class[AccountClass.BANK_MIRROR].tolist(), start=1)
            ),
        )

    def mirror_minor(self, tenant: bytes, mirror: bytes) -> int:
        """Returns the balance of a mirror, in whatever pool it is."""
        accounts = self.books()[tenant].accounts
        account = accounts.index[mirror]
        return accounts.debits_posted[account] - accounts.credits_posted[account]


def _in_use(accounts: Accounts) -> Iterator[tuple[int, int]]:
    """Yields currency and code of mirrors, and of accounts that hold clients' money; each once."""
    keys = np.frombuffer(accounts.ledger_class, np.uint16)
    classes, codes = keys & CLASS_MASK, np.array(accounts.code, np.int64)
    holds_any = accounts.view("credits_posted") != accounts.view("debits_posted")
    of_clients = (classes == AccountClass.CLIENT) | (classes == AccountClass.SUSPENSE)
    used = np.flatnonzero((classes == AccountClass.BANK_MIRROR) | (of_clients & holds_any))
    for each in np.unique(codes[used] << _LEDGER_BITS | keys[used] >> CLASS_BITS).tolist():
        yield each & _LEDGERS, each >> _LEDGER_BITS


def _balances(accounts: Accounts, rows: Numbers) -> Numbers:
    """Returns what is owed to the holders of accounts, below zero what they owe."""
    found: Numbers = accounts.view("credits_posted")[rows] - accounts.view("debits_posted")[rows]
    return found


def _sum(column: Numbers) -> int:
    """Adds up exactly: a million of the largest amounts are more than a machine word holds."""
    return (int((column >> _HALF).sum()) << _HALF) + int((column & _LOW).sum())
