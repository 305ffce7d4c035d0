"""`ringfence freeze`, `migration` and `rules`: what operators decide about a book."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands.connect import As, Book, client_as
from ringfence.commands.outcome import proposed
from ringfence.commands.terminal import Tabled, output, show
from ringfence.commands.typed import Ids, Order, Tenant, Why
from ringfence.ids import new_id
from ringfence.rules import PurposeRule, parsed

freeze = typer.Typer(help="Accounts frozen by order of a court or authority.", no_args_is_help=True)
migration = typer.Typer(help="Windows in which a book's importer may post; two operators.", no_args_is_help=True)
rules = typer.Typer(help="Rules of a book that are stricter than the minimum.", no_args_is_help=True)

Window = Annotated[UUID, typer.Option(help="Id of the window.")]
_MINUTE_SECONDS = 60


@freeze.command("place", cls=Tabled)
def place(principal: As, ids: Ids, tenant: Tenant, order: Order) -> None:
    """Freezes accounts at once, as an operator; what is reserved and not handed over stops too."""
    with client_as(principal) as client:
        statuses = client.custody.set_freeze(tenant, ids, order_reference=order)
    rows = [[str(each), status.name.lower()] for each, status in zip(ids, statuses, strict=True)]
    show("Accounts", ["account", "status"], rows)


@freeze.command("lift", cls=Tabled)
def lift(principal: As, ids: Ids, tenant: Tenant, order: Order) -> None:
    """Proposes to release accounts from the order that they are frozen by; another operator confirms."""
    with client_as(principal) as client:
        proposal_id = client.custody.lift_freeze(tenant, ids, order_reference=order)
    proposed(f"lift order {order}", proposal_id)


@migration.command("open", cls=Tabled)
def open_window(
    principal: As,
    tenant: Tenant,
    minutes: Annotated[int, typer.Option(min=1, max=43_200, help="How long it stays open, at most 30 days.")],
    reason: Why,
    window: Annotated[
        UUID | None, typer.Option(help="Id of the window, to repeat it safely; a new one where left out.")
    ] = None,
) -> None:
    """Proposes a window; the importer names its id as the mandate of clients' debits and of what clears suspense."""
    key = window or new_id()
    with client_as(principal) as client:
        proposal_id = client.custody.open_migration(tenant, key, seconds=minutes * _MINUTE_SECONDS, reason=reason)
    proposed(f"window {key}", proposal_id)


@migration.command("close", cls=Tabled)
def close_window(principal: As, tenant: Tenant, window: Window, reason: Why) -> None:
    """Proposes to close a window before its time."""
    with client_as(principal) as client:
        proposal_id = client.custody.close_migration(tenant, window, reason=reason)
    proposed(f"window {window}", proposal_id)


@rules.command("show", cls=Tabled)
def show_rules(
    principal: As,
    book: Book = None,
    document: Annotated[bool, typer.Option("--document", help="Prints the text that `rules adopt` takes.")] = False,
) -> None:
    """Shows the rules in force in a book."""
    with client_as(principal) as client:
        found = client.custody.rules(book)
    if document:
        output.print(found.document, highlight=False, soft_wrap=True, end="")
        return
    columns = ["purpose", "from and to", "mandate", "maximum"]
    show(f"Rules {found.version}, SHA-256 {found.sha256}", columns, [_rule_row(each) for each in found.purposes])


@rules.command("adopt", cls=Tabled)
def adopt(
    principal: As,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Rules in their canonical text.")],
    tenant: Tenant,
) -> None:
    """Proposes rules for a book; another operator confirms."""
    try:
        version, purposes = parsed(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise typer.BadParameter(f"{file}: {error}") from None
    with client_as(principal) as client:
        proposal_id = client.custody.adopt_rules(tenant, version, purposes)
    proposed(f"rules {version}", proposal_id)


def _rule_row(rule: PurposeRule) -> list[str]:
    pairs = ", ".join(f"{debit.name.lower()} > {credit.name.lower()}" for debit, credit in sorted(rule.pairs))
    maximum = "" if rule.maximum_minor is None else str(rule.maximum_minor)
    return [rule.purpose.name.lower(), pairs, "required" if rule.mandate_required else "optional", maximum]
