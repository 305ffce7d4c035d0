"""`ringfence lists` and `release`: sanctions lists, and payments that they have stopped."""

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from ringfence.commands.connect import As, client_as
from ringfence.commands.outcome import moment, proposed
from ringfence.commands.terminal import Tabled, note, show
from ringfence.commands.typed import TIMES, Ids, Tenant, choice, time_ns
from ringfence.commands.typed import sha256 as stated_sha256
from ringfence.payments import ListFormat
from ringfence.sanctions import ImportedList, ListPart

lists = typer.Typer(help="Sanctions lists, as an operator.", no_args_is_help=True)

Format = Annotated[ListFormat, choice(ListFormat, "--format", help="Format of the file.")]
Name = Annotated[str, typer.Argument(help="Name of the list.")]
Note = Annotated[str, typer.Option("--note", help="How it was checked, or why; no personal data.")]
Part = Annotated[Path | None, typer.Option(exists=True, dir_okay=False)]


@lists.command("show", cls=Tabled)
def show_lists(principal: As) -> None:
    """Shows the lists in force, and until when payments rely on each."""
    with client_as(principal) as client:
        rows = [
            [
                each.list_name,
                moment(each.published_ns),
                moment(each.confirmed_ns),
                moment(each.stale_ns),
                str(each.entries),
                str(each.names),
                str(each.waiting_proposal_id or ""),
            ]
            for each in client.payments.sanctions_lists()
        ]
    columns = ["list", "published", "confirmed", "good until", "entries", "names", "waiting proposal"]
    show("Sanctions lists", columns, rows, right=["entries", "names"])


@lists.command("import", cls=Tabled)
def import_list(
    principal: As,
    name: Name,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file, or OFAC's primary one.")],
    list_format: Format,
    published: Annotated[datetime, typer.Option(formats=TIMES, help="When its publisher issued it, UTC.")],
    aliases: Part = None,
    addresses: Part = None,
    remarks: Part = None,
    digest: Annotated[
        list[str] | None,
        typer.Option("--sha256", help="SHA-256 of a file as its publisher states it; may be repeated for each file."),
    ] = None,
) -> None:
    """Brings an edition into force; one that lacks much, or may have been cut off, waits for another operator."""
    stated = [stated_sha256(each) for each in digest or ()]
    given = {ListPart.ALIASES: aliases, ListPart.ADDRESSES: addresses, ListPart.REMARKS: remarks}
    parts = {part: path.read_bytes() for part, path in given.items() if path}
    content = file.read_bytes()
    files: list[tuple[ListPart | None, bytes]] = [(None, content), *parts.items()]
    of_files = {part: sha256(each).digest() for part, each in files}
    if strange := [each for each in stated if each not in of_files.values()]:
        raise typer.BadParameter(f"no file has the SHA-256 {strange[0].hex()}")
    proven = {part: each for part, each in of_files.items() if each in stated}
    with client_as(principal) as client:
        imported = client.payments.import_sanctions_list(
            name,
            list_format,
            content,
            time_ns(published),
            parts,
            sha256=proven.pop(None, b""),
            part_sha256={part: each for part, each in proven.items() if part},
        )
    _tell(imported)
    proposed(f"list {name}", imported.proposal_id)


@lists.command("confirm", cls=Tabled)
def confirm(principal: As, name: Name, how: Note) -> None:
    """Proposes that a quiet list is still its publisher's; another operator confirms, and its age counts anew."""
    with client_as(principal) as client:
        proposal_id = client.payments.confirm_sanctions_list(name, how)
    proposed(f"list {name}", proposal_id)


@lists.command("retire", cls=Tabled)
def retire(principal: As, name: Name, why: Note) -> None:
    """Proposes to use a list no more; another operator confirms."""
    with client_as(principal) as client:
        proposal_id = client.payments.retire_sanctions_list(name, why)
    proposed(f"list {name}", proposal_id)


@lists.command("hits", cls=Tabled)
def hits(principal: As, which: Annotated[UUID, typer.Argument(help="Id of the payment.")], tenant: Tenant) -> None:
    """Shows which entries of lists name somebody in a payment."""
    with client_as(principal) as client:
        found = client.payments.hits(tenant, which)
    rows = [
        [
            each.list_name,
            each.reference,
            each.field,
            moment(each.published_ns),
            "yes" if each.is_stopping else "",
            "yes" if each.is_released else "",
        ]
        for each in found.listed
    ]
    show("Hits", ["list", "entry", "field", "published", "stops", "released"], rows)
    if found.stopped_by:
        note(f"{found.stopped_by} stops it: a release lets that entry go, and no other")
    if found.more:
        note(f"{found.more} more are not shown")


def release(principal: As, ids: Ids, tenant: Tenant, why: Note) -> None:
    """Proposes to let payments go on that a list has stopped; another operator confirms."""
    with client_as(principal) as client:
        proposal_id = client.payments.release_hits(tenant, ids, why)
    proposed(f"{len(ids)} payments", proposal_id)


def _tell(imported: ImportedList) -> None:
    note(
        f"{imported.entries} entries with {imported.names} names; against the edition in force "
        f"{imported.entries_added} entries are new, {imported.entries_removed} gone and {imported.entries_changed} "
        f"changed, {imported.names_added} names are new and {imported.names_removed} gone"
    )
    if imported.may_be_cut:
        note("a file has no mark at its end: give its publisher's --sha256, or have another operator compare it")
