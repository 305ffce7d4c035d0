"""What a platform owes its clients: an account per ledger, which the first fact of a bank that needs it opens."""

from __future__ import annotations

from itertools import chain

from ringfence_custody.ledger.domain.accounts import Accounts
from ringfence_custody.ledger.domain.columns import AccountColumns, TransferColumns, row_ids, row_numbers
from ringfence_custody.ledger.domain.purposes import LEDGERS, AccountClass

PREFIX = b"shortfall" + bytes(3)
"""Ids of accounts that begin so are custody's own; the ledger follows, big-endian."""
ACCOUNT_CODE = 1


def shortfall_account(ledger: int) -> bytes:
    """Returns the id of the account for what is owed in a ledger: in every book the same."""
    return PREFIX + ledger.to_bytes(4, "big")


def is_reserved(identifier: bytes) -> bool:
    """Tells whether an id is one of custody's own."""
    return identifier.startswith(PREFIX)


def accounts_needed(accounts: Accounts, columns: TransferColumns) -> AccountColumns | None:
    """Returns the accounts for what is owed that transfers name and that are not there, None where all are."""
    count = len(columns)
    named = set(chain(row_ids(columns.debit_account_id, count), row_ids(columns.credit_account_id, count)))
    ledgers = LEDGERS.intersection(row_numbers(columns.ledger, count))
    opened = {each: identifier for each in sorted(ledgers) if (identifier := shortfall_account(each)) in named}
    missing = {ledger: identifier for ledger, identifier in opened.items() if identifier not in accounts.index}
    if not missing:
        return None
    return AccountColumns(
        id=b"".join(missing.values()),
        account_class=[AccountClass.SHORTFALL] * len(missing),
        ledger=list(missing),
        code=[ACCOUNT_CODE] * len(missing),
    )
