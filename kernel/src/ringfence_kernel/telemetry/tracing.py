"""OpenTelemetry for one process: providers, the instruments of this kernel, and trace context that travels.

Own attribute and metric names are listed in docs/telemetry.md; a test compares the two.
"""

import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, ParentBased
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from ringfence_kernel.telemetry.late_spans import LateSpans

SCOPE = "ringfence"
"""Instrumentation scope of every span and metric that Ringfence itself makes."""

_PROPAGATOR = TraceContextTextMapPropagator()
_EXPORT_SECONDS = 2
"""Bound of one export, retries included, so that a collector that is away does not hold up a stop."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The tracer and meter of one process, and the providers behind them."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    late_spans: LateSpans

    @classmethod
    def start(
        cls,
        service: str,
        endpoint: str | None = None,
        *,
        span_processor: SpanProcessor | None = None,
        metric_reader: MetricReader | None = None,
    ) -> "Telemetry":
        """Makes the providers; with an OTLP endpoint both are exported there, over gRPC.

        A processor or reader given by the caller is used as well (tests read from memory). Where nothing collects
        spans, they are not recorded, but trace ids still run through logs, events and calls.
        """
        resource = Resource.create({"service.name": service, "service.instance.id": f"{service}-{os.getpid()}"})
        processors = [span_processor] if span_processor else []
        readers = [metric_reader] if metric_reader else []
        if endpoint:
            # Much to import, which whoever has no collector can do without.
            from ringfence_kernel.telemetry.exporting import exporting_to

            span_exporter, metric_exporter = exporting_to(endpoint, _EXPORT_SECONDS)
            processors.append(span_exporter)
            readers.append(metric_exporter)
        sampler = DEFAULT_ON if processors else ParentBased(ALWAYS_OFF)
        tracer_provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
        for processor in processors:
            tracer_provider.add_span_processor(processor)
        meter_provider = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
        return cls(tracer_provider, meter_provider, LateSpans(resource, SCOPE, processors))

    def install(self) -> None:
        """Makes these the process-wide providers; the first call wins, as OpenTelemetry defines it."""
        trace.set_tracer_provider(self.tracer_provider)
        metrics.set_meter_provider(self.meter_provider)

    @property
    def tracer(self) -> trace.Tracer:
        """Makes spans under Ringfence's scope."""
        return self.tracer_provider.get_tracer(SCOPE)

    @property
    def meter(self) -> metrics.Meter:
        """Makes instruments under Ringfence's scope."""
        return self.meter_provider.get_meter(SCOPE)

    def shutdown(self) -> None:
        """Flushes what is waiting, within a bound, and stops the exporters."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown(_EXPORT_SECONDS * 1_000)


def tracer() -> trace.Tracer:
    """Returns the tracer of the process-wide provider."""
    return trace.get_tracer(SCOPE)


def meter() -> metrics.Meter:
    """Returns the meter of the process-wide provider."""
    return metrics.get_meter(SCOPE)


@contextmanager
def span(
    name: str,
    *,
    links: Sequence[trace.Link] = (),
    attributes: Mapping[str, AttributeValue] | None = None,
    new_trace: bool = False,
) -> Iterator[trace.Span]:
    """Runs a block in a span; with `new_trace` it starts a trace of its own (a replay, a follower's batch).

    Of an exception the span tells the type alone: messages may quote what was being worked on.
    """
    with tracer().start_as_current_span(
        name,
        context=Context() if new_trace else None,
        links=links,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Exception as error:
            current.set_attribute(ERROR_TYPE, type(error).__qualname__)
            current.set_status(trace.StatusCode.ERROR)
            raise


def current_traceparent() -> str:
    """Returns the W3C `traceparent` of the running span, or an empty text outside a trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


def untraced() -> str:
    """Returns what an event has in the place of a `traceparent` outside a trace, never the same twice.

    24 random bytes keep the SHA-256 of the event, which others may hold, from being compared with a guess of what
    stands in it. Readers take it for no trace: version ff is forbidden (W3C Trace Context §3.2.2.1).
    """
    return f"ff-{token_hex(16)}-{token_hex(8)}-00"


def context_from(headers: Mapping[str, str]) -> Context:
    """Returns the trace context of incoming headers (W3C Trace Context §3); a malformed one starts a new trace."""
    return _PROPAGATOR.extract(headers, context=Context())


def inject(headers: MutableMapping[str, str]) -> None:
    """Adds `traceparent` and `tracestate` of the running span to outgoing gRPC metadata or NATS headers."""
    _PROPAGATOR.inject(headers)


def link_from(traceparent: str) -> trace.Link | None:
    """Returns a link to the span that stored this `traceparent`, or None when it holds none."""
    context = trace.get_current_span(context_from({"traceparent": traceparent})).get_span_context()
    return trace.Link(context) if context.is_valid else None
