"""Where money could be lost or doubled: commits that are still under way, second processes, banks that contradict."""

import asyncio
import errno
from dataclasses import replace
from typing import Any

import pytest
from ringfence_payment_instruction.deposits.domain.events import EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import ENTRIES_PER_PART
from ringfence_payment_instruction.modules import event_codec
from ringfence_payment_instruction.screening.domain.errors import ScreeningListStale
from ringfence_payment_instruction.settlement.application.ports import BookAccounts
from ringfence_payment_instruction.settlement.domain.errors import LedgerContradiction
from ringfence_payment_instruction.settlement.domain.transfers import Correction, TransferKind
from ringfence_payment_instruction.submissions.application.ports import Authorisation
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.deadlines import Patience
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict
from ringfence_payment_instruction.submissions.domain.events import InstructionsDirected
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import MAX_INSTRUCTIONS, transfer_id_of

from .fakes import GatedStore
from .messages import camt_054, entry
from .test_payment_application import bank_answers, submit
from .world import (
    APPROVER,
    BANK,
    BANK_FEED,
    BORIS,
    EUR,
    MIRROR,
    OPERATOR,
    PLATFORM,
    STRANGER,
    SUSPENSE,
    TENANT,
    World,
    an_id,
    order,
)


async def take_in(world: World, content: bytes) -> None:
    """Hands in a notification and waits until custody has posted it."""
    await world.application.statements.receiving.hand_in(BANK_FEED, content)


async def test_custody_hears_nothing_that_is_not_committed(world: World) -> None:
    """A process that ends before an approval is durable must not have moved the money by then."""
    world.custody.balances[an_id("anna account")] = 2_000_00
    await submit(world, "a", "b", amount_minor=600_00)
    await world.reaches("b", Status.HELD)
    gated = GatedStore(world.store)
    world.writer.store = gated  # type: ignore[assignment]
    decide = world.application.approvals.decide
    world.custody.is_away = True
    await decide(APPROVER, TENANT, [an_id("a")], Directive.APPROVE, "")
    gated.gate.clear()
    approval = asyncio.create_task(decide(APPROVER, TENANT, [an_id("b")], Directive.APPROVE, ""))
    await world.until(lambda: world.states.submissions.known(_stream(world, "b")).directives[1] == Directive.APPROVE)
    world.custody.is_away = False
    wake(world)
    await asyncio.sleep(0.3)
    assert transfer_id_of(TENANT, an_id("b")) not in world.custody.transfers
    gated.gate.set()
    await approval
    await world.reaches("b", Status.SETTLED)


def wake(world: World) -> None:
    """Has everything that waits tried again at once."""
    for lane in world.application.pipeline.lanes:
        lane.wake()


def _stream(world: World, name: str) -> bytes:
    found = world.states.submissions.find(TENANT, an_id(name))
    assert found is not None
    return found[0].stream


async def test_two_processes_take_an_entry_in_once(world: World) -> None:
    """The second finds out at its commit that the first was there, and counts a duplicate."""
    second = World(world.database)
    second.identity, second.custody, second.rail = world.identity, world.custody, world.rail
    await second.start()
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS))
    await world.application.statements.receiving.hand_in(BANK_FEED, content)
    counts = await second.application.statements.receiving.hand_in(BANK_FEED, content)
    assert (counts.credited, counts.duplicates) == (0, 1)
    assert world.topics().count(EvidenceReceived.TOPIC) == 1
    assert world.custody.balances[an_id("boris account")] == 5_00
    await second.stop()


async def test_a_transfer_that_stands_otherwise_in_custody_is_left_for_people(world: World) -> None:
    """Rejecting the payment would leave its money set aside for ever."""
    world.custody.loses_replies = True
    await submit(world, "out", creditor=STRANGER)
    await world.until(lambda: bool(world.custody.transfers))
    world.custody.accounts = BookAccounts({EUR: an_id("newer mirror")}, {EUR: SUSPENSE})
    world.custody.loses_replies = False
    await world.until(lambda: world.reason("out") == LedgerContradiction.reason)
    assert world.status("out") is Status.SCREENED


@pytest.mark.parametrize(
    ("answer", "ended", "debit", "credit", "end"),
    [
        (("ACSC",), TransferKind.VOID, an_id("anna account"), MIRROR, Status.SETTLED),
        (("RJCT", "AC04"), TransferKind.POST, MIRROR, an_id("anna account"), Status.FAILED),
    ],
)
async def test_a_correction_ends_what_custody_and_the_bank_disagree_about(
    world: World, answer: tuple[str, ...], ended: TransferKind, debit: bytes, credit: bytes, end: Status
) -> None:
    """Somebody has ended a reservation against the bank's word; only the whole amount, moved back right, ends it."""
    await submit(world, "out", creditor=STRANGER)
    await world.reaches("out", Status.SENT)
    world.custody.finished[transfer_id_of(TENANT, an_id("out"))] = ended
    bank_answers(world, "out", *answer)
    submission = world.states.submissions.known(_stream(world, "out"))
    await world.until(lambda: ("settlement", LedgerContradiction.reason) in submission.waiting)
    right = Correction(debit, credit, 10_00, EUR)
    wrong = [replace(right, amount_minor=10_01), replace(right, ledger=EUR + 1), Correction(credit, debit, 10_00, EUR)]
    world.custody.corrected[an_id("out")] = wrong
    tries = world.custody.calls
    wake(world)
    await world.until(lambda: world.custody.calls > tries)
    assert world.status("out") is Status.SENT
    world.custody.corrected[an_id("out")] = [*wrong, right]
    wake(world)
    await world.reaches("out", end)


async def test_a_deposit_that_stands_otherwise_is_not_posted_again(world: World) -> None:
    """Suspense gets nothing of what a client may have been credited with."""
    world.custody.loses_replies = True
    await take_in_now(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    await world.until(lambda: bool(world.custody.transfers))
    (transfer_id,) = world.custody.transfers
    world.custody.transfers[transfer_id] = replace(world.custody.transfers[transfer_id], amount_minor=4_00)
    world.custody.loses_replies = False
    (stream,) = world.states.deposits.streams()
    with pytest.raises(LedgerContradiction):
        await world.application.deposits.work.handle(stream)
    assert SUSPENSE not in world.custody.balances


async def test_a_result_that_nobody_knows_is_no_refusal(world: World) -> None:
    """Money may have moved: the payment stays where it is with the reason, and settles once custody is understood."""
    world.custody.is_newer = True
    await submit(world, "a", amount_minor=10_00)
    await world.until(lambda: world.reason("a") == "RESULT_UNKNOWN")
    assert world.status("a") is Status.SCREENED
    assert world.custody.balances[an_id("boris account")] == 10_00
    await world.restart()
    world.custody.is_newer = False
    await world.reaches("a", Status.SETTLED)
    assert world.custody.balances[an_id("boris account")] == 10_00


async def test_a_deposit_with_a_result_that_nobody_knows_is_not_posted_again(world: World) -> None:
    """The client may have the money already: suspense is not credited too, and the same id is asked for again."""
    world.custody.is_newer = True
    content = camt_054("N-1", BANK, entry("R1", "5.00", BORIS), entry("R2", "7.00", STRANGER))
    handed_in = asyncio.create_task(world.application.statements.receiving.hand_in(BANK_FEED, content))
    await world.until(lambda: world.custody.calls > 2)
    assert world.custody.balances[MIRROR] == -12_00
    world.custody.is_newer = False
    counts = await handed_in
    assert (counts.credited, counts.suspended) == (1, 1)
    assert (world.custody.balances[an_id("boris account")], world.custody.balances[SUSPENSE]) == (5_00, 7_00)
    assert world.custody.balances[MIRROR] == -12_00


async def test_more_deposits_than_custody_takes_at_once_are_all_posted(world: World) -> None:
    """A notification is cut into parts, each below the bounds of custody and of the feed."""
    create, sizes = world.custody.book_evidence, []

    async def bounded(tenant: bytes, transfers: Any) -> list[str]:
        sizes.append(len(transfers))
        assert len(transfers) <= MAX_INSTRUCTIONS
        return await create(tenant, transfers)

    world.custody.book_evidence = bounded  # type: ignore[method-assign]
    count = MAX_INSTRUCTIONS + 10
    entries = [entry(f"R{number}", "0.01", BORIS) for number in range(count)]
    await take_in(world, camt_054("N-1", BANK, *entries))
    await world.until(lambda: world.custody.balances[an_id("boris account")] == count, 20)
    assert max(sizes) == ENTRIES_PER_PART


async def test_money_that_comes_in_waits_for_a_fresh_list(world: World) -> None:
    """Nobody is credited by a payer who cannot be looked up; a debit needs no list."""
    world.states.screening.lists.clear()
    with pytest.raises(ScreeningListStale):
        await take_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    await take_in(world, camt_054("N-2", BANK, entry("D1", "5.00", direction="DBIT")))
    await world.import_list()
    await take_in(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    assert world.custody.balances[an_id("boris account")] == 5_00


async def test_a_file_that_answers_a_payment_both_ways_is_put_aside(world: World) -> None:
    """The payment stays with the bank; the money is neither posted nor given back."""
    await submit(world, "out", creditor=STRANGER)
    await world.reaches("out", Status.SENT)
    bank_answers(world, "out", "ACSC")
    (content,) = world.rail.inbox.values()
    row = content[content.index(b"<TxInfAndSts>") : content.index(b"</FIToFIPmtStsRpt>")]
    world.rail.inbox = {"both.xml": content.replace(row, row + row.replace(b"ACSC", b"RJCT"))}
    await world.until(lambda: world.rail.refused == ["both.xml"])
    assert world.status("out") is Status.SENT
    world.rail.inbox = {"twice.xml": content.replace(row, row + row)}
    await world.reaches("out", Status.SETTLED)
    assert world.custody.balances[MIRROR] == 10_00


async def test_a_file_that_breaks_the_reader_holds_up_no_other(world: World) -> None:
    """It stays where it is and is told in the log; the next one is taken."""
    files = world.application.rail.inbox.files
    read = files.read_answers

    def broken(content: bytes) -> Any:
        if content == b"poison":
            raise RuntimeError("a fault of ours")
        return read(content)

    files.read_answers = broken  # type: ignore[method-assign]
    world.voucher.principal = BANK_FEED
    world.rail.inbox = {"a.xml": b"poison", "b.xml": camt_054("N-1", BANK, entry("R1", "5.00", BORIS))}
    await world.until(lambda: world.rail.archived == ["b.xml"])
    assert list(world.rail.inbox) == ["a.xml"]


@pytest.mark.parametrize("step", ["read", "archive"])
async def test_a_file_that_cannot_be_read_or_moved_holds_up_no_other(world: World, step: str) -> None:
    """A disk that fails at one file costs that file alone, and is told in the log; it is tried again."""
    real, failing = getattr(world.rail, step), [True]

    def broken(name: str) -> Any:
        if failing and name == "a.xml":
            raise OSError(errno.EIO, "of the disk")
        return real(name)

    setattr(world.rail, step, broken)
    world.voucher.principal = BANK_FEED
    world.rail.inbox = {name: camt_054(name, BANK, entry(name, "5.00", BORIS)) for name in ("a.xml", "b.xml")}
    await world.until(lambda: world.rail.archived == ["b.xml"])
    failing.clear()
    await world.until(lambda: world.rail.archived == ["b.xml", "a.xml"])
    assert world.custody.balances[an_id("boris account")] == 10_00


async def test_a_conflicting_submission_changes_nothing_that_is_sent(world: World) -> None:
    """Even where identity would authorise both, the bank is told what was recorded."""

    async def authorise(*arguments: Any) -> Authorisation:
        await asyncio.sleep(0.05)
        return Authorisation(f"authorisation-for-{TENANT.hex()}", 2**62)

    world.identity.authorise = authorise  # type: ignore[method-assign]
    world.rail.is_broken = True
    receiving, other = world.application.submissions.receiving, "NL91ABNA0417164300"
    answers = await asyncio.gather(
        receiving.submit_batch(PLATFORM, an_id("same"), [order("out", creditor=STRANGER)]),
        receiving.submit_batch(PLATFORM, an_id("same"), [order("out", creditor=other)]),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers].count(SubmissionConflict) == 1
    taken, refused = (STRANGER, other) if isinstance(answers[1], SubmissionConflict) else (other, STRANGER)
    await world.until(lambda: world.status("out") is Status.RESERVED)
    world.rail.is_broken = False
    await world.reaches("out", Status.SENT)
    (message,) = world.rail.sent.values()
    assert (taken.encode() in message, refused.encode() in message) == (True, False)


async def test_an_operators_approval_is_recorded_by_name(world: World) -> None:
    """The custodian's own person may be the second one; the event and the reading say who it was."""
    await submit(world, "large", amount_minor=600_00)
    await world.reaches("large", Status.HELD)
    await world.application.approvals.decide(OPERATOR, TENANT, [an_id("large")], Directive.APPROVE, "called back")
    await world.reaches("large", Status.SETTLED)
    (view,) = await world.application.reads.get(TENANT, [an_id("large")])
    assert (view.maker, view.approver) == (PLATFORM.subject, OPERATOR.subject)
    found = [each.event for each in world.store.replay(event_codec(), 0)]
    directed = [each for each in found if isinstance(each, InstructionsDirected)]
    assert [(each.actor, each.note) for each in directed] == [(OPERATOR.subject, "called back")]


async def test_a_refusals_note_is_kept(world: World) -> None:
    """Why a person said no stands in the event, as why one said yes does."""
    await submit(world, "large", amount_minor=600_00)
    await world.reaches("large", Status.HELD)
    await world.application.approvals.decide(APPROVER, TENANT, [an_id("large")], Directive.REJECT, "unknown payee")
    found = [each.event for each in world.store.replay(event_codec(), 0)]
    assert [each.note for each in found if getattr(each, "actor", b"") == APPROVER.subject] == ["unknown payee"]


async def test_an_authorisation_that_ends_ends_what_waits(world: World) -> None:
    """No instruction is left to wait for a date on which custody would not listen any more."""
    now_ns = world.clock.now_ns()

    async def authorise(*arguments: Any) -> Authorisation:
        return Authorisation(f"authorisation-for-{TENANT.hex()}", now_ns + 2 * 10**9)

    world.identity.authorise = authorise  # type: ignore[method-assign]
    world.states.screening.lists.clear()
    await submit(world, "late", execution_day=now_ns // (86_400 * 10**9) + 40)
    assert (world.status("late"), world.reason("late")) == (Status.REJECTED, reasons.EXECUTION_DATE_TOO_LATE)
    await submit(world, "waits")
    await world.reaches("waits", Status.EXPIRED)
    assert (world.reason("waits"), world.custody.calls) == (reasons.AUTHORISATION_EXPIRED, 0)


async def test_an_entry_of_another_bank_file_never_meets_an_unposted_one(world: World) -> None:
    """Two notifications with a common entry, handed in at once: the entry is posted once."""
    one = camt_054("N-1", BANK, entry("R1", "5.00", BORIS), entry("R2", "1.00", BORIS))
    other = camt_054("N-2", BANK, entry("R2", "1.00", BORIS), entry("R3", "2.00", BORIS))
    await asyncio.gather(take_in(world, one), take_in(world, other))
    assert world.custody.balances[an_id("boris account")] == 8_00


async def test_an_approval_that_comes_too_late_finds_the_payment_expired(world: World) -> None:
    """Also where the clock's own work has not come to it yet, as after a long stop."""
    await submit(world, "large", amount_minor=600_00)
    await world.reaches("large", Status.HELD)
    late = replace(world.application.approvals, patience=Patience(0, 0))
    (view,) = await late.decide(APPROVER, TENANT, [an_id("large")], Directive.APPROVE, "")
    assert (view.status, view.reason) == (Status.EXPIRED, reasons.NOT_HELD)
    assert world.custody.calls == 0


async def test_a_deposit_outlives_ids_that_custody_has_burnt(world: World) -> None:
    """While the bank mirror is frozen both ids fail for good; thawed, the money comes to suspense, once."""
    move = world.custody._move
    world.custody._move = lambda transfer: "debit_account_frozen"  # type: ignore[method-assign]
    await take_in_now(world, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))
    await world.until(lambda: len(world.custody.failed) >= 3)
    world.custody._move = move  # type: ignore[method-assign]
    await world.until(lambda: world.custody.balances.get(SUSPENSE) == 5_00)
    await world.until(lambda: not world.states.deposits.evidence)
    assert world.custody.balances[an_id("boris account")] == 0


async def take_in_now(world: World, content: bytes) -> None:
    """Hands in a notification without waiting for custody."""
    await world.application.statements.receiving.take_in(BANK_FEED, content)
