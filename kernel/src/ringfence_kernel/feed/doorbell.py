"""NATS: how news travels, never where truth lives. Losing every message costs latency only."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from ringfence_kernel.feed.acknowledging import Acknowledgements, StreamMissing

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 2
PING_SECONDS, UNANSWERED_PINGS = 2, 2
"""A server that answers no ping, not the second and not the third, is away: cables are cut without a word."""


class Ring(msgspec.Struct, frozen=True):
    """A ring of the doorbell: the head of a source's feed."""

    source: str
    epoch: int
    position: int


@dataclass(slots=True)
class Doorbell:
    """One service's connection to NATS; it never fails, it only stays silent while NATS is away."""

    service: str
    urls: Sequence[str]
    tls: ssl.SSLContext | None
    user: str | None = None
    password: str | None = None
    _client: Client | None = None
    _acknowledgements: Acknowledgements = field(default_factory=Acknowledgements)
    _stream_missing: bool = False
    _closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def connect(self) -> None:
        """Connects as soon as NATS answers, in place of an earlier connection; comes back by itself after a loss."""
        await self.close()
        _heed_cancellation()
        client = Client()
        self._client, self._closed = client, asyncio.Event()
        while True:
            try:
                await client.connect(
                    list(self.urls),
                    tls=self.tls,
                    user=self.user,
                    password=self.password,
                    name=f"ringfence-{self.service}",
                    # Answers arrive where no other service may listen.
                    inbox_prefix=f"_INBOX_{self.service}",
                    connect_timeout=CONNECT_SECONDS,
                    ping_interval=PING_SECONDS,
                    max_outstanding_pings=UNANSWERED_PINGS,
                    reconnect_time_wait=1,
                    max_reconnect_attempts=-1,
                    error_cb=self._log_error,
                    closed_cb=self._note_closed,
                    pending_size=1024 * 1024,
                )
                await self._acknowledgements.listen(client)
                _heed_cancellation()
                return
            except (OSError, TimeoutError, nats.errors.Error) as error:
                log.warning("nats_waits", error=type(error).__name__)
                await asyncio.sleep(1)

    def trust(self, tls: ssl.SSLContext) -> None:
        """Connects with another context from the next time on; the connection that is open goes on."""
        self.tls = tls
        if self._client is not None:
            self._client.options["tls"] = tls

    async def _log_error(self, error: Exception) -> None:
        log.warning("nats_error", error=type(error).__name__)

    async def _note_closed(self) -> None:
        self._closed.set()

    async def closed(self) -> None:
        """Waits until the connection has ended for good, as NATS ends it after an error: then connect again."""
        await self._closed.wait()

    @property
    def connected(self) -> bool:
        """Tells whether NATS can be reached now."""
        return self._client is not None and self._client.is_connected

    async def ring(self, epoch: int, position: int) -> None:
        """Tells followers where this service's feed stands now."""
        if self.connected and self._client is not None:
            payload = msgspec.json.encode(Ring(self.service, epoch, position))
            try:
                await self._client.publish(f"ringfence.doorbell.{self.service}", payload)
                _heed_cancellation()
            except (nats.errors.Error, OSError) as error:
                log.warning("nats_error", error=type(error).__name__)

    async def listen(self, source: str, rung: Callable[[], None]) -> None:
        """Calls `rung` whenever the source rings; what the message says is not trusted."""
        if self._client is None:
            raise RuntimeError("connect first")

        async def heard(message: Msg) -> None:
            rung()

        await self._client.subscribe(f"ringfence.doorbell.{source}", cb=heard)
        _heed_cancellation()

    async def notify(self, topic: str, payload: bytes, message_id: str, traceparent: str = "") -> asyncio.Future[None]:
        """Hands an outward notification over to the service's stream; what it returns ends with its acknowledgement.

        JetStream drops a second message with the same id. A `traceparent` (W3C Trace Context) travels in the message's
        headers. Until the administrator of NATS has made the stream, the acknowledgement is StreamMissing. Whoever
        waits for it bounds the time: an answer may be lost with the connection.
        """
        if self._client is None or not self.connected:
            raise ConnectionError("NATS is away")
        subject = f"ringfence.notify.{self.service}.{topic}"
        headers = {"Nats-Msg-Id": message_id} | ({"traceparent": traceparent} if traceparent else {})
        reply, acknowledged = self._acknowledgements.expect()
        acknowledged.add_done_callback(self._note_answer)
        try:
            await self._client.publish(subject, payload, reply=reply, headers=headers)
            _heed_cancellation()
        except BaseException:
            acknowledged.cancel()
            raise
        return acknowledged

    def _note_answer(self, acknowledged: asyncio.Future[None]) -> None:
        if not acknowledged.cancelled():
            self._note_stream(missing=isinstance(acknowledged.exception(), StreamMissing))

    def _note_stream(self, *, missing: bool) -> None:
        """Logs a change, not every message."""
        if missing and not self._stream_missing:
            log.warning("notification_stream_missing", service=self.service)
        self._stream_missing = missing

    async def close(self) -> None:
        """Flushes and leaves, within a bound: a client that was cancelled in the middle may wait for ever."""
        if self._client is not None and not self._client.is_closed:
            closing = asyncio.ensure_future(self._client.close())
            await asyncio.wait({closing}, timeout=CONNECT_SECONDS)
            closing.cancel()


def _heed_cancellation() -> None:
    """Ends a task that was cancelled: the client, and asyncio.wait_for before Python 3.12, may swallow it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
