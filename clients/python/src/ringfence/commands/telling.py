"""`ringfence exceptions` and `statements`: what banks tell of their accounts, and what people decide about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringfence.client import Client
from ringfence.commands.connect import As, client_as
from ringfence.commands.errors import CommandFailed, ExitCode
from ringfence.commands.outcome import proposed
from ringfence.commands.terminal import Tabled, note, show
from ringfence.commands.typed import Tenant, Why, sha256
from ringfence.money import show as amount
from ringfence.registers import Mirror
from ringfence.statements import ExceptionCase, HeldEntry, Remedy, StatementException

exceptions = typer.Typer(
    help="Statements that post nothing until two operators have worked them off.", no_args_is_help=True
)
statements = typer.Typer(help="Files of banks, and entries in them that are in doubt.", no_args_is_help=True)

OfMirror = Annotated[UUID | None, typer.Option("--mirror", help="Bank mirror; all of the platform where left out.")]
Which = Annotated[UUID, typer.Argument(help="Id of the exception.")]
Document = Annotated[str, typer.Option("--document", help="SHA-256 of the document that shows it, hexadecimal.")]
_MIB = 1024 * 1024


@exceptions.command("list", cls=Tabled)
def list_exceptions(principal: As, tenant: Tenant, mirror: OfMirror = None) -> None:
    """Lists the exceptions of a platform's accounts, of each the oldest first."""
    with client_as(principal) as client:
        rows = [_exception_row(of, each) for of, each in _exceptions(client, tenant, mirror)]
    show("Exceptions", ["exception", "mirror", "kind", "from", "until", "found", "text"], rows)


@exceptions.command("show", cls=Tabled)
def show_exception(principal: As, which: Which, tenant: Tenant, mirror: OfMirror = None) -> None:
    """Shows an exception, with the SHA-256 of the bank's file."""
    with client_as(principal) as client:
        of, found = _exception(client, which, tenant, mirror)
        case = client.statements.exception(tenant, of.account_id, which)
    names = ["exception", "mirror", "kind", "from", "until", "found", "text"]
    fields = [*zip(names, _exception_row(of, found), strict=True), ("file", found.digest.hex())]
    fields += _sides(of, case)
    show("Exception", ["what", "is"], [list(each) for each in fields])


@exceptions.command("accept", cls=Tabled)
def accept(
    principal: As, which: Which, tenant: Tenant, document: Document, reason: Why, mirror: OfMirror = None
) -> None:
    """Proposes that a statement counts, and its opening balance is brought forward. Another operator confirms."""
    _work_off(principal, which, tenant, mirror, Remedy.BRING_FORWARD, sha256(document), reason)


@exceptions.command("void", cls=Tabled)
def void(principal: As, which: Which, tenant: Tenant, document: Document, reason: Why, mirror: OfMirror = None) -> None:
    """Proposes that a statement never counts. Another operator confirms."""
    _work_off(principal, which, tenant, mirror, Remedy.VOID, sha256(document), reason)


@statements.command("submit", cls=Tabled)
def submit(
    principal: As,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="camt.052, 053, 054, MT940 or MT942.")],
) -> None:
    """Hands in a file as the bank that wrote it; the same file again changes nothing."""
    content = file.read_bytes()
    with client_as(principal) as client:
        answer = client.statements.submit(content, sent=lambda done: _progress(done, len(content)))
    counts = {
        "credited": answer.credited,
        "in suspense": answer.suspended,
        "known before": answer.duplicates,
        "confirmed": answer.confirmed,
        "held": answer.held,
        "exceptions": answer.excepted,
        "pages that wait": answer.staged,
    }
    show("Entries", list(counts), [[str(each) for each in counts.values()]])
    if answer.excepted:
        note("operators work it off: ringfence exceptions list")


@statements.command("held", cls=Tabled)
def held(principal: As, tenant: Tenant, mirror: OfMirror = None) -> None:
    """Lists entries in doubt: nothing of them is posted before a statement or two operators say what they are."""
    with client_as(principal) as client:
        rows = [
            _held_row(of, each)
            for of in _mirrors(client, tenant, mirror)
            for each in client.statements.held_entries(tenant, of.account_id)
        ]
    show("Entries in doubt", ["entry", "mirror", "day", "amount", "doubt", "may be"], rows, right=["amount"])


@statements.command("decide", cls=Tabled)
def decide(
    principal: As,
    entry: Annotated[UUID, typer.Argument(help="Id of the entry.")],
    tenant: Tenant,
    mirror: Annotated[UUID, typer.Option("--mirror", help="Bank mirror.")],
    document: Document,
    reason: Why,
    movement: Annotated[
        UUID | None, typer.Option(help="The movement that it is; left out, another: its money comes to suspense.")
    ] = None,
) -> None:
    """Proposes what an entry in doubt is. Another operator confirms."""
    digest = sha256(document)
    with client_as(principal) as client:
        proposal = client.statements.decide(tenant, mirror, entry, movement, digest, reason)
    proposed(f"{entry}: {movement or 'another movement'}", proposal)


def _work_off(
    principal: str, which: UUID, tenant: UUID, mirror: UUID | None, remedy: Remedy, document: bytes, reason: str
) -> None:
    with client_as(principal) as client:
        of, _ = _exception(client, which, tenant, mirror)
        proposal = client.statements.work_off(tenant, of.account_id, which, remedy, document, reason)
    proposed(f"{remedy.name.lower().replace('_', ' ')} {which}", proposal)


def _mirrors(client: Client, tenant: UUID, mirror: UUID | None) -> Iterator[Mirror]:
    """Yields the mirrors of a platform, or the one that is asked for, and tells of each as it is looked at."""
    found = [each for each in client.registers.mirrors(tenant) if mirror in (None, each.account_id)]
    if mirror and not found:
        raise CommandFailed(f"{mirror} is no bank mirror of {tenant}", ExitCode.REFUSED)
    for number, each in enumerate(found, start=1):
        note(f"bank mirror {number} of {len(found)}: {each.account_id}, {each.currency}")
        yield each


def _sides(of: Mirror, case: ExceptionCase) -> Iterator[tuple[str, str]]:
    """Yields what the file says, and what was taken last; nothing where that is not known."""
    told, chain = case.telling, case.chain
    said = {
        "opens with": told.opening_minor if told else None,
        "entries come to": told.moved_minor if told else None,
        "closes with": told.closing_minor if told else None,
        "last one closed with": chain.closing_minor if chain else None,
        "booked so far": case.booked_minor,
    }
    return ((name, amount(minor, of.currency)) for name, minor in said.items() if minor is not None)


def _exceptions(client: Client, tenant: UUID, mirror: UUID | None) -> Iterator[tuple[Mirror, StatementException]]:
    for of in _mirrors(client, tenant, mirror):
        for each in client.statements.exceptions(tenant, of.account_id):
            yield of, each


def _exception(client: Client, which: UUID, tenant: UUID, mirror: UUID | None) -> tuple[Mirror, StatementException]:
    found = next((each for each in _exceptions(client, tenant, mirror) if each[1].telling_id == which), None)
    if found is None:
        raise CommandFailed(f"no exception {which} waits", ExitCode.REFUSED)
    return found


def _exception_row(of: Mirror, each: StatementException) -> list[str]:
    days = [str(day or "") for day in (each.first_day, each.last_day)]
    found = f"{each.recorded_at:%Y-%m-%d %H:%M:%S} UTC"
    return [str(each.telling_id), str(of.account_id), each.kind.lower(), *days, found, each.text]


def _held_row(of: Mirror, each: HeldEntry) -> list[str]:
    signed = each.amount_minor if each.incoming else -each.amount_minor
    what = each.doubt.lower() or "left open by a statement"
    return [
        str(each.entry_id),
        str(of.account_id),
        str(each.day),
        amount(signed, of.currency),
        f"{what}, reversal" if each.reversal else what,
        " ".join(map(str, each.movement_ids)),
    ]


def _progress(done: int, size: int) -> None:
    note(f"{done / _MIB:.1f} of {size / _MIB:.1f} MiB sent")
