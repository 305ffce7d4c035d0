"""Bank mirrors: no countersigned letter, no active mirror; what the bank did is booked all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ringfence_custody.ledger.domain.authority import PAYMENT_INSTRUCTION, Authority, Reach
from ringfence_custody.ledger.domain.lifecycle import AccountStatus, Standing
from ringfence_custody.ledger.domain.purposes import AccountClass
from ringfence_custody.ledger.domain.result_codes import TransferFlag

from .ledger import DEPOSIT, OWNER, WITHDRAWAL, Ledger, Row

S, F = AccountStatus, TransferFlag
EVIDENCE = Authority(PAYMENT_INSTRUCTION, Reach.EVIDENCE)
SUBMISSION = Authority(PAYMENT_INSTRUCTION, Reach.SUBMISSION)
IN, OUT = Row("in", "bank", "alice", 10, code=DEPOSIT), Row("out", "alice", "bank", 10, code=WITHDRAWAL)


@pytest.fixture
def ledger() -> Ledger:
    """A client with 100 at a bank whose letter stands."""
    ledger = Ledger()
    ledger.account("alice")
    ledger.account("bank", AccountClass.BANK_MIRROR)
    assert ledger.send(Row("funding", "bank", "alice", 100, code=DEPOSIT)) == ["created"]
    return ledger


def test_a_mirror_opens_without_being_active(ledger: Ledger) -> None:
    """No command moves money over it, an importer's no more than a submission's; other accounts wait for nothing."""
    ledger.account("second", AccountClass.BANK_MIRROR)
    ledger.letter("second", stands=False)
    ledger.account("suspense", AccountClass.SUSPENSE)
    assert (ledger.shown("second"), ledger.shown("suspense")) == (S.PENDING_LETTER, S.ACTIVE)
    received = replace(IN, debit="second")
    assert ledger.send(received) == ["debit_account_not_active"]
    ledger.letter("second")
    assert ledger.send(replace(received, id="again")) == ["created"]


def test_the_end_of_its_letter_stops_a_mirror_for_commands(ledger: Ledger) -> None:
    """Nothing more is received or paid by command; what the bank says is booked, in a replay too."""
    ledger.letter("bank", stands=False)
    ledger.book = ledger.replayed()
    assert ledger.send(IN, OUT) == ["debit_account_not_active", "credit_account_not_active"]
    ledger.authority = SUBMISSION
    assert ledger.send(replace(OUT, id="out 2", flags=F.PENDING)) == ["credit_account_not_active"]
    ledger.authority = EVIDENCE
    assert ledger.send(replace(IN, id="in 2")) == ["created"]


def test_what_was_reserved_for_the_bank_is_posted_all_the_same(ledger: Ledger) -> None:
    """It has left by the bank, and the book follows."""
    ledger.authority = SUBMISSION
    assert ledger.send(replace(OUT, flags=F.PENDING)) == ["created"]
    ledger.letter("bank", stands=False)
    ledger.authority = EVIDENCE
    assert ledger.send(Row("post", flags=F.POST_PENDING_TRANSFER, pending_id="out", amount=10, code=0, ledger=0)) == [
        "created"
    ]


def test_an_order_stops_what_the_bank_says_as_well(ledger: Ledger) -> None:
    """A missing letter is passed over, and nothing else is."""
    ledger.letter("bank", stands=False)
    ledger.freeze("bank")
    ledger.authority = EVIDENCE
    assert ledger.send(IN) == ["debit_account_frozen"]
    ledger.release("bank")
    ledger.freeze("alice")
    assert ledger.send(replace(IN, id="in 2")) == ["credit_account_frozen"]


@pytest.mark.parametrize("before", [S.ACTIVE, S.RESTRICTED, S.DORMANT, S.CLOSING])
def test_a_mirror_is_as_it_was_with_a_letter_again(ledger: Ledger, before: AccountStatus) -> None:
    """An operator's restriction outlasts the end of a letter, and the next one."""
    if before is not S.ACTIVE:
        ledger.set_status(before, "bank")
    ledger.letter("bank", stands=False)
    assert ledger.shown("bank") is S.PENDING_LETTER
    ledger.letter("bank")
    assert ledger.shown("bank") is (S.RESTRICTED if before is S.RESTRICTED else S.ACTIVE)
    events = len(ledger.events)
    ledger.letter("bank")
    assert len(ledger.events) == events


def test_a_mirror_with_an_owner_waits_for_both(ledger: Ledger) -> None:
    """A letter does not stand in for KYC, nor KYC for a letter."""
    owner = b"somebody else 01"
    ledger.account("owned", AccountClass.BANK_MIRROR, owner=owner)
    assert ledger.shown("owned") is S.PENDING_KYC
    ledger.letter("owned", stands=False)
    ledger.standing(Standing.ADMITTED, owner)
    assert ledger.shown("owned") is S.PENDING_LETTER
    ledger.account("admitted", AccountClass.BANK_MIRROR, owner=OWNER)
    assert ledger.shown("admitted") is S.ACTIVE
    ledger.letter("admitted", stands=False)
    ledger.standing(Standing.LAPSED)
    ledger.standing(Standing.ADMITTED)
    assert ledger.shown("admitted") is S.PENDING_LETTER


def test_a_mirror_that_was_never_used_is_closed(ledger: Ledger) -> None:
    """Without a letter it is closed at once, but only while nothing is on it."""
    ledger.account("second", AccountClass.BANK_MIRROR)
    ledger.letter("second", stands=False)
    ledger.set_status(S.CLOSED, "second")
    assert ledger.shown("second") is S.CLOSED
    ledger.letter("second")
    assert ledger.shown("second") is S.CLOSED
