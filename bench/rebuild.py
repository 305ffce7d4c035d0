"""The row of the cold rebuild: custody starts on an event store of millions of transfers."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

from ringfence.credentials import Credentials
from ringfence_custody.domain.statuses import CreateTransferStatus

from bench.book import platform_with_importer
from bench.cpu import resident_mib
from bench.filling import PER_EVENT, Filling
from bench.load import Request, Seen
from bench.rows import Results, row
from bench.snapshots import restarted_from_snapshot
from bench.stack import MeasuredStack
from bench.wire import connected

ACCOUNTS = 100_000
LOADED = "state_loaded"


def rebuild(measured: MeasuredStack, results: Results, transfers: int) -> None:
    """Fills a book of its own while custody is down, starts custody, and sends the first transfer once more."""
    book_id, importer = platform_with_importer(measured.sandbox, "bench-rebuild")
    custody = measured.stack.service("custody")
    custody.stop()
    filling = Filling(book_id.bytes, min(ACCOUNTS, transfers), transfers)
    results.progress(f"filling the event store with {transfers:,} transfers between {filling.accounts:,} accounts")
    filling.write(measured.stack.running.databases["custody"])
    seen, began = Seen(rows=transfers), time.perf_counter()
    with measured.cpu.during(seen):
        custody.start()
    ready_seconds = time.perf_counter() - began
    seen.seconds = _loaded_seconds(measured)
    # The processor was looked at from the start of the process until it was ready.
    share = seen.seconds / ready_seconds
    seen.cpu_seconds = Counter({part: spent * share for part, spent in seen.cpu_seconds.items()})
    figures = {"accounts": filling.accounts, "ready_seconds": ready_seconds, **restarted_from_snapshot(measured)}
    exists = _is_answered_exists(importer.credentials, filling.first_again())
    assert custody.pid is not None
    figures |= {"memory_mib": resident_mib(custody.pid), "first_transfer_exists": float(exists)}
    results.add(row("custody_rebuild", PER_EVENT, 1, seen, None, **figures))


def _loaded_seconds(measured: MeasuredStack) -> float:
    """Returns the seconds that custody says its last start took to build the state from all events."""
    lines = measured.stack.running.log_file("custody").read_text().splitlines()
    loaded = [json.loads(line) for line in lines if f'"{LOADED}"' in line]
    return float(loaded[-1]["seconds"])


def _is_answered_exists(credentials: Credentials, request: Request) -> bool:
    async def ask_again() -> None:
        async with connected(credentials, status=CreateTransferStatus.EXISTS) as ask:
            await ask(request)

    try:
        asyncio.run(ask_again())
    except RuntimeError:
        return False
    return True
