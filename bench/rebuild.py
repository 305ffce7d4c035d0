"""The row of the rebuild: custody starts on millions of transfers, from events alone and then from its snapshot."""

from __future__ import annotations

import asyncio

from ringfence.credentials import Credentials
from ringfence.result_codes import TRANSFER_STATUS
from ringfence_local_stack.sandbox.books import book_with_importer

from bench.filling.book import PER_EVENT, Filling
from bench.load import Request, Seen
from bench.rows import Results, row
from bench.stack import MeasuredStack
from bench.starts import start_twice
from bench.wire import connected

ACCOUNTS = 100_000
(EXISTS,) = (code for code, name in TRANSFER_STATUS.items() if name == "exists")


def rebuild(measured: MeasuredStack, results: Results, transfers: int) -> None:
    """Fills a book while custody is down, and starts custody twice; each time the first transfer is sent once more."""
    book_id, importer = book_with_importer(measured.sandbox, "bench-rebuild-platform", "bench-rebuild-importer")
    measured.stack.service("custody").stop()
    filling = Filling(book_id.bytes, min(ACCOUNTS, transfers), transfers)
    results.progress(f"filling the event store with {transfers:,} transfers between {filling.accounts:,} accounts")
    filling.write(measured.stack.running.databases["custody"])
    seen, resent = Seen(rows=transfers), filling.first_again()
    starts = start_twice(measured, "custody", seen, lambda: _is_answered_exists(importer.credentials, resent))
    figures = {
        "accounts": filling.accounts,
        "cold_start_seconds": starts.first.ready_seconds,
        "snapshot_mib": starts.snapshot_mib,
        "snapshot_write_seconds": starts.snapshot_write_seconds,
        "warm_start_seconds": starts.second.ready_seconds,
        "warm_start_events": starts.second.replayed_events,
        "memory_mib": starts.memory_mib,
        "warm_start_memory_mib": starts.second.memory_mib,
        "first_transfer_exists": starts.answers_right,
    }
    results.add(row("custody_rebuild", PER_EVENT, 1, seen, None, **figures))


def _is_answered_exists(credentials: Credentials, request: Request) -> bool:
    async def ask_again() -> None:
        async with connected(credentials, status=EXISTS) as ask:
            await ask(request)

    try:
        asyncio.run(ask_again())
    except RuntimeError:
        return False
    return True
