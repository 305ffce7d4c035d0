"""`ringfence balance`: what a platform's accounts come to by the log, now or at a past instant; for regulators."""

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from ringfence_desk.safeguarding import grown_minor
from ringfence_verifier import Balances

from ringfence.books import Books
from ringfence.client import Client
from ringfence.commands.complete import sandbox_key
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed
from ringfence.commands.outcome import moment
from ringfence.commands.proving import Account, Proved, proved
from ringfence.commands.terminal import note, show
from ringfence.commands.trusted import LogKey, PolicyFile, key_of
from ringfence.commands.typed import TIMES, Currency, Tenant, time_ns
from ringfence.ids import new_id
from ringfence.money import show as amount

PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 0.5
COLUMNS = ["of", "accounts", "balance", "held", "debits", "credits"]


def balance(
    principal: As,
    tenant: Tenant,
    currency: Currency = "EUR",
    account: Annotated[UUID | None, typer.Option(help="An account whose balance is wanted too, and proven.")] = None,
    at: Annotated[datetime | None, typer.Option("--at", formats=TIMES, help="Time, UTC; now where left out.")] = None,
    demand: Annotated[bool, typer.Option("--demand", help="Have custody close its books first.")] = False,
    key: LogKey = "",
    policy: PolicyFile = None,
    save: Annotated[Path | None, typer.Option(dir_okay=False, help="Where to write the account's proof.")] = None,
) -> None:
    """Computes balances from the transfers in the log, by class, and the safeguarding equation.

    It fails where custody's newest closing by then is not what the log comes to, or clients' money is not covered. An
    account's balance is proven under the newest books that the log has stated by then, and has to be what all its
    transfers up to there come to.
    """
    vkey = (key_of(key) if key else sandbox_key()) if account else ""
    proven = None
    at_ns = time_ns(at)
    with client_as(principal) as client:
        if demand:
            _demand(client, tenant, currency, account)
        books = client.books.get(tenant, currency, at_ns=at_ns, account_id=account)
        if account:
            proven = proved(client, books, Account(account, tenant, currency), at_ns, vkey, policy)
    rows = [
        [
            name.replace("_", " "),
            str(each.accounts),
            amount(grown_minor(name, each.balance), currency),
            amount(each.debits_pending, currency),
            amount(each.debits_posted, currency),
            amount(each.credits_posted, currency),
        ]
        for name, each in books.classes.items()
    ]
    if proven and books.balances:
        rows.append([str(account), *_sums(books.balances, proven.account_class, currency)])
    if proven and proven.balance and proven.balance.balances:
        title = f"{account} proven at leaf {proven.balance.closing}"
        rows.append([title, *_sums(proven.balance.balances, proven.account_class, currency)])
    show(f"Books over {books.size} leaves of the log", COLUMNS, rows, right=COLUMNS[1:])
    if account and proven:
        _tell(account, proven, currency)
        if save and books.balance_proof:
            save.write_bytes(books.balance_proof)
            note(f"written to {save}")
    if account and books.balances is None:
        raise CommandFailed(f"the account {account} was not opened by then")
    _judge(books, currency)


def _sums(found: Balances, account_class: str, currency: str) -> list[str]:
    sums = grown_minor(account_class, found.balance), found.debits_pending, found.debits_posted, found.credits_posted
    return ["1", *(amount(each, currency) for each in sums)]


def _tell(account: UUID, proven: Proved, currency: str) -> None:
    """Says what is proven of an account's balance."""
    found = proven.balance
    if not proven.account_class:
        note(f"no fact says of which class {account} is: its balance is credits less debits")
    if found is None:
        note("the log has stated no books by then: the balance is its word alone")
        return
    when = f"at custody's closing of {moment(proven.closed_ns)}, leaf {found.closing} (stated by leaf {found.index})"
    has = "is not among the accounts"
    if found.balances:
        has = f"has {amount(grown_minor(proven.account_class, found.balances.balance), currency)}"
    note(f"proven: {account} {has} {when}")


def _demand(client: Client, tenant: UUID, currency: str, account: UUID | None) -> None:
    """Demands a closing, and waits until the log has computed it, and can prove an account's balance under it."""
    position = client.books.demand(tenant, currency, new_id())
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        books = client.books.get(tenant, currency, account_id=account)
        is_there = books.closing is not None and books.closing.position >= position
        if is_there and (account is None or books.balance_proof):
            return
        time.sleep(PAUSE_SECONDS)
    raise CommandFailed(f"custody has closed its books at {position}, and the log has not come there")


def _judge(books: Books, currency: str) -> None:
    found = books.equation
    owed, there, own = (amount(each, currency) for each in (found.clients_minor, found.there_minor, found.own_minor))
    banks, platform = amount(found.bank_minor, currency), amount(found.made_good_minor, currency)
    covered = "covered" if found.is_covered else "NOT COVERED"
    note(f"there: {banks} at the banks and {platform} owed by the platform, less {own} of its own")
    note(f"clients are owed {owed}, and {there} are there for them: {covered}")
    closing = books.closing
    if closing is None:
        note("custody has not closed its books by then")
    else:
        verdict = "the same as the log" if closing.is_same else "NOT WHAT THE LOG COMES TO"
        note(f"custody has closed them at {moment(closing.closed_ns)}, leaf {closing.leaf_index}: {verdict}")
    if not books.is_covered or (closing is not None and not closing.is_same):
        raise CommandFailed("the books do not come out")
