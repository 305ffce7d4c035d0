"""Transfers that keep being posted by several threads while processes of custody come and go."""

from __future__ import annotations

import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self
from uuid import UUID

from ringfence.client import Client
from ringfence.errors import RingfenceError
from ringfence.identity import PartyKind
from ringfence.ids import new_id
from ringfence.ledger import AccountClass, NewTransfer, Purpose
from ringfence.transport import Patience
from ringfence_local_stack.sandbox.sandbox import Sandbox
from ringfence_local_stack.scenario import Scenario

ROWS = 5
PAUSE_SECONDS = 0.02
END_SECONDS = 60.0
FUNDS_MINOR = 10**9
CURRENCY = "EUR"
IMPATIENT = Patience(call_seconds=2, retry_seconds=0)


@dataclass(frozen=True)
class Ring:
    """A book whose clients pay each other."""

    book_id: UUID
    clients: Sequence[UUID]
    importer: Client
    importer_name: str


def open_ring(sandbox: Sandbox, name: str) -> Ring:
    """Registers a platform and its importer; opens and funds four clients."""
    platform = Scenario(sandbox).platform(name=name, banked=False)
    mirror = platform.account(AccountClass.BANK_MIRROR)
    clients = platform.accounts(AccountClass.CLIENT, [platform.party("Ring", kind=PartyKind.COMPANY)] * 4)
    platform.fund(clients, FUNDS_MINOR, mirror)
    return Ring(platform.id, [each.id for each in clients], platform.importer, platform.importer_name)


def transfer(book_id: UUID, debit: UUID, credit: UUID, amount_minor: int) -> NewTransfer:
    """Returns a transfer with a new id, in the migration window of the sandbox."""
    return NewTransfer(
        id=new_id(),
        amount_minor=amount_minor,
        currency=CURRENCY,
        code=Purpose.PAYMENT,
        debit_account_id=debit,
        credit_account_id=credit,
        user_data_128=book_id,
    )


@dataclass
class Poster(ABC):
    """Several threads post transfers with new ids for as long as the block lasts."""

    THREADS: ClassVar[int]
    ring: Ring
    acknowledged: list[NewTransfer] = field(default_factory=list, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _threads: list[threading.Thread] = field(default_factory=list, init=False)
    _failures: list[BaseException] = field(default_factory=list, init=False)

    @abstractmethod
    def post(self, transfers: Sequence[NewTransfer]) -> None:
        """Posts transfers, and returns once they are acknowledged; whatever it raises ends the block."""

    def __str__(self) -> str:
        """Returns what has come of it so far."""
        return f"{len(self.acknowledged)} acknowledged"

    def __enter__(self) -> Self:
        """Starts."""
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self.THREADS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        """Stops when everything sent has been acknowledged; raises what stopped a thread before."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def wait_for_more(self, count: int) -> None:
        """Waits until as many more transfers have been acknowledged."""
        until = len(self.acknowledged) + count
        self._wait(lambda: len(self.acknowledged) >= until)

    def _wait(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + END_SECONDS
        while not true():
            assert not self._failures, self._failures
            assert time.monotonic() < end, str(self)
            time.sleep(PAUSE_SECONDS)

    def _run(self, number: int) -> None:
        try:
            for turn in itertools.count(number):
                if self._stop.is_set():
                    return
                debit, credit = (self.ring.clients[(turn + side) % len(self.ring.clients)] for side in (0, 1))
                self.post([transfer(self.ring.book_id, debit, credit, 1 + row) for row in range(ROWS)])
        except BaseException as failure:
            self._failures.append(failure)


@dataclass
class Posting(Poster):
    """What was sent is sent again, to any process, until it is acknowledged."""

    THREADS = 6
    processes: Sequence[Client]
    repeated: int = field(default=0, init=False)
    """Rows that had been committed when their answer was lost."""
    refusals: Counter[str] = field(default_factory=Counter, init=False)
    _leader: int = field(default=0, init=False)
    _answers: list[tuple[float, float]] = field(default_factory=list, init=False)

    def __str__(self) -> str:
        """Returns what has come of it so far."""
        return f"{super().__str__()}, {self.repeated} of them sent again, {dict(self.refusals)}"

    def __exit__(self, *reason: object) -> None:
        """Ends the connections as well."""
        try:
            super().__exit__(*reason)
        finally:
            for process in self.processes:
                process.close()

    def longest_silence(self, since: float, until: float) -> float:
        """Returns the longest time without an answer from a moment on; waits for one to a call made after another."""
        self._wait(lambda: any(sent > until for sent, _ in self._answers))
        times = sorted([since, *(answered for _, answered in self._answers if answered > since)])
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    def post(self, transfers: Sequence[NewTransfer]) -> None:
        """Asks one process after the other."""
        while True:
            sent, at = time.monotonic(), self._leader
            try:
                results = self.processes[at].custody.create_transfers(self.ring.book_id, transfers)
            except RingfenceError as error:
                if not error.is_transient:
                    raise
                self.refusals[error.reason or error.code] += 1
                self._leader = (at + 1) % len(self.processes)
                time.sleep(PAUSE_SECONDS)
                continue
            assert {each.status for each in results} <= {"created", "exists"}, results
            with self._lock:
                self._answers.append((sent, time.monotonic()))
                self.acknowledged += transfers
                self.repeated += sum(each.status == "exists" for each in results)
            return
