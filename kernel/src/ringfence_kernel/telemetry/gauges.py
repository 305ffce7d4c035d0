"""Gauges that cost nothing until somebody asks: each is looked at when metrics are collected."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from ringfence_kernel.telemetry import logs

LOOK_SECONDS = 1.0
"""How long a collection waits for the event loop; a gauge that it does not get in time is left out."""

_LOG = logs.get(__name__)

Look = Callable[[], Iterable[tuple[float, Mapping[str, str]]]]
"""Returns values with their attributes: none where there is nothing to say, as from a standby."""


class Gauges:
    """The observed gauges of a process. Collections run in threads; what they look at belongs to the event loop.

    Several may be observed under one name, each with other attributes.
    """

    def __init__(self, meter: Meter) -> None:
        """Looks from the running event loop."""
        self._meter = meter
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._looks: dict[str, list[Callable[[], list[Observation]]]] = {}
        self._is_closed = False

    def observe(self, name: str, unit: str, meaning: str, look: Look, *, aside: bool = False) -> None:
        """Has a gauge looked at on the event loop; `aside` in the thread that collects, for a look that takes long."""

        def observed() -> list[Observation]:
            return [Observation(value, dict(attributes)) for value, attributes in look()]

        asked = observed if aside else lambda: self._on_loop(name, observed)
        if name in self._looks:
            self._looks[name].append(asked)
            return
        looks = self._looks[name] = [asked]

        def collect(options: CallbackOptions) -> list[Observation]:
            return [] if self._is_closed else [each for asked in looks for each in asked()]

        self._meter.create_observable_gauge(name, [collect], unit, meaning)

    def close(self) -> None:
        """Looks at nothing any more; before the loop ends, so that a last collection does not wait for it."""
        self._is_closed = True

    def _on_loop(self, name: str, observed: Callable[[], list[Observation]]) -> list[Observation]:
        if threading.get_ident() == self._thread:
            return observed()
        asked: Future[list[Observation]] = Future()

        def answer() -> None:
            if asked.set_running_or_notify_cancel():
                try:
                    asked.set_result(observed())
                except Exception as error:
                    asked.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(answer)
            return asked.result(LOOK_SECONDS)
        except (TimeoutError, RuntimeError):  # the loop is busy, or has ended
            asked.cancel()
            _LOG.warning("gauge_left_out", gauge=name)
            return []
