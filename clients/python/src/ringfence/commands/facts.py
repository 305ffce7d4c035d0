"""`ringfence search`, `receipt` and `evidence`: facts of the log, their proofs, and what a bank hands in."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from ringfence_verifier import read_leaf

from ringfence.commands.connect import As, client_as
from ringfence.commands.outcome import moment
from ringfence.commands.terminal import note, show
from ringfence.commands.typed import TIMES, time_ns

TIME = "time_ns"


def search(
    principal: As,
    subject: Annotated[
        UUID | None, typer.Option(help="Party, account, instruction, transfer, submission or principal.")
    ] = None,
    platform: Annotated[UUID | None, typer.Option(help="Platform.")] = None,
    from_time: Annotated[datetime | None, typer.Option("--from", formats=TIMES, help="Not before, UTC.")] = None,
    until_time: Annotated[datetime | None, typer.Option("--until", formats=TIMES, help="Before, UTC.")] = None,
) -> None:
    """Finds facts in the log, as a regulator; at least one option is given."""
    if not any((subject, platform, from_time, until_time)):
        raise typer.BadParameter("give at least one of --subject, --platform, --from and --until")
    rows = []
    with client_as(principal) as client:
        for leaf in client.audit.search(subject, platform, from_ns=time_ns(from_time), until_ns=time_ns(until_time)):
            fact = read_leaf(leaf.content)
            rows.append([str(leaf.index), fact.kind, moment(int(fact.fields.get(TIME, 0)))])
    show("Facts", ["index", "kind", "time"], rows, right=["index"])


def receipt(
    principal: As,
    index: Annotated[int, typer.Argument(min=0, help="Index of the fact in the log.")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write it (C2SP tlog-proof).")],
) -> None:
    """Gets the receipt of a fact, which `ringfence verify receipt` proves offline."""
    with client_as(principal) as client:
        got = client.audit.receipt(index)
    file.write_text(got.proof, encoding="utf-8")
    note(f"written to {file}")


def evidence(
    principal: As,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A camt.054 notification.")],
) -> None:
    """Hands in a notification as the bank that wrote it; the same file again changes nothing."""
    with client_as(principal) as client:
        answer = client.payments.submit_evidence(file.read_bytes())
    counts = [answer.credited, answer.suspended, answer.duplicates, answer.confirmed]
    show("Entries", ["credited", "in suspense", "known before", "confirmed"], [[str(each) for each in counts]])
