"""`ringfence parties` and `ibans`: clients of a platform, and the IBANs that stand for their accounts."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands import outcome
from ringfence.commands.connect import As, client_as
from ringfence.commands.terminal import Tabled, show
from ringfence.commands.typed import Ids, Order, Tenant, choice
from ringfence.identity import Alias, AliasAction, KycDecision, KycStatus

parties = typer.Typer(help="Clients of platforms, and what is decided about them.", no_args_is_help=True)
ibans = typer.Typer(help="IBANs that stand for accounts.", no_args_is_help=True)

To = Annotated[KycStatus, choice(KycStatus, "--to", help="Where they go.")]
Action = Annotated[AliasAction, choice(AliasAction, "--action", help="What is done with them.")]
Note = Annotated[str, typer.Option("--note", help="Why; no personal data.")]


@parties.command("show", cls=Tabled)
def show_parties(
    principal: As,
    ids: Ids,
    platform: Annotated[UUID | None, typer.Option(help="Platform; the caller's own where left out.")] = None,
) -> None:
    """Shows parties by id."""
    with client_as(principal) as client:
        found = client.identity.parties(ids, platform)
    rows = [
        [
            str(each.id),
            each.kind.name.lower(),
            each.name,
            str(each.postal_address or each.address),
            each.kyc_status.name.lower(),
            "erased" if each.erased else "",
        ]
        for each in found
    ]
    show("Parties", ["party", "kind", "name", "address", "kyc", "erased"], rows)


@parties.command("kyc", cls=Tabled)
def kyc(principal: As, ids: Ids, tenant: Tenant, to: To, why: Note) -> None:
    """Moves parties through KYC, as an operator; out of BLOCKED another operator confirms."""
    decisions = [KycDecision(party_id=each, to=to, note=why) for each in ids]
    with client_as(principal) as client:
        results = client.identity.decide_kyc(tenant, decisions)
    outcome.items(ids, results)


@parties.command("hold", cls=Tabled)
def hold(principal: As, ids: Ids, tenant: Tenant, order: Order) -> None:
    """Holds parties against erasure, as an operator."""
    _hold(principal, ids, tenant, order, held=True)


@parties.command("let-go", cls=Tabled)
def let_go(principal: As, ids: Ids, tenant: Tenant, order: Order) -> None:
    """Proposes to hold parties no more; another operator confirms."""
    _hold(principal, ids, tenant, order, held=False)


@parties.command("erase", cls=Tabled)
def erase(principal: As, ids: Ids, tenant: Tenant) -> None:
    """Proposes to erase parties for good; another operator confirms. What stands against it is told."""
    with client_as(principal) as client:
        results = client.identity.erase_parties(tenant, ids)
    outcome.items(ids, results)


@ibans.command("claim", cls=Tabled)
def claim(
    principal: As,
    iban: Annotated[str, typer.Argument(help="IBAN.")],
    account: Annotated[UUID, typer.Option(help="Account that it stands for.")],
    owner: Annotated[UUID | None, typer.Option(help="Client; the platform itself where left out.")] = None,
    bank_feed: Annotated[
        UUID | None, typer.Option(help="Principal that speaks for the account at the bank: it is a bank mirror then.")
    ] = None,
    platform: Annotated[UUID | None, typer.Option(help="Platform, where an operator claims a bank mirror.")] = None,
) -> None:
    """Claims an IBAN; a bank's own message or two operators confirm it."""
    with client_as(principal) as client:
        results = client.identity.register_aliases([Alias(iban, account, owner, bank_feed)], platform)
    outcome.items([iban], results)


@ibans.command("change", cls=Tabled)
def change(
    principal: As,
    iban: Annotated[list[str], typer.Argument(help="IBANs.")],
    action: Action,
    tenant: Tenant,
    document: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The document that it rests on.")],
    owner: Annotated[UUID | None, typer.Option(help="Client of all of them; the platform where left out.")] = None,
) -> None:
    """Proposes to confirm, move or remove IBANs on a document, of which the SHA-256 is kept; another confirms."""
    with client_as(principal) as client:
        results = client.identity.change_aliases(
            tenant, action, dict.fromkeys(iban, owner), sha256(document.read_bytes()).digest()
        )
    outcome.items(iban, results)


def _hold(principal: str, ids: list[UUID], tenant: UUID, order: str, *, held: bool) -> None:
    with client_as(principal) as client:
        results = client.identity.set_legal_hold(tenant, ids, order, held=held)
    outcome.items(ids, results)
