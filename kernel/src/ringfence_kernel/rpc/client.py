"""Calls to another service: mutual TLS with the workload certificate of the moment, deadlines, bounded retries."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.trace import SpanKind

from ringfence_kernel.rpc.credentials import CertificateSource
from ringfence_kernel.rpc.errors import RemoteError, remote_error
from ringfence_kernel.rpc.instruments import Instruments, Outcome
from ringfence_kernel.telemetry import Telemetry, inject

_RETRIES = 3
_FIRST_PAUSE_SECONDS = 0.05
_OLD_CHANNEL_GRACE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerOptions:
    """The peer's name and address, the issuer of its certificate, and bounds."""

    service: str
    address: str
    workload_ca: bytes
    timeout_seconds: float = 5.0
    maximum_message_bytes: int = 16 * 1024 * 1024


class Peer:
    """One service as seen from another.

    The peer's certificate must come from the workload issuer and name the service as a DNS name (RFC 9525), which the
    issuer grants to that service only. A renewed certificate of our own means a new channel; calls under way end on
    the old one.
    """

    def __init__(self, options: PeerOptions, certificate: CertificateSource, telemetry: Telemetry) -> None:
        """Connects at the first call; must be made on the event loop that calls."""
        self._options = options
        self._certificate = certificate
        self._instruments = Instruments(telemetry, SpanKind.CLIENT, options.address)
        self._channel: grpc.aio.Channel | None = None
        self._stubs: dict[type, Any] = {}
        self._closing: set[asyncio.Task[None]] = set()
        certificate.subscribe(self._renew)

    async def call(
        self,
        stub: type,
        method: str,
        request: Any,
        *,
        token: str | None = None,
        timeout: float | None = None,
        idempotent: bool = False,
    ) -> Any:
        """Returns the reply of a method of the generated `stub`; raises RemoteError.

        An idempotent call is tried again while the peer is UNAVAILABLE, all within one `timeout` in seconds.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (timeout or self._options.timeout_seconds)
        pause, retries = _FIRST_PAUSE_SECONDS, _RETRIES if idempotent else 0
        while True:
            try:
                return await self._attempt(stub, method, request, token, deadline - loop.time())
            except RemoteError as error:
                if error.code != "UNAVAILABLE" or not retries or loop.time() + pause >= deadline:
                    raise
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause, retries = 4 * pause, retries - 1

    async def stream(
        self, stub: type, method: str, request: Any, *, token: str | None = None, timeout: float | None = None
    ) -> AsyncIterator[Any]:
        """Yields the replies of a streaming method, until it ends or `timeout` seconds have passed; raises RemoteError.

        The caller resumes from its own cursor: streams are not tried again here.
        """
        multicallable = getattr(self._stub(stub), method)
        with self._instruments.call(multicallable._method.decode()) as outcome:
            stream = multicallable(request, timeout=timeout, metadata=_metadata(token))
            try:
                async for reply in stream:
                    yield reply
            except grpc.aio.AioRpcError as error:
                raise _note(error, outcome) from None
            finally:
                stream.cancel()

    async def close(self) -> None:
        """Ends the channel at once."""
        for task in self._closing:
            task.cancel()
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def _attempt(self, stub: type, method: str, request: Any, token: str | None, seconds: float) -> Any:
        multicallable = getattr(self._stub(stub), method)
        with self._instruments.call(multicallable._method.decode()) as outcome:
            try:
                return await multicallable(request, timeout=seconds, metadata=_metadata(token))
            except grpc.aio.AioRpcError as error:
                raise _note(error, outcome) from None

    def _stub(self, stub: type) -> Any:
        if self._channel is None:
            self._channel = self._open()
            self._stubs.clear()
        if stub not in self._stubs:
            self._stubs[stub] = stub(self._channel)
        return self._stubs[stub]

    def _open(self) -> grpc.aio.Channel:
        bundle = self._certificate.current
        credentials = grpc.ssl_channel_credentials(
            self._options.workload_ca, bundle.private_key_pem, bundle.certificate_chain_pem
        )
        return grpc.aio.secure_channel(
            self._options.address,
            credentials,
            options=[
                ("grpc.ssl_target_name_override", self._options.service),
                ("grpc.max_receive_message_length", self._options.maximum_message_bytes),
                ("grpc.max_send_message_length", self._options.maximum_message_bytes),
                ("grpc.enable_retries", 0),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 20_000),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 2_000),
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


def _note(error: grpc.aio.AioRpcError, outcome: Outcome) -> RemoteError:
    refusal = remote_error(error)
    outcome.code, outcome.reason = refusal.code, refusal.reason
    return refusal
