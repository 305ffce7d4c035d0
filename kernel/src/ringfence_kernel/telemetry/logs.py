"""JSON logs on stdout, one object per line, with the trace id; never a payload."""

import logging
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog
from opentelemetry import trace
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger

from ringfence_kernel.telemetry.sink import LineSink
from ringfence_kernel.values.clock import NANOSECONDS

_QUIET_LIBRARIES = ("grpc", "hvac", "nats", "opentelemetry", "psycopg", "requests", "urllib3")
"""Libraries heard only from WARNING up: their chatter may quote requests."""
LOST_LINES = "ringfence.log.lost"
_sink = LineSink()
_MAXIMUM_CAUSES = 5
_MAXIMUM_FRAMES = 20


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sends structlog and the standard library's logging to one JSON stream; what cannot be written is lost.

    Every line has `timestamp` (UTC, ISO 8601), `level`, `service`, `event`, and `trace_id` inside a trace.
    """
    global _sink
    sink = _sink = LineSink(stream)
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _add_time,
        _service_adder(service),
        _add_trace,
        structlog.processors.ExceptionRenderer(_exception_lines),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


def lost_lines() -> int:
    """Returns how many lines could not be written."""
    return _sink.lost


def count_lost(meter: Meter) -> None:
    """Has the lines counted that could not be written: nothing else tells of them."""

    def lost(options: CallbackOptions) -> list[Observation]:
        return [Observation(lost_lines())]

    meaning = "Lines of the log that could not be written."
    meter.create_observable_counter(LOST_LINES, [lost], unit="{line}", description=meaning)


def get(name: str) -> FilteringBoundLogger:
    """Returns a logger that names its module on every line."""
    logger: FilteringBoundLogger = structlog.get_logger(component=name)
    return logger


def _json(event: EventDict, **_: Any) -> str:
    """Renders an event; a value that JSON does not know stands as its text."""
    return msgspec.json.encode(event, enc_hook=str).decode()


def _service_adder(service: str) -> Processor:
    def add_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add_service


def as_of(time_ns: int, trace_id: int) -> dict[str, str]:
    """Returns the fields of a line about a moment that is over, in nanoseconds since 1970, and about its trace."""
    return {"timestamp": _text(datetime.fromtimestamp(time_ns / NANOSECONDS, UTC)), "trace_id": f"{trace_id:032x}"}


def _add_time(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if "timestamp" not in event:
        event["timestamp"] = _text(datetime.now(UTC))
    return event


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if "trace_id" not in event and (context := trace.get_current_span().get_span_context()).is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


def _exception_lines(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """Renders an exception and its causes as types and places: messages and local variables may hold a payload."""
    rendered: list[dict[str, Any]] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(rendered) < _MAXIMUM_CAUSES:
        frames = traceback.extract_tb(error.__traceback__, limit=-_MAXIMUM_FRAMES)
        lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        rendered.append({"type": type(error).__qualname__, "places": lines})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return rendered
