"""The life cycle of accounts by decision, beside what KYC and orders do to them."""

from __future__ import annotations

from itertools import product

import pytest
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.errors import AccountTransitionRefused
from ringfence_custody.ledger.domain.events import AccountStatusChanged
from ringfence_custody.ledger.domain.lifecycle import BY_DECISION, AccountStatus, Standing
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import TransferFlag

from .ledger import GRANT, WITHDRAWAL, Ledger, Row

S = AccountStatus
F = TransferFlag
LISTED = {
    (S.ACTIVE, S.RESTRICTED),
    (S.ACTIVE, S.DORMANT),
    (S.ACTIVE, S.CLOSING),
    (S.RESTRICTED, S.ACTIVE),
    (S.RESTRICTED, S.RESTRICTED),
    (S.RESTRICTED, S.CLOSING),
    (S.DORMANT, S.ACTIVE),
    (S.DORMANT, S.CLOSING),
    (S.CLOSING, S.CLOSED),
    (S.PENDING_LETTER, S.CLOSED),
}
"""Every step that an operator may take; a restriction by KYC may be made one by decision."""


@pytest.fixture
def ledger() -> Ledger:
    """Two clients, one with 1,000, and the platform's own account with as much."""
    ledger = Ledger()
    for name in ("alice", "bob"):
        ledger.account(name)
    ledger.account("platform", AccountClass.PLATFORM)
    ledger.fund("alice", 1_000)
    ledger.fund("platform", 1_000)
    return ledger


def refusal(ledger: Ledger, status: AccountStatus, *names: str) -> dict[str, str]:
    """Returns the metadata with which a decision is refused."""
    before = digest(ledger.book)
    with pytest.raises(AccountTransitionRefused) as refused:
        ledger.set_status(status, *names)
    assert digest(ledger.book) == before
    return refused.value.metadata


@pytest.mark.parametrize(("before", "after"), list(product([each for each in S if each is not S.FROZEN], BY_DECISION)))
def test_a_decision_takes_listed_steps_only(ledger: Ledger, before: AccountStatus, after: AccountStatus) -> None:
    """Every step but those listed is refused by name; what waits for KYC or a letter is opened by that alone."""
    ledger.book.accounts.status[ledger.index("bob")] = before
    if (before, after) in LISTED:
        ledger.set_status(after, "bob")
        assert ledger.shown("bob") is after
    elif before is after:
        ledger.set_status(after, "bob")
        assert not isinstance(ledger.events[-1], AccountStatusChanged)
    else:
        told = refusal(ledger, after, "bob")
        assert (told["from"], told["to"], told["because"]) == (before.name, after.name, "no_such_transition")


@pytest.mark.parametrize(
    ("status", "money_in", "money_out"),
    [
        (S.RESTRICTED, "created", "debit_account_not_active"),
        (S.DORMANT, "created", "debit_account_not_active"),
        (S.CLOSING, "credit_account_not_active", "created"),
        (S.ACTIVE, "created", "created"),
    ],
)
def test_a_state_lets_money_in_or_out(ledger: Ledger, status: AccountStatus, money_in: str, money_out: str) -> None:
    """Each state lets pass what docs/ledger.md says, and after a restart too."""
    ledger.set_status(status, "alice")
    ledger.book = ledger.replayed()
    results = ledger.send(Row("in", "platform", "alice", 5, code=GRANT), Row("out", "alice", "bob", 5))
    assert results == [money_in, money_out]


def test_a_decision_is_for_all_accounts_or_none(ledger: Ledger) -> None:
    """One account that may not move stops them all, and is the one named."""
    ledger.set_status(S.DORMANT, "bob")
    told = refusal(ledger, S.RESTRICTED, "alice", "bob")
    assert told["from"] == "DORMANT"
    assert ledger.shown("alice") is S.ACTIVE
    ledger.set_status(S.CLOSING, "alice", "bob")
    assert ledger.shown("alice") is ledger.shown("bob") is S.CLOSING


def test_an_account_that_is_there_is_left_alone(ledger: Ledger) -> None:
    """A repeated decision leaves no event for accounts it has reached, and moves those that it has not."""
    ledger.set_status(S.DORMANT, "alice")
    events = len(ledger.events)
    ledger.set_status(S.DORMANT, "alice", "alice")
    assert len(ledger.events) == events
    ledger.set_status(S.DORMANT, "alice", "bob", reason="no movement for a year")
    assert [type(each) for each in ledger.events[events:]] == [AccountStatusChanged]
    assert ledger.events[-1].reason == "no movement for a year"


def test_kyc_does_not_lift_what_an_operator_has_restricted(ledger: Ledger) -> None:
    """A restriction by decision outlasts a renewal of KYC, whichever of the two came first, and ends by decision."""
    ledger.set_status(S.RESTRICTED, "alice")
    ledger.standing(Standing.LAPSED)
    ledger.set_status(S.RESTRICTED, "bob")
    ledger.standing(Standing.ADMITTED)
    for book in (ledger.book, ledger.replayed()):
        ledger.book = book
        assert ledger.shown("alice") is ledger.shown("bob") is S.RESTRICTED
    ledger.set_status(S.ACTIVE, "alice", "bob")
    ledger.standing(Standing.LAPSED)
    ledger.standing(Standing.ADMITTED)
    assert ledger.shown("alice") is ledger.shown("bob") is S.ACTIVE


def test_a_block_ends_and_leaves_the_operators_restriction(ledger: Ledger) -> None:
    """An owner's block is lifted by KYC; the restriction under it stays."""
    ledger.set_status(S.RESTRICTED, "alice")
    ledger.standing(Standing.BLOCKED)
    assert ledger.shown("alice") is S.FROZEN
    ledger.standing(Standing.ADMITTED)
    assert ledger.shown("alice") is S.RESTRICTED


@pytest.mark.parametrize("standing", [Standing.LAPSED, Standing.REFUSED])
@pytest.mark.parametrize("before", [S.RESTRICTED, S.DORMANT])
def test_no_decision_stands_in_for_kyc(ledger: Ledger, standing: Standing, before: AccountStatus) -> None:
    """An account becomes active only while its owner's KYC stands; its money can be paid out by closing it."""
    ledger.set_status(before, "alice")
    ledger.standing(standing)
    assert refusal(ledger, S.ACTIVE, "alice")["because"] == "owner_not_admitted"
    ledger.set_status(S.CLOSING, "alice")
    assert ledger.send(Row("out", "alice", "bank 978", 1_000, code=WITHDRAWAL)) == ["created"]


def test_an_account_without_an_owner_needs_no_kyc(ledger: Ledger) -> None:
    """The platform's own account is restricted and set free by decision alone."""
    ledger.set_status(S.RESTRICTED, "platform")
    ledger.set_status(S.ACTIVE, "platform")
    assert ledger.shown("platform") is S.ACTIVE


def test_a_held_account_moves_by_its_order_alone(ledger: Ledger) -> None:
    """While an order or a block stands no decision moves the account, but a repeated one still answers."""
    ledger.set_status(S.RESTRICTED, "alice")
    ledger.freeze("alice")
    assert refusal(ledger, S.ACTIVE, "alice")["because"] == "held"
    ledger.set_status(S.RESTRICTED, "alice")
    ledger.release("alice")
    ledger.set_status(S.ACTIVE, "alice")
    assert ledger.shown("alice") is S.ACTIVE


def test_an_account_is_closed_empty(ledger: Ledger) -> None:
    """CLOSED needs that nothing is left, posted or pending, on either side, and is final."""
    reserve = Row("r", "alice", "bob", 100, F.PENDING)
    assert ledger.send(reserve) == ["created"]
    ledger.set_status(S.CLOSING, "alice", "bob")
    assert refusal(ledger, S.CLOSED, "alice")["because"] == "not_empty"
    assert refusal(ledger, S.CLOSED, "bob")["because"] == "not_empty"
    assert ledger.send(Row("v", flags=F.VOID_PENDING_TRANSFER, pending_id="r", code=0, ledger=0)) == ["created"]
    assert refusal(ledger, S.CLOSED, "alice")["because"] == "not_empty"
    assert ledger.send(Row("out", "alice", "bank 978", 1_000, code=WITHDRAWAL)) == ["created"]
    ledger.set_status(S.CLOSED, "alice", "bob")
    ledger.freeze("alice")
    ledger.standing(Standing.BLOCKED)
    assert ledger.shown("alice") is ledger.shown("bob") is S.CLOSED


def test_a_decision_whose_commit_fails_is_taken_back(ledger: Ledger) -> None:
    """State, restriction and time return to what they were."""
    from ringfence_custody.ledger.domain.apply import apply
    from ringfence_custody.ledger.domain.change_accounts import decide_statuses

    before, book = digest(ledger.book), ledger.book
    for status in (S.RESTRICTED, S.ACTIVE, S.CLOSING):
        for event in decide_statuses(book, [ledger.index("alice")], status, bytes(16), "x", ledger.now_ns):
            apply(book, event, ledger.journal)
    assert digest(book) != before
    ledger.journal.rollback()
    assert digest(book) == before
