"""What a batch answers beside its results, and what is left of it when the store cannot be read."""

from __future__ import annotations

import pytest
from ringfence_custody.ledger.domain.digest import digest

from ..ledger import Ledger, Row
from .world import POST, F


@pytest.fixture
def ledger() -> Ledger:
    """Two clients with 1,000 each, one with nothing, and a reservation of 300."""
    ledger = Ledger()
    for name in ("alice", "bob", "carol"):
        ledger.account(name)
    ledger.fund("alice", 1_000)
    ledger.fund("bob", 1_000)
    assert ledger.send(Row("reserved", "alice", "bob", 300, 2, timeout=60), Row("plain", "alice", "bob", 10)) == [
        "created",
        "created",
    ]
    return ledger


def test_balances_are_those_right_after_each_row(ledger: Ledger) -> None:
    """Each row has the four balances of its two accounts after it, and zeros where it was refused or taken back."""
    rows = (
        Row("a", "alice", "bob", 1),
        Row("b", "carol", "bob", 1),
        Row("c", "alice", "bob", 2, 2),
        Row("d", "alice", "bob", 4, 1),
        Row("e", "carol", "bob", 1),
    )
    outcome = ledger.decide(*rows, with_balances=True)
    nothing = (0,) * 8
    assert outcome.balances == [
        (300, 11, 0, 1_000, 0, 0, 300, 1_011),
        nothing,
        (302, 11, 0, 1_000, 0, 0, 302, 1_011),
        nothing,
        nothing,
    ]


def test_times_grow_by_one_from_row_to_row(ledger: Ledger) -> None:
    """Every row has a time of its own, refused ones too, and the next batch comes after it."""
    rows = [Row(f"t{number}", "alice" if number % 3 else "carol", "bob", 1) for number in range(20)]
    first, second = ledger.decide(*rows), ledger.decide(Row("next", "alice", "bob", 1))
    assert list(first.timestamp_ns) == list(range(first.timestamp_ns[0], first.timestamp_ns[0] + 20))
    assert second.timestamp_ns[0] == first.timestamp_ns[-1] + 1


class StoreAway(Exception):
    """The store cannot be read."""


def away(number: int) -> None:
    """Fails as a store does that cannot be reached."""
    raise StoreAway


@pytest.mark.parametrize("plain_rows", [0, 20])
def test_a_store_that_is_away_leaves_the_book_as_it_was(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, plain_rows: int
) -> None:
    """When an earlier batch cannot be read, the whole batch is given up and nothing of it stays."""
    before = digest(ledger.book)
    monkeypatch.setattr(ledger, "load", away)
    rows = (
        *(Row(f"plain {number}", "bob", "carol", 1) for number in range(plain_rows)),
        Row("p", flags=POST.flags, pending_id="reserved", amount=300, code=0, ledger=0),
        Row("a", "alice", "bob", 5),
        Row("r", "alice", "bob", 5, int(F.PENDING)),
        Row("q", flags=POST.flags, pending_id="r", amount=5, code=0, ledger=0),
        Row("plain", "alice", "bob", 100),
    )
    with pytest.raises(StoreAway):
        ledger.decide(*rows)
    assert digest(ledger.book) == before
    monkeypatch.undo()
    assert ledger.send(*rows) == ["created"] * (plain_rows + 4) + ["exists_with_different_amount"]


def test_taking_back_needs_no_store(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed commit is taken back in memory alone, for the store is likely to be away then."""
    before, book = digest(ledger.book), ledger.book
    mark = len(book.open), len(book.open.burnt), book.last_timestamp
    post = Row("p", flags=POST.flags, pending_id="reserved", amount=300, code=0, ledger=0)
    ledger.decide(post, Row("r", "alice", "bob", 5, int(F.PENDING)), Row("x", "carol", "bob", 5))
    monkeypatch.setattr(ledger, "load", away)
    book.seal()
    book.unseal()
    book.undo(*mark)
    assert digest(book) == before
