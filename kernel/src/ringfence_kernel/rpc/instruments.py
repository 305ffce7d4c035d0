"""Spans and durations of calls, by the semantic conventions for RPC (OpenTelemetry 1.40, gRPC)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.semconv._incubating.attributes import rpc_attributes
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.trace import SpanKind, Status, StatusCode

from ringfence_kernel.telemetry import Telemetry

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

    @contextmanager
    def call(self, path: str, context: Context | None = None) -> Iterator[Outcome]:
        """Runs a call's block in its span and records its duration; an exception that passes means CANCELLED."""
        method = path.removeprefix("/")
        attributes = {rpc_attributes.RPC_SYSTEM_NAME: "grpc", rpc_attributes.RPC_METHOD: method, **self._server}
        outcome = Outcome(time.perf_counter())
        with self._tracer.start_as_current_span(
            method, context, self._kind, attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield outcome
            except BaseException:
                if outcome.code == "OK":
                    outcome.code = "CANCELLED"
                raise
            finally:
                self._finish(span, attributes, outcome)

    def _finish(self, span: trace.Span, attributes: dict[str, str | int], outcome: Outcome) -> None:
        measured = {**attributes, rpc_attributes.RPC_RESPONSE_STATUS_CODE: outcome.code}
        is_fault = outcome.code != "OK" and (self._faults is None or outcome.code in self._faults)
        if is_fault:
            measured[error_attributes.ERROR_TYPE] = outcome.code
        self._duration.record(outcome.seconds, measured)
        if not span.is_recording():
            return
        span.set_attributes(measured)
        if outcome.reason:
            span.set_attribute(REASON, outcome.reason)
        if is_fault:
            span.set_status(Status(StatusCode.ERROR))


def _duration(telemetry: Telemetry, name: str) -> Histogram:
    return telemetry.meter.create_histogram(
        name, unit="s", description="Duration of remote procedure calls.", explicit_bucket_boundaries_advisory=_BUCKETS
    )
