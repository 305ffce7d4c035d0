"""What a bank takes back, through the application: from whom it went to, and never from anybody else."""

from __future__ import annotations

import pytest
from ringfence_payment_instruction.deposits.domain.evidence import Disposition
from ringfence_payment_instruction.submissions.domain.status import Status

from . import test_payment_returns
from .messages import camt_054, entry
from .test_payment_answers import sent, transaction
from .test_payment_application import bank_answers
from .test_payment_bank_facts import books
from .test_payment_returns import come_to, returns, row, take_in
from .test_payment_told import batch, camt_053, hand_in, rows, told_minor
from .test_payment_waiting_deposits import done
from .world import ANNA, BANK, BORIS, World, an_id

vouched = test_payment_returns.vouched
OTHERS = batch("500.00", "OTHER")
"""Somebody else's money, which lies in suspense."""
ALLOTTED = batch("300.00", "B", ("100.00", ANNA), ("200.00", BORIS))


def reversal(amount: str, reference: str = "", iban: str = "", day: str = "2026-01-05") -> str:
    """Returns an entry by which the bank takes money back that had come in."""
    account = f"<CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct>"
    details = f"<NtryDtls><TxDtls><RltdPties>{account}</RltdPties></TxDtls></NtryDtls>" if iban else ""
    named = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>{named}"
        f"<BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd>{details}</Ntry>"
    )


async def tell(world: World, *entries: str) -> None:
    """Hands news of entries in, and waits until they are posted."""
    tell.count += 1  # type: ignore[attr-defined]
    await hand_in(world, camt_054(f"N-{tell.count}", BANK, *entries))  # type: ignore[attr-defined]
    await done(world)


tell.count = 0  # type: ignore[attr-defined]


async def state(world: World, content: bytes) -> None:
    """Hands a statement in, and waits until it is posted."""
    assert (await hand_in(world, content)).excepted == 0
    await done(world)


async def test_what_was_allotted_is_taken_from_its_clients_and_not_from_others_suspense(world: World) -> None:
    """By a reversal of the whole batch, a row for each client."""
    await tell(world, OTHERS)
    await tell(world, ALLOTTED)
    await tell(world, reversal("300.00", "B"))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 500_00, "mirror": -500_00, "owed": 0}


async def test_what_was_allotted_and_never_booked_is_taken_from_its_clients(world: World) -> None:
    """Others' money stays in suspense."""
    await tell(world, OTHERS)
    await tell(world, ALLOTTED)
    await state(world, camt_053("0.00", "500.00", OTHERS))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 500_00, "mirror": -500_00, "owed": 0}


async def test_of_a_batch_in_part_allotted_the_rest_comes_from_suspense(world: World) -> None:
    """Anna gives hers, suspense what lies there of this batch, and no cent more."""
    await tell(world, OTHERS)
    await tell(world, batch("300.00", "B", ("100.00", ANNA), ("200.00", "DE00")))
    await tell(world, reversal("300.00", "B"))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 500_00, "mirror": -500_00, "owed": 0}


async def test_part_of_a_batch_is_taken_from_nobody_who_is_not_named(world: World) -> None:
    """Of several clients those give whom the reversal names; else the platform owes it."""
    await tell(world, ALLOTTED)
    await tell(world, reversal("50.00", "B", BORIS))
    assert books(world)["boris"] == 150_00
    await tell(world, reversal("20.00", "B"))
    assert books(world) == {"anna": 1_100_00, "boris": 150_00, "suspense": 0, "mirror": -230_00, "owed": -20_00}


async def test_a_reversal_of_nothing_that_is_known_takes_from_no_client(world: World) -> None:
    """Whomever it names: the platform owes it, and suspense is not touched."""
    await tell(world, OTHERS)
    await tell(world, reversal("500.00", "", ANNA))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 500_00, "mirror": 0, "owed": -500_00}


async def test_part_of_what_is_blocked_is_taken_from_suspense(world: World) -> None:
    """The client never had it; what is left of it waits for people."""
    await tell(world, entry("R9", "500.00", ANNA, payer="Bad ACTOR"))
    await tell(world, reversal("200.00", "R9", ANNA))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 300_00, "mirror": -300_00, "owed": 0}
    await tell(world, reversal("300.00", "R9", ANNA, "2026-01-06"))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 0, "mirror": 0, "owed": 0}


async def test_one_deposit_is_taken_back_once_under_whatever_references(world: World) -> None:
    """The second reversal is the platform's; where a statement has neither, the client has his money again."""
    await tell(world, entry("R9", "500.00", ANNA))
    await tell(world, reversal("500.00", "R9", ANNA))
    await tell(world, reversal("500.00", "R9X", ANNA))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 0, "mirror": 500_00, "owed": -500_00}
    await state(world, camt_053("0.00", "500.00", entry("R9", "500.00", ANNA)))
    assert books(world)["anna"] == 1_500_00
    assert books(world)["mirror"] == -500_00


async def test_a_batch_that_its_statement_lacks_is_allotted_anew_when_it_comes(world: World) -> None:
    """Taken back from both clients, and theirs again a day later, out of its own money."""
    await tell(world, ALLOTTED)
    await state(world, camt_053("0.00", "0.00"))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 0, "mirror": 0, "owed": 0}
    late = ALLOTTED.replace("2026-01-05", "2026-01-06")
    await state(world, camt_053("0.00", "300.00", late, day="2026-01-06", number=2))
    assert books(world) == {"anna": 1_100_00, "boris": 200_00, "suspense": 0, "mirror": -300_00, "owed": 0}
    await tell(world, reversal("300.00", "B", day="2026-01-07"))
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 0, "mirror": 0, "owed": 0}
    assert told_minor(world) == 0


async def test_a_deposit_that_its_statement_lacks_is_its_clients_again_when_it_comes(world: World) -> None:
    """It needs no way through suspense."""
    await tell(world, entry("R1", "5.00", BORIS))
    await state(world, camt_053("0.00", "0.00"))
    late = entry("R1", "5.00", BORIS).replace("2026-01-05", "2026-01-06")
    await state(world, camt_053("0.00", "5.00", late, day="2026-01-06", number=2))
    assert [each for each, _, _ in rows(world)] == [
        Disposition.CREDIT_CLIENT, Disposition.RETRACT, Disposition.CREDIT_CLIENT
    ]  # fmt: skip
    assert books(world)["boris"] == 5_00


async def test_parts_of_what_its_statement_lacks_are_not_taken_from_others_suspense(world: World) -> None:
    """What was taken back is not there to be allotted."""
    await tell(world, OTHERS)
    await tell(world, batch("300.00", "B"))
    await state(world, camt_053("0.00", "500.00", OTHERS))
    await tell(world, ALLOTTED)
    assert books(world) == {"anna": 1_000_00, "boris": 0, "suspense": 500_00, "mirror": -500_00, "owed": 0}


async def test_a_take_that_custody_does_not_post_keeps_no_deposit_of_its_file(world: World) -> None:
    """Whose money is to be taken is not settled: the other client of the file has his all the same."""
    await tell(world, entry("R1", "5.00", ANNA))
    world.custody.unsettled = {an_id("anna account")}
    await hand_in(world, camt_054("N-B8", BANK, reversal("5.00", "R1"), entry("R2", "7.00", BORIS)))
    await world.until(lambda: books(world)["boris"] == 7_00)
    world.custody.unsettled = set()
    await done(world)
    assert books(world) == {"anna": 1_000_00, "boris": 7_00, "suspense": 0, "mirror": -7_00, "owed": 0}


async def test_our_own_payment_is_a_payment_whatever_the_bank_says_about_its_return(world: World) -> None:
    """A debit that names it and carries `RtrInf` confirms it; the mirror moves once."""
    await sent(world, "out")
    debit = entry("D1", "10.00", direction="DBIT", transaction_id=transaction("out"))
    debit = debit.replace("</RltdPties></TxDtls>", "</RltdPties><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls>")
    assert "RtrInf" in debit
    assert (await hand_in(world, camt_054("N-1", BANK, debit))).confirmed == 1
    bank_answers(world, "out", "ACSC")
    await world.reaches("out", Status.RECONCILED)
    await done(world)
    assert books(world) == {"anna": 990_00, "boris": 0, "suspense": 0, "mirror": 10_00, "owed": 0}


@pytest.mark.parametrize("is_named", [False, True])
async def test_a_debit_without_our_transaction_id_is_no_charge_beside_the_payment(world: World, is_named: bool) -> None:
    """By its end-to-end id it confirms the payment; without any it waits for the bank's answer, and is booked once."""
    await sent(world, "out")
    await tell(world, entry("C", "50.00", BORIS))
    debit = entry("D1", "10.00", direction="DBIT", transaction_id="theirs" if is_named else "")
    debit = debit.replace("<TxId>theirs</TxId>", "<EndToEndId>out</EndToEndId>")
    statement = camt_053("0.00", "40.00", entry("C", "50.00", BORIS), debit)
    assert (await hand_in(world, statement)).confirmed == int(is_named)
    bank_answers(world, "out", "ACSC")
    await world.reaches("out", Status.RECONCILED if is_named else Status.SETTLED)
    await done(world)
    assert books(world) == {"anna": 990_00, "boris": 50_00, "suspense": 0, "mirror": -40_00, "owed": 0}


async def test_a_payment_that_came_back_before_its_statement_is_no_charge(vouched: World) -> None:
    """Its debit confirms it, once: a second one is a charge."""
    world = vouched
    message = await sent(world, "out")
    await come_to(world, "out", Status.SETTLED)
    await take_in(world, returns(message, row("out")))
    await world.reaches("out", Status.RETURNED)
    await world.until(lambda: books(world)["anna"] == 1_000_00)
    debit = entry("D1", "10.00", direction="DBIT", transaction_id=transaction("out"))
    assert (await hand_in(world, camt_054("N-1", BANK, debit))).confirmed == 1
    came, again = entry("C1", "25.00", BORIS), debit.replace("D1", "D2")
    counts = await hand_in(world, camt_053("0.00", "5.00", came, debit, again))
    assert (counts.excepted, counts.confirmed) == (0, 0)
    await done(world)
    assert [(each, amount) for each, amount, _ in rows(world)][-2:] == [
        (Disposition.CREDIT_CLIENT, 25_00), (Disposition.CHARGE, 10_00)
    ]  # fmt: skip
