"""The row of the rebuild: custody starts on millions of transfers, from events alone and then from its snapshot."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ringfence.credentials import Credentials
from ringfence.result_codes import TRANSFER_STATUS
from ringfence_local_stack.sandbox.books import book_with_importer

from bench.cpu import resident_mib
from bench.filling import PER_EVENT, Filling
from bench.load import Request, Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack
from bench.wire import connected

ACCOUNTS = 100_000
EXISTS = next(code for code, name in TRANSFER_STATUS.items() if name == "exists")
LOADED, SNAPSHOT_WRITTEN = "state_loaded", "snapshot_written"


@dataclass(frozen=True)
class Started:
    """What a start of custody took and left: seconds until healthy, seconds and events of the replay, memory after."""

    ready_seconds: float
    replay_seconds: float
    replayed_events: int
    memory_mib: float
    first_transfer_exists: bool


def rebuild(measured: MeasuredStack, results: Results, transfers: int) -> None:
    """Fills a book while custody is down, and starts custody twice; each time the first transfer is sent once more."""
    book_id, importer = book_with_importer(measured.sandbox, "bench-rebuild-platform", "bench-rebuild-importer")
    measured.stack.service("custody").stop()
    filling = Filling(book_id.bytes, min(ACCOUNTS, transfers), transfers)
    results.progress(f"filling the event store with {transfers:,} transfers between {filling.accounts:,} accounts")
    filling.write(measured.stack.running.databases["custody"])
    measured.forget_snapshot()
    seen, resent = Seen(rows=transfers), filling.first_again()
    with measured.cpu.during(seen):
        cold = _start(measured, importer.credentials, resent)
    seen.seconds = cold.replay_seconds
    # The processor was watched for the whole of the start.
    share = cold.replay_seconds / cold.ready_seconds
    seen.cpu_seconds = Counter({part: spent * share for part, spent in seen.cpu_seconds.items()})
    measured.stack.service("custody").stop()
    written = _last_logged(measured, SNAPSHOT_WRITTEN)
    warm = _start(measured, importer.credentials, resent)
    figures = {
        "accounts": filling.accounts,
        "cold_start_seconds": cold.ready_seconds,
        "snapshot_mib": written["bytes"] / 2**20,
        "snapshot_write_seconds": written["seconds"],
        "warm_start_seconds": warm.ready_seconds,
        "warm_start_events": warm.replayed_events,
        "memory_mib": max(cold.memory_mib, warm.memory_mib),
        "warm_start_memory_mib": warm.memory_mib,
        "first_transfer_exists": float(cold.first_transfer_exists and warm.first_transfer_exists),
    }
    results.add(row("custody_rebuild", PER_EVENT, 1, seen, None, **figures))


def _start(measured: MeasuredStack, credentials: Credentials, resent: Request) -> Started:
    custody, began = measured.stack.service("custody"), time.perf_counter()
    custody.start()
    ready_seconds, loaded = time.perf_counter() - began, _last_logged(measured, LOADED)
    exists = _is_answered_exists(credentials, resent)
    assert custody.pid is not None
    return Started(ready_seconds, loaded["seconds"], loaded["events"], resident_mib(custody.pid), exists)


def _last_logged(measured: MeasuredStack, event: str) -> dict[str, Any]:
    """Returns the last line of this event in custody's log."""
    lines = measured.stack.running.log_file("custody").read_text().splitlines()
    found: dict[str, Any] = json.loads([line for line in lines if f'"{event}"' in line][-1])
    return found


def _is_answered_exists(credentials: Credentials, request: Request) -> bool:
    async def ask_again() -> None:
        async with connected(credentials, status=EXISTS) as ask:
            await ask(request)

    try:
        asyncio.run(ask_again())
    except RuntimeError:
        return False
    return True
