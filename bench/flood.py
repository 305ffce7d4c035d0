"""One tenant's flood, and how long another's calls take beside it.

The flood comes from a process of its own: callers who heed no hint, each with its next call as soon as one is answered
or refused. The other tenant makes a few calls, one after the other, first alone and then beside the flood.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from multiprocessing.connection import Connection
from random import Random
from typing import Any, NamedTuple

import grpc
import uvloop
from ringfence.credentials import Credentials

from bench import transfers
from bench.book import Book, funded_book
from bench.load import Request, Seen, closed_loop
from bench.rows import Results, row
from bench.stack import MeasuredStack
from bench.wire import CALL_SECONDS, CHANNEL_OPTIONS, CREATE, authorised, connected

NAME = "tenant_beside_flood"
FLOODING, CALLERS = 64, 4
PAUSE_SECONDS = 0.02
"""Between two calls of one of the other tenant's callers, who order far less than their quota."""
WARM_SECONDS = 2.0
"""So long the flood lasts before anything is measured: what it did not use before is used up."""
ROUNDS = 3
"""Alone and beside the flood in turns, so that what else the machine does is in both."""
MADE_AHEAD = 10_000
RESAMPLES = 400
SPREAD_SHARE = 0.05
REFUSED = "RESOURCE_EXHAUSTED"


class Flood(NamedTuple):
    """Where a flood goes, to which method, as whom, and the bodies of its requests."""

    address: str
    service: str
    path: str
    pems: tuple[bytes, bytes, bytes]
    metadata: tuple[tuple[str, str], ...]
    bodies: Sequence[bytes]


def transfers_row(measured: MeasuredStack, flooding: Book, results: Results, seconds: float) -> None:
    """Measures the calls of a second platform without and with a flood of the first."""
    other = funded_book(measured.sandbox, "bench-beside")
    alone, beside = Seen(), Seen()
    codes: Counter[str] = Counter()
    flooded_seconds: list[float] = []
    for _ in range(ROUNDS):
        alone.add(_calls(measured, other, seconds / ROUNDS))
        with flooded(asyncio.run(_transfers_of(flooding)), codes, flooded_seconds):
            beside.add(_calls(measured, other, seconds / ROUNDS))
    figures = {
        **compared(alone, beside),
        **spread(alone, beside),
        "flood_taken_per_second": codes["OK"] / sum(flooded_seconds),
        "flood_refused_per_second": codes[REFUSED] / sum(flooded_seconds),
    }
    results.add(row(NAME, 1, CALLERS, beside, ("tenant alone", alone.per_second), **figures))
    results.progress(told(NAME, beside, figures))


def told(name: str, beside: Seen, figures: Mapping[str, float]) -> str:
    """Returns in words how long another's calls take alone and beside a flood."""
    beside_ms = beside.quantile_ms(0.99) or 0.0
    return (
        f"{name}: p99 alone {figures['p99_alone_ms']:.1f} ms, beside {beside_ms:.1f} ms,"
        f" ratio {figures['p99_ratio']:.2f} ({figures['p99_ratio_low']:.2f} to {figures['p99_ratio_high']:.2f})"
    )


def compared(alone: Seen, beside: Seen) -> dict[str, float]:
    """Returns the latencies alone, and how many times as long calls take beside the flood."""
    figures: dict[str, float] = {}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        alone_ms, beside_ms = alone.quantile_ms(share) or 0.0, beside.quantile_ms(share) or 0.0
        figures |= {f"{name}_alone_ms": alone_ms, f"{name}_ratio": beside_ms / alone_ms}
    return figures


def spread(alone: Seen, beside: Seen) -> dict[str, float]:
    """Returns between what the ratio of both p99 lies in nine of ten draws from the same calls (bootstrap).

    B. Efron: Bootstrap Methods: Another Look at the Jackknife (1979).
    """
    random, ratios = Random(0), []
    for _ in range(RESAMPLES):
        drawn = [
            Seen(latencies_ms=random.choices(each.latencies_ms, k=len(each.latencies_ms))) for each in (alone, beside)
        ]
        quiet_ms, loud_ms = (each.quantile_ms(0.99) or 0.0 for each in drawn)
        ratios.append(loud_ms / quiet_ms)
    ratios.sort()
    ends = int(SPREAD_SHARE * RESAMPLES), RESAMPLES - 1 - int(SPREAD_SHARE * RESAMPLES)
    return dict(zip(("p99_ratio_low", "p99_ratio_high"), (ratios[end] for end in ends), strict=True))


def _calls(measured: MeasuredStack, book: Book, seconds: float) -> Seen:
    """Measures calls of a few callers; one that is refused is made again, and takes until it is answered."""
    measured.settle(book)
    jobs = list(islice(transfers.plain(book)(1), int(CALLERS * seconds / PAUSE_SECONDS)))
    seen = Seen()

    async def run() -> Seen:
        async with connected(book.importer.credentials) as ask:

            async def paced(request: Request) -> int:
                began = time.perf_counter()
                while True:
                    try:
                        rows = await ask(request)
                        break
                    except grpc.aio.AioRpcError as error:
                        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                            raise
                seen.latencies_ms.append((time.perf_counter() - began) * 1_000)
                await asyncio.sleep(PAUSE_SECONDS)
                return rows

            with measured.cpu.during(seen.cpu):
                return await closed_loop(paced, jobs, CALLERS, seconds)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done = runner.run(run())
    done.latencies_ms, done.cpu = seen.latencies_ms, seen.cpu
    return done


@contextmanager
def flooded(flood: Flood, codes: Counter[str], lasted: list[float]) -> Iterator[None]:
    """Floods a service while the block lasts; adds what was answered, and the time of all of it."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    child = spawn.Process(target=pour, args=(flood, there), daemon=True)
    child.start()
    try:
        here.recv()
        time.sleep(WARM_SECONDS)
        yield
    finally:
        here.send("enough")
        told, seconds = here.recv()
        codes.update(told)
        lasted.append(seconds)
        child.join()


async def _transfers_of(book: Book) -> Flood:
    bodies = [request.body for (request,) in islice(transfers.plain(book)(1), MADE_AHEAD)]
    return await flood_of(book.importer.credentials, "custody", CREATE, bodies)


async def flood_of(credentials: Credentials, service: str, path: str, bodies: Sequence[bytes]) -> Flood:
    """Returns a flood of a method as one principal, with a fresh token."""
    assert credentials.addresses is not None
    async with authorised(credentials, service) as (_, metadata):
        pems = credentials.server_ca_pem, credentials.certificate_key_pem, credentials.certificate_chain_pem
        address = getattr(credentials.addresses, service.replace("-", "_"))
        return Flood(address, service, path, pems, metadata, bodies)


def pour(flood: Flood, told: Connection) -> None:
    """Sends requests until told that it is enough; tells how many were answered with which code, and in what time."""
    codes: Counter[str] = Counter()

    async def run() -> float:
        options = [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", flood.service)]
        tls = grpc.ssl_channel_credentials(*flood.pems)
        async with grpc.aio.secure_channel(flood.address, tls, options) as channel:
            method: Any = channel.unary_unary(flood.path)
            waiting = cycle(flood.bodies)
            enough = asyncio.get_running_loop().run_in_executor(None, told.recv)

            async def call() -> None:
                while not enough.done():
                    try:
                        await method(next(waiting), metadata=flood.metadata, timeout=CALL_SECONDS)
                        codes["OK"] += 1
                    except grpc.aio.AioRpcError as error:
                        codes[error.code().name] += 1

            told.send("begun")
            began = time.perf_counter()
            await asyncio.gather(*(call() for _ in range(FLOODING)))
            return time.perf_counter() - began

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds = runner.run(run())
    told.send((dict(codes), seconds))
