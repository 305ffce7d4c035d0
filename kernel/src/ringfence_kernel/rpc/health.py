"""Health that really changes: SERVING only while every readiness check passes (grpc.health.v1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ringfence_kernel.telemetry import logs

_LOG = logs.get(__name__)
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@dataclass(frozen=True, slots=True)
class Check:
    """Something that a service needs in order to work: `probe` raises, or returns why it is not well.

    One that `serves_on` is no reason to send callers elsewhere: its name is a service of the health protocol by itself,
    NOT_SERVING while it is not well.
    """

    name: str
    probe: Callable[[], Awaitable[str | None]]
    timeout_seconds: float = 2.0
    serves_on: bool = False

    async def problem(self) -> str | None:
        """Returns what is wrong, or None."""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await self.probe()
        except Exception as error:  # whatever a dependency raises, it is not ready
            return type(error).__name__


class HealthServicer(health_pb2_grpc.HealthServicer):
    """Answers what was set last. Unlike the library's, its watches end with it and do not hold up a server's stop."""

    def __init__(self, watch_seconds: float | None = None, maximum_watches: int | None = None) -> None:
        """Knows no service yet; watches end after `watch_seconds`, and more than so many at once are refused."""
        self._watch_seconds = watch_seconds
        self._maximum_watches = maximum_watches
        self._watches = 0
        self._statuses: dict[str, Any] = {}
        self._changed = asyncio.Event()
        self._ended = False

    def set(self, services: Sequence[str], status: Any) -> None:
        """Changes the status of services and tells who watches."""
        self._statuses |= dict.fromkeys(services, status)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def end(self) -> None:
        """Says NOT_SERVING, for good, and ends all watches with it."""
        self._ended = True
        self.set(list(self._statuses), _NOT_SERVING)

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> health_pb2.HealthCheckResponse:
        """Returns the status of a service; NOT_FOUND for one that is not served here."""
        if request.service not in self._statuses:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return health_pb2.HealthCheckResponse(status=self._statuses[request.service])

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Yields the status of a service now and whenever it changes; RESOURCE_EXHAUSTED where too many watch."""
        if self._maximum_watches is not None and self._watches >= self._maximum_watches:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED)
        until = self._watch_seconds and asyncio.get_running_loop().time() + self._watch_seconds
        self._watches += 1
        try:
            with suppress(TimeoutError):
                async for reply in self._replies(request.service, until):
                    yield reply
        finally:
            self._watches -= 1

    async def _replies(self, service: str, until: float | None) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Yields replies until the end; raises TimeoutError at `until`, a time of the event loop."""
        last = None
        while True:
            # All three before the yield, which others run in.
            changed, ended = self._changed, self._ended
            status = self._statuses.get(service, _SERVICE_UNKNOWN)
            if status != last:
                yield health_pb2.HealthCheckResponse(status=status)
            if ended:
                return
            last = status
            async with asyncio.timeout_at(until):
                await changed.wait()


class Health:
    """Keeps the health servicer at what the checks say, and at who leads."""

    def __init__(
        self,
        services: Sequence[str],
        checks: Sequence[Check],
        interval_seconds: float = 1.0,
        *,
        leader_only: Sequence[str] = (),
    ) -> None:
        """Speaks for `services` and for the process as a whole (the empty name).

        Those of `leader_only` are SERVING only between `lead(True)` and `lead(False)`: a standby is alive and well, and
        nobody is to send it their calls. Where there are none, the process is the only one, and leads.
        """
        self.servicer = HealthServicer()
        self._always = tuple(service for service in services if service not in leader_only)
        self._leader_only = tuple(leader_only)
        self._checks = checks
        self._interval_seconds = interval_seconds
        self._problems: dict[str, str] = {"start": "starting"}
        self._said: dict[str, str] = {}
        self._is_leading = not leader_only
        self._is_leaving = False
        self._stopped = False
        self._listeners: list[Callable[[Mapping[str, str], bool, bool], None]] = []

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong now, by name of the check."""
        return dict(self._problems)

    def checked(self) -> list[tuple[str, str]]:
        """Returns every check by name with what is wrong, empty where nothing is; those that were not made yet too."""
        return sorted(({each.name: "" for each in self._checks} | self._problems | self._said).items())

    def subscribe(self, listener: Callable[[Mapping[str, str], bool, bool], None]) -> None:
        """Calls `listener` with the problems, whether the process leads and is well, and whether it is leaving."""
        self._listeners.append(listener)

    async def start(self) -> None:
        """Says NOT_SERVING, until the checks have passed."""
        self._publish()

    async def lead(self, is_leading: bool) -> None:
        """Takes note of who leads; it shows at once, not at the next probe."""
        self._is_leading = is_leading
        self._publish()
        if is_leading:
            await self.probe()

    async def watch(self) -> None:
        """Runs the checks for ever, all at once, and changes the health when their results do."""
        while True:
            await self.probe()
            await asyncio.sleep(self._interval_seconds)

    async def probe(self) -> bool:
        """Runs the checks once; tells whether all passed."""
        results = await asyncio.gather(*(check.problem() for check in self._checks))
        found = [(check, result) for check, result in zip(self._checks, results, strict=True) if result]
        problems = {check.name: result for check, result in found if not check.serves_on}
        said = {check.name: result for check, result in found if check.serves_on}
        if (problems, said) != (self._problems, self._said):
            self._problems, self._said = problems, said
            _LOG.info("health_changed", serving=not problems, problems=problems | said)
            self._publish()
        return not problems

    def leave(self) -> None:
        """Says for the process as a whole that it is about to stop.

        For its services it goes on saying what is so: while calls are taken, callers that watch are not to be sent to
        a standby that does not lead yet.
        """
        self._is_leaving = True
        self._publish()

    async def stop(self) -> None:
        """Says NOT_SERVING for good, so that callers go elsewhere while the server drains."""
        self._is_leading = False
        self.leave()
        self._stopped = True
        self.servicer.end()

    def _publish(self) -> None:
        if self._stopped:
            return
        well = _NOT_SERVING if self._problems else _SERVING
        self.servicer.set(("",), _NOT_SERVING if self._is_leaving else well)
        self.servicer.set(self._always, well)
        for check in self._checks:
            if check.serves_on:
                self.servicer.set((check.name,), _NOT_SERVING if check.name in self._said else well)
        self.servicer.set(self._leader_only, well if self._is_leading else _NOT_SERVING)
        for listener in self._listeners:
            listener(self._problems, self._is_leading and not self._problems, self._is_leaving)
