"""What telemetry counts of payments: what is open, and nothing that has come to its end."""

from __future__ import annotations

from ringfence_kernel.values.clock import NANOSECONDS, ManualClock
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.submissions.application.measures import OpenPayments
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.status import Status

from .world import PLATFORM, STRANGER, World, an_id, migrate, order


async def test_held_and_unknown_payments_are_counted_until_they_end(filled_database: FilledDatabase) -> None:
    """Two that wait for a second person, then none; a payment on which the bank is silent, by the clock alone."""
    world = World(filled_database("payment-instruction", migrate))
    await world.start()
    await world.import_list()
    orders = [order("held", 600_00), order("also held", 600_00), order("out", creditor=STRANGER), order("in")]
    await world.submit_batch(PLATFORM, an_id("s"), orders)
    for name, status in (("also held", Status.HELD), ("out", Status.SENT), ("in", Status.SETTLED)):
        await world.reaches(name, status)
    payments = OpenPayments(world.states.submissions, world.clock)
    assert (payments.held(), payments.unknown()) == ([(2, {})], [(0, {})])
    world.patience = Patience(1, 1)
    await world.restart()
    await world.reaches("out", Status.UNKNOWN)
    await world.reaches("also held", Status.EXPIRED)
    payments = OpenPayments(world.states.submissions, world.clock)
    assert (payments.held(), payments.unknown()) == ([(0, {})], [(1, {})])
    await world.stop()


async def test_a_message_that_the_bank_does_not_have_ages(filled_database: FilledDatabase) -> None:
    """One message of two payments, from the moment of the decision; the submission is counted by why it waits."""
    world = World(filled_database("payment-instruction", migrate))
    await world.start()
    await world.import_list()
    world.rail.is_broken = True
    await world.submit_batch(PLATFORM, an_id("s"), [order(name, creditor=STRANGER) for name in ("one", "other")])
    await world.until(lambda: world.reason("one") == "RAIL_UNAVAILABLE")
    [submission] = world.states.submissions.submissions.values()
    [decided_ns] = submission.messages.values()
    payments = OpenPayments(world.states.submissions, ManualClock(decided_ns + 90 * NANOSECONDS))
    assert payments.undelivered() == [(1, {})]
    assert payments.undelivered_seconds() == [(90.0, {})]
    assert payments.waiting() == [(1, {"ringfence.refusal.reason": "RAIL_UNAVAILABLE"})]
    world.rail.is_broken = False
    await world.reaches("one", Status.SENT)
    assert payments.undelivered() == [(0, {})]
    assert payments.undelivered_seconds() == [(0.0, {})]
    assert payments.waiting() == []
    await world.stop()
