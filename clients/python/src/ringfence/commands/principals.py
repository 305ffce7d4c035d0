"""`ringfence principals`: who may act, for how long, and who is stopped."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from cryptography import x509

from ringfence.access import AccessGrant
from ringfence.commands import outcome
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.terminal import Tabled, note
from ringfence.commands.typed import TIMES, Ids, certificate_sha256, choice, of_size, time_ns
from ringfence.identity import NewPrincipal, PrincipalKind
from ringfence.ids import new_id
from ringfence.keys import uris_of

principals = typer.Typer(help="Principals: another operator confirms whom one proposes.", no_args_is_help=True)

_KEY_BYTES = 32
_MOST_ENTRY_BYTES = 65_536
_B64URL_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
Kind = Annotated[PrincipalKind, choice(PrincipalKind, "--kind", help="What it is.")]
Until = Annotated[datetime, typer.Option("--until", formats=TIMES, help="When the role ends, UTC.")]


Reads = Annotated[list[UUID] | None, typer.Option("--reads", help="A platform whose facts it reads; all without.")]
Countries = Annotated[
    list[str] | None,
    typer.Option("--jurisdiction", help="A country, ISO 3166-1, whose platforms it reads; all without."),
]


@dataclass(frozen=True)
class _Who:
    """Who a principal is: its id, its name, and its signing key's public half, 32 bytes."""

    id: UUID
    name: str
    public_key: bytes


@principals.command("register", cls=Tabled)
def register(
    principal: As,
    kind: Kind,
    name: Annotated[str, typer.Argument(help="Name, for logs and people.")] = "",
    public_key: Annotated[str, typer.Option(help="Ed25519 public key, 32 bytes in hexadecimal.")] = "",
    entry: Annotated[
        Path | None,
        typer.Option("--from", help="The holder's principal.json, in the place of name, --public-key and --id."),
    ] = None,
    platform: Annotated[UUID | None, typer.Option(help="Platform of an approver or importer.")] = None,
    person: Annotated[UUID | None, typer.Option(help="Person, where it is a further key of one.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=TIMES, help="When a person's role ends, UTC.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="Client certificate, PEM, as its holder shows it.")] = None,
    identifier: Annotated[UUID | None, typer.Option("--id", help="Its id; a new one where left out.")] = None,
    case: Annotated[str, typer.Option(help="Case for which a regulator or an auditor reads.")] = "",
    reads: Reads = None,
    jurisdiction: Countries = None,
) -> None:
    """Proposes a principal; without a certificate it can do nothing before `ringfence pin`.

    What a file of its holder's says of its kind is a wish: what it is, reads and until when is typed here. A regulator
    or an auditor without a case reads the facts of all platforms.
    """
    if entry and (name or public_key or identifier):
        raise typer.BadParameter("--from names who it is: leave name, --public-key and --id out")
    who = _read(entry) if entry else _Who(identifier or new_id(), name, of_size(public_key, _KEY_BYTES))
    if not who.name:
        raise typer.BadParameter("name who it is, or give the holder's file with --from")
    if entry and certificate:
        _require_of(who.id, certificate)
    new = NewPrincipal(
        id=who.id,
        kind=kind,
        name=who.name,
        public_key=who.public_key,
        tenant_id=platform,
        person_id=person,
        until_ns=time_ns(until),
        certificate_sha256=certificate_sha256(certificate) if certificate else b"",
        grant=_grant(case, reads, jurisdiction),
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


@principals.command("grant", cls=Tabled)
def grant(
    principal: As,
    reader: Annotated[UUID, typer.Argument(help="The regulator or auditor.")],
    case: Annotated[str, typer.Option(help="Case for which it reads; no personal data.")],
    reads: Reads = None,
    jurisdiction: Countries = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=TIMES, help="From when on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=TIMES, help="Before when, UTC.")] = None,
) -> None:
    """Proposes what a regulator or an auditor reads, in the place of what it reads now."""
    given = AccessGrant(
        case_reference=case,
        platforms=reads or (),
        jurisdictions=jurisdiction or (),
        from_ns=time_ns(since),
        until_ns=time_ns(until),
    )
    with client_as(principal) as client:
        results = client.grants.give({reader: given})
    outcome.items([reader], results)


@principals.command("supervised", cls=Tabled)
def supervised(
    principal: As,
    platform: Annotated[UUID, typer.Argument(help="The platform.")],
    jurisdiction: Annotated[str, typer.Argument(help="The country by whose law it is supervised, ISO 3166-1.")],
) -> None:
    """Proposes a platform's country: who reads the platforms of that country reads it from then on."""
    with client_as(principal) as client:
        results = client.grants.state_jurisdictions({platform: jurisdiction})
    outcome.items([platform], results)


def _grant(case: str, reads: list[UUID] | None, jurisdictions: list[str] | None) -> AccessGrant | None:
    if not case and (reads or jurisdictions):
        raise typer.BadParameter("name the --case for which it reads")
    return AccessGrant(case_reference=case, platforms=reads or (), jurisdictions=jurisdictions or ()) if case else None


def _read(file: Path) -> _Who:
    """Reads what a holder says of itself, as `ringfence credentials new` writes it; nothing else of it is taken."""
    try:
        with file.open("rb") as opened:
            fields = json.loads(opened.read(_MOST_ENTRY_BYTES))
        name, public_key = fields["name"], fields["public_key_b64url"]
        if not (name.strip() and name.isprintable() and _B64URL_KEY.fullmatch(public_key)):
            raise ValueError
        return _Who(UUID(fields["id"]), name, base64.urlsafe_b64decode(f"{public_key}="))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise typer.BadParameter(f"{file} is no principal.json of `ringfence credentials new`") from None


def _require_of(identifier: UUID, certificate: Path) -> None:
    """Raises CommandFailed where a certificate is not for this id: two holders' files were mixed up."""
    certificate_sha256(certificate)
    uris = uris_of(x509.load_pem_x509_certificate(certificate.read_bytes()))
    if not any(each.endswith(f"/principal/{identifier}") for each in uris):
        raise CommandFailed(f"{certificate} is not for the id {identifier}", ExitCode.REFUSED)
