"""Reading back: by page, as a stream, and rebuilt from events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ringfence_kernel.service import RebuildReport, rebuild
from ringfence_kernel.service.event_sourced import store_digest
from ringfence_payment_instruction.bootstrap import MODELS
from ringfence_payment_instruction.modules import ModuleStates, event_codec
from ringfence_payment_instruction.reads.adapters import instructions_reader
from ringfence_payment_instruction.reads.application.queries import Change, InstructionView, Selection
from ringfence_payment_instruction.reads.domain import InstructionsBehind
from ringfence_payment_instruction.standing.domain.events import StandingNoted
from ringfence_payment_instruction.standing.domain.state import STREAM, Standing
from ringfence_payment_instruction.submissions.adapters.archive import StoredArchive
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

from .world import ANNA, APPROVER, BORIS, OTHER_TENANT, PLATFORM, STRANGER, TENANT, World, an_id, order


async def settle(world: World, *names: str, submission: str = "s", amount_minor: int = 1) -> None:
    """Submits and waits for the end of the last."""
    orders = [order(name, amount_minor) for name in names]
    await world.submit_batch(PLATFORM, an_id(submission), orders)
    await world.reaches(names[-1], Status.SETTLED if amount_minor < 500_00 else Status.HELD)


async def listed(world: World, size: int, tenant: bytes = TENANT, **asked: Any) -> list[InstructionView]:
    """Returns all that a question finds, page by page."""
    found, after = [], None
    while True:
        views, after = await world.application.reads.page(tenant, Selection(**asked), size=size, after=after)
        found += views
        if after is None:
            return found


A, B = [f"a{number}" for number in range(5)], [f"b{number}" for number in range(3)]


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_instructions_are_listed_page_by_page(world: World, size: int) -> None:
    """In order of intake and the reverse, all or by state, submission and time, and by several of them: each once."""
    await settle(world, *A, submission="first")
    await settle(world, *B, submission="second", amount_minor=600_00)
    held, first, second = {"status": Status.HELD}, {"submission_id": an_id("first")}, {"submission_id": an_id("second")}
    begin, later = [view.received_ns for view in await listed(world, 100)][:: len(A)]
    questions: list[tuple[dict[str, Any], list[str]]] = [
        ({}, A + B), (held, B), (first, A), (second, B), (held | first, []), (held | second, B),
        ({"from_ns": begin}, A + B), ({"from_ns": begin + 1}, B), ({"from_ns": later}, B), ({"from_ns": later + 1}, []),
        ({"until_ns": begin}, []), ({"until_ns": begin + 1}, A), ({"until_ns": later}, A),
        ({"until_ns": later + 1}, A + B),
        ({"from_ns": begin, "until_ns": later}, A), ({"from_ns": later, "until_ns": begin}, []),
        (held | {"until_ns": later}, []), (second | {"from_ns": later}, B), (second | {"until_ns": later}, []),
    ]  # fmt: skip
    for asked, names in questions:
        for newest_first in (False, True):
            found = await listed(world, size, newest_first=newest_first, **asked)
            assert [view.end_to_end_id for view in found] == (names[::-1] if newest_first else names), asked
    assert await listed(world, size, OTHER_TENANT) == []
    assert await listed(world, size, OTHER_TENANT, submission_id=an_id("first")) == []


async def test_what_belongs_to_no_tenant_holds_up_no_reads(world: World) -> None:
    """How an operator stands is an event of no tenant: what comes after it is listed all the same."""
    noted = StandingNoted(an_id("an operator"), b"", Standing.SUSPENDED)
    await world.writer.commit(lambda unit: unit.record(STREAM, noted))
    await settle(world, "a")
    assert [view.end_to_end_id for view in await listed(world, 10)] == ["a"]


async def test_a_list_that_would_lack_something_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the tables stand still, what they show is answered until there is more; then INSTRUCTIONS_BEHIND."""
    await settle(world, "a")
    await listed(world, 10)
    monkeypatch.setattr(instructions_reader, "BEHIND_SECONDS", 0.2)
    with world.store.connection() as connection, connection.transaction():
        connection.execute("SELECT FROM cursors WHERE name = 'projection:instructions' FOR UPDATE")
        assert len(await listed(world, 10)) == 1
        await world.submit_batch(PLATFORM, an_id("later"), [order("b")])
        with pytest.raises(InstructionsBehind):
            await listed(world, 10)
    monkeypatch.undo()
    assert len(await listed(world, 10)) == 2


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
    await listed(world, 1)
    with world.store.connection() as connection:
        states = connection.execute("SELECT string_agg(encode(state, 'escape'), '') AS text FROM stored_events")
        rows = connection.execute("SELECT string_agg(instructions::text, '') AS text FROM instructions")
        text = states.fetchone()["text"] + rows.fetchone()["text"]  # type: ignore[index]
    for personal in (ANNA, BORIS, "Boris", "Example", "for the demo"):
        assert personal not in text
    assert "authorisation-for-" in text
