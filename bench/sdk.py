"""Callers of one transfer each through the SDK, which puts together what is created at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import uvloop
from ringfence.ids import new_id
from ringfence.ledger import NewTransfer, Purpose

from bench.book import Book
from bench.cpu import CpuMeter, CpuSpent
from bench.load import Seen, closed_loop
from bench.transfers import AMOUNT_MINOR, SEED

CALLERS = 256
ROWS_AHEAD = 100_000
"""Transfers made ahead; few enough for statements not to hold the ledger up."""

Create = Callable[[NewTransfer], Awaitable[int]]


def creating(book: Book) -> Create | None:
    """Returns how a task creates one transfer, or None while the SDK does not put transfers together."""
    gathered: Any = getattr(book.importer.custody, "create_transfers_async", None)
    if gathered is None:
        return None

    async def create(transfer: NewTransfer) -> int:
        (result,) = await gathered(book.book_id, [transfer])
        if result.status != "created":
            raise RuntimeError(f"{result.id} was answered {result.status}")
        return 1

    return create


def run(book: Book, create: Create, seconds: float, cpu: CpuMeter) -> Seen:
    """Has the callers create transfers until the time is over; the connection is warm when it begins."""
    random, spent = Random(SEED), CpuSpent()
    jobs = [[payment(book, random)] for _ in range(ROWS_AHEAD)]

    async def calls() -> Seen:
        await closed_loop(create, [[payment(book, random)] for _ in range(CALLERS)], CALLERS, seconds)
        with cpu.during(spent):
            return await closed_loop(create, jobs, CALLERS, seconds)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(calls())
    seen.cpu = spent
    return seen


def payment(book: Book, random: Random) -> NewTransfer:
    """Returns a payment between two of the book's clients."""
    debit, credit = random.sample(book.clients, 2)
    return NewTransfer(
        id=new_id(),
        amount_minor=AMOUNT_MINOR,
        currency="EUR",
        code=Purpose.PAYMENT,
        debit_account_id=debit,
        credit_account_id=credit,
        user_data_128=book.book_id,
    )
