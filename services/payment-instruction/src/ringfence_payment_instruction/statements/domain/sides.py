"""Entries and movements while a statement is compared, and what makes them look alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.statements.domain.indexes import Key
from ringfence_payment_instruction.statements.domain.movements import Certainty, Movement, keys_of
from ringfence_payment_instruction.statements.domain.news import LIKE_DAYS
from ringfence_payment_instruction.statements.domain.sums import MAX_AMOUNTS
from ringfence_payment_instruction.statements.domain.told import Likeness, Part, Told, agree_in_parts, likeness

MAX_COMPARED = 1_000_000
"""Pairs of leftovers that are compared; of more only those of one amount are."""


class Side:
    """An entry of the statement or a movement, and what of it has not been matched yet."""

    __slots__ = ("id", "left", "matched", "pieces", "told")

    def __init__(self, key: bytes, told: Told, left: int) -> None:
        """Starts with nothing matched; an amount that is not all of it has no pieces."""
        self.id = key
        self.told = told
        self.left = left
        self.pieces: dict[int, Part] = dict(enumerate(told.pieces())) if left == told.amount_minor else {}
        self.matched: list[Side] = []

    @property
    def is_whole(self) -> bool:
        """Tells whether nothing of it has been matched."""
        return self.left > 0 and not self.matched

    def take(self, other: Side, amount_minor: int) -> None:
        """Matches an amount with the other side."""
        for one, two in ((self, other), (other, self)):
            one.left -= amount_minor
            one.matched.append(two)


Piece = tuple[Side, int]
"""A part of an entry or movement, by its number."""


def open_minor(movement: Movement) -> int:
    """Returns what a statement has yet to have of an open movement."""
    return movement.missing_minor if movement.certainty is Certainty.MISSING else movement.told.amount_minor


def _is_alike(side: Side, movement: Side) -> bool:
    is_open = likeness(side.told.whole(), movement.told.whole()) is not Likeness.DIFFERENT
    return is_open and agree_in_parts(side.told, movement.told)


def is_of_one_day(side: Side, movement: Side) -> bool:
    return side.told.day == movement.told.day and _is_alike(side, movement)


def is_of_these_days(side: Side, movement: Side) -> bool:
    return _is_near(side, movement) and _is_alike(side, movement)


def is_supported(side: Side, movement: Side) -> bool:
    """Tells whether two sums have a part in common that a client or a reference speaks for."""
    return is_of_one_day(side, movement) and any(
        _speaks(one, two) for one in side.told.parts for two in movement.told.parts
    )


def _is_near(side: Side, movement: Side) -> bool:
    return abs(side.told.day - movement.told.day) <= LIKE_DAYS


def _speaks(one: Part, two: Part) -> bool:
    """Tells whether the client, or a reference of the payer's, speaks for two parts being one."""
    if one.amount_minor != two.amount_minor:
        return False
    return one.client == two.client != ZERO_ID or bool(one.references & two.references)


def is_open_piece(stated: Piece, known: Piece) -> bool:
    """Tells whether two parts may be one: two sums are one as a whole, or they have no part in common."""
    (side, number), (movement, position) = stated, known
    are_sums = len(side.told.parts) > 1 and len(movement.told.parts) > 1
    if are_sums or not _is_near(side, movement):
        return False
    # Both may have been taken by another pair.
    one, two = side.pieces.get(number), movement.pieces.get(position)
    return one is not None and two is not None and likeness(one, two) is not Likeness.DIFFERENT


def is_piece_of_one_day(stated: Piece, known: Piece) -> bool:
    return stated[0].told.day == known[0].told.day and is_open_piece(stated, known)


def is_supported_piece_of_one_day(stated: Piece, known: Piece) -> bool:
    return stated[0].told.day == known[0].told.day and is_supported_piece(stated, known)


def is_supported_piece(stated: Piece, known: Piece) -> bool:
    if not is_open_piece(stated, known):
        return False
    (side, number), (movement, position) = stated, known
    return _speaks(side.pieces[number], movement.pieces[position])


def may_hold(whole: Side, part: Side) -> bool:
    """Tells whether one may stand for the other and more."""
    return whole.told.way() == part.told.way() and part.left < whole.left and _is_near(whole, part)


def _clients_agree(side: Side, movement: Side) -> bool:
    return ZERO_ID in (side.told.client, movement.told.client) or side.told.client == movement.told.client


def may_be_one(side: Side, movement: Side) -> bool:
    """Tells whether what is left of an entry and of a movement may be the same money, or one a part of the other."""
    if side.told.way() != movement.told.way() or not _is_near(side, movement):
        return False
    if side.told.amount_minor == movement.told.amount_minor and _is_alike(side, movement):
        return True
    if side.left == movement.left and side.is_whole and movement.is_whole:
        return False
    if _pieces_meet(side, movement):
        return True
    is_in = movement.told.is_opaque and side.told.is_single and may_hold(movement, side)
    return is_in or (side.told.is_opaque and movement.told.is_single and may_hold(side, movement))


def is_of_one_amount(side: Side, movement: Side) -> bool:
    """Tells whether both have a part of one amount; nothing more may be asked where parts were paired by that alone."""
    amounts = {part.amount_minor for part in movement.pieces.values()}
    is_near = side.told.way() == movement.told.way() and _is_near(side, movement)
    return is_near and any(part.amount_minor in amounts for part in side.pieces.values())


def _pieces_meet(side: Side, movement: Side) -> bool:
    """Tells whether a part that is left of one may be the other, or a part of it: two sums have no parts in common."""
    if len(side.told.parts) > 1 and len(movement.told.parts) > 1:
        return False
    return any(
        one.amount_minor == two.amount_minor and likeness(one, two) is not Likeness.DIFFERENT
        for one in side.pieces.values()
        for two in movement.pieces.values()
    )


class Rivals:
    """Movements by what an entry may be the same money as, so that none is looked at in vain."""

    def __init__(self, movements: Iterable[Side]) -> None:
        """Lists movements by their amounts and those of their parts."""
        self._by_key: dict[Key, list[Side]] = {}
        self._opaque: list[Side] = []
        self._single: list[Side] = []
        for movement in movements:
            for key in keys_of(movement.told) | {(movement.left, *movement.told.way())}:
                self._by_key.setdefault(key, []).append(movement)
            if movement.told.is_opaque:
                self._opaque.append(movement)
            if movement.told.is_single:
                self._single.append(movement)

    def of(self, side: Side) -> Iterator[Side]:
        """Yields each movement once of which `may_be_one` or `is_of_one_amount` may be true."""
        found: dict[int, Side] = {}
        for key in keys_of(side.told) | {(side.left, *side.told.way())} if self._by_key else ():
            found |= {id(each): each for each in self._by_key.get(key, ())}
        if side.told.is_single:
            found |= {id(each): each for each in self._opaque}
        if side.told.is_opaque:
            found |= {id(each): each for each in self._single}
        return iter(found.values())


class Singles:
    """What may be a part of something, in the order of amounts."""

    def __init__(self, sides: Sequence[Side]) -> None:
        """Lists sides by way and day; each is matched with all that is left of it, or not at all."""
        self._order = {side.id: position for position, side in enumerate(sides)}
        self._of_day: dict[tuple[tuple[bool, bool], int], list[Side]] = {}
        for side in sorted(sides, key=_left):
            self._of_day.setdefault((side.told.way(), side.told.day), []).append(side)

    def below(self, whole: Side) -> list[Side]:
        """Returns those that one may hold, in their order; one more than sums are looked for among where they are more.

        What has been matched in the meantime is let go of.
        """
        found: list[Side] = []
        for day in range(whole.told.day - LIKE_DAYS, whole.told.day + LIKE_DAYS + 1):
            of_day = self._of_day.get((whole.told.way(), day), [])
            while any(each.left == 0 for each in of_day[: MAX_AMOUNTS + 1]):
                of_day[: MAX_AMOUNTS + 1] = [each for each in of_day[: MAX_AMOUNTS + 1] if each.left]
            found += [each for each in of_day[: MAX_AMOUNTS + 1] if may_hold(whole, each)]
        found.sort(key=lambda each: self._order[each.id])
        return found


def _left(side: Side) -> int:
    return side.left


def edges(sides: list[Side], movements: list[Side]) -> Iterator[tuple[int, int]]:
    """Yields the leftovers that may be the same money: two of one amount may have other references now."""
    if len(sides) * len(movements) > MAX_COMPARED:
        yield from _equal(sides, movements)
        return
    rivals, numbers = Rivals(movements), {id(each): number for number, each in enumerate(movements)}
    for first, side in enumerate(sides):
        for movement in rivals.of(side):
            if may_be_one(side, movement) or _is_renamed(side, movement):
                yield first, numbers[id(movement)]


def _equal(sides: list[Side], movements: Iterable[Side]) -> Iterator[tuple[int, int]]:
    by_amount: dict[int, list[int]] = {}
    for first, side in enumerate(sides):
        by_amount.setdefault(side.left, []).append(first)
    for second, movement in enumerate(movements):
        for first in by_amount.get(movement.left, ()):
            if _is_renamed(sides[first], movement):
                yield first, second


def _is_renamed(side: Side, movement: Side) -> bool:
    is_equal = side.left == movement.left and side.is_whole and movement.is_whole
    return (
        is_equal
        and side.told.way() == movement.told.way()
        and _is_near(side, movement)
        and _clients_agree(side, movement)
    )
