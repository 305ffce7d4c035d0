"""Backpressure between the ledger and its statements, and when they may rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from ringfence_custody.ledger.application.statement_lag import StatementLag
from ringfence_custody.ledger.domain.packed import TransferBatch
from ringfence_kernel.telemetry.gauges import Gauges
from ringfence_kernel.values.recorded import Recorded

from .leading import Leading


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


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """Returns the time."""
        return self.seconds


def committed(position: int, rows: int) -> Recorded:
    """Returns a commit of so many transfers."""
    batch = TransferBatch(position, 0)
    for name in ("debit", "credit", "amount", "user_data_64", "user_data_32", "timeout", "code", "flags", "value_date"):
        getattr(batch, name).extend([1] * rows)
    for name in ("id", "pending_id", "user_data_128"):
        getattr(batch, name).extend([bytes(16)] * rows)
    batch.timestamp.extend(range(rows))
    return Recorded(position, b"book", position, batch.event(), 1, "")


async def passes(waiting: Awaitable[None]) -> bool:
    """Tells whether something ends at once."""
    try:
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    except TimeoutError:
        return False
    return True


async def test_transfers_wait_while_statements_are_too_far_behind() -> None:
    """Up to the limit nobody waits; beyond it transfers wait until the statements have caught up below it."""
    projection = Projection()
    lag = StatementLag(projection, limit_rows=100)
    lag.note([committed(1, 60), committed(2, 40)])
    assert await passes(lag.follow())
    lag.note([committed(3, 60), committed(4, 1)])
    waiting = asyncio.create_task(lag.follow())
    assert not await passes(waiting)
    await projection.come_to(1)
    assert not await passes(waiting)
    await projection.come_to(2)
    await asyncio.wait_for(waiting, 1)


async def test_statements_may_rest_while_little_is_behind_for_a_moment() -> None:
    """They rest up to 3/4 of the limit and for two seconds, not when there is nothing to show or it has become old."""
    projection, clock = Projection(), Clock()
    lag = StatementLag(projection, limit_rows=100, clock=clock)
    assert not lag.may_rest()
    lag.note([committed(1, 75)])
    assert lag.may_rest()
    clock.seconds += 1.9
    assert lag.may_rest()
    lag.note([committed(2, 1)])
    assert not lag.may_rest()
    await projection.come_to(1)
    assert lag.may_rest()
    clock.seconds += 2
    assert not lag.may_rest()


async def test_a_lag_from_before_the_start_may_only_not_grow() -> None:
    """While statements make up for what the process found, nobody waits; then the lag may shrink, and not grow."""
    projection = Projection()
    lag = StatementLag(projection, limit_rows=100)
    lag.begin(1_000)
    lag.note([committed(1_001, 400)])
    assert await passes(lag.follow())
    await projection.come_to(1_000)
    assert await passes(lag.follow())
    lag.note([committed(1_002, 1)])
    waiting = asyncio.create_task(lag.follow())
    assert not await passes(waiting)
    await projection.come_to(1_001)
    await asyncio.wait_for(waiting, 1)
    lag.note([committed(1_003, 100)])
    assert not await passes(asyncio.create_task(lag.follow()))


def measured(reader: InMemoryMetricReader) -> dict[str, float]:
    """Returns what telemetry shows of the lag."""
    data = reader.get_metrics_data()
    return {
        metric.name.removeprefix("ringfence.statements.lag."): point.value
        for resource in (data.resource_metrics if data else ())
        for metric in resource.scope_metrics[0].metrics
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint)
    }


async def test_the_lag_is_measured_where_statements_are_written() -> None:
    """Telemetry shows how many transfers statements are behind, and for how long already; from the leader alone."""
    clock, reader, leadership = Clock(), InMemoryMetricReader(), Leading()
    lag = StatementLag(Projection(), limit_rows=100, clock=clock)
    lag.gauge(Gauges(MeterProvider([reader]).get_meter("test")), leadership)
    assert measured(reader) == {"rows": 0, "duration": 0.0}
    lag.note([committed(1, 70)])
    clock.seconds += 2.5
    assert measured(reader) == {"rows": 70, "duration": 2.5}
    leadership.leads = False
    assert measured(reader) == {}


async def test_a_term_counts_its_own_transfers() -> None:
    """What an earlier term committed and another process has to show neither counts as a lag nor makes anybody wait."""
    projection = Projection()
    lag = StatementLag(projection, limit_rows=100)
    lag.note([committed(1, 101)])
    assert lag.is_too_far()
    lag.begin(7)
    assert (lag.rows(), lag.is_too_far(), lag.may_rest()) == (0, False, False)
    await projection.come_to(7)
    lag.note([committed(8, 100)])
    assert await passes(lag.follow())
    lag.note([committed(9, 1)])
    assert lag.is_too_far()
