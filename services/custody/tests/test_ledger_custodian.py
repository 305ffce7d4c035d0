"""The custodian's rules on top of the ledger: classes and mandates, states, overdrafts, invariants."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from ringfence_custody.ledger.domain.errors import InvariantBroken
from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.purposes import PURPOSES, AccountClass, Mandate
from ringfence_custody.ledger.domain.result_codes import AccountFlag, TransferFlag

from .ledger import (
    CALL,
    CLOSURE,
    DEPOSIT,
    EUR,
    FEE,
    GUARANTEE_RELEASE,
    MANDATE,
    OWNER,
    WITHDRAWAL,
    Ledger,
    Row,
    id_of,
)

C = AccountClass
COVERED = AccountFlag.OVERDRAFT_COVERED


@pytest.fixture
def ledger() -> Ledger:
    """One account of each class with 1,000, a bank, and a client whose overdraft is covered."""
    ledger = Ledger()
    for account_class in C:
        ledger.account(account_class.name, account_class)
    ledger.account("OTHER CLIENT")
    ledger.account("OTHER BANK", C.BANK_MIRROR)
    ledger.account("covered", flags=COVERED)
    for account_class in (C.CLIENT, C.PLATFORM, C.SUSPENSE):
        ledger.fund(account_class.name, 1_000)
    return ledger


def test_money_passes_only_where_the_table_says(ledger: Ledger) -> None:
    """For every purpose and every pair of classes, money passes exactly when the table of purposes says so."""
    for purpose, debit, credit in product(PURPOSES, C, C):
        credit_name = {C.CLIENT: "OTHER CLIENT", C.BANK_MIRROR: "OTHER BANK"}.get(credit, credit.name)
        if debit == credit and credit_name == credit.name:
            continue
        row = Row(f"{purpose.code} {debit} {credit}", debit.name, credit_name, 0, code=purpose.code)
        expected = "created" if (debit, credit) in purpose.pairs else "account_class_mismatch"
        if purpose.closing_only:
            assert ledger.send(row) == ["account_class_mismatch"]
            continue
        assert ledger.send(row) == [expected], (purpose.name, debit, credit)


def test_client_money_reaches_the_platform_only_as_a_fee() -> None:
    """No purpose lets money pass from a client to the platform's own account; fees go to the fee account first."""
    reaches = {pair for purpose in PURPOSES if not purpose.closing_only for pair in purpose.pairs}
    assert (C.CLIENT, C.PLATFORM) not in reaches
    assert (C.CLIENT, C.FEE) in reaches
    assert (C.SUSPENSE, C.FEE) not in reaches


@pytest.mark.parametrize("purpose", [each for each in PURPOSES if not each.closing_only], ids=lambda each: each.name)
def test_a_mandate_must_be_named(ledger: Ledger, purpose: object) -> None:
    """Every purpose but those over the platform's own money needs a reference to its mandate."""
    assert purpose in PURPOSES
    debit, credit = min(purpose.pairs)  # type: ignore[attr-defined]
    credit_name = {C.CLIENT: "OTHER CLIENT", C.BANK_MIRROR: "OTHER BANK"}.get(credit, credit.name)
    row = Row("r", debit.name, credit_name, 0, code=purpose.code, user_data_128=bytes(16))  # type: ignore[attr-defined]
    own = purpose.mandate is Mandate.PLATFORM  # type: ignore[attr-defined]
    assert ledger.send(row) == ["created" if own else "mandate_missing"]


def test_a_closure_moves_nothing(ledger: Ledger) -> None:
    """The purpose of closing is for closing transfers, which can never be posted."""
    close = Row("c", "CLIENT", "SUSPENSE", 0, TransferFlag.PENDING | TransferFlag.CLOSING_DEBIT, code=CLOSURE)
    assert ledger.send(close) == ["created"]
    post = Row("p", flags=TransferFlag.POST_PENDING_TRANSFER, pending_id="c", code=0, ledger=0)
    assert ledger.send(post) == ["debit_account_already_closed"]


ACCOUNT_REFUSALS = [
    ({"flags": 512}, "reserved_flag"),
    ({"flags": 6}, "flags_are_mutually_exclusive"),
    ({"flags": COVERED | 2}, "flags_are_mutually_exclusive"),
    ({"ledger": 0}, "ledger_must_not_be_zero"),
    ({"code": 0}, "code_must_not_be_zero"),
    ({"ledger": 1}, "ledger_not_a_currency"),
    ({"account_class": 8}, "account_class_unknown"),
    ({"account_class": 7}, "account_reserved"),
    ({"flags": 4}, "flags_not_permitted_for_class"),
    ({"account_class": C.PLATFORM, "flags": COVERED}, "flags_not_permitted_for_class"),
    ({"owner": bytes(16)}, "owner_id_must_not_be_zero"),
]


@pytest.mark.parametrize(("given", "status"), ACCOUNT_REFUSALS)
def test_an_account_is_refused_by_name(ledger: Ledger, given: dict[str, int], status: str) -> None:
    """Every refusal of an account has its name."""
    assert ledger.account("fresh", **given) == status  # type: ignore[arg-type]


def test_reserved_ids_are_no_accounts(ledger: Ledger) -> None:
    """Zero and all ones are no account ids."""
    assert ledger.account(bytes(16)) == "id_must_not_be_zero"  # type: ignore[arg-type]
    assert ledger.account(b"\xff" * 16) == "id_must_not_be_int_max"  # type: ignore[arg-type]


def test_a_resent_account_is_compared(ledger: Ledger) -> None:
    """A resent account answers exists, or the first field that differs; the implied limit may be left out or given."""
    assert ledger.account("CLIENT") == "exists"
    assert ledger.account("CLIENT", flags=2) == "exists"
    assert ledger.account("CLIENT", flags=8, ledger=203) == "exists_with_different_flags"
    assert ledger.account("CLIENT", ledger=203, code=2) == "exists_with_different_ledger"
    assert ledger.account("CLIENT", code=2) == "exists_with_different_code"
    assert ledger.account("CLIENT", C.PLATFORM) == "exists_with_different_account_class"
    assert ledger.account("CLIENT", owner=MANDATE) == "exists_with_different_owner_id"


def test_linked_accounts_open_together(ledger: Ledger) -> None:
    """A linked chain of accounts is opened as a whole or not at all."""
    from ringfence_custody.ledger.domain.columns import AccountColumns

    def columns(*ledgers: int) -> AccountColumns:
        count = len(ledgers)
        ids = b"".join(id_of(f"linked {row}") for row in range(count))
        flags = [1] * (count - 1) + [0]
        return AccountColumns(ids, OWNER * count, [1] * count, list(ledgers), [1] * count, flags)

    assert ledger.accounts(columns(EUR, 0)) == ["linked_event_failed", "ledger_must_not_be_zero"]
    assert id_of("linked 0") not in ledger.book.accounts.index
    assert ledger.accounts(columns(EUR, EUR)) == ["created", "created"]


def test_an_overdraft_is_covered_by_a_guarantee_funded_first(ledger: Ledger) -> None:
    """A covered client may be overdrawn as far as the guarantee reaches, pending money included, and no further."""
    spend = Row("s", "covered", "OTHER CLIENT", 60)
    assert ledger.send(spend) == ["overdraft_not_covered"]
    ledger.fund("GUARANTEE", 100)
    assert ledger.send(replace(spend, id="s1"), replace(spend, id="s2", amount=41)) == [
        "created",
        "overdraft_not_covered",
    ]
    assert ledger.send(replace(spend, id="s3", amount=40, flags=TransferFlag.PENDING)) == ["created"]
    assert ledger.send(replace(spend, id="s4", amount=1)) == ["overdraft_not_covered"]
    void = Row("v", flags=TransferFlag.VOID_PENDING_TRANSFER, pending_id="s3", code=0, ledger=0)
    assert ledger.send(void, replace(spend, id="s5", amount=40)) == ["created", "created"]


def test_a_guarantee_cannot_be_taken_away_from_under_an_overdraft(ledger: Ledger) -> None:
    """The guarantee may be released only as far as no overdraft needs it; a call on it for the client is possible."""
    ledger.fund("GUARANTEE", 100)
    assert ledger.send(Row("s", "covered", "OTHER CLIENT", 60)) == ["created"]
    release = Row("r", "GUARANTEE", "PLATFORM", 41, code=GUARANTEE_RELEASE)
    assert ledger.send(release, replace(release, id="r2", amount=40)) == ["guarantee_below_overdrafts", "created"]
    assert ledger.send(Row("c", "GUARANTEE", "covered", 60, code=CALL)) == ["created"]
    assert ledger.balances("covered") == (0, 60, 0, 60)


def test_one_clients_overdraft_is_never_another_clients_money(ledger: Ledger) -> None:
    """A client without cover is never overdrawn, however much others hold."""
    assert ledger.send(Row("s", "OTHER CLIENT", "CLIENT", 1)) == ["exceeds_credits"]


def test_totals_are_what_the_balances_add_up_to(ledger: Ledger) -> None:
    """The totals kept with every movement are those that a recount finds."""
    ledger.fund("GUARANTEE", 500)
    ledger.send(
        Row("a", "covered", "CLIENT", 300),
        Row("b", "CLIENT", "FEE", 20, code=FEE),
        Row("c", "covered", "bank 978", 50, TransferFlag.PENDING, code=WITHDRAWAL),
        Row("d", "bank 978", "covered", 10, code=DEPOSIT),
    )
    kept, counted = ledger.book.totals, ledger.replayed().totals
    assert (dict(kept.net), dict(kept.overdrawn), dict(kept.guaranteed)) == (
        dict(counted.net),
        dict(counted.overdrawn),
        dict(counted.guaranteed),
    )
    assert kept.overdrawn[EUR] == 340


def test_a_broken_invariant_stops_the_commit(ledger: Ledger) -> None:
    """A batch that would leave the books unbalanced is not sealed."""
    ledger.decide(Row("a", "CLIENT", "OTHER CLIENT", 1))
    ledger.book.totals.net[EUR][C.CLIENT] += 1
    with pytest.raises(InvariantBroken):
        ledger.book.seal()


def test_kyc_opens_restricts_and_ends_accounts(ledger: Ledger) -> None:
    """An account waits for its owner's KYC, follows it, and is ended by a refusal before it ever was active."""
    owner, index = b"somebody else 01", ledger.index
    ledger.account("new", owner=owner)
    shown = ledger.book.accounts.shown_status
    assert shown(index("new")) is AccountStatus.PENDING_KYC
    assert ledger.send(Row("in", "CLIENT", "new", 5)) == ["credit_account_not_active"]
    ledger.standing(Standing.ADMITTED, owner)
    assert ledger.send(Row("in 2", "CLIENT", "new", 5)) == ["created"]
    ledger.standing(Standing.LAPSED, owner)
    assert shown(index("new")) is AccountStatus.RESTRICTED
    assert ledger.send(Row("in 3", "CLIENT", "new", 5), Row("out", "new", "CLIENT", 5)) == [
        "created",
        "debit_account_not_active",
    ]
    ledger.standing(Standing.BLOCKED, owner)
    assert ledger.send(Row("in 4", "CLIENT", "new", 5), Row("out 2", "new", "CLIENT", 5)) == [
        "credit_account_frozen",
        "debit_account_frozen",
    ]
    ledger.account("while blocked", owner=owner)
    assert shown(index("while blocked")) is AccountStatus.FROZEN
    ledger.standing(Standing.ADMITTED, owner)
    assert shown(index("new")) is shown(index("while blocked")) is AccountStatus.ACTIVE
    ledger.account("refused", owner=b"refused owner 01")
    ledger.standing(Standing.REFUSED, b"refused owner 01")
    assert shown(index("refused")) is AccountStatus.REJECTED


def test_a_freeze_holds_until_every_order_is_lifted(ledger: Ledger) -> None:
    """Nothing moves while an order stands; the account returns to the state that it would have had."""
    shown, index = ledger.book.accounts.shown_status, ledger.index("CLIENT")
    ledger.freeze("CLIENT", "court 1")
    ledger.freeze("CLIENT", "court 2")
    assert ledger.send(Row("in", "PLATFORM", "CLIENT", 5, code=8)) == ["credit_account_frozen"]
    ledger.standing(Standing.LAPSED)
    ledger.release("CLIENT", "court 1")
    assert shown(index) is AccountStatus.FROZEN
    assert ledger.book.accounts.orders[index] == ("court 2",)
    ledger.release("CLIENT", "court 2")
    assert shown(index) is AccountStatus.RESTRICTED


def test_a_burnt_id_answers_after_the_release_too(ledger: Ledger) -> None:
    """A refusal by a freeze is transient: the same id cannot succeed later."""
    row = Row("out", "CLIENT", "OTHER CLIENT", 5)
    ledger.freeze("CLIENT")
    assert ledger.send(row) == ["debit_account_frozen"]
    ledger.release("CLIENT")
    assert ledger.send(row, replace(row, id="out 2")) == ["id_already_failed", "created"]


def test_a_freeze_stops_a_post_inside_the_book_but_not_at_the_bank(ledger: Ledger) -> None:
    """What was reserved for a bank has left: it is posted in spite of a freeze; what stays in the book waits."""
    inside = Row("inside", "CLIENT", "OTHER CLIENT", 5, TransferFlag.PENDING)
    outside = Row("outside", "CLIENT", "bank 978", 5, TransferFlag.PENDING, code=WITHDRAWAL)
    assert ledger.send(inside, outside) == ["created", "created"]
    ledger.freeze("CLIENT")
    post = Row("p1", flags=TransferFlag.POST_PENDING_TRANSFER, amount=5, pending_id="inside", code=0, ledger=0)
    assert ledger.send(post, replace(post, id="p2", pending_id="outside")) == ["debit_account_frozen", "created"]
    void = replace(post, id="v", flags=TransferFlag.VOID_PENDING_TRANSFER, pending_id="inside")
    assert ledger.send(void) == ["created"]
