"""Money that a bank takes and brings after all: what the platform has owed in between goes first."""

from __future__ import annotations

import pytest
from ringfence_kernel.values.columns import split_ids
from ringfence_kernel.values.ids import repayment_id
from ringfence_payment_instruction.deposits.domain.errors import EarlierEntriesWait
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import Disposition, Outcome
from ringfence_payment_instruction.deposits.domain.posting import OWED_NO_MORE
from ringfence_payment_instruction.settlement.domain.errors import CustodyUnavailable
from ringfence_payment_instruction.settlement.domain.transfers import Purpose
from ringfence_payment_instruction.statements.domain.events import BankMovements
from ringfence_payment_instruction.submissions.domain.status import Status

from .messages import camt_054, entry
from .test_payment_answers import sent, transaction
from .test_payment_application import bank_answers
from .test_payment_bank_facts import ANNAS, BORISS, OWED, books, outcomes
from .test_payment_told import batch, camt_053, events, hand_in, rows, told_minor
from .world import ANNA, BANK, BORIS, MIRROR, World

D = Disposition
NEXT_DAY = "2026-01-06"


def _spent(world: World, account: bytes, left_minor: int) -> None:
    """A client spends what he has, but for some."""
    world.custody.balances[account] = left_minor


async def _settled(world: World) -> None:
    await world.until(lambda: not world.states.deposits.evidence)


@pytest.mark.parametrize(
    ("left_minor", "credited_minor", "repaid_minor"),
    [
        pytest.param(50_00, 50_00, 0, id="he had all of it"),
        pytest.param(20_00, 20_00, 30_00, id="he had spent a part"),
        pytest.param(0, 0, 50_00, id="he had spent it"),
    ],
)
async def test_what_was_owed_for_a_retracted_deposit_is_repaid_first(
    world: World, left_minor: int, credited_minor: int, repaid_minor: int
) -> None:
    """The client has what he gave, nobody owes anything, and the mirror is what the bank holds."""
    world.custody.balances[BORISS] = 0
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "50.00", BORIS)))
    _spent(world, BORISS, left_minor)
    await hand_in(world, camt_053("0.00", "0.00"))
    await _settled(world)
    assert (books(world)["boris"], books(world)["owed"]) == (0, -repaid_minor)
    told = len(rows(world))
    await hand_in(world, camt_053("0.00", "50.00", entry("R1", "50.00", BORIS), day=NEXT_DAY, number=2))
    await _settled(world)
    expected = [(D.CREDIT_CLIENT, credited_minor, BORISS), (D.REPAY, repaid_minor, bytes(16))]
    assert rows(world)[told:] == [each for each in expected if each[1]]
    assert books(world) == {"anna": 1_000_00, "boris": credited_minor, "suspense": 0, "mirror": -50_00, "owed": 0}
    assert told_minor(world) == 50_00


async def test_a_repayment_names_the_taking(world: World) -> None:
    """So custody knows that nothing is missing of it any more; it is posted once, as evidence."""
    world.custody.balances[BORISS] = 0
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "50.00", BORIS)))
    _spent(world, BORISS, 0)
    await hand_in(world, camt_053("0.00", "0.00"))
    await _settled(world)
    taking = next(each for each in world.custody.transfers.values() if each.purpose is Purpose.BANK_RETRACTION)
    await hand_in(world, camt_053("0.00", "50.00", entry("R1", "50.00", BORIS), day=NEXT_DAY, number=2))
    await _settled(world)
    (repaid,) = [each for each in world.custody.transfers.values() if each.purpose is Purpose.BANK_RESTORATION]
    assert (repaid.debit_account, repaid.credit_account) == (MIRROR, OWED)
    assert repaid.subject == repayment_id(taking.subject)
    assert outcomes(world)[-1] == (Outcome.REPAID, "")


async def test_of_several_clients_each_has_what_he_gave(world: World) -> None:
    """A sum of two parts comes to suspense and from there to both, less what each had spent."""
    world.custody.balances[BORISS] = world.custody.balances[ANNAS] = 0
    sum_of_two = batch("70.00", "G1", ("50.00", BORIS), ("20.00", ANNA))
    await hand_in(world, camt_054("N-1", BANK, sum_of_two))
    await _settled(world)
    assert (books(world)["boris"], books(world)["anna"]) == (50_00, 20_00)
    _spent(world, BORISS, 10_00)
    await hand_in(world, camt_053("0.00", "0.00"))
    await _settled(world)
    assert books(world) == {"anna": 0, "boris": 0, "suspense": 0, "mirror": 0, "owed": -40_00}
    await hand_in(world, camt_053("0.00", "70.00", sum_of_two, day=NEXT_DAY, number=2))
    await _settled(world)
    assert books(world) == {"anna": 20_00, "boris": 10_00, "suspense": 0, "mirror": -70_00, "owed": 0}


async def test_a_reversal_that_never_was_gives_back_what_was_given(world: World) -> None:
    """What the client lacked when news told of it, the platform owes no more."""
    world.custody.balances[BORISS] = 0
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "50.00", BORIS)))
    _spent(world, BORISS, 15_00)
    back = entry("R1", "50.00", BORIS, direction="DBIT")
    back = back.replace("</CdtDbtInd><Sts>", "</CdtDbtInd><RvslInd>true</RvslInd><Sts>")
    back = back.replace("</CdtDbtInd>\n<Sts>", "</CdtDbtInd><RvslInd>true</RvslInd><Sts>")
    await hand_in(world, camt_054("N-2", BANK, back))
    await _settled(world)
    assert (books(world)["boris"], books(world)["owed"]) == (0, -35_00)
    await hand_in(world, camt_053("0.00", "50.00", entry("R1", "50.00", BORIS)))
    await _settled(world)
    assert books(world) == {"anna": 1_000_00, "boris": 15_00, "suspense": 0, "mirror": -50_00, "owed": 0}


async def test_what_has_been_funded_meanwhile_waits_for_people(world: World) -> None:
    """It is the platform's: neither the client nor what others are owed has it, but suspense, with the reason."""
    world.custody.balances[BORISS] = 0
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "50.00", BORIS)))
    _spent(world, BORISS, 20_00)
    await hand_in(world, camt_053("0.00", "0.00"))
    await _settled(world)
    world.custody.balances[OWED] += 30_00
    await hand_in(world, camt_053("0.00", "50.00", entry("R1", "50.00", BORIS), day=NEXT_DAY, number=2))
    await _settled(world)
    assert books(world) == {"anna": 1_000_00, "boris": 20_00, "suspense": 30_00, "mirror": -50_00, "owed": 0}
    assert outcomes(world)[-1] == (Outcome.SUSPENDED, OWED_NO_MORE)


async def test_nothing_comes_back_before_it_is_known_what_was_given(world: World) -> None:
    """While custody is away, or the taking is not posted yet, the statement waits, and is taken whole afterwards."""
    world.custody.balances[BORISS] = 0
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "50.00", BORIS)))
    _spent(world, BORISS, 20_00)
    world.custody.is_away = True
    await hand_in(world, camt_053("0.00", "0.00"))
    again = camt_053("0.00", "50.00", entry("R1", "50.00", BORIS), day=NEXT_DAY, number=2)
    with pytest.raises(EarlierEntriesWait):
        await hand_in(world, again)
    world.custody.is_away = False
    await _settled(world)
    world.custody.is_away = True
    told = len(rows(world))
    with pytest.raises(CustodyUnavailable):
        await hand_in(world, again)
    assert len(rows(world)) == told
    world.custody.is_away = False
    await world.restart()
    await hand_in(world, again)
    await _settled(world)
    assert books(world) == {"anna": 1_000_00, "boris": 20_00, "suspense": 0, "mirror": -50_00, "owed": 0}


def _reversed(reference: str, amount: str, transaction_id: str = "") -> str:
    """A credit that undoes a debit."""
    back = entry(reference, amount, **({"transaction_id": transaction_id} if transaction_id else {}))
    back = back.replace("</CdtDbtInd><Sts>", "</CdtDbtInd><RvslInd>true</RvslInd><Sts>")
    return back.replace("</CdtDbtInd>\n<Sts>", "</CdtDbtInd><RvslInd>true</RvslInd><Sts>")


async def test_a_debit_of_a_payment_that_failed_and_its_reversal_are_nothing(world: World) -> None:
    """The money was free again with its answer: neither the client nor the platform has more or less of it."""
    await sent(world, "out")
    bank_answers(world, "out", "RJCT")
    await world.reaches("out", Status.FAILED)
    paid = transaction("out")
    debit, back = entry("D1", "10.00", direction="DBIT", transaction_id=paid), _reversed("D1", "10.00", paid)
    before = books(world)
    await hand_in(world, camt_053("0.00", "5.00", entry("R1", "5.00", BORIS), debit, back))
    await _settled(world)
    assert books(world) == before | {"boris": 5_00, "mirror": before["mirror"] - 5_00}


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_charge_that_the_bank_reverses_is_owed_no_more(world: World, at_once: bool) -> None:
    """In one statement, or in two: nobody has to fund it, and nothing lies in suspense."""
    fee, back = entry("F1", "3.00", direction="DBIT", transaction_id="F"), _reversed("F1", "3.00", "F")
    money = entry("R1", "20.00", BORIS)
    if at_once:
        await hand_in(world, camt_053("0.00", "20.00", money, fee, back))
    else:
        await hand_in(world, camt_053("0.00", "17.00", money, fee))
        await _settled(world)
        assert books(world)["owed"] == -3_00
        await hand_in(world, camt_053("17.00", "20.00", back, day=NEXT_DAY, number=2))
    await _settled(world)
    assert books(world) == {"anna": 1_000_00, "boris": 20_00, "suspense": 0, "mirror": -20_00, "owed": 0}


@pytest.mark.parametrize("is_told", [True, False], ids=["charge told", "charge untold"])
async def test_a_charge_whose_reversal_was_told_first_is_owed_no_more(world: World, is_told: bool) -> None:
    """The money waits in suspense until a statement has the charge: then nobody owes, and nothing lies there."""
    fee, back = entry("F1", "3.00", direction="DBIT", transaction_id="F"), _reversed("F1", "3.00", "F")
    if is_told:
        await hand_in(world, camt_054("N-1", BANK, fee))
    await hand_in(world, camt_054("N-2", BANK, back))
    await _settled(world)
    assert (books(world)["suspense"], books(world)["owed"]) == (3_00, 0)
    await hand_in(world, camt_053("0.00", "20.00", entry("R1", "20.00", BORIS), fee, back))
    await _settled(world)
    assert books(world) == {"anna": 1_000_00, "boris": 20_00, "suspense": 0, "mirror": -20_00, "owed": 0}
    assert told_minor(world) == 20_00


@pytest.mark.parametrize("is_booked", [True, False])
async def test_a_reversal_that_was_told_ahead_of_its_day_repays_the_charge(world: World, is_booked: bool) -> None:
    """And where the next statement lacks it, the platform owes the charge after all: suspense of others stays."""
    fee, back = entry("F1", "3.00", direction="DBIT", transaction_id="F"), _reversed("F1", "3.00", "F")
    back, stranger = back.replace("2026-01-05", NEXT_DAY), entry("R1", "20.00")
    await hand_in(world, camt_054("N-1", BANK, back))
    await hand_in(world, camt_053("0.00", "17.00", stranger, fee))
    await _settled(world)
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 20_00, "mirror": -20_00, "owed": 0}
    assert told_minor(world) == 20_00
    entries = (back,) if is_booked else ()
    closing = 20_00 if is_booked else 17_00
    await hand_in(world, camt_053("17.00", f"{closing / 100:.2f}", *entries, day=NEXT_DAY, number=2))
    await _settled(world)
    owed = closing - 20_00
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 20_00, "mirror": -closing, "owed": owed}
    assert told_minor(world) == closing
    posted = {each for event in events(world, EvidenceReceived) for each in split_ids(event.entry_ids)}
    assert {each for event in events(world, BankMovements) for each in split_ids(event.entry_ids)} == posted
