"""What one tenant may ask of a process beside others, so that its flood does not become theirs (docs/adr/0017)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.metrics import Meter

from ringfence_kernel.access.caller import Caller
from ringfence_kernel.rpc.instruments import REASON
from ringfence_kernel.values.buckets import Buckets
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import DomainError, QuotaExceeded

REFUSALS = "ringfence.quota.refusals"
CALLS_PER_SECOND, REQUEST_BYTES_PER_SECOND = 1_000.0, 16.0 * 1024 * 1024
CALLS_BURST_SECONDS, BYTES_BURST_SECONDS = 1.0, 2.0
"""What has not been used for so long may be used at once; a request of any size may be the last of it."""
BESIDE_NS = NANOSECONDS
"""A tenant is not alone for so long after a call of another's."""


class CallsExceeded(QuotaExceeded):
    """The tenant makes more calls than it may beside others; nothing was done."""

    reason = "CALLS_QUOTA_EXCEEDED"


class RequestBytesExceeded(QuotaExceeded):
    """The tenant sends more bytes than it may beside others; the request was not read."""

    reason = "REQUEST_BYTES_QUOTA_EXCEEDED"


@dataclass(frozen=True, slots=True)
class CallRates:
    """What one tenant may ask for beside others, each second; 0 is no bound."""

    calls_per_second: float = CALLS_PER_SECOND
    request_bytes_per_second: float = REQUEST_BYTES_PER_SECOND


class CallQuotas:
    """Counts calls and bytes by tenant, by principal where the call names no tenant; workloads have no quota.

    A tenant that is alone has all of the process: what it does is counted, and refused only beside others.
    """

    def __init__(self, rates: CallRates, meter: Meter, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Starts with nothing used."""
        self._now_ns = monotonic_ns
        self._calls = _buckets(rates.calls_per_second, CALLS_BURST_SECONDS, monotonic_ns)
        self._bytes = _buckets(rates.request_bytes_per_second, BYTES_BURST_SECONDS, monotonic_ns)
        self._last, self._before = _Seen(), _Seen()
        self._refusals = meter.create_counter(REFUSALS, "{request}", "Requests beyond a tenant's quota.")

    def admit(self, caller: Caller) -> None:
        """Counts a call; raises CallsExceeded, and RequestBytesExceeded while earlier requests are not paid off."""
        owner = owner_of(caller)
        if owner is None:
            return
        if self._is_alone(owner):
            if self._calls:
                self._calls.spend(owner, 1, least=0)
            return
        if self._calls and (seconds := self._calls.draw(owner)):
            raise CallsExceeded(retry_after_seconds=seconds)
        if self._bytes and (seconds := self._bytes.draw(owner, 0)):
            raise RequestBytesExceeded(retry_after_seconds=seconds)

    def charge(self, caller: Caller, size: int) -> None:
        """Counts the bytes of a request that was read."""
        owner = owner_of(caller)
        if owner is not None and self._bytes:
            self._bytes.spend(owner, size, least=0 if self._is_alone(owner) else float("-inf"))

    def count(self, refusal: DomainError) -> None:
        """Counts a refusal by its reason, whichever quota it comes from."""
        if isinstance(refusal, QuotaExceeded):
            self._refusals.add(1, {REASON: refusal.reason})

    def _is_alone(self, owner: bytes) -> bool:
        """Notes that the owner is here, and tells whether nobody else was lately."""
        now_ns = self._now_ns()
        if self._last.owner != owner:
            self._before, self._last = self._last, _Seen(owner)
        self._last.at_ns = now_ns
        return not self._before.owner or now_ns - self._before.at_ns > BESIDE_NS


@dataclass(slots=True)
class _Seen:
    """Who called last, and when."""

    owner: bytes = b""
    at_ns: int = 0


def owner_of(caller: Caller) -> bytes | None:
    """Returns whose quota a call counts to, None for a workload: what it does was counted where it came in."""
    if caller.service is not None:
        return None
    return caller.tenant or caller.subject


def _buckets(per_second: float, burst_seconds: float, monotonic_ns: Callable[[], int]) -> Buckets | None:
    return Buckets(per_second, per_second * burst_seconds, monotonic_ns) if per_second > 0 else None
