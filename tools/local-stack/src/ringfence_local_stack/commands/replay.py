"""`ringfence replay`: a bank's postings through the ledger, every balance compared."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from ringfence.commands.errors import CommandFailed
from ringfence.commands.terminal import note, notes
from ringfence.transport import Patience

from ringfence_local_stack.sandbox.opening import Fresh, sandbox_or_own


def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with the columns of the replay.")],
    batch: Annotated[int, typer.Option(min=1, max=4_000, help="Rows per request.")] = 1_000,
    patience: Annotated[float, typer.Option(help="Seconds to wait for a service that is down.")] = 180.0,
    fresh: Fresh = False,
) -> None:
    """Posts a bank's rows in file order as the importer role, and compares the balance after every row.

    The last line is JSON: posted, adjustments, duplicates, mismatches, seconds. The same file again posts nothing.
    """
    from ringfence_local_stack.replay.book import prepare
    from ringfence_local_stack.replay.posting import replay as post
    from ringfence_local_stack.replay.rows import FileMalformed, read_postings

    try:
        postings = read_postings(file)
    except FileMalformed as error:
        raise CommandFailed(str(error)) from None
    with sandbox_or_own(fresh, Patience(retry_seconds=patience)) as box:
        note(f"opening {len(postings.accounts)} accounts")
        book = prepare(box, postings)
        started = time.monotonic()
        with _progress() as bar:
            task = bar.add_task("posting", total=len(postings.rows))
            outcome = post(book, postings, batch_rows=batch, progress=lambda rows: bar.advance(task, rows))
        seconds = round(time.monotonic() - started, 3)
        unbalanced = [
            each for each, good in book.importer.custody.totals(book.id).balanced_currencies().items() if not good
        ]
    for line in outcome.first_mismatches:
        note(line)
    counts = {name: getattr(outcome, name) for name in ("posted", "adjustments", "duplicates", "mismatches")}
    print(json.dumps({**counts, "seconds": seconds}), flush=True)
    if unbalanced:
        raise CommandFailed(f"debits do not equal credits in {', '.join(unbalanced)}")
    if outcome.mismatches:
        raise CommandFailed(f"{outcome.mismatches} balances are not the bank's")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=notes)
