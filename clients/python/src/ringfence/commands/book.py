"""`ringfence account` and `transfers`: what is opened in a book, how accounts stand, and what moved."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands.connect import As, Book, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.outcome import moment
from ringfence.commands.pay import announce
from ringfence.commands.terminal import Tabled, show
from ringfence.commands.typed import TIMES, Currency, Ids, Tenant, Why, choice, time_ns
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, AccountStatus, NewAccount, Purpose, Transfer
from ringfence.money import show as amount

account = typer.Typer(help="Single accounts of a book.", no_args_is_help=True)

Class = Annotated[AccountClass, choice(AccountClass, "--class", help="What it is for.")]
To = Annotated[AccountStatus, choice(AccountStatus, "--to", help="Where they go.")]
_PURPOSES = {each.value: each.name.lower() for each in Purpose}


@account.command("open", cls=Tabled)
def open_account(
    principal: As,
    account_class: Class,
    owner: Annotated[UUID | None, typer.Option(help="Client that it belongs to.")] = None,
    currency: Currency = "EUR",
    identifier: Annotated[
        UUID | None, typer.Option("--id", help="Its id, to repeat it safely; a new one where left out.")
    ] = None,
) -> None:
    """Opens an account in the platform's book."""
    key = identifier or new_id()
    new = NewAccount(id=key, account_class=account_class, currency=currency, owner_id=owner)
    with client_as(principal) as client:
        announce(key, identifier)
        (result,) = client.custody.create_accounts([new])
    show("Account", ["account", "outcome"], [[str(key), result.status]])
    if not result.done:
        raise CommandFailed("it was refused: see the outcome above", ExitCode.REFUSED)


@account.command("status", cls=Tabled)
def status(principal: As, ids: Ids, tenant: Tenant, to: To, reason: Why) -> None:
    """Moves accounts to another status, all or none, as an operator; a freeze has a command of its own.

    What lets money through again is proposed, for another operator to confirm.
    """
    with client_as(principal) as client:
        moved = client.custody.set_account_status(tenant, ids, to, reason=reason)
    proposal = str(moved.proposal_id or "")
    rows = [[str(each), found.name.lower(), proposal] for each, found in zip(ids, moved.status, strict=True)]
    show("Accounts", ["account", "status", "proposal"], rows)


@account.command("balances", cls=Tabled)
def balances(
    principal: As,
    ids: Ids,
    at: Annotated[datetime | None, typer.Option("--at", formats=TIMES, help="Time, UTC; now where left out.")] = None,
    book: Book = None,
) -> None:
    """Shows posted balances as they are, or were at a time."""
    with client_as(principal) as client:
        currencies = {each.id: each.currency for each in client.custody.accounts(ids, book)}
        if strange := [str(each) for each in ids if each not in currencies]:
            raise CommandFailed(f"not in the book: {', '.join(strange)}", ExitCode.REFUSED)
        found = client.custody.balances(ids, book, as_of_ns=time_ns(at))
    rows = [[str(each), amount(minor, currencies[each])] for each, minor in found.items()]
    show("Balances", ["account", "balance"], rows, right=["balance"])


def transfers(
    principal: As,
    ids: Annotated[list[UUID] | None, typer.Argument(help="Ids; all of the book where left out.")] = None,
    from_time: Annotated[datetime | None, typer.Option("--from", formats=TIMES, help="Not before, UTC.")] = None,
    until_time: Annotated[datetime | None, typer.Option("--until", formats=TIMES, help="Before, UTC.")] = None,
    book: Book = None,
) -> None:
    """Lists transfers of a book in order of commit."""
    with client_as(principal) as client:
        custody = client.custody
        listed = custody.list_transfers(book, from_ns=time_ns(from_time), until_ns=time_ns(until_time))
        rows = [_row(each) for each in (custody.transfers(ids, book) if ids else listed)]
    columns = ["time", "purpose", "from", "to", "amount", "transfer"]
    show("Transfers", columns, rows, right=["amount"])


def _row(moved: Transfer) -> list[str]:
    return [
        moment(moved.timestamp_ns),
        _PURPOSES.get(moved.code, str(moved.code)),
        str(moved.debit_account_id),
        str(moved.credit_account_id),
        amount(moved.amount_minor, moved.currency),
        str(moved.id),
    ]
