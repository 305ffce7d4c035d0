"""What custody leaves undecided, since it cannot hear how an owner stands, waits and is asked for again."""

from __future__ import annotations

import asyncio

import pytest
from ringfence_payment_instruction.settlement.domain.errors import OwnerStandingUnsettled
from ringfence_payment_instruction.standing.domain.state import Standing
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

from .messages import camt_054, entry
from .test_payment_stops import MAKER, found, note, waits
from .world import BANK, BANK_FEED, BORIS, STRANGER, SUSPENSE, TENANT, World, an_id, order

UNSETTLED = "OWNER_STANDING_UNSETTLED"
ACCOUNT = an_id("boris account")


@pytest.mark.parametrize("restarted", [False, True], ids=["", "through a restart"])
async def test_a_payment_waits_until_custody_decides(world: World, restarted: bool) -> None:
    """It says why, is refused nothing, and those of the same submission go on without it."""
    world.custody.unsettled.add(ACCOUNT)
    orders = [order("to boris", 1_00), order("out", 2_00, STRANGER)]
    await world.submit_batch(MAKER, an_id("both"), orders)
    await world.reaches("out", Status.SENT)
    await world.until(lambda: ("settlement", UNSETTLED) in found(world, "to boris")[0].waiting)
    assert (world.status("to boris"), world.reason("to boris")) == (Status.SCREENED, UNSETTLED)
    if restarted:
        await world.restart()
    world.custody.unsettled.clear()
    await world.reaches("to boris", Status.SETTLED)
    assert transfer_id_of(TENANT, an_id("to boris")) not in world.custody.failed


async def test_what_custody_knows_first_holds_a_payment_as_if_it_was_known_here_first(world: World) -> None:
    """Left undecided before the block was heard of here, it is held by that afterwards, and goes on by itself."""
    world.custody.unsettled.add(ACCOUNT)
    await world.submit_batch(MAKER, an_id("one"), [order("payment", 1_00)])
    await world.until(lambda: ("settlement", UNSETTLED) in found(world, "payment")[0].waiting)
    await note(world, an_id("boris"), Standing.BLOCKED)
    await waits(world, "payment", "settlement")
    assert world.status("payment") is Status.SCREENED
    world.custody.unsettled.clear()
    await note(world, an_id("boris"), Standing.GOOD)
    await world.reaches("payment", Status.SETTLED)


async def test_a_deposit_waits_until_custody_decides(world: World) -> None:
    """It is not put into suspense meanwhile, and those of the same file go on without it."""
    world.custody.unsettled.add(ACCOUNT)
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS), entry("R2", "7.00", STRANGER))
    handing = asyncio.create_task(world.application.statements.receiving.hand_in(BANK_FEED, content))
    await world.until(lambda: world.custody.balances.get(SUSPENSE) == 7_00)
    (stream,) = world.states.deposits.streams()
    with pytest.raises(OwnerStandingUnsettled):
        await world.application.deposits.work.handle(stream)
    assert world.custody.balances[ACCOUNT] == 0
    world.custody.unsettled.clear()
    await world.until(lambda: world.custody.balances[ACCOUNT] == 5_00)
    assert world.custody.balances[SUSPENSE] == 7_00
    await handing
