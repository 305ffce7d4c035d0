"""What is closed leaves memory, and is known all the same: the same id gets the same answer, however long ago."""

from __future__ import annotations

import pytest
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.modules import ModuleStates, event_codec
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import transfer_id_of

from .closing import REST, fill, get, is_same, settle, stream_named
from .messages import camt_054, entry, pain_001
from .test_payment_application import bank_answers
from .world import (
    ANNA,
    APPROVER,
    BANK,
    BANK_FEED,
    BORIS,
    PLATFORM,
    STRANGER,
    TENANT,
    World,
    an_id,
    order,
)


async def test_memory_holds_what_is_open_and_a_little_of_what_was(small: World) -> None:
    """After a dozen settled payments three are in memory, and so are the versions of their streams alone."""
    await settle(small, *(f"p{number}" for number in range(12)))
    await small.submit_batch(PLATFORM, an_id("s held"), [order("held", 600_00)])
    await small.reaches("held", Status.HELD)
    state = small.states.submissions
    assert (len(state.submissions), state.resting_rows) == (REST + 1, REST)
    assert sum(stream in small.writer.versions for stream in map(stream_named, (f"p{n}" for n in range(12)))) == REST
    assert await get(small, "p0", "p5", "p11") == [(Status.SETTLED, "")] * 3
    assert await is_same(small) == {}


@pytest.mark.parametrize("restarts", [False, True])
async def test_the_same_id_gets_the_first_answer(small: World, restarts: bool) -> None:
    """A submission sent again long after it has closed is answered as first, by a process that was killed too."""
    first = await small.submit_batch(PLATFORM, an_id("s a"), [order("a", 1), order("b", 600_00, currency="XXX")])
    await fill(small)
    if restarts:
        await small.restart()
    assert small.states.submissions.submission(stream_named("a")) is None
    balance = small.custody.balances[an_id("boris account")]
    again = await small.submit_batch(PLATFORM, an_id("s a"), [order("a", 1), order("b", 600_00, currency="XXX")])
    assert again == first
    with pytest.raises(SubmissionConflict):
        await small.submit_batch(PLATFORM, an_id("s a"), [order("a", 2)])
    assert small.custody.balances[an_id("boris account")] == balance
    assert await is_same(small) == {}


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_instruction_id_is_used_once_for_ever(small: World, restarts: bool) -> None:
    """Another submission with the id of a closed payment is refused row by row, and the id still means the first."""
    await settle(small, "a")
    await fill(small)
    if restarts:
        await small.restart()
    (view, fresh) = await small.submit_batch(PLATFORM, an_id("s other"), [order("a", 5), order("c", 1)])
    assert (view.status, view.reason) == (Status.REJECTED, reasons.DUPLICATE_INSTRUCTION_ID)
    assert fresh.status == Status.AUTHENTICATED
    await small.reaches("c", Status.SETTLED)
    assert await get(small, "a") == [(Status.SETTLED, "")]
    await fill(small)
    assert await get(small, "a") == [(Status.SETTLED, "")]
    assert await is_same(small) == {}


async def test_a_decision_on_what_has_closed_is_answered_as_ever(small: World) -> None:
    """Who cancels too late is told so; who approved before approves again without effect."""
    await small.submit_batch(PLATFORM, an_id("s held"), [order("held", 600_00)])
    await small.reaches("held", Status.HELD)
    decide = small.application.approvals.decide
    await decide(APPROVER, TENANT, [an_id("held")], Directive.APPROVE, "")
    await small.reaches("held", Status.SETTLED)
    await fill(small)
    before = small.writer.head.position
    (cancelled,) = await decide(PLATFORM, TENANT, [an_id("held")], Directive.CANCEL, "")
    (approved,) = await decide(APPROVER, TENANT, [an_id("held")], Directive.APPROVE, "")
    assert (cancelled.status, cancelled.reason) == (Status.SETTLED, reasons.ALREADY_RELEASED)
    assert (approved.status, approved.reason) == (Status.SETTLED, "")
    assert small.writer.head.position == before


async def test_a_bank_tells_of_a_payment_that_has_left_memory(small: World) -> None:
    """Its debit on the account reconciles the payment once, and the file again is all duplicates."""
    await small.submit_batch(PLATFORM, an_id("s out"), [order("out", 10_00, creditor=STRANGER)])
    await small.reaches("out", Status.SENT)
    transaction = transfer_id_of(TENANT, an_id("out")).hex()
    bank_answers(small, "out", "ACSC")
    await small.reaches("out", Status.SETTLED)
    await fill(small)
    assert small.states.submissions.submission(stream_named("out")) is None
    debit = camt_054("N-1", BANK, entry("D1", "10.00", direction="DBIT", transaction_id=transaction))
    hand_in = small.application.statements.receiving.hand_in
    counts = await hand_in(BANK_FEED, debit)
    assert (counts.confirmed, counts.duplicates) == (1, 0)
    assert await get(small, "out") == [(Status.RECONCILED, "")]
    assert small.states.submissions.submission(stream_named("out")) is None
    counts = await hand_in(BANK_FEED, debit)
    assert (counts.confirmed, counts.duplicates) == (0, 1)
    second = camt_054("N-2", BANK, entry("D2", "10.00", direction="DBIT", transaction_id=transaction))
    assert (await hand_in(BANK_FEED, second)).confirmed == 0
    assert await is_same(small) == {}
    await small.restart()
    assert await get(small, "out") == [(Status.RECONCILED, "")]


async def test_a_message_is_no_payment(small: World) -> None:
    """A bank that names a message of ours where a payment belongs means nothing, and confirms nothing."""
    await small.submit_batch(PLATFORM, an_id("s out"), [order("out", 10_00, creditor=STRANGER)])
    await small.reaches("out", Status.SENT)
    submission = small.states.submissions.known(stream_named("out"))
    message = submission.references[0].removeprefix("RF")
    debit = camt_054("N-1", BANK, entry("D1", "10.00", direction="DBIT", transaction_id=message))
    counts = await small.application.statements.receiving.hand_in(BANK_FEED, debit)
    assert (counts.confirmed, counts.duplicates) == (0, 0)
    assert small.states.submissions.sent(message) is None
    assert small.status("out") is Status.SENT


async def test_a_deposit_is_known_when_its_file_has_left_memory(small: World) -> None:
    """Nothing of a posted file is kept, and an entry in whatever file it comes again moves nothing."""
    hand_in = small.application.statements.receiving.hand_in
    assert (await hand_in(BANK_FEED, camt_054("N-1", BANK, entry("R1", "5.00", BORIS)))).credited == 1
    await small.until(lambda: not small.states.deposits.evidence)
    again = (await small.restart()).statements.receiving.hand_in
    assert (await again(BANK_FEED, camt_054("N-2", BANK, entry("R1", "5.00", BORIS)))).duplicates == 1
    assert small.custody.balances[an_id("boris account")] == 5_00
    assert await is_same(small) == {}


async def test_a_refused_file_gets_its_first_report_again(small: World) -> None:
    """Byte for byte, when it has left memory too; other bytes under its message id have an answer of their own."""
    content = pain_001("BAD-1", ANNA, ("A", "10.00", BORIS), count=2)
    first = await small.submit_file(PLATFORM, content)
    await fill(small)
    assert small.states.submissions.refused_files == {}
    assert await small.submit_file(PLATFORM, content) == first
    other = await small.submit_file(PLATFORM, pain_001("BAD-1", ANNA, ("A", "11.00", BORIS), count=2))
    assert b"AM18" in other.status_report
    assert await is_same(small) == {}


async def test_the_table_is_what_keeps_a_closed_id(small: World) -> None:
    """Without its row the id would be new: the proof that memory does not secretly hold it."""
    await settle(small, "a")
    await fill(small)
    with small.store.connection() as connection:
        connection.execute("DELETE FROM known_ids")
    (view,) = await small.submit_batch(PLATFORM, an_id("s other"), [order("a", 5)])
    assert view.status == Status.AUTHENTICATED
    assert (await is_same(small)).keys() == {"known_ids"}


async def test_a_snapshot_brings_back_the_same_state(small: World) -> None:
    """Open work, what rests, lists and files come back from a snapshot as events gave them, and go on alike."""
    await settle(small, "a", "b", "c", "d")
    await small.submit_file(PLATFORM, pain_001("BAD-1", ANNA, ("A", "10.00", BORIS), count=2))
    await small.submit_batch(PLATFORM, an_id("s mixed"), [order("held", 600_00), order("out", creditor=STRANGER)])
    await small.reaches("out", Status.SENT)
    sections = [(name, bytes(content)) for name, content in small.states.together().save()]
    states = ModuleStates(State(small.application.submissions.submissions.archive.reopen, REST))  # type: ignore[attr-defined]
    states.together().restore({name: memoryview(content) for name, content in sections})
    assert states.together().digest() == small.states.together().digest()
    head = small.writer.head.position
    await small.application.approvals.decide(APPROVER, TENANT, [an_id("held")], Directive.APPROVE, "")
    await small.reaches("held", Status.SETTLED)
    bank_answers(small, "out", "ACSC")
    await small.reaches("out", Status.SETTLED)
    for recorded in small.store.replay(event_codec(), head):
        states.together().apply(recorded, Journal())
    assert states.together().digest() == small.states.together().digest()
