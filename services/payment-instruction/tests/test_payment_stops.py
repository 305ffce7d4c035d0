"""What stops a payment that the bank does not have yet: at every stage, by everybody and everything behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_payment_instruction.rail.application.ports import Sealed
from ringfence_payment_instruction.reads.application.queries import Selection
from ringfence_payment_instruction.standing.domain.events import StandingNoted
from ringfence_payment_instruction.standing.domain.state import STREAM, Standing
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission, stream_of, transfer_id_of

from .test_payment_application import bank_answers
from .world import APPROVER, BORIS, STRANGER, TENANT, World, an_id, caller, order

MAKER = caller(an_id("maker"), TENANT)
ANNA, BORIS_ID, ACCOUNT = an_id("anna"), an_id("boris"), an_id("anna account")
LARGE = 600_00


@dataclass(frozen=True)
class Stop:
    """Something that stops payments, and what they say then."""

    subject: bytes
    standing: Standing | None
    reason: str

    async def put(self, world: World, *, on: bool) -> None:
        """Puts it into effect, or lifts it."""
        if self.standing is None:
            (world.custody.held.add if on else world.custody.held.discard)(self.subject)
        else:
            await note(world, self.subject, self.standing if on else Standing.GOOD)


STOPS = (
    Stop(TENANT, Standing.SUSPENDED, reasons.PLATFORM_SUSPENDED),
    Stop(MAKER.subject, Standing.SUSPENDED, reasons.PRINCIPAL_SUSPENDED),
    Stop(ANNA, Standing.LAPSED, reasons.DEBTOR_NOT_ADMITTED),
    Stop(ANNA, Standing.REFUSED, reasons.DEBTOR_NOT_ADMITTED),
    Stop(ANNA, Standing.BLOCKED, reasons.DEBTOR_NOT_ADMITTED),
)
REVOKED = Stop(stream_of(TENANT, an_id("of payment")), Standing.REVOKED, reasons.AUTHORISATION_REVOKED)
FREEZE = Stop(ACCOUNT, None, reasons.DEBTOR_ACCOUNT_FROZEN)
OF_APPROVER = Stop(APPROVER.subject, Standing.SUSPENDED, reasons.PRINCIPAL_SUSPENDED)


async def note(world: World, subject: bytes, standing: Standing) -> None:
    """Records how somebody stands, as the follower does."""
    await world.writer.commit(lambda unit: unit.record(STREAM, StandingNoted(subject, b"", standing)))


def found(world: World, name: str) -> tuple[Submission, int]:
    """Returns where an instruction stands."""
    where = world.states.submissions.find(TENANT, an_id(name))
    assert where is not None
    return where


def has_reserved(world: World, name: str) -> bool:
    """Tells whether custody has set the money aside, and has it still."""
    transfer = transfer_id_of(TENANT, an_id(name))
    return transfer in world.custody.transfers and transfer not in world.custody.finished


def directive(world: World, name: str) -> Directive:
    """Returns what was decided of an instruction."""
    submission, index = found(world, name)
    return Directive(submission.directives[index])


async def waits(world: World, name: str, lane: str) -> None:
    """Waits until a lane has noted that it is stopped."""
    await world.until(lambda: (lane, "PAYMENT_STOPPED") in found(world, name)[0].waiting)


async def submit(world: World, name: str, amount_minor: int = 1_00, creditor: str = STRANGER) -> None:
    """Hands in a payment."""
    await world.submit_batch(MAKER, an_id(f"of {name}"), [order(name, amount_minor, creditor)])


async def screened(world: World, name: str) -> Callable[[], None]:
    """Brings a payment to where custody is asked next."""
    world.custody.is_away = True
    await submit(world, name)
    await world.reaches(name, Status.SCREENED)
    return lambda: setattr(world.custody, "is_away", False)


async def approved(world: World, name: str) -> Callable[[], None]:
    """Brings a payment of which a second person has decided there."""
    await submit(world, name, LARGE)
    await world.reaches(name, Status.HELD)
    world.custody.is_away = True
    await world.application.approvals.decide(APPROVER, TENANT, [an_id(name)], Directive.APPROVE, "")
    return lambda: setattr(world.custody, "is_away", False)


async def reserved(world: World, name: str) -> Callable[[], None]:
    """Brings a payment to where its message is written next."""
    world.seals.is_away = True
    await submit(world, name)
    await world.until(lambda: has_reserved(world, name) and world.status(name) is Status.RESERVED)
    return lambda: setattr(world.seals, "is_away", False)


async def directed(world: World, name: str) -> Callable[[], None]:
    """Brings a payment to where its message is written and the bank does not take it."""
    world.rail.is_broken = True
    await submit(world, name)
    await world.until(lambda: ("dispatch", "RAIL_UNAVAILABLE") in found(world, name)[0].waiting)
    assert (world.status(name), directive(world, name)) == (Status.RESERVED, Directive.SEND)
    return lambda: setattr(world.rail, "is_broken", False)


Bring = Callable[[World, str], Awaitable[Callable[[], None]]]
UNRESERVED: tuple[Bring, ...] = (screened, approved)
RESERVED: tuple[Bring, ...] = (reserved, directed)


@asynccontextmanager
async def stopping(world: World, stop: Stop, release: Callable[[], None]) -> AsyncIterator[None]:
    """Has something stop payments for the block, in which their way is free again."""
    await stop.put(world, on=True)
    await world.between_attempts()
    release()
    yield
    await stop.put(world, on=False)


@pytest.mark.parametrize("bring", UNRESERVED, ids=lambda each: each.__name__)
async def test_custody_is_not_asked_for_what_is_stopped(world: World, bring: Bring) -> None:
    """Nothing is reserved while somebody behind it does not stand well; then it goes on by itself."""
    world.custody.balances[ACCOUNT] = 100 * LARGE
    stops = (*STOPS, OF_APPROVER) if bring is approved else STOPS
    for at, stop in enumerate(stops):
        name = f"payment {at}"
        release = await bring(world, name)
        before = world.status(name)
        async with stopping(world, stop, release):
            await waits(world, name, "settlement")
            assert not has_reserved(world, name)
            assert world.status(name) is before
        await world.reaches(name, Status.SENT)


@pytest.mark.parametrize("stop", [*STOPS, FREEZE, REVOKED], ids=lambda each: each.reason)
@pytest.mark.parametrize("bring", RESERVED, ids=lambda each: each.__name__)
async def test_what_is_reserved_is_held_with_its_reservation(world: World, bring: Bring, stop: Stop) -> None:
    """The bank is told nothing while it stands, the reservation stays, and it is sent once, when it is lifted."""
    release = await bring(world, "payment")
    async with stopping(world, stop, release):
        await world.reaches("payment", Status.HELD)
        assert world.reason("payment") == stop.reason
        assert has_reserved(world, "payment")
        await world.restart()
        await waits(world, "payment", "standing")
        assert (world.status("payment"), world.rail.sent) == (Status.HELD, {})
    await world.reaches("payment", Status.SENT)
    assert has_reserved(world, "payment")
    assert len(world.rail.sent) == 1


@pytest.mark.parametrize("stop", [*STOPS, FREEZE, REVOKED], ids=lambda each: each.reason)
async def test_a_payment_is_stopped_until_it_is_handed_over(world: World, stop: Stop) -> None:
    """What comes while the message is on its way to the rail, written and not delivered, stops it as well."""
    unseal = world.seals.unseal

    async def unsealed_late(message: bytes, field: str, sealed: Sealed) -> bytes:
        await stop.put(world, on=True)
        return await unseal(message, field, sealed)

    world.seals.unseal = unsealed_late  # type: ignore[method-assign]
    await submit(world, "payment")
    await world.reaches("payment", Status.HELD)
    assert (world.reason("payment"), world.rail.sent) == (stop.reason, {})
    world.seals.unseal = unseal  # type: ignore[method-assign]
    await stop.put(world, on=False)
    await world.reaches("payment", Status.SENT)


async def test_a_payment_in_the_book_waits_for_a_blocked_payee(world: World) -> None:
    """Money of a client does not go to one who is blocked."""
    await note(world, BORIS_ID, Standing.BLOCKED)
    await submit(world, "payment", creditor=BORIS)
    await waits(world, "payment", "settlement")
    assert world.status("payment") is Status.SCREENED
    await note(world, BORIS_ID, Standing.GOOD)
    await world.reaches("payment", Status.SETTLED)


@pytest.mark.parametrize("is_taken", [False, True], ids=["not there", "there"])
async def test_a_message_is_taken_back_unless_the_bank_may_have_it(world: World, is_taken: bool) -> None:
    """Of two payments in it the one is held, the other sent by another message; a message that is out is out."""
    world.custody.balances[an_id("boris account")] = 100_00
    world.rail.is_broken = True
    orders = [order("annas", 1_00, STRANGER), order("boriss", 1_00, STRANGER, debtor_iban=BORIS)]
    await world.submit_batch(MAKER, an_id("both"), orders)
    await world.until(lambda: directive(world, "annas") is Directive.SEND)
    (first,) = found(world, "annas")[0].messages
    if is_taken:
        world.rail.sent[first] = b"as it was delivered before the process ended"
        world.rail.deliver = lambda message_id, content: "taken"  # type: ignore[method-assign]
    async with stopping(world, STOPS[-1], lambda: setattr(world.rail, "is_broken", False)):
        await world.reaches("boriss", Status.SENT)
        if is_taken:
            assert world.status("annas") is Status.SENT
        else:
            await world.reaches("annas", Status.HELD)
            assert first not in world.rail.sent
            assert len(world.rail.sent) == 1
    await world.reaches("annas", Status.SENT)
    assert len(world.rail.sent) == (1 if is_taken else 2)


@pytest.mark.parametrize("is_unknown", [False, True], ids=["sent", "unknown"])
@pytest.mark.parametrize("stop", [*STOPS, FREEZE, REVOKED], ids=lambda each: each.reason)
async def test_what_the_bank_has_is_settled_all_the_same(world: World, stop: Stop, is_unknown: bool) -> None:
    """A confirmation is a fact, whoever is suspended or frozen by now."""
    if is_unknown:
        await world.stop()
        world.patience = Patience(world.patience.for_approval_ns, NANOSECONDS // 100)
        await world.start()
    await submit(world, "payment")
    await world.reaches("payment", Status.UNKNOWN if is_unknown else Status.SENT)
    await stop.put(world, on=True)
    bank_answers(world, "payment", "ACSC")
    await world.reaches("payment", Status.SETTLED)


async def test_the_bank_proves_that_a_held_payment_was_sent(world: World) -> None:
    """Where another process had handed a message over that was taken back, the bank's word counts."""
    release = await directed(world, "payment")
    async with stopping(world, FREEZE, release):
        await world.reaches("payment", Status.HELD)
        bank_answers(world, "payment", "ACSC")
        await world.reaches("payment", Status.SETTLED)


@pytest.mark.parametrize("decision", [Directive.CANCEL, Directive.REJECT], ids=lambda each: each.name)
@pytest.mark.parametrize("stop", [FREEZE, REVOKED], ids=lambda each: each.reason)
async def test_a_stopped_payment_can_be_ended(world: World, decision: Directive, stop: Stop) -> None:
    """Its reservation is released."""
    release = await reserved(world, "payment")
    async with stopping(world, stop, release):
        await world.reaches("payment", Status.HELD)
        await world.application.approvals.decide(APPROVER, TENANT, [an_id("payment")], decision, "")
        ends = {Directive.CANCEL: Status.CANCELLED, Directive.REJECT: Status.REJECTED}
        await world.reaches("payment", ends[decision])
    assert not has_reserved(world, "payment")
    assert world.custody.balances[ACCOUNT] == 1_000_00


async def test_who_was_erased_is_paid_nothing_by_the_bank(world: World) -> None:
    """The names that are still remembered do not count: the payment is released."""
    release = await reserved(world, "payment")
    await note(world, ANNA, Standing.ERASED)
    release()
    await world.reaches("payment", Status.REJECTED)
    assert world.reason("payment") == reasons.SUBJECT_ERASED
    assert (has_reserved(world, "payment"), world.rail.sent) == (False, {})


async def test_a_reservation_ends_with_the_authorisation(world: World) -> None:
    """What is stopped for longer is released: money is not reserved for ever."""
    world.identity.expires_ns = world.clock.now_ns() + 2 * NANOSECONDS
    release = await reserved(world, "payment")
    async with stopping(world, FREEZE, release):
        await world.reaches("payment", Status.HELD)
        await world.reaches("payment", Status.EXPIRED)
    assert world.reason("payment") == reasons.AUTHORISATION_EXPIRED
    assert world.custody.balances[ACCOUNT] == 1_000_00


@pytest.mark.parametrize("stop", [each for each in STOPS if each.standing is not None], ids=lambda each: each.reason)
@pytest.mark.parametrize("bring", UNRESERVED, ids=lambda each: each.__name__)
async def test_a_reader_sees_what_stops_a_payment(world: World, bring: Bring, stop: Stop) -> None:
    """By id, by page and as it is followed: why it waits, not merely that it does."""
    world.custody.balances[ACCOUNT] = 100 * LARGE
    release, reads = await bring(world, "p"), world.application.reads
    async with stopping(world, stop, release):
        (by_id,) = await reads.get(TENANT, [an_id("p")])
        (listed,), _ = await reads.page(TENANT, Selection(), size=10, after=None)
        assert (by_id.state.reason, listed.state.reason) == (stop.reason, stop.reason)
        await waits(world, "p", "settlement")
        async with asyncio.timeout(10):
            async for change in reads.watch(TENANT, 0, None):
                if any(state.reason == stop.reason for state in change.states):
                    break
    await world.reaches("p", Status.SENT)
    assert (await reads.get(TENANT, [an_id("p")]))[0].state.reason == ""
