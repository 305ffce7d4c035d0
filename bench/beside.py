"""The row of the log beside a ledger that is busy: how far the newest checkpoint is behind what is committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import psycopg
import uvloop
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import open_envelope
from ringfence_verifier import read_leaf

from bench import transfers
from bench.book import Book
from bench.load import Ask, Request, Seen, closed_loop
from bench.rows import Results, row
from bench.stack import MeasuredStack
from bench.statements import watched_lag
from bench.wire import connected

NAME = "audit_beside_custody"
SIGNED, STATED = "CheckpointSigned.v1", "StateRecorded.v1"
PER_REQUEST, CALLERS = 1_000, 4
ROWS_PER_SECOND = 15_500
"""More than the log has to keep up with: who paces a little late still makes that."""
LATE_SECONDS = 1.0
"""What custody is behind the rate by more than that is not made up for."""
LOOKED_BACK = 64
"""Events of the log among which its newest checkpoint is."""


@dataclass
class Paced:
    """Sends requests one after the other at a rate of rows, however many callers there are."""

    ask: Ask
    rows_per_second: int
    _due: float = 0.0

    async def __call__(self, request: Request) -> int:
        """Waits for the request's turn, and sends it."""
        now = time.perf_counter()
        self._due = max(self._due or now, now - LATE_SECONDS) + request.rows / self.rows_per_second
        await asyncio.sleep(max(0.0, self._due - now))
        return await self.ask(request)


@dataclass
class Signed:
    """Looks for the position of custody that the newest checkpoint of the log covers."""

    log: EventStore
    position: int = 0

    def look(self, ledger: psycopg.Connection) -> tuple[int, int]:
        """Returns where custody stands, and where it stands by the newest checkpoint."""
        after = max(0, self.log.head().position - LOOKED_BACK)
        stored = [(each.topic, open_envelope(each.state).fields) for each in self.log.read(after, LOOKED_BACK)]
        told = [(topic, msgspec.msgpack.decode(fields)) for topic, fields in stored if topic in (SIGNED, STATED)]
        signed = {fields["size"] for topic, fields in told if topic == SIGNED}
        for topic, fields in told:
            if topic == STATED and fields["first_leaf"] + 1 in signed:
                self.position = max(self.position, stated_position(fields["leaf"]))
        row = ledger.execute("SELECT position FROM feed_head").fetchone()
        assert row is not None
        return row[0], self.position


def stated_position(leaf: bytes) -> int:
    """Returns custody's position by a state leaf, 0 where it names none (docs/formats.md)."""
    records, at = read_leaf(leaf).fields["sources"], 0
    assert isinstance(records, bytes)
    while at < len(records):
        end = at + 1 + records[at]
        if records[at + 1 : end] == b"custody":
            return int.from_bytes(records[end + 8 : end + 16], "big")
        at = end + 48
    return 0


def beside_custody(measured: MeasuredStack, book: Book, results: Results, seconds: float) -> None:
    """Has custody commit so many transfers a second; the time ends when a checkpoint covers the last of them."""
    measured.settle(book)
    seen = Seen()
    with _signed(measured) as signed, watched_lag(measured, signed.look) as lag, measured.cpu.during(seen.cpu):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            sent = runner.run(_paced(book, seconds))
        seen.rows, seen.latencies_ms = sent.rows, sent.latencies_ms
        began = time.perf_counter()
        measured.settle(book)
        seen.seconds = sent.seconds + time.perf_counter() - began
    behind = Seen(latencies_ms=lag.ages)
    figures = {
        "behind_p50_seconds": behind.quantile_ms(0.5),
        "behind_p99_seconds": behind.quantile_ms(0.99),
        "largest_lag_seconds": lag.largest_seconds,
    }
    results.add(row(NAME, PER_REQUEST, CALLERS, seen, None, **figures))


async def _paced(book: Book, seconds: float) -> Seen:
    async with connected(book.importer.credentials) as ask:
        return await closed_loop(Paced(ask, ROWS_PER_SECOND), transfers.plain(book)(PER_REQUEST), CALLERS, seconds)


@contextmanager
def _signed(measured: MeasuredStack) -> Iterator[Signed]:
    store = EventStore(measured.stack.running.databases["audit"].app_conninfo)
    try:
        yield Signed(store)
    finally:
        store.close()
