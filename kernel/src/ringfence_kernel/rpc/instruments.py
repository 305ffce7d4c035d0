"""Spans and durations of calls, by the semantic conventions for RPC (OpenTelemetry 1.40, gRPC)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import Histogram
from opentelemetry.semconv._incubating.attributes import rpc_attributes
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.trace import SpanKind, Status, StatusCode

from ringfence_kernel.telemetry import Telemetry

Attributes: TypeAlias = Mapping[str, str | int]

REASON = "ringfence.refusal.reason"
"""Span attribute: reason of the ErrorInfo that a call ended with."""

SERVER_DURATION = "rpc.server.call.duration"
CLIENT_DURATION = "rpc.client.call.duration"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_SERVER_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})


@dataclass(slots=True)
class Outcome:
    """How a call ended; set before the block of `Instruments.call` is left."""

    started: float
    code: str = "OK"
    reason: str = ""

    @property
    def seconds(self) -> float:
        """The time since the call started."""
        return time.perf_counter() - self.started


class Call:
    """Runs a block in the span of its call and records its duration; an exception that passes means CANCELLED."""

    __slots__ = ("_attributes", "_context", "_instruments", "_outcome", "_span", "_token")

    def __init__(self, instruments: Instruments, attributes: Attributes, context: Context | None) -> None:
        self._instruments, self._attributes, self._context = instruments, attributes, context

    def __enter__(self) -> Outcome:
        self._outcome = Outcome(time.perf_counter())
        self._span = self._instruments.start(self._attributes, self._context)
        self._token = attach(trace.set_span_in_context(self._span))
        return self._outcome

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and self._outcome.code == "OK":
            self._outcome.code = "CANCELLED"
        detach(self._token)
        self._instruments.finish(self._span, self._attributes, self._outcome)


class Instruments:
    """Measures the calls of one side."""

    def __init__(self, telemetry: Telemetry, kind: SpanKind, address: str) -> None:
        """Measures as SERVER or CLIENT; `address` is the server's `host:port`."""
        self._tracer = telemetry.tracer
        self._kind = kind
        self._faults = _SERVER_FAULTS if kind is SpanKind.SERVER else None
        self._duration = _duration(telemetry, SERVER_DURATION if kind is SpanKind.SERVER else CLIENT_DURATION)
        host, _, port = address.rpartition(":")
        self._server: dict[str, str | int] = {server_attributes.SERVER_ADDRESS: host}
        if port.isdigit():
            self._server[server_attributes.SERVER_PORT] = int(port)
        # By path; only methods that are served or called come here.
        self._attributes: dict[str, Attributes] = {}

    def call(self, path: str, context: Context | None = None) -> Call:
        """Returns the context of one call; see `Call`."""
        attributes = self._attributes.get(path)
        if attributes is None:
            method = path.removeprefix("/")
            attributes = {rpc_attributes.RPC_SYSTEM_NAME: "grpc", rpc_attributes.RPC_METHOD: method, **self._server}
            self._attributes[path] = attributes
        return Call(self, attributes, context)

    def start(self, attributes: Attributes, context: Context | None) -> trace.Span:
        """Returns the running span of a call."""
        return self._tracer.start_span(str(attributes[rpc_attributes.RPC_METHOD]), context, self._kind, attributes)

    def finish(self, span: trace.Span, attributes: Attributes, outcome: Outcome) -> None:
        """Records how a call ended, and ends its span."""
        measured = {**attributes, rpc_attributes.RPC_RESPONSE_STATUS_CODE: outcome.code}
        is_fault = outcome.code != "OK" and (self._faults is None or outcome.code in self._faults)
        if is_fault:
            measured[error_attributes.ERROR_TYPE] = outcome.code
        self._duration.record(outcome.seconds, measured)
        if span.is_recording():
            span.set_attribute(rpc_attributes.RPC_RESPONSE_STATUS_CODE, outcome.code)
            if outcome.reason:
                span.set_attribute(REASON, outcome.reason)
            if is_fault:
                span.set_attribute(error_attributes.ERROR_TYPE, outcome.code)
                span.set_status(Status(StatusCode.ERROR))
        span.end()


def _duration(telemetry: Telemetry, name: str) -> Histogram:
    return telemetry.meter.create_histogram(
        name, unit="s", description="Duration of remote procedure calls.", explicit_bucket_boundaries_advisory=_BUCKETS
    )
