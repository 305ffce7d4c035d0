"""What people decide: matches made and taken apart, suggestions, corrections by two, and who sees what."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_custody.ledger.domain.authority import CORRECTING, Authority, Reach
from ringfence_custody.ledger.domain.purposes import PURPOSES, AccountClass, Purpose
from ringfence_custody.ledger.domain.result_codes import TransferFlag
from ringfence_custody.reconciliation.adapters.match_model import StoredMatches
from ringfence_custody.reconciliation.domain.errors import (
    BreakNotFound,
    BreakTransitionRefused,
    CorrectionRefused,
    CorrectionUnsuited,
    LinesDiffer,
    MatchNotFound,
    MirrorNotFound,
    SuggestionNotFound,
)
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.custody.v1 import reconciliation_pb2 as pb

from ..conftest import CODEC, Custody
from ..ledger import MANDATE, SECOND, id_of
from ..test_custody_service import PLATFORM, account
from .town import TODAY, TOLD, Movement, Town

BANK = id_of("bank")
F = TransferFlag


@pytest.fixture
async def town(custody: Custody) -> Town:
    """A custody service with a mirror that has had its first statement."""
    return await Town.built(custody)


def mirror(**more: Any) -> dict[str, Any]:
    """Returns the fields that name the mirror."""
    return {"book_id": PLATFORM, "mirror_id": BANK, **more}


async def only_match(town: Town, day: int = TODAY) -> pb.MatchedPair:
    """Returns the one pair that was matched."""
    (pair,) = (await town.ask("ListMatches", pb.ListMatchesRequest(**mirror(day=day)))).pairs
    return pair


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
    await town.tell(Movement("out", -1), Movement("news", 300, state=TOLD))
    netted = [pb.LinePair(movement_id=id_of(each), transfer_id=id_of("paid in")) for each in ("in", "out")]
    with pytest.raises(LinesDiffer):
        await town.ask("MatchLines", pb.MatchLinesRequest(**mirror(pairs=netted)))
    await town.deposit("never told", 300)
    nothing = pb.LinePair(movement_id=bytes(16), transfer_id=id_of("never told"))
    with pytest.raises((LinesDiffer, InvalidArgument)):
        await town.ask("MatchLines", pb.MatchLinesRequest(**mirror(pairs=[nothing])))
    named = ("in", "paid in"), ("in", "nobody"), ("nobody", "paid in"), ("news", "paid in")
    for movement, transfer in named:
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


async def test_a_break_that_was_resolved_long_ago_leaves_memory(town: Town) -> None:
    """Nobody has closed it; it can be read and opened again all the same."""
    await town.tell(Movement("in", 12, entry="entry"))
    await town.statement(TODAY)
    town.custody.clock.advance(601 * SECOND)
    await town.work()
    (found,) = town.breaks.values()
    await town.deposit("posted late", 12, entry="entry")
    await town.work()
    assert town.states()[id_of("in")][1] == "RESOLVED"
    town.custody.clock.advance(41 * 86_400 * SECOND)
    await town.statement(TODAY + 41)
    assert id_of("in") not in town.states()
    await town.custody.project()
    await town.ask("ReopenBreak", pb.ReopenBreakRequest(break_id=found.id, note="not so"))
    assert town.states()[id_of("in")][1] == "REOPENED"


async def test_a_correction_settles_what_the_books_alone_have(town: Town) -> None:
    """A deposit of which no bank has told is taken back: its two lines are one match, on a mirror with no other."""
    await town.deposit("alone", 7, entry="alone")
    await town.statement(TODAY)
    await town.work()
    (found,) = town.breaks.values()
    await town.ask("AssignBreak", pb.AssignBreakRequest(break_id=found.id, note="look"))
    back = pb.CorrectingEntry(debit_account_id=id_of("alice"), credit_account_id=BANK, amount_minor=7)
    correct = pb.CorrectBreakRequest(break_id=found.id, entries=[back], reason="case 5")
    await town.custody.confirm((await town.ask("CorrectBreak", correct)).proposal_id)
    assert town.states()[id_of("alone")] == ("SHORTFALL", "RESOLVED")
    assert (len(town.mirror.bank), len(town.mirror.books)) == (0, 0)


async def test_a_movement_that_nobody_knows_is_matched_with_nothing(town: Town) -> None:
    """Neither on a mirror of which the bank has told nothing, nor beside lines of the other direction."""
    await town.deposit("alone", 7, entry="alone")
    pair = pb.LinePair(movement_id=id_of("nowhere"), transfer_id=id_of("alone"))
    for told in ((), (Movement("out", -7),)):
        await town.tell(*told)
        with pytest.raises(LinesDiffer):
            await town.ask("MatchLines", pb.MatchLinesRequest(**mirror(pairs=[pair])))


async def test_a_correction_that_the_ledger_refuses_leaves_nothing(town: Town) -> None:
    """All entries or none: the second credits an account that is not there."""
    await town.tell(Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    (found,) = town.breaks.values()
    await town.ask("AssignBreak", pb.AssignBreakRequest(break_id=found.id, note="look"))
    entries = [
        pb.CorrectingEntry(debit_account_id=BANK, credit_account_id=id_of("alice"), amount_minor=5),
        pb.CorrectingEntry(debit_account_id=BANK, credit_account_id=id_of("nobody"), amount_minor=7),
    ]
    correct = pb.CorrectBreakRequest(break_id=found.id, entries=entries, reason="case 4")
    proposal = (await town.ask("CorrectBreak", correct)).proposal_id
    with pytest.raises(CorrectionRefused) as refused:
        await town.custody.confirm(proposal)
    assert refused.value.metadata == {"status": "CREDIT_ACCOUNT_NOT_FOUND"}
    assert (await account(town.custody, "alice")).credits_posted_minor == 1_000
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "CORRECTING")


@pytest.mark.parametrize(
    "entries",
    [
        [(BANK, "bob", 13)],
        [("bob", BANK, 12)],
        [("alice", "bob", 12)],
        [(BANK, "bob", 512), ("alice", BANK, 500)],
        [(BANK, "bob", 12), ("alice", "bob", 5)],
    ],
    ids=["too much", "the other way", "beside it", "there and back", "another one with it"],
)
async def test_a_correction_moves_what_its_break_lacks(town: Town, entries: list[tuple[Any, Any, int]]) -> None:
    """Two people may put a line right, and nothing else on its occasion."""
    await town.tell(Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    (found,) = town.breaks.values()
    await town.ask("AssignBreak", pb.AssignBreakRequest(break_id=found.id, note="look"))
    named = [
        pb.CorrectingEntry(debit_account_id=_account(debit), credit_account_id=_account(credit), amount_minor=amount)
        for debit, credit, amount in entries
    ]
    with pytest.raises(CorrectionUnsuited):
        await town.ask("CorrectBreak", pb.CorrectBreakRequest(break_id=found.id, entries=named, reason="case 4"))
    assert town.states()[id_of("unknown")] == ("UNIDENTIFIED", "ASSIGNED")


def _account(name: str | bytes) -> bytes:
    return id_of(name) if isinstance(name, str) else name


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


@pytest.mark.parametrize("purpose", PURPOSES, ids=lambda purpose: purpose.name)
def test_a_correction_covers_its_own_purpose_alone(purpose: Purpose) -> None:
    """Whatever account is debited, and whatever mandate is named."""
    authority = Authority(CORRECTING, Reach.CORRECTION)
    covered = {authority.covers(purpose, int(debit), MANDATE) for debit in AccountClass}
    assert covered == {purpose.name == "correction"}


async def shown(town: Town, line: str) -> pb.ShowBreakResponse:
    """Returns what stands around the break of a line."""
    found: pb.ShowBreakResponse = await town.ask("ShowBreak", pb.ShowBreakRequest(break_id=town.breaks[id_of(line)].id))
    return found


async def test_a_break_is_shown_with_its_life_and_what_may_be_its_counterpart(town: Town) -> None:
    """The likeliest first: what has the reference and the amount, then what has the amount, the nearest day first."""
    await town.deposit("twice", 300)
    await town.deposit("other", 170)
    await town.tell(Movement("here", 300), Movement("there", 300), Movement("far", 310))
    await town.statement(TODAY)
    await town.work()
    town.custody.clock.advance(601 * SECOND)
    await town.work()
    found = await shown(town, "here")
    assert [(each.line.id, list(each.likeness)) for each in found.candidates] == [
        (id_of("twice"), [pb.BREAK_LIKENESS_AMOUNT])
    ]
    assert (found.line.id, found.line.amount_minor, found.lacking_minor) == (id_of("here"), 300, 300)
    assert [each.status for each in found.steps] == [pb.BREAK_STATUS_DETECTED, pb.BREAK_STATUS_CLASSIFIED]
    assert pb.BREAK_STATUS_ASSIGNED in found.next
    assert pb.BREAK_STATUS_FUNDED not in found.next
    mine = await shown(town, "twice")
    assert {each.line.id for each in mine.candidates} == {id_of("here"), id_of("there")}
    assert mine.lacking_minor == -300
    identifier = town.breaks[id_of("here")].id
    await town.ask("AssignBreak", pb.AssignBreakRequest(break_id=identifier, note="mine"))
    step = (await shown(town, "here")).steps[-1]
    assert (step.status, step.note, bool(step.actor_id)) == (pb.BREAK_STATUS_ASSIGNED, "mine", True)
    pair = pb.LinePair(movement_id=id_of("here"), transfer_id=id_of("twice"))
    await town.ask("MatchLines", pb.MatchLinesRequest(**mirror(pairs=[pair])))
    after: pb.ShowBreakResponse = await town.ask("ShowBreak", pb.ShowBreakRequest(break_id=identifier))
    assert (after.steps[-1].status, after.lacking_minor, len(after.candidates)) == (pb.BREAK_STATUS_RESOLVED, 0, 0)
    assert not after.HasField("line")
    with pytest.raises(BreakNotFound):
        await town.ask("ShowBreak", pb.ShowBreakRequest(break_id=id_of("none")))


async def test_a_break_is_shown_where_its_mirror_is_not(town: Town) -> None:
    """Without its line and without what may be its counterpart; its life stands in the log."""
    await town.tell(Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    identifier = town.breaks[id_of("unknown")].id
    del town.custody.reconciled.mirrors[PLATFORM, BANK]
    found: pb.ShowBreakResponse = await town.ask("ShowBreak", pb.ShowBreakRequest(break_id=identifier))
    assert getattr(found, "break").break_id == identifier
    assert (found.HasField("line"), len(found.candidates), found.lacking_minor) == (False, 0, 0)


async def test_nothing_is_read_of_what_is_no_break(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a book's id as a break's is answered without any of its transfers, which may be millions."""
    decoded, decode = list[str](), EventCodec.decode

    def noted(codec: EventCodec, topic: str, state: bytes) -> Any:
        decoded.append(topic)
        return decode(codec, topic, state)

    await town.deposit("paid in", 300)
    await town.tell(Movement("unknown", 12))
    await town.statement(TODAY)
    await town.work()
    monkeypatch.setattr(EventCodec, "decode", noted)
    matches = StoredMatches(town.custody.store, CODEC)
    assert matches.break_life(PLATFORM) == matches.break_life(id_of("none")) == []
    assert decoded == []
    assert matches.break_life(town.breaks[id_of("unknown")].id)
    assert decoded[:2] == ["BreakDetected.v1", "BreakStepped.v1"]
