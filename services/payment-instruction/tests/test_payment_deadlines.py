"""What the passing of time brings, through the application."""

from collections.abc import Callable

from ringfence_kernel.values.clock import NANOSECONDS, ManualClock, SystemClock
from ringfence_local_stack.servers.database import Database
from ringfence_payment_instruction.submissions.application.deadlines import Deadlines
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.status import Status

from .world import PLATFORM, STRANGER, World, an_id, migrate, order


async def test_approvals_expire_and_silent_banks_leave_payments_unknown(database: Callable[[str], Database]) -> None:
    """By the clock alone, also when the time came while nobody was running."""
    world = World(migrate(database("payment-instruction")))
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


async def test_a_deadline_that_moved_is_dropped(world: World) -> None:
    """An instruction that was decided in time never expires, and its submission is forgotten."""
    await world.submit_batch(PLATFORM, an_id("s"), [order("held", 600_00)])
    await world.reaches("held", Status.HELD)
    clock = ManualClock(SystemClock().now_ns())
    deadlines = Deadlines(world.application.approvals.submissions, world.patience, clock)
    (stream,) = world.states.submissions.submissions
    deadlines.look_at(stream)
    submission = world.states.submissions.submissions[stream]
    submission.changed_ns[0] += 10 * NANOSECONDS
    deadlines.look_at(stream)
    clock.advance(3_601 * NANOSECONDS)
    await deadlines.step()
    assert world.status("held") is Status.HELD
    clock.advance(10 * NANOSECONDS)
    await deadlines.step()
    assert world.status("held") is Status.EXPIRED
