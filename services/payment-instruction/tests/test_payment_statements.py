"""Statements in pages, and what two people decide where files alone could not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from ringfence_kernel.proposals.application import Decision, Verdict
from ringfence_kernel.values.clock import DAY_NS, NANOSECONDS
from ringfence_kernel.values.columns import split_ids
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import Disposition
from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.settlement.domain.errors import CustodyUnavailable
from ringfence_payment_instruction.statements.application import keeping, measures
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
    BankMovements,
    ExceptionWorkedOff,
    StatementExcepted,
    StatementTaken,
)
from ringfence_payment_instruction.statements.domain.movements import Doubt
from ringfence_payment_instruction.statements.domain.told import ReferenceKind

from .messages import camt_054, entry
from .test_payment_told import camt_053, events, hand_in, rows, told_minor
from .world import (
    ANNA,
    BANK,
    BANK_FEED,
    BORIS,
    EUR,
    MIRROR,
    OPERATOR,
    OTHER_TENANT,
    SECOND_OPERATOR,
    SUSPENSE,
    TENANT,
    World,
    an_id,
    iban,
)

BORISS = an_id("boris account")


def page(number: int, is_last: bool, opening: str, closing: str, *entries: str) -> bytes:
    """Returns a page of one statement."""
    of = f"<StmtPgntn><PgNb>{number}</PgNb><LastPgInd>{str(is_last).lower()}</LastPgInd></StmtPgntn>"
    return camt_053(opening, closing, *entries, page=of)


async def test_whoever_compares_hears_of_every_row_that_moved_the_mirror(world: World) -> None:
    """Of one that was credited, taken back as the statement lacked it, and credited again a day late."""
    late = entry("R1", "5.00", BORIS).replace("2026-01-05", "2026-01-06")
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    await world.until(lambda: world.custody.balances[MIRROR] == -5_00)
    await hand_in(world, camt_053("0.00", "0.00"))
    await world.until(lambda: world.custody.balances[MIRROR] == 0)
    await hand_in(world, camt_053("0.00", "5.00", late, day="2026-01-06", number=2))
    await world.until(lambda: world.custody.balances[MIRROR] == -5_00)
    posted = {each for event in events(world, EvidenceReceived) for each in split_ids(event.entry_ids)}
    told = {each for event in events(world, BankMovements) for each in split_ids(event.entry_ids)}
    assert told == posted
    assert len(told) == 3
    (known,) = world.states.statements.mirrors[MIRROR].known.values()
    assert known.entry_id == world.row_of("R1")


async def test_a_statement_is_taken_when_all_is_said_of_it(world: World) -> None:
    """Whoever has a page of the feed that ends within its commit has its movements before its word."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    await hand_in(world, camt_053("0.00", "12.00", entry("R1", "5.00", BORIS), entry("R2", "7.00", ANNA)))
    published = [type(each) for each in events(world, object) if isinstance(each, BankMovements | StatementTaken)]
    assert published == [BankMovements, BankMovements, StatementTaken]


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


async def test_pages_that_are_too_much_together_are_an_exception(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement is decided as a whole, in memory, in however many pages it comes."""
    monkeypatch.setattr(keeping, "MAX_ENTRIES", 2)
    for number, last in ((1, False), (2, True)):
        entries = [entry(f"R{number}{nth}", "5.00", BORIS) for nth in range(2)]
        await hand_in(world, page(number, last, "0.00", "20.00", *entries))
    await world.until(lambda: bool(events(world, StatementExcepted)))
    (excepted,) = events(world, StatementExcepted)
    assert (excepted.kind, excepted.text) == (FaultKind.TOO_LARGE, "the first 2 pages have 4 entries")
    assert (rows(world), world.states.statements.pages) == ([], {})


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
    shown = await decisions.show_exception(TENANT, MIRROR, excepted.telling)
    assert shown.statement is not None
    assert shown.statement.heading.closing is not None
    assert (shown.statement.moved_minor, shown.statement.heading.closing.amount_minor) == (5_00, 2_00)
    assert (shown.last, shown.booked_minor) == (None, 0)
    with pytest.raises(StatementExceptionUnknown):
        await decisions.show_exception(OTHER_TENANT, MIRROR, excepted.telling)
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
    ((doubt, beside),) = await decisions.list_doubts(TENANT, MIRROR, b"", 9)
    (candidate,) = beside
    assert (candidate.id, candidate.told.amount_minor, candidate.shared) == (
        doubt.movements[0],
        5_00,
        (ReferenceKind.END_TO_END,),
    )
    assert await decisions.list_doubts(TENANT, MIRROR, doubt.id, 9) == []
    (known,) = world.states.statements.movements(MIRROR).known
    with pytest.raises(MovementUnknown):
        await decisions.decide(TENANT, MIRROR, doubt.id, an_id("no movement"), WHY, OPERATOR)
    with pytest.raises(HeldEntryUnknown):
        await decisions.decide(TENANT, MIRROR, known, bytes(16), WHY, OPERATOR)
    await decisions.decide(TENANT, MIRROR, doubt.id, known if is_same else bytes(16), WHY, OPERATOR)
    assert told_minor(world) == 5_00
    await confirm_all(world)
    assert await decisions.list_doubts(TENANT, MIRROR, b"", 9) == []
    assert told_minor(world) == (5_00 if is_same else 10_00)
    await world.until(lambda: world.custody.balances.get(SUSPENSE, 0) == (0 if is_same else 5_00))
    assert [each for each, _, _ in rows(world)][1:] == ([] if is_same else [Disposition.CREDIT_SUSPENSE])


async def confirm_all(world: World) -> None:
    """Has a second operator confirm what waits."""
    proposals = world.application.proposals
    waiting, _ = await proposals.waiting(SECOND_OPERATOR, b"", 0, 10)
    assert await proposals.decide(
        [Decision(each.proposal.id, Verdict.CONFIRM) for each in waiting], SECOND_OPERATOR
    ) == [""]


async def accept(world: World) -> None:
    """Has two people let the only open exception count."""
    decisions = world.application.statements.decisions
    (excepted,) = await decisions.list_exceptions(TENANT, MIRROR, 0, 10)
    await decisions.work_off(TENANT, MIRROR, excepted.telling, BROUGHT_FORWARD, WHY, OPERATOR)
    await confirm_all(world)


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_a_statement_that_counts_does_not_book_again_what_was_booked(world: World, is_forgotten: bool) -> None:
    """Two people let one count that begins before the last has ended: only what is new of it moves the mirror."""
    await hand_in(world, camt_053("0.00", "100.00", entry("X", "100.00", BORIS)))
    opening, first = "100.00", 2
    if is_forgotten:
        for number in range(2, 9):
            await hand_in(world, camt_053(opening, opening, day=f"2026-01-{4 + number:02}", number=number))
        first = 9
        assert world.states.statements.movements(MIRROR).known == {}
    both = (entry("X", "100.00", BORIS), entry("Y", "50.00", BORIS))
    day = f"2026-01-{4 + first:02}"
    assert (await hand_in(world, camt_053("0.00", "150.00", *both, day=day, number=first))).excepted == 1
    await accept(world)
    await world.until(lambda: world.custody.balances[MIRROR] == -150_00)
    assert (told_minor(world), world.custody.balances[BORISS]) == (150_00, 150_00)
    after = camt_053("150.00", "150.00", day=f"2026-01-{5 + first:02}", number=first + 1)
    assert (await hand_in(world, after)).excepted == 0


async def test_a_statement_that_counts_has_to_agree_with_the_books(world: World) -> None:
    """What it tells again cannot be told from what is new without references: it stays an exception."""
    await hand_in(world, camt_053("0.00", "100.00", entry("NONREF", "100.00", BORIS)))
    both = (entry("NONREF", "100.00", BORIS), entry("Y", "50.00", BORIS))
    await hand_in(world, camt_053("0.00", "150.00", *both, day="2026-01-06", number=2))
    await accept(world)
    await world.until(lambda: len(events(world, StatementExcepted)) == 2)
    assert [each.kind for each in events(world, StatementExcepted)] == [FaultKind.CONTRADICTS] * 2
    assert (told_minor(world), world.states.statements.movements(MIRROR).accepted) == (100_00, {})


async def test_what_cannot_be_taken_is_not_let_count(world: World) -> None:
    """A statement that was taken with other content, and pages that contradict each other and are gone."""
    decisions = world.application.statements.decisions
    await hand_in(world, page(1, False, "0.00", "12.00", entry("R1", "5.00", BORIS)))
    await hand_in(world, page(1, False, "0.00", "12.00", entry("R1", "6.00", BORIS)))
    second = entry("Y", "20.00", BORIS)
    await hand_in(world, camt_053("0.00", "100.00", entry("X", "100.00", BORIS), number=2))
    await hand_in(world, camt_053("0.00", "120.00", entry("X", "100.00", BORIS), second, number=2))
    found = await decisions.list_exceptions(TENANT, MIRROR, 0, 10)
    assert [each.kind for each in found] == [FaultKind.CONTRADICTS] * 2
    for each in found:
        with pytest.raises(StatementNotAcceptable):
            await decisions.work_off(TENANT, MIRROR, each.telling, BROUGHT_FORWARD, WHY, OPERATOR)
        await decisions.work_off(TENANT, MIRROR, each.telling, VOIDED, WHY, OPERATOR)
        await confirm_all(world)
    assert await decisions.list_exceptions(TENANT, MIRROR, 0, 10) == []


async def test_what_was_let_count_and_is_gone_is_an_exception_of_its_tenant(world: World) -> None:
    """It is looked at once, and has to come again."""
    await hand_in(world, camt_053("100.00", "105.00", entry("R1", "5.00", BORIS)))
    decisions = world.application.statements.decisions
    (excepted,) = await decisions.list_exceptions(TENANT, MIRROR, 0, 10)
    await decisions.work_off(TENANT, MIRROR, excepted.telling, BROUGHT_FORWARD, WHY, OPERATOR)
    with world.store.connection() as connection:
        connection.execute("DELETE FROM statement_page")
        connection.commit()
    await confirm_all(world)
    await world.until(lambda: len(events(world, StatementExcepted)) == 2)
    (again,) = await decisions.list_exceptions(TENANT, MIRROR, 0, 10)
    assert (again.tenant, again.kind) == (TENANT, FaultKind.MISSING_PAGE)
    assert (world.states.statements.tenants[MIRROR], world.states.statements.due) == (TENANT, {})


async def test_news_of_a_wrong_year_waits_for_its_statement(world: World) -> None:
    """It brings no money on a day that is far from here, and is the statement's entry with its reference."""
    far = entry("R1", "5.00", BORIS).replace("2026-01-0", f"{_next_year(world)}-01-0")
    assert (await hand_in(world, camt_054("N-1", BANK, far))).held == 1
    assert told_minor(world) == 0
    ((doubt, _),) = await world.application.statements.decisions.list_doubts(TENANT, MIRROR, b"", 9)
    assert doubt.doubt == Doubt.FAR_AHEAD
    await hand_in(world, camt_053("0.00", "5.00", entry("R1", "5.00", BORIS)))
    assert (told_minor(world), world.custody.balances[BORISS]) == (5_00, 5_00)
    assert await world.application.statements.decisions.list_doubts(TENANT, MIRROR, b"", 9) == []


async def test_a_statement_of_a_day_to_come_stops_nothing(world: World) -> None:
    """It is an exception also once people let it count, and the statements of the days before are taken."""
    far = camt_053("0.00", "5.00", entry("R1", "5.00", BORIS), day=f"{_next_year(world)}-06-01", number=9)
    assert (await hand_in(world, far)).excepted == 1
    await accept(world)
    await world.until(lambda: len(events(world, StatementExcepted)) == 2)
    assert [each.kind for each in events(world, StatementExcepted)] == [FaultKind.CONTRADICTS] * 2
    assert (await hand_in(world, camt_054("N-1", BANK, entry("R2", "7.00", BORIS)))).credited == 1
    assert (await hand_in(world, camt_053("0.00", "7.00", entry("R2", "7.00", BORIS)))).excepted == 0
    assert told_minor(world) == 7_00


def _next_year(world: World) -> int:
    return datetime.fromtimestamp(world.clock.now_ns() / NANOSECONDS, UTC).year + 1


async def test_no_other_currency_is_told_of_a_mirror_whatever_custody_says(world: World) -> None:
    """While it is away nothing is; of a mirror that is not the oldest of its currency it tells as well."""
    strange = camt_054("N-1", BANK, entry("R1", "5.00", BORIS).replace('Ccy="EUR"', 'Ccy="USD"'))
    world.custody.is_away = True
    with pytest.raises(CustodyUnavailable):
        await hand_in(world, strange)
    world.custody.is_away = False
    world.custody.accounts = BookAccounts({EUR: an_id("older mirror")}, {EUR: SUSPENSE}, {MIRROR: EUR})
    assert (await hand_in(world, strange)).excepted == 1
    assert [each.kind for each in events(world, StatementExcepted)] == [FaultKind.CURRENCY]
    assert (told_minor(world), rows(world)) == (0, [])


@pytest.mark.parametrize("trouble", ["another's", "not indexed"])
async def test_one_accounts_trouble_keeps_nobody_else_from_his_money(world: World, trouble: str) -> None:
    """A file by the rail tells first of an account of another bank, or of a client who is not known yet."""
    world.voucher.principal = BANK_FEED
    feed = an_id("another feed") if trouble == "another's" else BANK_FEED.subject
    world.identity.aliases[OTHER_BANK] = replace(
        world.identity.aliases[BANK], account_id=an_id("other mirror"), bank_feed=feed
    )
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS)).decode()
    first = content[content.index("<Ntfctn>") : content.index("</Ntfctn>") + len("</Ntfctn>")]
    other = first.replace(BANK, OTHER_BANK)
    if trouble == "not indexed":
        world.identity.aliases[OTHER_CLIENT] = replace(
            world.identity.aliases[BORIS], account_id=an_id("new account"), owner_id=an_id("new client")
        )
        other = other.replace(BORIS, OTHER_CLIENT)
    world.rail.inbox["two.xml"] = content.replace("<Ntfctn>", other + "<Ntfctn>", 1).encode()
    await world.until(lambda: world.custody.balances[BORISS] == 5_00)
    assert told_minor(world) == 5_00
    assert world.states.statements.movements(an_id("other mirror")).known == {}
    if trouble == "not indexed":
        assert "two.xml" in world.rail.inbox
    else:
        await world.until(lambda: "two.xml" in world.rail.refused)


OTHER_BANK, OTHER_CLIENT = iban(77), iban(78)
