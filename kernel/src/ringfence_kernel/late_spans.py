"""Spans that are made when they have ended, and many at a time, which costs a fraction of making each in its place.

A span begins with its identity alone: that is all that logs, events and other services need to know of it meanwhile.
"""

from __future__ import annotations

from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags, Tracer
from opentelemetry.util.types import Attributes

_GIVEN: ContextVar[SpanContext | None] = ContextVar("ringfence_given_span", default=None)
_RANDOM = TraceFlags.RANDOM_TRACE_ID


class GivenIds(RandomIdGenerator):
    """Gives a late span the ids that it began with, and every other span random ones."""

    def generate_span_id(self) -> int:
        """Returns 64 bits."""
        given = _GIVEN.get()
        return super().generate_span_id() if given is None else given.span_id

    def generate_trace_id(self) -> int:
        """Returns 128 bits; asked for a span without a parent only."""
        given = _GIVEN.get()
        return super().generate_trace_id() if given is None else given.trace_id


class LateSpans:
    """Begins spans, and makes them later with a tracer whose provider takes its ids from here."""

    ids = GivenIds()

    def __init__(self, tracer: Tracer, *, recorded: bool) -> None:
        """Records traces that start here, or does not; the others as their parents are."""
        self._tracer = tracer
        self._flags = TraceFlags((TraceFlags.SAMPLED if recorded else TraceFlags.DEFAULT) | _RANDOM)

    def begin(self, parent: Context) -> SpanContext:
        """Returns the identity of a span that begins now."""
        above = trace.get_current_span(parent).get_span_context()
        span_id = self.ids.generate_span_id()
        if above.is_valid:
            return SpanContext(above.trace_id, span_id, False, above.trace_flags, above.trace_state)
        return SpanContext(self.ids.generate_trace_id(), span_id, False, self._flags)

    def make(
        self,
        identity: SpanContext,
        parent: Context,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        times_ns: tuple[int, int],
        *,
        is_fault: bool,
    ) -> None:
        """Makes a span that has ended, under the parent that it began with; times since 1970."""
        if not identity.trace_flags.sampled:
            return
        token = _GIVEN.set(identity)
        try:
            span = self._tracer.start_span(name, parent, kind, attributes, start_time=times_ns[0])
        finally:
            _GIVEN.reset(token)
        if is_fault:
            span.set_status(StatusCode.ERROR)
        span.end(times_ns[1])
