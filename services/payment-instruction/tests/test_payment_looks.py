"""A decision asks of the past what was looked up for it, and never what was looked up too early."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from ringfence_kernel.values.errors import InvalidArgument, Overloaded
from ringfence_kernel.values.ids import new_id
from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.writer import Unit
from ringfence_payment_instruction.approvals import application as approvals
from ringfence_payment_instruction.reads.application import queries
from ringfence_payment_instruction.reads.application.queries import Selection
from ringfence_payment_instruction.submissions.adapters.archive import LOOK_UP, STREAMS_AT_ONCE, StoredArchive
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.state import keys_of
from ringfence_payment_instruction.submissions.domain.status import Directive, Status

from .closing import REST, fill, get, is_same, settle, stream_named
from .messages import camt_054, entry
from .world import (
    BANK,
    BANK_FEED,
    BORIS,
    PLATFORM,
    TENANT,
    World,
    an_id,
    order,
)


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
        if stream_named("a") in small.states.submissions.submissions:
            await settle(small, "x", "y", "z")
            assert stream_named("a") not in small.states.submissions.submissions

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
    assert stream_named("old") not in small.states.submissions.submissions
    assert await is_same(small) == {}


async def test_who_has_left_since_nothing_was_looked_up_is_no_new_one(small: World) -> None:
    """An id that was new when a look was passed over, and is used, closed and gone when it is decided, is a repeat."""

    async def other() -> None:
        await settle(small, "a")
        await fill(small)
        assert stream_named("a") not in small.states.submissions.submissions

    receiving = small.application.submissions.receiving
    receiving = replace(receiving, identity=Meanwhile(receiving.identity, once(other)))
    (view,) = await receiving.submit_batch(PLATFORM, an_id("s b"), [order("a", 1)])
    assert (view.status, view.reason) == (Status.REJECTED, reasons.DUPLICATE_INSTRUCTION_ID)
    assert await is_same(small) == {}


async def test_an_id_of_now_is_not_looked_up(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's next UUIDv7 is higher than all that have left memory: that it is new is known without the database."""
    looked: list[int] = []
    look_up = StoredArchive.look_up
    monkeypatch.setattr(StoredArchive, "look_up", lambda *asked: looked.append(1) or look_up(*asked))
    receiving, reads = small.application.submissions.receiving, small.application.reads
    ids = [new_id() for _ in range(4 * REST)]
    for each in ids:
        (view,) = await receiving.submit_batch(PLATFORM, new_id(), [replace(order("any", 1), instruction_id=each)])
        assert view.status == Status.AUTHENTICATED
        await small.until(lambda each=each: is_done(small, each))
    assert [len(await reads.get(TENANT, [each])) for each in ids[-REST:]] == [1] * REST
    assert looked == []
    assert len(await reads.get(TENANT, ids[:1])) == 1
    assert looked == [1]


def is_done(world: World, instruction_id: bytes) -> bool:
    """Tells whether a payment that is in memory has come to its end."""
    found = world.states.submissions.find(TENANT, instruction_id)
    return found is None or found[0].is_closed()


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
    hand_in = small.application.statements.receiving.hand_in
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
