"""Statements in pages, and what two people decide where files alone could not."""

from __future__ import annotations

import pytest
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.values.clock import DAY_NS
from ringfence_payment_instruction.deposits.domain.evidence import Disposition
from ringfence_payment_instruction.statements.application import measures
from ringfence_payment_instruction.statements.application.decisions import Why
from ringfence_payment_instruction.statements.domain.checking import FaultKind
from ringfence_payment_instruction.statements.domain.errors import (
    HeldEntryUnknown,
    MovementUnknown,
    StatementExceptionUnknown,
    StatementNotAcceptable,
)
from ringfence_payment_instruction.statements.domain.events import (
    BROUGHT_FORWARD,
    VOIDED,
    ExceptionWorkedOff,
    StatementExcepted,
    StatementTaken,
)

from .messages import camt_054, entry
from .test_payment_told import camt_053, events, hand_in, rows, told_minor
from .world import (
    ANNA,
    BANK,
    BORIS,
    MIRROR,
    OPERATOR,
    OTHER_TENANT,
    SECOND_OPERATOR,
    SUSPENSE,
    TENANT,
    World,
    an_id,
)

BORISS = an_id("boris account")


def page(number: int, is_last: bool, opening: str, closing: str, *entries: str) -> bytes:
    """Returns a page of one statement."""
    of = f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{str(is_last).lower()}</LastPgInd></StmtPgntn>"
    return camt_053(opening, closing, *entries, page=of)


async def test_pages_are_decided_when_the_set_is_whole(world: World) -> None:
    """In whatever order they come, also after a restart; one that comes again changes nothing."""
    second = page(2, True, "0.00", "12.00", entry("R2", "7.00", ANNA))
    assert (await hand_in(world, second)).staged == 1
    assert (await hand_in(world, second)).duplicates == 1
    await world.restart()
    assert rows(world) == []
    assert (await hand_in(world, page(1, False, "0.00", "12.00", entry("R1", "5.00", BORIS)))).staged == 1
    await world.until(lambda: world.custody.balances[MIRROR] == -12_00)
    assert world.states.statements.pages == {}
    assert len(events(world, StatementTaken)) == 1
    assert (await hand_in(world, second)).duplicates == 1
    with world.store.connection() as connection:
        assert connection.execute("SELECT count(*) AS kept FROM statement_page").fetchone() == {"kept": 0}


async def test_a_page_of_news_that_comes_again_waits_for_nothing(world: World) -> None:
    """Its set was whole, and is decided on: it never becomes one that lacks the others."""
    pages = []
    for number, last in ((1, "false"), (2, "true")):
        said = f"</Id><NtfctnPgntn><PgNb>{number}</PgNb><LastPgInd>{last}</LastPgInd></NtfctnPgntn>"
        whole = camt_054("N-1", BANK, entry(f"R{number}", "5.00", BORIS))
        pages.append(whole.replace(b"</Id>", said.encode(), 1))
    for each in pages:
        assert (await hand_in(world, each)).staged == 1
    await world.until(lambda: world.custody.balances.get(BORISS) == 10_00)
    await world.restart()
    assert (await hand_in(world, pages[0])).duplicates == 1
    assert world.states.statements.pages == {}


async def test_a_set_that_waits_too_long_for_a_page_is_an_exception(world: World) -> None:
    """Its pages are let go of: it comes again as a whole."""
    await hand_in(world, page(2, True, "0.00", "12.00", entry("R2", "7.00", ANNA)))
    today = world.clock.now_ns() // DAY_NS
    await world.application.statements.work.except_overdue(today + 1)
    assert events(world, StatementExcepted) == []
    await world.application.statements.work.except_overdue(today + 2)
    (excepted,) = events(world, StatementExcepted)
    assert (excepted.kind, excepted.tenant, world.states.statements.pages) == (FaultKind.MISSING_PAGE, TENANT, {})


async def test_pages_that_contradict_each_other_are_an_exception(world: World) -> None:
    """The same page with other content, and a page behind the last."""
    await hand_in(world, page(1, False, "0.00", "12.00", entry("R1", "5.00", BORIS)))
    assert (await hand_in(world, page(1, False, "0.00", "12.00", entry("R1", "6.00", BORIS)))).staged == 0
    assert [each.kind for each in events(world, StatementExcepted)] == [FaultKind.CONTRADICTS]
    assert rows(world) == []


def _waiting(world: World) -> tuple[int, int]:
    """Returns how many statements and entries wait for people, as telemetry counts them."""
    known = world.states.statements.movements(MIRROR)
    return measures.excepted(known), measures.in_doubt(known)


async def test_what_waits_for_people_is_counted_until_it_is_worked_off(world: World) -> None:
    """A statement that is wrong in itself, and an entry in doubt: then the right one, which has the entry."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    await hand_in(world, camt_054("N-2", BANK, entry("NONREF", "5.00", BORIS)))
    stated = (entry("R1", "5.00", BORIS), entry("R2", "5.00", BORIS))
    assert (await hand_in(world, camt_053("0.00", "11.00", *stated))).excepted == 1
    assert _waiting(world) == (1, 1)
    await hand_in(world, camt_053("0.00", "10.00", *stated))
    assert _waiting(world)[0] == 0
    assert told_minor(world) == 10_00


WHY = Why(b"d" * 32, "told by the bank's desk")


async def test_a_balance_is_brought_forward_by_two_people(world: World) -> None:
    """The statement that is an exception is then taken as it was kept; nothing had been posted of it before."""
    content = camt_053("100.00", "105.00", entry("R1", "5.00", BORIS))
    assert (await hand_in(world, content)).excepted == 1
    decisions = world.application.statements.decisions
    (excepted,) = await decisions.list_exceptions(TENANT, MIRROR, 0, 10)
    assert (excepted.kind, excepted.last_day - excepted.first_day) == (FaultKind.OPENING, 0)
    assert await decisions.list_exceptions(OTHER_TENANT, MIRROR, 0, 10) == []
    await decisions.work_off(TENANT, MIRROR, excepted.telling, BROUGHT_FORWARD, WHY, OPERATOR)
    await world.restart()
    assert rows(world) == []
    await confirm_all(world)
    await world.until(lambda: world.custody.balances[BORISS] == 5_00)
    (taken,) = events(world, StatementTaken)
    assert (taken.opening_minor, taken.closing_minor) == (100_00, 105_00)
    assert await world.application.statements.decisions.list_exceptions(TENANT, MIRROR, 0, 10) == []


async def test_a_void_telling_tells_of_nothing(world: World) -> None:
    """It leaves the list, and its file is let go of; what is wrong in itself is never brought forward."""
    assert (await hand_in(world, camt_053("0.00", "2.00", entry("R1", "5.00", BORIS)))).excepted == 1
    decisions = world.application.statements.decisions
    (excepted,) = await decisions.list_exceptions(TENANT, MIRROR, 0, 10)
    with pytest.raises(StatementNotAcceptable):
        await decisions.work_off(TENANT, MIRROR, excepted.telling, BROUGHT_FORWARD, WHY, OPERATOR)
    with pytest.raises(StatementExceptionUnknown):
        await decisions.work_off(OTHER_TENANT, MIRROR, excepted.telling, VOIDED, WHY, OPERATOR)
    await decisions.work_off(TENANT, MIRROR, excepted.telling, VOIDED, WHY, OPERATOR)
    await confirm_all(world)
    assert await decisions.list_exceptions(TENANT, MIRROR, 0, 10) == []
    assert [each.outcome for each in events(world, ExceptionWorkedOff)] == [VOIDED]
    with world.store.connection() as connection:
        assert connection.execute("SELECT count(*) AS kept FROM statement_page").fetchone() == {"kept": 0}


@pytest.mark.parametrize("is_same", [True, False])
async def test_an_entry_in_doubt_is_decided_by_two_people(world: World, is_same: bool) -> None:
    """The same as one that is known: nothing moves. Another: its money comes to suspense, for people to allocate."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    assert (await hand_in(world, camt_054("N-2", BANK, entry("NONREF", "5.00", BORIS)))).held == 1
    decisions = world.application.statements.decisions
    (doubt,) = await decisions.list_doubts(TENANT, MIRROR)
    (known,) = world.states.statements.movements(MIRROR).known
    with pytest.raises(MovementUnknown):
        await decisions.decide(TENANT, MIRROR, doubt.id, an_id("no movement"), WHY, OPERATOR)
    with pytest.raises(HeldEntryUnknown):
        await decisions.decide(TENANT, MIRROR, known, bytes(16), WHY, OPERATOR)
    await decisions.decide(TENANT, MIRROR, doubt.id, known if is_same else bytes(16), WHY, OPERATOR)
    assert told_minor(world) == 5_00
    await confirm_all(world)
    assert await decisions.list_doubts(TENANT, MIRROR) == []
    assert told_minor(world) == (5_00 if is_same else 10_00)
    await world.until(lambda: world.custody.balances.get(SUSPENSE, 0) == (0 if is_same else 5_00))
    assert [each for each, _, _ in rows(world)][1:] == ([] if is_same else [Disposition.CREDIT_SUSPENSE])


async def confirm_all(world: World) -> None:
    """Has a second operator confirm what waits."""
    proposals = world.application.proposals
    waiting, _ = await proposals.waiting(SECOND_OPERATOR, b"", 0, 10)
    assert await proposals.decide([Decision(each.id, Verdict.CONFIRM) for each in waiting], SECOND_OPERATOR) == [""]
