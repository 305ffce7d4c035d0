"""The published reference of create_transfers, case by case: accounts before, transfers, results, balances after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ringfence_custody.domain.digest import digest
from ringfence_custody.domain.rules import AccountClass
from ringfence_custody.domain.statuses import AMOUNT_MAX, CreateTransferStatus, TransferFlag
from ringfence_kernel.ids import MAX_ID

from .ledger import CLOSURE, CZK, DEPOSIT, PAYMENT, SECOND, WITHDRAWAL, Ledger, Row

F = TransferFlag
MAX = 2**63 - 1


@pytest.fixture
def ledger() -> Ledger:
    """Two clients with 1,000 each, one with nothing, one in another currency."""
    ledger = Ledger()
    for name in ("alice", "bob", "carol"):
        ledger.account(name)
    ledger.account("karel", ledger=CZK)
    ledger.fund("alice", 1_000)
    ledger.fund("bob", 1_000)
    assert ledger.send(Row("reserved", "alice", "bob", 300, F.PENDING, timeout=60)) == ["created"]
    assert ledger.send(Row("plain", "alice", "bob", 10)) == ["created"]
    return ledger


PAY = Row("new", "alice", "bob", 100)
RESERVE = replace(PAY, flags=F.PENDING)
POST = Row("new", flags=F.POST_PENDING_TRANSFER, pending_id="reserved", amount=AMOUNT_MAX, code=0, ledger=0)
VOID = replace(POST, flags=F.VOID_PENDING_TRANSFER, amount=0)

REFUSALS = {
    "reserved_flag": replace(PAY, flags=256),
    "id_must_not_be_zero": replace(PAY, id=bytes(16)),
    "id_must_not_be_int_max": replace(PAY, id=MAX_ID),
    "debit_account_id_must_not_be_zero": replace(PAY, debit=bytes(16)),
    "debit_account_id_must_not_be_int_max": replace(PAY, debit=MAX_ID),
    "credit_account_id_must_not_be_zero": replace(PAY, credit=bytes(16)),
    "credit_account_id_must_not_be_int_max": replace(PAY, credit=MAX_ID),
    "accounts_must_be_different": replace(PAY, credit="alice"),
    "pending_id_must_be_zero": replace(PAY, pending_id="reserved"),
    "timeout_reserved_for_pending_transfer": replace(PAY, timeout=1),
    "closing_transfer_must_be_pending": replace(PAY, flags=F.CLOSING_DEBIT),
    "ledger_must_not_be_zero": replace(PAY, ledger=0),
    "code_must_not_be_zero": replace(PAY, code=0),
    "debit_account_not_found": replace(PAY, debit="nobody"),
    "credit_account_not_found": replace(PAY, credit="nobody"),
    "accounts_must_have_the_same_ledger": replace(PAY, credit="karel"),
    "transfer_must_have_the_same_ledger_as_accounts": replace(PAY, ledger=CZK),
    "purpose_unknown": replace(PAY, code=999),
    "account_class_mismatch": replace(PAY, code=DEPOSIT),
    "mandate_missing": replace(PAY, user_data_128=bytes(16)),
    "exceeds_credits": replace(PAY, amount=691),
    "exceeds_debits": replace(PAY, credit="bank 2", code=WITHDRAWAL),
    "overflows_debits_pending": replace(RESERVE, amount=MAX),
    "overflows_credits_pending": replace(RESERVE, debit="carol", amount=MAX),
    "overflows_debits_posted": replace(PAY, amount=MAX),
    "overflows_credits_posted": replace(PAY, debit="carol", amount=MAX),
    "overflows_debits": replace(PAY, credit="carol", amount=MAX - 20),
    "overflows_credits": replace(PAY, debit="carol", amount=MAX - 1_100),
    "overflows_timeout": replace(RESERVE, timeout=2**32 - 1),
    "flags_are_mutually_exclusive": replace(POST, flags=F.POST_PENDING_TRANSFER | F.PENDING),
    "pending_id_must_not_be_zero": replace(POST, pending_id=""),
    "pending_id_must_not_be_int_max": replace(POST, pending_id=MAX_ID),
    "pending_id_must_be_different": replace(POST, pending_id="new"),
    "pending_transfer_not_found": replace(POST, pending_id="nothing"),
    "pending_transfer_not_pending": replace(POST, pending_id="plain"),
    "pending_transfer_has_different_debit_account_id": replace(POST, debit="carol"),
    "pending_transfer_has_different_credit_account_id": replace(POST, credit="carol"),
    "pending_transfer_has_different_ledger": replace(POST, ledger=CZK),
    "pending_transfer_has_different_code": replace(POST, code=DEPOSIT),
    "exceeds_pending_transfer_amount": replace(POST, amount=301),
    "pending_transfer_has_different_amount": replace(VOID, amount=299),
}


@pytest.mark.parametrize("status", REFUSALS)
def test_a_transfer_is_refused_by_name(ledger: Ledger, status: str) -> None:
    """Every refusal of a single transfer has its published name and moves nothing."""
    ledger.account("bank 2", AccountClass.BANK_MIRROR)
    if status == "overflows_timeout":
        ledger.now_ns = MAX - 2**32 * SECOND + 2 * SECOND
    before = [ledger.balances(name) for name in ("alice", "bob", "carol", "karel")]
    assert ledger.send(REFUSALS[status]) == [status]
    assert [ledger.balances(name) for name in ("alice", "bob", "carol", "karel")] == before


PRECEDENCE = [
    (replace(PAY, flags=256, id=bytes(16)), "reserved_flag"),
    (replace(PAY, id="plain", flags=256), "reserved_flag"),
    (replace(PAY, id="plain", debit=bytes(16), ledger=0), "exists_with_different_debit_account_id"),
    (replace(PAY, id="plain", ledger=0, amount=10), "exists_with_different_ledger"),
    (replace(POST, flags=F.POST_PENDING_TRANSFER | F.PENDING, pending_id=""), "flags_are_mutually_exclusive"),
    (replace(PAY, debit=bytes(16), credit=bytes(16)), "debit_account_id_must_not_be_zero"),
    (replace(PAY, credit="alice", timeout=5), "accounts_must_be_different"),
    (replace(PAY, flags=F.CLOSING_DEBIT, timeout=5), "timeout_reserved_for_pending_transfer"),
    (replace(PAY, flags=F.CLOSING_DEBIT, ledger=0), "closing_transfer_must_be_pending"),
    (replace(PAY, ledger=0, code=0), "ledger_must_not_be_zero"),
    (replace(PAY, debit="nobody", credit="none"), "debit_account_not_found"),
    (replace(PAY, credit="none", code=999), "credit_account_not_found"),
    (replace(PAY, code=999, user_data_128=bytes(16)), "purpose_unknown"),
    (replace(PAY, code=DEPOSIT, user_data_128=bytes(16)), "account_class_mismatch"),
    (replace(PAY, user_data_128=bytes(16), amount=MAX), "mandate_missing"),
    (replace(RESERVE, amount=MAX, timeout=2**32 - 1), "overflows_debits_pending"),
    (replace(PAY, debit="carol", amount=MAX), "overflows_credits_posted"),
    (replace(POST, timeout=1, pending_id="nothing"), "timeout_reserved_for_pending_transfer"),
    (replace(POST, debit="carol", amount=900), "pending_transfer_has_different_debit_account_id"),
    (replace(POST, credit="carol", ledger=CZK), "pending_transfer_has_different_credit_account_id"),
]


@pytest.mark.parametrize(("row", "status"), PRECEDENCE)
def test_the_first_refusal_of_several_is_answered(ledger: Ledger, row: Row, status: str) -> None:
    """When several refusals apply, the one that the reference lists first is the answer."""
    assert ledger.send(row) == [status]


STORED = Row("stored", "alice", "bob", 100, F.PENDING, timeout=30, user_data_64=7, value_date=20_000)
DIFFERENCES = {
    "exists": STORED,
    "exists_with_different_flags": replace(STORED, flags=0, pending_id="plain", timeout=1),
    "exists_with_different_pending_id": replace(STORED, pending_id="plain", timeout=1),
    "exists_with_different_timeout": replace(STORED, timeout=1, debit="carol"),
    "exists_with_different_debit_account_id": replace(STORED, debit="carol", credit="alice"),
    "exists_with_different_credit_account_id": replace(STORED, credit="carol", amount=1),
    "exists_with_different_amount": replace(STORED, amount=99, user_data_64=1),
    "exists_with_different_user_data_128": replace(STORED, user_data_128=bytes(16), user_data_64=1),
    "exists_with_different_user_data_64": replace(STORED, user_data_64=1, ledger=CZK),
    "exists_with_different_ledger": replace(STORED, ledger=CZK, code=DEPOSIT),
    "exists_with_different_code": replace(STORED, code=DEPOSIT, value_date=1),
    "exists_with_different_value_date": replace(STORED, value_date=1),
}


@pytest.mark.parametrize("status", DIFFERENCES)
@pytest.mark.parametrize("again", ["same batch", "same commit", "later", "after a restart"])
def test_a_resent_id_is_compared_with_what_is_stored(ledger: Ledger, status: str, again: str) -> None:
    """A resent id answers exists, or the first field that differs, wherever the first one is."""
    if again == "same batch":
        assert ledger.send(STORED, DIFFERENCES[status])[1:] == [status]
        return
    first = ledger.decide(STORED)
    if again != "same commit":
        ledger.commit()
    if again == "after a restart":
        ledger.book = ledger.replayed()
    outcome = ledger.decide(DIFFERENCES[status])
    assert CreateTransferStatus(outcome.status[0]).name.lower() == status
    if status == "exists":
        assert outcome.timestamp_ns[0] == first.timestamp_ns[0]


def test_a_value_date_left_out_is_not_compared(ledger: Ledger) -> None:
    """A retry on a later day, with the value date left to the ledger, is the same transfer."""
    assert ledger.send(Row("today", "alice", "bob", 1)) == ["created"]
    ledger.advance(86_400)
    assert ledger.send(Row("today", "alice", "bob", 1)) == ["exists"]


TRANSIENT = {
    "debit_account_not_found": replace(PAY, debit="later"),
    "credit_account_not_found": replace(PAY, credit="later"),
    "pending_transfer_not_found": replace(POST, pending_id="later"),
    "exceeds_credits": replace(PAY, debit="carol"),
    "exceeds_debits": replace(PAY, credit="bank 2", code=WITHDRAWAL),
    "debit_account_already_closed": replace(PAY, debit="closed"),
    "credit_account_already_closed": replace(PAY, credit="closed"),
}


@pytest.mark.parametrize("status", TRANSIENT)
@pytest.mark.parametrize("restart", [False, True])
def test_a_transient_refusal_burns_the_id(ledger: Ledger, status: str, restart: bool) -> None:
    """Seven published refusals make the id answer id_already_failed for ever after, even once the cause is gone."""
    ledger.account("bank 2", AccountClass.BANK_MIRROR)
    ledger.account("closed", flags=32)
    assert ledger.send(TRANSIENT[status]) == [status]
    ledger.account("later")
    ledger.fund("carol", 1_000)
    ledger.fund("bob", 1)
    if restart:
        ledger.book = ledger.replayed()
    assert ledger.send(TRANSIENT[status], PAY) == ["id_already_failed", "id_already_failed"]


def test_a_refusal_that_is_not_transient_leaves_the_id(ledger: Ledger) -> None:
    """Overflows, mismatches and malformed rows may be corrected and sent again under the same id."""
    assert ledger.send(replace(PAY, amount=MAX)) == ["overflows_debits_posted"]
    assert ledger.send(replace(PAY, ledger=CZK)) == ["transfer_must_have_the_same_ledger_as_accounts"]
    assert ledger.send(PAY) == ["created"]


def test_post_all_part_or_nothing(ledger: Ledger) -> None:
    """The maximum posts all that is pending, 0 posts nothing and releases all, less posts that much."""
    for name in ("all", "part", "nothing"):
        assert ledger.send(replace(RESERVE, id=name)) == ["created"]
    assert ledger.send(replace(POST, id="p1", pending_id="all")) == ["created"]
    assert ledger.send(replace(POST, id="p2", pending_id="part", amount=40)) == ["created"]
    assert ledger.send(replace(POST, id="p3", pending_id="nothing", amount=0)) == ["created"]
    assert ledger.balances("alice") == (300, 150, 0, 1_000)
    assert ledger.send(replace(POST, id="p1", pending_id="all", amount=100)) == ["exists"]
    assert ledger.send(replace(POST, id="p1", pending_id="all")) == ["exists"]
    assert ledger.send(replace(POST, id="p2", pending_id="part")) == ["exists_with_different_amount"]


def test_what_is_resolved_is_resolved_once(ledger: Ledger) -> None:
    """A pending transfer is posted or voided once; amounts are checked before that, as the reference has it."""
    assert ledger.send(replace(VOID, id="v")) == ["created"]
    assert ledger.send(POST, replace(POST, id="n", amount=301)) == [
        "pending_transfer_already_voided",
        "exceeds_pending_transfer_amount",
    ]
    assert ledger.send(replace(RESERVE, id="r"), replace(POST, id="p", pending_id="r", amount=7)) == ["created"] * 2
    assert ledger.send(replace(VOID, id="w", pending_id="r")) == ["pending_transfer_already_posted"]
    assert ledger.balances("alice") == (0, 17, 0, 1_000)


def test_post_and_void_within_the_batch_of_the_reservation(ledger: Ledger) -> None:
    """What a batch reserves it may resolve, and its fate is known at once and after a restart."""
    rows = (
        replace(RESERVE, id="r"),
        replace(POST, id="p", pending_id="r"),
        replace(VOID, id="v", pending_id="r"),
        Row("refused", "carol", "bob", 5),
        replace(RESERVE, id="s"),
    )
    assert ledger.send(*rows) == [
        "created",
        "created",
        "pending_transfer_already_posted",
        "exceeds_credits",
        "created",
    ]
    for book in (ledger.book, ledger.replayed()):
        ledger.book = book
        assert ledger.send(replace(VOID, id="v2", pending_id="r")) == ["pending_transfer_already_posted"]
    assert ledger.send(replace(VOID, id="v3", pending_id="s")) == ["created"]


def test_expiry_is_exact_and_its_money_returns_with_the_event(ledger: Ledger) -> None:
    """A pending transfer cannot be posted from its deadline on; the reservation stands until the expiry's event."""
    ledger.advance(59)
    assert ledger.send(Row("early", flags=F.POST_PENDING_TRANSFER, pending_id="reserved", amount=301)) == [
        "exceeds_pending_transfer_amount"
    ]
    ledger.advance(2)
    assert ledger.send(POST) == ["pending_transfer_expired"]
    assert ledger.balances("alice")[0] == 300
    ledger.expire()
    assert ledger.balances("alice")[0] == 0
    for book in (ledger.book, ledger.replayed()):
        ledger.book = book
        assert ledger.send(POST) == ["pending_transfer_expired"]
        assert ledger.send(replace(POST, amount=301)) == ["exceeds_pending_transfer_amount"]


def test_linked_chain_succeeds_or_fails_as_a_whole(ledger: Ledger) -> None:
    """The row that broke the chain says why, the others that they were linked to it; what follows stands by itself."""
    rows = (
        Row("c1", "alice", "bob", 100, F.LINKED),
        Row("c2", "bob", "carol", 1_200, F.LINKED),
        Row("c3", "alice", "bob", 5_000, F.LINKED),
        Row("c4", "alice", "bob", 1),
        Row("alone", "alice", "bob", 1),
    )
    assert ledger.send(*rows) == [
        "linked_event_failed",
        "exceeds_credits",
        "linked_event_failed",
        "linked_event_failed",
        "created",
    ]
    assert ledger.balances("alice") == (300, 11, 0, 1_000)


def test_a_burnt_id_of_a_chain_stays_burnt_and_the_others_are_free(ledger: Ledger) -> None:
    """When a chain is rolled back, the id that failed is burnt, and its companions may use theirs again."""
    first, second = Row("c1", "alice", "bob", 100, F.LINKED), Row("c2", "carol", "bob", 1)
    assert ledger.send(first, second) == ["linked_event_failed", "exceeds_credits"]
    assert ledger.send(replace(first, flags=0), second) == ["created", "id_already_failed"]


def test_exists_breaks_a_chain(ledger: Ledger) -> None:
    """Resending a chain that succeeded answers exists for its first row, and that the rest is linked to a failure."""
    chain = Row("c1", "alice", "bob", 1, F.LINKED), Row("c2", "alice", "bob", 2)
    assert ledger.send(*chain) == ["created", "created"]
    assert ledger.send(*chain) == ["exists", "linked_event_failed"]
    assert ledger.balances("alice")[1] == 13


def test_a_linked_last_row_leaves_the_chain_open(ledger: Ledger) -> None:
    """The last row of a batch is linked_event_chain_open when it is linked, even in a chain that is already broken."""
    broken = Row("c1", "carol", "bob", 1, F.LINKED), Row("c2", "alice", "bob", 1, F.LINKED)
    assert ledger.send(*broken) == ["exceeds_credits", "linked_event_chain_open"]
    assert ledger.send(Row("c3", "alice", "bob", 1, F.LINKED)) == ["linked_event_chain_open"]
    assert ledger.balances("alice")[1] == 10


def test_a_rolled_back_chain_reopens_what_it_resolved_and_closed(ledger: Ledger) -> None:
    """Reservations, posts and closings of a broken chain are taken back as if they had never been."""
    before = ledger.balances("alice"), ledger.balances("bob")
    rows = (
        replace(POST, id="p", flags=F.POST_PENDING_TRANSFER | F.LINKED),
        Row("r", "alice", "bob", 50, F.PENDING | F.LINKED),
        Row("close", "carol", "bob", 0, F.PENDING | F.LINKED | F.CLOSING_DEBIT, code=CLOSURE),
        Row("fails", "alice", "bob", 10_000),
    )
    assert ledger.send(*rows) == ["linked_event_failed"] * 3 + ["exceeds_credits"]
    assert (ledger.balances("alice"), ledger.balances("bob")) == before
    assert ledger.send(Row("carol lives", "alice", "carol", 1), replace(POST, id="p2")) == ["created", "created"]


def test_balancing_takes_what_is_there(ledger: Ledger) -> None:
    """A balancing debit is clipped to what the debit account has free, even to 0, and never fails for lack of funds."""
    row = Row("sweep", "alice", "bob", AMOUNT_MAX, F.BALANCING_DEBIT)
    outcome = ledger.decide(row, Row("again", "alice", "bob", 5, F.BALANCING_DEBIT), with_balances=True)
    assert outcome.status == bytes(2)
    assert ledger.balances("alice") == (300, 700, 0, 1_000)
    assert ledger.send(row) == ["exists"]
    assert ledger.send(replace(row, amount=690)) == ["exists"]
    assert ledger.send(replace(row, amount=689)) == ["exists_with_different_amount"]


def test_balancing_credit_is_clipped_by_the_credit_side(ledger: Ledger) -> None:
    """A balancing credit gives the credit account no more than its debits leave room for."""
    assert ledger.send(Row("out", "bob", "bank 978", AMOUNT_MAX, F.BALANCING_CREDIT, code=WITHDRAWAL)) == [
        "exceeds_credits"
    ]
    both = F.BALANCING_CREDIT | F.BALANCING_DEBIT
    assert ledger.send(Row("both", "bob", "bank 978", AMOUNT_MAX, both, code=WITHDRAWAL)) == ["created"]
    assert ledger.balances("bank 978") == (0, 2_000, 0, 1_010)


def test_closing_and_reopening(ledger: Ledger) -> None:
    """A closing transfer closes at once; it is voided or expires, which reopens, and is never posted."""
    close = Row("close", "carol", "bob", 0, F.PENDING | F.CLOSING_DEBIT, code=CLOSURE)
    assert ledger.send(close, Row("in", "alice", "carol", 1)) == ["created", "credit_account_already_closed"]
    assert ledger.account("carol") == "exists_with_different_flags"
    post = replace(POST, id="p", pending_id="close")
    assert ledger.send(post) == ["debit_account_already_closed"]
    assert ledger.send(replace(VOID, id="v", pending_id="close")) == ["created"]
    assert ledger.account("carol") == "exists"
    assert ledger.send(replace(close, id="close 2", timeout=5)) == ["created"]
    ledger.advance(6)
    ledger.expire()
    assert ledger.send(Row("in 2", "alice", "carol", 1)) == ["created"]


def test_limits_count_pending_on_the_own_side_only(ledger: Ledger) -> None:
    """What is reserved from an account counts against it; what is only reserved for it does not count yet."""
    assert ledger.send(Row("to carol", "alice", "carol", 100, F.PENDING)) == ["created"]
    assert ledger.send(Row("from carol", "carol", "bob", 1)) == ["exceeds_credits"]
    assert ledger.send(Row("last", "alice", "bob", 590), Row("over", "alice", "bob", 1)) == [
        "created",
        "exceeds_credits",
    ]


def test_balances_after_each_row(ledger: Ledger) -> None:
    """Balances asked for are those right after each row, and zeros for rows that were refused."""
    outcome = ledger.decide(
        Row("a", "alice", "bob", 1),
        Row("b", "carol", "bob", 1),
        Row("c", "alice", "bob", 2, F.PENDING),
        with_balances=True,
    )
    assert outcome.balances == [
        (300, 11, 0, 1_000, 0, 0, 300, 1_011),
        (0,) * 8,
        (302, 11, 0, 1_000, 0, 0, 302, 1_011),
    ]


def test_every_code_has_a_case() -> None:
    """Every result code of transfers is answered by some test of this package."""
    covered = {*REFUSALS, *DIFFERENCES, *TRANSIENT, "created", "id_already_failed"}
    covered |= {"linked_event_failed", "linked_event_chain_open"}
    covered |= {f"pending_transfer_{how}" for how in ("already_posted", "already_voided", "expired")}
    covered |= {f"{side}_account_{how}" for side in ("debit", "credit") for how in ("frozen", "not_active")}
    covered |= {"overdraft_not_covered", "guarantee_below_overdrafts"}
    assert covered == {status.name.lower() for status in CreateTransferStatus}


def test_the_amount_of_a_payment_may_be_zero(ledger: Ledger) -> None:
    """A transfer of 0 is a transfer."""
    assert ledger.send(Row("zero", "carol", "bob", 0, code=PAYMENT)) == ["created"]


class StoreAway(Exception):
    """The store cannot be read."""


def test_a_store_that_is_away_leaves_the_book_as_it_was(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an earlier batch cannot be read, the whole batch is given up and nothing of it stays."""

    def away(number: int) -> None:
        raise StoreAway

    before = digest(ledger.book)
    monkeypatch.setattr(ledger, "load", away)
    rows = (
        replace(POST, id="p"),
        Row("a", "alice", "bob", 5),
        Row("r", "alice", "bob", 5, F.PENDING),
        replace(POST, id="q", pending_id="r"),
        replace(PAY, id="plain"),
    )
    with pytest.raises(StoreAway):
        ledger.decide(*rows)
    assert digest(ledger.book) == before
    monkeypatch.undo()
    assert ledger.send(*rows) == ["created"] * 4 + ["exists_with_different_amount"]


def test_taking_back_needs_no_store(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed commit is taken back in memory alone, for the store is likely to be away then."""
    before, book = digest(ledger.book), ledger.book
    mark = len(book.open), len(book.open.burnt), book.last_timestamp
    ledger.decide(replace(POST, id="p"), Row("r", "alice", "bob", 5, F.PENDING), Row("x", "carol", "bob", 5))

    def away(number: int) -> None:
        raise StoreAway

    monkeypatch.setattr(ledger, "load", away)
    book.seal()
    book.unseal()
    book.undo(*mark)
    assert digest(book) == before
