"""What a bank takes back: the mirror follows in one transfer, and the platform owes what is not there any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ringfence_custody.ledger.domain.authority import PAYMENT_INSTRUCTION, Authority, Reach
from ringfence_custody.ledger.domain.digest import digest
from ringfence_custody.ledger.domain.lifecycle import AccountStatus
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import AccountFlag, TransferFlag
from ringfence_custody.ledger.domain.rule_packs import PurposeRule

from .ledger import (
    ALLOCATION,
    CHARGE,
    COLLECTION,
    DEPOSIT,
    EUR,
    FEE,
    GRANT,
    PAYMENT,
    RETRACTION,
    REVERSAL,
    SHORTFALL_FUNDING,
    WITHDRAWAL,
    Ledger,
    Row,
)

C = AccountClass
BANK, OWED = "bank 978", "shortfall"
EVIDENCE = Authority(PAYMENT_INSTRUCTION, Reach.EVIDENCE)
SUBMISSION = Authority(PAYMENT_INSTRUCTION, Reach.SUBMISSION)
BALANCING, PENDING = TransferFlag.BALANCING_DEBIT, TransferFlag.PENDING


@pytest.fixture
def ledger() -> Ledger:
    """Alice has 100, suspense 50, fees 30, the platform 20."""
    return funded()


def funded() -> Ledger:
    """Returns that book."""
    ledger = Ledger()
    for name, account_class in (
        ("alice", C.CLIENT),
        ("bob", C.CLIENT),
        ("suspense", C.SUSPENSE),
        ("fees", C.FEE),
        ("platform", C.PLATFORM),
        (OWED, C.SHORTFALL),
    ):
        ledger.account(name, account_class)
    ledger.fund("alice", 130)
    ledger.fund("suspense", 50)
    ledger.fund("platform", 20)
    assert ledger.send(Row("fee", "alice", "fees", 30, code=FEE)) == ["created"]
    ledger.authority = EVIDENCE
    return ledger


def taken(name: str, amount: int, source: str = "alice", code: int = REVERSAL) -> list[Row]:
    """Returns what books that a bank has taken back."""
    return [
        Row(name, OWED, BANK, amount, code=code),
        Row(f"{name} from {source}", source, OWED, amount, BALANCING, code=code),
    ]


def posted(ledger: Ledger, name: str) -> int:
    """Returns credits minus debits of an account."""
    return ledger.book.accounts.posted_balance(ledger.index(name))


@pytest.mark.parametrize(("amount", "left", "owed"), [(80, 20, 0), (100, 0, 0), (250, 0, 150)])
@pytest.mark.parametrize("code", [REVERSAL, RETRACTION])
def test_a_client_gives_what_is_free_and_the_platform_owes_the_rest(
    ledger: Ledger, code: int, amount: int, left: int, owed: int
) -> None:
    """The mirror moves by the whole amount, once; the same again changes nothing."""
    mirror = posted(ledger, BANK)
    assert ledger.send(*taken("r", amount, code=code)) == ["created", "created"]
    before = digest(ledger.book)
    assert ledger.send(*taken("r", amount, code=code)) == ["exists", "exists"]
    assert digest(ledger.book) == before == digest(ledger.replayed())
    assert (posted(ledger, "alice"), -posted(ledger, OWED)) == (left, owed)
    assert posted(ledger, BANK) == mirror + amount


def test_what_is_set_aside_for_a_payment_is_not_taken(ledger: Ledger) -> None:
    """A payment that has left is posted afterwards: the mirror shows more taken than it had, and that is owed."""
    ledger.authority = SUBMISSION
    assert ledger.send(Row("payout", "alice", BANK, 100, PENDING, code=WITHDRAWAL)) == ["created"]
    ledger.authority = EVIDENCE
    assert ledger.send(*taken("r", 100)) == ["created", "created"]
    post = Row("left", pending_id="payout", flags=TransferFlag.POST_PENDING_TRANSFER, amount=100, code=0, ledger=0)
    assert ledger.send(post) == ["created"]
    assert (posted(ledger, "alice"), posted(ledger, OWED)) == (0, -100)


def test_a_mirror_follows_its_bank_below_zero_and_pays_nobody_then(ledger: Ledger) -> None:
    """A bank that takes more than it holds is booked; a payment by that mirror is refused."""
    assert ledger.send(Row("r", OWED, BANK, 1_000, code=CHARGE)) == ["created"]
    assert posted(ledger, BANK) == 800
    ledger.authority = SUBMISSION
    assert ledger.send(Row("payout", "alice", BANK, 1, PENDING, code=WITHDRAWAL)) == ["exceeds_debits"]


STATES: dict[str, Callable[[Ledger], None]] = {
    "frozen": lambda ledger: ledger.freeze("alice"),
    "dormant": lambda ledger: ledger.set_status(AccountStatus.DORMANT, "alice"),
    "restricted": lambda ledger: ledger.set_status(AccountStatus.RESTRICTED, "alice"),
    "closing": lambda ledger: ledger.set_status(AccountStatus.CLOSING, "alice"),
    "mirror frozen": lambda ledger: ledger.freeze(BANK),
    "mirror restricted": lambda ledger: ledger.set_status(AccountStatus.RESTRICTED, BANK),
}


@pytest.mark.parametrize("state", STATES)
def test_no_state_keeps_what_a_bank_has_taken(ledger: Ledger, state: str) -> None:
    """A freeze, a decision or a lapse of KYC does not make money that a bank has taken the client's."""
    STATES[state](ledger)
    assert ledger.send(*taken("r", 80)) == ["created", "created"]
    assert (posted(ledger, "alice"), posted(ledger, OWED)) == (20, 0)


def test_a_closed_account_gives_nothing_and_the_mirror_follows(ledger: Ledger) -> None:
    """What the client does not give is owed; the refused half changes nothing of the other."""
    ledger.account("shut", flags=AccountFlag.CLOSED)
    assert ledger.send(*taken("r", 80, "shut")) == ["created", "debit_account_already_closed"]
    assert ledger.send(*taken("r", 80, "shut")) == ["exists", "id_already_failed"]
    assert posted(ledger, OWED) == -80


@pytest.mark.parametrize("code", [REVERSAL, RETRACTION, CHARGE, ALLOCATION])
def test_nobody_takes_by_a_submission(ledger: Ledger, code: int) -> None:
    """What a bank does rests on its word: no authorisation of a platform takes from a client, a mirror, or suspense."""
    ledger.authority = SUBMISSION
    rows = {ALLOCATION: [Row("a", "suspense", "alice", 1, code=code)], CHARGE: [Row("c", OWED, BANK, 1, code=code)]}
    found = ledger.send(*rows.get(code, taken("r", 1, code=code)))
    assert set(found) == {"mandate_unknown"}


def test_suspense_is_allocated_by_the_banks_word(ledger: Ledger) -> None:
    """Part of what lies in suspense goes to a client; a client who may not receive leaves it there."""
    assert ledger.send(Row("a", "suspense", "bob", 20, code=ALLOCATION)) == ["created"]
    ledger.freeze("bob")
    assert ledger.send(Row("b", "suspense", "bob", 20, code=ALLOCATION)) == ["credit_account_frozen"]
    assert ledger.send(Row("c", "suspense", "alice", 31, code=ALLOCATION)) == ["exceeds_credits"]
    assert posted(ledger, "suspense") == 30


@pytest.mark.parametrize("company", [0, 12], ids=["alone", "among others"])
def test_a_platform_that_owes_does_not_come_to_its_own_money(ledger: Ledger, company: int) -> None:
    """Payouts and fees stop until all is funded; its clients pay all the while, and no more than is owed is taken."""
    ledger.send(Row("charge", OWED, BANK, 15, code=CHARGE))
    ledger.authority = SUBMISSION
    others = [Row(f"plain {each}", "alice", "bob", 1) for each in range(company)]
    own = [Row("fees", "fees", "platform", 1, code=COLLECTION), Row("out", "platform", BANK, 1, PENDING, code=7)]
    given = [Row("refund", "fees", "alice", 1, code=5), Row("grant", "platform", "alice", 1, code=GRANT)]
    assert ledger.send(*others, *own, *given) == ["created"] * company + ["shortfall_unfunded"] * 4
    assert ledger.send(Row("pay", "alice", "bob", 1, code=PAYMENT)) == ["created"]
    assert ledger.send(Row("much", "platform", OWED, 16, code=SHORTFALL_FUNDING)) == ["exceeds_debits"]
    assert ledger.send(Row("fund", "platform", OWED, 15, code=SHORTFALL_FUNDING)) == ["created"]
    assert ledger.send(Row("fees again", "fees", "platform", 1, code=COLLECTION)) == ["created"]


def test_rules_of_a_book_do_not_stand_against_a_bank(ledger: Ledger) -> None:
    """A book that adopted rules which know nothing of it, as an earlier release could, books it all the same."""
    ledger.adopt("bare", PurposeRule(DEPOSIT, frozenset({(C.BANK_MIRROR, C.SUSPENSE)}), True))
    assert ledger.send(*taken("r", 80)) == ["created", "created"]
    assert ledger.replayed().rules.purposes.keys() >= {17, 18, 19, 20, 21, 22}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["deposit", "suspense", "take", "retract", "charge", "allocate", "pay", "fund"]),
            st.sampled_from(["alice", "bob"]),
            st.integers(0, 120),
        ),
        max_size=25,
    )
)
def test_clients_money_is_at_the_banks_or_owed(steps: list[tuple[str, str, int]]) -> None:
    """After anything in any order the mirror is what the bank did to it, and no client is below zero.

    That the money is there, or owed, the book checks at every commit, by totals that must be those of the accounts.
    """
    ledger = funded()
    at_bank = -posted(ledger, BANK)
    for number, (what, client, amount) in enumerate(steps):
        other = "bob" if client == "alice" else "alice"
        rows = {
            "deposit": [Row(f"{number}", BANK, client, amount, code=DEPOSIT)],
            "suspense": [Row(f"{number}", BANK, "suspense", amount, code=DEPOSIT)],
            "take": taken(f"{number}", amount, client),
            "retract": taken(f"{number}", amount, "suspense", RETRACTION),
            "charge": [Row(f"{number}", OWED, BANK, amount, code=CHARGE)],
            "allocate": [Row(f"{number}", "suspense", client, amount, code=ALLOCATION)],
            "pay": [Row(f"{number}", client, other, amount, BALANCING)],
            "fund": [Row(f"{number}", "platform", OWED, amount, BALANCING, code=SHORTFALL_FUNDING)],
        }[what]
        ledger.authority = SUBMISSION if what in ("pay", "fund") else EVIDENCE
        results = ledger.send(*rows)
        if what in ("take", "retract", "charge"):
            at_bank -= amount
            assert results[0] == "created"
        elif what in ("deposit", "suspense"):
            at_bank += amount
            assert results == ["created"]
    assert -posted(ledger, BANK) == at_bank
    assert all(posted(ledger, each) >= 0 for each in ("alice", "bob", "suspense", "platform"))
    assert posted(ledger, OWED) <= 0
    assert ledger.replayed().totals.net[EUR] == ledger.book.totals.net[EUR]
