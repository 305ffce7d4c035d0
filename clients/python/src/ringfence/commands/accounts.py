"""`ringfence accounts`: the accounts of a book with their balances."""

from ringfence.commands.connect import As, Book, client_as
from ringfence.commands.terminal import show
from ringfence.money import show as amount


def accounts(principal: As, book: Book = None) -> None:
    """Lists the accounts of a book, and tells whether its debits equal its credits.

    A balance is credits minus debits: that of a bank mirror, which is what the bank owes, is below zero.
    """
    with client_as(principal) as client:
        rows = [
            [
                str(each.id),
                each.account_class.name.lower(),
                each.status.name.lower(),
                amount(each.balances.posted_minor, each.currency),
                amount(each.balances.reserved_minor, each.currency),
            ]
            for each in client.custody.list_accounts(book)
        ]
        balanced = client.custody.totals(book).balanced_currencies()
    verdict = ", ".join(
        f"{currency} {'balances' if good else 'DOES NOT BALANCE'}" for currency, good in balanced.items()
    )
    columns = ["account", "class", "status", "balance", "reserved"]
    show(f"Accounts ({verdict or 'empty book'})", columns, rows, right=["balance", "reserved"])
