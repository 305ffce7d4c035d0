"""Exports over OTLP/gRPC, of spans and metrics; late spans are encoded by what they have in common.

Encoded by the SDK, the span of a small call costs more than the call. Of late spans that are alike, the first is
encoded by the SDK, and the others as copies of it with ids and times of their own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from ringfence_kernel.telemetry.late_spans import LateSpan


def exporting_to(endpoint: str, timeout_seconds: int) -> tuple[SpanProcessor, MetricReader]:
    """Returns what sends spans and metrics to a collector; `timeout_seconds` bounds one export with its retries."""
    spans = BatchSpanProcessor(LikenessExporter(endpoint=endpoint, timeout=timeout_seconds))
    return spans, PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint, timeout=timeout_seconds))


class LikenessExporter(OTLPSpanExporter):
    """Exports spans over OTLP/gRPC, late ones from one process as copies of the first of their likeness."""

    def _translate_data(self, data: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
        alike = [span for span in data if isinstance(span, LateSpan) and span.likeness]
        request = encode_spans([span for span in data if not (isinstance(span, LateSpan) and span.likeness)])
        if alike:
            request.resource_spans.append(self._encode(alike))
        return request

    def _encode(self, alike: Sequence[LateSpan]) -> ResourceSpans:
        (encoded,) = encode_spans(alike[:1]).resource_spans
        spans = encoded.scope_spans[0].spans
        del spans[:]
        patterns: dict[Hashable, Span] = {}
        for span in alike:
            pattern = patterns.get(span.likeness)
            if pattern is None:
                pattern = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
                patterns[span.likeness] = pattern
            copy = spans.add()
            copy.CopyFrom(pattern)
            copy.trace_id = span.context.trace_id.to_bytes(16, "big")
            copy.span_id = span.context.span_id.to_bytes(8, "big")
            if span.parent is not None:
                copy.parent_span_id = span.parent.span_id.to_bytes(8, "big")
            copy.start_time_unix_nano, copy.end_time_unix_nano = span.start_time or 0, span.end_time or 0
        return encoded
