"""Days that are not signed, and those that are too late, as telemetry sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from ringfence_custody.safeguarding.application.measures import MISSED, OPEN, measure_days
from ringfence_kernel.telemetry.gauges import Gauges

from ..leading import Leading
from .world import MONDAY, World, key, person

ADA, BEN = person(1), person(2)


class Seen:
    """What a collection shows of a world's days."""

    def __init__(self, world: World) -> None:
        self.reader, self.leading = InMemoryMetricReader(), Leading()
        gauges = Gauges(MeterProvider([self.reader]).get_meter("test"))
        measure_days(gauges, self.leading, lambda: list(world.state.unfinished()))

    async def now(self) -> tuple[Mapping[str, float], float | None]:
        """Returns open days by status, none of none, and the missed ones; None where nothing is shown of them."""
        data = await asyncio.to_thread(self.reader.get_metrics_data)
        shown: dict[str, dict[str, float]] = {OPEN: {}, MISSED: {}}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
            for point in metric.data.data_points:
                assert isinstance(point, NumberDataPoint)
                status = str(dict(point.attributes or {}).get("ringfence.safeguarding.status", ""))
                shown[metric.name][status] = point.value
        return {status: count for status, count in shown[OPEN].items() if count}, shown[MISSED].get("")


async def test_days_are_counted_by_how_far_they_are() -> None:
    """A day is cut, computed, prepared and reviewed; once it is signed there is none."""
    world = World()
    seen = Seen(world)
    assert await seen.now() == ({}, 0)
    await world.open(MONDAY + 1)
    assert await seen.now() == ({"cut": 1}, 0)
    await world.state_closing(MONDAY, 1_000)
    assert await seen.now() == ({"computed": 1}, 0)
    await world.commands.prepare(key(MONDAY), "looked at", ADA)
    assert await seen.now() == ({"prepared": 1}, 0)
    await world.commands.review(key(MONDAY), "agreed", BEN)
    assert await seen.now() == ({"reviewed": 1}, 0)
    await world.commands.sign(key(MONDAY), ADA)
    assert await seen.now() == ({}, 0)


async def test_a_missed_day_is_counted_until_it_is_signed() -> None:
    """Late is late, and over once somebody has signed; the day after it is open, and not missed."""
    world = World()
    seen = Seen(world)
    await world.open(MONDAY + 1)
    await world.state_closing(MONDAY, 1_000)
    await world.open(MONDAY + 2)
    assert await seen.now() == ({"computed": 1, "cut": 1}, 1)
    await world.commands.prepare(key(MONDAY), "looked at", ADA)
    await world.commands.review(key(MONDAY), "agreed", BEN)
    await world.commands.sign(key(MONDAY), ADA)
    assert await seen.now() == ({"cut": 1}, 0)


async def test_a_day_that_is_reopened_later_is_missed_again() -> None:
    """Signed in time, and open again when its time was over."""
    world = World()
    seen = Seen(world)
    await world.open(MONDAY + 1)
    await world.state_closing(MONDAY, 1_000)
    await world.commands.prepare(key(MONDAY), "looked at", ADA)
    await world.commands.review(key(MONDAY), "agreed", BEN)
    await world.commands.sign(key(MONDAY), ADA)
    await world.open(MONDAY + 2)
    await world.state_closing(MONDAY, 990, "mended")
    assert (await seen.now())[1] == 1


async def test_a_standby_says_nothing_of_days() -> None:
    """What it has in memory may be old, and would count twice."""
    world = World()
    seen = Seen(world)
    await world.open(MONDAY + 1)
    seen.leading.leads = False
    assert await seen.now() == ({}, None)
