"""While identity is not heard nothing goes to custody or the bank; what the bank has decided is booked all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from ringfence_kernel.feed.hearing import StandingStale
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import DomainError
from ringfence_payment_instruction.settlement.domain.errors import CustodyUnavailable
from ringfence_payment_instruction.settlement.domain.transfers import PlannedTransfer
from ringfence_payment_instruction.standing.domain.state import Standing
from ringfence_payment_instruction.standing.domain.stopping import causes
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import AuthorisationRefused
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

from .messages import camt_054, entry
from .test_payment_application import bank_answers
from .test_payment_evidence import hand_in
from .test_payment_stops import (
    LARGE,
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
from .world import APPROVER, BANK, BORIS, STRANGER, TENANT, World, an_id, order

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


async def beside_what_waits(world: World, refusal: type[DomainError]) -> None:
    """Brings one payment to where the bank decides, and another of its submission to where custody refuses."""
    orders = [order("out", creditor=STRANGER), order("waits", LARGE)]
    await world.submit_batch(MAKER, an_id("mixed"), orders)
    await world.reaches("out", Status.SENT)
    await world.reaches("waits", Status.HELD)
    world.custody.refuses, world.followed = refusal, 7
    await world.application.approvals.decide(APPROVER, TENANT, [an_id("waits")], Directive.APPROVE, "")
    await world.until(lambda: 7 in world.custody.identity_positions)


@pytest.mark.parametrize("refusal", [StandingStale, CustodyUnavailable, AuthorisationRefused])
@pytest.mark.parametrize("answer", [("ACSC",), ("RJCT", "AC04")], ids=lambda answer: answer[0])
async def test_what_the_bank_decided_is_recorded_beside_what_waits(
    world: World, answer: tuple[str, ...], refusal: type[DomainError]
) -> None:
    """Custody books the bank's word and refuses the rest of the same submission: the one is kept, the other waits."""
    await beside_what_waits(world, refusal)
    bank_answers(world, "out", *answer)
    await world.reaches("out", Status.SETTLED if answer == ("ACSC",) else Status.FAILED)
    assert world.status("waits") is Status.HELD
    await world.until(lambda: ("settlement", refusal.reason) in found(world, "waits")[0].waiting)
    world.custody.refuses = None
    await world.reaches("waits", Status.SETTLED)


async def test_custody_is_told_what_was_known_when_it_was_decided(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is heard while the bank's word is booked was not weighed, and custody must not think that it was."""
    await beside_what_waits(world, StandingStale)
    book, asked = world.custody.book_evidence, list[int]()

    async def book_and_hear(tenant: bytes, transfers: Sequence[PlannedTransfer]) -> list[str]:
        world.followed = 8
        asked.append(len(world.custody.identity_positions))
        return await book(tenant, transfers)

    monkeypatch.setattr(world.custody, "book_evidence", book_and_hear)
    bank_answers(world, "out", "ACSC")
    await world.until(lambda: 8 in world.custody.identity_positions)
    assert world.custody.identity_positions[asked[0]] == 7


async def test_what_is_not_known_is_asked_once_for_a_submission(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once a payment: it is asked in the writer's order, where everybody waits."""
    names = [f"payment {number}" for number in range(50)]
    await world.submit_batch(MAKER, an_id("many"), [order(name, LARGE) for name in names])
    await world.reaches(names[-1], Status.HELD)
    submission, _ = found(world, names[0])
    stops, asked = world.application.standing.stops, list[int]()
    counted = replace(stops, require_heard=lambda: asked.append(1))
    assert not any(map(counted.now(submission), range(50)))
    counted.require_known(submission, range(50))
    cause_of = await counted.cause_of(submission, range(50))
    assert not causes(submission, range(50), cause_of)
    assert len(asked) == 4


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
