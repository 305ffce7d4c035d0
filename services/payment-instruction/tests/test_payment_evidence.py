"""Bank notifications through the application."""

from dataclasses import replace
from typing import Any

import pytest
from ringfence_kernel.access.caller import Caller
from ringfence_kernel.access.refusals import PrincipalSuspended
from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.values.errors import ClockWrong
from ringfence_kernel.values.ids import ZERO_ID
from ringfence_local_stack.pytest_plugin import FilledDatabase
from ringfence_payment_instruction.deposits.domain.errors import BankAccountUnknown
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.modules import event_codec
from ringfence_payment_instruction.standing.domain.state import Standing
from ringfence_payment_instruction.submissions.domain.errors import (
    EvidenceUnreadable,
)
from ringfence_payment_instruction.submissions.domain.status import Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

from .messages import camt_054, entry, pain_001
from .test_payment_stops import note
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
    SetClock,
    World,
    an_id,
    migrate,
    order,
)


async def hand_in(world: World, content: bytes, caller: Caller = BANK_FEED) -> tuple[int, int, int, int]:
    """Hands in a notification; returns credited, suspended, duplicates, confirmed."""
    counts = await world.application.statements.receiving.hand_in(caller, content)
    return counts.credited, counts.suspended, counts.duplicates, counts.confirmed


async def test_deposits_credit_clients_and_the_rest_goes_to_suspense(world: World) -> None:
    """The bank mirror is debited with all of it."""
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS), entry("R2", "7.00", STRANGER), entry("R3", "1.00"))
    assert await hand_in(world, content) == (1, 2, 0, 0)
    assert world.custody.balances[an_id("boris account")] == 5_00
    assert world.custody.balances[SUSPENSE] == 8_00
    assert world.custody.balances[MIRROR] == -13_00
    values = {each.value_day for each in world.custody.transfers.values()}
    assert values == {20_459}  # 2026-01-06


async def test_late_entries_count_as_where_they_are_to_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client's account has refused is not credited, though suspense has not answered either."""
    monkeypatch.setattr("ringfence_payment_instruction.deposits.application.receiving.POSTING_SECONDS", 0.5)
    world.custody.closed |= {an_id("boris account"), SUSPENSE}
    assert await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS))) == (0, 1, 0, 0)
    world.custody.is_away = True
    content = camt_054("N-2", BANK, entry("R2", "5.00", BORIS), entry("R3", "5.00", STRANGER))
    assert await hand_in(world, content) == (1, 1, 0, 0)


async def test_the_first_deposit_confirms_the_claim_that_the_bank_names(world: World) -> None:
    """Money for an IBAN that is only claimed reaches its client where the bank names him, and waits apart otherwise."""
    boris = world.identity.aliases.pop(BORIS)
    world.identity.claims = {(TENANT, BANK_FEED.subject, BORIS, "Boris Example"): boris}
    nameless, another = entry("R1", "1.00", BORIS), entry("R2", "2.00", BORIS, holder="Anna Example")
    assert await hand_in(world, camt_054("N-1", BANK, nameless)) == (0, 1, 0, 0)
    assert await hand_in(world, camt_054("N-2", BANK, another)) == (0, 1, 0, 0)
    named = entry("R3", "5.00", BORIS, holder="Boris Example")
    assert await hand_in(world, camt_054("N-3", BANK, named)) == (1, 0, 0, 0)
    assert world.custody.balances[an_id("boris account")] == 5_00
    assert await hand_in(world, camt_054("N-4", BANK, entry("R4", "1.00", BORIS))) == (1, 0, 0, 0)


async def test_only_the_accounts_own_bank_confirms_a_claim(world: World) -> None:
    """Another bank's word, or the platform's, confirms nothing."""
    boris = world.identity.aliases.pop(BORIS)
    world.identity.claims = {(TENANT, BANK_FEED.subject, BORIS, "Boris Example"): boris}
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS, holder="Boris Example"))
    with pytest.raises(BankAccountUnknown):
        await hand_in(world, content, PLATFORM)
    assert BORIS not in world.identity.aliases


async def test_what_a_client_has_under_way_is_counted(world: World) -> None:
    """A held payment counts for its debtor and its creditor, and for nobody once it has ended; others have none."""
    under_way = world.application.deposits.api.under_way
    anna, boris = (world.identity.aliases[each].owner_id for each in (ANNA, BORIS))
    asked = [anna, boris, an_id("nobody")]
    assert await under_way.count(TENANT, asked) == [0, 0, 0]
    content = [order("held", 900_00)]
    await world.submit_batch(PLATFORM, an_id("submission"), content)
    await world.reaches("held", Status.HELD)
    assert await under_way.count(TENANT, asked) == [1, 1, 0]
    assert await under_way.count(an_id("another tenant"), asked) == [0, 0, 0]


async def test_an_entry_is_posted_once_in_whatever_file_it_comes(world: World) -> None:
    """Same file, same entry in another file, after a restart: duplicates."""
    first = camt_054("N-1", BANK, entry("R1", "5.00", BORIS))
    both = camt_054("N-2", BANK, entry("R1", "5.00", BORIS), entry("R2", "6.00", BORIS))
    assert await hand_in(world, first) == (1, 0, 0, 0)
    assert await hand_in(world, first) == (0, 0, 1, 0)
    await world.restart()
    assert await hand_in(world, both) == (1, 0, 1, 0)
    assert world.custody.balances[an_id("boris account")] == 11_00


async def test_a_reference_with_another_amount_is_another_movement(world: World) -> None:
    """Banks use references again: everything of the second file is taken in."""
    await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    again = camt_054("N-2", BANK, entry("R9", "1.00", BORIS), entry("R1", "6.00", BORIS))
    assert await hand_in(world, again) == (2, 0, 0, 0)
    assert world.custody.balances[an_id("boris account")] == 12_00


async def test_no_evidence_rests_on_a_clock_that_was_set_back(
    filled_database: FilledDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries without a value date have that of the day when they come: not that of a clock that was wrong then."""
    world = World(filled_database("payment-instruction", migrate))
    world.clock = clock = SetClock()
    await world.start()
    await world.import_list()
    keys = world.identity.keys

    async def set_back(*arguments: Any) -> Any:
        clock.ahead_ns = 0
        return await keys(*arguments)

    monkeypatch.setattr(world.identity, "keys", set_back)
    clock.advance(3_600 * NANOSECONDS)
    with pytest.raises(ClockWrong):
        await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    assert world.states.deposits.evidence == {}
    assert await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS))) == (1, 0, 0, 0)
    await world.stop()


@pytest.mark.parametrize("account", [ANNA, STRANGER])
async def test_only_safeguarding_accounts_have_notifications(world: World, account: str) -> None:
    """A client's account or a strange one is refused."""
    with pytest.raises(BankAccountUnknown):
        await hand_in(world, camt_054("N-1", account, entry("R1", "5.00", BORIS)))


@pytest.mark.parametrize("content", [b"", b"noise", pain_001("X", ANNA, ("A", "1.00", BORIS))])
async def test_what_is_no_notification_is_refused(world: World, content: bytes) -> None:
    """Noise and other messages are named unreadable."""
    with pytest.raises(EvidenceUnreadable):
        await hand_in(world, content)


async def test_a_suspended_bank_feed_credits_nobody(world: World) -> None:
    """What the rail brings comes through no edge; a suspended platform beside it keeps nobody's money."""
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS))
    world.voucher.principal = BANK_FEED
    await note(world, BANK_FEED.subject, Standing.SUSPENDED)
    with pytest.raises(PrincipalSuspended):
        await world.application.statements.receiving.take_in(world.voucher, content)
    assert world.states.deposits.evidence == {}
    await note(world, BANK_FEED.subject, Standing.GOOD)
    await note(world, TENANT, Standing.SUSPENDED)
    assert await hand_in(world, content) == (1, 0, 0, 0)


async def test_a_bank_speaks_for_its_own_accounts_only(world: World) -> None:
    """Evidence about an account that another bank keeps is refused like evidence about an unknown account."""
    other_bank = replace(BANK_FEED, subject=an_id("other bank"))
    with pytest.raises(BankAccountUnknown):
        await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)), other_bank)
    assert world.states.deposits.evidence == {}


async def test_custody_away_delays_the_credit_and_loses_nothing(world: World) -> None:
    """The entry is recorded, and posted once by the next process."""
    world.custody.loses_replies = True
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS))
    await world.application.statements.receiving.take_in(BANK_FEED, content)
    world.custody.loses_replies = False
    await world.restart()
    await world.until(lambda: all(not file.waiting() for file in world.states.deposits.evidence.values()))
    assert world.custody.balances[an_id("boris account")] == 5_00


async def test_a_listed_payers_money_is_kept_apart(world: World) -> None:
    """It goes to suspense, whoever it was meant for."""
    assert await hand_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS, payer="Bad ACTOR"))) == (0, 1, 0, 0)


async def test_a_debit_entry_settles_and_reconciles_a_payment(world: World) -> None:
    """The bank's own account is evidence enough; a second debit for the same payment confirms nothing."""
    await world.submit_batch(PLATFORM, an_id("s"), [order("out", creditor=STRANGER)])
    await world.reaches("out", Status.SENT)
    transaction_id = transfer_id_of(TENANT, an_id("out")).hex()
    debit = entry("D1", "10.00", direction="DBIT", transaction_id=transaction_id)
    assert await hand_in(world, camt_054("N-1", BANK, debit)) == (0, 0, 0, 1)
    await world.reaches("out", Status.RECONCILED)
    again = entry("D2", "10.00", direction="DBIT", transaction_id=transaction_id)
    assert await hand_in(world, camt_054("N-2", BANK, again)) == (0, 0, 0, 0)
    assert world.custody.balances[MIRROR] == 10_00


async def test_the_rails_inbox_is_read_and_archived(world: World) -> None:
    """A debit confirms, noise is put aside, what says nothing archived, money waits for a voucher."""
    await world.submit_batch(PLATFORM, an_id("s"), [order("out", creditor=STRANGER)])
    await world.reaches("out", Status.SENT)
    debit = entry("D1", "10.00", direction="DBIT", transaction_id=transfer_id_of(TENANT, an_id("out")).hex())
    world.rail.inbox = {
        "noise.xml": b"noise",
        "debit.xml": camt_054("N-1", BANK, debit),
        "credit.xml": camt_054("N-2", BANK, entry("R1", "5.00", BORIS)),
        "nothing.xml": camt_054("N-3", BANK),
    }
    await world.reaches("out", Status.RECONCILED)
    await world.until(lambda: list(world.rail.inbox) == ["credit.xml"])
    assert (world.rail.refused, world.rail.archived) == (["noise.xml"], ["debit.xml", "nothing.xml"])
    world.voucher.principal = BANK_FEED
    await world.until(lambda: not world.rail.inbox and world.custody.balances[an_id("boris account")] == 5_00)
    files = [each.event for each in world.store.replay(event_codec()) if isinstance(each.event, EvidenceReceived)]
    assert {file.source for file in files} == {ZERO_ID, BANK_FEED.subject}


async def test_what_confirms_a_payment_says_who_told_it(world: World) -> None:
    """It needs nobody's word, but where the rail has a principal the log says whose it is."""
    world.voucher.principal = BANK_FEED
    await world.submit_batch(PLATFORM, an_id("s"), [order("out", creditor=STRANGER)])
    await world.reaches("out", Status.SENT)
    debit = entry("D1", "10.00", direction="DBIT", transaction_id=transfer_id_of(TENANT, an_id("out")).hex())
    world.rail.inbox["debit.xml"] = camt_054("N-1", BANK, debit)
    await world.reaches("out", Status.RECONCILED)
    files = [each.event for each in world.store.replay(event_codec()) if isinstance(each.event, EvidenceReceived)]
    assert [file.source for file in files] == [BANK_FEED.subject]


async def test_what_the_bank_has_handed_in_itself_leaves_the_inbox(world: World) -> None:
    """Every entry of the file is known by then, so nothing is left to vouch for."""
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS))
    world.rail.inbox["credit.xml"] = content
    assert await hand_in(world, content) == (1, 0, 0, 0)
    await world.until(lambda: world.rail.archived == ["credit.xml"])
    assert world.custody.balances[an_id("boris account")] == 5_00
