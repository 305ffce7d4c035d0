"""The books added up: by currency and pool, each figure by hand from the accounts beside it."""

from __future__ import annotations

from ringfence_custody.safeguarding.adapters.books import LedgerBooks
from ringfence_custody.safeguarding.domain.figures import POOLS

from ..ledger import CHARGE, EUR, Row, id_of
from ..test_ledger_bank_facts import BANK, OWED, funded, taken

TENANT = id_of("platform of the book")
USD = 840
E_MONEY = 9
"""Code of accounts of e-money."""


def pool_of(tenant: bytes, code: int) -> str:
    """Returns the pool of a code."""
    return POOLS[code == E_MONEY]


def test_figures_are_those_of_each_account() -> None:
    """Alice has 100, suspense 50, fees 30 and the platform 20; 80 are taken back, and a charge of 5."""
    ledger = funded()
    ledger.send(*taken("r", 80), Row("charge", OWED, BANK, 5, code=CHARGE))
    books = LedgerBooks(lambda: {TENANT: ledger.book})
    found = books.figures(TENANT, EUR, POOLS[0], pool_of)
    accounts = ledger.book.accounts
    assert (found.clients_minor, found.suspense_minor, found.own_minor, found.owed_minor) == (20, 50, 50, 5)
    assert [(each.mirror, each.number, each.balance_minor) for each in found.mirrors] == [(id_of(BANK), 1, 115)]
    assert books.mirror_minor(TENANT, id_of(BANK)) == 115
    assert found.held_minor == sum(accounts.debits_pending) == 0


def test_funds_are_where_a_mirror_or_clients_money_is() -> None:
    """A currency with accounts alone is none; a pool whose clients have money and whose bank is another pool's is."""
    ledger = funded()
    books = LedgerBooks(lambda: {TENANT: ledger.book})
    ledger.account("carol", code=E_MONEY)
    ledger.account("dave", ledger=USD)
    assert books.funds(pool_of) == {(TENANT, EUR, POOLS[0])}
    ledger.fund("carol", 7)
    assert books.funds(pool_of) == {(TENANT, EUR, POOLS[0]), (TENANT, EUR, POOLS[1])}
    of_e_money = books.figures(TENANT, EUR, POOLS[1], pool_of)
    assert (of_e_money.clients_minor, of_e_money.mirrors) == (7, ())
    assert books.figures(TENANT, EUR, POOLS[0], pool_of).clients_minor == 100
    assert books.figures(TENANT, USD, POOLS[0], pool_of).clients_minor == 0


def test_sums_beyond_a_machine_word_are_exact() -> None:
    """Twice the largest amount."""
    ledger = funded()
    for name in ("alice", "bob"):
        ledger.book.accounts.credits_posted[ledger.index(name)] = 2**63 - 1
    found = LedgerBooks(lambda: {TENANT: ledger.book}).figures(TENANT, EUR, POOLS[0], pool_of)
    assert found.clients_minor == 2 * (2**63 - 1) - 30
