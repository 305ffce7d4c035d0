"""Reading back: by page, as a stream, and rebuilt from events."""

import asyncio
from collections.abc import AsyncIterator

from ringfence_kernel.service import RebuildReport, rebuild
from ringfence_kernel.service.event_sourced import store_digest
from ringfence_payment_instruction.bootstrap import MODELS
from ringfence_payment_instruction.modules import ModuleStates, event_codec
from ringfence_payment_instruction.reads.application.queries import Change
from ringfence_payment_instruction.submissions.adapters.archive import StoredArchive
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

from .world import ANNA, APPROVER, BORIS, OTHER_TENANT, PLATFORM, STRANGER, TENANT, World, an_id, order


async def settle(world: World, *names: str, submission: str = "s", amount_minor: int = 1) -> None:
    """Submits and waits for the end of the last."""
    orders = [order(name, amount_minor) for name in names]
    await world.submit_batch(PLATFORM, an_id(submission), orders)
    await world.reaches(names[-1], Status.SETTLED if amount_minor < 500_00 else Status.HELD)
    head = world.writer.head.position
    await world.until(lambda: world.projector.position >= head)


async def test_instructions_are_listed_page_by_page_in_the_order_in_which_they_came(world: World) -> None:
    """All of them once, also filtered by state and submission."""
    await settle(world, *[f"a{number}" for number in range(5)], submission="first")
    await settle(world, *[f"b{number}" for number in range(3)], submission="second", amount_minor=600_00)
    page = world.application.reads.page
    seen, after = [], None
    while True:
        views, after = await page(TENANT, status=0, submission_id=None, size=3, after=after)
        seen += [view.end_to_end_id for view in views]
        if after is None:
            break
    assert seen == ["a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2"]
    held, _ = await page(TENANT, status=Status.HELD, submission_id=None, size=10, after=None)
    assert [view.end_to_end_id for view in held] == ["b0", "b1", "b2"]
    first, _ = await page(TENANT, status=0, submission_id=an_id("first"), size=10, after=None)
    assert len(first) == 5
    assert await page(OTHER_TENANT, status=0, submission_id=None, size=10, after=None) == ([], None)


async def test_an_instruction_is_read_as_it_was_ordered(world: World) -> None:
    """Opened with its keys after a restart; an erased payer's data is gone, the rest stays."""
    await settle(world, "large", amount_minor=600_00)
    await world.application.approvals.decide(APPROVER, TENANT, [an_id("large")], Directive.APPROVE, "")
    await world.reaches("large", Status.SETTLED)
    await world.restart()
    (view,) = await world.application.reads.get(TENANT, [an_id("unknown"), an_id("large")])
    assert (view.clear.debtor_iban, view.clear.creditor_iban, view.clear.creditor_name, view.clear.remittance) == (
        ANNA, BORIS, "Boris Example", "for the demo",
    )  # fmt: skip
    assert (view.maker, view.approver, len(view.transfer_id)) == (TENANT, APPROVER.subject, 16)
    world.identity.erased.add(an_id("anna"))
    (view,) = await world.application.reads.get(TENANT, [an_id("large")])
    assert (view.clear.debtor_iban, view.clear.creditor_iban, view.amount_minor) == ("", BORIS, 600_00)


async def test_an_erased_payee_is_not_paid_unscreened(world: World) -> None:
    """Without the name there is nothing to screen: refused."""
    world.list_maximum_age_ns = 1
    await world.restart()
    await world.submit_batch(PLATFORM, an_id("s"), [order("late")])
    world.identity.erased.add(an_id("boris"))
    world.list_maximum_age_ns = 86_400 * 10**9
    await world.restart()
    await world.reaches("late", Status.REJECTED)
    assert world.reason("late") == "SUBJECT_ERASED"


async def take(changes: AsyncIterator[Change], until: Status) -> list[Change]:
    """Reads changes until one reaches a state."""
    found = []
    async with asyncio.timeout(10):
        async for change in changes:
            found.append(change)
            if change.states[-1].status == until:
                return found
    raise AssertionError("the stream never ends by itself")


async def test_the_status_stream_tells_every_step_and_resumes(world: World) -> None:
    """From the beginning, live, and again from any position, without gaps or repeats."""
    watch = world.application.reads.watch
    following = asyncio.create_task(take(watch(TENANT, 0, None), Status.SETTLED))
    await settle(world, "one")
    changes = await following
    statuses = [Status(view.status) for change in changes for view in change.states]
    assert statuses == [
        Status.RECEIVED, Status.VALIDATED, Status.AUTHENTICATED, Status.SCREENED, Status.RESERVED, Status.SETTLED,
    ]  # fmt: skip
    assert await take(watch(TENANT, changes[1].position, None), Status.SETTLED) == changes[2:]


async def test_the_status_stream_says_why_things_wait_and_keeps_tenants_apart(world: World) -> None:
    """A dependency that is away is told; another submission and another tenant are not."""
    await settle(world, "other", submission="other")
    world.custody.is_away = True
    await world.submit_batch(PLATFORM, an_id("s"), [order("one")])
    told = []
    async with asyncio.timeout(10):
        async for change in world.application.reads.watch(TENANT, 0, an_id("s")):
            told += change.states
            if change.states[0].reason:
                break
    assert {view.instruction_id for view in told} == {an_id("one")}
    assert (told[-1].status, told[-1].reason) == (Status.SCREENED, "CUSTODY_UNAVAILABLE")
    foreign = world.application.reads.watch(OTHER_TENANT, 0, None)
    reading = asyncio.create_task(anext(foreign))  # type: ignore[arg-type]
    done, _ = await asyncio.wait({reading}, timeout=0.3)
    assert not done
    reading.cancel()


def rebuilt(world: World, *, compare: bool) -> RebuildReport:
    """Rebuilds as the command does."""
    states = ModuleStates(State(StoredArchive(world.store, event_codec()).reopen, world.rest_rows))
    return rebuild(world.store, event_codec(), states.together(), MODELS, compare=compare)


async def test_events_alone_give_the_same_state_and_tables(world: World) -> None:
    """`rebuild --verify` finds no difference after all kinds of ends, and finds one that was made."""
    await settle(world, "a", "b")
    orders = [order("held", 600_00), order("out", creditor=STRANGER), order("bad", creditor_name="Bad Actor")]
    await world.submit_batch(PLATFORM, an_id("mixed"), orders)
    await world.reaches("out", Status.SENT)
    await world.writer.commit(lambda unit: store_digest(world.writer, unit))
    head = world.writer.head.position
    await world.until(lambda: world.projector.position >= head)
    report = await asyncio.to_thread(rebuilt, world, compare=True)
    assert report.events == head
    assert report.is_same
    with world.store.connection() as connection:
        connection.execute("UPDATE instructions SET status = 99 WHERE instruction_index = 0")
    broken = await asyncio.to_thread(rebuilt, world, compare=True)
    assert broken.differences["instructions"] == 4
    await asyncio.to_thread(rebuilt, world, compare=False)
    assert (await asyncio.to_thread(rebuilt, world, compare=True)).is_same


async def test_no_personal_data_stands_in_events_or_tables(world: World) -> None:
    """Neither names nor IBANs nor remittance in any column."""
    await settle(world, "one")
    with world.store.connection() as connection:
        states = connection.execute("SELECT string_agg(encode(state, 'escape'), '') AS text FROM stored_events")
        rows = connection.execute("SELECT string_agg(instructions::text, '') AS text FROM instructions")
        text = states.fetchone()["text"] + rows.fetchone()["text"]  # type: ignore[index]
    for personal in (ANNA, BORIS, "Boris", "Example", "for the demo"):
        assert personal not in text
    assert "authorisation-for-" in text
