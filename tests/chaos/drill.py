"""The drill: clients write while parts are killed, and then everything acknowledged is compared with what stands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from random import Random

from ringfence.transport import Patience
from ringfence_bootstrap.description import SERVICES
from ringfence_local_stack.errors import ProcessFailed
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.sandbox.stacks import empty_stack
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_local_stack.stack.running import service_of

from .agreement import disagreements, rebuilt
from .book import FundedBook, open_book
from .books import read_books
from .checker import acknowledged_transfers, check
from .findings import Finding
from .importer import Importer
from .journal import Pulse
from .killer import Killer, NoRecovery, Strike
from .logged import read_log
from .mix import Mix
from .town import Town, found_town, workers
from .town_check import check_reading, check_town

LEDGER_PARTS = ("identity", "custody")
BOOKS = ("north", "south")
IMPORTERS_PER_BOOK = 3
CLIENTS = 40
THINKING_SECONDS = 0.05
LAST_LINES = 15
FAULTS = {"PYTHONFAULTHANDLER": "1"}
"""A process that dies of a signal says where."""
SNAPSHOTS = {"RINGFENCE_SNAPSHOT_SECONDS": "2"}
QUICK_RECOVERY = {"max_wal_size": "256MB"}
PATIENCE = Patience(call_seconds=30, retry_seconds=90)
Progress = Callable[[str], None]


@dataclass
class Report:
    """What a drill did and found."""

    seed: int
    strikes: list[Strike] = field(default_factory=list)
    transfers: int = 0
    answers: int = 0
    parties: int = 0
    payments: int = 0
    checkpoints: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(strike.kills for strike in self.strikes)

    def count(self, books: Sequence[FundedBook], town: Town) -> None:
        """Counts what was acknowledged."""
        for book in books:
            self.transfers += acknowledged_transfers(book.journal.transfers)
            self.answers += book.journal.acknowledged()
            self.unanswered += book.journal.unanswered
        self.parties, self.payments = len(town.registered), len(town.ordered)
        self.checkpoints = len(town.checkpoints)
        self.unanswered += town.unanswered

    def recovery_seconds(self, parts: Sequence[str]) -> dict[str, list[float]]:
        """Returns the recoveries of each service in order of length, of all strikes on exactly these parts."""
        found: dict[str, list[float]] = {}
        for strike in self.strikes:
            for service, seconds in strike.recovery_seconds.items():
                if tuple(strike.parts) == tuple(parts):
                    found.setdefault(service, []).append(seconds)
        return {service: sorted(seconds) for service, seconds in found.items()}


@contextmanager
def small_stack(progress: Progress, settings: Mapping[str, str] = SNAPSHOTS) -> Iterator[LocalStack]:
    """Runs custody and what it needs; `settings` are for every service."""
    with empty_stack(
        progress, {**FAULTS, **settings}, with_services=LEDGER_PARTS, postgres_settings=QUICK_RECOVERY
    ) as stack:
        yield stack


@contextmanager
def whole_stack(
    progress: Progress, *, durable: bool = True, standbys: Sequence[str] = SERVICES
) -> Iterator[LocalStack]:
    """Runs every service, and a process more of each in `standbys` as often as it is there, with a PostgreSQL that
    recovers quickly.

    Without `durable`, commits are acknowledged before they are on disk: a drill that finds nothing then proves nothing.
    """
    postgres = QUICK_RECOVERY | ({} if durable else {"synchronous_commit": "off"})
    with empty_stack(progress, {**FAULTS, **SNAPSHOTS}, standbys=standbys, postgres_settings=postgres) as stack:
        yield stack


def run_drill(stack: LocalStack, kills: int, seed: int, progress: Progress) -> Report:
    """Kills at least so many processes under load; returns the report with whatever the checkers found."""
    report, started = Report(seed), time.monotonic()
    with Sandbox(stack.running, PATIENCE) as sandbox:
        books = [open_book(sandbox, name, CLIENTS) for name in BOOKS]
        town = found_town(sandbox)
        pulses = {service: Pulse() for service in SERVICES}
        killer = Killer(stack, pulses, Random(f"{seed} killer"))
        with under_load(books, town, pulses, seed) as failures:
            while report.kills < kills and not failures:
                try:
                    report.strikes.append(killer.strike())
                except (NoRecovery, ProcessFailed) as error:
                    failures.append(str(error))
                progress(f"{report.kills} kills, {sum(book.journal.acknowledged() for book in books):,} answers")
        report.count(books, town)
        # Where something stopped for good there is nothing to compare, and the logs go with the stack.
        report.findings += [*failures, *last_lines(stack)] if failures else compare(stack, books, town)
    report.seconds = time.monotonic() - started
    return report


@contextmanager
def under_load(books: Sequence[FundedBook], town: Town, pulses: Mapping[str, Pulse], seed: int) -> Iterator[list[str]]:
    """Has importers and a town at work while the block lasts; what stops one is in the list that it yields."""
    done, failures = threading.Event(), list[str]()

    def keep(name: str, step: Callable[[], object], random: Random) -> None:
        try:
            while not done.wait(random.expovariate(1 / THINKING_SECONDS)):
                step()
        except Exception as error:
            failures.append(f"{name} stopped: {error!r}")

    with ExitStack() as clients:
        steps: list[tuple[str, Callable[[], object], Random]] = []
        for number in range(IMPORTERS_PER_BOOK):
            for at, book in enumerate(books):
                random = Random(f"{seed} {BOOKS[at]} {number}")
                importer = Importer(book.id, clients.enter_context(book.client()), book.journal, pulses["custody"])
                steps.append((f"importer-{number}-{at}", Mix(book, importer, random).step, random))
        for worker in workers(town, pulses, clients, Random(f"{seed} town")):
            steps.append((type(worker).__name__, worker.step, Random(f"{seed} {type(worker).__name__}")))
        threads = [threading.Thread(target=keep, args=each, name=each[0]) for each in steps]
        for thread in threads:
            thread.start()
        try:
            yield failures
        finally:
            done.set()
            for thread in threads:
                thread.join()


def last_lines(stack: LocalStack) -> list[str]:
    """Returns the end of what each process of a service has logged."""
    found = []
    for name in stack.parts:
        if service_of(name) in SERVICES:
            text = stack.running.log_file(name).read_text(errors="replace").splitlines()
            found += [f"{name}: {line}" for line in text[-LAST_LINES:]]
    return found


def compare(stack: LocalStack, books: Sequence[FundedBook], town: Town) -> list[str]:
    """Returns where the books, the town, the log, the four services and rebuilds from events differ."""
    found = compare_acknowledged(books, town)
    with Sandbox(stack.running, PATIENCE) as sandbox:
        log = read_log(sandbox.regulator, town.log_key)
        found += [*map(str, check_reading(town, log)), *disagreements(sandbox, log)]
    return [*found, *rebuilt(stack)]


def compare_acknowledged(books: Sequence[FundedBook], town: Town) -> list[str]:
    """Returns what the checkers find in the books and in the town against what was acknowledged there."""
    found: list[Finding] = []
    for book in books:
        with book.client(PATIENCE) as client:
            ours = read_books(client, book.id, book.journal)
        found += check(book.journal, ours)
    return [str(each) for each in [*found, *check_town(town)]]
