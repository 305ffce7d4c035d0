"""Threads of a process: bounded, and measured."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from ringfence_kernel.service.threads import FEW_ROWS, Threads, computed
from ringfence_kernel.values.errors import Overloaded
from ringfence_kernel.values.switching import SWITCH_SECONDS


async def test_work_beyond_the_bound_is_refused_and_the_rest_is_measured() -> None:
    """One works, one waits, the third is refused by name; when the first is done, the second has its turn."""
    reader = InMemoryMetricReader()
    threads = Threads(MeterProvider([reader]).get_meter("test"), threads=1, waiting_limit=1)
    asyncio.get_running_loop().set_default_executor(threads)
    started, may_end = threading.Event(), threading.Event()

    def work() -> bool:
        started.set()
        return may_end.wait(10)

    first = asyncio.create_task(asyncio.to_thread(work))
    while not started.is_set():
        await asyncio.sleep(0.01)
    second = asyncio.create_task(asyncio.to_thread(work))
    await asyncio.sleep(0.05)
    assert points(reader)["ringfence.threads.waiting"].value == 1
    with pytest.raises(Overloaded):
        await asyncio.to_thread(work)
    may_end.set()
    assert await asyncio.gather(first, second) == [True, True]
    measured = points(reader)
    assert measured["ringfence.threads.waiting"].value == 0
    assert (
        measured["ringfence.threads.wait.duration"].count,
        measured["ringfence.threads.wait.duration"].max > 0.04,
    ) == (2, True)
    bounds = measured["ringfence.threads.wait.duration"].explicit_bounds
    assert (bounds[0], bounds[-1]) == (0.001, 10)


async def test_whatever_a_thread_does_makes_way_soon_and_no_longer_than_it_lasts() -> None:
    """The event loop waits for no thread's five milliseconds, whoever put the work there."""
    usual = sys.getswitchinterval()
    asyncio.get_running_loop().set_default_executor(Threads(MeterProvider().get_meter("test")))
    assert await asyncio.to_thread(sys.getswitchinterval) == pytest.approx(SWITCH_SECONDS)
    assert sys.getswitchinterval() == pytest.approx(usual)


@pytest.mark.parametrize(("rows", "few", "is_here"), [(8, 8, True), (9, 8, False), (FEW_ROWS, FEW_ROWS, True)])
async def test_few_rows_are_computed_at_once_and_many_in_a_thread(rows: int, few: int, is_here: bool) -> None:
    """How many are few is the caller's to say: rows cost differently."""
    here = threading.get_ident()
    assert (await computed(rows, threading.get_ident, few=few) == here) is is_here


def points(reader: InMemoryMetricReader):  # type: ignore[no-untyped-def]
    """Returns the one data point of every metric, by name."""
    data = reader.get_metrics_data()
    return {
        metric.name: metric.data.data_points[0]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
