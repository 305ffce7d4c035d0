"""Health that really changes: SERVING only while every readiness check passes (grpc.health.v1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from grpc_health.v1 import health, health_pb2

from ringfence_kernel import logs

_LOG = logs.get(__name__)
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True, slots=True)
class Check:
    """Something that a service needs in order to work: `probe` raises, or returns why it is not well."""

    name: str
    probe: Callable[[], Awaitable[str | None]]
    timeout_seconds: float = 2.0

    async def problem(self) -> str | None:
        """Returns what is wrong, or None."""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await self.probe()
        except Exception as error:  # whatever a dependency raises, it is not ready
            return type(error).__name__


class Health:
    """Keeps the health servicer at what the checks say."""

    def __init__(self, services: Sequence[str], checks: Sequence[Check], interval_seconds: float = 1.0) -> None:
        """Speaks for `services` and for the server as a whole (the empty name)."""
        self.servicer = health.aio.HealthServicer()
        self._services = ("", *services)
        self._checks = checks
        self._interval_seconds = interval_seconds
        self._problems: dict[str, str] | None = {"start": "starting"}

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong now, by name of the check."""
        return dict(self._problems or {})

    async def start(self) -> None:
        """Says NOT_SERVING, until the checks have passed."""
        await self._set(_NOT_SERVING)

    async def watch(self) -> None:
        """Runs the checks for ever, all at once, and changes the health when their results do."""
        while True:
            await self.probe()
            await asyncio.sleep(self._interval_seconds)

    async def probe(self) -> bool:
        """Runs the checks once; tells whether all passed."""
        results = await asyncio.gather(*(check.problem() for check in self._checks))
        problems = {check.name: result for check, result in zip(self._checks, results, strict=True) if result}
        if problems != self._problems:
            self._problems = problems
            _LOG.info("health_changed", serving=not problems, problems=problems)
            await self._set(_NOT_SERVING if problems else _SERVING)
        return not problems

    async def stop(self) -> None:
        """Says NOT_SERVING for good, so that callers go elsewhere while the server drains."""
        await self.servicer.enter_graceful_shutdown()

    async def _set(self, status: int) -> None:
        for service in self._services:
            await self.servicer.set(service, status)
