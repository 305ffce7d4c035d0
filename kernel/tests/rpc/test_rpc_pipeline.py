"""How calls end: always in time, always with a named status, and never with more said than is safe."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN_CONTEXT
from ringfence_kernel.rpc import errors
from ringfence_kernel.rpc.deadlines import Deadlines
from ringfence_kernel.rpc.errors import RemoteError, remote_error
from ringfence_kernel.rpc.instruments import EndedCall
from ringfence_kernel.rpc.pipeline import log_call
from ringfence_kernel.rpc.streams import OpenStreams
from ringfence_kernel.telemetry import logs

from ..probe_service import SERVICE, Text
from ..rpc_world import World, bearer

NAMED = {code.name for code in grpc.StatusCode} - {"INTERNAL", "UNKNOWN"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A served probe with short deadlines and tight bounds."""
    made = World()
    options: dict[str, Any] = {"maximum_calls": 2, "maximum_request_bytes": 10_000}
    async with made.served(deadlines=Deadlines(default_seconds=0.3, maximum_seconds=0.6), **options):
        yield made


async def outcome(world: World, text: str, *, timeout: float | None = 5) -> RemoteError:
    """Returns how an admitted call failed."""
    client = world.client_ca.principal()
    async with world.stub(client) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Open(Text(text=text), timeout=timeout)
    return remote_error(caught.value)


async def drained(stream: Any) -> tuple[list[Any], str]:
    """Returns what a stream delivered and the reason of the refusal that ended it."""
    seen = []
    try:
        async for reply in stream:
            seen.append(reply)
    except grpc.aio.AioRpcError as error:
        return seen, remote_error(error).reason
    return seen, ""


async def test_a_refusal_carries_reason_domain_metadata_and_retry(world: World) -> None:
    """A DomainError arrives as google.rpc.Status with ErrorInfo and RetryInfo."""
    async with world.stub(world.client_ca.principal()) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Open(Text(text="refuse"))
    trailers = dict(caught.value.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (caught.value.code(), status.message) == (grpc.StatusCode.FAILED_PRECONDITION, "not now")
    assert (info.reason, info.domain, dict(info.metadata)) == ("PROBE_REFUSED", "ringfence", {"account": "17"})
    assert retry.retry_delay.ToNanoseconds() == 1_500_000_000
    assert remote_error(caught.value).retry_after_seconds == 1.5


async def test_an_unexpected_error_tells_the_caller_nothing_and_the_log_where(world: World) -> None:
    """INTERNAL has no details; the log has the type, the place and the trace id, but not the message."""
    stream = io.StringIO()
    logs.configure("probe", stream=stream)
    refused = await outcome(world, "break")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    (failure,) = (line for line in lines if line["event"] == "unexpected_error")
    assert (refused.code, refused.reason, refused.message) == ("INTERNAL", "INTERNAL", "internal error")
    assert failure["exception"][0]["type"] == "RuntimeError"
    assert "probe_service.py" in failure["exception"][0]["places"][-1]
    assert len(failure["trace_id"]) == 32
    assert "secret detail" not in stream.getvalue()


async def test_one_line_is_logged_per_call_and_never_the_payload(world: World) -> None:
    """The line names method, caller, code and reason."""
    stream = io.StringIO()
    logs.configure("probe", stream=stream)
    async with world.stub(world.client_ca.principal()) as stub:
        await stub.Open(Text(text="private words"))
    async with asyncio.timeout(5):
        while not stream.getvalue():
            await asyncio.sleep(0.01)
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (line["event"], line["method"], line["code"]) == ("call", f"/{SERVICE}/Open", "OK")
    assert line["caller"].startswith("spiffe://")
    assert "private words" not in stream.getvalue()


@pytest.mark.parametrize(
    ("path", "code", "lines"),
    [
        ("/ringfence.common.v1.FeedService/Read", "OK", 0),
        ("/grpc.health.v1.Health/Check", "OK", 0),
        ("/ringfence.common.v1.FeedService/Read", "UNAVAILABLE", 1),
        (f"/{SERVICE}/Open", "OK", 1),
    ],
)
def test_polling_that_succeeds_is_no_line(path: str, code: str, lines: int) -> None:
    """An idle platform's log stands still; what fails is told, whatever it is."""
    stream = io.StringIO()
    logs.configure("probe", stream=stream)
    log_call(EndedCall(path, {}, Context(), INVALID_SPAN_CONTEXT, 1, 0.1, "spiffe://x", code, ""))
    assert len(stream.getvalue().splitlines()) == lines


async def test_the_outage_of_a_peer_is_told_by_name_and_its_other_refusals_are_not() -> None:
    """What a peer cannot do now is UNAVAILABLE here too, with its reason; its refusal of our own call is our fault."""
    sealed = errors.refusal_of(RemoteError("UNAVAILABLE", "KEYS_UNAVAILABLE", "", {}))
    assert (sealed.code, sealed.reason, sealed.metadata) == (
        "UNAVAILABLE",
        "PEER_UNAVAILABLE",
        {"peer_reason": "KEYS_UNAVAILABLE"},
    )
    refused = errors.refusal_of(RemoteError("PERMISSION_DENIED", "SCOPE_MISSING", "secret detail", {}))
    assert (refused.code, refused.reason, str(refused)) == ("INTERNAL", "INTERNAL", "internal error")
    old = errors.refusal_of(RemoteError("UNIMPLEMENTED", "", "secret detail", {}))
    assert (old.code, old.reason, old.metadata) == ("INTERNAL", "PEER_REFUSED", {})
    busy = errors.refusal_of(RemoteError("RESOURCE_EXHAUSTED", "", "", {}, 3.0))
    assert (busy.reason, busy.retry_after_seconds) == ("PEER_UNAVAILABLE", 3.0)


async def test_a_call_without_a_deadline_gets_the_default(world: World) -> None:
    """A servicer that hangs is cut off by the server."""
    refused = await outcome(world, "hang", timeout=None)
    assert (refused.code, refused.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")


async def test_a_caller_cannot_ask_for_more_time_than_the_maximum(world: World) -> None:
    """A deadline of an hour is cut to the server's bound."""
    started = asyncio.get_running_loop().time()
    refused = await outcome(world, "hang", timeout=3600)
    assert (refused.code, refused.reason) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert asyncio.get_running_loop().time() - started < 5


async def test_an_oversized_request_is_refused(world: World) -> None:
    """A message above the bound never reaches the servicer."""
    refused = await outcome(world, "x" * 20_000)
    assert refused.code == "RESOURCE_EXHAUSTED"
    assert world.probe.calls == 0


async def test_calls_above_the_bound_are_refused_with_a_time_to_retry(world: World) -> None:
    """The third of two allowed calls is OVERLOADED; when one has ended, there is room again."""
    first, second = world.client_ca.principal(), world.client_ca.principal()
    async with world.stub(first) as stub, world.stub(second) as other:
        waiting = [asyncio.ensure_future(each.Open(Text(text="wait"), timeout=5)) for each in (stub, other)]
        while world.probe.calls < 2:
            await asyncio.sleep(0.01)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Open(Text(text="x"))
        world.probe.release.set()
        await asyncio.gather(*waiting)
        assert (await stub.Open(Text(text="x"))).text == "x"
    refused = remote_error(caught.value)
    assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")


async def test_a_method_that_is_not_served_is_unimplemented(world: World) -> None:
    """Both an unknown method and a servicer's unwritten one say UNIMPLEMENTED."""
    async with world.stub(world.client_ca.principal()) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Absent(Text(text="x"))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert (await outcome(world, "unfinished")).code == "UNIMPLEMENTED"


async def test_a_malformed_request_is_refused_after_its_caller_was_admitted(world: World) -> None:
    """Who may not call learns nothing about the request; who may is told that it is malformed."""
    path, garbage = f"/{SERVICE}/Write", b"\x0a\xff\xff\xff\xff\x0f"
    client = world.client_ca.principal()
    async with world.channel(client) as channel:
        raw = channel.unary_unary(path)
        with pytest.raises(grpc.aio.AioRpcError) as stranger:
            await raw(garbage)
        with pytest.raises(grpc.aio.AioRpcError) as admitted:
            await raw(garbage, metadata=bearer(world.token_for(client)))
    assert remote_error(stranger.value).reason == "TOKEN_MISSING"
    assert remote_error(admitted.value).reason == "MALFORMED_REQUEST"
    assert admitted.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_delivers_and_ends_with_a_named_status(world: World) -> None:
    """Replies before a refusal arrive; then the refusal does."""
    client = world.client_ca.principal()
    metadata = bearer(world.token_for(client))
    async with world.stub(client) as stub:
        seen, refused = await drained(stub.Watch(Text(text="refuse"), metadata=metadata, timeout=5))
        assert ([reply.text for reply in seen], refused) == (["0", "1", "2"], "PROBE_REFUSED")
        assert await drained(stub.Watch(Text(text="x"), timeout=5)) == ([], "TOKEN_MISSING")


async def test_streams_are_ended_by_name_when_the_server_is_to_stop() -> None:
    """Whoever follows is told to go on elsewhere, also who comes then; calls that answer once are taken on."""
    world = World()
    client = world.client_ca.principal()
    async with world.served() as server, world.stub(client) as stub:
        metadata = bearer(world.token_for(client))
        following = asyncio.ensure_future(drained(stub.Watch(Text(text="hang"), metadata=metadata, timeout=20)))
        async with asyncio.timeout(5):
            while not world.probe.calls:
                await asyncio.sleep(0.01)
        server.end_streams()
        seen, refused = await asyncio.wait_for(following, 5)
        assert (len(seen), refused) == (3, "NOT_LEADER")
        late = drained(stub.Watch(Text(text="hang"), metadata=metadata, timeout=20))
        assert (await asyncio.wait_for(late, 5))[1] == "NOT_LEADER"
        assert (await stub.Open(Text(text="still"), timeout=5)).text == "still"


async def test_a_stream_whose_time_is_just_over_holds_up_no_stop() -> None:
    """It ends by itself; the others are ended all the same."""
    streams, loop = OpenStreams(), asyncio.get_running_loop()
    errors = list[BaseException]()

    def end() -> None:
        try:
            streams.end()
        except RuntimeError as error:
            errors.append(error)

    async def follow(seconds: float) -> None:
        async with asyncio.timeout(seconds) as limit:
            with streams.open(limit):
                if not seconds:
                    # Runs between the limit's own call and the cancellation that it asks for.
                    loop.call_soon(end)
                await asyncio.Event().wait()

    following = asyncio.gather(follow(20), follow(0), follow(20), return_exceptions=True)
    assert [type(each) for each in await asyncio.wait_for(following, 5)] == [TimeoutError] * 3
    assert errors == []


async def test_every_message_of_a_request_stream_is_parsed_and_refused_by_name(world: World) -> None:
    """Two good messages are echoed; the malformed third ends the stream."""
    client = world.client_ca.principal()
    async with world.channel(client) as channel:
        messages = [Text(text="a").SerializeToString(), Text(text="b").SerializeToString(), b"\xff"]
        talk = channel.stream_stream(f"/{SERVICE}/Talk")
        metadata = bearer(world.token_for(client))
        seen, refused = await drained(talk(iter(messages), metadata=metadata, timeout=5))
    assert ([Text.FromString(reply).text for reply in seen], refused) == (["a", "b"], "MALFORMED_REQUEST")


async def test_health_and_reflection_answer_any_valid_certificate(world: World) -> None:
    """Neither needs a token; both need the certificate."""
    async with world.channel(world.workload_ca.service("audit")) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        status = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        async for reply in stub.ServerReflectionInfo(iter([request])):
            names = {service.name for service in reply.list_services_response.service}
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await health.Check(health_pb2.HealthCheckRequest(service="nobody"))
    assert status.status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert SERVICE in names
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


async def test_hostile_bytes_and_metadata_never_end_in_internal_or_a_hang(world: World) -> None:
    """Whatever is sent to whatever method, the answer is in time, and neither INTERNAL nor UNKNOWN."""
    client = world.client_ca.principal()
    token = world.token_for(client)
    text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)
    loop = asyncio.get_running_loop()

    async def attack(channel: grpc.aio.Channel, method: str, body: bytes, authorization: str, trace: str) -> str:
        metadata = (("authorization", authorization), ("traceparent", trace))
        try:
            await channel.unary_unary(method)(body, metadata=metadata, timeout=3)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    async with world.channel(client) as channel:
        methods = [f"/{SERVICE}/{name}" for name in ("Write", "Admin", "Follow", "Open", "Watch", "Talk", "Hidden")]
        cases = given(
            st.sampled_from([*methods, "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List", "/", "/x"]),
            st.binary(max_size=300),
            st.one_of(st.just(f"Bearer {token}"), text, text.map(lambda part: f"Bearer {part}")),
            text,
        )

        def run(method: str, body: bytes, authorization: str, trace: str) -> None:
            pending = asyncio.run_coroutine_threadsafe(attack(channel, method, body, authorization, trace), loop)
            assert pending.result(timeout=5) in NAMED

        relaxed = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        await asyncio.to_thread(relaxed(cases(run)))
