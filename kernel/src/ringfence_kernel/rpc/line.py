"""One process of a peer: a channel with the workload certificate of the moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import grpc
from opentelemetry.trace import SpanKind

from ringfence_kernel.certificates.bundle import CertificateSource
from ringfence_kernel.certificates.connecting import channel_credentials
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.errors import RemoteError, remote_error
from ringfence_kernel.rpc.instruments import Call, Instruments
from ringfence_kernel.telemetry.tracing import Telemetry, inject

_OLD_CHANNEL_GRACE_SECONDS = 30.0


class Line:
    """A connection to one address, made at the first call.

    A renewed certificate of our own, or other issuers to trust, mean a new channel; calls under way end on the old one.
    """

    def __init__(
        self,
        address: str,
        service: str,
        workload_ca: TrustBundle,
        maximum_message_bytes: int,
        certificate: CertificateSource,
        telemetry: Telemetry,
    ) -> None:
        """Calls `address`, where the certificate must name `service`."""
        self._address = address
        self._service = service
        self._workload_ca = workload_ca
        self._maximum_message_bytes = maximum_message_bytes
        self._certificate = certificate
        self._instruments = Instruments(telemetry, SpanKind.CLIENT, address)
        self._channel: grpc.aio.Channel | None = None
        self._stubs: dict[type, Any] = {}
        self._closing: set[asyncio.Task[None]] = set()
        certificate.subscribe(self._renew)
        workload_ca.subscribe(self._renew)

    async def call(self, stub: type, method: str, request: Any, token: str | None, seconds: float) -> Any:
        """Returns the reply of one attempt; raises RemoteError."""
        multicallable = getattr(self._stub(stub), method)
        with self._instruments.call(multicallable._method.decode()) as call:
            try:
                return await multicallable(request, timeout=seconds, metadata=_metadata(token))
            except grpc.aio.AioRpcError as error:
                raise _note(error, call) from None

    async def stream(
        self, stub: type, method: str, request: Any, token: str | None, seconds: float | None
    ) -> AsyncGenerator[Any, None]:
        """Yields the replies of a streaming method; raises RemoteError."""
        multicallable = getattr(self._stub(stub), method)
        with self._instruments.call(multicallable._method.decode()) as call:
            stream = multicallable(request, timeout=seconds, metadata=_metadata(token))
            try:
                async for reply in stream:
                    yield reply
            except grpc.aio.AioRpcError as error:
                raise _note(error, call) from None
            finally:
                stream.cancel()

    async def close(self) -> None:
        """Ends the channel at once."""
        for task in self._closing:
            task.cancel()
        if self._channel is not None:
            await self._channel.close()
            self._channel = None
        self._instruments.close()

    def _stub(self, stub: type) -> Any:
        if self._channel is None:
            self._channel = self._open()
            self._stubs.clear()
        if stub not in self._stubs:
            self._stubs[stub] = stub(self._channel)
        return self._stubs[stub]

    def _open(self) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(
            self._address,
            channel_credentials(self._certificate.current, self._workload_ca.current),
            options=[
                ("grpc.ssl_target_name_override", self._service),
                ("grpc.max_receive_message_length", self._maximum_message_bytes),
                ("grpc.max_send_message_length", self._maximum_message_bytes),
                ("grpc.enable_retries", 0),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 20_000),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 500),
                # Otherwise channels with equal options would share a connection, and with it the old certificate.
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )

    def _renew(self) -> None:
        old, self._channel = self._channel, None
        if old is not None:
            task = asyncio.get_running_loop().create_task(_close_later(old))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _close_later(channel: grpc.aio.Channel) -> None:
    with suppress(asyncio.CancelledError):
        await channel.close(_OLD_CHANNEL_GRACE_SECONDS)


def _metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    headers: dict[str, str] = {}
    inject(headers)
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return tuple(headers.items())


def _note(error: grpc.aio.AioRpcError, call: Call) -> RemoteError:
    refusal = remote_error(error)
    call.code, call.reason = error.code().name, refusal.reason
    return refusal
