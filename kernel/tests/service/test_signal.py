"""A signal that wakes whoever waits for the next commit."""

import asyncio

from ringfence_kernel.service.signal import Signal


async def test_a_signal_wakes_those_who_wait_and_no_one_else() -> None:
    """A ring is heard by all that wait at that moment; later ones wait for the next."""
    signal = Signal()
    waiting = [asyncio.create_task(signal.wait(5)) for _ in range(3)]
    await asyncio.sleep(0)
    signal.ring()
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert not await signal.wait(0.01)


async def test_who_was_away_hears_what_rang_meanwhile() -> None:
    """Whoever works while it rings, and says how often it had rung before, is woken at once."""
    signal = Signal()
    rings = signal.rings
    signal.ring()
    assert await signal.wait(3_600, since=rings)
    assert not await signal.wait(0.01, since=signal.rings)
