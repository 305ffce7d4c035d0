"""No state without a way out: payments at every stage, every failure, and in the end each has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.status import FINAL_OR_SETTLED, Directive, Stage, Status

from .test_payment_application import bank_answers, submit
from .world import APPROVER, EUR, MIRROR, PLATFORM, STRANGER, SUSPENSE, TENANT, World, an_id

DAY_NS = 86_400 * NANOSECONDS
FAILING_SECONDS = 0.4
AMOUNT_MINOR, HELD_MINOR = 10_00, 600_00
FUNDS_MINOR = 1_000_00
AT_STAGE = {
    "screen": Stage.SCREEN,
    "transfer": Stage.TRANSFER,
    "send": Stage.SEND,
    "dispatch": Stage.DISPATCH,
    "release": Stage.RELEASE,
    "confirm": Stage.CONFIRM,
    "return": Stage.RETURN,
}
AT_STATUS = {"held": Status.HELD, "sent": Status.SENT, "unknown": Status.UNKNOWN}
NAMES = (*AT_STAGE, *AT_STATUS)


def identity_away(world: World, fails: bool) -> None:
    """Identity answers nobody."""
    world.identity.is_away = fails


def keys_sealed(world: World, fails: bool) -> None:
    """Keys cannot be had, neither identity's nor the rail's."""
    world.identity.is_sealed = world.seals.is_away = fails


def custody_away(world: World, fails: bool) -> None:
    """Custody answers nobody."""
    world.custody.is_away = fails


def replies_lost(world: World, fails: bool) -> None:
    """Custody does what it is asked, and nobody hears of it."""
    world.custody.loses_replies = fails


def custody_newer(world: World, fails: bool) -> None:
    """Custody answers what nobody here understands."""
    world.custody.is_newer = fails


def mirror_missing(world: World, fails: bool) -> None:
    """The book has no bank account."""
    world.custody.accounts = BookAccounts({} if fails else {EUR: MIRROR}, {EUR: SUSPENSE})


def rail_broken(world: World, fails: bool) -> None:
    """The bank cannot be reached."""
    world.rail.is_broken = fails


def rail_contradicts(world: World, fails: bool) -> None:
    """Somebody else has written under the names of our messages; in the end he takes it away."""
    for message_id in {
        ref for each in world.states.submissions.submissions.values() for ref in each.references.values()
    }:
        if fails:
            world.rail.sent.setdefault(message_id, b"<other/>")
        elif world.rail.sent.get(message_id) == b"<other/>":
            del world.rail.sent[message_id]


def parties_erased(world: World, fails: bool) -> None:
    """Everybody's key is destroyed, for good."""
    world.identity.erased |= {an_id("anna"), an_id("boris"), TENANT}


FAILURES = [
    identity_away,
    keys_sealed,
    custody_away,
    replies_lost,
    custody_newer,
    mirror_missing,
    rail_broken,
    rail_contradicts,
    parties_erased,
]


def place(world: World, name: str) -> tuple[Status, Stage]:
    """Returns where a payment stands, and what it waits for."""
    submission, index = world.states.submissions.find(TENANT, an_id(name)) or (None, 0)
    assert submission is not None
    return Status(submission.statuses[index]), Stage(submission.stages[index])


async def at(world: World, name: str) -> None:
    """Waits until a payment is where its name says."""
    wanted = AT_STAGE.get(name) or AT_STATUS[name]
    await world.until(lambda: any(each is wanted for each in place(world, name)))


async def order_out(world: World, name: str, amount_minor: int = AMOUNT_MINOR) -> None:
    """Hands in a payment that leaves by the bank."""
    await submit(world, name, creditor=STRANGER, amount_minor=amount_minor)


async def bring_to_every_stage(world: World) -> None:
    """Leaves one payment at each stage, by closing one door after another."""
    world.patience = Patience(DAY_NS, 0)
    await world.restart()
    await order_out(world, "unknown")
    await world.reaches("unknown", Status.UNKNOWN)
    world.patience = Patience(DAY_NS, DAY_NS)
    await world.restart()
    for name in ("confirm", "return", "sent"):
        await order_out(world, name)
        await world.reaches(name, Status.SENT)
    await order_out(world, "held", HELD_MINOR)
    await world.reaches("held", Status.HELD)
    world.rail.is_broken = True
    await order_out(world, "dispatch")
    await at(world, "dispatch")
    world.seals.is_away = True
    for name in ("send", "release"):
        await order_out(world, name)
        await world.reaches(name, Status.RESERVED)
    world.custody.is_away = True
    await world.application.approvals.decide(PLATFORM, TENANT, [an_id("release")], Directive.CANCEL, "")
    world.seals.is_away = False
    bank_answers(world, "confirm", "ACSC")
    bank_answers(world, "return", "RJCT", "AC04")
    await world.until(lambda: not world.rail.inbox)
    world.seals.is_away = True
    await order_out(world, "transfer")
    for name in ("release", "confirm", "return", "transfer"):
        await at(world, name)
    world.list_maximum_age_ns = -1
    await world.restart()
    await order_out(world, "screen")
    for name in NAMES:
        await at(world, name)


def open_every_door(world: World) -> None:
    """Takes back what has held the payments where they are."""
    world.rail.is_broken = world.seals.is_away = world.custody.is_away = False
    world.list_maximum_age_ns = DAY_NS


async def end_by_people_and_bank(world: World) -> None:
    """Approves what is held, and has the bank answer what waits for it, until everything has ended."""
    asked: set[str] = set()

    async def ended() -> bool:
        waiting = {name for name in NAMES if place(world, name)[0] not in FINAL_OR_SETTLED}
        for name in waiting - asked:
            status, stage = place(world, name)
            if status is Status.HELD:
                await world.application.approvals.decide(APPROVER, TENANT, [an_id(name)], Directive.APPROVE, "")
                continue
            if status in (Status.SENT, Status.UNKNOWN) and stage is Stage.IDLE:
                asked.add(name)
                bank_answers(world, name, "RJCT", "AC04")
        return not waiting

    async with asyncio.timeout(20):
        while not await ended():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: each.__name__)
async def test_every_stage_has_a_way_out_of_every_failure(world: World, failure: Callable[[World, bool], None]) -> None:
    """While it lasts nothing is invented; after it each payment ends, and its money is in one place."""
    await bring_to_every_stage(world)
    open_every_door(world)
    failure(world, True)
    await world.restart()
    await asyncio.sleep(FAILING_SECONDS)
    failure(world, False)
    await world.restart()
    await end_by_people_and_bank(world)
    ends = {name: place(world, name)[0] for name in NAMES}
    paid = sum(
        HELD_MINOR if name == "held" else AMOUNT_MINOR
        for name, status in ends.items()
        if status in (Status.SETTLED, Status.RECONCILED)
    )
    assert ends["confirm"] is Status.SETTLED
    assert (ends["return"], ends["release"]) == (Status.FAILED, Status.CANCELLED)
    balances = world.custody.balances
    assert (balances[an_id("anna account")], balances[MIRROR]) == (FUNDS_MINOR - paid, paid)
