"""What banks tell, through the application: one movement is one however often it is told, and a statement decides."""

from __future__ import annotations

from typing import Any

import pytest
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_payment_instruction.deposits.application.receiving import EvidenceCounts
from ringfence_payment_instruction.deposits.domain.errors import BankAccountUnknown
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import BankEntry, Disposition, entry_id, row_id
from ringfence_payment_instruction.modules import event_codec
from ringfence_payment_instruction.statements.domain.checking import FaultKind
from ringfence_payment_instruction.statements.domain.events import (
    BankMovements,
    StatementExcepted,
    StatementTaken,
)
from ringfence_payment_instruction.statements.domain.published import MovementState
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

from .messages import camt_054, entry
from .world import (
    ANNA,
    BANK,
    BANK_FEED,
    BORIS,
    MIRROR,
    PLATFORM,
    STRANGER,
    SUSPENSE,
    TENANT,
    World,
    an_id,
    order,
)

ANNAS, BORISS = an_id("anna account"), an_id("boris account")

SUM = BankEntry(BANK, "B", 0, "EUR", "CRDT", False, "BOOK", 0)
"""By its account and reference."""


def batch(amount: str, reference: str, *parts: tuple[str, str], currency: str = "EUR") -> str:
    """Returns an entry that stands for several transactions, with or without these."""
    details = "".join(
        f'<TxDtls><Amt Ccy="{currency}">{part}</Amt><CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>Payer</Nm>'
        f"</Pty></Dbtr><CdtrAcct><Id><IBAN>{to}</IBAN></Id></CdtrAcct></RltdPties></TxDtls>"
        for part, to in parts
    )
    inner = f"<NtryDtls>{details}</NtryDtls>" if details else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>2026-01-05</Dt></BookgDt><ValDt><Dt>2026-01-06</Dt></ValDt><AcctSvcrRef>{reference}"
        f"</AcctSvcrRef><BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd>{inner}</Ntry>"
    )


def camt_053(
    opening: str, closing: str, *entries: str, day: str = "2026-01-05", number: int = 1, page: str = ""
) -> bytes:
    """Returns a statement of one day."""
    balances = "".join(
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
        for code, amount in (("OPBD", opening), ("CLBD", closing))
        if amount
    )
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>S</MsgId>'
        f"<CreDtTm>{day}T20:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S-{number}</Id>{page}<ElctrncSeqNb>{number}</ElctrncSeqNb>"
        f"<CreDtTm>{day}T20:00:00Z</CreDtTm><FrToDt><FrDtTm>{day}T00:00:00Z</FrDtTm><ToDtTm>{day}T23:59:59Z</ToDtTm>"
        f"</FrToDt><Acct><Id><IBAN>{BANK}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balances}{''.join(entries)}</Stmt>"
        f"</BkToCstmrStmt></Document>"
    ).encode()


async def hand_in(world: World, content: bytes, caller: Caller = BANK_FEED) -> EvidenceCounts:
    """Hands a file in."""
    return await world.application.statements.receiving.hand_in(caller, content)


def events(world: World, kind: type) -> list[Any]:
    """Returns the events of a kind, in order."""
    return [each.event for each in world.store.replay(event_codec()) if isinstance(each.event, kind)]


def rows(world: World) -> list[tuple[Disposition, int, bytes]]:
    """Returns what was handed to deposits: what is to be done, for how much, for whom."""
    return [
        (Disposition(purpose), amount, client)
        for event in events(world, EvidenceReceived)
        for purpose, amount, client in zip(
            event.purposes, unpack("Q", event.amounts_minor), split_ids(event.client_accounts), strict=True
        )
    ]


def movements(world: World) -> dict[bytes, tuple[MovementState, int, bytes, bytes]]:
    """Returns how movements stand by what is published: state, amount, entry in custody, payment's transfer."""
    found = {}
    for event in events(world, BankMovements):
        columns = (event.states, unpack("Q", event.amounts_minor), split_ids(event.entry_ids))
        for key, state, amount, moved_by, transfer in zip(
            split_ids(event.movement_ids), *columns, split_ids(event.transfer_ids), strict=True
        ):
            found[key] = MovementState(state), amount, moved_by, transfer
    return found


def told_minor(world: World) -> int:
    """Returns what the mirror holds by what the bank has told."""
    return world.states.statements.movements(MIRROR).posted_minor


@pytest.mark.parametrize("word", ["NONREF", "NOTPROVIDED"])
async def test_two_deposits_without_a_reference_are_two(world: World, word: str) -> None:
    """A placeholder names no movement: another amount is another one, the same bytes again are nothing."""
    first = camt_054("N-1", BANK, entry(word, "100.00", BORIS), entry(word, "100.00", ANNA, payer="Payer Two"))
    assert (await hand_in(world, first)).credited == 2
    assert (await hand_in(world, camt_054("N-2", BANK, entry(word, "70.00", ANNA)))).credited == 1
    assert (await hand_in(world, first)).duplicates == 2
    assert world.custody.balances[MIRROR] == -270_00
    assert world.custody.balances[BORISS] == 100_00


async def test_a_sum_first_and_then_its_parts_is_money_that_came_once(world: World) -> None:
    """The mirror moves by the sum; the parts are taken from suspense for the clients whom they name."""
    assert (await hand_in(world, camt_054("N-1", BANK, batch("300.00", "B")))).suspended == 1
    lies = await world.application.deposits.releases.suspense.find(TENANT, entry_id(TENANT, SUM))
    assert lies is not None
    assert lies.amount_minor == 300_00
    parts = batch("300.00", "B", ("100.00", ANNA), ("200.00", BORIS))
    assert (await hand_in(world, camt_054("N-2", BANK, parts))).duplicates == 1
    assert (told_minor(world), world.custody.balances[MIRROR]) == (300_00, -300_00)
    assert await world.application.deposits.releases.suspense.find(TENANT, entry_id(TENANT, SUM)) is None
    assert rows(world) == [
        (Disposition.CREDIT_SUSPENSE, 300_00, bytes(16)),
        (Disposition.ALLOCATE, 100_00, ANNAS),
        (Disposition.ALLOCATE, 200_00, BORISS),
    ]


async def test_parts_in_another_order_are_the_same_movement(world: World) -> None:
    """Nothing new, and nothing refused."""
    parts = (("10.00", ANNA), ("20.00", BORIS))
    await hand_in(world, camt_054("N-1", BANK, batch("30.00", "O", *parts)))
    again = await hand_in(world, camt_054("N-2", BANK, batch("30.00", "O", *parts[::-1])))
    assert (again.duplicates, told_minor(world)) == (1, 30_00)
    assert [each for each, _, _ in rows(world)] == [
        Disposition.CREDIT_SUSPENSE, Disposition.ALLOCATE, Disposition.ALLOCATE
    ]  # fmt: skip


async def test_what_is_told_again_under_other_ids_is_known(world: World) -> None:
    """Whether the bank flags it as a duplicate or not."""
    await hand_in(world, camt_054("N-1", BANK, entry("R", "15.00", BORIS)))
    flagged = camt_054("N-9", BANK, entry("R", "15.00", BORIS)).replace(
        b"</CreDtTm><Acct>", b"</CreDtTm><CpyDplctInd>DUPL</CpyDplctInd><Acct>"
    )
    assert (await hand_in(world, flagged)).duplicates == 1
    assert world.custody.balances[BORISS] == 15_00


async def test_money_of_another_currency_is_an_exception_and_posts_nothing(world: World) -> None:
    """One entry in dollars on an account in euros keeps all of its file from being posted, and no other file."""
    strange = entry("R1", "5.00", BORIS).replace('Ccy="EUR"', 'Ccy="USD"')
    counts = await hand_in(world, camt_054("N-1", BANK, strange, entry("R2", "1.00", BORIS)))
    assert (counts.excepted, counts.credited) == (1, 0)
    (excepted,) = events(world, StatementExcepted)
    assert (excepted.kind, excepted.tenant, excepted.mirror) == (FaultKind.CURRENCY, TENANT, MIRROR)
    assert (await hand_in(world, camt_054("N-2", BANK, entry("R2", "1.00", BORIS)))).credited == 1
    assert world.custody.balances[MIRROR] == -1_00


async def test_a_statement_books_what_news_told_and_what_it_did_not(world: World) -> None:
    """The mirror is the closing balance; what is published names the row that moves it."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    counts = await hand_in(world, camt_053("0.00", "12.00", entry("R1", "5.00", BORIS), entry("R2", "7.00", ANNA)))
    assert (counts.credited, counts.duplicates, counts.excepted) == (1, 1, 0)
    assert (told_minor(world), world.custody.balances[MIRROR]) == (12_00, -12_00)
    (taken,) = events(world, StatementTaken)
    assert (taken.tenant, taken.ledger, taken.closing_minor) == (TENANT, 978, 12_00)
    assert movements(world) == {
        key: (MovementState.BOOKED, amount, row_id(key, 0, Disposition.CREDIT_CLIENT), bytes(16))
        for key, (_, amount, _, _) in movements(world).items()
    }
    assert (await hand_in(world, camt_053("0.00", "12.00", entry("R1", "5.00", BORIS), entry("R2", "7.00", ANNA)))
            ).duplicates == 2  # fmt: skip


async def test_what_was_told_and_never_booked_goes_back(world: World) -> None:
    """From the client who has it."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS), entry("R2", "7.00")))
    await hand_in(world, camt_053("0.00", "0.00", day="2026-01-05"))
    taken_back = [each for each in rows(world) if each[0] is Disposition.RETRACT]
    assert taken_back == [(Disposition.RETRACT, 5_00, BORISS), (Disposition.RETRACT, 7_00, bytes(16))]
    assert {state for state, _, _, _ in movements(world).values()} == {MovementState.MISSING}
    assert told_minor(world) == 0


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (camt_053("1.00", "1.00"), FaultKind.OPENING),
        (camt_053("0.00", "2.00", entry("R1", "5.00", BORIS)), FaultKind.WRONG_SUM),
        (camt_053("0.00", "", entry("R1", "5.00", BORIS)), FaultKind.WRONG_SUM),
    ],
)
async def test_a_wrong_statement_refuses_itself_alone(world: World, content: bytes, kind: FaultKind) -> None:
    """Nothing of it is posted, once however often it comes; the right one is taken all the same."""
    assert (await hand_in(world, content)).excepted == 1
    await hand_in(world, content)
    assert [each.kind for each in events(world, StatementExcepted)] == [kind]
    assert rows(world) == []
    assert (await hand_in(world, camt_053("0.00", "5.00", entry("R1", "5.00", BORIS)))).credited == 1


async def test_a_reversed_deposit_is_taken_back_from_its_client(world: World) -> None:
    """By the IBAN that the reversal names; money that lies in suspense is taken from there."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "80.00", BORIS), entry("R2", "9.00")))
    back = entry("R3", "80.00", BORIS, direction="DBIT")
    back = back.replace("</CdtDbtInd><Sts>", "</CdtDbtInd><RvslInd>true</RvslInd><Sts>")
    back = back.replace("</CdtDbtInd>\n<Sts>", "</CdtDbtInd><RvslInd>true</RvslInd><Sts>")
    other = back.replace("80.00", "9.00").replace("R3", "R2").replace(BORIS, STRANGER)
    await hand_in(world, camt_054("N-2", BANK, back, other))
    assert rows(world)[2:] == [(Disposition.REVERSE, 80_00, BORISS), (Disposition.RETRACT, 9_00, bytes(16))]
    assert told_minor(world) == 0


async def test_a_debit_of_nothing_of_ours_is_a_charge_once_it_is_booked(world: World) -> None:
    """News of it moves nothing yet: it may be a payment of ours; one that names it confirms it."""
    await world.submit_batch(PLATFORM, an_id("s"), [order("out", creditor=STRANGER)])
    await world.reaches("out", Status.SENT)
    transfer = transfer_id_of(TENANT, an_id("out"))
    paid = entry("D1", "10.00", direction="DBIT", transaction_id=transfer.hex())
    fee = entry("D2", "3.00", direction="DBIT", transaction_id="F")
    assert (await hand_in(world, camt_054("N-1", BANK, fee))).confirmed == 0
    assert [each for each, _, _ in rows(world)] == [Disposition.UNMATCHED]
    statement = camt_053("0.00", "7.00", entry("R1", "20.00", BORIS), paid, fee)
    assert (await hand_in(world, statement)).confirmed == 1
    await world.reaches("out", Status.RECONCILED)
    assert {(each, amount) for each, amount, _ in rows(world)[1:]} == {
        (Disposition.CREDIT_CLIENT, 20_00), (Disposition.CONFIRM, 10_00), (Disposition.CHARGE, 3_00)
    }  # fmt: skip
    ours = [each for each in movements(world).values() if each[3] == transfer]
    assert ours == [(MovementState.BOOKED, 10_00, bytes(16), transfer)]


async def test_a_listed_payer_keeps_a_movement_from_clients_whatever_is_told_later(world: World) -> None:
    """A second telling that leaves the name out frees nothing."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS, payer="Bad ACTOR")))
    await hand_in(world, camt_053("0.00", "5.00", entry("R1", "5.00", BORIS)))
    assert rows(world) == [(Disposition.CREDIT_SUSPENSE, 5_00, bytes(16))]
    assert world.custody.balances[SUSPENSE] == 5_00


async def test_one_unknown_account_keeps_nobody_from_what_the_file_tells_of_others(world: World) -> None:
    """The file is refused by name after what can be taken of it was taken."""
    known = camt_054("N-1", BANK, entry("R1", "5.00", BORIS)).decode()
    other = known[known.index("<Ntfctn>") : known.index("</Ntfctn>") + 9].replace(BANK, STRANGER)
    content = known.replace("<Ntfctn>", other + "<Ntfctn>", 1).encode()
    with pytest.raises(BankAccountUnknown):
        await hand_in(world, content)
    await world.until(lambda: world.custody.balances[BORISS] == 5_00)


async def test_what_is_told_is_known_after_a_restart_from_events_and_from_a_snapshot(world: World) -> None:
    """Both give the same state, and the next telling is decided by it."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS), batch("300.00", "B")))
    await hand_in(world, camt_053("0.00", "305.00", entry("R1", "5.00", BORIS), batch("300.00", "B")))
    before = world.states.statements.digest()
    saved = world.states.statements.save()
    await world.restart()
    assert world.states.statements.digest() == before
    world.states.statements.restore({name: memoryview(content) for name, content in saved})
    assert world.states.statements.digest() == before
    parts = batch("300.00", "B", ("100.00", ANNA), ("200.00", BORIS))
    assert (await hand_in(world, camt_054("N-2", BANK, parts))).duplicates == 1
    assert [each for each, _, _ in rows(world)].count(Disposition.ALLOCATE) == 2


async def test_a_bank_day_leaves_memory_and_tables_answer_for_it(world: World) -> None:
    """Three business days after its statement; news of it that comes later is known by its reference."""
    await hand_in(world, camt_053("0.00", "5.00", entry("R1", "5.00", BORIS)))
    known = world.states.statements.movements(MIRROR)
    assert len(known.known) == 1
    await hand_in(world, camt_053("5.00", "5.00", day="2026-01-07", number=2))
    assert len(known.known) == 1
    await hand_in(world, camt_053("5.00", "5.00", day="2026-01-08", number=3))
    known = world.states.statements.movements(MIRROR)
    assert (len(known.known), known.posted_minor, known.owners) == (0, 5_00, {})
    late = await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS), entry("R2", "6.00", BORIS)))
    assert (late.duplicates, late.held, late.credited) == (1, 1, 0)
    assert world.custody.balances[MIRROR] == -5_00
