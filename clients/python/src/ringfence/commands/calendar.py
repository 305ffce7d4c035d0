"""`ringfence calendar`: which days are business days."""

from pathlib import Path
from typing import Annotated

import typer

from ringfence.calendars import parsed
from ringfence.commands.connect import As, client_as
from ringfence.commands.outcome import proposed
from ringfence.commands.terminal import Tabled, note, show
from ringfence.drafting import draft

calendar = typer.Typer(help="Which days are business days: lists of two people.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="CALENDAR", help="TARGET, GB-ENG, CN; or WEEKDAYS, which has no lists.")]


@calendar.command("draft")
def draft_year(
    name: Name,
    year: Annotated[int, typer.Argument(min=2000, max=2199, help="Year.")],
    out: Annotated[Path | None, typer.Option(help="File to write; standard output where left out.")] = None,
) -> None:
    """Writes a year's list as the holidays library computes it, to be compared with the official one and proposed."""
    listed = draft(name, year)
    if out is None:
        print(listed.document, end="")
    else:
        out.write_text(listed.document, encoding="utf-8")
    note(f"{len(listed.closed)} closed days, {len(listed.working)} worked weekends")
    note(f"SHA-256 {listed.document_sha256.hex()}")
    note("a draft: compare it with the official list, then ringfence calendar propose FILE")


@calendar.command("propose", cls=Tabled)
def propose_year(
    principal: As,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="List in its canonical text.")],
) -> None:
    """Proposes a year's list, as an operator; another one confirms it."""
    listed = parsed(file.read_text(encoding="utf-8"))
    with client_as(principal) as client:
        proposal_id = client.calendars.propose_year(listed)
    proposed(f"{listed.calendar} {listed.year}", proposal_id)


@calendar.command("show", cls=Tabled)
def show_calendar(principal: As, name: Name) -> None:
    """Shows what is in force of a calendar: its newest open day, and a row for every listed day."""
    with client_as(principal) as client:
        found = client.calendars.get(name)
    opened = found.opened_day.isoformat() if found.opened_day else "none"
    rows = [
        [str(each.year), day.isoformat(), kind, each.document_sha256.hex()]
        for each in found.years
        for kind, days in (("closed", each.closed), ("working", each.working))
        for day in days
    ]
    show(f"{name} ({found.time_zone}), open: {opened}", ["year", "day", "kind", "list"], rows)


@calendar.command("step", cls=Tabled)
def step_day(principal: As, name: Name) -> None:
    """Opens the next business day ahead of the clocks, as an operator of a sandbox."""
    with client_as(principal) as client:
        opened = client.calendars.step(name, client.calendars.get(name).opened_day)
    show("Open", ["calendar", "day"], [[name, opened.isoformat()]])
