"""`ringfence accounts`: the accounts of a book with their balances."""

from uuid import UUID

from ringfence.commands.connect import As, Book, Fresh, client_as
from ringfence.commands.terminal import show
from ringfence.money import show as amount


def accounts(principal: As, book: Book = "", fresh: Fresh = False) -> None:
    """Lists the accounts of a book, and tells whether its debits equal its credits."""
    book_id = UUID(book) if book else None
    with client_as(principal, fresh) as client:
        rows = [
            [
                str(each.id),
                each.account_class.name.lower(),
                each.status.name.lower(),
                amount(each.balances.posted_minor, each.currency),
                amount(each.balances.reserved_minor, each.currency),
            ]
            for each in client.custody.list_accounts(book_id)
        ]
        balanced = client.custody.totals(book_id).balanced_currencies()
    verdict = ", ".join(
        f"{currency} {'balances' if good else 'DOES NOT BALANCE'}" for currency, good in balanced.items()
    )
    columns = ["account", "class", "status", "balance", "reserved"]
    show(f"Accounts ({verdict or 'empty book'})", columns, rows, right=["balance", "reserved"])
