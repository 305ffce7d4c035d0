"""The drill: importers write while parts are killed, and then everything acknowledged is compared with the books."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random

from ringfence.transport import Patience
from ringfence_local_stack.errors import ProcessFailed
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.sandbox.stacks import empty_stack
from ringfence_local_stack.stack.local_stack import LocalStack

from .book import FundedBook, open_book
from .books import read_books
from .checker import acknowledged_transfers, check
from .importer import Importer
from .journal import Pulse
from .killer import Killer, NoRecovery, Strike, custody_processes
from .mix import Mix

PARTS = ("identity", "custody")
BOOKS = ("north", "south")
IMPORTERS_PER_BOOK = 3
CLIENTS = 40
THINKING_SECONDS = 0.05
FAULTS = {"PYTHONFAULTHANDLER": "1"}
"""A process that dies of a signal says where."""
SNAPSHOTS = {"RINGFENCE_SNAPSHOT_SECONDS": "2"}
PATIENCE = Patience(call_seconds=30, retry_seconds=90)
Progress = Callable[[str], None]


@dataclass
class Report:
    """What a drill did and found."""

    seed: int
    strikes: list[Strike] = field(default_factory=list)
    transfers: int = 0
    answers: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(strike.kills for strike in self.strikes)

    def recovery_seconds(self, *parts: str) -> list[float]:
        """Returns the recoveries in order of length, of all strikes or of those on exactly these parts."""
        chosen = (each for each in self.strikes if not parts or tuple(each.parts) == parts)
        return sorted(each.recovery_seconds for each in chosen)


@contextmanager
def small_stack(
    progress: Progress, settings: Mapping[str, str] = SNAPSHOTS, *, durable: bool = True, standby: bool = False
) -> Iterator[LocalStack]:
    """Runs custody and what it needs, with a PostgreSQL that recovers quickly; `settings` are for every service.

    Without `durable`, commits are acknowledged before they are on disk: a drill that finds nothing then proves nothing.
    """
    postgres = {"max_wal_size": "256MB"} | ({} if durable else {"synchronous_commit": "off"})
    standbys = ("custody",) if standby else ()
    with empty_stack(
        progress, {**FAULTS, **settings}, with_services=PARTS, standbys=standbys, postgres_settings=postgres
    ) as stack:
        yield stack


def run_drill(stack: LocalStack, kills: int, seed: int, progress: Progress) -> Report:
    """Kills at least so many processes under load; returns the report with whatever the checker found."""
    report, started = Report(seed), time.monotonic()
    with Sandbox(stack.running, PATIENCE) as sandbox:
        books = [open_book(sandbox, name, CLIENTS) for name in BOOKS]
    pulse = Pulse()
    killer = Killer(stack, pulse, Random(f"{seed} killer"))
    with _load(books, pulse, seed) as failures:
        while report.kills < kills and not failures:
            try:
                report.strikes.append(killer.strike())
            except (NoRecovery, ProcessFailed) as error:
                failures.append(str(error))
                stack.restart(killer.leading_custody(), kill=True)
            progress(f"{report.kills} kills, {sum(book.journal.acknowledged() for book in books):,} answers")
    report.findings += failures
    for book in books:
        report.transfers += acknowledged_transfers(book.journal.transfers)
        report.answers += book.journal.acknowledged()
        report.unanswered += book.journal.unanswered
    report.findings += _inspect(stack, books)
    report.seconds = time.monotonic() - started
    return report


@contextmanager
def _load(books: Sequence[FundedBook], pulse: Pulse, seed: int) -> Iterator[list[str]]:
    """Has importers write while the block lasts; what stops one is in the list that it yields."""
    done, failures = threading.Event(), list[str]()

    def work(book: FundedBook, number: int) -> None:
        random = Random(f"{seed} {BOOKS[number % len(BOOKS)]} {number}")
        try:
            with book.client() as client:
                mix = Mix(book, Importer(book.id, client, book.journal, pulse), random)
                while not done.wait(random.expovariate(1 / THINKING_SECONDS)):
                    mix.step()
        except Exception as error:
            failures.append(f"importer {number} stopped: {error!r}")

    threads = [
        threading.Thread(target=work, args=(book, number * len(books) + at), name=f"importer-{number}-{at}")
        for number in range(IMPORTERS_PER_BOOK)
        for at, book in enumerate(books)
    ]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        done.set()
        for thread in threads:
            thread.join()


def _inspect(stack: LocalStack, books: Sequence[FundedBook]) -> list[str]:
    """Returns what the checker finds in each book, and what a rebuild from events finds."""
    found: list[str] = []
    for book in books:
        with book.client(PATIENCE) as client:
            ours = read_books(client, book.id, book.journal)
        found += [str(finding) for finding in check(book.journal, ours)]
    # A digest of the last state is stored when the service stops.
    for name in custody_processes(stack):
        stack.parts[name].stop()
    report = _rebuild(stack)
    if not report["same"]:
        found.append(f"rebuild finds differences: {report['differences']}")
    return found


def _rebuild(stack: LocalStack) -> dict[str, object]:
    """Verifies the chain of events, and the state and read models built from it."""
    command = [sys.executable, "-m", "ringfence_custody", "rebuild", "--verify"]
    environment = stack.running.environment("custody")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
    with suppress(IndexError):
        report: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return report
    return {"same": False, "differences": done.stderr[-2_000:]}
