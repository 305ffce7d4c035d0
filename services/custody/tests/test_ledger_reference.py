"""The published reference of create_transfers, case by case: accounts before, transfers, results, balances after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ringfence_custody.domain.rules import AccountClass
from ringfence_custody.domain.statuses import CreateTransferStatus
from ringfence_kernel.ids import MAX_ID

from .cases import MAX, PAY, POST, RESERVE, VOID, F, funded_ledger
from .ledger import CZK, DEPOSIT, SECOND, WITHDRAWAL, Ledger, Row


@pytest.fixture
def ledger() -> Ledger:
    """The funded book."""
    return funded_ledger()


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


STORED = Row("stored", "alice", "bob", 100, F.PENDING, timeout=30, user_data_64=7, user_data_32=8, value_date=20_000)
DIFFERENCES = {
    "exists": STORED,
    "exists_with_different_flags": replace(STORED, flags=0, pending_id="plain", timeout=1),
    "exists_with_different_pending_id": replace(STORED, pending_id="plain", timeout=1),
    "exists_with_different_timeout": replace(STORED, timeout=1, debit="carol"),
    "exists_with_different_debit_account_id": replace(STORED, debit="carol", credit="alice"),
    "exists_with_different_credit_account_id": replace(STORED, credit="carol", amount=1),
    "exists_with_different_amount": replace(STORED, amount=99, user_data_64=1),
    "exists_with_different_user_data_128": replace(STORED, user_data_128=bytes(16), user_data_64=1),
    "exists_with_different_user_data_64": replace(STORED, user_data_64=1, user_data_32=1),
    "exists_with_different_user_data_32": replace(STORED, user_data_32=1, ledger=CZK),
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


def test_every_code_has_a_case() -> None:
    """Every result code of transfers is answered by some test of this package."""
    covered = {*REFUSALS, *DIFFERENCES, *TRANSIENT, "created", "id_already_failed"}
    covered |= {"linked_event_failed", "linked_event_chain_open"}
    covered |= {f"pending_transfer_{how}" for how in ("already_posted", "already_voided", "expired")}
    covered |= {f"{side}_account_{how}" for side in ("debit", "credit") for how in ("frozen", "not_active")}
    covered |= {"overdraft_not_covered", "guarantee_below_overdrafts"}
    assert covered == {status.name.lower() for status in CreateTransferStatus}
