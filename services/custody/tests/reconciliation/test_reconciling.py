"""Reconciliation on a real database: what is matched, what is a break, and that no restart changes it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from ringfence_custody.calendars.domain.events import BusinessDayOpened
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_custody.reconciliation.adapters.payment_feed import ExceptionWorkedOff, StatementExcepted, facts_of
from ringfence_custody.reconciliation.application.ports import MatchedAmounts, Matches
from ringfence_custody.reconciliation.domain.breaks import Side, break_id, day_line
from ringfence_custody.reconciliation.domain.errors import (
    BreakNotFound,
    FundingUnsuited,
)
from ringfence_custody.reconciliation.domain.state import State
from ringfence_kernel.calendars.noted import stream_of
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.clock import DAY_NS
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb

from ..conftest import Custody, running
from ..ledger import SECOND, WITHDRAWAL, Row, id_of
from ..test_custody_service import PLATFORM, send
from .town import BOOKED, MISSING, TODAY, TOLD, Movement, Town

BANK = id_of("bank")
F = TransferFlag


@pytest.fixture
async def town(custody: Custody) -> Town:
    """A custody service with a mirror that has had its first statement."""
    return await Town.built(custody)


def mirror(**more: Any) -> dict[str, Any]:
    """Returns the fields that name the mirror."""
    return {"book_id": PLATFORM, "mirror_id": BANK, **more}


async def reserve(town: Town, name: str, amount: int) -> None:
    """Sets a payment of alice aside."""
    row = Row(name, "alice", "bank", amount, int(F.PENDING), code=WITHDRAWAL)
    assert await send(town.custody, row) == ["created"]


async def pay(town: Town, name: str, amount: int) -> None:
    """Posts a payment that the bank has confirmed."""
    await reserve(town, name, amount)
    post = Row(f"{name} posted", flags=int(F.POST_PENDING_TRANSFER), pending_id=name, amount=amount, code=0, ledger=0)
    assert await town.post(post) == ["created"]


async def only_match(town: Town, day: int = TODAY) -> pb.MatchedPair:
    """Returns the one pair that was matched."""
    (pair,) = (await town.ask("ListMatches", pb.ListMatchesRequest(**mirror(day=day)))).pairs
    return pair


async def test_what_the_books_had_before_the_first_statement_is_in_its_opening(town: Town) -> None:
    """Deposits of earlier days are no open lines, and no breaks."""
    assert town.mirror.is_started
    await town.work()
    assert town.states() == {}


async def test_the_event_names_its_transfer_and_that_is_the_match(town: Town) -> None:
    """A deposit and a payment are matched by what they name, when the statement has them and not before."""
    await town.deposit("paid in", 300, entry="entry")
    await pay(town, "paid out", 120)
    told = [Movement("in", 300, entry="entry", state=TOLD), Movement("out", -120, reserved="paid out", state=TOLD)]
    await town.tell(*told)
    await town.work()
    lines = town.open_lines()
    await town.tell(Movement("in", 300, entry="entry"), Movement("out", -120, reserved="paid out"))
    await town.statement(TODAY, closing=2_180)
    await town.work()
    assert (lines[0] - len(town.mirror.bank), lines[1] - len(town.mirror.books)) == (2, 2)
    pairs = (await town.ask("ListMatches", pb.ListMatchesRequest(**mirror(day=TODAY)))).pairs
    assert {(each.movement_id, each.transfer_id) for each in pairs} == {
        (id_of("in"), id_of("paid in")),
        (id_of("out"), id_of("paid out posted")),
    }
    assert {(each.stage, each.version, each.confidence) for each in pairs} == {(pb.MATCHING_STAGE_KEY, 1, 100)}
    assert town.states() == {}


async def test_what_a_movement_says_again_after_its_match_is_nothing_new(town: Town) -> None:
    """The same word again opens nothing; another amount opens a line of the difference."""
    await town.deposit("paid in", 300, entry="entry")
    await town.tell(Movement("in", 300, entry="entry"))
    await town.statement(TODAY)
    await town.work()
    before = town.open_lines()
    await town.tell(Movement("in", 300, entry="entry"), Movement("in", 300, entry="entry"))
    assert town.open_lines() == before
    await town.tell(Movement("in", 0, entry="taken back", state=MISSING))
    (line,) = (await town.ask("ListOpenLines", pb.ListOpenLinesRequest(**mirror(side=pb.BREAK_SIDE_BANK)))).lines
    assert (line.id, line.amount_minor, line.key) == (id_of("in"), -300, id_of("taken back"))


class Slow:
    """Matches that are looked up in time, and answered when others have been matched."""

    def __init__(self, matches: Matches, stale: MatchedAmounts) -> None:
        """Answers `stale` once, and what is so from then on."""
        self._matches, self._answers = matches, [stale]

    def amounts(self, book: bytes, mirror: bytes, movements: Sequence[bytes]) -> MatchedAmounts:
        """Returns what was asked for, too late the first time."""
        return self._answers.pop() if self._answers else self._matches.amounts(book, mirror, movements)


async def test_news_of_what_is_matched_meanwhile_is_nothing_new(town: Town) -> None:
    """What was looked up before a match was recorded is looked up again."""
    await town.deposit("paid in", 300, entry="entry")
    await town.tell(Movement("in", 300, entry="entry"))
    noting = town.custody.reconciliation.noting
    stale = noting.matches.amounts(PLATFORM, BANK, [id_of("in")])
    await town.statement(TODAY)
    await town.work()
    before = town.open_lines()
    slow = replace(noting, matches=cast("Matches", Slow(noting.matches, stale)))
    await slow.note(facts_of(town.feed[1:2]), lambda connection: None)
    assert town.open_lines() == before


async def test_one_event_may_name_a_movement_twice(town: Town) -> None:
    """The later row holds: the line stands once, and knows both entries."""
    await town.tell(
        Movement("in", 300, entry="first", state=TOLD),
        Movement("other", 7, entry="other"),
        Movement("in", 0, entry="second", state=MISSING),
    )
    assert len(town.mirror.bank) == 2
    assert town.mirror.more_keys == {id_of("in"): (id_of("second"),)}


async def test_the_kinds_of_breaks(town: Town) -> None:
    """Each side alone, and both with other amounts: the kind is told by data."""
    await pay(town, "unbooked", 100)
    await town.deposit("told, not booked", 50, entry="never")
    await town.deposit("wrong", 30, entry="wrong")
    await town.tell(
        Movement("unknown in", 11),
        Movement("unknown out", -12),
        Movement("wrong amount", 29, entry="wrong"),
        Movement("later", 70, day=TODAY + 1),
        Movement("news", 80, state=TOLD),
    )
    await town.statement(TODAY)
    town.custody.clock.advance(601 * SECOND)
    await town.work()
    assert town.states() == {
        id_of("unknown in"): ("UNIDENTIFIED", "CLASSIFIED"),
        id_of("unknown out"): ("BANK", "CLASSIFIED"),
        id_of("wrong amount"): ("SHORTFALL", "CLASSIFIED"),
        id_of("unbooked posted"): ("TIMING", "WAITING"),
        id_of("told, not booked"): ("SHORTFALL", "CLASSIFIED"),
    }
    before = town.custody.writer.head.position
    await town.work()
    assert town.custody.writer.head.position == before


async def test_an_entry_on_its_way_into_the_books_is_no_break_yet(town: Town) -> None:
    """For ten minutes after the statement; one without an entry is one at once."""
    await town.tell(Movement("on its way", 11, entry="on its way"), Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    assert list(town.states()) == [id_of("unknown")]
    town.custody.clock.advance(601 * SECOND)
    await town.work()
    assert set(town.states()) == {id_of("unknown"), id_of("on its way")}


async def test_timing_waits_for_the_next_statement(town: Town) -> None:
    """A payment that the next statement has is matched; one that it lacks is escalated, once."""
    await pay(town, "soon", 100)
    await pay(town, "never", 40)
    await town.statement(TODAY)
    await town.work()
    assert town.states()[id_of("soon posted")] == ("TIMING", "WAITING")
    await town.tell(Movement("out", -100, reserved="soon", day=TODAY + 1))
    town.custody.clock.advance(DAY_NS)
    await town.statement(TODAY + 1)
    await town.work()
    assert town.states() == {id_of("never posted"): ("TIMING", "ESCALATED")}
    soon = break_id(PLATFORM, BANK, Side.BOOKS, id_of("soon posted"))
    found = await town.ask("GetBreak", pb.GetBreakRequest(break_id=soon))
    assert getattr(found, "break").status == pb.BREAK_STATUS_MATCHED


async def test_a_break_that_nobody_takes_is_escalated_by_business_days(town: Town) -> None:
    """Detected on a Friday it is late on the Tuesday, whatever the clock has counted."""
    town.custody.clock.advance(DAY_NS)
    await town.tell(Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "CLASSIFIED")
    town.custody.clock.advance(3 * DAY_NS)
    await town.work()
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "CLASSIFIED")
    town.custody.clock.advance(DAY_NS)
    await town.work()
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "ESCALATED")


async def test_a_shortfall_that_is_not_funded_by_the_end_of_its_day_is_notified(town: Town) -> None:
    """The next morning, whoever has it; funding is looked at, and needs a transfer to what the platform owes."""
    await town.deposit("before", 50, entry="booked")
    await town.tell(Movement("booked", 50, entry="booked"))
    await town.deposit("told, not booked", 50, entry="never")
    await town.statement(TODAY)
    await town.work()
    (found,) = town.breaks.values()
    assign = pb.AssignBreakRequest(break_id=found.id, note="look")
    await town.ask("AssignBreak", assign)
    await town.custody.project()
    fund = pb.FundBreakRequest(break_id=found.id, transfer_id=id_of("told, not booked"), note="paid")
    with pytest.raises(FundingUnsuited) as unsuited:
        await town.ask("FundBreak", fund)
    assert unsuited.value.metadata == {"because": "not from the platform's own money to what it owes"}
    with pytest.raises(FundingUnsuited) as unsuited:
        await town.ask("FundBreak", pb.FundBreakRequest(break_id=found.id, transfer_id=id_of("before"), note="paid"))
    assert unsuited.value.metadata == {"because": "older than what is short"}
    town.custody.clock.advance(DAY_NS)
    await town.work()
    assert town.states() == {id_of("told, not booked"): ("SHORTFALL", "NOTIFIED")}


async def test_an_excepted_statement_blocks_its_day_until_it_is_worked_off(town: Town) -> None:
    """An exception, and a day without its statement, are breaks of evidence; what they wait for ends them."""
    await town.publish(StatementExcepted(PLATFORM, BANK, id_of("bad"), TODAY))
    town.custody.clock.advance(5 * DAY_NS)
    await town.work()
    assert town.states() == {
        id_of("bad"): ("EVIDENCE", "ESCALATED"),
        day_line(TODAY): ("EVIDENCE", "CLASSIFIED"),
        day_line(TODAY + 1): ("EVIDENCE", "CLASSIFIED"),
    }
    standing = await town.ask("GetReconciliation", pb.GetReconciliationRequest(**mirror(day=TODAY)))
    assert (standing.has_statement, standing.is_blocked, standing.open_breaks) == (False, True, 2)
    await town.publish(ExceptionWorkedOff(PLATFORM, BANK, id_of("bad")))
    await town.statement(TODAY)
    await town.work()
    assert {line: status for line, (_, status) in town.states().items()} == {
        id_of("bad"): "RESOLVED",
        day_line(TODAY): "RESOLVED",
        day_line(TODAY + 1): "CLASSIFIED",
    }
    standing = await town.ask("GetReconciliation", pb.GetReconciliationRequest(**mirror(day=TODAY)))
    assert (standing.has_statement, standing.is_blocked, standing.open_breaks) == (True, False, 0)


async def test_pages_show_every_line_once(town: Town) -> None:
    """Open lines, matches and breaks, three at a time."""
    await town.tell(*(Movement(f"in {each}", 100 + each) for each in range(8)))
    await town.statement(TODAY)
    await town.work()

    async def all_of(method: str, request: Any, field: str, name: str) -> list[bytes]:
        found: list[bytes] = []
        while True:
            request.page_size = 3
            reply = await town.ask(method, request)
            found += [getattr(each, name) for each in getattr(reply, field)]
            if not reply.next_page_token:
                return found
            request.page_token = reply.next_page_token

    ids = {id_of(f"in {each}") for each in range(8)}
    lines = await all_of("ListOpenLines", pb.ListOpenLinesRequest(**mirror(side=pb.BREAK_SIDE_BANK)), "lines", "id")
    assert sorted(lines) == sorted(ids) == lines
    assert set(await all_of("ListBreaks", pb.ListBreaksRequest(), "breaks", "line_id")) == ids
    for each in range(8):
        await town.deposit(f"deposit {each}", 100 + each)
    await town.work()
    pairs = await all_of("ListMatches", pb.ListMatchesRequest(**mirror(day=TODAY)), "pairs", "movement_id")
    assert sorted(pairs) == sorted(ids)


@pytest.mark.parametrize("seed", range(3))
async def test_a_restart_gives_the_same_lines_and_breaks(
    town: Town, stores: Callable[[], EventStore], seed: int
) -> None:
    """Whatever was told, posted, matched and undone, in whatever order, and however commits failed on the way."""
    chance = random.Random(seed)
    names = [f"{seed} {each}" for each in range(40)]
    posts = {name: chance.randrange(1, 50) for name in names}
    for name in names:
        if chance.random() < 0.9:
            await town.deposit(f"deposit {name}", posts[name], entry=name if chance.random() < 0.8 else "")
        if chance.random() < 0.9:
            state = chance.choice([TOLD, BOOKED, BOOKED, MISSING])
            await town.tell(Movement(name, posts[name], entry=name, reference=chance.choice(["", name]), state=state))
        if chance.random() < 0.1:
            await town.statement(TODAY)
        if chance.random() < 0.2:
            await asyncio.gather(town.work(), town.deposit(f"beside {name}", 7))
    await town.work()
    for pair in (await town.ask("ListMatches", pb.ListMatchesRequest(**mirror(day=TODAY)))).pairs[:5]:
        await town.ask("UndoMatch", pb.UndoMatchRequest(**mirror(match_id=pair.match_id, note="again")))
    await town.work()
    async with running(stores) as fresh:
        assert fresh.whole.digest() == town.custody.whole.digest()
        saved = {name: memoryview(bytes(content)) for name, content in town.custody.reconciled.save()}
        fresh.reconciled.restore(saved)
        assert fresh.whole.digest() == town.custody.whole.digest()


async def test_a_commit_that_fails_leaves_no_trace(town: Town) -> None:
    """Lines that were appended, changed and removed are as they were when a group is taken back."""
    await town.deposit("paid in", 300, entry="entry")
    await town.tell(Movement("in", 300, entry="entry", state=TOLD))
    before = town.custody.whole.digest()
    writer = town.custody.writer

    def decide(unit: Any) -> None:
        town.mirror.leave([id_of("in")], [id_of("paid in")], unit.journal)
        raise BreakNotFound

    with pytest.raises(BreakNotFound):
        await writer.commit(decide)
    assert town.custody.whole.digest() == before


async def test_a_transfer_is_of_the_business_day_that_is_open(town: Town) -> None:
    """Where the next day has begun already no statement of the day before has it: it is no break of that day."""
    opened = BusinessDayOpened("TARGET", TODAY + 5, TODAY, 0, True)
    await town.custody.writer.commit(lambda unit: unit.record(stream_of("TARGET"), opened))
    await pay(town, "later", 30)
    state = town.custody.reconciled
    lines = state.mirror(PLATFORM, BANK).books
    assert [int(each) for each in lines.rows["day"][lines.open_rows()]] == [TODAY + 5]
    again = State()
    again.restore({name: memoryview(content) for name, content in state.save()})
    assert again.digest() == state.digest()


async def test_whoever_waits_hears_that_a_statement_was_looked_at(town: Town) -> None:
    """Also where there was nothing to record."""
    heard = list[bool]()
    town.custody.reconciliation.work.looked = lambda: heard.append(town.mirror.is_assessed)
    assert not town.mirror.is_assessed
    await town.work()
    assert heard
    assert heard[-1]
    await town.statement(TODAY, opening=2_000, closing=2_000)
    assert not town.mirror.is_assessed
    await town.work()
    assert town.mirror.is_assessed
