"""Shares of mixed money: whole, complete, and by the rule, against a slow twin."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_desk.attribution import Rule, Share, attributed, proportional
from ringfence_desk.moves import moves_in

from .books import ANNA, BERTA, MIRROR, MOVES, SHORTFALL, SUSPENSE, Book

Moves = list[tuple[UUID, UUID, int]]


def shares_of(account: UUID, book: Book, rule: Rule) -> list[Share]:
    """Divides an account's money."""
    return attributed(account, moves_in(book.facts_of(account)), rule)


def booked(moves: Moves) -> Book:
    """Returns a book with movements."""
    book = Book()
    for source, target, minor in moves:
        book.move(source, target, minor)
    return book


def told(shares: list[Share]) -> list[tuple[int | None, int | None, int]]:
    """Returns shares as facts of what came in and went out, in order, with their minor units."""
    return [
        (
            share.source.fact.index if share.source else None,
            share.target.fact.index if share.target else None,
            share.minor,
        )
        for share in shares
    ]


@given(MOVES, st.sampled_from(Rule))
def test_shares_sum_to_what_came_in_and_went_out(moves: Moves, rule: Rule) -> None:
    """Every minor unit that came in is in one share, and every one that went out; none is negative or invented."""
    book = booked(moves)
    shares = shares_of(ANNA, book, rule)
    came, went = Counter[int](), Counter[int]()
    for share in shares:
        assert share.minor > 0
        if share.source:
            came[share.source.fact.index] += share.minor
        if share.target:
            went[share.target.fact.index] += share.minor
    stated = moves_in(book.facts_of(ANNA))
    assert came == {move.fact.index: move.minor for move in stated if move.to_account == ANNA}
    assert went == {move.fact.index: move.minor for move in stated if move.from_account == ANNA}


@given(MOVES)
def test_first_in_first_out_is_that_of_a_queue_of_single_cents(moves: Moves) -> None:
    """The twin has one entry per cent in a queue, and pops them one by one."""
    book = booked(moves)
    there, owed = list[int](), list[int]()
    twin = Counter[tuple[int | None, int | None]]()
    for move in moves_in(book.facts_of(ANNA)):
        for _ in range(move.minor):
            if move.to_account == ANNA:
                if owed:
                    twin[move.fact.index, owed.pop(0)] += 1
                else:
                    there.append(move.fact.index)
            elif there:
                twin[there.pop(0), move.fact.index] += 1
            else:
                owed.append(move.fact.index)
    for left in there:
        twin[left, None] += 1
    for left in owed:
        twin[None, left] += 1
    found = Counter[tuple[int | None, int | None]]()
    for source, target, minor in told(shares_of(ANNA, book, Rule.FIRST_IN_FIRST_OUT)):
        found[source, target] += minor
    assert found == twin


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=12), st.data())
def test_proportions_are_whole_and_nearest(weights: list[int], data: st.DataObject) -> None:
    """Each part is its exact proportion rounded down or up, none above its weight, and all of it is divided."""
    minor = data.draw(st.integers(0, sum(weights)))
    parts = proportional(minor, weights)
    assert sum(parts) == minor
    for part, weight in zip(parts, weights, strict=True):
        exact = Fraction(minor * weight, sum(weights)) if sum(weights) else Fraction(0)
        assert abs(part - exact) < 1
        assert part <= weight
    over = [part - Fraction(minor * weight, sum(weights) or 1) for part, weight in zip(parts, weights, strict=True)]
    up = [1 - each for each in over if each > 0]
    down = [-each for each in over if each < 0]
    assert not up or not down or min(up) >= max(down)


@given(MOVES)
def test_pro_rata_takes_from_all_that_is_there(moves: Moves) -> None:
    """The twin keeps what is there by what brought it, and takes of each its proportion within a cent."""
    book = booked(moves)
    there: dict[int, int] = {}
    shares = told(shares_of(ANNA, book, Rule.PRO_RATA))
    owed = 0
    for move in moves_in(book.facts_of(ANNA)):
        index = move.fact.index
        if move.to_account == ANNA:
            good = min(owed, move.minor)
            owed -= good
            there[index] = move.minor - good
            continue
        balance = sum(there.values())
        taken = min(balance, move.minor)
        # What was advanced is made good later, by what came after.
        given = {source: minor for source, target, minor in shares if target == index and source in there}
        for source, left in there.items():
            assert abs(given.get(source, 0) - Fraction(taken * left, balance or 1)) < 1
        for source, minor in given.items():
            there[source] -= minor
        owed += move.minor - taken


@pytest.mark.parametrize("rule", Rule)
def test_what_the_log_names_goes_first(rule: Rule) -> None:
    """Money in suspense leaves for the entry that brought it, whatever came before it."""
    book, first, second = Book(), UUID(int=1), UUID(int=2)
    book.move(MIRROR, SUSPENSE, 70, first, 1)
    book.move(MIRROR, SUSPENSE, 30, second, 1)
    book.move(SUSPENSE, ANNA, 30, second, 9)
    brought = [fact.index for fact in book.facts[-3:]]
    assert told(shares_of(SUSPENSE, book, rule)) == [(brought[1], brought[2], 30), (brought[0], None, 70)]


def test_a_reversal_takes_what_is_left_of_the_deposit_that_it_reverses() -> None:
    """`origin_of` names what brought it; what of that is spent comes out of the rest."""
    book, deposit, reversal = Book(), UUID(int=1), UUID(int=2)
    book.move(MIRROR, ANNA, 50, UUID(int=9), 1)
    book.move(MIRROR, ANNA, 100, deposit, 1)
    book.move(ANNA, BERTA, 20)
    book.move(ANNA, SHORTFALL, 110, reversal, 19)
    other, brought, spent, back = (fact.index for fact in book.facts[-4:])
    moves = moves_in(book.facts_of(ANNA))
    shares = attributed(ANNA, moves, Rule.FIRST_IN_FIRST_OUT, lambda move: deposit if move.code == 19 else None)
    assert told(shares) == [(other, spent, 20), (brought, back, 100), (other, back, 10), (other, None, 20)]


def test_what_was_advanced_is_made_good_by_what_comes_next() -> None:
    """A bank that takes money before anybody gives it: the platform owes it, what comes for it makes it good first."""
    book, reversal = Book(), UUID(int=2)
    book.move(SHORTFALL, MIRROR, 5, UUID(int=8), 19)
    book.move(SHORTFALL, MIRROR, 40, reversal, 19)
    book.move(ANNA, SHORTFALL, 30, reversal, 19)
    earlier, taken, given = (fact.index for fact in book.facts[-3:])
    assert told(shares_of(SHORTFALL, book, Rule.FIRST_IN_FIRST_OUT)) == [
        (given, taken, 30),
        (None, earlier, 5),
        (None, taken, 10),
    ]
