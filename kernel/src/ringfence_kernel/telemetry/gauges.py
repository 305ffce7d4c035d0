"""Gauges that cost nothing until somebody asks: each is looked at when metrics are collected."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from itertools import chain
from typing import NamedTuple

from opentelemetry.metrics import Meter, Observation

from ringfence_kernel.telemetry import logs

LOOK_SECONDS = 1.0
"""How long a collection waits for the event loop; the gauges that it does not get in time are left out."""
READING_SECONDS = 5.0
"""How old what is told to whoever asks for readings may be."""

_LOG = logs.get(__name__)

Look = Callable[[], Iterable[tuple[float, Mapping[str, str]]]]
"""Returns values with their attributes: none where there is nothing to say, as from a standby.

It is called on the event loop; what it returns is gone through in the thread that collects.
"""
Seen = list[Iterable[tuple[float, Mapping[str, str]]]] | Exception


class Reading(NamedTuple):
    """A gauge as it was looked at; `attributes` are "name=value", joined by commas."""

    name: str
    unit: str
    attributes: str
    value: float


class Gauges:
    """The observed gauges of a process. Collections run in threads; what they look at belongs to the event loop.

    The first gauge that a collection asks for has all of them looked at, so that it waits for the loop once. Several
    may be observed under one name, each with other attributes.
    """

    def __init__(self, meter: Meter, *, is_open: bool = True) -> None:
        """Looks from the running event loop."""
        self._meter = meter
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._on_loop: dict[str, list[Look]] = {}
        self._aside: dict[str, list[Look]] = {}
        self._units: dict[str, str] = {}
        self._seen: dict[str, Seen] = {}
        self._is_open = is_open
        self._reading = asyncio.Lock()
        self._read: tuple[float, list[Reading]] | None = None

    def observe(self, name: str, unit: str, meaning: str, look: Look, *, aside: bool = False) -> None:
        """Has a gauge looked at on the event loop; `aside` in the thread that collects, for a look that takes long."""
        self._units[name] = unit
        is_new = name not in self._on_loop and name not in self._aside
        (self._aside if aside else self._on_loop).setdefault(name, []).append(look)
        if is_new:
            self._meter.create_observable_gauge(name, [lambda options: self._collect(name)], unit, meaning)

    async def readings(self) -> list[Reading]:
        """Returns what was seen on the event loop within the last seconds, by name.

        A look may go through all that there is, so whoever asks again soon is told the same. As for a collection, what
        it returns is gone through in a thread; gauges that fail to be seen are left out.
        """
        async with self._reading:
            now = time.monotonic()
            if self._read is None or now - self._read[0] >= READING_SECONDS:
                seen = {name: _tried(looks) for name, looks in self._on_loop.items()}
                self._read = now, await asyncio.to_thread(self._readings_of, seen)
            return self._read[1]

    def _readings_of(self, seen: Mapping[str, Seen]) -> list[Reading]:
        found = list[Reading]()
        for name, values in seen.items():
            try:
                observed = [] if isinstance(values, Exception) else list(chain.from_iterable(values))
            except Exception as error:
                _LOG.warning("gauge_left_out", gauge=name, error=type(error).__name__)
                continue
            for value, attributes in observed:
                of = ",".join(f"{key}={text}" for key, text in sorted(attributes.items()))
                found.append(Reading(name, self._units[name], of, float(value)))
        return sorted(found)

    def open(self) -> None:
        """Looks from now on: all gauges are there, and none has the loop wait for a collection that waits for it."""
        self._is_open = True

    def close(self) -> None:
        """Looks at nothing any more; before the loop ends, so that a last collection does not wait for it."""
        self._is_open = False

    def _collect(self, name: str) -> list[Observation]:
        """Returns what there is to say under a name; raises what a look has raised."""
        if not self._is_open:
            return []
        aside = _observed(look() for look in self._aside.get(name, ()))
        return aside + self._looked_at(name) if name in self._on_loop else aside

    def _looked_at(self, name: str) -> list[Observation]:
        """Returns what was seen on the loop; a collection, which the meter lets nobody else join, asks for it once."""
        if threading.get_ident() == self._thread:
            return _observed(look() for look in self._on_loop[name])
        if name not in self._seen:
            self._seen = self._see()
        seen = self._seen.pop(name, [])
        if isinstance(seen, Exception):
            raise seen
        return _observed(seen)

    def _see(self) -> dict[str, Seen]:
        """Has everything looked at on the loop; nothing is seen where that is busy, or has ended."""
        asked: Future[dict[str, Seen]] = Future()

        def answer() -> None:
            if asked.set_running_or_notify_cancel():
                asked.set_result({name: _tried(looks) for name, looks in self._on_loop.items()})

        try:
            self._loop.call_soon_threadsafe(answer)
            return asked.result(LOOK_SECONDS)
        except (TimeoutError, RuntimeError):
            asked.cancel()
            _LOG.warning("gauges_left_out", gauges=len(self._on_loop))
            return {name: [] for name in tuple(self._on_loop)}


def _observed(seen: Iterable[Iterable[tuple[float, Mapping[str, str]]]]) -> list[Observation]:
    return [Observation(value, dict(attributes)) for value, attributes in chain.from_iterable(seen)]


def _tried(looks: Iterable[Look]) -> Seen:
    try:
        return [look() for look in looks]
    except Exception as error:
        return error
