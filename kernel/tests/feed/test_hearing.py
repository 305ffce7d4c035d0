"""How recent what a feed says is: by when it was asked, to its end, and by a clock that nobody can set."""

from __future__ import annotations

import pytest
from ringfence_kernel.feed import Follower
from ringfence_kernel.feed.hearing import Hearing, StandingStale
from ringfence_kernel.store import EventStore, Head
from ringfence_kernel.values.clock import NANOSECONDS, ManualClock

from ..tally import fill
from .test_follower import Result, Source

MOST_SECONDS = 60


class Heard:
    """A follower of five events, two a page, and what it has heard; asking takes a second."""

    def __init__(self, store: EventStore) -> None:
        """Has heard nothing."""
        fill(store, 5)
        self.clock, self.result, self.source = ManualClock(), Result(), Source(store)
        self.hearing = Hearing(MOST_SECONDS, self.clock)
        self.source.tamper = lambda response: self.advance(1)
        self.follower = Follower("source", self.source, self.result, Head(1, 0, bytes(32)), hearing=self.hearing)

    def advance(self, seconds: int) -> None:
        """Lets time pass."""
        self.clock.advance(seconds * NANOSECONDS)

    def is_relied_on(self) -> bool:
        """Tells whether what was heard counts."""
        try:
            self.hearing.require()
        except StandingStale:
            return False
        return True

    async def catch_up(self) -> None:
        """Pulls the three pages."""
        for _ in range(3):
            await self.follower.pull()


@pytest.fixture
def heard(store: EventStore) -> Heard:
    """A follower that has just begun."""
    return Heard(store)


async def test_nothing_is_relied_on_before_the_end_was_heard(heard: Heard) -> None:
    """Two pages of three tell less than what the source knew when it was asked."""
    for expected in (False, False, True):
        assert not heard.is_relied_on()
        await heard.follower.pull()
        assert heard.is_relied_on() is expected


async def test_silence_counts_from_the_question(heard: Heard) -> None:
    """What the source learned while it answered is not known; an answer without news counts too."""
    await heard.catch_up()
    heard.advance(MOST_SECONDS - 1)
    assert heard.is_relied_on()
    heard.advance(1)
    assert not heard.is_relied_on()
    await heard.follower.pull()
    assert heard.hearing.silent_seconds() == 1
    assert heard.is_relied_on()


async def test_what_could_not_be_taken_in_was_not_heard(heard: Heard, store: EventStore) -> None:
    """Neither a source that is away nor a commit that fails ends the silence."""
    await heard.catch_up()
    heard.advance(MOST_SECONDS)
    heard.source.away = True
    with pytest.raises(ConnectionError):
        await heard.follower.pull()
    assert not heard.is_relied_on()
    heard.source.away, heard.result.fail_next = False, True
    fill(store, 1)
    with pytest.raises(ConnectionError):
        await heard.follower.pull()
    assert not heard.is_relied_on()
    await heard.follower.pull()
    assert heard.is_relied_on()


async def test_who_begins_to_follow_has_heard_nothing(heard: Heard) -> None:
    """Another process may have followed meanwhile, and nobody knows until when."""
    await heard.catch_up()
    heard.hearing.begin()
    assert not heard.is_relied_on()
    await heard.follower.pull()
    assert heard.is_relied_on()
