"""`ringfence principals`: who may act, for how long, and who is stopped."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands import outcome
from ringfence.commands.connect import As, client_as
from ringfence.commands.terminal import Tabled, note
from ringfence.commands.typed import TIMES, Ids, certificate_sha256, choice, hexadecimal, time_ns
from ringfence.identity import NewPrincipal, PrincipalKind
from ringfence.ids import new_id

principals = typer.Typer(help="Principals: another operator confirms whom one proposes.", no_args_is_help=True)

Kind = Annotated[PrincipalKind, choice(PrincipalKind, "--kind", help="What it is.")]
Until = Annotated[datetime, typer.Option("--until", formats=TIMES, help="When the role ends, UTC.")]


@principals.command("register", cls=Tabled)
def register(
    principal: As,
    name: Annotated[str, typer.Argument(help="Name, for logs and people.")],
    kind: Kind,
    public_key: Annotated[str, typer.Option(help="Ed25519 public key, 32 bytes in hexadecimal.")],
    platform: Annotated[UUID | None, typer.Option(help="Platform of an approver or importer.")] = None,
    person: Annotated[UUID | None, typer.Option(help="Person, where it is a further key of one.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=TIMES, help="When a person's role ends, UTC.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="Client certificate, PEM, as its holder shows it.")] = None,
    identifier: Annotated[UUID | None, typer.Option("--id", help="Its id; a new one where left out.")] = None,
) -> None:
    """Proposes a principal; without a certificate it can do nothing before `ringfence pin`."""
    new = NewPrincipal(
        id=identifier or new_id(),
        kind=kind,
        name=name,
        public_key=hexadecimal(public_key),
        tenant_id=platform,
        person_id=person,
        until_ns=time_ns(until),
        certificate_sha256=certificate_sha256(certificate) if certificate else b"",
    )
    with client_as(principal) as client:
        results = client.identity.register_principals([new])
    if certificate is None:
        note(f"it can do nothing before two people have pinned its certificate: ringfence pin {new.id} CERTIFICATE")
    outcome.items([new.id], results)


@principals.command("suspend", cls=Tabled)
def suspend(
    principal: As, ids: Ids, why: Annotated[str, typer.Option("--note", help="Why; no personal data.")]
) -> None:
    """Stops principals at once, and with a platform its people."""
    with client_as(principal) as client:
        results = client.identity.suspend_principals(ids, why)
    outcome.items(ids, results)


@principals.command("resume", cls=Tabled)
def resume(principal: As, ids: Ids) -> None:
    """Proposes that suspensions end, and names what waits about principals."""
    with client_as(principal) as client:
        results = client.identity.confirm_principals(ids)
    outcome.items(ids, results)


@principals.command("renew", cls=Tabled)
def renew(principal: As, ids: Ids, until: Until) -> None:
    """Proposes another end for people's roles."""
    with client_as(principal) as client:
        results = client.identity.renew_grants(ids, time_ns(until))
    outcome.items(ids, results)
