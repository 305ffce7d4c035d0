"""`ringfence report`: what regulators ask for, made from the log."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ringfence.audit import ReportFormat, ReportSubject
from ringfence.commands.connect import As, client_as
from ringfence.commands.terminal import note
from ringfence.commands.typed import DAY, Tenant, choice

Subject = Annotated[ReportSubject, choice(ReportSubject, "--about", help="What it is about.")]
Format = Annotated[ReportFormat, choice(ReportFormat, "--format", help="How it is written.")]


def report(
    principal: As,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write it.")],
    tenant: Tenant,
    about: Subject,
    day: Annotated[datetime, typer.Option(formats=DAY, help="Business day; of a monthly report any day of it.")],
    form: Format = ReportFormat.PDF,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Gets a report about a platform, as a regulator; every figure in it names the facts of the log that it is from."""
    with client_as(principal) as client:
        got = client.audit.report(about, tenant, day.date(), form, language=language)
    file.write_bytes(got.content)
    note(f"written to {file}, from {len(got.leaf_indexes)} facts of the log")
