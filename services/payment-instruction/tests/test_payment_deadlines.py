"""What the passing of time brings, through the application."""

import pytest
from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.errors import ClockWrong
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.submissions.application.deadlines import Deadlines
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.status import Status

from .world import PLATFORM, STRANGER, SetClock, World, an_id, migrate, order


async def test_approvals_expire_and_silent_banks_leave_payments_unknown(filled_database: FilledDatabase) -> None:
    """By the clock alone, also when the time came while nobody was running."""
    world = World(filled_database("payment-instruction", migrate))
    await world.start()
    await world.import_list()
    orders = [order("held", 600_00), order("out", creditor=STRANGER)]
    await world.submit_batch(PLATFORM, an_id("s"), orders)
    await world.reaches("held", Status.HELD)
    await world.reaches("out", Status.SENT)
    world.patience = Patience(1, 1)
    await world.restart()
    await world.reaches("held", Status.EXPIRED)
    await world.reaches("out", Status.UNKNOWN)
    assert (world.reason("held"), world.reason("out")) == ("APPROVAL_EXPIRED", "BANK_REPLY_MISSING")
    await world.stop()


async def held_and_sent(filled_database: FilledDatabase) -> tuple[World, SetClock, Deadlines, bytes]:
    """A world whose clock can be set, an instruction held and one sent, their deadlines and their stream."""
    world = World(filled_database("payment-instruction", migrate))
    world.clock = clock = SetClock()
    await world.start()
    await world.import_list()
    await world.submit_batch(PLATFORM, an_id("s"), [order("held", 600_00), order("out", creditor=STRANGER)])
    await world.reaches("held", Status.HELD)
    await world.reaches("out", Status.SENT)
    deadlines = Deadlines(world.application.approvals.submissions, world.patience, clock)
    (stream,) = world.states.submissions.submissions
    deadlines.look_at(stream)
    return world, clock, deadlines, stream


async def test_a_deadline_that_moved_is_dropped(filled_database: FilledDatabase) -> None:
    """An instruction that was decided in time never expires, and its submission is forgotten."""
    world, clock, deadlines, stream = await held_and_sent(filled_database)
    world.database.let_clocks_differ()
    submission = world.states.submissions.submissions[stream]
    submission.changed_ns[0] += 10 * NANOSECONDS
    submission.changed_ns[1] += 10 * NANOSECONDS
    deadlines.look_at(stream)
    clock.advance(3_601 * NANOSECONDS)
    await deadlines.step()
    assert world.status("held") is Status.HELD
    clock.advance(10 * NANOSECONDS)
    await deadlines.step()
    assert world.status("held") is Status.EXPIRED
    await world.stop()


async def test_nothing_is_overdue_on_one_clocks_word(filled_database: FilledDatabase) -> None:
    """A clock that is 40 days ahead for a while expires nothing, and puts nothing off.

    What is due in truth comes when it is due.
    """
    world, clock, deadlines, _ = await held_and_sent(filled_database)
    clock.advance(40 * DAY_NS)
    with pytest.raises(ClockWrong):
        await deadlines.step()
    assert (world.status("held"), world.status("out")) == (Status.HELD, Status.SENT)
    clock.advance(-40 * DAY_NS)
    world.database.let_clocks_differ()
    await deadlines.step()
    assert (world.status("held"), world.status("out")) == (Status.HELD, Status.SENT)
    clock.advance(3_601 * NANOSECONDS)
    await deadlines.step()
    assert (world.status("held"), world.status("out")) == (Status.EXPIRED, Status.UNKNOWN)
    await world.stop()


async def test_what_is_due_is_decided_by_the_time_of_the_decision(filled_database: FilledDatabase) -> None:
    """A clock that was ahead when deadlines were looked at, and is right when they are decided, expires nothing."""
    world, _, _, stream = await held_and_sent(filled_database)
    ahead = SetClock()
    ahead.advance(40 * DAY_NS)
    deadlines = Deadlines(world.application.approvals.submissions, world.patience, ahead)
    deadlines.look_at(stream)
    await deadlines.step()
    assert (world.status("held"), world.status("out")) == (Status.HELD, Status.SENT)
    await world.stop()
