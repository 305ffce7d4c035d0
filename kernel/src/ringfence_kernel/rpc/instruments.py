"""Spans, durations and log lines of calls, by the semantic conventions for RPC (OpenTelemetry 1.40, gRPC).

All of that is said after a call has ended, of many calls in a row: said call by call, it is a third of what a small
call costs. A process that is killed leaves the last tenth of a second unsaid.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextvars import Context as Variables
from types import TracebackType
from typing import NamedTuple, TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.semconv._incubating.attributes import rpc_attributes
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind

from ringfence_kernel.telemetry.tracing import Telemetry

Attributes: TypeAlias = Mapping[str, str | int]

REASON = "ringfence.refusal.reason"
"""Span attribute: reason of the ErrorInfo that a call ended with."""

SERVER_DURATION = "rpc.server.call.duration"
CLIENT_DURATION = "rpc.client.call.duration"
HEALTH = "/grpc.health.v1.Health/"
_POLLED = (HEALTH, "/ringfence.common.v1.FeedService/")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_SERVER_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
_TOGETHER, _SOON_SECONDS = 64, 0.1
"""Calls are told of when so many have ended, or so long after the first."""


class EndedCall(NamedTuple):
    """A call that is over: where it belongs, when it began (ns since 1970), how long it took, and how it ended."""

    path: str
    attributes: Attributes
    parent: Context
    identity: SpanContext
    started_ns: int
    seconds: float
    caller: str
    code: str
    reason: str

    @property
    def ended_ns(self) -> int:
        """When it ended, in nanoseconds since 1970."""
        return self.started_ns + int(self.seconds * 1e9)

    @property
    def is_quiet_polling(self) -> bool:
        """Whether it was asked again and again, and answered: its duration is told, and neither a span nor a line."""
        return self.code == "OK" and self.path.startswith(_POLLED)


class Call:
    """A running call: a block in its span. What it ended with is set before the block is left.

    An exception that passes means CANCELLED, where nothing else was set.
    """

    __slots__ = (
        "_attributes",
        "_began",
        "_identity",
        "_instruments",
        "_parent",
        "_path",
        "_started_ns",
        "_token",
        "caller",
        "code",
        "reason",
    )

    def __init__(self, instruments: Instruments, path: str, attributes: Attributes, parent: Context) -> None:
        """Begins under a parent."""
        self._instruments, self._path, self._attributes, self._parent = instruments, path, attributes, parent
        self.caller, self.code, self.reason = "", "OK", ""

    def __enter__(self) -> Call:
        self._began, self._started_ns = time.perf_counter(), time.time_ns()
        self._identity = self._instruments.late_spans.begin(self._parent)
        self._token = attach(trace.set_span_in_context(NonRecordingSpan(self._identity)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        detach(self._token)
        if kind is not None and self.code == "OK":
            self.code = "CANCELLED"
        seconds = time.perf_counter() - self._began
        self._instruments.note(
            EndedCall(
                self._path,
                self._attributes,
                self._parent,
                self._identity,
                self._started_ns,
                seconds,
                self.caller,
                self.code,
                self.reason,
            )
        )


class Instruments:
    """Measures the calls of one side."""

    def __init__(
        self, telemetry: Telemetry, kind: SpanKind, address: str, tell: Callable[[EndedCall], None] | None = None
    ) -> None:
        """Measures as SERVER or CLIENT; `address` is the server's `host:port`. Each ended call is told of as well."""
        self.late_spans = telemetry.late_spans
        self._kind, self._tell = kind, tell
        self._faults = _SERVER_FAULTS if kind is SpanKind.SERVER else None
        self._duration = telemetry.meter.create_histogram(
            SERVER_DURATION if kind is SpanKind.SERVER else CLIENT_DURATION,
            unit="s",
            description="Duration of remote procedure calls.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        host, _, port = address.rpartition(":")
        self._server: dict[str, str | int] = {server_attributes.SERVER_ADDRESS: host}
        if port.isdigit():
            self._server[server_attributes.SERVER_PORT] = int(port)
        # By path; only methods that are served or called come here.
        self._attributes: dict[str, Attributes] = {}
        self._ended: list[EndedCall] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def call(self, path: str, parent: Context | None = None) -> Call:
        """Returns the block of one call, under the current span unless there is a parent."""
        attributes = self._attributes.get(path)
        if attributes is None:
            method = path.removeprefix("/")
            attributes = {rpc_attributes.RPC_SYSTEM_NAME: "grpc", rpc_attributes.RPC_METHOD: method, **self._server}
            self._attributes[path] = attributes
        return Call(self, path, attributes, get_current() if parent is None else parent)

    def note(self, ended: EndedCall) -> None:
        """Has a call told of soon."""
        self._ended.append(ended)
        if self._is_closed:
            self._tell_some()
        elif self._timer is None:
            # In no call's context: what is told belongs to none of them.
            self._timer = asyncio.get_running_loop().call_later(_SOON_SECONDS, self._tell_some, context=Variables())
        elif len(self._ended) == _TOGETHER:
            self._tell_next()

    def close(self) -> None:
        """Tells of all calls that have ended, and from now on of each at once: nobody may be there later."""
        self._is_closed = True
        while self._ended:
            self._tell_some()

    def _tell_some(self) -> None:
        """Tells of as many calls as are told together; of the others in another pass of the loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        told, self._ended = self._ended[:_TOGETHER], self._ended[_TOGETHER:]
        for ended in told:
            self._measure(ended)
            if self._tell is not None:
                self._tell(ended)
        if self._ended and not self._is_closed:
            self._tell_next()

    def _tell_next(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(0, self._tell_some, context=Variables())

    def _measure(self, ended: EndedCall) -> None:
        attributes = {**ended.attributes, rpc_attributes.RPC_RESPONSE_STATUS_CODE: ended.code}
        is_fault = ended.code != "OK" and (self._faults is None or ended.code in self._faults)
        if is_fault:
            attributes[error_attributes.ERROR_TYPE] = ended.code
        self._duration.record(ended.seconds, attributes)
        if ended.is_quiet_polling:
            return
        if ended.reason:
            attributes[REASON] = ended.reason
        name, times_ns = ended.path.removeprefix("/"), (ended.started_ns, ended.ended_ns)
        self.late_spans.make(ended.identity, ended.parent, name, self._kind, attributes, times_ns, is_fault=is_fault)
