"""The matcher against a slow one in plain Python, and what it must never do."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from ringfence_custody.reconciliation.domain.lines import LINE, words_of
from ringfence_custody.reconciliation.domain.matching import Side, Task, match, mixed, suggest
from ringfence_custody.reconciliation.domain.rules import Stage

DAY = 20_000


@dataclass(frozen=True)
class Line:
    """A line by plain values; ids, keys and references are numbers, 0 for none."""

    id: int
    amount: int
    key: int = 0
    reference: int = 0
    day: int = DAY
    state: int = 2


def identifier(number: int) -> bytes:
    """Returns a number as an id."""
    return number.to_bytes(16, "big")


def side(lines: list[Line]) -> Side:
    """Returns lines as columns."""
    rows = np.zeros(len(lines), LINE)
    for row, line in enumerate(lines):
        rows["id"][row] = words_of([identifier(line.id)])[0]
        rows["key"][row] = words_of([identifier(line.key)])[0]
        rows["reference"][row] = words_of([identifier(line.reference)])[0]
        rows["amount_minor"][row], rows["day"][row], rows["state"][row] = line.amount, line.day, line.state
    return Side.of(rows)


def matches(bank: list[Line], books: list[Line], **more: object) -> set[tuple[Stage, frozenset[int], frozenset[int]]]:
    """Returns matches as stage, movements and transfers."""
    found = match(Task(side(bank), side(books), **more))  # type: ignore[arg-type]  # the fields of a task
    return groups_of(found, bank, books)


def groups_of(found: object, bank: list[Line], books: list[Line]) -> set[tuple[Stage, frozenset[int], frozenset[int]]]:
    """Returns what was found by ids."""
    groups: dict[int, tuple[Stage, set[int], set[int]]] = {}
    for (stage, _), left, right, numbers in zip(
        found.stages,
        found.bank,
        found.books,
        found.groups,
        strict=True,  # type: ignore[attr-defined]
    ):
        for one, other, number in zip(left.tolist(), right.tolist(), numbers.tolist(), strict=True):
            group = groups.setdefault(number, (stage, set(), set()))
            group[1].add(bank[one].id)
            group[2].add(books[other].id)
    return {(stage, frozenset(left), frozenset(right)) for stage, left, right in groups.values()}


def oracle(bank: list[Line], books: list[Line]) -> set[tuple[Stage, frozenset[int], frozenset[int]]]:
    """Returns the same, by going over everything again and again."""
    found: set[tuple[Stage, frozenset[int], frozenset[int]]] = set()
    ours, theirs = list(bank), list(books)

    def take(stage: Stage, left: list[Line], right: list[Line]) -> None:
        found.add((stage, frozenset(each.id for each in left), frozenset(each.id for each in right)))
        for each in left:
            ours.remove(each)
        for each in right:
            theirs.remove(each)

    claims = Counter(each.key for each in bank if each.key)
    for line in bank:
        named = [each for each in books if line.key and each.key == line.key]
        if claims[line.key] == 1 and line.state != 1 and named and sum(each.amount for each in named) == line.amount:
            take(Stage.KEY, [line], named)
    for stage in (Stage.REFERENCE_AND_AMOUNT, Stage.AMOUNT_AND_DAY):
        by_reference = stage is Stage.REFERENCE_AND_AMOUNT

        def code(line: Line, by_reference: bool = by_reference) -> tuple[int, int]:
            return (line.reference if by_reference else line.day), line.amount

        left = [each for each in ours if each.reference or not by_reference]
        right = [each for each in theirs if each.reference or not by_reference]
        for line in left:
            alike = [each for each in right if code(each) == code(line)]
            rivals = [each for each in left if code(each) == code(line)]
            if len(alike) == len(rivals) == 1 and line.state != 1 and line.amount and may_be(line, alike[0]):
                take(stage, [line], alike)
    for reference in {each.reference for each in ours} - {0}:
        left = [each for each in ours if each.reference == reference and each.amount]
        right = [each for each in theirs if each.reference == reference and each.amount]
        both = [*left, *right]
        one_way = {each.amount > 0 for each in both}
        fits = left and right and (len(left) == 1) != (len(right) == 1) and len(one_way) == 1
        fits = fits and len({each.day for each in both}) == 1 and not any(each.key for each in both)
        fits = fits and all(each.state != 1 for each in left)
        if fits and sum(each.amount for each in left) == sum(each.amount for each in right):
            take(Stage.REFERENCES, left, right)
    return found


def may_be(one: Line, other: Line) -> bool:
    """Tells whether nothing that two lines name tells them apart."""
    both_keyed = one.key and other.key
    return not both_keyed and (one.reference == other.reference or not (one.reference and other.reference))


def some_lines(chance: random.Random) -> tuple[list[Line], list[Line]]:
    """Returns lines of both sides that are alike far too often."""

    def line(number: int) -> Line:
        return Line(
            number,
            chance.choice([-1, 1]) * chance.choice([0, 1, 2, 3, 3, 5, 2**62, 2**63 - 1]),
            chance.choice([0, 0, 0, 1, 2, 3]),
            chance.choice([0, 0, 1, 2, 3]),
            chance.choice([DAY, DAY, DAY + 1]),
            chance.choice([1, 2, 2, 2, 3]),
        )

    bank = [line(number) for number in range(1, chance.randrange(1, 9))]
    books = [line(100 + number) for number in range(chance.randrange(1, 9))]
    books = [Line(each.id, each.amount, each.key, each.reference, each.day) for each in books]
    days = chance.choice([[DAY], [DAY], [DAY, DAY + 1]])
    batch = [
        Line(200 + number, chance.choice([7, 8]), reference=9, day=chance.choice(days))
        for number in range(chance.randrange(4))
    ]
    total = Line(50, sum(each.amount for each in batch) + chance.choice([0, 0, 0, 1]), reference=9)
    if chance.random() < 0.5:
        return [*bank, total], [*books, *batch]
    return [*bank, *batch], [*books, total]


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_what_a_slow_matcher_finds(seed: int) -> None:
    """Of lines that are alike in every way, the same are matched, by the same stage, and no others."""
    chance = random.Random(seed)
    stages = Counter[Stage]()
    for _ in range(500):
        bank, books = some_lines(chance)
        found = matches(bank, books)
        assert found == oracle(bank, books), (bank, books)
        stages.update(stage for stage, _, _ in found)
    assert set(stages) == {Stage.KEY, Stage.REFERENCE_AND_AMOUNT, Stage.AMOUNT_AND_DAY, Stage.REFERENCES}


@pytest.mark.parametrize("seed", range(10))
def test_order_decides_nothing_and_no_line_is_matched_twice(seed: int) -> None:
    """However lines are shuffled, the same are one; each stands in one match, whose sides have one sum."""
    chance = random.Random(1_000 + seed)
    for _ in range(100):
        bank, books = some_lines(chance)
        found = matches(bank, books)
        shuffled = chance.sample(bank, len(bank)), chance.sample(books, len(books))
        assert matches(*shuffled) == found
        for lines, at in ((bank, 1), (books, 2)):
            taken = [each for group in found for each in group[at]]
            assert len(taken) == len(set(taken)) <= len(lines)
        amounts = {each.id: each.amount for each in (*bank, *books)}
        for _, left, right in found:
            assert sum(amounts[each] for each in left) == sum(amounts[each] for each in right)


def test_one_of_two_equals_is_never_chosen() -> None:
    """Two alike on either side leave all open."""
    assert matches([Line(1, 500)], [Line(11, 500), Line(12, 500)]) == set()
    assert matches([Line(1, 500), Line(2, 500)], [Line(11, 500)]) == set()
    assert matches([Line(1, 500), Line(2, 500, state=1)], [Line(11, 500)]) == set()


def test_who_names_another_is_not_matched_by_its_amount() -> None:
    """Keys that differ, and references that differ, tell lines apart."""
    assert matches([Line(1, 500, key=7)], [Line(11, 500, key=8)]) == set()
    assert matches([Line(1, 500, reference=7)], [Line(11, 500, reference=8)]) == set()
    assert matches([Line(1, 500, key=7)], [Line(11, 500)]) == {(Stage.AMOUNT_AND_DAY, frozenset({1}), frozenset({11}))}


def test_an_amount_that_differs_is_no_match_by_key() -> None:
    """The bank booked 501 for what was posted as 500: nothing is one, and nobody else takes its place."""
    assert matches([Line(1, 501, key=7)], [Line(11, 500, key=7), Line(12, 501, key=9)]) == set()


def test_several_transfers_of_one_entry_are_one_movement() -> None:
    """What was taken from a client and from what the platform owes is what the bank took back."""
    bank, books = [Line(1, -800, key=7)], [Line(11, -500, key=7), Line(12, -300, key=7)]
    assert matches(bank, books) == {(Stage.KEY, frozenset({1}), frozenset({11, 12}))}


def test_what_was_told_and_taken_back_is_nothing() -> None:
    """A movement that its statement lacks, posted by one entry and taken back by another, is settled."""
    bank, books = [Line(1, 0, key=7, state=3)], [Line(11, 300, key=7), Line(12, -300, key=8)]
    assert matches(bank, books) == set()
    again = [(0, int(mixed(words_of([identifier(8)]))[0]))]
    assert matches(bank, books, more_keys=again) == {(Stage.KEY, frozenset({1}), frozenset({11, 12}))}


def test_a_batch_is_matched_by_the_references_of_its_parts() -> None:
    """Each part names a transfer by reference and amount; one that is missing leaves all open."""
    parts = {0: [(100, int(mixed(words_of([identifier(5)]))[0])), (200, int(mixed(words_of([identifier(6)]))[0]))]}
    books = [Line(11, 100, reference=5), Line(12, 200, reference=6), Line(13, 7, reference=8)]
    assert matches([Line(1, 300)], books, parts=parts) == {(Stage.REFERENCES, frozenset({1}), frozenset({11, 12}))}
    assert matches([Line(1, 300)], [books[0], books[2]], parts=parts) == set()


def test_what_was_taken_apart_stays_apart() -> None:
    """A veto against a pair is against its whole match."""
    bank, books = [Line(1, 800, key=7)], [Line(11, 500, key=7), Line(12, 300, key=7)]
    assert matches(bank, books, vetoes=frozenset({(0, 1)})) == set()


def test_a_sum_is_suggested_where_it_has_one_solution() -> None:
    """By wide amounts; never by round ones, of two solutions, over days, or of more than sixteen candidates."""

    def suggested(bank: list[Line], books: list[Line]) -> set[tuple[Stage, frozenset[int], frozenset[int]]]:
        return groups_of(suggest(Task(side(bank), side(books))), bank, books)

    books = [Line(11, 12_345), Line(12, 2_222), Line(13, 777)]
    assert suggested([Line(1, 14_567)], books) == {(Stage.SUMS, frozenset({1}), frozenset({11, 12}))}
    assert suggested([Line(1, 14_567)], [*books, Line(14, 2_222)]) == set()
    assert suggested([Line(1, 14_567)], [books[0], Line(12, 2_222, day=DAY + 1)]) == set()
    assert suggested([Line(1, 3_000)], [Line(11, 1_000), Line(12, 2_000)]) == set()
    many = [Line(20 + each, 10_001 * 2**each) for each in range(17)]
    assert suggested([Line(1, 10_001 * 3)], many[:2]) == {(Stage.SUMS, frozenset({1}), frozenset({20, 21}))}
    assert suggested([Line(1, sum(each.amount for each in many) - 10_001)], many) == set()
