"""Finds which lines of a bank and of the books are one: pure, over columns, so that a million take a second.

Nothing here chooses among equals, matches a line twice, lets order decide, or compares value dates with booking days.
Two lines that name different counterparts are never one. Words of 64 bits stand for ids and references: whoever takes
over what is found compares them whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ringfence_custody.reconciliation.domain.lines import Records, RowNumbers, Words, mixed
from ringfence_custody.reconciliation.domain.rules import MOST_CANDIDATES, MOST_SUMS, ROUND_MINOR, Stage

Truths: TypeAlias = NDArray[np.bool_]
Amounts: TypeAlias = NDArray[np.int64]

MOST_MINOR = 1 << 52
"""A sum with an amount beyond is left to people: floats, by which sums are formed, are exact up to twice as much."""
TOLD = 1
_HALF, _LOW = np.int64(32), np.int64(2**32 - 1)
_ODD = np.uint64(0xD6E8FEB86659FD93)
Parts: TypeAlias = Mapping[int, Sequence[tuple[int, int]]]
"""Of lines by index: amount, above zero where money came in, and the word of the reference, of each part."""


@dataclass(frozen=True, slots=True)
class Side:
    """Open lines of one side as columns; `final` tells which may be matched, the others only stand in the way."""

    ids: Words
    keys: Words
    references: Words
    amounts: Amounts
    days: NDArray[np.int32]
    final: Truths

    @classmethod
    def of(cls, rows: Records) -> Side:
        """Returns the columns of open rows, copied."""
        return cls(
            rows["id"].copy(),
            mixed(rows["key"]),
            mixed(rows["reference"]),
            rows["amount_minor"].copy(),
            rows["day"].copy(),
            rows["state"] != TOLD,
        )

    def __len__(self) -> int:
        return len(self.amounts)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be matched: both sides, further keys of bank lines by index and word, parts, and who is never one."""

    bank: Side
    books: Side
    more_keys: Sequence[tuple[int, int]] = ()
    parts: Parts = field(default_factory=dict)
    vetoes: frozenset[tuple[int, int]] = frozenset()


@dataclass(slots=True)
class Found:
    """Pairs of indexes, with the stage of each; pairs of one `group` are one match."""

    bank: list[RowNumbers] = field(default_factory=list)
    books: list[RowNumbers] = field(default_factory=list)
    groups: list[RowNumbers] = field(default_factory=list)
    stages: list[tuple[Stage, int]] = field(default_factory=list)
    last_group: int = 0

    def add(self, stage: Stage, bank: RowNumbers, books: RowNumbers, groups: RowNumbers | None = None) -> None:
        """Adds pairs; without groups each is a match of its own. Groups count from 0."""
        if len(bank):
            own = np.arange(len(bank)) if groups is None else groups
            self.bank.append(bank)
            self.books.append(books)
            self.groups.append(own + self.last_group)
            self.stages.append((stage, len(bank)))
            self.last_group += int(own.max()) + 1


def match(task: Task) -> Found:
    """Returns what stages 1 to 4 match: each line in one match at most."""
    found = Found()
    free_bank, free_books = np.ones(len(task.bank), bool), np.ones(len(task.books), bool)

    def take(stage: Stage, bank: RowNumbers, books: RowNumbers, groups: RowNumbers | None = None) -> None:
        bank, books, groups = _without_vetoes(task.vetoes, bank, books, groups)
        found.add(stage, bank, books, groups)
        free_bank[bank], free_books[books] = False, False

    take(Stage.KEY, *_by_key(task))
    same_reference = _codes(task.bank.references, task.bank), _codes(task.books.references, task.books)
    take(
        Stage.REFERENCE_AND_AMOUNT,
        *_unique_pairs(
            task, *same_reference, free_bank & (task.bank.references != 0), free_books & (task.books.references != 0)
        ),
    )
    same_day = (
        _codes(task.bank.days.astype(np.uint64), task.bank),
        _codes(task.books.days.astype(np.uint64), task.books),
    )
    take(Stage.AMOUNT_AND_DAY, *_unique_pairs(task, *same_day, free_bank, free_books))
    take(Stage.REFERENCES, *_by_parts(task, free_bank, free_books))
    take(Stage.REFERENCES, *_by_references(task, free_bank, free_books))
    return found


def suggest(task: Task) -> Found:
    """Returns what stage 5 suggests of lines that stay open after stages 1 to 4; one line may stand in several."""
    found, vetoes = Found(), set(task.vetoes)
    for flipped, ours, others in ((False, task.bank, task.books), (True, task.books, task.bank)):
        for index in _worth_summing(ours):
            near = (others.days == ours.days[index]) & others.final & (others.amounts != 0)
            near &= np.sign(others.amounts) == np.sign(ours.amounts[index])
            near &= (others.keys == 0) | (ours.keys[index] == 0)
            chosen = _only_sum(np.flatnonzero(near), others.amounts, int(ours.amounts[index]))
            pairs = [(int(each), index) if flipped else (index, int(each)) for each in chosen]
            if pairs and vetoes.isdisjoint(pairs):
                bank, books = (np.array(each, np.int64) for each in zip(*pairs, strict=True))
                found.add(Stage.SUMS, bank, books, np.zeros(len(pairs), np.int64))
    return found


def _without_vetoes(
    vetoes: frozenset[tuple[int, int]], bank: RowNumbers, books: RowNumbers, groups: RowNumbers | None
) -> tuple[RowNumbers, RowNumbers, RowNumbers | None]:
    """Leaves out every match with a pair that somebody has taken apart."""
    if not vetoes:
        return bank, books, groups
    pairs = zip(bank.tolist(), books.tolist(), strict=True)
    own = np.arange(len(bank)) if groups is None else groups
    against = {int(own[at]) for at, pair in enumerate(pairs) if pair in vetoes}
    keep = ~np.isin(own, list(against))
    return bank[keep], books[keep], own[keep]


def _by_key(task: Task) -> tuple[RowNumbers, RowNumbers, RowNumbers]:
    """Returns lines of a bank with all transfers that they name, where the sum is what the bank says."""
    bank, books = task.bank, task.books
    keyed = np.flatnonzero(bank.keys)
    keys = np.concatenate([bank.keys[keyed], np.array([key for _, key in task.more_keys], np.uint64)])
    indexes = np.concatenate([keyed, np.array([index for index, _ in task.more_keys], np.int64)])
    order = np.argsort(keys, kind="stable")
    keys, indexes = keys[order], indexes[order]
    lone = _lone(keys)
    keys, indexes = keys[lone], indexes[lone]
    at, own = _found_in(keys, books.keys)
    own &= books.keys != 0
    transfers = np.flatnonzero(own)
    owners = indexes[at[transfers]]
    counts = np.bincount(owners, minlength=len(bank))
    fits = bank.final & (counts > 0) & _sums_are(bank.amounts, owners, books.amounts[transfers])
    keep = fits[owners]
    numbers = np.cumsum(fits) - 1
    return owners[keep], transfers[keep], numbers[owners[keep]]


def _sums_are(wanted: Amounts, owners: RowNumbers, amounts: Amounts) -> Truths:
    """Tells of each amount whether what belongs to it adds up to it; in halves of 32 bits nothing wraps around."""
    high, low = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
    np.add.at(high, owners, amounts >> _HALF)
    np.add.at(low, owners, amounts & _LOW)
    equal: Truths = (high + (low >> _HALF) == wanted >> _HALF) & (low & _LOW == wanted & _LOW)
    return equal


def _unique_pairs(
    task: Task, bank_codes: Words, books_codes: Words, free_bank: Truths, free_books: Truths
) -> tuple[RowNumbers, RowNumbers]:
    """Returns pairs of one code that no other free line has, on either side."""
    bank, books = task.bank, task.books
    ours, theirs = _lone_indexes(bank_codes, free_bank), _lone_indexes(books_codes, free_books)
    at, hit = _found_in(bank_codes[ours], books_codes[theirs])
    left, right = ours[at[hit]], theirs[hit]
    fits = bank.final[left] & (bank.amounts[left] == books.amounts[right]) & (bank.amounts[left] != 0)
    fits &= (bank.keys[left] == 0) | (books.keys[right] == 0)
    differ = bank.references[left] != books.references[right]
    fits &= ~(differ & (bank.references[left] != 0) & (books.references[right] != 0))
    return left[fits], right[fits]


def _by_parts(task: Task, free_bank: Truths, free_books: Truths) -> tuple[RowNumbers, RowNumbers, RowNumbers]:
    """Returns lines of a bank with one transfer for each of their parts, by reference and amount."""
    books, taken = task.books, set[int]()
    indexes = (
        np.flatnonzero(free_books & (books.references != 0) & (books.keys == 0)) if task.parts else np.zeros(0, int)
    )
    by_part: dict[tuple[int, int], list[int]] = {}
    for index in indexes.tolist():
        by_part.setdefault((int(books.amounts[index]), int(books.references[index])), []).append(index)
    rows: list[tuple[int, int, int]] = []
    wanted = [part for index, parts in task.parts.items() if free_bank[index] for part in parts]
    for index, parts in task.parts.items():
        if not (free_bank[index] and task.bank.final[index]) or len(parts) < 2:
            continue
        found = [by_part.get(part, []) for part in parts]
        alone = all(len(each) == 1 and wanted.count(part) == 1 for each, part in zip(found, parts, strict=True))
        chosen = [each[0] for each in found] if alone else []
        if chosen and sum(amount for amount, _ in parts) == task.bank.amounts[index] and taken.isdisjoint(chosen):
            taken.update(chosen)
            number = rows[-1][2] + 1 if rows else 0
            rows += [(index, each, number) for each in chosen]
    bank, others, groups = (np.array(each, np.int64) for each in (zip(*rows, strict=True) if rows else ((), (), ())))
    return bank, others, groups


def _by_references(task: Task, free_bank: Truths, free_books: Truths) -> tuple[RowNumbers, RowNumbers, RowNumbers]:
    """Returns all lines of one reference, where on one side there is one, and its amount is the sum of the others.

    All are of one direction and one day, so that nothing is netted.
    """
    bank, books = task.bank, task.books
    ours, theirs = np.flatnonzero(free_bank & _summable(bank)), np.flatnonzero(free_books & _summable(books))
    known = np.intersect1d(bank.references[ours], books.references[theirs])
    ours, theirs = ours[np.isin(bank.references[ours], known)], theirs[np.isin(books.references[theirs], known)]
    here, there = np.searchsorted(known, bank.references[ours]), np.searchsorted(known, books.references[theirs])
    left, right = np.bincount(here, minlength=len(known)), np.bincount(there, minlength=len(known))
    both = np.concatenate([here, there])
    amounts = np.concatenate([bank.amounts[ours], books.amounts[theirs]])
    hindered = np.concatenate([~bank.final[ours] | (bank.keys[ours] != 0), books.keys[theirs] != 0])
    days = np.concatenate([bank.days[ours], books.days[theirs]])
    signs = np.concatenate([np.ones(len(ours)), -np.ones(len(theirs))])
    first_day, last_day = np.full(len(known), 1 << 40), np.full(len(known), -(1 << 40))
    np.minimum.at(first_day, both, days)
    np.maximum.at(last_day, both, days)
    incoming = np.bincount(both, amounts > 0, len(known))
    volume = np.bincount(both, np.abs(amounts), len(known))
    fits = ((left == 1) ^ (right == 1)) & (first_day == last_day) & (volume < 2 * MOST_MINOR)
    fits &= (np.bincount(both, hindered, len(known)) == 0) & ((incoming == 0) | (incoming == left + right))
    fits &= np.bincount(both, amounts * signs, len(known)) == 0
    one_left, one_right = np.zeros(len(known), np.int64), np.zeros(len(known), np.int64)
    one_left[here], one_right[there] = ours, theirs
    many, few = np.flatnonzero(fits[there] & (left[there] == 1)), np.flatnonzero(fits[here] & (right[here] == 1))
    groups = np.concatenate([there[many], here[few]])
    return (
        np.concatenate([one_left[there[many]], ours[few]]),
        np.concatenate([theirs[many], one_right[here[few]]]),
        np.unique(groups, return_inverse=True)[1],
    )


def _summable(side: Side) -> Truths:
    summable: Truths = (side.references != 0) & (side.amounts != 0) & (np.abs(side.amounts) < MOST_MINOR)
    return summable


def _worth_summing(side: Side) -> list[int]:
    amounts = side.amounts
    worth = side.final & (amounts % ROUND_MINOR != 0) & (np.abs(amounts) < MOST_MINOR)
    return [int(index) for index in np.flatnonzero(worth)[:MOST_SUMS]]


def _only_sum(indexes: RowNumbers, amounts: Amounts, wanted: int) -> list[int]:
    """Returns the indexes, two or more, whose amounts are the wanted one, where there is one solution; else none."""
    indexes = indexes[np.abs(amounts[indexes]) < abs(wanted)]
    if not 2 <= len(indexes) <= MOST_CANDIDATES:
        return []
    sums = np.zeros(1, np.int64)
    for index in indexes:
        sums = np.concatenate([sums, sums + amounts[index]])
    solutions = np.flatnonzero(sums == wanted)
    if len(solutions) != 1:
        return []
    return [int(index) for bit, index in enumerate(indexes) if int(solutions[0]) >> bit & 1]


def _codes(words: Words, side: Side) -> Words:
    """Returns a code of each line's word and amount."""
    return (words * _ODD) ^ (side.amounts.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))


def _lone(values: Words) -> Truths:
    """Tells which of sorted values stand alone."""
    if not len(values):
        return np.zeros(0, bool)
    other = values[1:] != values[:-1]
    lone: Truths = np.concatenate([[True], other]) & np.concatenate([other, [True]])
    return lone


def _lone_indexes(codes: Words, free: Truths) -> RowNumbers:
    """Returns the free indexes whose code no other free one has, in order of their codes."""
    indexes = np.flatnonzero(free)
    order = indexes[np.argsort(codes[indexes], kind="stable")]
    return order[_lone(codes[order])]


def _found_in(ordered: Words, wanted: Words) -> tuple[RowNumbers, Truths]:
    """Returns where each wanted value stands among ordered ones, and whether it does."""
    if not len(ordered):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return at, ordered[at] == wanted
