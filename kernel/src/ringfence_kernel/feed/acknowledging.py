"""Acknowledgements of JetStream: of many messages by one subscription, as each is one small answer."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg


class NotTaken(ConnectionError):
    """JetStream has answered that it does not keep a message."""


class StreamMissing(ConnectionError):
    """NATS has no stream for the service's notifications, or JetStream is not ready: nobody keeps what is published."""


class _Answer(msgspec.Struct):
    error: dict[str, Any] | None = None


class Acknowledgements:
    """Where a connection hears that its messages are kept.

    A request of the client makes a task, a timer and a token of each message: beside a batch of a hundred events that
    was most of what they cost.
    """

    def __init__(self) -> None:
        """Hears nothing before `listen`."""
        self._inbox = ""
        self._numbers = count(1)
        self._awaited: dict[str, asyncio.Future[None]] = {}

    async def listen(self, client: Client) -> None:
        """Hears answers on a connection, after it was lost and found again too."""
        self._inbox = client.new_inbox()
        await client.subscribe(f"{self._inbox}.*", cb=self._hear)

    def expect(self) -> tuple[str, asyncio.Future[None]]:
        """Returns where the answer to a message shall go, and what ends with it: StreamMissing or NotTaken raised.

        Whoever waits bounds the time, and cancels what it waits for no longer.
        """
        subject = f"{self._inbox}.{next(self._numbers)}"
        answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: self._awaited.pop(subject, None))
        self._awaited[subject] = answer
        return subject, answer

    async def _hear(self, message: Msg) -> None:
        answer = self._awaited.get(message.subject)
        if answer is None or answer.done():
            return
        if not message.data:  # nobody listens where the message went: the answer is a status without a body
            answer.set_exception(StreamMissing("no stream takes it"))
            return
        try:
            refused = msgspec.json.decode(message.data, type=_Answer).error
        except msgspec.DecodeError:
            refused = {"description": "unreadable"}
        if refused is None:
            answer.set_result(None)
        else:
            answer.set_exception(NotTaken(str(refused.get("description", ""))))
