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
OF_CLIENTS = (AccountClass.CLIENT, AccountClass.SUSPENSE)
CLASS_BITS = CLASS_MASK.bit_length()
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
        of_class = {each: _of_class(accounts, ledger, each) for each in AccountClass}
        for each, rows in of_class.items():
            codes = _codes(accounts, rows)
            wanted = [code for code in np.unique(codes).tolist() if pool_of(tenant, code) == pool]
            of_class[each] = rows[np.isin(codes, wanted)]
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
    ledgers = np.flatnonzero(np.bincount(keys >> CLASS_BITS)).tolist()
    for ledger in (each for each in ledgers if each):
        of_mirrors = _of_class(accounts, ledger, AccountClass.BANK_MIRROR)
        of_clients = np.concatenate([_of_class(accounts, ledger, each) for each in OF_CLIENTS])
        of_clients = of_clients[_balances(accounts, of_clients) != 0]
        for code in np.unique(_codes(accounts, np.concatenate([of_mirrors, of_clients]))).tolist():
            yield ledger, code


def _of_class(accounts: Accounts, ledger: int, account_class: AccountClass) -> Numbers:
    keys = np.frombuffer(accounts.ledger_class, np.uint16)
    return np.flatnonzero(keys == account_key(ledger, account_class))


def _codes(accounts: Accounts, rows: Numbers) -> Numbers:
    """Returns the codes of accounts, one for all where there is but one."""
    distinct = set(accounts.code[1:])
    if len(distinct) == 1:
        return np.full(len(rows), distinct.pop(), np.int64)
    found: Numbers = np.array(accounts.code, np.int64)[rows]
    return found


def _balances(accounts: Accounts, rows: Numbers) -> Numbers:
    """Returns what is owed to the holders of accounts, below zero what they owe."""
    found: Numbers = accounts.view("credits_posted")[rows] - accounts.view("debits_posted")[rows]
    return found


def _sum(column: Numbers) -> int:
    """Adds up exactly: a million of the largest amounts are more than a machine word holds."""
    return (int((column >> _HALF).sum()) << _HALF) + int((column & _LOW).sum())
