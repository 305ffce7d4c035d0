"""A read model that waits for more while nobody reads it, and never keeps a reader waiting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ringfence_kernel.projecting.deferring import DEFERRAL_SECONDS, Deferral
from ringfence_kernel.projecting.projector import Projector
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


def test_it_lasts_until_the_oldest_that_is_lacking_is_a_second_old() -> None:
    """Commits that go on and on do not make it longer; what is shown is forgotten."""
    shown, now = Shown(), [0.0]
    deferral = Deferral(shown, lambda: now[0])
    assert not deferral.is_on()
    deferral.note(at(1))
    assert deferral.is_on()
    now[0] = DEFERRAL_SECONDS * 0.9
    deferral.note(at(2))
    assert deferral.is_on()
    now[0] = DEFERRAL_SECONDS
    assert not deferral.is_on()
    deferral.note(at(3))
    assert not deferral.is_on()
    shown.position = 3
    deferral.note(at(4))
    assert deferral.is_on()
    shown.position = 4
    assert not deferral.is_on()


def test_what_may_not_wait_has_what_came_before_come_along() -> None:
    """Nothing is put off until it is shown; what comes after it is put off again."""
    shown = Shown()
    deferral = Deferral(shown, lambda: 0.0, may_wait=lambda each: each.position != 2)
    deferral.note(at(1))
    assert deferral.is_on()
    deferral.note([*at(2), *at(3)])
    deferral.note(at(4))
    assert not deferral.is_on()
    shown.position = 2
    assert not deferral.is_on()
    shown.position = 4
    deferral.note(at(5))
    assert deferral.is_on()


async def test_a_reader_is_not_kept_waiting(tally_store: EventStore) -> None:
    """Meanwhile nothing is written; whoever waits for a position has it at once."""
    projector = Projector(tally_store, CODEC, TallyModel())
    deferral = Deferral(projector, lambda: 0.0)
    projector.hold = deferral.is_on
    running = asyncio.create_task(projector.run())
    fill(tally_store, 3)
    deferral.note(at(1))
    projector.ring()
    await asyncio.sleep(0.2)
    assert projector.position == 0
    await asyncio.wait_for(projector.reached(3), 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
