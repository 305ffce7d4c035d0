"""When several refusals apply, the one that docs/ledger.md lists first is the answer; every code has a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from ringfence_custody.ledger.domain.result_codes import TRANSIENT, CreateTransferStatus

from ..ledger import Ledger, Row
from . import test_chains, test_limits, test_retries, test_two_phases
from .pairs import Defect, Pair, both, neighbours
from .script import results_in
from .test_retries import DIFFERENCES
from .world import BOTH, BOTH_LATE, LATE_NS, OF_A_POST, OF_A_TRANSFER, PAY, POST, VOID, world

NEVER_BOTH = {
    ("linked_event_failed", "linked_event_chain_open"): "the exception: an open chain is told even where it is broken",
    ("id_must_not_be_zero", "id_must_not_be_int_max"): "one field",
    ("id_must_not_be_int_max", "exists_with_different_flags"): "nothing has that id",
    ("exists_with_different_value_date", "exists"): "different or not",
    ("exists", "id_already_failed"): "a burnt id is never created",
    ("debit_account_id_must_not_be_zero", "debit_account_id_must_not_be_int_max"): "one field",
    ("credit_account_id_must_not_be_zero", "credit_account_id_must_not_be_int_max"): "one field",
    ("credit_account_id_must_not_be_int_max", "accounts_must_be_different"): "the debit account is told before both",
    ("pending_id_must_be_zero", "pending_id_must_not_be_zero"): "one field",
    ("pending_id_must_not_be_zero", "pending_id_must_not_be_int_max"): "one field",
    ("pending_id_must_not_be_int_max", "pending_id_must_be_different"): "the id is told before both",
    ("credit_account_not_found", "accounts_must_have_the_same_ledger"): "what is not there has no ledger",
    ("transfer_must_have_the_same_ledger_as_accounts", "pending_transfer_not_found"): "asked of other transfers",
    ("pending_transfer_not_found", "pending_transfer_not_pending"): "there or not",
    ("pending_transfer_not_pending", "pending_transfer_has_different_owner"): "only what is pending has an owner",
    ("mandate_missing", "mandate_unknown"): "one field",
    ("exceeds_pending_transfer_amount", "pending_transfer_has_different_amount"): "more or less",
    ("pending_transfer_already_posted", "pending_transfer_already_voided"): "resolved once",
    ("pending_transfer_expired", "purpose_unknown"): "asked of other transfers",
    ("overdraft_not_covered", "guarantee_below_overdrafts"): "the debit account is a client or a guarantee",
}
"""Neighbours that cannot hold at once, and why."""


def row_with(base: Row, defect: Defect) -> Row:
    """Returns a row that has a defect."""
    return replace(base, flags=base.flags | int(defect.flags), **defect.fields)


def single_rows() -> dict[str, Row]:
    """Returns for each refusal that one row can provoke such a row."""
    rows = {code: row_with(POST, defect) for code, defect in OF_A_POST.items()}
    rows |= {code: row_with(PAY, defect) for code, defect in OF_A_TRANSFER.items()}
    rows |= {first: row for (first, _), row in BOTH.items() if first not in rows}
    rows["pending_transfer_has_different_amount"] = replace(VOID, amount=299)
    return rows


def rows_of_both() -> Iterator[tuple[Pair, Row]]:
    """Yields for each two refusals that can hold at once a row for which they do."""
    for base, defects in ((PAY, OF_A_TRANSFER), (POST, OF_A_POST)):
        for pair, defect in both(defects):
            yield pair, row_with(base, defect)
    yield from BOTH.items()


@cache
def shared_world() -> Ledger:
    """Returns a book for rows that are all refused, and so leave it as it is."""
    return world()


SINGLE = single_rows()
PAIRS = [(first, second, row) for (first, second), row in rows_of_both()]


@pytest.mark.parametrize("code", SINGLE)
def test_a_transfer_is_refused_by_name_and_moves_nothing(code: str) -> None:
    """Every refusal of a single row has its name, leaves all balances, and burns the id or leaves it free."""
    ledger, row = world(), SINGLE[code]
    before = [ledger.book.accounts.balances(account) for account in range(len(ledger.book.accounts))]
    assert ledger.send(row) == [code]
    assert [ledger.book.accounts.balances(account) for account in range(len(ledger.book.accounts))] == before
    if code == "id_already_failed" or ("id_must_not" in code and row.id not in ("new", "same")):
        return
    burnt = CreateTransferStatus[code.upper()] in TRANSIENT
    expected = "id_already_failed" if burnt else "created"
    assert ledger.send(replace(PAY, id=row.id)) == [expected]
    ledger.book = ledger.replayed()
    assert ledger.send(replace(PAY, id=row.id)) == ["id_already_failed" if burnt else "exists"]


@pytest.mark.parametrize(("first", "second", "row"), PAIRS, ids=[f"{first}, {second}" for first, second, _ in PAIRS])
def test_the_first_of_two_refusals_is_answered(first: str, second: str, row: Row) -> None:
    """Of two refusals that both apply the one listed first is the answer."""
    order = [code.name.lower() for code in CreateTransferStatus]
    assert order.index(first) < order.index(second)
    fresh = replace(row, id=f"{first} {second} {row.flags}") if row.id == "new" else row
    assert shared_world().send(fresh) == [first]


AMONG = [(code, row) for code, row in SINGLE.items()] + [(first, row) for first, _, row in PAIRS]


@pytest.mark.parametrize(("code", "row"), AMONG, ids=range(len(AMONG)))
def test_a_refusal_is_the_same_among_rows_that_pass_at_once(code: str, row: Row) -> None:
    """In the company of a dozen plain transfers each row gets the answer that it gets alone, and they pass."""
    ledger = world()
    plain = [replace(PAY, id=f"plain {number}", amount=0) for number in range(12)]
    assert ledger.send(*plain, row) == ["created"] * len(plain) + [code]


@pytest.mark.parametrize("pair", BOTH_LATE, ids=", ".join)
def test_the_first_of_two_refusals_near_the_end_of_time(pair: Pair) -> None:
    """A deadline beyond 2^63 - 1 nanoseconds stands between the sums and the limits."""
    ledger = world()
    ledger.now_ns = LATE_NS
    assert ledger.send(BOTH_LATE[pair]) == [pair[0]]


def test_neighbours_are_tried_together_or_never_meet() -> None:
    """Every two codes next to each other have a row for which both hold, or a reason why there is none."""
    retried = [code for code in DIFFERENCES if code != "exists"]
    tried = {(first, second) for first, second, _ in PAIRS} | BOTH_LATE.keys()
    tried |= {(first, second) for number, first in enumerate(retried) for second in retried[number + 1 :]}
    missing = [pair for pair in neighbours(CreateTransferStatus) if pair not in tried | NEVER_BOTH.keys()]
    assert not missing
    assert not tried & NEVER_BOTH.keys()


def test_every_code_has_a_case() -> None:
    """Every result code of transfers is answered somewhere in these tables."""
    tables = (test_chains, test_limits, test_retries, test_two_phases)
    answered = {*SINGLE, *DIFFERENCES, *(pair[0] for pair in BOTH_LATE)}
    answered |= set.union(*(results_in(module.TABLE) for module in tables))
    assert answered == {code.name.lower() for code in CreateTransferStatus}
