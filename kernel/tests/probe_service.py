"""A proto service made for the tests of `rpc`: one method per kind of access rule and per way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from ringfence_kernel.access.caller import current_caller
from ringfence_kernel.rpc.server import Servicer
from ringfence_kernel.telemetry.tracing import current_traceparent
from ringfence_kernel.values.errors import DomainError
from ringfence_protos.common.v1 import access_pb2

SERVICE = "ringfence.probe.v1.ProbeService"
UNRULED_SERVICE = "ringfence.probe.v1.UnruledService"
_TEXT = descriptor_pb2.FieldDescriptorProto.TYPE_STRING


class ProbeRefused(DomainError):
    """A refusal with metadata."""

    reason = "PROBE_REFUSED"
    code = "FAILED_PRECONDITION"
    retry_after_seconds = 1.5


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="ringfence/probe/v1/probe.proto",
        package="ringfence.probe.v1",
        syntax="proto3",
        dependency=["ringfence/common/v1/access.proto"],
    )
    message = file.message_type.add(name="Text")
    message.field.add(name="text", number=1, type=_TEXT, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    service = file.service.add(name="ProbeService")
    _method(service, "Write", access_pb2.Access(scope="test.write"))
    _method(service, "Admin", access_pb2.Access(scope="test.admin"))
    _method(service, "Follow", access_pb2.Access(workloads=["custody"]))
    _method(service, "Open", access_pb2.Access(certificate_only=True))
    _method(service, "Watch", access_pb2.Access(scope="test.read"), server_streaming=True)
    _method(service, "Talk", access_pb2.Access(scope="test.read"), server_streaming=True, client_streaming=True)
    _method(file.service.add(name="UnruledService"), "Anything", access_pb2.Access())
    return file


def _method(service: Any, name: str, access: access_pb2.Access, **streaming: bool) -> None:
    text = ".ringfence.probe.v1.Text"
    method = service.method.add(name=name, input_type=text, output_type=text, **streaming)
    method.options.Extensions[access_pb2.access].CopyFrom(access)


_POOL = descriptor_pool.Default()
_POOL.AddSerializedFile(_file().SerializeToString())
Text: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("ringfence.probe.v1.Text"))


class Probe:
    """Does what the request's text says."""

    def __init__(self) -> None:
        """Remembers nothing yet."""
        self.release = asyncio.Event()
        self.calls = 0

    async def answer(self, request: Any, context: Any) -> Any:
        """Answers `caller` or `traceparent`, fails in a named or unnamed way, waits, or echoes."""
        self.calls += 1
        match request.text:
            case "caller":
                caller = current_caller()
                return Text(text=f"{caller.spiffe_id} {caller.subject.hex()} {sorted(caller.scopes)}")
            case "traceparent":
                return Text(text=current_traceparent())
            case "refuse":
                raise ProbeRefused("not now", account="17")
            case "break":
                raise RuntimeError("secret detail")
            case "unfinished":
                raise NotImplementedError
            case "hang":
                await asyncio.Event().wait()
            case text if text.startswith("wait"):
                await self.release.wait()
            case "pause":
                await asyncio.sleep(1)
            case "release":
                self.release.set()
        return Text(text=request.text)

    async def watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Yields three texts, then does what the request says."""
        for number in range(3):
            yield Text(text=str(number))
        yield await self.answer(request, context)

    async def talk(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """Echoes every request."""
        async for request in requests:
            yield await self.answer(request, context)

    def servicer(self) -> Servicer:
        """Returns what the server takes."""
        return Servicer(_add, self, SERVICE)


def _add(probe: Probe, server: grpc.aio.Server) -> None:
    unary: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(probe.answer, Text.FromString, Text.SerializeToString)
        for name in ("Write", "Admin", "Follow", "Open")
    }
    watch = grpc.unary_stream_rpc_method_handler(probe.watch, Text.FromString, Text.SerializeToString)
    talk = grpc.stream_stream_rpc_method_handler(probe.talk, Text.FromString, Text.SerializeToString)
    methods = {**unary, "Watch": watch, "Talk": talk, "Hidden": unary["Open"]}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))


class ProbeStub:
    """As grpc_tools would generate it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Makes the calls."""
        self.Write = self._unary(channel, "Write")
        self.Admin = self._unary(channel, "Admin")
        self.Follow = self._unary(channel, "Follow")
        self.Open = self._unary(channel, "Open")
        self.Hidden = self._unary(channel, "Hidden")
        self.Absent = self._unary(channel, "Absent")
        self.Watch = channel.unary_stream(f"/{SERVICE}/Watch", Text.SerializeToString, Text.FromString)
        self.Talk = channel.stream_stream(f"/{SERVICE}/Talk", Text.SerializeToString, Text.FromString)

    @staticmethod
    def _unary(channel: grpc.aio.Channel, name: str) -> Callable[..., Any]:
        return channel.unary_unary(f"/{SERVICE}/{name}", Text.SerializeToString, Text.FromString)
