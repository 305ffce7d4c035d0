"""Deposits that an earlier release has posted, which knew entries by account and reference."""

from __future__ import annotations

import pytest
from ringfence_kernel.values.columns import pack, split_ids
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_payment_instruction.deposits.application.sealing import seal_entries
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import (
    CREDITOR_UNKNOWN,
    BankEntry,
    Disposition,
    entry_digest,
    entry_id,
)
from ringfence_payment_instruction.deposits.domain.matching import MatchedEntry

from .messages import camt_054, entry
from .test_payment_told import events, hand_in, movements
from .world import BANK, BANK_FEED, BORIS, EUR, MIRROR, SUSPENSE, TENANT, World, an_id

BORISS = an_id("boris account")
DEPOSIT = BankEntry(BANK, "R1", 5_00, "EUR", "CRDT", False, "BOOK", 20_000, debtor_name="Some Payer")
NAME = entry_id(TENANT, DEPOSIT)


async def posted(world: World, client: str) -> None:
    """Has a deposit of 5.00 posted as an earlier release did, for a client or to suspense."""
    aliases, stream = world.identity.aliases, an_id("earlier")
    to_client = aliases[client] if client else None
    disposition = Disposition.CREDIT_CLIENT if client else Disposition.CREDIT_SUSPENSE
    matched = MatchedEntry(NAME, entry_digest(DEPOSIT), DEPOSIT, aliases[BANK], disposition, to_client)
    ring = await world.identity.keys({TENANT, matched.owner})
    event = EvidenceReceived(
        tenant=TENANT,
        evidence_id=stream,
        digest=an_id("file") * 2,
        message_id="N-0",
        source=BANK_FEED.subject,
        authorisation="",
        authorisation_expires_ns=0,
        entry_ids=NAME,
        entry_digests=matched.digest,
        references=("R1",),
        purposes=bytes([disposition]),
        mirror_accounts=MIRROR,
        client_accounts=to_client.account_id if to_client else ZERO_ID,
        owners=matched.owner,
        instruction_ids=ZERO_ID,
        amounts_minor=pack("Q", [5_00]),
        ledgers=pack("H", [EUR]),
        value_days=pack("i", [20_000]),
        reasons=("" if client else CREDITOR_UNKNOWN,),
        sealed=seal_entries(stream, [matched], ring),
    )
    await world.writer.commit(lambda unit: unit.record(stream, event))
    await world.until(lambda: not world.states.deposits.evidence)
    assert world.custody.balances[BORISS if client else SUSPENSE] == 5_00


@pytest.mark.parametrize("client", [BORIS, ""])
async def test_what_was_posted_before_is_a_movement_and_no_money(world: World, client: str) -> None:
    """Told again in whatever file: the entry of then moves the mirror for it, and nothing is posted."""
    await posted(world, client)
    for number in range(2):
        await hand_in(world, camt_054(f"N-{number}", BANK, entry("R1", "5.00", client)))
        await world.restart()
    assert [found[2] for found in movements(world).values()] == [NAME]
    assert world.custody.balances[MIRROR] == -5_00


@pytest.mark.parametrize("client", [BORIS, ""])
async def test_a_reversal_of_what_was_posted_before_takes_it_back(world: World, client: str) -> None:
    """It has the deposit's reference and is another movement: from where the money lies, by the entry of then."""
    await posted(world, client)
    back = entry("R1", "5.00", client, direction="DBIT").replace("<Sts>", "<RvslInd>true</RvslInd><Sts>")
    await hand_in(world, camt_054("N-1", BANK, back))
    await world.until(lambda: not world.states.deposits.evidence)
    event = events(world, EvidenceReceived)[-1]
    assert ([*event.purposes], split_ids(event.origins)) == ([Disposition.REVERSE], [NAME])
    found = [world.custody.balances.get(each, 0) for each in (BORISS, SUSPENSE, MIRROR)]
    assert found == [0, 0, 0]


async def test_another_amount_under_a_reference_of_before_is_another_movement(world: World) -> None:
    """A bank repeats references: what is not the deposit of then is money that came in."""
    await posted(world, BORIS)
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "7.00", BORIS)))
    await world.until(lambda: not world.states.deposits.evidence)
    assert world.custody.balances[BORISS] == 12_00
