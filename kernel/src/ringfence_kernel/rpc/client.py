"""Calls to another service: mutual TLS with the workload certificate of the moment, deadlines, bounded retries."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.certificates.bundle import CertificateSource
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.rpc.line import Line
from ringfence_kernel.rpc.refusals import DeadlineExceeded, NotLeader
from ringfence_kernel.telemetry.tracing import Telemetry
from ringfence_kernel.values.errors import ClockWrong, StoreUnavailable

_RETRIES = 4
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.4
_UNKNOWN_METHOD = "UNIMPLEMENTED"
_ELSEWHERE = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})
_OF_THE_PROCESS = frozenset({"", NotLeader.reason, DeadlineExceeded.reason, StoreUnavailable.reason, ClockWrong.reason})
"""Why one process cannot answer. Any other reason is the service's answer, the same from whoever leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerOptions:
    """The peer's name and the addresses of its processes, the issuer of their certificates, and bounds."""

    service: str
    addresses: tuple[str, ...]
    workload_ca: TrustBundle
    timeout_seconds: float = 5.0
    maximum_message_bytes: int = 16 * 1024 * 1024


class Peer:
    """One service as seen from another.

    The peer's certificate must come from the workload issuer and name the service as a DNS name (RFC 9525), which the
    issuer grants to that service only. Of several processes one leads: calls go where the last one was answered, and
    to the next address where the process does not lead, cannot be reached, gives no answer in time, or does not know
    the method: while a service is upgraded one process is of the release before; every address is asked once for it.
    """

    def __init__(self, options: PeerOptions, certificate: CertificateSource, telemetry: Telemetry) -> None:
        """Connects at the first call; must be made on the event loop that calls."""
        self._options = options
        self._lines = [
            Line(address, options.service, options.workload_ca, options.maximum_message_bytes, certificate, telemetry)
            for address in options.addresses
        ]
        self._current = 0

    async def call(
        self,
        stub: type,
        method: str,
        request: Any,
        *,
        token: str | None = None,
        timeout: float | None = None,
        attempt_seconds: float | None = None,
        idempotent: bool = False,
    ) -> Any:
        """Returns the reply of a method of the generated `stub`; raises RemoteError.

        An idempotent call is tried again while no process can answer it, any call while nobody leads, all within one
        `timeout` in seconds. With `attempt_seconds`, of idempotent calls only, an address that is silent for so long is
        left for the next one; each round over all addresses gives them twice as long, so that a slow one answers.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (timeout or self._options.timeout_seconds)
        attempt, pause, patience = 0, _FIRST_PAUSE_SECONDS, attempt_seconds or math.inf
        may_know = set(range(len(self._lines)))
        while True:
            attempt += 1
            at = self._current
            try:
                seconds = min(patience, deadline - loop.time())
                return await self._lines[at].call(stub, method, request, token, seconds)
            except RemoteError as error:
                self._look_elsewhere(at, error)
                is_known = error.code != _UNKNOWN_METHOD
                may = self._may_try_again(error, attempt, idempotent) if is_known else _others(may_know, at)
                if not may or loop.time() + pause >= deadline:
                    raise
            if attempt % len(self._lines) == 0:  # every address was asked
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # nosec B311 # spreads retries, hides nothing
                pause, patience = min(4 * pause, _LONGEST_PAUSE_SECONDS), 2 * patience

    async def stream(
        self, stub: type, method: str, request: Any, *, token: str | None = None, timeout: float | None = None
    ) -> AsyncIterator[Any]:
        """Yields the replies of a streaming method, until it ends or `timeout` seconds have passed; raises RemoteError.

        The caller resumes from its own cursor: streams are not tried again here.
        """
        at = self._current
        try:
            async with aclosing(self._lines[at].stream(stub, method, request, token, timeout)) as replies:
                async for reply in replies:
                    yield reply
        except RemoteError as error:
            self._look_elsewhere(at, error)
            raise

    async def close(self) -> None:
        """Ends all channels at once."""
        for line in self._lines:
            await line.close()

    def _look_elsewhere(self, at: int, error: RemoteError) -> None:
        """Has the next call go to the next address, unless another call has found a better one meanwhile."""
        if _is_of_the_process(error) and at == self._current:
            self._current = (at + 1) % len(self._lines)

    def _may_try_again(self, error: RemoteError, attempt: int, idempotent: bool) -> bool:
        if error.reason == NotLeader.reason:
            return True
        # Where there is another process it may be about to lead; until the deadline it is worth asking.
        return idempotent and _is_of_the_process(error) and (attempt <= _RETRIES or len(self._lines) > 1)


def _is_of_the_process(error: RemoteError) -> bool:
    return error.code == _UNKNOWN_METHOD or (error.code in _ELSEWHERE and error.reason in _OF_THE_PROCESS)


def _others(may_know: set[int], at: int) -> bool:
    """Takes out an address that does not know a method; tells whether another may, and this one was not asked before.

    Nothing was done there, so that the call may be made again, idempotent or not.
    """
    is_new = at in may_know
    may_know.discard(at)
    return is_new and bool(may_know)
