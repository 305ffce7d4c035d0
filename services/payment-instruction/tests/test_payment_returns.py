"""Payments of ours whose money comes back: once, to whom it was debited, however often the bank tells of it."""

from __future__ import annotations

import pytest
from ringfence_payment_instruction.flows.application.clearing import Named, clearing_id
from ringfence_payment_instruction.rail.domain.replies import Misfit
from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.returning import return_entry_id
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

from .closing import fill, get, is_same, settle
from .messages import camt_054, entry
from .test_payment_answers import answer, message_of, sent, transaction, waiting
from .test_payment_application import bank_answers
from .test_payment_suspense import came_back, goes, holding
from .world import ANNA, BANK, BANK_FEED, EUR, MIRROR, OPERATOR, SUSPENSE, TENANT, World, an_id

__all__ = ["holding"]

PACS_004 = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09"><PmtRtr>
<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2026-01-05T10:00:00Z</CreDtTm><NbOfTxs>{count}</NbOfTxs>
<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>
<OrgnlGrpInf><OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf>
{rows}</PmtRtr></Document>"""
ROW = """<TxInf><RtrId>R-1</RtrId>{ids}<RtrdIntrBkSttlmAmt Ccy="{currency}">{amount}</RtrdIntrBkSttlmAmt>
{charges}<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn></RtrRsnInf></TxInf>"""
CHARGES = (
    """<ChrgsInf><Amt Ccy="EUR">{}</Amt><Agt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></Agt></ChrgsInf>"""
)


@pytest.fixture
async def vouched(world: World) -> World:
    """A world whose rail has the bank's principal, who vouches for what comes in."""
    world.voucher.principal = BANK_FEED
    return world


def row(name: str, amount: str = "10.00", charges: str = "", currency: str = "EUR") -> str:
    """Returns a payment that comes back."""
    ids = f"<OrgnlTxId>{transaction(name)}</OrgnlTxId>"
    kept = CHARGES.format(charges) if charges else ""
    return ROW.format(ids=ids, amount=amount, charges=kept, currency=currency)


def returns(message: str, *rows: str, message_id: str = "BANK-4") -> bytes:
    """Returns a pacs.004 about payments of one message."""
    return PACS_004.format(message_id=message_id, count=len(rows), message=message, rows="".join(rows)).encode()


async def take_in(world: World, content: bytes, name: str = "return.xml") -> None:
    """Brings a file, and waits until it is put away."""
    world.rail.inbox[name] = content
    await world.until(lambda: name in world.rail.archived)


async def come_to(world: World, name: str, status: Status) -> None:
    """Brings a sent payment to a state."""
    if status in (Status.SETTLED, Status.RECONCILED):
        bank_answers(world, name, "ACSC")
        await world.reaches(name, Status.SETTLED)
    if status is Status.RECONCILED:
        debit = entry("D1", "10.00", direction="DBIT", transaction_id=transaction(name))
        await take_in(world, camt_054("N-1", BANK, debit), "debit.xml")
        await world.reaches(name, Status.RECONCILED)


@pytest.mark.parametrize("status", [Status.SENT, Status.SETTLED, Status.RECONCILED])
async def test_what_comes_back_is_the_payers_again(vouched: World, status: Status) -> None:
    """RETURNED with the bank's code, whatever was known of it before; book and bank stand as before the payment."""
    world = vouched
    message = await sent(world, "out")
    await come_to(world, "out", status)
    await take_in(world, returns(message, row("out")))
    await world.reaches("out", Status.RETURNED)
    await world.until(lambda: world.custody.balances[an_id("anna account")] == 1_000_00)
    assert (world.custody.balances[MIRROR], waiting(world)) == (0, [])
    (view,) = await world.application.reads.get(TENANT, [an_id("out")])
    assert (view.state.reason, view.state.iso_reason) == (reasons.BANK_RETURNED, "AC04")
    assert await is_same(world) == {}


async def test_what_comes_back_comes_by_the_mirror_that_it_left_by(vouched: World) -> None:
    """Custody names another mirror of the currency meanwhile."""
    world = vouched
    message = await sent(world, "out")
    await come_to(world, "out", Status.SETTLED)
    world.custody.accounts = BookAccounts({EUR: an_id("another mirror")}, {EUR: SUSPENSE}, {MIRROR: EUR})
    await world.restart()
    await take_in(world, returns(message, row("out")))
    await world.reaches("out", Status.RETURNED)
    await world.until(lambda: world.custody.balances[an_id("anna account")] == 1_000_00)
    assert world.custody.balances[MIRROR] == 0


async def test_a_return_that_is_told_again_brings_nothing(vouched: World) -> None:
    """In the same bytes or others, before and after a restart, beside whatever else the bank says of the payment."""
    world = vouched
    message = await sent(world, "out")
    for number in range(3):
        content = returns(message, row("out"), message_id=f"BANK-{number // 2}")
        await take_in(world, content, f"return-{number}.xml")
        await world.reaches("out", Status.RETURNED)
        await world.restart()
    debit = entry("D1", "10.00", direction="DBIT", transaction_id=transaction("out"))
    await take_in(world, camt_054("N-1", BANK, debit), "debit.xml")
    await answer(world, message, group="ACSC")
    await world.until(lambda: world.custody.balances[an_id("anna account")] == 1_000_00)
    assert (world.status("out"), world.custody.balances[MIRROR]) == (Status.RETURNED, 0)
    assert waiting(world) == []


async def test_the_bank_that_shows_a_payment_on_its_account_meanwhile_still_returns_it(vouched: World) -> None:
    """Custody is away when both come: the payment is settled and returned, not settled alone."""
    world = vouched
    message = await sent(world, "out")
    book_accounts = world.custody.book_accounts
    world.custody.is_away = True
    world.custody.book_accounts = lambda tenant, *, fresh=False: _known(world)  # type: ignore[method-assign,assignment]
    await take_in(world, returns(message, row("out")))
    debit = entry("D1", "10.00", direction="DBIT", transaction_id=transaction("out"))
    await take_in(world, camt_054("N-1", BANK, debit), "debit.xml")
    world.custody.book_accounts, world.custody.is_away = book_accounts, False  # type: ignore[method-assign]
    await world.reaches("out", Status.RETURNED)
    await world.until(lambda: world.custody.balances[an_id("anna account")] == 1_000_00)


async def _known(world: World) -> object:
    return world.custody.accounts


async def test_charges_are_the_payers(vouched: World) -> None:
    """What the banks have kept and named comes back to nobody; the payment is returned all the same."""
    world = vouched
    message = await sent(world, "out")
    await take_in(world, returns(message, row("out", "7.50", charges="2.50")))
    await world.reaches("out", Status.RETURNED)
    await world.until(lambda: world.custody.balances[an_id("anna account")] == 997_50)
    assert world.custody.balances[MIRROR] == 2_50


@pytest.mark.parametrize(
    ("amount", "charges", "currency"),
    [
        ("9.99", "", "EUR"),
        ("10.01", "", "EUR"),
        ("7.50", "2.49", "EUR"),
        ("10.00", "1.00", "EUR"),
        ("10.00", "", "USD"),
    ],
)
async def test_another_amount_waits_for_people(vouched: World, amount: str, charges: str, currency: str) -> None:
    """A part, too much, charges that do not explain the rest, another currency: nothing moves, and it is told."""
    world = vouched
    message = await sent(world, "out")
    await come_to(world, "out", Status.SETTLED)
    await take_in(world, returns(message, row("out", amount, charges, currency)))
    (found,) = waiting(world)
    assert (found.event.misfit, found.event.fate) == (Misfit.OTHER_AMOUNT, 3)
    assert found.candidates() == [(TENANT, an_id("out"))]
    assert world.status("out") is Status.SETTLED
    assert world.custody.balances[an_id("anna account")] == 990_00


async def test_a_payment_that_a_file_returns_twice_is_told_of(vouched: World) -> None:
    """It comes back once; the other return, and two parts of one payment, wait for people."""
    world = vouched
    message = await sent(world, "out", "other")
    rows = [row("out"), row("out"), row("other", "4.00"), row("other", "6.00")]
    await take_in(world, returns(message, *rows))
    await world.reaches("out", Status.RETURNED)
    misfits = [(each.event.number, each.event.misfit) for each in waiting(world)]
    assert misfits == [(position, Misfit.OTHER_AMOUNT) for position in (1, 2, 3)]
    await world.until(lambda: world.custody.balances[an_id("anna account")] == 990_00)
    assert world.status("other") is Status.SENT


async def test_a_return_of_what_has_failed_waits_for_people(vouched: World) -> None:
    """The payer has the money again already; a second time would be somebody else's."""
    world = vouched
    message = await sent(world, "out")
    bank_answers(world, "out", "RJCT", "AC04")
    await world.reaches("out", Status.FAILED)
    await take_in(world, returns(message, row("out")))
    assert [each.event.misfit for each in waiting(world)] == [Misfit.CONTRADICTS]
    assert world.custody.balances[an_id("anna account")] == 1_000_00


async def test_nobody_vouches_for_what_comes_back(world: World) -> None:
    """Without the bank's principal the file waits, and so does the payment; with it both go on."""
    message = await sent(world, "out")
    world.rail.inbox["return.xml"] = returns(message, row("out"))
    await world.application.rail.inbox.step()
    assert (world.status("out"), list(world.rail.inbox)) == (Status.SENT, ["return.xml"])
    world.voucher.principal = BANK_FEED
    await world.reaches("out", Status.RETURNED)


async def test_an_account_that_is_closed_meanwhile_leaves_it_in_suspense(vouched: World) -> None:
    """The money is in the book, and people find out whose it is."""
    world = vouched
    message = await sent(world, "out")
    await come_to(world, "out", Status.SETTLED)
    world.custody.closed.add(an_id("anna account"))
    await take_in(world, returns(message, row("out")))
    await world.reaches("out", Status.RETURNED)
    await world.until(lambda: world.custody.balances.get(SUSPENSE) == 10_00)


async def test_a_payment_of_long_ago_comes_back(small: World) -> None:
    """Also when its submission has left memory."""
    small.voucher.principal = BANK_FEED
    message = await sent(small, "out")
    await come_to(small, "out", Status.RECONCILED)
    await settle(small, "other")
    await fill(small)
    await take_in(small, returns(message, row("out")))
    assert await get(small, "out") == [(Status.RETURNED, reasons.BANK_RETURNED)]
    assert await is_same(small) == {}


async def test_a_payment_in_the_book_never_comes_back_by_a_bank(vouched: World) -> None:
    """No bank has had it: whatever names it is about nothing."""
    world = vouched
    await settle(world, "inside")
    message = await sent(world, "out")
    inside = row("out").replace(transaction("out"), transfer_id_of(TENANT, an_id("inside")).hex())
    await take_in(world, returns(message, inside))
    assert [each.event.misfit for each in waiting(world)] == [Misfit.UNKNOWN]
    assert message == message_of(world, "out")


async def test_what_was_given_back_to_its_payer_and_returns_lies_in_suspense_again(holding: World) -> None:
    """Whoever's it was then is nobody's now: under an entry of its own, for people to clear anew."""
    holding.voucher.principal = BANK_FEED
    named = await came_back(holding, "R1")
    await goes(holding, named, back=True, attempt=0)
    identifier = clearing_id(TENANT, named.entry, 0)
    bank_answers(holding, "returned", "ACSC", identifier=identifier)
    submission, index = holding.states.submissions.find(TENANT, identifier) or (None, 0)
    assert submission is not None
    await holding.until(lambda: submission.statuses[index] == Status.SETTLED)
    assert holding.custody.balances[SUSPENSE] == 0
    ids = f"<OrgnlTxId>{transfer_id_of(TENANT, identifier).hex()}</OrgnlTxId>"
    rows = ROW.format(ids=ids, amount="30.00", charges="", currency="EUR")
    await take_in(holding, returns(submission.references[index], rows))
    await holding.until(lambda: holding.custody.balances[SUSPENSE] == 30_00)
    assert submission.statuses[index] == Status.RETURNED
    again = Named(TENANT, return_entry_id(TENANT, identifier), SUSPENSE)
    await holding.application.flows.clearing.allocate(OPERATOR, again, ANNA, b"")
