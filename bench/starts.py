"""A service that starts on a long history: from its events alone, and once more from its snapshot."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.cpu import resident_mib
from bench.load import Seen
from bench.stack import MeasuredStack

LOADED, SNAPSHOT_WRITTEN = "state_loaded", "snapshot_written"
FIRST_START_SECONDS = 3_600.0
STOP_SECONDS = 300.0
CAUGHT_UP_SECONDS = 3_600.0
LOOK_SECONDS = 0.5
BEHIND = (
    "SELECT name FROM cursors, feed_head WHERE name LIKE 'projection:%' AND name <> 'projection:tiles'"
    " AND cursors.position < feed_head.position"
)
"""Tiles are written with their events, and their cursor stands at the last that had any."""

IsRight = Callable[[], bool]
"""Asks the service that was just started something that it must still know."""


@dataclass(frozen=True)
class Started:
    """What a start took and left: seconds until healthy, seconds and events of the replay, memory after a question."""

    ready_seconds: float
    replay_seconds: float
    replayed_events: int
    memory_mib: float
    answers_right: bool


@dataclass(frozen=True)
class Starts:
    """Both starts, and the snapshot that was written between them; None where the service wrote none."""

    first: Started
    second: Started
    snapshot_mib: float | None
    snapshot_write_seconds: float | None

    @property
    def memory_mib(self) -> float:
        """What is resident, the larger of both."""
        return max(self.first.memory_mib, self.second.memory_mib)

    @property
    def answers_right(self) -> float:
        """1 when both starts answered right."""
        return float(self.first.answers_right and self.second.answers_right)

    def figures(self) -> dict[str, float | None]:
        """Returns the figures of a row."""
        return {
            "first_start_seconds": self.first.ready_seconds,
            "first_start_events": self.first.replayed_events,
            "snapshot_mib": self.snapshot_mib,
            "snapshot_write_seconds": self.snapshot_write_seconds,
            "start_seconds": self.second.ready_seconds,
            "start_events": self.second.replayed_events,
            "start_memory_mib": self.second.memory_mib,
            "memory_mib": self.memory_mib,
            "answers_right": self.answers_right,
        }


def start_twice(measured: MeasuredStack, service: str, seen: Seen, is_right: IsRight) -> Starts:
    """Starts a service that is down from its events alone, stops it in order, and starts it from its snapshot.

    `seen` takes in the seconds of the first replay, and the CPU of the first start.
    """
    measured.forget_snapshot(service)
    with measured.cpu.during(seen.cpu):
        ready_seconds, loaded = _start(measured, service)
    seen.seconds = loaded["seconds"]
    first = _started(measured, service, ready_seconds, loaded, is_right)
    await_tables(measured, service)
    written = _stop(measured, service)
    second = _started(measured, service, *_start(measured, service), is_right)
    return Starts(
        first,
        second,
        snapshot_mib=written["bytes"] / 2**20 if written else None,
        snapshot_write_seconds=written["seconds"] if written else None,
    )


def _start(measured: MeasuredStack, service: str) -> tuple[float, dict[str, Any]]:
    """Returns the seconds from the process's start until it is healthy, and what it logged when its state was there."""
    log_bytes, began = _log_bytes(measured, service), time.perf_counter()
    measured.stack.service(service).start(FIRST_START_SECONDS)
    ready_seconds, loaded = time.perf_counter() - began, _logged(measured, service, LOADED, log_bytes)
    if loaded is None:
        raise RuntimeError(f"{service} does not say when its state is there")
    return ready_seconds, loaded


def _started(
    measured: MeasuredStack, service: str, ready_seconds: float, loaded: dict[str, Any], is_right: IsRight
) -> Started:
    answers_right, pid = is_right(), measured.stack.service(service).pid
    if pid is None:
        raise RuntimeError(f"{service} has ended")
    return Started(ready_seconds, loaded["seconds"], loaded["events"], resident_mib(pid), answers_right)


def _stop(measured: MeasuredStack, service: str) -> dict[str, Any] | None:
    """Stops a service in order; returns what it logged of the last snapshot since it was started, if it wrote one."""
    log_bytes = _log_bytes(measured, service)
    measured.stack.service(service).stop(STOP_SECONDS)
    return _logged(measured, service, SNAPSHOT_WRITTEN, log_bytes)


def await_tables(measured: MeasuredStack, service: str) -> None:
    """Waits until all tables show what the store holds: the next start has nothing left to do for them."""
    end = time.monotonic() + CAUGHT_UP_SECONDS
    with measured.stack.postgres.superuser(measured.stack.running.databases[service].name) as connection:
        while behind := connection.execute(BEHIND).fetchall():
            if time.monotonic() > end:
                raise RuntimeError(f"{service}'s tables do not catch up: {behind}")
            time.sleep(LOOK_SECONDS)


def _log_bytes(measured: MeasuredStack, service: str) -> int:
    return measured.stack.running.log_file(service).stat().st_size


def _logged(measured: MeasuredStack, service: str, event: str, after_bytes: int) -> dict[str, Any] | None:
    """Returns the last line of this event in a service's log after so many bytes."""
    lines = measured.stack.running.log_file(service).read_bytes()[after_bytes:].splitlines()
    found: list[dict[str, Any]] = [json.loads(line) for line in lines if f'"{event}"'.encode() in line]
    return found[-1] if found else None
