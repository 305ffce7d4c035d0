"""Telemetry: the conventional names, trace context that travels, and a document that says the same as the code."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import time
from datetime import datetime
from pathlib import Path

import grpc
import pytest
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from ringfence_kernel.certificates.bundle import FixedCertificate
from ringfence_kernel.rpc import instruments
from ringfence_kernel.rpc.errors import RemoteError
from ringfence_kernel.rpc.instruments import Instruments
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry import tracing as telemetry
from ringfence_kernel.telemetry.exporting import LikenessExporter
from ringfence_kernel.telemetry.tracing import Telemetry

from .probe_service import SERVICE, ProbeStub, Text
from .rpc_world import World

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "telemetry.md"


async def test_a_call_makes_a_client_span_with_the_server_span_under_it() -> None:
    """One trace runs through both sides, with the current semantic names."""
    world = World()
    async with world.served():
        peer = world.peer(FixedCertificate(world.workload_ca.service("audit").bundle))
        await peer.call(ProbeStub, "Open", Text(text="x"))
        await peer.close()
    server, client = sorted(world.spans.get_finished_spans(), key=lambda span: span.kind.value)
    assert (server.kind, client.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert server.parent is not None
    assert server.parent.span_id == client.context.span_id
    assert server.name == f"{SERVICE}/Open"
    assert server.attributes is not None
    assert server.attributes["rpc.system.name"] == "grpc"
    assert server.attributes["rpc.method"] == f"{SERVICE}/Open"
    assert server.attributes["rpc.response.status_code"] == "OK"


async def test_what_is_said_of_a_call_later_is_said_as_of_then() -> None:
    """Span and line come after the call, with the ids that ran through it and the times it had."""
    world, stream = World(), io.StringIO()
    logs.configure("probe", stream=stream)
    async with world.served(), world.stub(world.client_ca.principal()) as stub:
        before = time.time_ns()
        await stub.Open(Text(text="traceparent"))
        after = time.time_ns()
        reply = await stub.Open(Text(text="traceparent"))
    first, second = world.spans.get_finished_spans()
    assert before <= (first.start_time or 0) < (first.end_time or 0) <= after
    assert reply.text.split("-")[1:3] == [f"{second.context.trace_id:032x}", f"{second.context.span_id:016x}"]
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["trace_id"] for line in lines] == [f"{span.context.trace_id:032x}" for span in (first, second)]
    told_ns = datetime.fromisoformat(lines[0]["timestamp"]).timestamp() * 1e9
    assert abs(told_ns - (first.end_time or 0)) < 1e6


async def test_a_call_is_told_of_while_the_server_runs() -> None:
    """A single call does not wait for others, nor for the end of the process."""
    world = World()
    async with world.served(), world.stub(world.client_ca.principal()) as stub:
        await stub.Open(Text(text="x"))
        async with asyncio.timeout(5):
            while not world.spans.get_finished_spans():
                await asyncio.sleep(0.01)


async def test_many_calls_are_told_of_at_once_and_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """When enough have ended nobody waits, and the loop goes on between them."""
    monkeypatch.setattr(instruments, "_SOON_SECONDS", 60)
    told: list[instruments.EndedCall] = []
    measured = Instruments(Telemetry.start("probe"), SpanKind.SERVER, "localhost:1", told.append)

    def end(count: int) -> None:
        for _ in range(count):
            with measured.call(f"/{SERVICE}/Open"):
                pass

    end(63)
    await asyncio.sleep(0.05)
    assert not told
    end(1 + 64 + 1)
    sizes = []
    async with asyncio.timeout(5):
        while len(told) < 129:
            await asyncio.sleep(0)
            sizes.append(len(told))
    assert {64, 128} <= set(sizes)


async def test_calls_that_a_stop_cuts_off_are_told_of() -> None:
    """A call that is running when the server stops ends CANCELLED, and leaves its span."""
    world = World()
    async with world.served() as server, world.stub(world.client_ca.principal()) as stub:
        hanging = asyncio.ensure_future(stub.Open(Text(text="hang"), timeout=5))
        while not world.probe.calls:
            await asyncio.sleep(0.01)
        await server.stop(0)
        async with asyncio.timeout(5):
            while not world.spans.get_finished_spans():
                await asyncio.sleep(0.01)
        await asyncio.gather(hanging, return_exceptions=True)
    (cut,) = world.spans.get_finished_spans()
    assert (cut.attributes or {})["rpc.response.status_code"] == "CANCELLED"


@pytest.mark.parametrize(
    ("path", "code", "spans"),
    [
        ("/ringfence.common.v1.FeedService/Read", "OK", 0),
        ("/grpc.health.v1.Health/Check", "OK", 0),
        ("/ringfence.common.v1.FeedService/Read", "UNAVAILABLE", 1),
        (f"/{SERVICE}/Open", "OK", 1),
    ],
)
async def test_polling_that_succeeds_is_no_span(path: str, code: str, spans: int) -> None:
    """An idle platform sends no traces; what fails is traced, whatever it is."""
    kept = InMemorySpanExporter()
    started = Telemetry.start("probe", span_processor=SimpleSpanProcessor(kept))
    measured = Instruments(started, SpanKind.SERVER, "localhost:1")
    with measured.call(path, Context()) as call:
        call.code = code
    measured.close()
    assert len(kept.get_finished_spans()) == spans


async def test_alike_spans_are_encoded_as_the_sdk_would() -> None:
    """Copies of the first of a likeness are what encoding each of them gives, beside spans of every other kind."""
    kept = InMemorySpanExporter()
    started = Telemetry.start("probe", span_processor=SimpleSpanProcessor(kept))
    first, second = (Instruments(started, SpanKind.CLIENT, f"localhost:{port}") for port in (1, 2))
    remote, stateful = ({"traceparent": TRACEPARENT, "tracestate": state} for state in ("", "vendor=1"))
    for code, reason in (("OK", ""), ("OK", ""), ("INTERNAL", "INTERNAL"), ("ABORTED", "VERSION_TAKEN")):
        for parent in (Context(), telemetry.context_from(remote), telemetry.context_from(stateful)):
            for measured in (first, second):
                with measured.call(f"/{SERVICE}/Open", parent) as call:
                    call.code, call.reason = code, reason
    first.close()
    second.close()
    with started.tracer.start_as_current_span("other"):
        pass
    spans = kept.get_finished_spans()
    exporter = LikenessExporter(endpoint="http://localhost:1")
    sent = {span.span_id: span for span in _spans(exporter._translate_data(spans))}
    assert sent == {span.span_id: span for span in _spans(encode_spans(spans))}
    assert len(sent) == 25
    exporter.shutdown()


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]


async def test_durations_are_measured_in_seconds_by_status() -> None:
    """Both sides record a histogram point per status of the call."""
    world = World()
    async with world.served():
        peer = world.peer(FixedCertificate(world.workload_ca.service("audit").bundle))
        await peer.call(ProbeStub, "Open", Text(text="x"))
        with pytest.raises(RemoteError):
            await peer.call(ProbeStub, "Open", Text(text="refuse"))
        await peer.close()
    data = world.metrics.get_metrics_data()
    assert data is not None
    metrics = {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    for name in (instruments.SERVER_DURATION, instruments.CLIENT_DURATION):
        points = list(metrics[name].data.data_points)
        assert metrics[name].unit == "s"
        assert {str(point.attributes["rpc.response.status_code"]) for point in points} == {"OK", "FAILED_PRECONDITION"}
        assert all(0 < point.sum < 5 for point in points)


async def test_a_refusal_is_no_fault_of_the_server_and_names_its_reason() -> None:
    """The server span of a refusal has the reason and no error; that of a fault has the error."""
    world = World()
    async with world.served(), world.stub(world.client_ca.principal()) as stub:
        for text in ("refuse", "break"):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.Open(Text(text=text))
    refused, broken = world.spans.get_finished_spans()
    assert refused.attributes is not None
    assert broken.attributes is not None
    assert refused.attributes[instruments.REASON] == "PROBE_REFUSED"
    assert "error.type" not in refused.attributes
    assert broken.attributes["error.type"] == "INTERNAL"
    assert not broken.events


async def test_an_incoming_traceparent_is_continued() -> None:
    """The server's span belongs to the caller's trace; a malformed header starts a new one."""
    world = World()
    async with world.served(), world.stub(world.client_ca.principal()) as stub:
        await stub.Open(Text(text="x"), metadata=(("traceparent", TRACEPARENT),))
        await stub.Open(Text(text="x"), metadata=(("traceparent", "00-zz-zz-01"),))
    known, fresh = world.spans.get_finished_spans()
    assert f"{known.context.trace_id:032x}" == TRACEPARENT.split("-")[1]
    assert fresh.parent is None


def test_a_span_tells_the_type_of_an_exception_and_not_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an exception quotes, a row or a name, does not leave the process in a span."""
    spans = InMemorySpanExporter()
    started = Telemetry.start("probe", span_processor=SimpleSpanProcessor(spans))
    monkeypatch.setattr(telemetry, "tracer", lambda: started.tracer)
    with pytest.raises(ValueError, match="Anna"), telemetry.span("work"):
        raise ValueError("Anna's IBAN")
    (made,) = spans.get_finished_spans()
    assert "Anna" not in made.to_json()
    assert dict(made.attributes or {}) == {"error.type": "ValueError"}
    assert made.status.status_code is StatusCode.ERROR


def test_headers_carry_the_context_there_and_back() -> None:
    """What `inject` writes, `context_from` and `link_from` read; a broken text gives no link."""
    tracer = Telemetry.start("probe").tracer
    headers: dict[str, str] = {}
    with tracer.start_as_current_span("x", context=telemetry.context_from({"traceparent": TRACEPARENT})):
        telemetry.inject(headers)
        assert telemetry.current_traceparent() == headers["traceparent"]
    link = telemetry.link_from(headers["traceparent"])
    assert link is not None
    assert f"{link.context.trace_id:032x}" == TRACEPARENT.split("-")[1]
    assert telemetry.link_from("") is None
    assert telemetry.current_traceparent() == ""


def test_outside_a_trace_there_is_something_that_nobody_takes_for_one() -> None:
    """It is as long as a trace context, of another value each time, and gives no link."""
    made = {telemetry.untraced() for _ in range(100)}
    assert len(made) == 100
    assert {len(each) for each in made} == {len(TRACEPARENT)}
    assert {telemetry.link_from(each) for each in made} == {None}


def test_without_an_endpoint_trace_ids_run_but_nothing_is_recorded() -> None:
    """Spans that nobody collects cost nothing, yet logs and events have a trace id."""
    with Telemetry.start("probe").tracer.start_as_current_span("x") as span:
        assert not span.is_recording()
        assert telemetry.current_traceparent().startswith("00-")


def test_the_document_lists_exactly_the_names_in_the_code() -> None:
    """Every metric of calls and every own attribute or metric of any part is in docs/telemetry.md, and nothing else."""
    text = DOCUMENT.read_text(encoding="utf-8")
    durations = set(re.findall(r"`(rpc\.\w+\.call\.duration)`", text))
    assert durations == {instruments.SERVER_DURATION, instruments.CLIENT_DURATION}
    sources = [*ROOT.glob("kernel/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    instrumented = [code for file in sources if "telemetry" in (code := file.read_text(encoding="utf-8"))]
    in_code = {name for code in instrumented for name in re.findall(r'"(ringfence(?:\.[a-z_]+){2,})"', code)}
    assert in_code == set(re.findall(r"`(ringfence(?:\.[a-z_]+){2,})`", text))


def test_the_standard_librarys_logs_join_the_same_stream() -> None:
    """A library's warning is a JSON line; its exception shows places, never its text."""
    stream = io.StringIO()
    logs.configure("probe", stream=stream)
    try:
        raise ValueError("private words")
    except ValueError:
        logging.getLogger("somewhere").exception("it failed")
    logging.getLogger("urllib3").info("chatter")
    (line,) = (json.loads(text) for text in stream.getvalue().splitlines())
    assert (line["event"], line["service"], line["level"]) == ("it failed", "probe", "error")
    assert line["exception"][0]["type"] == "ValueError"
    assert "private words" not in stream.getvalue()


def test_a_collector_that_is_away_does_not_hold_up_a_stop() -> None:
    """Shutting down with spans and metrics that nobody takes ends within a few seconds."""
    started = Telemetry.start("probe", "http://localhost:1")
    with started.tracer.start_as_current_span("x"):
        started.meter.create_counter("ringfence_test").add(1)
    before = time.monotonic()
    started.shutdown()
    assert time.monotonic() - before < 6
