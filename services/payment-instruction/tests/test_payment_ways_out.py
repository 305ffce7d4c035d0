"""No state without a way out: payments at every stage, every failure, and in the end each has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from ringfence_kernel.access.refusals import PrincipalSuspended
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.standing.domain.state import Standing
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.errors import AuthorisationRefused
from ringfence_payment_instruction.submissions.domain.status import (
    FINAL_OR_SETTLED,
    Directive,
    Stage,
    Status,
    stage_of,
)
from ringfence_payment_instruction.submissions.domain.submission import stream_of

from .test_payment_application import bank_answers, submit
from .test_payment_stops import note
from .world import APPROVER, EUR, MIRROR, PLATFORM, STRANGER, SUSPENSE, TENANT, SetClock, World, an_id

DAY_NS = 86_400 * NANOSECONDS
FAILING_SECONDS = 0.4
Failure = Callable[[World, bool], Awaitable[None]]
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
    "stopped": Stage.STOPPED,
}
AT_STATUS = {"held": Status.HELD, "sent": Status.SENT, "unknown": Status.UNKNOWN}
"""Where people, time or the bank are waited for: the stage is IDLE."""
WITHIN_ONE_COMMIT = frozenset({Status.DRAFT, Status.RECEIVED, Status.VALIDATED})
AFTER_THE_END = frozenset({Status.RECALL})
"""Its money has moved; what a bank answers to it is another matter (`test_payment_told.py`)."""
NAMES = (*AT_STAGE, *AT_STATUS)


async def identity_away(world: World, fails: bool) -> None:
    """Identity answers nobody."""
    world.identity.is_away = fails


async def keys_sealed(world: World, fails: bool) -> None:
    """Keys cannot be had, neither identity's nor the rail's."""
    world.identity.is_sealed = world.seals.is_away = fails


async def custody_away(world: World, fails: bool) -> None:
    """Custody answers nobody."""
    world.custody.is_away = fails


async def replies_lost(world: World, fails: bool) -> None:
    """Custody does what it is asked, and nobody hears of it."""
    world.custody.loses_replies = fails


async def custody_newer(world: World, fails: bool) -> None:
    """Custody answers what nobody here understands."""
    world.custody.is_newer = fails


async def mirror_missing(world: World, fails: bool) -> None:
    """The book has no bank account."""
    world.custody.accounts = BookAccounts({} if fails else {EUR: MIRROR}, {EUR: SUSPENSE})


async def rail_broken(world: World, fails: bool) -> None:
    """The bank cannot be reached."""
    world.rail.is_broken = fails


async def rail_contradicts(world: World, fails: bool) -> None:
    """Somebody else has written under the names of our messages; in the end he takes it away."""
    for message_id in {
        ref for each in world.states.submissions.submissions.values() for ref in each.references.values()
    }:
        if fails:
            world.rail.sent.setdefault(message_id, b"<other/>")
        elif world.rail.sent.get(message_id) == b"<other/>":
            del world.rail.sent[message_id]


async def parties_erased(world: World, fails: bool) -> None:
    """Everybody's key is destroyed, for good."""
    world.identity.erased |= {an_id("anna"), an_id("boris"), TENANT}


async def platform_suspended(world: World, fails: bool) -> None:
    """The platform, which is whose word every payment is on, is suspended."""
    await note(world, TENANT, Standing.SUSPENDED if fails else Standing.GOOD)


async def approver_suspended(world: World, fails: bool) -> None:
    """So is the second person."""
    await note(world, APPROVER.subject, Standing.SUSPENDED if fails else Standing.GOOD)


async def client_lapsed(world: World, fails: bool) -> None:
    """What was known of the client is too old."""
    await note(world, an_id("anna"), Standing.LAPSED if fails else Standing.GOOD)


async def client_blocked(world: World, fails: bool) -> None:
    """The client stands on a list himself."""
    await note(world, an_id("anna"), Standing.BLOCKED if fails else Standing.GOOD)


async def account_frozen(world: World, fails: bool) -> None:
    """An order holds what is on the account."""
    (world.custody.held.add if fails else world.custody.held.discard)(an_id("anna account"))


async def list_stale(world: World, fails: bool) -> None:
    """Nobody brings lists up to date."""
    world.list_maximum_age_ns = -1 if fails else DAY_NS


async def owner_unsettled(world: World, fails: bool) -> None:
    """Custody has not heard how the client stands."""
    (world.custody.unsettled.add if fails else world.custody.unsettled.discard)(an_id("anna account"))


async def custody_refuses(world: World, fails: bool) -> None:
    """Custody does not take the word that payments are on, for now."""
    world.custody.refuses = AuthorisationRefused if fails else None


async def custody_suspends(world: World, fails: bool) -> None:
    """Custody knows of a suspension that nobody here has heard of."""
    world.custody.refuses = PrincipalSuspended if fails else None


async def mirror_closed(world: World, fails: bool) -> None:
    """The account at the bank is closed, for good."""
    world.custody.closed.add(MIRROR)


async def authorisations_revoked(world: World, fails: bool) -> None:
    """The platform takes its word back, for good."""
    for stream in list(world.states.submissions.submissions):
        await note(world, stream, Standing.REVOKED)


async def authorisations_expired(world: World, fails: bool) -> None:
    """Nobody's word counts any longer; nor do lists of before."""
    clock = SetClock()
    clock.advance(2 * DAY_NS)
    world.database.let_clocks_differ()
    world.clock, world.list_maximum_age_ns = clock, 10 * DAY_NS


async def payee_listed(world: World, fails: bool) -> None:
    """The payee is on a list from now on."""
    if fails:
        await world.import_list(b"name,kind,reference\nBoris Example,person,X-9\n", name="EU")


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
    platform_suspended,
    approver_suspended,
    client_lapsed,
    client_blocked,
    account_frozen,
    list_stale,
    owner_unsettled,
    custody_refuses,
    custody_suspends,
    mirror_closed,
    authorisations_revoked,
    authorisations_expired,
    payee_listed,
]
FOR_GOOD = (mirror_closed, authorisations_revoked, authorisations_expired, payee_listed)
"""What nobody takes back: whoever ordered the payment, or may decide on it, ends what cannot go on."""
APPROVING, ENDING = (Directive.APPROVE,), (Directive.CANCEL, Directive.REJECT)
STOPPED = stream_of(TENANT, an_id("submission stopped"))


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
    for name in ("send", "release", "stopped"):
        await order_out(world, name)
        await world.reaches(name, Status.RESERVED)
    world.custody.is_away = True
    await world.application.approvals.decide(PLATFORM, TENANT, [an_id("release")], Directive.CANCEL, "")
    await note(world, STOPPED, Standing.REVOKED)
    world.custody.is_away = False
    await at(world, "stopped")
    world.custody.is_away = True
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


async def end_by_people_and_bank(world: World, *people: Directive) -> None:
    """Has people decide on what they may, and the bank answer what waits for it, until everything has ended."""
    asked: set[str] = set()

    async def ended() -> bool:
        waiting = {name for name in NAMES if place(world, name)[0] not in FINAL_OR_SETTLED}
        for name in waiting - asked:
            status, stage = place(world, name)
            if status in (Status.SENT, Status.UNKNOWN):
                if stage is Stage.IDLE:
                    asked.add(name)
                    bank_answers(world, name, "RJCT", "AC04")
            elif people != APPROVING or (status, stage) == (Status.HELD, Stage.IDLE):
                for each in people:
                    # What may not be decided on now says so, and is asked about again.
                    await world.application.approvals.decide(APPROVER, TENANT, [an_id(name)], each, "")
        return not waiting

    try:
        async with asyncio.timeout(60):
            while not await ended():
                await asyncio.sleep(0.05)
    except TimeoutError:
        stuck = {name: (place(world, name), world.reason(name)) for name in NAMES}
        raise AssertionError(stuck) from None


def test_no_stage_is_left_out() -> None:
    """Every stage is walked, and of those that wait for no lane every state that has not ended."""
    assert {*AT_STAGE.values(), Stage.IDLE} == set(Stage)
    idle = {each for each in Status if stage_of(each, Directive.NONE) == Stage.IDLE} - FINAL_OR_SETTLED
    assert idle - WITHIN_ONE_COMMIT - AFTER_THE_END == set(AT_STATUS.values())


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: each.__name__)
async def test_every_stage_has_a_way_out_of_every_failure(world: World, failure: Failure) -> None:
    """While it lasts nothing is invented; after it each payment ends, and its money is in one place."""
    await bring_to_every_stage(world)
    await failure(world, True)
    open_every_door(world)
    await failure(world, True)
    await note(world, STOPPED, Standing.GOOD)
    await world.restart()
    await asyncio.sleep(FAILING_SECONDS)
    await failure(world, False)
    await world.restart()
    await end_by_people_and_bank(world, *(ENDING if failure in FOR_GOOD else APPROVING))
    ends = {name: place(world, name)[0] for name in NAMES}
    paid = sum(
        HELD_MINOR if name == "held" else AMOUNT_MINOR
        for name, status in ends.items()
        if status in (Status.SETTLED, Status.RECONCILED)
    )
    assert ends["confirm"] is Status.SETTLED
    assert ends["return"] is Status.FAILED
    assert ends["release"] in (Status.CANCELLED, Status.EXPIRED)
    balances = world.custody.balances
    assert (balances[an_id("anna account")], balances[MIRROR]) == (FUNDS_MINOR - paid, paid)
