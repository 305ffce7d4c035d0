"""Backpressure between the ledger and its statements."""

from __future__ import annotations

import asyncio

import pytest
from ringfence_custody.application.statement_lag import StatementLag
from ringfence_custody.domain.packed import TransferBatch
from ringfence_kernel.codec import Recorded


class Projection:
    """A read model that comes along when told."""

    def __init__(self) -> None:
        self.position = 0
        self.moved = asyncio.Condition()

    async def reached(self, position: int) -> None:
        """Waits for a position."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.position >= position)

    async def come_to(self, position: int) -> None:
        """Shows everything up to a position."""
        async with self.moved:
            self.position = position
            self.moved.notify_all()


def committed(position: int, rows: int) -> Recorded:
    """Returns a commit of so many transfers."""
    batch = TransferBatch(position, 0)
    for name in ("debit", "credit", "amount", "user_data_64", "user_data_32", "timeout", "code", "flags", "value_date"):
        getattr(batch, name).extend([1] * rows)
    for name in ("id", "pending_id", "user_data_128"):
        getattr(batch, name).extend([bytes(16)] * rows)
    batch.timestamp.extend(range(rows))
    return Recorded(position, b"book", position, batch.event(), 1, "")


async def test_transfers_wait_while_statements_are_too_far_behind() -> None:
    """Up to the limit nobody waits; beyond it transfers wait until the statements have caught up below it."""
    projection = Projection()
    lag = StatementLag(projection, limit_rows=100)
    lag.note([committed(1, 60), committed(2, 40)])
    await asyncio.wait_for(lag.follow(), 1)
    lag.note([committed(3, 60), committed(4, 1)])
    waiting = asyncio.create_task(lag.follow())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    await projection.come_to(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    await projection.come_to(2)
    await asyncio.wait_for(waiting, 1)
