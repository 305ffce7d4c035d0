"""Sums and pairs: only what is certain, as much as there is."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from ringfence_payment_instruction.statements.domain.pairing import MAX_PERFECT, pairs
from ringfence_payment_instruction.statements.domain.sums import MAX_AMOUNTS, only_subset

AMOUNTS = st.lists(st.integers(1, 60), max_size=9)


@given(AMOUNTS, st.integers(1, 120))
def test_the_only_subset_is_found_where_there_is_one_alone(amounts: list[int], total: int) -> None:
    """Compared with all subsets of two or more, counted out."""
    found = [
        each
        for size in range(2, len(amounts) + 1)
        for each in combinations(range(len(amounts)), size)
        if sum(amounts[place] for place in each) == total
    ]
    assert only_subset(amounts, total) == (found[0] if len(found) == 1 else None)


def test_of_too_many_amounts_there_is_no_answer() -> None:
    """The search is bounded; larger amounts do not count against it."""
    assert only_subset([1] * (MAX_AMOUNTS + 1), MAX_AMOUNTS + 1) is None
    wide = [2**place for place in range(MAX_AMOUNTS)]
    assert only_subset([*wide, *[2**30] * 50], 2**MAX_AMOUNTS - 1) == tuple(range(MAX_AMOUNTS))


@given(st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=6))
def test_as_many_pairs_are_found_as_there_can_be(options: list[list[int]]) -> None:
    """Compared with every choice, counted out."""

    def most(at: int, taken: frozenset[int]) -> int:
        if at == len(options):
            return 0
        without = most(at + 1, taken)
        return max([without, *(1 + most(at + 1, taken | {each}) for each in options[at] if each not in taken)])

    found = pairs(range(len(options)), range(6), lambda one, two: two in options[one])
    assert len(found) == most(0, frozenset())
    assert all(two in options[one] for one, two in found)
    assert len({two for _, two in found}) == len(found)


def test_long_lists_are_paired_in_order() -> None:
    """Beyond a bound each takes the first that fits."""
    many = range(MAX_PERFECT + 10)
    assert pairs(many, many, lambda one, two: one == two) == [(each, each) for each in many]
