"""Between the ledger's objects and its packed columns.

A column has one value per row, a single one that every row has, or nothing where that is the default.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from ringfence_protos.custody.v1 import custody_pb2 as pb

from ringfence.ids import optional, pack
from ringfence.ledger import (
    Account,
    AccountClass,
    AccountFlag,
    AccountStatus,
    Balances,
    ClassTotal,
    NewAccount,
    NewTransfer,
    Result,
    Transfer,
    TransferFilter,
    TransferFlag,
    TransferResult,
)
from ringfence.money import currency_of, ledger_of
from ringfence.result_codes import account_status, transfer_status

_EPOCH = date(1970, 1, 1)


def account_columns(accounts: Sequence[NewAccount]) -> pb.AccountColumns:
    """Accounts to open, as columns."""
    return pb.AccountColumns(
        id=b"".join([each.id.bytes for each in accounts]),
        owner_id=pack([each.owner_id for each in accounts]),
        account_class=[pb.AccountClass.ValueType(each) for each in _numbers([each.account_class for each in accounts])],
        ledger=_ledgers([each.currency for each in accounts]),
        code=_numbers([each.code for each in accounts]),
        flags=_numbers([each.flags for each in accounts]),
        user_data_128=pack([each.user_data_128 for each in accounts]),
        user_data_64=_numbers([each.user_data_64 for each in accounts]),
        user_data_32=_numbers([each.user_data_32 for each in accounts]),
    )


def transfer_columns(transfers: Sequence[NewTransfer]) -> pb.TransferColumns:
    """Transfers to create, as columns; with a value date in one row the others get today's (UTC)."""
    return pb.TransferColumns(
        id=b"".join([each.id.bytes for each in transfers]),
        debit_account_id=pack([each.debit_account_id for each in transfers]),
        credit_account_id=pack([each.credit_account_id for each in transfers]),
        amount_minor=_numbers([each.amount_minor for each in transfers]),
        pending_id=pack([each.pending_id for each in transfers]),
        user_data_128=pack([each.user_data_128 for each in transfers]),
        user_data_64=_numbers([each.user_data_64 for each in transfers]),
        user_data_32=_numbers([each.user_data_32 for each in transfers]),
        timeout_seconds=_numbers([each.timeout_seconds for each in transfers]),
        ledger=_ledgers([each.currency for each in transfers]),
        code=_numbers([each.code for each in transfers]),
        flags=_numbers([each.flags for each in transfers]),
        value_date_days=_value_dates([each.value_date for each in transfers]),
    )


def names_value_dates(transfers: Sequence[NewTransfer]) -> bool:
    """Whether any transfer has a value date of its own."""
    return any(each.value_date is not None for each in transfers)


def account_results(accounts: Sequence[NewAccount], reply: pb.CreateAccountsResponse) -> list[Result]:
    """What became of each account, in order."""
    rows = zip(accounts, reply.status, reply.timestamp_ns, strict=True)
    return [Result(each.id, account_status(status), time_ns) for each, status, time_ns in rows]


def transfer_results(transfers: Sequence[NewTransfer], reply: pb.CreateTransfersResponse) -> list[TransferResult]:
    """What became of each transfer, in order."""
    debits = _balance_rows(reply.debit_balances, len(transfers))
    credits = _balance_rows(reply.credit_balances, len(transfers))
    rows = zip(transfers, reply.status, reply.timestamp_ns, debits, credits, strict=True)
    return [
        TransferResult(each.id, transfer_status(status), time_ns, debit, credit)
        for each, status, time_ns, debit, credit in rows
    ]


def account(read: pb.Account) -> Account:
    """An account as read."""
    return Account(
        id=UUID(bytes=read.id),
        owner_id=optional(read.owner_id),
        account_class=AccountClass(read.account_class),
        currency=currency_of(read.ledger),
        code=read.code,
        flags=AccountFlag(read.flags),
        status=AccountStatus(read.status),
        order_reference=read.order_reference,
        balances=balances(read),
        timestamp_ns=read.timestamp_ns,
        user_data_128=optional(read.user_data_128),
        user_data_64=read.user_data_64,
        user_data_32=read.user_data_32,
    )


def transfer(read: pb.Transfer) -> Transfer:
    """A transfer as read."""
    return Transfer(
        id=UUID(bytes=read.id),
        amount_minor=read.amount_minor,
        currency=currency_of(read.ledger),
        code=read.code,
        debit_account_id=optional(read.debit_account_id),
        credit_account_id=optional(read.credit_account_id),
        pending_id=optional(read.pending_id),
        user_data_128=optional(read.user_data_128),
        user_data_64=read.user_data_64,
        user_data_32=read.user_data_32,
        timeout_seconds=read.timeout_seconds,
        flags=TransferFlag(read.flags),
        value_date=_EPOCH + timedelta(days=read.value_date_days),
        timestamp_ns=read.timestamp_ns,
    )


def balances(read: pb.Account | pb.ClassTotal) -> Balances:
    """The four balances of an account or of a class of accounts."""
    return Balances(
        read.debits_pending_minor, read.debits_posted_minor, read.credits_pending_minor, read.credits_posted_minor
    )


def class_total(read: pb.ClassTotal) -> ClassTotal:
    """The totals of one class of accounts in one currency."""
    return ClassTotal(AccountClass(read.account_class), currency_of(read.ledger), read.accounts, balances(read))


def transfer_filter(where: TransferFilter) -> pb.TransferFilter:
    """A filter as the ledger takes it."""
    return pb.TransferFilter(
        code=where.code,
        user_data_128=where.user_data_128.bytes if where.user_data_128 else b"",
        user_data_64=where.user_data_64,
        user_data_32=where.user_data_32,
        ledger=ledger_of(where.currency) if where.currency else 0,
    )


def _balance_rows(columns: pb.BalanceColumns, count: int) -> Sequence[Balances | None]:
    if not columns.debits_posted_minor:
        return [None] * count
    rows = zip(
        columns.debits_pending_minor,
        columns.debits_posted_minor,
        columns.credits_pending_minor,
        columns.credits_posted_minor,
        strict=True,
    )
    return [Balances(*row) for row in rows]


def _value_dates(dates: Sequence[date | None]) -> list[int]:
    if not any(dates):
        return []
    today = datetime.now(UTC).date()
    days = [((each or today) - _EPOCH).days for each in dates]
    # Not `_numbers`: nothing at all would stand for the day of the commit, not for 1970-01-01.
    return days[:1] if days.count(days[0]) == len(days) else days


def _ledgers(currencies: Sequence[str]) -> list[int]:
    if currencies and currencies.count(currencies[0]) == len(currencies):
        return [ledger_of(currencies[0])]
    return [ledger_of(each) for each in currencies]


def _numbers(values: list[int]) -> list[int]:
    if not values or values.count(values[0]) < len(values):
        return values
    return values[:1] if values[0] != 0 else []
