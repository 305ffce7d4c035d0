"""Money of a payment that comes back, told by a message and by the account: it moves once, in whatever order."""

from __future__ import annotations

import random

import pytest
from ringfence_kernel.values.columns import split_ids
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import Disposition
from ringfence_payment_instruction.statements.application.payments import Naming
from ringfence_payment_instruction.statements.domain.sources import OurPayments
from ringfence_payment_instruction.statements.domain.statement import Entry
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.orders import Alias
from ringfence_payment_instruction.submissions.domain.returning import return_entry_id
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of
from ringfence_payment_instruction.submissions.domain.uetrs import uetr_of

from .closing import fill, is_same
from .messages import camt_054, entry
from .test_payment_answers import sent, transaction, waiting
from .test_payment_returns import come_to, returns, row, take_in, vouched
from .test_payment_told import camt_053, events, movements, rows
from .world import ANNA, BANK, BANK_FEED, BORIS, MIRROR, SUSPENSE, TENANT, World, an_id

__all__ = ["vouched"]

ANNAS = an_id("anna account")
BACK = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
RETURN = return_entry_id(TENANT, an_id("out"))


def credit(amount: str = "10.00", *, reference: str = "C1", refs: str = "", reversal: bool = False) -> str:
    """Returns the entry of money that comes back for a payment, as a return or as the reversal of its debit."""
    found = entry(reference, amount, ANNA, transaction_id=transaction("out"))
    if refs:
        found = found.replace(f"<TxId>{transaction('out')}</TxId>", refs)
    if reversal:
        return found.replace("<Sts>", "<RvslInd>true</RvslInd><Sts>")
    return found.replace("</TxDtls>", f"{BACK}</TxDtls>")


def debit(reference: str = "D1") -> str:
    """Returns the entry of the payment."""
    return entry(reference, "10.00", direction="DBIT", transaction_id=transaction("out"))


async def holds(world: World, *, anna: int = 1_000_00, suspense: int = 0, mirror: int = 0) -> None:
    """Waits until nothing is to be posted, and compares the books."""
    await world.until(lambda: not world.states.deposits.evidence)
    await world.writer.commit(lambda unit: None)
    found = [world.custody.balances.get(each, 0) for each in (ANNAS, SUSPENSE, MIRROR)]
    assert found == [anna, suspense, mirror]


@pytest.mark.parametrize("order", ["message first", "account first", "account alone"])
@pytest.mark.parametrize("reversal", [False, True])
@pytest.mark.parametrize("status", [Status.SENT, Status.SETTLED])
async def test_what_comes_back_moves_once(vouched: World, order: str, status: Status, *, reversal: bool) -> None:
    """However often both tell of it, before and after restarts; the statement finds both movements in the book."""
    world = vouched
    message = await sent(world, "out")
    await come_to(world, "out", status)
    told = [lambda n: returns(message, row("out"), message_id=f"B-{n}"), lambda n: _news(n, reversal)]
    told = told[1:] if order == "account alone" else told[:: -1 if order == "account first" else 1]
    for number in range(2):
        for each in told:
            await take_in(world, each(number), f"{number}/{told.index(each)}.xml")
            await world.reaches("out", Status.RETURNED)
            await world.restart()
    statement = camt_053("0.00", "0.00", debit(), credit(reversal=reversal))
    for number in range(2):
        await take_in(world, statement, f"statement-{number}.xml")
    await holds(world)
    assert waiting(world) == []
    by = RETURN if order == "message first" else _row_of(world, Disposition.RESTORE)
    assert sorted(found[2:] for found in movements(world).values()) == sorted(
        [(by, bytes(16)), (bytes(16), transfer_id_of(TENANT, an_id("out")))]
    )
    (view,) = await world.application.reads.get(TENANT, [an_id("out")])
    assert view.state.reason == reasons.BANK_RETURNED
    assert reversal or view.state.iso_reason == "AC04"
    assert await is_same(world) == {}


def _news(number: int, reversal: bool) -> bytes:
    return camt_054(f"N-{number}", BANK, credit(reversal=reversal))


def _row_of(world: World, disposition: Disposition) -> bytes:
    (found,) = [
        entry_
        for event in events(world, EvidenceReceived)
        for entry_, purpose in zip(split_ids(event.entry_ids), event.purposes, strict=True)
        if purpose == disposition
    ]
    return found


@pytest.mark.parametrize("refs", ["<UETR>{uetr}</UETR>", "<MsgId>{message}</MsgId><EndToEndId>out</EndToEndId>"])
@pytest.mark.parametrize("is_first", [False, True])
async def test_an_account_names_the_payment_in_other_ways(vouched: World, refs: str, *, is_first: bool) -> None:
    """By its UETR, or by our message and the payer's reference, beside a transaction id of the bank's own."""
    world = vouched
    message = await sent(world, "out")
    submission, index = world.states.submissions.find(TENANT, an_id("out")) or (None, 0)
    assert submission is not None
    own = "<TxId>of the bank</TxId>" if "UETR" in refs else ""
    named = refs.format(uetr=uetr_of(submission, index), message=message)
    named = named.replace("<UETR>", f"{own}<UETR>") if own else named
    files = [camt_054("N-1", BANK, credit(refs=named)), returns(message, row("out"))]
    for number, content in enumerate(files if is_first else files[::-1]):
        await take_in(world, content, f"{number}.xml")
        await world.reaches("out", Status.RETURNED)
    await holds(world)


async def test_money_that_comes_back_twice_is_nobodys_the_second_time(vouched: World) -> None:
    """The bank has booked it twice: the mirror follows, and people look."""
    world = vouched
    message = await sent(world, "out")
    await take_in(world, returns(message, row("out")))
    both = camt_053("0.00", "10.00", debit(), credit(), credit(reference="C2"))
    for number, content in enumerate([camt_054("N-1", BANK, credit()), both, both]):
        await take_in(world, content, f"{number}.xml")
        await world.restart()
    await holds(world, suspense=10_00, mirror=-10_00)


@pytest.mark.parametrize("amount", ["9.99", "10.01"])
async def test_another_amount_on_the_account_is_for_people(vouched: World, amount: str) -> None:
    """It lies in suspense under the payment's name, and a return that is told afterwards moves nothing."""
    world = vouched
    message = await sent(world, "out")
    await take_in(world, camt_054("N-1", BANK, credit(amount)))
    await world.reaches("out", Status.RETURNED)
    await take_in(world, returns(message, row("out")), "after.xml")
    minor = int(amount.replace(".", ""))
    await holds(world, anna=990_00, suspense=minor, mirror=10_00 - minor)
    (event,) = [each for each in events(world, EvidenceReceived) if Disposition.RESTORE in each.purposes]
    assert event.instruction_ids == an_id("out")


async def test_what_came_back_less_charges_is_one_movement(vouched: World) -> None:
    """The message names what the banks have kept; the account shows the rest."""
    world = vouched
    message = await sent(world, "out")
    await take_in(world, returns(message, row("out", "7.50", charges="2.50")))
    await take_in(world, camt_054("N-1", BANK, credit("7.50")), "news.xml")
    await holds(world, anna=997_50, mirror=2_50)


@pytest.mark.parametrize("reversal", [False, True])
async def test_news_of_a_return_that_is_never_booked_is_taken_back(vouched: World, *, reversal: bool) -> None:
    """From the payer, who had it; the row says which entry had brought it."""
    world = vouched
    await sent(world, "out")
    await come_to(world, "out", Status.RECONCILED)
    await take_in(world, camt_054("N-2", BANK, credit(reversal=reversal)), "news.xml")
    await holds(world)
    deposit = entry("R0", "100.00", BORIS)
    await take_in(world, camt_053("0.00", "90.00", deposit, debit()), "statement.xml")
    await holds(world, anna=990_00, mirror=-90_00)
    (event,) = [each for each in events(world, EvidenceReceived) if Disposition.RETRACT in each.purposes]
    at = event.purposes.index(Disposition.RETRACT)
    brought = split_ids(event.origins)[at], split_ids(event.client_accounts)[at]
    assert brought == (_row_of(world, Disposition.RESTORE), ANNAS)


@pytest.mark.parametrize("reversal", [False, True])
async def test_what_comes_back_and_is_booked_a_day_late_is_the_payers_again(vouched: World, *, reversal: bool) -> None:
    """The day before has lacked it, so that it was taken back from him."""
    world = vouched
    await sent(world, "out")
    await come_to(world, "out", Status.RECONCILED)
    await take_in(world, camt_054("N-2", BANK, credit(reversal=reversal)), "news.xml")
    deposit = entry("R0", "100.00", BORIS)
    await take_in(world, camt_053("0.00", "90.00", deposit, debit()), "statement.xml")
    await holds(world, anna=990_00, mirror=-90_00)
    late = credit(reversal=reversal).replace("2026-01-05", "2026-01-06")
    await take_in(world, camt_053("90.00", "100.00", late, day="2026-01-06", number=2), "late.xml")
    await holds(world, mirror=-100_00)


async def test_a_debit_that_is_shown_after_its_return_is_no_charge(vouched: World) -> None:
    """Once it is the payment; a second time the bank has taken more than that."""
    world = vouched
    message = await sent(world, "out")
    await take_in(world, returns(message, row("out")))
    await world.reaches("out", Status.RETURNED)
    deposit = entry("R0", "100.00", BORIS)
    await take_in(world, camt_053("0.00", "90.00", deposit, debit(), credit(), debit("D2")), "statement.xml")
    await world.restart()
    assert [each for each in rows(world) if each[0] in (Disposition.CHARGE, Disposition.CONFIRM)] == [
        (Disposition.CONFIRM, 10_00, bytes(16)),
        (Disposition.CHARGE, 10_00, bytes(16)),
    ]
    await holds(world, mirror=-90_00)


async def test_a_return_that_is_recorded_while_the_account_is_read_moves_nothing_more(
    vouched: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision on the account rests on what is so when it is recorded."""
    world = vouched
    message = await sent(world, "out")
    looks, find = 0, Naming.payments

    async def payments(naming: Naming, mirror: Alias, entries: list[Entry]) -> OurPayments:
        nonlocal looks
        found = await find(naming, mirror, entries)
        looks += 1
        if looks == 1:
            file = world.application.rail.inbox.files.read_answers(returns(message, row("out")))
            assert file is not None
            await world.application.rail.api.answering.take_in(file)
        return found

    monkeypatch.setattr(Naming, "payments", payments)
    await take_in(world, camt_054("N-1", BANK, credit()), "news.xml")
    await world.reaches("out", Status.RETURNED)
    await holds(world)
    assert looks == 2


@pytest.mark.parametrize("seed", range(4))
async def test_kills_at_any_time_move_nothing_twice(vouched: World, seed: int) -> None:
    """Custody is away, loses replies, and the writer ends: in the end the money is back, once."""
    world, chance = vouched, random.Random(seed)
    message = await sent(world, "out")
    files = [returns(message, row("out")), camt_054("N-1", BANK, credit()), camt_054("N-2", BANK, debit())]
    files += [camt_053("0.00", "0.00", debit(), credit())]
    chance.shuffle(files)
    for number, content in enumerate(files * 2):
        world.custody.is_away, world.custody.loses_replies = chance.random() < 0.2, chance.random() < 0.3
        world.rail.inbox[f"{number}.xml"] = content
        if chance.random() < 0.6:
            await world.restart()
        world.custody.is_away = world.custody.loses_replies = False
        await world.until(lambda number=number: f"{number}.xml" in world.rail.archived)  # type: ignore[misc]
    await world.reaches("out", Status.RETURNED)
    await holds(world)
    assert await is_same(world) == {}


async def test_what_memory_has_let_go_of_is_still_a_movement(small: World) -> None:
    """The return is a movement once, and so is the debit; a deposit that is reversed names what had brought it."""
    world = small
    world.voucher.principal = BANK_FEED
    message = await sent(world, "out")
    await take_in(world, returns(message, row("out")))
    await world.reaches("out", Status.RETURNED)
    deposit, other = entry("R0", "100.00", BORIS, transaction_id="d"), entry("R7", "5.00", transaction_id="e")
    await take_in(world, camt_053("0.00", "105.00", deposit, other, debit(), credit()), "first.xml")
    days = ("2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09", "2026-01-12")
    for number, day in enumerate(days, start=2):
        await take_in(world, camt_053("105.00", "105.00", day=day, number=number), f"{number}.xml")
    await fill(world)
    await world.restart()
    known = world.states.statements.movements(MIRROR).known
    assert known == {}
    again = [debit("D2"), credit(reference="C2"), *(_reversed(each) for each in (deposit, other))]
    late = [each.replace("2026-01-05", "2026-01-13").replace("2026-01-06", "2026-01-13") for each in again]
    await take_in(world, camt_053("105.00", "0.00", *late, day="2026-01-13", number=7), "late.xml")
    found = [event for event in events(world, EvidenceReceived) if Disposition.CHARGE in event.purposes]
    assert len(found) == 1
    purposes = dict(zip(map(Disposition, found[0].purposes), split_ids(found[0].origins), strict=True))
    assert purposes.keys() == {Disposition.CHARGE, Disposition.RESTORE, Disposition.REVERSE}


def _reversed(deposit: str) -> str:
    return deposit.replace("CRDT", "DBIT").replace("<Sts>", "<RvslInd>true</RvslInd><Sts>")
