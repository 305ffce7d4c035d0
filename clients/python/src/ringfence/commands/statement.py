"""`ringfence statement`: what moved on an account."""

from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands.connect import As, Book, client_as
from ringfence.commands.terminal import show
from ringfence.ledger import Purpose, StatementEntry
from ringfence.money import show as amount

_PURPOSES = {each.value: each.name.lower() for each in Purpose}


def statement(account: Annotated[UUID, typer.Argument(help="Account id.")], principal: As, book: Book = None) -> None:
    """Prints the statement of an account with its running balance, oldest entry first."""
    with client_as(principal) as client:
        entries = client.custody.statement(account, book)
        rows = [_row(account, entry) for entry in entries]
    columns = ["value date", "purpose", "amount", "balance", "transfer"]
    show(f"Statement of {account}", columns, rows, right=["amount", "balance"])


def _row(account: UUID, entry: StatementEntry) -> list[str]:
    moved = entry.transfer
    sign = 1 if moved.credit_account_id == account else -1
    return [
        str(moved.value_date),
        _PURPOSES.get(moved.code, str(moved.code)),
        amount(sign * moved.amount_minor, moved.currency),
        amount(entry.balance_minor, moved.currency),
        str(moved.id),
    ]
