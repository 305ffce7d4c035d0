"""Transfers that rest on the bank's word alone: each is proven by one entry or answer, or is a finding."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.evidence.adapters.proof_model import ProofModel
from ringfence_audit.evidence.application import passing
from ringfence_audit.evidence.domain.bookings import Flaw, reserving_transfer
from ringfence_audit.log.adapters.carrying_over import carry_over
from ringfence_audit.log.application.sources import SourceAway
from ringfence_audit.log.domain.events import ReadRecorded
from ringfence_audit.log.domain.leaf import encode
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.recorded import Recorded
from ringfence_protos.audit.v1 import audit_pb2
from structlog.testing import capture_logs

from .banking import ALLOCATION, FAIL, FEED, OTHER_BOOK, SUSPENSE, VOID, Bank
from .conftest import ORIGIN, Audit, running
from .feeds import BOOK, identifier
from .stories import FLAWED, SOUND, paid, sound_refused_client
from .test_audit_state_leaf import sign_in_first_format

CONTEXT: Any = None
REGULATOR = identifier("regulator")


@pytest.fixture
def bank() -> Bank:
    """Two books, whose bank has told of an entry of 100 cents in one of them."""
    made = Bank()
    made.open()
    made.open(OTHER_BOOK)
    made.deposit("first", "first")
    made.tell("first")
    return made


@pytest.fixture
async def log(audit_store: EventStore, bank: Bank) -> AsyncIterator[Audit]:
    """A log over both services."""
    async with running(audit_store, [bank.custody, bank.payments]) as started:
        yield started


async def judged(log: Audit, bank: Bank) -> dict[str, str]:
    """Takes all over, custody first, lets the log pass both; returns flaws by transfer."""
    await log.follow(bank.custody)
    await log.prove()
    await log.follow(bank.payments)
    await passed(log)
    return found(log)


async def passed(log: Audit) -> None:
    """Has the log notice that it has passed the sources."""
    await log.prove()
    await log.passing.look()
    await log.prove()


def found(log: Audit) -> dict[str, str]:
    """Returns the flaws by transfer; `a` is what the order of that name asked for."""
    ordered = {reserving_transfer(BOOK, identifier("a")): b"a"}
    findings = [(each.booking.transfer, each.flaw.name) for each in log.findings.find(None, (0, 0), 1_000)]
    return {ordered.get(transfer, transfer).decode().rstrip("."): flaw for transfer, flaw in findings}


@pytest.mark.parametrize("story", SOUND, ids=lambda story: story.__name__)
@pytest.mark.parametrize("custody_first", [True, False], ids=["custody first", "words first"])
async def test_what_the_bank_has_said_is_no_finding(
    log: Audit, bank: Bank, story: Callable[[Bank], None], custody_first: bool
) -> None:
    """Whichever feed is read first, and each event of it by itself; nothing stays open either."""
    story(bank)
    feeds = [bank.custody, bank.payments] if custody_first else [bank.payments, bank.custody]
    for feed in feeds:
        while (after := log.log.head(feed.source).position) < len(feed.events):
            await log.take_over(await feed.page(after, 1))
            await log.prove()
    await passed(log)
    assert found(log) == {}
    assert log.findings.counts().open == 0


@pytest.mark.parametrize("story", FLAWED, ids=lambda story: story.__name__)
async def test_what_the_bank_has_not_said_is_a_finding(log: Audit, bank: Bank, story: Callable[[Bank], None]) -> None:
    """One finding, with its reason; what was sound beside it stays so, and a rebuild finds the same."""
    story(bank)
    transfer, flaw = FLAWED[story]
    assert await judged(log, bank) == {transfer: flaw.name}
    assert log.findings.counts().open == 0
    report = rebuild(log.store, ORIGIN, compare=True)
    assert not any(report.differences.values()), report.differences


async def test_every_flaw_has_a_story() -> None:
    """None is only written down."""
    assert {flaw for _, flaw in FLAWED.values()} == set(Flaw)


async def test_nothing_is_a_finding_before_the_log_has_passed_both_sources(log: Audit, bank: Bank) -> None:
    """The word may come later than the transfer, however long that takes; it is waited for as long as it can come."""
    bank.tell("late")
    bank.deposit("t", "late")
    bank.deposit("invented", "invented")
    await log.follow(bank.custody)
    for _ in range(3):
        await passed(log)
    assert (found(log), log.findings.counts().open) == ({}, 3)
    bank.payments.away = True
    log.passing._seen = None
    with pytest.raises(SourceAway):
        await log.passing.look()
    bank.payments.away = False
    await log.passing.look()
    await log.follow(bank.payments)
    await passed(log)
    assert found(log) == {"invented": "ENTRY_UNKNOWN"}
    before = log.store.head()
    await passed(log)
    assert log.store.head() == before, "nothing is noted while nothing waits"


async def test_what_custody_books_after_the_sources_were_asked_is_not_judged_with_them(log: Audit, bank: Bank) -> None:
    """A word that comes with a booking after the question is not missed."""
    await log.follow(bank.custody)
    await log.prove()
    await log.passing.look()
    bank.tell("later")
    bank.deposit("t", "later")
    bank.custody.events, rest = bank.custody.events[:-1], bank.custody.events[-1:]
    await log.follow(bank.custody)
    bank.custody.events += rest
    bank.payments.events, word = bank.payments.events[:-1], bank.payments.events[-1:]
    await log.follow(bank.payments)
    await passed(log)
    assert (found(log), log.findings.counts().open) == ({}, 1)
    bank.payments.events += word
    assert await judged(log, bank) == {}


async def test_findings_survive_a_restart(audit_store: EventStore, bank: Bank) -> None:
    """What is open and what was found goes on where it stood, from tables and log alone."""
    bank.tell("e")
    bank.deposit("sound", "e")
    async with running(audit_store, [bank.custody, bank.payments]) as first:
        await first.follow(bank.custody)
        await first.prove()
        assert first.findings.counts().open == 2
    bank.deposit("t", "e")
    async with running(audit_store, [bank.custody, bank.payments]) as second:
        assert await judged(second, bank) == {"t": "BOOKED_BEFORE"}
    async with running(audit_store, [bank.custody, bank.payments]) as third:
        assert found(third) == {"t": "BOOKED_BEFORE"}
        bank.deposit("t2", "e")
        assert await judged(third, bank) == {"t": "BOOKED_BEFORE", "t2": "BOOKED_BEFORE"}


async def test_what_an_earlier_release_has_booked_could_name_nothing(audit_store: EventStore) -> None:
    """Before custody first shows that it names evidence nothing is missed; from then on it is."""
    bank = Bank()
    bank.open()
    bank.book("old")
    bank.book("old allocation", debit=SUSPENSE, code=ALLOCATION)
    async with running(audit_store, [bank.custody, bank.payments]) as log:
        assert await judged(log, bank) == {}
        bank.tell("e")
        bank.deposit("new", "e")
        bank.book("t")
        assert await judged(log, bank) == {"t": "EVIDENCE_NOT_NAMED"}


def test_a_transfer_has_the_id_that_payment_instruction_gives_it() -> None:
    """The same vector is held by payment-instruction's tests: one side alone cannot change."""
    assert reserving_transfer(b"platform-of-test", b"instruction-id-x").hex() == "b1c90a526720fc557586da7d5e06c076"


async def test_a_window_is_no_sign_that_evidence_is_named(audit_store: EventStore) -> None:
    """custody is new and payment-instruction is not: what it settles by then could not name anything yet."""
    bank = Bank()
    bank.open()
    bank.open(OTHER_BOOK)
    bank.window(book=OTHER_BOOK)
    paid(bank)
    bank.end("pay", rests=False)
    bank.book("old allocation", debit=SUSPENSE, code=ALLOCATION)
    async with running(audit_store, [bank.custody, bank.payments]) as log:
        assert await judged(log, bank) == {}


@pytest.mark.parametrize("status", [10, 11, 12], ids=["REJECTED", "CANCELLED", "EXPIRED"])
async def test_a_payment_that_has_ended_is_forgotten(log: Audit, bank: Bank, status: int) -> None:
    """Be it refused before custody heard of it or taken back; one that goes on is kept until its money has left."""
    for payment in ("ended", "pay", "failed"):
        bank.order(payment)
    bank.step("ended", status)
    bank.step("pay", 7)
    bank.reserve("failed")
    bank.answer("failed", FAIL)
    bank.step("failed", 13)
    await log.follow(bank.payments)
    await log.prove()
    assert payments_kept(log) == {"pay", "failed"}
    bank.end("failed", flags=VOID)
    bank.reserve("pay")
    bank.answer("pay")
    bank.end("pay")
    assert await judged(log, bank) == {}
    assert payments_kept(log) == set()


@pytest.mark.parametrize("custody_first", [True, False], ids=["custody first", "words first"])
async def test_what_was_given_back_is_forgotten(log: Audit, bank: Bank, custody_first: bool) -> None:
    """A return is both a payment and a use of its entry: its order is kept for either, and what is a finding's too."""
    sound_refused_client(bank)
    bank.allocate("a", "e", 1)
    feeds = [bank.custody, bank.payments] if custody_first else [bank.payments, bank.custody]
    for feed in feeds:
        await log.follow(feed)
    await passed(log)
    assert (found(log), payments_kept(log)) == ({"a": "ALLOCATED_BEYOND"}, {"a"})


def payments_kept(log: Audit) -> set[str]:
    """Returns the payments that the proof has a row of; those of the stories."""
    names = {reserving_transfer(BOOK, identifier(name)): name for name in ("a", "back", "ended", "pay", "failed")}
    with log.store.connection() as connection:
        rows = connection.execute("SELECT transfer_id FROM evidence_payments").fetchall()
    return {names[bytes(row["transfer_id"])] for row in rows}


async def test_one_books_finding_holds_up_no_other(log: Audit, bank: Bank) -> None:
    """Of two books one is full of inventions; the other's deposits are proven as ever."""
    for number in range(30):
        bank.deposit(f"t{number}", f"invented {number}")
        bank.tell(f"e{number}", book=OTHER_BOOK)
        bank.deposit(f"s{number}", f"e{number}", book=OTHER_BOOK)
    assert set(await judged(log, bank)) == {f"t{number}" for number in range(30)}
    assert log.findings.counts().open == 0


async def test_a_leaf_without_a_field_says_nothing(log: Audit, bank: Bank) -> None:
    """A directive for no instruction, as somebody may publish it, holds up nothing."""
    event = {
        "tenant": BOOK, "submission_id": identifier("batch"), "directive": 7, "instruction_ids": bytes(16),
        "indexes": bytes(4), "reason": "", "details": {}, "actor": b"", "evidence": b"e" * 32, "reference": "",
        "note": "",
    }  # fmt: skip
    bank.payments.add("InstructionsDirected.v1", event)
    bank.deposit("t", "invented")
    assert await judged(log, bank) == {"t": "ENTRY_UNKNOWN"}


async def test_a_regulator_lists_what_was_found(log: Audit, bank: Bank) -> None:
    """Page by page, of all books or of one, with what proves it; the read is a fact itself."""
    for number in range(3):
        bank.deposit(f"t{number}", f"invented {number}", 100 + number)
    bank.deposit("other", "invented", book=OTHER_BOOK)
    await judged(log, bank)

    async def listed(**asked: Any) -> list[audit_pb2.UnprovenTransfer]:
        transfers, token = list[audit_pb2.UnprovenTransfer](), ""
        while True:
            request = audit_pb2.ListUnprovenTransfersRequest(page_size=2, page_token=token, **asked)
            page = await log.servicer.ListUnprovenTransfers(request, CONTEXT)
            assert (page.judged_leaves, page.open) == (log.passing.state.judged, 0)
            transfers += page.transfers
            if not (token := page.next_page_token):
                return transfers

    log.proof.position = log.store.head().position + 100
    everything = await listed()
    assert [each.transfer_id for each in everything] == [identifier(name) for name in ("t0", "t1", "t2", "other")]
    assert [each.transfer_id for each in await listed(tenant_id=OTHER_BOOK)] == [identifier("other")]
    newest = everything[2]
    assert (newest.flaw, newest.move, newest.amount_minor) == (
        audit_pb2.FLAW_ENTRY_UNKNOWN,
        audit_pb2.MIRROR_MOVE_IN,
        102,
    )
    assert (newest.entry_id, newest.feed_id) == (identifier("invented 2"), FEED)
    assert log.store.read(log.store.head().position - 1, 1)[0].topic == "ReadRecorded.v1"


async def test_each_finding_is_named_once_in_the_process_log(
    log: Audit, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its reason and transfer, be there more than are read at once."""
    monkeypatch.setattr(passing, "NAMED_AT_ONCE", 2)
    for number in range(5):
        bank.deposit(f"t{number}", f"invented {number}")
    assert log.passing._by_flaw() == [], "nothing is shown before the first look"
    with capture_logs() as lines:
        await judged(log, bank)
        for _ in range(2):
            await log.passing.look()
    named = [each["leaf"] for each in lines if each["event"] == "evidence_unproven"]
    assert named == sorted(set(named))
    assert len(named) == 5
    counted = {attributes["ringfence.flaw"]: value for value, attributes in log.passing._by_flaw()}
    assert {flaw: value for flaw, value in counted.items() if value} == {"ENTRY_UNKNOWN": 5}
    assert set(counted) == {flaw.name for flaw in Flaw}


async def test_what_cannot_be_judged_grows_old(log: Audit, bank: Bank) -> None:
    """A source that is not passed shows by the age of what waits for it; nothing waits, nothing is old."""
    await log.passing.look()
    assert log.passing._age() == [(0, {})]
    bank.deposit("t", "invented", late_ns=-86_400 * 10**9)
    await log.follow(bank.custody)
    await log.prove()
    await log.passing.look()
    assert log.passing._age() == [(3_600, {})], "since the log has it, however old it is"
    await judged(log, bank)
    await log.passing.look()
    assert log.passing._age() == [(0, {})]


async def test_a_log_that_may_be_taken_back_judges_nothing(log: Audit, bank: Bank) -> None:
    """The release before cannot read that sources are passed: what waits is judged once the log is carried over."""
    bank.deposit("invented", "invented")
    await log.follow(bank.custody)
    await sign_in_first_format(log)
    assert await judged(log, bank) == {}
    await passed(log)
    assert (found(log), log.findings.counts().open) == ({}, 1)
    assert await asyncio.to_thread(carry_over, log.store)
    await log.record_read(bytes(16), "Search", {})  # whoever leads hears of it with what it writes next
    await passed(log)
    await passed(log)
    assert found(log) == {"invented": "ENTRY_UNKNOWN"}


def test_reads_cost_the_proof_no_query() -> None:
    """What nobody's bookings depend on is passed by without the tables."""
    read = ReadRecorded(7, encode("audit.read.v1", {"method": "GetReceipt"}), b"r" * 32)
    ProofModel().project(None, [Recorded(1, b"s" * 16, 1, read, 1, "")])
