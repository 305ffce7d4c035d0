"""Acknowledgements of many messages by one subscription: each ends what waits for it, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from ringfence_kernel.feed.acknowledging import Acknowledgements, NotTaken, StreamMissing

KEPT = b'{"stream":"custody","seq":7}'
REFUSED = b'{"error":{"code":503,"description":"insufficient resources"},"stream":"custody","seq":0}'


class Answering:
    """A connection that answers what it is told to."""

    def __init__(self) -> None:
        """Listens to nobody yet."""
        self.heard = ""
        self._hear: Callable[[Msg], Awaitable[None]] | None = None

    def new_inbox(self) -> str:
        """Returns where answers go."""
        return "_INBOX_custody.1"

    async def subscribe(self, subject: str, cb: Callable[[Msg], Awaitable[None]]) -> None:
        """Takes the one who hears."""
        self.heard, self._hear = subject, cb

    async def answer(self, subject: str, data: bytes) -> None:
        """Answers a message."""
        assert self._hear is not None
        await self._hear(Msg(cast(Client, self), subject, data=data))


@pytest.fixture
async def connection() -> Answering:
    """A connection that nobody listens to."""
    return Answering()


@pytest.fixture
async def awaited(connection: Answering) -> Acknowledgements:
    """Acknowledgements of that connection."""
    made = Acknowledgements()
    await made.listen(cast(Any, connection))
    return made


async def test_an_answer_ends_the_wait_for_its_own_message_alone(
    connection: Answering, awaited: Acknowledgements
) -> None:
    """They come in any order, and each message has an address of its own below the one that is listened to."""
    (first_at, first), (second_at, second) = awaited.expect(), awaited.expect()
    assert connection.heard == "_INBOX_custody.1.*"
    assert first_at != second_at
    await connection.answer(second_at, KEPT)
    assert (first.done(), second.done()) == (False, True)
    await connection.answer(first_at, KEPT)
    assert (await first, await second) == (None, None)


@pytest.mark.parametrize(
    ("data", "refusal"), [(REFUSED, NotTaken), (b"", StreamMissing), (b"no json", NotTaken), (b"[]", NotTaken)]
)
async def test_what_is_not_kept_is_told(
    connection: Answering, awaited: Acknowledgements, data: bytes, refusal: type[Exception]
) -> None:
    """An error, no body at all (nobody listens there), and what cannot be read are no acknowledgements."""
    at, answer = awaited.expect()
    await connection.answer(at, data)
    with pytest.raises(refusal):
        await answer


async def test_late_and_strange_answers_are_nobodys(connection: Answering, awaited: Acknowledgements) -> None:
    """Whoever has given up hears nothing more, a second answer changes nothing, and an unknown one is passed over."""
    at, answer = awaited.expect()
    answer.cancel()
    await connection.answer(at, REFUSED)
    again_at, again = awaited.expect()
    await connection.answer(again_at, KEPT)
    await connection.answer(again_at, REFUSED)
    await connection.answer("_INBOX_custody.1.99", KEPT)
    assert await again is None
    await asyncio.sleep(0)
    assert answer.cancelled()
