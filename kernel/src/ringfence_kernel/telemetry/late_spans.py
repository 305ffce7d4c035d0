"""Spans that are made when they have ended.

Made by the SDK, the span of a small call costs more than the call. A late span begins with its identity alone, which is
all that logs, events and other services know of it meanwhile.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

_IDS = RandomIdGenerator()
_OK, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class LateSpan(ReadableSpan):
    """A span that has ended; those of one likeness differ in their ids and times alone."""

    likeness: Hashable = None


class LateSpans:
    """Begins spans, and makes them later."""

    def __init__(self, resource: Resource, scope: str, processors: Sequence[SpanProcessor]) -> None:
        """Hands spans that have ended to the processors; with none of them, traces that start here are not recorded."""
        self._resource, self._scope, self._processors = resource, InstrumentationScope(scope), processors
        recorded = TraceFlags.SAMPLED if processors else TraceFlags.DEFAULT
        self._flags = TraceFlags(recorded | TraceFlags.RANDOM_TRACE_ID)

    def begin(self, parent: Context) -> SpanContext:
        """Returns the identity of a span that begins now; it is recorded when its parent is."""
        above = trace.get_current_span(parent).get_span_context()
        span_id = _IDS.generate_span_id()
        if above.is_valid:
            return SpanContext(above.trace_id, span_id, False, above.trace_flags, above.trace_state)
        return SpanContext(_IDS.generate_trace_id(), span_id, False, self._flags)

    def make(
        self,
        identity: SpanContext,
        parent: Context,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
        times_ns: tuple[int, int],
        *,
        is_fault: bool,
    ) -> None:
        """Makes a span that has ended, under the parent that it began with; times since 1970."""
        if not identity.trace_flags.sampled:
            return
        above = trace.get_current_span(parent).get_span_context()
        span = LateSpan(
            name,
            identity,
            above if above.is_valid else None,
            self._resource,
            attributes,
            kind=kind,
            status=_ERROR if is_fault else _OK,
            start_time=times_ns[0],
            end_time=times_ns[1],
            instrumentation_scope=self._scope,
        )
        if not identity.trace_state:
            span.likeness = name, kind, is_fault, above.is_valid, above.is_remote, *attributes.items()
        for processor in self._processors:
            processor.on_end(span)
