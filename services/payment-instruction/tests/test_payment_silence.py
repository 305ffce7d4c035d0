"""While identity is not heard nothing goes to custody or the bank; what the bank has decided is booked all the same."""

from __future__ import annotations

import pytest
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_payment_instruction.standing.domain.state import Standing
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Status

from .messages import camt_054, entry
from .test_payment_application import bank_answers
from .test_payment_evidence import hand_in
from .test_payment_stops import (
    MAKER,
    RESERVED,
    STOPS,
    UNRESERVED,
    Bring,
    directed,
    found,
    has_reserved,
    note,
    reserved,
    stopping,
    submit,
    waits,
)
from .world import BANK, BORIS, World, an_id

BOUND_SECONDS = 60


def silence(world: World) -> None:
    """Lets more time pass than identity may be silent for."""
    world.silence.advance((BOUND_SECONDS + 1) * NANOSECONDS)


def hear(world: World) -> None:
    """Has identity heard again."""
    world.hearing.heard(world.hearing.ask())


async def waits_to_hear(world: World, name: str, lane: str) -> None:
    """Waits until a lane has noted what it waits for."""
    await world.until(lambda: (lane, "STANDING_STALE") in found(world, name)[0].waiting)


@pytest.mark.parametrize("bring", UNRESERVED, ids=lambda each: each.__name__)
async def test_custody_is_asked_for_nothing(world: World, bring: Bring) -> None:
    """A payment stands where it is, and says why; heard again, it goes on by itself."""
    release = await bring(world, "payment")
    before = world.status("payment")
    silence(world)
    release()
    await waits_to_hear(world, "payment", "settlement")
    assert (world.status("payment"), has_reserved(world, "payment")) == (before, False)
    hear(world)
    await world.reaches("payment", Status.SENT)


async def test_a_payment_in_the_book_waits_too(world: World) -> None:
    """Its money would be gone at once."""
    silence(world)
    await submit(world, "payment", creditor=BORIS)
    await waits_to_hear(world, "payment", "settlement")
    assert world.status("payment") is Status.SCREENED
    hear(world)
    await world.reaches("payment", Status.SETTLED)


@pytest.mark.parametrize("bring", RESERVED, ids=lambda each: each.__name__)
async def test_the_bank_is_told_nothing(world: World, bring: Bring) -> None:
    """Reserved or in a message already, it is not handed over, keeps its reservation, and is sent once in the end."""
    release = await bring(world, "payment")
    silence(world)
    release()
    await waits_to_hear(world, "payment", "dispatch")
    assert (world.status("payment"), world.rail.sent) == (Status.RESERVED, {})
    assert has_reserved(world, "payment")
    hear(world)
    await world.reaches("payment", Status.SENT)
    assert len(world.rail.sent) == 1


async def test_who_begins_to_lead_waits_until_it_has_heard(world: World) -> None:
    """What its predecessor had heard, and when, nobody knows."""
    release = await directed(world, "payment")
    world.hearing.begin()
    release()
    await waits_to_hear(world, "payment", "dispatch")
    assert world.rail.sent == {}
    hear(world)
    await world.reaches("payment", Status.SENT)


@pytest.mark.parametrize("answer", [("ACSC",), ("RJCT", "AC04")], ids=lambda answer: answer[0])
async def test_what_the_bank_decided_is_booked(world: World, answer: tuple[str, ...]) -> None:
    """Its answers settle and release."""
    await submit(world, "payment")
    await world.reaches("payment", Status.SENT)
    silence(world)
    bank_answers(world, "payment", *answer)
    await world.reaches("payment", Status.SETTLED if answer == ("ACSC",) else Status.FAILED)


async def test_money_that_arrives_is_credited(world: World) -> None:
    """A notification of the bank is booked as ever."""
    silence(world)
    assert await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS))) == (1, 0, 0, 0)
    assert world.custody.balances[an_id("boris account")] == 5_00


async def test_what_is_known_is_said_and_stays(world: World) -> None:
    """Who was suspended before is so in the silence; what that held is held until it is lifted and heard of."""
    release = await reserved(world, "payment")
    async with stopping(world, STOPS[1], release):
        await world.reaches("payment", Status.HELD)
        silence(world)
        await waits(world, "payment", "standing")
        assert world.reason("payment") == reasons.PRINCIPAL_SUSPENDED
    await waits_to_hear(world, "payment", "dispatch")
    assert world.rail.sent == {}
    hear(world)
    await world.reaches("payment", Status.SENT)


async def test_a_stop_that_was_not_heard_in_time_still_stops(world: World) -> None:
    """The silence ends with a suspension: nothing had gone meanwhile."""
    release = await reserved(world, "payment")
    silence(world)
    release()
    await waits_to_hear(world, "payment", "dispatch")
    await note(world, MAKER.subject, Standing.SUSPENDED)
    hear(world)
    await world.reaches("payment", Status.HELD)
    assert (world.reason("payment"), world.rail.sent) == (reasons.PRINCIPAL_SUSPENDED, {})
