"""Balances from leaves alone: the fold in columns says what the verifier says leaf by leaf, however they come."""

from __future__ import annotations

from random import Random

import pytest
from ringfence_audit.books.adapters.saving import restored, saved
from ringfence_audit.books.domain.columns import MOST_SHAPES, columns_of
from ringfence_audit.books.domain.fold import OF_TRANSFERS, Block, Bound, Fold
from ringfence_audit.books.domain.ids import FEWEST_SLOTS, IdTable, halves
from ringfence_audit.log.domain.leaf import encode

from .ledgers import (
    CNY,
    EUR,
    PENDING,
    POST,
    TENANTS,
    TIME_NS,
    account,
    expired,
    folded,
    identifier,
    read_by_verifier,
    transfer,
    varied,
)

OURS = TENANTS[0]


@pytest.mark.parametrize("seed", range(6))
def test_both_folds_come_to_the_same(seed: int) -> None:
    """Whatever the leaves say, and wherever blocks are cut, roots and totals are those of the plain fold."""
    leaves, random = varied(900, seed), Random(seed)
    fold = folded(leaves, [random.randrange(1, 200) for _ in range(12)])
    plain = read_by_verifier(leaves)
    accounts = 0
    for tenant in (*TENANTS, identifier("nobody")):
        for ledger in (EUR, CNY):
            books = fold.read(tenant, ledger)
            assert books.stated() == plain.stated(tenant, ledger)
            accounts += books.accounts
    assert accounts > 30


def test_a_fold_goes_on_from_what_was_saved() -> None:
    """Saved and restored in the middle of open reservations it ends as it would have; and is saved the same."""
    leaves = varied(800, 11)
    whole, half = folded(leaves), folded(leaves[:400])
    assert any(book.open for book in half.books.values())
    resumed = folded(leaves[400:], fold=restored(saved(half)), first=400)
    assert saved(resumed) == saved(whole)
    with pytest.raises(ValueError, match="saved"):
        restored(b"\x01")


def test_a_reservation_is_pending_until_it_is_posted_voided_or_expired() -> None:
    """Posting part of it frees all of it; an expiry frees it; whoever posts twice frees nothing twice."""
    leaves = [
        account(OURS, 1, TIME_NS, name="BANK_MIRROR"),
        account(OURS, 2, TIME_NS),
        transfer(OURS, 1, (1, 2), 1_000),
        transfer(OURS, 2, (2, 1), 300, PENDING),
        transfer(OURS, 3, (2, 1), 200, PENDING),
    ]
    client = identifier("account", 2)
    assert folded(leaves).books[OURS].balances(client) == (500, 0, 0, 1_000)
    leaves += [
        transfer(OURS, 4, (2, 1), 250, POST, 2),
        expired(OURS, 3, TIME_NS),
        transfer(OURS, 5, (2, 1), 1, POST, 2),
    ]
    fold = folded(leaves)
    assert fold.books[OURS].balances(client) == (0, 251, 0, 1_000)
    assert fold.books[OURS].balances(identifier("account", 3)) is None
    books = fold.read(OURS, EUR)
    assert (books.clients_minor, books.safeguarded_minor, books.is_covered) == (749, 749, True)


def test_one_clients_overdraft_is_not_anothers_money() -> None:
    """What is positive counts for itself: a client below zero leaves less at the banks than the others are owed."""
    leaves = [account(OURS, 1, TIME_NS, name="BANK_MIRROR"), *(account(OURS, each, TIME_NS) for each in (2, 3))]
    leaves += [transfer(OURS, 1, (1, 2), 500), transfer(OURS, 2, (3, 2), 1)]
    books = folded(leaves).read(OURS, EUR)
    assert (books.clients_minor, books.safeguarded_minor, books.is_covered) == (501, 500, False)


def test_a_bound_leaves_out_other_platforms_and_later_times() -> None:
    """Books of a past instant have what has happened by then, accounts too, and of nobody else."""
    leaves = [account(OURS, 1, 1), account(OURS, 2, 2), account(TENANTS[1], 1, 1)]
    leaves += [transfer(OURS, at, (1, 2), 10**at, time_ns=2 + at) for at in range(4)]
    leaves += [account(OURS, 3, 6), transfer(TENANTS[1], 9, (1, 1), 7, time_ns=3)]
    fold = Fold()
    assert list(fold.take(Block(list(enumerate(leaves)), len(leaves), 1), Bound(OURS, 4))) == []
    assert fold.books[OURS].balances(identifier("account", 2)) == (0, 0, 0, 111)
    assert fold.read(OURS, EUR).accounts == 2
    assert fold.read(TENANTS[1], EUR).accounts == 0


def test_an_id_table_finds_what_it_has_whatever_ids_strangers_choose() -> None:
    """Rows are numbered as they come, also where ids have everything but one bit in common."""
    table = IdTable()
    ids = [number.to_bytes(16, "little") for number in range(1, 4 * FEWEST_SLOTS)]
    for at in range(0, len(ids), 37):
        table.add(halves(b"".join(ids[at : at + 37])))
    assert table.rows(halves(b"".join(ids))).tolist() == list(range(1, len(ids) + 1))
    assert table.rows(halves(bytes(16) + b"\xff" * 16)).tolist() == [0, 0]


def test_columns_are_read_by_type_and_width() -> None:
    """More shapes of one length than are looked for together are read one by one; what is of another type is none."""
    names = [bytes([65 + at]).decode() * 5 for at in range(MOST_SHAPES + 8)]
    leaves = [encode("custody.transfer.v1", {name: 1, "flags": at}) for at, name in enumerate(names)]
    leaves += [encode("custody.transfer.v1", {"AAAAA": 1, "flags": b"12345678"})]
    found = columns_of(leaves, OF_TRANSFERS)["flags"]
    assert [int.from_bytes(row.tobytes(), "big") for row in found] == [*range(len(names)), 0]
