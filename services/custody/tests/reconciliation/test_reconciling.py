"""Reconciliation on a real database: what is matched, what is a break, and that no restart changes it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_custody.reconciliation.adapters.payment_feed import ExceptionWorkedOff, StatementExcepted
from ringfence_custody.reconciliation.domain.breaks import Side, break_id, day_line
from ringfence_custody.reconciliation.domain.errors import (
    BreakNotFound,
    BreakTransitionRefused,
    CorrectionRefused,
    FundingUnsuited,
    LinesDiffer,
    MatchNotFound,
    MirrorNotFound,
    SuggestionNotFound,
)
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.clock import DAY_NS
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb

from ..conftest import Custody, running
from ..ledger import SECOND, WITHDRAWAL, Row, id_of
from ..test_custody_service import PLATFORM, account, send
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


async def test_undoing_a_match_moves_no_money_and_it_does_not_come_back(town: Town) -> None:
    """Both lines are open again as they were, are a break, and only people match them again."""
    await town.deposit("paid in", 300, entry="entry")
    await town.tell(Movement("in", 300, entry="entry"))
    lines = {each: getattr(town.mirror, each).digest() for each in ("bank", "books")}
    await town.statement(TODAY)
    await town.work()
    pair, balance = await only_match(town), await account(town.custody, "alice")
    undo = pb.UndoMatchRequest(**mirror(match_id=pair.match_id, note="not this one"))
    await town.ask("UndoMatch", undo)
    assert {each: getattr(town.mirror, each).digest() for each in lines} == lines
    town.custody.clock.advance(601 * SECOND)
    await town.work()
    assert {each: getattr(town.mirror, each).digest() for each in lines} == lines
    assert await account(town.custody, "alice") == balance
    assert (await only_match(town)).undone
    with pytest.raises(MatchNotFound):
        await town.ask("UndoMatch", undo)
    by_hand = pb.LinePair(movement_id=id_of("in"), transfer_id=id_of("paid in"))
    await town.ask("MatchLines", pb.MatchLinesRequest(**mirror(pairs=[by_hand])))
    pairs = (await town.ask("ListMatches", pb.ListMatchesRequest(**mirror(day=TODAY)))).pairs
    assert [(each.stage, each.undone) for each in sorted(pairs, key=lambda each: each.stage)] == [
        (pb.MATCHING_STAGE_KEY, True),
        (pb.MATCHING_STAGE_PEOPLE, False),
    ]
    assert len({each.match_id for each in pairs}) == 2


async def test_people_match_only_what_has_one_sum(town: Town) -> None:
    """Lines that are not open, or whose sums differ, are refused whole."""
    await town.deposit("paid in", 300)
    await town.tell(Movement("in", 301))
    for movement, transfer in (("in", "paid in"), ("in", "nobody"), ("nobody", "paid in")):
        pair = pb.LinePair(movement_id=id_of(movement), transfer_id=id_of(transfer))
        with pytest.raises(LinesDiffer):
            await town.ask("MatchLines", pb.MatchLinesRequest(**mirror(pairs=[pair])))
    with pytest.raises(MirrorNotFound):
        await town.ask("MatchLines", pb.MatchLinesRequest(book_id=PLATFORM, mirror_id=id_of("alice"), pairs=[pair]))


async def test_suggestions_are_for_people(town: Town) -> None:
    """Sums and texts only suggest: a confirmed one is a match, a refused one does not come again."""
    await town.deposit("one", 12_345)
    await town.deposit("two", 2_222)
    await town.tell(Movement("both", 14_567), Movement("text", 2_222))
    scored = pb.LinePair(movement_id=id_of("text"), transfer_id=id_of("two"), score=70)
    ask = pb.SuggestMatchesRequest(**mirror(pairs=[scored]))
    assert (await town.ask("SuggestMatches", ask)).suggested == 1
    assert (await town.ask("SuggestMatches", ask)).suggested == 0
    (by_text,) = (await town.ask("ListSuggestions", pb.ListSuggestionsRequest(**mirror()))).suggestions
    assert [(each.stage, each.confidence) for each in by_text.pairs] == [(pb.MATCHING_STAGE_TEXT, 70)]
    refuse = pb.DecideSuggestionRequest(**mirror(suggestion_id=by_text.suggestion_id, note="no"))
    await town.ask("DecideSuggestion", refuse)
    assert (await town.ask("SuggestMatches", ask)).suggested == 0
    with pytest.raises(SuggestionNotFound):
        await town.ask("DecideSuggestion", refuse)


async def test_a_confirmed_sum_is_a_match(town: Town) -> None:
    """Two deposits that one line of the bank is the only sum of."""
    await town.tell(Movement("both", 14_567))
    for name, amount in (("one", 12_345), ("two", 2_222)):
        await town.deposit(name, amount)
    await town.statement(TODAY)
    await town.work()
    (found,) = (await town.ask("ListSuggestions", pb.ListSuggestionsRequest(**mirror()))).suggestions
    assert {each.transfer_id for each in found.pairs} == {id_of("one"), id_of("two")}
    confirm = pb.DecideSuggestionRequest(**mirror(suggestion_id=found.suggestion_id, confirmed=True, note="yes"))
    await town.ask("DecideSuggestion", confirm)
    assert {status for _, status in town.states().values()} == {"RESOLVED"}
    pairs = (await town.ask("ListMatches", pb.ListMatchesRequest(**mirror(day=TODAY)))).pairs
    assert len(pairs) == 2
    assert len({each.match_id for each in pairs}) == 1


async def test_a_correction_takes_two_people_and_settles_the_break(town: Town) -> None:
    """One proposes, another confirms: the entry is posted, matched with the bank's line, and can be closed."""
    await town.tell(Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    (found,) = town.breaks.values()
    correct = pb.CorrectBreakRequest(
        break_id=found.id,
        entries=[pb.CorrectingEntry(debit_account_id=BANK, credit_account_id=id_of("bob"), amount_minor=12)],
        reason="case 4",
    )
    with pytest.raises(BreakTransitionRefused):
        await town.ask("CorrectBreak", correct)
    await town.ask("AssignBreak", pb.AssignBreakRequest(break_id=found.id, note="look"))
    proposal = (await town.ask("CorrectBreak", correct)).proposal_id
    assert (await account(town.custody, "bob")).credits_posted_minor == 1_000
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "CORRECTING")
    await town.custody.confirm(proposal)
    assert (await account(town.custody, "bob")).credits_posted_minor == 1_012
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "RESOLVED")
    assert (await only_match(town)).stage == pb.MATCHING_STAGE_PEOPLE
    await town.ask("CloseBreak", pb.CloseBreakRequest(break_id=found.id, note="done"))
    assert town.states() == {}
    with pytest.raises(BreakNotFound):
        await town.ask("CloseBreak", pb.CloseBreakRequest(break_id=found.id, note="again"))
    await town.ask("ReopenBreak", pb.ReopenBreakRequest(break_id=found.id, note="not so"))
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "REOPENED")


async def test_a_correction_that_the_ledger_refuses_leaves_nothing(town: Town) -> None:
    """All entries or none: the second takes more than bob has."""
    await town.tell(Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    (found,) = town.breaks.values()
    await town.ask("AssignBreak", pb.AssignBreakRequest(break_id=found.id, note="look"))
    entries = [
        pb.CorrectingEntry(debit_account_id=BANK, credit_account_id=id_of("alice"), amount_minor=12),
        pb.CorrectingEntry(debit_account_id=id_of("bob"), credit_account_id=BANK, amount_minor=5_000),
    ]
    correct = pb.CorrectBreakRequest(break_id=found.id, entries=entries, reason="case 4")
    proposal = (await town.ask("CorrectBreak", correct)).proposal_id
    with pytest.raises(CorrectionRefused) as refused:
        await town.custody.confirm(proposal)
    assert refused.value.metadata == {"status": "EXCEEDS_CREDITS"}
    assert (await account(town.custody, "alice")).credits_posted_minor == 1_000
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "CORRECTING")


async def test_a_platform_sees_its_own_breaks_alone(town: Town) -> None:
    """Another's break is answered like one that does not exist."""
    await town.tell(Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    (found,) = town.breaks.values()
    ask = pb.GetBreakRequest(break_id=found.id)
    assert getattr(await town.ask("GetBreak", ask, PLATFORM), "break").break_id == found.id
    with pytest.raises(BreakNotFound):
        await town.ask("GetBreak", ask, b"another platform")
    assert not (await town.ask("ListBreaks", pb.ListBreaksRequest(), b"another platform")).breaks
    assert len((await town.ask("ListBreaks", pb.ListBreaksRequest())).breaks) == 1


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
