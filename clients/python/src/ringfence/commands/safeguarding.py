"""`ringfence safeguarding` and `day`: what clients are owed and what is there for it, and the days that say so."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from ringfence_verifier import day_id, read_leaf

from ringfence.client import Client
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.outcome import proposed
from ringfence.commands.terminal import Tabled, note, show
from ringfence.commands.typed import DAY, Tenant, Why, bound_minor, choice, sha256
from ringfence.money import ledger_of
from ringfence.money import show as amount
from ringfence.safeguarding import POOLS, Component, DayKey, SafeguardingDay

safeguarding = typer.Typer(help="What clients are owed, and what is there for it.", no_args_is_help=True)
day = typer.Typer(help="Business days: prepared by one person, reviewed by another, closed.", no_args_is_help=True)

Day = Annotated[datetime, typer.Argument(formats=DAY, help="Business day.")]
Code = Annotated[str, typer.Option("--currency", help="ISO 4217 code.")]
Pool = Annotated[str, typer.Option(help=f"Pool of client money: {' or '.join(POOLS)}.")]
Note = Annotated[str, typer.Option(help="What was looked at; no personal data.")]
Document = Annotated[str, typer.Option("--document", help="SHA-256 of the document, in hexadecimal.")]
Kind = Annotated[Component, choice(Component, "--component", help="Which component.")]
_SUMS = ("requirement", "resource", "excess", "not placed", "difference")


@safeguarding.command("days", cls=Tabled)
def list_days(
    principal: As,
    platform: Annotated[UUID | None, typer.Option(help="Platform; the caller's own where left out.")] = None,
) -> None:
    """Lists the days of a platform: all that are open, and the newest that are closed."""
    with client_as(principal) as client:
        found = client.safeguarding.days(platform)
    columns = ["day", "currency", "pool", "status", "version", *_SUMS, "open"]
    show("Safeguarding days", columns, [_row(each) for each in found], right=["version", *_SUMS])


@safeguarding.command("show")
def show_day(principal: As, tenant: Tenant, of: Day, currency: Code = "EUR", pool: Pool = POOLS[0]) -> None:
    """Prints the canonical text of a day's figures: the same bytes whenever they are computed."""
    with client_as(principal) as client:
        found = _found(client, DayKey(tenant, currency, of.date(), pool))
    print(found.document, end="")


@safeguarding.command("receipts")
def receipts(
    principal: As,
    folder: Annotated[Path, typer.Argument(file_okay=False, help="New folder to write them into.")],
    tenant: Tenant,
    of: Day,
    currency: Code = "EUR",
    pool: Pool = POOLS[0],
) -> None:
    """Gets the receipts of all facts of a day, as a regulator; `ringfence verify safeguarding` computes it offline."""
    key = DayKey(tenant, currency, of.date(), pool)
    named = UUID(bytes=day_id(tenant.bytes, pool, ledger_of(currency), key.day))
    with client_as(principal) as client:
        found = [
            leaf for leaf in client.audit.search(named) if read_leaf(leaf.content).fields.get("day_id") == named.bytes
        ]
        if not found:
            raise CommandFailed(f"the log has no fact of {key.day}", ExitCode.REFUSED)
        folder.mkdir(parents=True)
        for number, leaf in enumerate(found, start=1):
            note(f"fact {number} of {len(found)}: {leaf.index}")
            proof = client.audit.receipt(leaf.index).proof
            (folder / f"{leaf.index}.receipt").write_text(proof, encoding="utf-8")
    note(f"written to {folder}")


@safeguarding.command("resource", cls=Tabled)
def register_resource(
    principal: As,
    tenant: Tenant,
    component: Kind,
    sum_of: Annotated[str, typer.Option("--amount", help="How much, for instance 10000.00.")],
    first: Annotated[datetime, typer.Option("--from", formats=DAY, help="First day it counts.")],
    until: Annotated[datetime, typer.Option("--until", formats=DAY, help="Last day it counts.")],
    document: Document,
    currency: Code = "EUR",
    pool: Pool = POOLS[0],
) -> None:
    """Proposes assets or an insurance that cover what clients are owed, as an operator; another one confirms."""
    key, minor = DayKey(tenant, currency, first.date(), pool), bound_minor(sum_of, currency)
    with client_as(principal) as client:
        proposal = client.safeguarding.register_resource(key, component, minor, until.date(), sha256(document))
    proposed(component.name.lower(), proposal)


@safeguarding.command("pool", cls=Tabled)
def assign_pool(
    principal: As,
    tenant: Tenant,
    code: Annotated[int, typer.Argument(min=1, max=65_535, help="Code of the accounts.")],
    pool: Annotated[str, typer.Argument(help=f"{' or '.join(POOLS)}.")],
) -> None:
    """Proposes which pool of client money accounts of a code belong to, as an operator; another one confirms."""
    with client_as(principal) as client:
        proposal = client.safeguarding.assign_pool(tenant, code, pool)
    proposed(f"code {code}: {pool}", proposal)


@day.command("prepare", cls=Tabled)
def prepare(
    principal: As, tenant: Tenant, of: Day, currency: Code = "EUR", pool: Pool = POOLS[0], note: Note = ""
) -> None:
    """Says that the caller has prepared a day's reconciliation."""
    with client_as(principal) as client:
        _tell(client.safeguarding.prepare(DayKey(tenant, currency, of.date(), pool), note))


@day.command("review", cls=Tabled)
def review(
    principal: As, tenant: Tenant, of: Day, currency: Code = "EUR", pool: Pool = POOLS[0], note: Note = ""
) -> None:
    """Says that the caller, who has not prepared it, has reviewed it."""
    with client_as(principal) as client:
        _tell(client.safeguarding.review(DayKey(tenant, currency, of.date(), pool), note))


@day.command("close", cls=Tabled)
def close(principal: As, tenant: Tenant, of: Day, currency: Code = "EUR", pool: Pool = POOLS[0]) -> None:
    """Signs a day that was reviewed; refused while something is open, and then it says what."""
    with client_as(principal) as client:
        _tell(client.safeguarding.sign(DayKey(tenant, currency, of.date(), pool)))


@day.command("notify", cls=Tabled)
def notify(
    principal: As,
    tenant: Tenant,
    of: Day,
    document: Document,
    reference: Annotated[str, typer.Option(help="The regulator's reference.")],
    currency: Code = "EUR",
    pool: Pool = POOLS[0],
) -> None:
    """Says that the regulator was told of a day that does not come out."""
    with client_as(principal) as client:
        _tell(client.safeguarding.notify(DayKey(tenant, currency, of.date(), pool), sha256(document), reference))


@day.command("reopen", cls=Tabled)
def reopen(principal: As, tenant: Tenant, of: Day, reason: Why, currency: Code = "EUR", pool: Pool = POOLS[0]) -> None:
    """Begins another version of a day; the one before stays as it is."""
    with client_as(principal) as client:
        _tell(client.safeguarding.reopen(DayKey(tenant, currency, of.date(), pool), reason))


def _found(client: Client, key: DayKey) -> SafeguardingDay:
    found = next((each for each in client.safeguarding.days(key.tenant_id) if each.key == key), None)
    if found is None or not found.document:
        raise typer.BadParameter(f"{key.day} is not computed")
    return found


def _tell(found: SafeguardingDay) -> None:
    columns = ["day", "currency", "pool", "status", "version", *_SUMS, "open"]
    show("Safeguarding day", columns, [_row(found)], right=["version", *_SUMS])
    if found.is_missed:
        note("it was not closed by the end of the next business day: the regulator is to hear of it")


def _row(found: SafeguardingDay) -> list[str]:
    key = found.key
    sums = (found.resource_minor, found.internal_minor, found.overdue_minor, found.external_minor)
    shown = [amount(each, key.currency) if found.document else "" for each in sums]
    return [
        key.day.isoformat(),
        key.currency,
        key.pool,
        found.status.name.lower() + (", missed" if found.is_missed else ""),
        str(found.version),
        amount(found.requirement_minor, key.currency),
        *shown,
        "; ".join(found.open),
    ]
