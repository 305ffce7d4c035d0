"""What the registers tell: mirrors without letter, where money lies, who is appointed, and to whom they tell it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ringfence_custody.ledger.domain.errors import BookNotFound
from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.registers.domain.errors import (
    AppointmentOver,
    DayRefused,
    RegisterIdTaken,
)
from ringfence_kernel.values.errors import InvalidArgument
from ringfence_protos.custody.v1 import registers_pb2 as pb

from .conftest import OPERATOR, SECOND_OPERATOR, Custody
from .ledger import DEPOSIT, Row, id_of
from .registering import (
    ONE,
    SECOND_BIC,
    TODAY,
    TWO,
    appointing,
    bank,
    countersigned,
    countersigning,
    ending,
    letters,
    mirrors,
    open_mirror,
    sending,
    with_mirrors,
)
from .test_custody_service import OTHER, PLATFORM, open_accounts, send

S = AccountStatus


@pytest.fixture
async def books(custody: Custody) -> Custody:
    """A book with clients' money at one bank, and a mirror beside it that has no letter."""
    return await with_mirrors(custody)


async def test_a_platform_sees_its_own_mirrors_and_letters(books: Custody) -> None:
    """Another platform's are not there for it, asked for by name or not; the custodian's people see all."""
    await open_accounts(books, OTHER)
    await open_mirror(books, "theirs", OTHER)
    await countersigned(books)
    own, theirs = ({"tenant": tenant} for tenant in (PLATFORM, OTHER))
    assert {each.book_id for each in await as_platform(books, own)} == {PLATFORM}
    assert {each.book_id for each in await as_platform(books, theirs)} == {OTHER}
    assert {each.book_id for each in await mirrors(books)} == {PLATFORM, OTHER}
    with pytest.raises(BookNotFound):
        await as_platform(books, own, book_id=OTHER)
    await books.agree("SendLetter", sending(TWO, "theirs", book_id=OTHER))
    for tenant, expected in ((PLATFORM, [ONE]), (OTHER, [TWO]), (None, [ONE, TWO])):
        caller = replace(OPERATOR, tenant=tenant)
        found = (await books.register("ListLetters", pb.ListLettersRequest(), caller)).letters
        assert [each.letter_id for each in found] == expected
    assert [each.letter_id for each in await letters(books, account_id=id_of("theirs"))] == [TWO]


async def as_platform(custody: Custody, caller: dict[str, bytes], **asked: Any) -> list[pb.Mirror]:
    """Returns the mirrors that a platform sees."""
    request = pb.ListMirrorsRequest(**asked)
    return list((await custody.register("ListMirrors", request, replace(OPERATOR, tenant=caller["tenant"]))).mirrors)


async def test_mirrors_without_letter_are_listed(books: Custody) -> None:
    """Those of an older release, active as they are, among them; one that is closed needs none."""
    await open_mirror(books, "closed")
    await books.move(PLATFORM, [id_of("closed")], S.CLOSED)
    found = await mirrors(books, only_without_letter=True)
    assert [(each.account_id, S(each.status)) for each in found] == [
        (id_of("bank"), S.ACTIVE),
        (id_of("mirror"), S.PENDING_LETTER),
    ]
    await countersigned(books)
    await countersigned(books, TWO, "bank")
    assert await mirrors(books, only_without_letter=True) == []
    assert [each.bic for each in await mirrors(books)] == ["COBADEFFXXX", "COBADEFFXXX", ""]


async def test_lists_come_in_pages(books: Custody) -> None:
    """Every row once, in order, whatever the size of a page; a token is for its own question."""
    for number in range(5):
        await open_mirror(books, f"more {number}")
    asked = pb.ListMirrorsRequest(page_size=2)
    found, sizes = [], []
    while True:
        page = await books.register("ListMirrors", asked)
        found += [each.account_id for each in page.mirrors]
        sizes.append(len(page.mirrors))
        if not page.next_page_token:
            break
        asked.page_token = page.next_page_token
    assert found == [each.account_id for each in await mirrors(books)]
    assert sizes == [2, 2, 2, 1]
    asked.only_without_letter = True
    with pytest.raises(InvalidArgument):
        await books.register("ListMirrors", asked)


async def test_money_at_one_bank_is_told_by_share(books: Custody) -> None:
    """Per currency and bank, against the bank's limit; what lies where no letter stands is above any."""
    await countersigned(books)
    await countersigned(books, TWO, "bank", SECOND_BIC)
    assert await send(books, Row("in", "mirror", "alice", 1_000, code=DEPOSIT)) == ["created"]
    reply = await books.register("GetConcentration", pb.GetConcentrationRequest(book_id=PLATFORM))
    told = [(each.bic, each.amount_minor, each.share_basis_points, each.breached) for each in reply.shares]
    # 2,000 of 3,000 is more than 60 %, and a third is rounded up.
    assert told == [("COBADEFFXXX", 1_000, 3_334, False), ("DEUTDEFF500", 2_000, 6_667, True)]
    await books.agree("EndLetter", ending())
    reply = await books.register("GetConcentration", pb.GetConcentrationRequest(book_id=PLATFORM))
    assert [(each.bic, each.limit_basis_points, each.breached) for each in reply.shares] == [
        ("", 0, True),
        ("DEUTDEFF500", 6_000, True),
    ]


async def test_people_are_appointed_by_id_for_a_time(books: Custody) -> None:
    """From a day until another; an end comes before the one on record, and after the beginning."""
    await books.agree("Appoint", appointing(until_day=TODAY + 100))
    await books.agree("Appoint", appointing(TWO, kind=pb.APPOINTMENT_KIND_AGENT, book_id=PLATFORM, role="AGENT"))
    with pytest.raises(RegisterIdTaken):
        await books.register("Appoint", appointing(role="MLRO"))
    end = pb.EndAppointmentRequest(appointment_id=ONE, until_day=TODAY + 100, reason="left")
    with pytest.raises(AppointmentOver):
        await books.register("EndAppointment", end)
    end.until_day = TODAY - 1
    with pytest.raises(DayRefused):
        await books.register("EndAppointment", end)
    end.until_day = TODAY + 10
    await books.agree("EndAppointment", end)
    assert (await books.register("EndAppointment", end)).proposal_id == b""
    for day, expected in ((TODAY - 1, []), (TODAY + 10, [ONE, TWO]), (TODAY + 11, [TWO]), (0, [ONE, TWO])):
        found = await books.register("ListAppointments", pb.ListAppointmentsRequest(on_day=day))
        assert [each.appointment_id for each in found.appointments] == expected


async def test_a_bank_is_one_with_and_without_its_branch(books: Custody) -> None:
    """Eight characters mean the head office; another branch is another bank."""
    await books.agree("RegisterBank", bank("COBADEFFXXX"))
    assert (await books.register("RegisterBank", bank("COBADEFF"))).proposal_id == b""
    await books.agree("RegisterBank", bank("COBADEFF370"))
    found = (await books.register("ListBanks", pb.ListBanksRequest())).banks
    assert [each.bic for each in found] == ["COBADEFFXXX", "COBADEFF370"]


async def test_what_the_second_person_reads_names_bank_and_mirror(books: Custody) -> None:
    """Ids alone tell nobody whose account it is about."""
    await books.agree("RegisterBank", bank())
    await books.agree("SendLetter", sending())
    await books.register("CountersignLetter", countersigning())
    (waiting,), _ = await books.proposals.waiting(SECOND_OPERATOR, b"", 0, 10)
    told = waiting.description
    assert "COBADEFFXXX Commerzbank AG" in told
    assert "(2024-11-13)" in told
