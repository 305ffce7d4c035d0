"""The published reference of create_transfers in sequences: two phases, chains, balancing, closing, expiry."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ringfence_custody.domain.digest import digest
from ringfence_custody.domain.statuses import AMOUNT_MAX

from .cases import PAY, POST, RESERVE, VOID, F, funded_ledger
from .ledger import CLOSURE, PAYMENT, WITHDRAWAL, Ledger, Row


@pytest.fixture
def ledger() -> Ledger:
    """The funded book."""
    return funded_ledger()


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
