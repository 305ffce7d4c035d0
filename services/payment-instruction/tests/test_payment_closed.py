"""What is closed leaves memory, and is known all the same: the same id gets the same answer, however long ago."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from ringfence_kernel.service import rebuild
from ringfence_kernel.service.event_sourced import store_digest
from ringfence_kernel.values.errors import InvalidArgument, Overloaded
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.writer import Unit
from ringfence_local_stack.servers.database import Database
from ringfence_payment_instruction.approvals import application as approvals
from ringfence_payment_instruction.bootstrap import MODELS
from ringfence_payment_instruction.modules import ModuleStates, event_codec
from ringfence_payment_instruction.reads.application import queries
from ringfence_payment_instruction.reads.application.queries import Selection
from ringfence_payment_instruction.submissions.adapters.archive import LOOK_UP, STREAMS_AT_ONCE, StoredArchive
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict
from ringfence_payment_instruction.submissions.domain.past import LookAgain
from ringfence_payment_instruction.submissions.domain.state import State, keys_of
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import stream_of, transfer_id_of

from .messages import camt_054, entry, pain_001
from .test_payment_application import bank_answers
from .world import (
    ANNA,
    APPROVER,
    BANK,
    BANK_FEED,
    BORIS,
    PLATFORM,
    STRANGER,
    TENANT,
    World,
    an_id,
    migrate,
    order,
)

REST = 3


@pytest.fixture
async def small(database: Callable[[str], Database]) -> AsyncIterator[World]:
    """The application with room for three closed instructions in memory."""
    world = World(migrate(database("payment-instruction")))
    world.rest_rows = REST
    await world.start()
    await world.import_list()
    yield world
    await world.stop()


async def settle(world: World, *names: str) -> None:
    """Pays one cent each, in submissions of their own, one after the other."""
    for name in names:
        await world.submit_batch(PLATFORM, an_id(f"s {name}"), [order(name, 1)])
        await world.until(lambda name=name: is_closed(world, name))


def is_closed(world: World, name: str) -> bool:
    """Tells whether a payment's submission has come to its end, in memory or beyond."""
    submission = world.states.submissions.submission(stream_of(TENANT, an_id(f"s {name}")))
    return submission is None or submission.is_closed()


async def fill(world: World) -> None:
    """Closes enough other payments for everything before them to leave memory."""
    await settle(world, *(f"filler {random.randbytes(4).hex()}" for _ in range(REST + 1)))


async def get(world: World, *names: str) -> list[tuple[Status, str]]:
    """Returns where payments stand, as a caller is told."""
    found = await world.application.reads.get(TENANT, [an_id(name) for name in names])
    return [(Status(each.state.status), each.state.reason) for each in found]


async def is_same(world: World) -> dict[str, int]:
    """Returns what `rebuild --verify` finds to differ."""
    await world.writer.commit(lambda unit: store_digest(world.writer, unit))
    await world.until(lambda: world.projector.position >= world.writer.head.position)
    states = ModuleStates(State(StoredArchive(world.store, event_codec()).reopen, world.rest_rows))
    report = await asyncio.to_thread(rebuild, world.store, event_codec(), states.together(), MODELS, compare=True)
    return {name: count for name, count in report.differences.items() if count}


async def test_memory_holds_what_is_open_and_a_little_of_what_was(small: World) -> None:
    """After a dozen settled payments three are in memory, and so are the versions of their streams alone."""
    await settle(small, *(f"p{number}" for number in range(12)))
    await small.submit_batch(PLATFORM, an_id("s held"), [order("held", 600_00)])
    await small.reaches("held", Status.HELD)
    state = small.states.submissions
    assert (len(state.submissions), state.resting_rows) == (REST + 1, REST)
    assert sum(stream in small.writer.versions for stream in map(_stream, (f"p{n}" for n in range(12)))) == REST
    assert await get(small, "p0", "p5", "p11") == [(Status.SETTLED, "")] * 3
    assert await is_same(small) == {}


def _stream(name: str) -> bytes:
    return stream_of(TENANT, an_id(f"s {name}"))


@pytest.mark.parametrize("restarts", [False, True])
async def test_the_same_id_gets_the_first_answer(small: World, restarts: bool) -> None:
    """A submission sent again long after it has closed is answered as first, by a process that was killed too."""
    first = await small.submit_batch(PLATFORM, an_id("s a"), [order("a", 1), order("b", 600_00, currency="XXX")])
    await fill(small)
    if restarts:
        await small.restart()
    assert small.states.submissions.submission(_stream("a")) is None
    balance = small.custody.balances[an_id("boris account")]
    again = await small.submit_batch(PLATFORM, an_id("s a"), [order("a", 1), order("b", 600_00, currency="XXX")])
    assert again == first
    with pytest.raises(SubmissionConflict):
        await small.submit_batch(PLATFORM, an_id("s a"), [order("a", 2)])
    assert small.custody.balances[an_id("boris account")] == balance
    assert await is_same(small) == {}


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_instruction_id_is_used_once_for_ever(small: World, restarts: bool) -> None:
    """Another submission with the id of a closed payment is refused row by row, and the id still means the first."""
    await settle(small, "a")
    await fill(small)
    if restarts:
        await small.restart()
    (view, fresh) = await small.submit_batch(PLATFORM, an_id("s other"), [order("a", 5), order("c", 1)])
    assert (view.status, view.reason) == (Status.REJECTED, reasons.DUPLICATE_INSTRUCTION_ID)
    assert fresh.status == Status.AUTHENTICATED
    await small.reaches("c", Status.SETTLED)
    assert await get(small, "a") == [(Status.SETTLED, "")]
    await fill(small)
    assert await get(small, "a") == [(Status.SETTLED, "")]
    assert await is_same(small) == {}


async def test_a_decision_on_what_has_closed_is_answered_as_ever(small: World) -> None:
    """Who cancels too late is told so; who approved before approves again without effect."""
    await small.submit_batch(PLATFORM, an_id("s held"), [order("held", 600_00)])
    await small.reaches("held", Status.HELD)
    decide = small.application.approvals.decide
    await decide(APPROVER, TENANT, [an_id("held")], Directive.APPROVE, "")
    await small.reaches("held", Status.SETTLED)
    await fill(small)
    before = small.writer.head.position
    (cancelled,) = await decide(PLATFORM, TENANT, [an_id("held")], Directive.CANCEL, "")
    (approved,) = await decide(APPROVER, TENANT, [an_id("held")], Directive.APPROVE, "")
    assert (cancelled.status, cancelled.reason) == (Status.SETTLED, reasons.ALREADY_RELEASED)
    assert (approved.status, approved.reason) == (Status.SETTLED, "")
    assert small.writer.head.position == before


async def test_a_bank_tells_of_a_payment_that_has_left_memory(small: World) -> None:
    """Its debit on the account reconciles the payment once, and the file again is all duplicates."""
    await small.submit_batch(PLATFORM, an_id("s out"), [order("out", 10_00, creditor=STRANGER)])
    await small.reaches("out", Status.SENT)
    transaction = transfer_id_of(TENANT, an_id("out")).hex()
    bank_answers(small, "out", "ACSC")
    await small.reaches("out", Status.SETTLED)
    await fill(small)
    assert small.states.submissions.submission(_stream("out")) is None
    debit = camt_054("N-1", BANK, entry("D1", "10.00", direction="DBIT", transaction_id=transaction))
    hand_in = small.application.deposits.receiving.hand_in
    counts = await hand_in(BANK_FEED, debit)
    assert (counts.confirmed, counts.duplicates) == (1, 0)
    assert await get(small, "out") == [(Status.RECONCILED, "")]
    assert small.states.submissions.submission(_stream("out")) is None
    counts = await hand_in(BANK_FEED, debit)
    assert (counts.confirmed, counts.duplicates) == (0, 1)
    second = camt_054("N-2", BANK, entry("D2", "10.00", direction="DBIT", transaction_id=transaction))
    assert (await hand_in(BANK_FEED, second)).confirmed == 0
    assert await is_same(small) == {}
    await small.restart()
    assert await get(small, "out") == [(Status.RECONCILED, "")]


async def test_a_message_is_no_payment(small: World) -> None:
    """A bank that names a message of ours where a payment belongs means nothing, and confirms nothing."""
    await small.submit_batch(PLATFORM, an_id("s out"), [order("out", 10_00, creditor=STRANGER)])
    await small.reaches("out", Status.SENT)
    submission = small.states.submissions.known(_stream("out"))
    message = submission.references[0].removeprefix("RF")
    debit = camt_054("N-1", BANK, entry("D1", "10.00", direction="DBIT", transaction_id=message))
    counts = await small.application.deposits.receiving.hand_in(BANK_FEED, debit)
    assert (counts.confirmed, counts.duplicates) == (0, 0)
    assert small.states.submissions.sent(message) is None
    assert small.status("out") is Status.SENT


async def test_a_deposit_is_known_when_its_file_has_left_memory(small: World) -> None:
    """Nothing of a posted file is kept, and an entry in whatever file it comes again moves nothing."""
    hand_in = small.application.deposits.receiving.hand_in
    assert (await hand_in(BANK_FEED, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))).credited == 1
    await small.until(lambda: not small.states.deposits.evidence)
    again = (await small.restart()).deposits.receiving.hand_in
    assert (await again(BANK_FEED, camt_054("N-2", BANK, entry("R1", "5.00", BORIS)))).duplicates == 1
    assert small.custody.balances[an_id("boris account")] == 5_00
    assert await is_same(small) == {}


async def test_a_refused_file_gets_its_first_report_again(small: World) -> None:
    """Byte for byte, when it has left memory too; other bytes under its message id are a duplicate."""
    content = pain_001("BAD-1", ANNA, ("A", "10.00", BORIS), count=2)
    first = await small.submit_file(PLATFORM, content)
    await fill(small)
    assert small.states.submissions.refused_files == {}
    assert await small.submit_file(PLATFORM, content) == first
    other = await small.submit_file(PLATFORM, pain_001("BAD-1", ANNA, ("A", "11.00", BORIS), count=2))
    assert b"AM05" in other.status_report
    assert await is_same(small) == {}


async def test_the_table_is_what_keeps_a_closed_id(small: World) -> None:
    """Without its row the id would be new: the proof that memory does not secretly hold it."""
    await settle(small, "a")
    await fill(small)
    with small.store.connection() as connection:
        connection.execute("DELETE FROM known_ids")
    (view,) = await small.submit_batch(PLATFORM, an_id("s other"), [order("a", 5)])
    assert view.status == Status.AUTHENTICATED
    assert (await is_same(small)).keys() == {"known_ids"}


async def test_a_look_that_is_too_old_is_taken_again(small: World) -> None:
    """A decision never rests on a look-up from before something left memory."""
    await settle(small, "a")
    old = small.application.submissions.submissions.archive.look_up(keys_of(TENANT, [an_id("a")]))
    await fill(small)
    await fill(small)

    def decide(unit: Unit) -> None:
        with small.states.submissions.recalling(old):
            raise AssertionError("it was taken for current")

    with pytest.raises(LookAgain):
        await small.writer.commit(decide)


class Meanwhile:
    """Something that another part does its work through, with a word before each of its calls."""

    def __init__(self, real: Any, before: Callable[[], Awaitable[None]]) -> None:
        self._real, self._before = real, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def call(*arguments: Any, **named: Any) -> Any:
            await self._before()
            return await found(*arguments, **named)

        return call


async def test_who_has_left_between_look_and_decision_is_no_new_one(small: World) -> None:
    """A submission that was in memory when it was looked for, and is gone when it is decided, is known all the same."""
    orders = [order("a", 1)]

    async def other() -> None:
        await settle(small, "a")
        await small.writer.commit(lambda unit: None)  # now its end is committed too

    async def others() -> None:
        if _stream("a") in small.states.submissions.submissions:
            await settle(small, "x", "y", "z")
            assert _stream("a") not in small.states.submissions.submissions

    receiving = small.application.submissions.receiving
    late = replace(receiving.submissions, writer=Meanwhile(small.writer, others))
    # Handed in twice at a time: the first is through, and closed, while the second is being prepared.
    receiving = replace(receiving, submissions=late, identity=Meanwhile(receiving.identity, once(other)))
    (view,) = await receiving.submit_batch(PLATFORM, an_id("s a"), orders)
    assert (view.status, view.reason) == (Status.AUTHENTICATED, "")
    assert len([topic for topic in small.topics() if topic.startswith("SubmissionReceived")]) == 4
    assert await is_same(small) == {}


def once(step: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Returns what takes a step the first time that it is called."""
    left = [step]

    async def call() -> None:
        if left:
            await left.pop()()

    return call


async def test_a_decision_does_not_hang_on_what_it_pushes_out_itself(small: World) -> None:
    """Cancelling again what rests, with another whose end makes it leave memory, is answered at once."""
    decide = small.application.approvals.decide
    for name in ("old", "new"):
        await small.submit_batch(PLATFORM, an_id(f"s {name}"), [order(name, 600_00)])
        await small.reaches(name, Status.HELD)
    await decide(PLATFORM, TENANT, [an_id("old")], Directive.CANCEL, "")
    await settle(small, "x", "y")
    found = await decide(PLATFORM, TENANT, [an_id("new"), an_id("old")], Directive.CANCEL, "")
    assert [(each.status, each.reason) for each in found] == [(Status.CANCELLED, reasons.CANCELLED_BY_CUSTOMER)] * 2
    assert _stream("old") not in small.states.submissions.submissions
    assert await is_same(small) == {}


class Unwalked(dict[bytes, Any]):
    """A dict that may be asked, but not walked through."""

    def keys(self) -> Any:
        """Refuses."""
        raise AssertionError("a look walks through all that is in memory")


async def test_a_look_costs_what_is_asked_for(small: World) -> None:
    """However much rests in memory, and while another thread fills it: a look asks about its own streams alone."""
    await settle(small, "a")
    small.states.submissions.submissions = Unwalked(small.states.submissions.submissions)
    assert await get(small, "a") == [(Status.SETTLED, "")]


async def test_a_look_reaches_as_far_as_its_table(small: World) -> None:
    """Where tables lack events, as those of a release without them do, nobody is told that an id is unknown."""
    hand_in = small.application.deposits.receiving.hand_in
    await hand_in(BANK_FEED, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    await settle(small, "a")
    await fill(small)
    with small.store.connection() as connection:
        connection.execute("DELETE FROM known_entries")
        connection.execute("UPDATE cursors SET position = 1 WHERE name = 'projection:known-entries'")
    with pytest.raises(Overloaded):
        await hand_in(BANK_FEED, camt_054("N-2", BANK, entry("R1", "5.00", BORIS)))
    with small.store.connection() as connection:
        connection.execute("DELETE FROM known_ids")
        connection.execute("UPDATE cursors SET position = 1 WHERE name = 'projection:known-ids'")
    with pytest.raises(Overloaded):
        await get(small, "a")


async def test_one_request_holds_few_closed_rows(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids out of many closed files are read in parts; a decision on them, which is all or nothing, is refused."""
    names = [f"p{number}" for number in range(2 * STREAMS_AT_ONCE)]
    await settle(small, *names)
    loaded: list[int] = []
    load = StoredArchive.load

    def counting(self: StoredArchive, *asked: Any) -> Any:
        found = load(self, *asked)
        loaded.append(sum(map(len, found[0].values())))
        return found

    monkeypatch.setattr(StoredArchive, "load", counting)
    for module in (queries, approvals):
        monkeypatch.setattr(module, "MOST_ROWS", 2)
    assert await get(small, *names) == [(Status.SETTLED, "")] * len(names)
    page, _ = await small.application.reads.page(TENANT, Selection(), size=len(names), after=None)
    assert [each.state.instruction_id for each in page] == [an_id(name) for name in names]
    assert 0 < max(loaded) <= 2
    with pytest.raises(InvalidArgument):
        await small.application.approvals.decide(PLATFORM, TENANT, [*map(an_id, names)], Directive.CANCEL, "")


async def test_a_snapshot_brings_back_the_same_state(small: World) -> None:
    """Open work, what rests, lists and files come back from a snapshot as events gave them, and go on alike."""
    await settle(small, "a", "b", "c", "d")
    await small.submit_file(PLATFORM, pain_001("BAD-1", ANNA, ("A", "10.00", BORIS), count=2))
    await small.submit_batch(PLATFORM, an_id("s mixed"), [order("held", 600_00), order("out", creditor=STRANGER)])
    await small.reaches("out", Status.SENT)
    sections = [(name, bytes(content)) for name, content in small.states.together().save()]
    states = ModuleStates(State(small.application.submissions.submissions.archive.reopen, REST))  # type: ignore[attr-defined]
    states.together().restore({name: memoryview(content) for name, content in sections})
    assert states.together().digest() == small.states.together().digest()
    head = small.writer.head.position
    await small.application.approvals.decide(APPROVER, TENANT, [an_id("held")], Directive.APPROVE, "")
    await small.reaches("held", Status.SETTLED)
    bank_answers(small, "out", "ACSC")
    await small.reaches("out", Status.SETTLED)
    for recorded in small.store.replay(event_codec(), head):
        states.together().apply(recorded, Journal())
    assert states.together().digest() == small.states.together().digest()


async def test_a_look_reads_its_own_rows_alone(small: World) -> None:
    """However many ids were ever used, looking up a batch goes by the key, never through the table."""
    with small.store.connection() as connection:
        connection.execute(
            "INSERT INTO known_ids SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0"
            " FROM generate_series(1, 100000)"
        )
        asked = [uuid4() for _ in range(1_000)]
        for _ in range(7):  # a prepared statement gets its general plan after some
            plan = connection.execute(f"EXPLAIN {LOOK_UP}".encode(), (asked, asked), prepare=True).fetchall()
    text = "\n".join(str(row["QUERY PLAN"]) for row in plan)
    assert "known_ids_pkey" in text
    assert "Seq Scan on known_ids" not in text
