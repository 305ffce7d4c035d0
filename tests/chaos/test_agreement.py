"""What services do not agree in is found after every drill, whether it asks for that or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from ringfence.ids import new_id
from ringfence.ledger import (
    Account,
    AccountClass,
    AccountFlag,
    AccountStatus,
    Balances,
    ClassTotal,
    Purpose,
    Totals,
    Transfer,
)
from ringfence.payments import Instruction, InstructionState, InstructionStatus, NewInstruction
from ringfence_local_stack.stack.local_stack import LocalStack
from ringfence_verifier import Checkpoint, Fact, VerificationError

from tests.drills.after import compare_at_the_end

from .agreement import Held, differences
from .findings import Kind
from .logged import READ, RECEIPT, TRANSFER, Logged
from .town import Town
from .town_check import check_reading

OWNER, PAID, PLATFORM, READER = new_id(), new_id(), new_id(), new_id()
MOVES = Transfer(id=PAID, amount_minor=7, currency="EUR", code=Purpose.PAYMENT, debit_account_id=OWNER, timestamp_ns=1)


def account(owner: UUID | None) -> Account:
    """Returns an account of somebody."""
    return Account(
        id=new_id(),
        owner_id=owner,
        account_class=AccountClass.CLIENT,
        currency="EUR",
        code=1,
        flags=AccountFlag(0),
        status=AccountStatus.ACTIVE,
        order_reference="",
        balances=Balances(0, 0, 0, 0),
        timestamp_ns=1,
        user_data_128=None,
        user_data_64=0,
        user_data_32=0,
    )


def payment(status: InstructionStatus, transfer: UUID | None = PAID) -> Instruction:
    """Returns a payment that stands somewhere."""
    order = NewInstruction(
        id=new_id(),
        end_to_end_id="E",
        debtor_iban="",
        creditor_iban="",
        creditor_name="",
        amount_minor=MOVES.amount_minor,
        currency="EUR",
    )
    return Instruction(order, InstructionState(order.id, status), new_id(), transfer, 1, 1, None, None)


def totals(debits_minor: int) -> Totals:
    """Returns totals of one transfer, with 7 on the credit side."""
    return Totals([ClassTotal(AccountClass.CLIENT, "EUR", 2, Balances(0, debits_minor, 0, 7))], 1, 9)


AGREED = Held(
    platform=PLATFORM,
    accounts=[account(OWNER), account(None), account(PLATFORM)],
    parties={OWNER},
    payments=[payment(InstructionStatus.SETTLED), payment(InstructionStatus.REJECTED, None)],
    transfers={PAID: MOVES},
    totals=totals(7),
    logged=1,
)


def kinds(held: Held) -> list[Kind]:
    """Returns the kinds of what is found."""
    return [each.kind for each in differences(held)]


def test_services_that_agree_raise_nothing() -> None:
    """Owners are known, payments have their transfers, the log as many as the ledger; other payments need none."""
    assert kinds(AGREED) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"parties": set()}, Kind.LOST),
        ({"transfers": {}}, Kind.LOST),
        ({"transfers": {PAID: replace(MOVES, amount_minor=8)}}, Kind.ALTERED),
        ({"payments": [payment(InstructionStatus.SETTLED)] * 2}, Kind.MISCOUNTED),
        ({"totals": totals(6)}, Kind.UNBALANCED),
        ({"logged": 2}, Kind.MISCOUNTED),
        ({"logged": 0}, Kind.MISCOUNTED),
    ],
    ids=["owner", "transfer", "amount", "shared", "balance", "more logged", "less logged"],
)
def test_what_one_service_has_otherwise_is_named(change: dict[str, Any], found: Kind) -> None:
    """Each service is compared with the one that has to know the same."""
    assert kinds(replace(AGREED, **change)) == [found]


def test_a_payment_without_a_transfer_has_not_settled() -> None:
    """Also where nobody has told which transfer it was."""
    assert kinds(replace(AGREED, payments=[payment(InstructionStatus.RECONCILED, None)])) == [Kind.LOST]


def test_the_log_is_counted_by_platform_and_reader() -> None:
    """Transfers of a book, and leaves shown to a reader; nothing else."""
    log = Logged()
    of: dict[str, int | bytes | str] = {"reader_id": READER.bytes, "query_leaf_index": 3}
    log.count(Fact(TRANSFER, {"tenant_id": PLATFORM.bytes}))
    log.count(Fact(READ, {"method": RECEIPT, **of}))
    log.count(Fact(READ, {"method": "ListLeaves", **of}))
    log.count(Fact("custody.transfer_refused.v1", {"tenant_id": PLATFORM.bytes}))
    assert (log.transfers, log.receipts) == ({PLATFORM: 1}, {(READER, 3): 1})


def read(*leaves: int, forked: bool = False) -> Town:
    """Returns a town whose regulator was shown these leaves."""

    def require_extends(older: Checkpoint, newer: Checkpoint) -> None:
        if forked:
            raise VerificationError("another log")

    audit = SimpleNamespace(require_extends=require_extends)
    regulator = SimpleNamespace(audit=audit, credentials=SimpleNamespace(principal_id=READER))
    town = SimpleNamespace(
        regulator=regulator, receipts=Counter(leaves), checkpoints=[Checkpoint("log", 1, bytes(32), ())]
    )
    return cast("Town", town)


def test_a_receipt_that_is_no_fact_in_the_log_is_lost() -> None:
    """Each time a leaf was shown is a read of it; more reads are attempts without an answer."""
    log = Logged(newest=Checkpoint("log", 9, bytes(32), ()))
    log.receipts.update({(READER, 0): 1, (READER, 1): 2, (new_id(), 2): 1})
    assert list(check_reading(read(0, 1), log)) == []
    for lost in ((0, 1, 2), (0, 0, 1)):
        assert [each.kind for each in check_reading(read(*lost), log)] == [Kind.LOST]
    assert [each.kind for each in check_reading(read(0, 1, forked=True), log)] == [Kind.ALTERED]


@dataclass
class Fleeting(LocalStack):
    """A stack without parts, which notes that it was stopped."""

    ended: list[str] = field(default_factory=list)

    def __enter__(self) -> Fleeting:
        """Starts nothing."""
        self._signals = cast("Any", nullcontext())
        return self

    def stop(self) -> None:
        """Notes it."""
        self.ended.append("stopped")


@pytest.fixture
def found() -> Iterator[list[str]]:
    """What comparing finds from now on."""
    differing: list[str] = []

    def compare(stack: LocalStack) -> list[str]:
        cast("Fleeting", stack).ended.append("compared")
        return differing

    with pytest.MonkeyPatch.context() as patch:
        compare_at_the_end(patch, compare)
        yield differing


def test_a_stack_is_compared_before_it_ends(found: list[str]) -> None:
    """Whoever has started it; a difference fails, and nothing is left running."""
    with Fleeting() as stack:
        assert stack.ended == []
    assert stack.ended == ["compared", "stopped"]
    found.append("lost")
    with pytest.raises(AssertionError, match="lost"), Fleeting() as stack:
        pass
    assert stack.ended == ["compared", "stopped"]


def test_what_fails_otherwise_is_not_compared(found: list[str]) -> None:
    """There the parts may be anywhere, and what failed is what is to be seen."""
    found.append("lost")
    with pytest.raises(ZeroDivisionError), Fleeting() as stack:
        raise ZeroDivisionError
    assert stack.ended == ["stopped"]
