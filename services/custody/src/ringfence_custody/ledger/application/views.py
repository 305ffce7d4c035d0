"""What queries answer with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.packed import Transfer


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its balances as of one moment; amounts in minor units."""

    id: bytes
    owner_id: bytes
    account_class: int
    ledger: int
    code: int
    flags: int
    status: int
    order_reference: str
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    timestamp_ns: int
    user_data_128: bytes
    user_data_64: int
    user_data_32: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an owner has in a book: how many accounts, and of these how many with what stands against an erasure."""

    accounts: int
    with_balance: int
    with_pending: int
    held: int
    last_movement_ns: int = 0


@dataclass(frozen=True, slots=True)
class ClassTotals:
    """What all accounts of one class and ledger add up to, in minor units."""

    account_class: int
    ledger: int
    accounts: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int


@dataclass(frozen=True, slots=True)
class NamedTransfer:
    """A transfer with the ids of its accounts."""

    transfer: Transfer
    debit_account_id: bytes
    credit_account_id: bytes
    ledger: int


def view(accounts: Accounts, account: int) -> AccountView:
    """Returns an account as it stands."""
    debits_pending, debits_posted, credits_pending, credits_posted = accounts.balances(account)
    return AccountView(
        id=accounts.id[account],
        owner_id=accounts.owner_id[account],
        account_class=accounts.account_class[account],
        ledger=accounts.ledger[account],
        code=accounts.code[account],
        flags=accounts.flags[account],
        status=accounts.shown_status(account),
        order_reference=", ".join(accounts.orders.get(account, ())),
        debits_pending=debits_pending,
        debits_posted=debits_posted,
        credits_pending=credits_pending,
        credits_posted=credits_posted,
        timestamp_ns=accounts.timestamp[account],
        user_data_128=accounts.user_data_128[account],
        user_data_64=accounts.user_data_64[account],
        user_data_32=accounts.user_data_32[account],
    )


def holdings(accounts: Accounts, owned: Sequence[int]) -> Holdings:
    """Counts what stands on an owner's accounts; when it last moved stands in the read model."""
    return Holdings(
        accounts=len(owned),
        with_balance=sum(accounts.posted_balance(each) != 0 for each in owned),
        with_pending=sum(bool(accounts.debits_pending[each] or accounts.credits_pending[each]) for each in owned),
        held=sum(bool(accounts.holds[each]) for each in owned),
    )


def class_totals(accounts: Accounts) -> list[ClassTotals]:
    """Adds up all accounts by ledger and class."""
    sums: dict[tuple[int, int], list[int]] = {}
    for account in range(1, len(accounts)):
        row = sums.setdefault((accounts.ledger[account], accounts.account_class[account]), [0] * 5)
        for column, amount in enumerate((1, *accounts.balances(account))):
            row[column] += amount
    return [ClassTotals(account_class, ledger, *row) for (ledger, account_class), row in sorted(sums.items())]


def named(accounts: Accounts, transfer: Transfer) -> NamedTransfer:
    """Returns a transfer with the ids of its accounts."""
    debit, credit = transfer.debit, transfer.credit
    return NamedTransfer(transfer, accounts.id[debit], accounts.id[credit], accounts.ledger[debit])
