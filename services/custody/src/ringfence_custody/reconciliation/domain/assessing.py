"""Which open lines are breaks, and of which kind: what a statement should have settled, and has not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import numpy as np

from ringfence_custody.reconciliation.domain.booked import SENT
from ringfence_custody.reconciliation.domain.breaks import Kind, Side
from ringfence_custody.reconciliation.domain.lines import Records, Words, mixed, words_of
from ringfence_custody.reconciliation.domain.matching import TOLD
from ringfence_custody.reconciliation.domain.mirror import Mirror

MOST_AT_A_TIME = 1_000
GRACE_NS = 10 * 60 * 10**9
"""How long a statement may be old before a line of a bank is a break whose entry is still being posted."""


class Disagreement(NamedTuple):
    """A line that is a break; its amount in minor units, above zero where money came in."""

    side: Side
    line: bytes
    kind: Kind
    amount_minor: int
    day: int


def disagreements(
    mirror: Mirror, others: Collection[Mirror], is_known: Callable[[Side, bytes], bool], posts_wait: bool
) -> list[Disagreement]:
    """Returns the breaks of a mirror that are not known yet, at most a thousand; `others` are mirrors of its book.

    While `posts_wait`, lines of the bank that name an entry are left alone: it may be on its way into the books.
    """
    found: list[Disagreement] = []
    for each in _all(mirror, others, posts_wait):
        if len(found) == MOST_AT_A_TIME:
            break
        if not is_known(each.side, each.line):
            found.append(each)
    return found


def _all(mirror: Mirror, others: Collection[Mirror], posts_wait: bool) -> Iterator[Disagreement]:
    books = mirror.books.rows[mirror.books.open_rows()]
    if mirror.statement is None:
        return
    bank = mirror.bank.rows[mirror.bank.open_rows()]
    final = bank[(bank["state"] != TOLD) & (bank["day"] <= mirror.statement.last_day)]
    sums = _booked_of(mirror, final, books)
    for line, booked in zip(final, sums, strict=True):
        if line["amount_minor"] == 0 and booked is None:
            continue
        keyed = bool(line["key"].any())
        if booked is None and keyed and _elsewhere(line["key"], others):
            yield _of(Side.BANK, line, Kind.OURS)
        elif not (posts_wait and keyed):
            yield _of(Side.BANK, line, _bank_kind(line, booked))
    yield from _of_books(mirror, bank, books)


def _bank_kind(line: Records, booked: int | None) -> Kind:
    """Returns what is wrong with a line of the bank, with what the books hold for it, None for nothing."""
    if booked is not None:
        if booked > int(line["amount_minor"]):
            return Kind.SHORTFALL if line["amount_minor"] >= 0 else Kind.BANK
        return Kind.EXCESS if line["amount_minor"] >= 0 else Kind.OURS
    return Kind.UNIDENTIFIED if line["amount_minor"] > 0 else Kind.BANK


def _of_books(mirror: Mirror, bank: Records, books: Records) -> Iterator[Disagreement]:
    """Yields what the books have and no line of the bank speaks of."""
    statement = mirror.statement
    if statement is None:
        return
    more = [key for keys in mirror.more_keys.values() for key in keys]
    named = np.concatenate([mixed(bank["key"]), mixed(words_of(more))])
    old = books["day"] <= statement.last_day
    alone = old & ~(books["key"].any(axis=1) & np.isin(mixed(books["key"]), named[named != 0]))
    for line in books[alone]:
        if line["amount_minor"] < 0 and line["marks"] & SENT:
            yield _of(Side.BOOKS, line, Kind.TIMING)
        elif line["amount_minor"] > 0 and line["key"].any():
            yield _of(Side.BOOKS, line, Kind.SHORTFALL)
        else:
            yield _of(Side.BOOKS, line, Kind.OURS)


def _booked_of(mirror: Mirror, bank: Records, books: Records) -> list[int | None]:
    """Returns what the books hold for each line of a bank, by its keys; None where they hold nothing."""
    sums: dict[int, int] = {}
    wanted = mixed(bank["key"])
    more = [_words(mirror, line) for line in bank] if mirror.more_keys else [()] * len(bank)
    asked = np.concatenate([wanted, np.array([key for keys in more for key in keys], np.uint64)])
    words = mixed(books["key"])
    for index in np.flatnonzero(np.isin(words, asked[asked != 0])).tolist():
        sums[int(words[index])] = sums.get(int(words[index]), 0) + int(books["amount_minor"][index])
    found: list[int | None] = []
    for word, others in zip(wanted.tolist(), more, strict=True):
        parts = [sums[each] for each in (word, *others) if each in sums]
        found.append(sum(parts) if parts else None)
    return found


def _words(mirror: Mirror, line: Records) -> tuple[int, ...]:
    keys = mirror.more_keys.get(line["id"].astype("<u8").tobytes(), ())
    return tuple(mixed(words_of(keys)).tolist()) if keys else ()


def _elsewhere(key: Words, others: Collection[Mirror]) -> bool:
    """Tells whether another mirror has what a line of the bank names."""
    word = mixed(key.reshape(1, 2))[0]
    return any((mixed(each.books.rows["key"][each.books.open_rows()]) == word).any() for each in others)


def _of(side: Side, line: Records, kind: Kind) -> Disagreement:
    return Disagreement(side, line["id"].astype("<u8").tobytes(), kind, int(line["amount_minor"]), int(line["day"]))
