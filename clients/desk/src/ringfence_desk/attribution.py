"""Whose money it is that leaves an account, by a named rule: money in an account is mixed, and a rule tells it apart.

What the log names goes first: what leaves for a subject (a bank's entry in suspense, a deposit that the bank takes
back) is the money that came in for that subject, as far as it is there. The rest goes by the rule: first in first out,
or in proportion to what of each is there. Shares are whole minor units, and their sums are what came in and went out.
What leaves beyond what is there was advanced; what comes in next makes it good, the oldest first.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from uuid import UUID

from ringfence_desk.moves import Move

MOST_PARTS = 1_000_000


class Rule(StrEnum):
    """How mixed money is told apart."""

    FIRST_IN_FIRST_OUT = "fifo"
    PRO_RATA = "pro-rata"


class TooManyParts(ValueError):
    """An account's money divides into more parts than can be followed."""


@dataclass(frozen=True)
class Share:
    """Money of an account: what came in by `source` and went out by `target`, minor units.

    It is the minor units from `source_start` on of what came in, and from `target_start` on of what went out. Without a
    source it was advanced and never made good; without a target it is still there.
    """

    source: Move | None
    target: Move | None
    minor: int
    source_start: int
    target_start: int


@dataclass
class _Open:
    """What of a movement is not told yet: came in and still there, or went out and not made good."""

    move: Move
    left: int

    @property
    def start(self) -> int:
        return self.move.minor - self.left


class _Pool:
    """What is open of movements, the oldest first, and by what they rest on."""

    def __init__(self) -> None:
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._by_subject = defaultdict[UUID, list[_Open]](list)

    def add(self, one: _Open, subjects: Iterable[UUID]) -> None:
        """Takes in a movement that is open."""
        self._open[one.move.fact.index] = one
        for subject in subjects:
            self._by_subject[subject].append(one)

    def of(self, subjects: Iterable[UUID]) -> list[_Open]:
        """Gives what rests on any of some subjects, the oldest first."""
        return [each for subject in subjects for each in self._by_subject.get(subject, ()) if each.left]

    def oldest(self) -> Iterator[_Open]:
        """Yields what is open, the oldest first, until there is nothing; each has to be used up before the next."""
        while self._open:
            yield next(iter(self._open.values()))

    def all(self) -> list[_Open]:
        """Gives all that is open, the oldest first."""
        return list(self._open.values())

    def use(self, one: _Open, minor: int) -> None:
        """Takes so much from what is open."""
        one.left -= minor
        if not one.left:
            del self._open[one.move.fact.index]


@dataclass
class _Book:
    """An account while its movements are gone through: what is there, and what was advanced."""

    there: _Pool = field(default_factory=_Pool)
    advanced: _Pool = field(default_factory=_Pool)
    shares: list[Share] = field(default_factory=list)

    def give(self, source: _Open, target: _Open, minor: int) -> None:
        """Tells so much of what goes out by what came in."""
        if not minor:
            return
        self.shares.append(Share(source.move, target.move, minor, source.start, target.start))
        if len(self.shares) > MOST_PARTS:
            raise TooManyParts


def attributed(
    account: UUID, moves: Sequence[Move], rule: Rule, origin_of: Callable[[Move], UUID | None] = lambda move: None
) -> list[Share]:
    """Divides all that came into an account and went out of it; `moves` are all of it, in custody's order.

    `origin_of` names the subject that brought what a movement gives back or on, where that is another one than its own.
    Raises TooManyParts.
    """
    book = _Book()
    for move in moves:
        one = _Open(move, move.minor)
        own = dict.fromkeys(each for each in (move.subject_id, origin_of(move)) if each)
        if move.to_account == account:
            _come(book, one, own)
        elif move.from_account == account:
            _go(book, one, own, rule)
    for each in book.there.all():
        book.shares.append(Share(each.move, None, each.left, each.start, 0))
    for each in book.advanced.all():
        book.shares.append(Share(None, each.move, each.left, 0, each.start))
    return book.shares


def proportional(minor: int, weights: Sequence[int]) -> list[int]:
    """Divides minor units in proportion, at most the sum of the weights: whole ones, none above its weight.

    By the largest remainder; among equal ones the first gets it.
    """
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    floors = [minor * weight // total for weight in weights]
    remainders = [minor * weight % total for weight in weights]
    rest = minor - sum(floors)
    for place in sorted(range(len(weights)), key=lambda each: (-remainders[each], each))[:rest]:
        floors[place] += 1
    return floors


def _come(book: _Book, one: _Open, subjects: Iterable[UUID]) -> None:
    """Takes in what comes: it makes good what was advanced for its subject, then the oldest, and the rest is there."""
    for owed in chain(book.advanced.of(subjects), book.advanced.oldest()):
        minor = min(one.left, owed.left)
        if not minor:
            break
        book.give(one, owed, minor)
        one.left -= minor
        book.advanced.use(owed, minor)
    if one.left:
        book.there.add(one, subjects)


def _go(book: _Book, one: _Open, subjects: Iterable[UUID], rule: Rule) -> None:
    """Gives out what goes: what came for its subject first, the rest by the rule, and what is lacking is advanced."""
    for source in book.there.of(subjects):
        _take(book, one, source, min(source.left, one.left))
    if rule is Rule.FIRST_IN_FIRST_OUT:
        for source in book.there.oldest():
            if not one.left:
                break
            _take(book, one, source, min(source.left, one.left))
    else:
        sources = book.there.all()
        weights = [each.left for each in sources]
        for source, minor in zip(sources, proportional(min(one.left, sum(weights)), weights), strict=True):
            _take(book, one, source, minor)
    if one.left:
        book.advanced.add(one, subjects)


def _take(book: _Book, one: _Open, source: _Open, minor: int) -> None:
    if minor:
        book.give(source, one, minor)
        one.left -= minor
        book.there.use(source, minor)
