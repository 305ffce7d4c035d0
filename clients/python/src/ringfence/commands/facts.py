"""`ringfence search`, `receipt` and `evidence`: facts of the log, their proofs, and what a bank hands in."""

from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from ringfence_verifier import open_fact, read_leaf, write_openings

from ringfence.commands.connect import As, client_as
from ringfence.commands.outcome import moment
from ringfence.commands.terminal import note, show
from ringfence.commands.typed import TIMES, time_ns
from ringfence.commands.verify import texts_beside
from ringfence.commands.wording import amount_of, gist_of

TIME = "time_ns"


def search(
    principal: As,
    subject: Annotated[
        UUID | None, typer.Option(help="Party, account, instruction, transfer, submission or principal.")
    ] = None,
    platform: Annotated[UUID | None, typer.Option(help="Platform.")] = None,
    from_time: Annotated[datetime | None, typer.Option("--from", formats=TIMES, help="Not before, UTC.")] = None,
    until_time: Annotated[datetime | None, typer.Option("--until", formats=TIMES, help="Before, UTC.")] = None,
    kind: Annotated[str, typer.Option(help="Only kinds with this in their name: transfer, instruction.")] = "",
    amount: Annotated[str, typer.Option(help="Only facts of this amount, as they show it: 12.34 EUR.")] = "",
    most: Annotated[int, typer.Option("--most", min=1, max=100_000, help="At most so many, the newest.")] = 1_000,
) -> None:
    """Finds facts in the log, as a regulator, the newest first; one of the first four options is given at least."""
    if not any((subject, platform, from_time, until_time)):
        raise typer.BadParameter("give at least one of --subject, --platform, --from and --until")
    found: deque[list[str]] = deque(maxlen=most)
    with client_as(principal) as client:
        for leaf in client.audit.search(subject, platform, from_ns=time_ns(from_time), until_ns=time_ns(until_time)):
            fact = open_fact(read_leaf(leaf.content), leaf.openings)
            if kind in fact.kind and (not amount or amount_of(fact).replace(",", "") == amount.replace(",", "")):
                at = moment(int(fact.fields.get(TIME, 0)))
                found.append([str(leaf.index), at, fact.kind, amount_of(fact), gist_of(fact)])
    if len(found) == most:
        note(f"the newest {most} are shown; there may be more")
    show("Facts", ["index", "time", "kind", "amount", "what"], list(reversed(found)), right=["index", "amount"])


def receipt(
    principal: As,
    index: Annotated[int, typer.Argument(min=0, help="Index of the fact in the log.")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="Where to write it (C2SP tlog-proof).")],
) -> None:
    """Gets the receipt of a fact, which `ringfence verify receipt` proves offline, and the texts beside it."""
    with client_as(principal) as client:
        got = client.audit.receipt(index)
    file.write_text(got.proof, encoding="utf-8")
    note(f"written to {file}")
    if got.openings:
        beside = texts_beside(file)
        beside.write_text(write_openings(got.openings), encoding="utf-8")
        note(f"the texts that the fact commits to are in {beside}")


def evidence(
    principal: As,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A camt.054 notification.")],
) -> None:
    """Hands in a notification as the bank that wrote it; the same file again changes nothing."""
    with client_as(principal) as client:
        answer = client.payments.submit_evidence(file.read_bytes())
    counts = [answer.credited, answer.suspended, answer.duplicates, answer.confirmed]
    show("Entries", ["credited", "in suspense", "known before", "confirmed"], [[str(each) for each in counts]])
