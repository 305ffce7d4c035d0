"""A read model that rests while nobody reads it, and never keeps a reader waiting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringfence_kernel.projecting.projector import Projector
from ringfence_kernel.projecting.resting import REST_SECONDS, Rest
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.recorded import Recorded

from .tally import CODEC, Counted, TallyModel, fill


@dataclass
class Shown:
    """A read model that has come so far."""

    position: int = 0


def at(position: int) -> list[Recorded]:
    """Returns what was committed at a position."""
    return [Recorded(position, b"s" * 16, position, Counted("a", 1), 1, "")]


def test_it_rests_until_the_oldest_that_it_lacks_is_a_second_old() -> None:
    """Commits that go on and on do not make it rest for longer; what it has shown is forgotten."""
    shown, now = Shown(), [0.0]
    rest = Rest(shown, lambda: now[0])
    assert not rest.may_last()
    rest.note(at(1))
    assert rest.may_last()
    now[0] = REST_SECONDS * 0.9
    rest.note(at(2))
    assert rest.may_last()
    now[0] = REST_SECONDS
    assert not rest.may_last()
    rest.note(at(3))
    assert not rest.may_last()
    shown.position = 3
    rest.note(at(4))
    assert rest.may_last()
    shown.position = 4
    assert not rest.may_last()


async def test_a_reader_is_not_kept_waiting(tally_store: EventStore) -> None:
    """While it rests nothing is written; whoever waits for a position has it at once."""
    projector = Projector(tally_store, CODEC, TallyModel())
    rest = Rest(projector, lambda: 0.0)
    projector.hold = rest.may_last
    running = asyncio.create_task(projector.run())
    fill(tally_store, 3)
    rest.note(at(1))
    projector.ring()
    await asyncio.sleep(0.2)
    assert projector.position == 0
    await asyncio.wait_for(projector.reached(3), 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
