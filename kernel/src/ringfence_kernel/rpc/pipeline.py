"""What surrounds every call to a servicer, in this order: span, admission, gate, access, quotas, parsing, errors.

A request is not even read before its caller is admitted, and must arrive within the time of its call. Who is suspended
meanwhile is refused still: once the request is there, and with every message of a stream. Whatever happens, a call ends
in time, with a named status.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from opentelemetry.context import Context as TraceContext

from ringfence_kernel.access.caller import Caller, calling, current_caller
from ringfence_kernel.access.control import AccessControl
from ringfence_kernel.access.refusals import PrincipalSuspended, TokenEnded
from ringfence_kernel.rpc import errors
from ringfence_kernel.rpc.admission import Admission
from ringfence_kernel.rpc.deadlines import Deadlines
from ringfence_kernel.rpc.instruments import HEALTH, Call, EndedCall, Instruments
from ringfence_kernel.rpc.quotas import CallQuotas
from ringfence_kernel.rpc.refusals import DeadlineExceeded, MalformedRequest, NotLeader
from ringfence_kernel.rpc.streams import OpenStreams, ending_once
from ringfence_kernel.telemetry import logs
from ringfence_kernel.telemetry.tracing import context_from
from ringfence_kernel.values.errors import DomainError

_LOG = logs.get(__name__)
_TRACE_HEADERS = frozenset({"traceparent", "tracestate"})
_NO_PARENT = TraceContext()

# Quoted: these classes are generic in their stubs only.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Body = Callable[[], Awaitable[Any]]
Gate: TypeAlias = AbstractContextManager[None]


@dataclass(frozen=True, slots=True)
class CallPipeline(grpc.aio.ServerInterceptor):
    """Wraps the handler of every method that is served.

    Calls and streams are admitted separately, so that watchers never starve commands; health checks always are. Every
    method is served as one with a stream of requests: gRPC waits for a single request before it calls its handler, for
    as long as the caller likes.
    """

    access: AccessControl
    instruments: Instruments
    deadlines: Deadlines
    calls: Admission
    streams: Admission
    quotas: CallQuotas
    gates: Mapping[str, Gate] = field(default_factory=dict)
    """What calls of a service, by its full name, or of a method, by its path, are made within.

    It is entered before the request is read, and may refuse, also an answer.
    """
    unpaced: frozenset[str] = frozenset()
    """Paths of methods whose batches wait for none."""
    heavy: frozenset[str] = frozenset()
    """Paths of methods that cost much however small their requests are."""
    open_streams: OpenStreams = field(default_factory=OpenStreams)
    _wrapped: dict[str, Handler] = field(default_factory=dict)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Returns the wrapped handler; a method that is not served stays UNIMPLEMENTED."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None and (handler := await continuation(handler_call_details)) is not None:
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: Handler) -> Handler:
        behaviour: Any = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        is_stream = handler.request_streaming or handler.response_streaming
        yields = inspect.isasyncgenfunction(behaviour)
        gate, place = (self.gates.get(name, nullcontext()) for name in (method.split("/")[1], method))

        async def respond(requests: AsyncIterator[bytes], context: Context) -> Any:
            async def body() -> Any:
                if handler.request_streaming:
                    return await answer(self._parse_stream(handler.request_deserializer, requests))
                data = await context.read()
                async with nullcontext() if method in self.unpaced else self._batch(method, data):
                    return await answer(self._parse(handler.request_deserializer, data))

            async def answer(parsed: Any) -> Any:
                if yields:
                    return await self._write_all(behaviour(parsed, context), context)
                return await behaviour(parsed, context)

            return await self._run(method, context, body, is_stream, gate, place)

        maker: Any = (
            grpc.stream_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        # Without a deserializer the requests arrive as bytes, for `_parse_stream`.
        wrapped: Handler = maker(respond, None, handler.response_serializer)
        return wrapped

    async def _run(self, method: str, context: Context, body: Body, is_stream: bool, gate: Gate, place: Gate) -> Any:
        metadata, admitted = tuple(context.invocation_metadata() or ()), None
        with self.instruments.call(method, _parent(metadata)) as call:
            try:
                async with asyncio.timeout(self._seconds(context, is_stream)) as time_limit:
                    with self._slot(method, is_stream), gate, self._open(time_limit, is_stream):
                        admitted = await self.access.admit(method, context.auth_context(), metadata)
                        call.caller = admitted.spiffe_id
                        with (
                            self._share(method, call.caller, is_stream),
                            self._watched(admitted, time_limit, is_stream),
                        ):
                            async with self._turn(method, admitted, is_stream):
                                with calling(admitted), place:
                                    return await body()
            except grpc.aio.AbortError:
                call.code = errors.code_name(context.code())
                raise
            except Exception as error:
                expired = isinstance(error, TimeoutError) and time_limit.expired()
                await self._refuse(context, self._expiry(admitted, is_stream) if expired else error, call)

    def _open(self, time_limit: asyncio.Timeout, is_stream: bool) -> AbstractContextManager[None]:
        return self.open_streams.open(time_limit) if is_stream else nullcontext()

    def _watched(self, caller: Caller, limit: asyncio.Timeout, is_stream: bool) -> AbstractContextManager[None]:
        if not (is_stream and caller.token):  # who shows none is not looked at again
            return nullcontext()
        return ending_once(lambda: self._refusal_of(caller) is not None, limit)

    def _refusal_of(self, caller: Caller) -> DomainError | None:
        try:
            self.access.require_standing(caller)
        except (PrincipalSuspended, TokenEnded) as refusal:
            return refusal
        return None

    def _expiry(self, caller: Caller | None, is_stream: bool) -> Exception:
        """Returns why the time of a call is over: a stream may have been ended, for good or to go on elsewhere."""
        if is_stream and caller is not None and (refusal := self._refusal_of(caller)) is not None:
            return refusal
        return NotLeader() if is_stream and self.open_streams.are_ended else DeadlineExceeded()

    def _seconds(self, context: Context, is_stream: bool) -> float:
        remaining = context.time_remaining()
        return self.deadlines.of_stream(remaining) if is_stream else self.deadlines.of_call(remaining)

    def _slot(self, method: str, is_stream: bool) -> AbstractContextManager[None]:
        admission = self._admission(method, is_stream)
        return admission.slot() if admission else nullcontext()

    def _share(self, method: str, caller: str, is_stream: bool) -> AbstractContextManager[None]:
        admission = self._admission(method, is_stream)
        return admission.share(caller) if admission else nullcontext()

    def _turn(self, method: str, caller: Caller, is_stream: bool) -> AbstractAsyncContextManager[None]:
        if method.startswith(HEALTH):
            return nullcontext()
        return self.quotas.turn(caller, is_stream=is_stream)

    def _batch(self, method: str, data: Any) -> AbstractAsyncContextManager[None]:
        if data is grpc.aio.EOF:
            return nullcontext()
        return self.quotas.batch(current_caller(), len(data), is_heavy=method in self.heavy)

    def _admission(self, method: str, is_stream: bool) -> Admission | None:
        if is_stream:
            return self.streams
        return None if method.startswith(HEALTH) else self.calls

    def _parse(self, deserialize: Callable[[bytes], Any] | None, data: Any) -> Any:
        if data is grpc.aio.EOF:  # the caller has closed without a request
            raise MalformedRequest
        self.quotas.charge(current_caller(), len(data))
        self.access.require_standing(current_caller())
        try:
            return deserialize(data) if deserialize else data
        except Exception:  # the parser's own choice of exceptions says nothing that a caller may rely on
            raise MalformedRequest from None

    async def _parse_stream(
        self, deserialize: Callable[[bytes], Any] | None, messages: AsyncIterator[bytes]
    ) -> AsyncIterator[Any]:
        async for data in messages:
            yield self._parse(deserialize, data)

    async def _write_all(self, messages: AsyncIterator[Any], context: Context) -> None:
        async for message in messages:
            self.access.require_standing(current_caller())
            await context.write(message)

    async def _refuse(self, context: Context, error: Exception, call: Call) -> None:
        refusal = errors.refusal_of(error)
        call.code, call.reason = refusal.code, refusal.reason
        self.quotas.count_refusal(refusal)
        if isinstance(refusal, errors.InternalError):
            _LOG.error("unexpected_error", exc_info=error)
        await errors.abort(context, refusal)


def _parent(metadata: Iterable[tuple[str, str | bytes]]) -> TraceContext:
    """Returns the trace context that a call came with; most come with none."""
    headers = {key: value for key, value in metadata if key in _TRACE_HEADERS and isinstance(value, str)}
    return context_from(headers) if headers else _NO_PARENT


def log_call(ended: EndedCall) -> None:
    """Writes the line of a call, as of its end; of polling that succeeds the metrics tell."""
    log = _LOG.debug if ended.is_quiet_polling or ended.path.startswith(HEALTH) else _LOG.info
    log(
        "call",
        method=ended.path,
        caller=ended.caller,
        code=ended.code,
        reason=ended.reason,
        seconds=round(ended.seconds, 6),
        **logs.as_of(ended.ended_ns, ended.identity.trace_id),
    )
