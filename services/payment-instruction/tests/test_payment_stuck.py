"""What is on its way to custody and stopped there has ways out, whatever custody has done of it by then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_payment_instruction.screening.application.screening import ScreeningWork
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import KeysUnavailable
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, transfer_id_of

from .test_payment_stops import ACCOUNT, STOPS, approved, found, has_reserved, screened, submit
from .world import APPROVER, BORIS, STRANGER, TENANT, World, an_id

FUNDS_MINOR = 1_000_00
STOP = STOPS[2]
End = Callable[[World], Awaitable[Status]]


async def rejected(world: World) -> Status:
    """An approver rejects it."""
    await world.application.approvals.decide(APPROVER, TENANT, [an_id("payment")], Directive.REJECT, "")
    return Status.REJECTED


async def expired(world: World) -> Status:
    """Its authorisation ends."""
    await world.until(lambda: world.clock.now_ns() >= world.identity.expires_ns)
    return Status.EXPIRED


async def made_unheard(world: World, creditor: str) -> None:
    """Brings a payment to where custody has made its transfer, and nobody has heard of it."""
    world.custody.loses_replies = True
    await submit(world, "payment", creditor=creditor)
    await world.until(lambda: transfer_id_of(TENANT, an_id("payment")) in world.custody.transfers)


@pytest.mark.parametrize("end", [rejected, expired], ids=lambda each: each.__name__)
@pytest.mark.parametrize("bring", [screened, approved], ids=lambda each: each.__name__)
async def test_what_custody_was_not_asked_for_ends_for_good(
    world: World, bring: Callable[[World, str], Awaitable[Callable[[], None]]], end: End
) -> None:
    """A call that is still on its way then moves nothing: the transfer's id is barred."""
    if end is expired:
        world.identity.expires_ns = world.clock.now_ns() + 3 * NANOSECONDS
    release = await bring(world, "payment")
    await STOP.put(world, on=True)
    release()
    await world.reaches("payment", await end(world))
    assert not has_reserved(world, "payment")
    assert transfer_id_of(TENANT, an_id("payment")) in world.custody.failed
    assert world.custody.balances[ACCOUNT] == FUNDS_MINOR


@pytest.mark.parametrize("end", [rejected, expired], ids=lambda each: each.__name__)
@pytest.mark.parametrize("creditor", [STRANGER, BORIS], ids=["to the bank", "in the book"])
async def test_what_custody_did_unheard_is_released_or_settled(world: World, creditor: str, end: End) -> None:
    """A reservation is voided; money that has moved in the book has moved, and is said to have."""
    if end is expired:
        world.identity.expires_ns = world.clock.now_ns() + 3 * NANOSECONDS
    await made_unheard(world, creditor)
    await STOP.put(world, on=True)
    status = await end(world)
    world.custody.loses_replies = False
    await world.reaches("payment", Status.SETTLED if creditor is BORIS else status)
    assert has_reserved(world, "payment") is (creditor is BORIS)
    assert world.custody.balances[ACCOUNT] == FUNDS_MINOR - (1_00 if creditor is BORIS else 0)


async def test_a_hit_after_an_approval_leaves_a_way_out(world: World) -> None:
    """What was approved and is named by a list since can be rejected."""
    release = await approved(world, "payment")
    await world.import_list(b"name,kind,reference\nBoris Example,person,X-2\n")
    release()
    await world.until(lambda: bool(found(world, "payment")[0].hits))
    await world.reaches("payment", await rejected(world))


async def test_nobody_approves_what_is_being_screened_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An approval rests on lists as they are now."""
    await submit(world, "payment", 600_00)
    await world.reaches("payment", Status.HELD)

    async def unavailable(self: ScreeningWork, submission: Submission) -> None:
        raise KeysUnavailable

    monkeypatch.setattr(ScreeningWork, "_again", unavailable)
    await world.import_list(b"name,kind,reference\nSomebody Else,person,X-2\n")
    (view,) = await world.application.approvals.decide(APPROVER, TENANT, [an_id("payment")], Directive.APPROVE, "")
    assert view.reason == reasons.SCREENING_AGAIN
