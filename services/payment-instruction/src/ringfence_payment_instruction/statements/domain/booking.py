"""What a whole statement says about the movements that were told before: the bank's word, and the last one.

Its entries and the open movements are matched by references, parts, amounts and sums, in this order; what is left over
and hangs together comes out by the balance. The mirror then holds what the statement says, to the cent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.statements.domain.indexes import Key
from ringfence_payment_instruction.statements.domain.movements import (
    Certainty,
    Confirmation,
    Movements,
    keys_of,
)
from ringfence_payment_instruction.statements.domain.news import days_apart
from ringfence_payment_instruction.statements.domain.pairing import components, pairs
from ringfence_payment_instruction.statements.domain.sides import (
    Piece,
    Rivals,
    Side,
    Singles,
    edges,
    is_of_one_amount,
    is_of_one_day,
    is_of_these_days,
    is_open_piece,
    is_piece_of_one_day,
    is_supported,
    is_supported_piece,
    is_supported_piece_of_one_day,
    may_be_one,
    open_minor,
)
from ringfence_payment_instruction.statements.domain.sums import only_subset
from ringfence_payment_instruction.statements.domain.told import (
    Likeness,
    Part,
    Telling,
    Told,
    all_references,
    is_same,
    likeness,
)


@dataclass(slots=True)
class Booking:
    """What a statement brings about.

    `pairs` are entries with the one movement that each is, `sums` entries with the several, and movements with the
    several entries that these turned out to be. `new` are entries with what of them nothing had told of, and movements
    of later days that they may be: a zero id where people have to say. Of the `unsure` nothing says that they are not
    movements of their amount that are confirmed: `guessed` are such amounts, `certain` the parts, of entries and of
    movements, that were found by reference all the same. `clients` are parts of movements as parts of entries tell of
    them. `missing` are movements with what is not booked, and among how many alike. `other_day` are booked movements
    in suspense that turned out to be one of a later day. `again` are entries with the movements that they are, which
    were booked before.
    """

    telling: Telling
    confirmed: dict[bytes, tuple[int, Confirmation]] = field(default_factory=dict)
    pairs: dict[bytes, bytes] = field(default_factory=dict)
    sums: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    split: dict[bytes, tuple[Told, ...]] = field(default_factory=dict)
    new: dict[bytes, tuple[Told, frozenset[bytes]]] = field(default_factory=dict)
    unsure: set[bytes] = field(default_factory=set)
    guessed: set[Key] = field(default_factory=set)
    certain: set[tuple[bytes, int]] = field(default_factory=set)
    clients: dict[tuple[bytes, int], Part] = field(default_factory=dict)
    missing: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    other_day: dict[bytes, bytes] = field(default_factory=dict)
    again: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[bytes, Told]]:
        """Yields the statement's entries by their ids, but those that were booked before."""
        for position, (entry_id, told) in enumerate(self.telling.items()):
            if position not in self.telling.past and entry_id not in self.again:
                yield entry_id, told


def book(
    known: Movements,
    statement: Telling,
    last_day: int,
    carried: Mapping[bytes, int],
    before: Mapping[int, tuple[bytes, ...]],
) -> Booking:
    """Decides what a whole statement says; its entries are those of days up to `last_day`.

    Movements that are `carried` over in its opening balance are booked on their days. Entries at the places in `before`
    tell again of movements that another statement has booked.
    """
    booking = _Booking(known, statement, last_day, carried, before).decide()
    booking.confirmed |= {key: (day, Confirmation.CARRIED) for key, day in carried.items()}
    return booking


class _Booking:
    """One statement while it is compared."""

    def __init__(
        self,
        known: Movements,
        statement: Telling,
        last_day: int,
        carried: Mapping[bytes, int],
        before: Mapping[int, tuple[bytes, ...]],
    ) -> None:
        self.known = known
        self.last_day = last_day
        self.found = Booking(statement)
        self.found.again = {statement.entry_ids[position]: members for position, members in before.items()}
        self._doubtful: set[bytes] = set()
        self._later: set[bytes] = set()  # sums that may be movements of later days, as a whole
        self.stated = [
            Side(entry_id, told, told.amount_minor)
            for position, (entry_id, told) in enumerate(statement.items())
            if position not in before and position not in statement.past
        ]
        waiting = known.in_order([key for key, each in known.known.items() if each.is_open and key not in carried])
        self.open = {key: Side(key, known.known[key].told, open_minor(known.known[key])) for key in waiting}
        self.later = Rivals([each for each in self.open.values() if each.told.day > last_day])
        for key, movement in self.open.items():
            if known.known[key].certainty is Certainty.MISSING and len(movement.told.parts) > 1:
                movement.pieces.clear()  # what was taken back as one comes back as one

    def decide(self) -> Booking:
        """Goes from what is certain to what is left; where nothing is open there is nothing to compare with."""
        if self.open:
            self._compare()
        for side in self.stated:
            if side.left > 0 or (side.told.amount_minor == 0 and not side.matched):
                self._book(side)
        alike = self._found_by_amount()
        for side in self._due():
            self._miss(side, alike)
        return self.found

    def _compare(self) -> None:
        self._by_reference()
        self._by_parts()
        self._by_amount()
        self._by_other_days()
        self._by_sums()
        self._by_balance()

    def _by_reference(self) -> None:
        """Entries and movements, or sums of these, that are one by reference."""
        for side in self.stated:
            near = sorted(
                self._candidates(all_references(side.told)), key=lambda each: abs(each[0].day - side.told.day)
            )
            for told, members in near:
                apart = min(days_apart(self.known.known[each.id].certainty) for each in members)
                if is_same(side.told, told, apart) and all(each.is_whole for each in members):
                    self._match(side, members, Confirmation.REFERENCE)
                    break

    def _candidates(self, references: frozenset[bytes]) -> Iterator[tuple[Told, list[Side]]]:
        for found in self.known.by_references(references):
            if found in self.known.sums:
                total = self.known.sums[found]
                if all(member in self.open for member in total.members):
                    yield total.told, [self.open[member] for member in total.members]
            elif found in self.open:
                yield self.open[found].told, [self.open[found]]

    def _match(self, side: Side, members: list[Side], how: Confirmation) -> None:
        """Matches an entry with movements that come to its amount, each with all that is left of it."""
        if how is Confirmation.REFERENCE:
            self.found.certain.update((side.id, number) for number in side.pieces)
        for member in members:
            if how in (Confirmation.AMOUNT, Confirmation.OTHER_DAY):
                self.found.guessed |= keys_of(side.told) | keys_of(member.told)
            side.take(member, member.left)
            member.pieces.clear()
            self._confirm(member, side, how)
        side.pieces.clear()
        if len(members) == 1:
            self.found.pairs[side.id] = members[0].id
        else:
            self.found.sums[side.id] = tuple(member.id for member in members)

    def _confirm(self, movement: Side, side: Side, how: Confirmation) -> None:
        if movement.left == 0:
            self.found.confirmed[movement.id] = (side.told.day, how)

    def _by_parts(self) -> None:
        """Parts of entries and of movements that are one by reference."""
        for side in self.stated:
            for number, piece in list(side.pieces.items()) if side.left else ():
                for found in self.known.by_references(piece.references):
                    position = self._position_of(side, piece, found)
                    if position is not None:
                        self._take_piece((side, number), (self.open[found], position), Confirmation.PARTS)
                        break

    def _position_of(self, side: Side, piece: Part, found: bytes) -> int | None:
        """Returns which part of an open movement a part of an entry is by reference."""
        movement = self.open.get(found)
        if movement is None or side.told.way() != movement.told.way():
            return None
        if abs(side.told.day - movement.told.day) > days_apart(self.known.known[found].certainty):
            return None
        for position, other in movement.pieces.items():
            if other.amount_minor == piece.amount_minor and likeness(other, piece) is Likeness.SAME:
                return position
        return None

    def _take_piece(self, stated: Piece, known: Piece, how: Confirmation) -> None:
        """Matches a part of an entry with the part of a movement that it is, or both as a whole."""
        (side, number), (movement, position) = stated, known
        if side.is_whole and movement.is_whole and side.left == movement.left:
            self._match(side, [movement], how)
            return
        piece = side.pieces.pop(number)
        side.take(movement, piece.amount_minor)
        del movement.pieces[position]
        self.found.clients[movement.id, position] = piece
        if how is Confirmation.PARTS:
            self.found.certain |= {(side.id, number), (movement.id, position)}
        else:
            self.found.guessed.add((piece.amount_minor, *side.told.way()))
        self._confirm(movement, side, how)

    def _by_amount(self) -> None:
        """Entries, movements and parts of one amount that nothing tells apart.

        Whole sums first, then all others at once: those that a client speaks for, those of one day, those of another.
        """
        for fits, how in (
            (is_supported, Confirmation.AMOUNT),
            (is_of_one_day, Confirmation.AMOUNT),
            (is_of_these_days, Confirmation.OTHER_DAY),
        ):
            for sides, movements in self._sums_of_one_amount():
                for side, movement in pairs(sides, movements, fits):
                    self._match(side, [movement], how)
        self._later = {side.id for side in self.stated if len(side.told.parts) > 1 and self._may_be_later(side)}
        for fits_piece, how in (
            (is_supported_piece_of_one_day, Confirmation.AMOUNT),
            (is_supported_piece, Confirmation.OTHER_DAY),
            (is_piece_of_one_day, Confirmation.AMOUNT),
            (is_open_piece, Confirmation.OTHER_DAY),
        ):
            for stated, known in self._pieces_of_one_amount():
                for one, other in pairs(stated, known, fits_piece):
                    self._take_piece(one, other, how)

    def _sums_of_one_amount(self) -> Iterator[tuple[list[Side], list[Side]]]:
        """Yields the entries and movements that are whole and tell several parts apart."""
        classes: dict[Key, tuple[list[Side], list[Side]]] = {}
        for number, sides in enumerate((self.stated, self._due())):
            for side in sides:
                if side.is_whole and len(side.told.parts) != 1:
                    classes.setdefault((side.left, *side.told.way()), ([], []))[number].append(side)
        return (each for each in classes.values() if all(each))

    def _pieces_of_one_amount(self) -> Iterator[tuple[list[Piece], list[Piece]]]:
        classes: dict[Key, tuple[list[Piece], list[Piece]]] = {}
        for number, sides in enumerate((self.stated, self._due())):
            for side in sides:
                for position, part in side.pieces.items() if side.left and side.id not in self._later else ():
                    classes.setdefault((part.amount_minor, *side.told.way()), ([], []))[number].append((side, position))
        return (each for each in classes.values() if all(each))

    def _may_be_later(self, side: Side) -> bool:
        return side.is_whole and any(
            each.is_whole and each.left == side.left and may_be_one(side, each) for each in self.later.of(side)
        )

    def _by_other_days(self) -> None:
        """Movements that are what a statement of another day had, whose money has been in suspense for their sake."""
        for key in self.known.in_order(self.known.loose):
            loose = self.known.known[key]
            for movement in [self.open[each] for each in self.known.in_order(loose.doubters) if each in self.open]:
                if (
                    movement.is_whole
                    and movement.told.day <= self.last_day
                    and movement.left == movement.told.amount_minor == loose.told.amount_minor
                    and likeness(loose.told.whole(), movement.told.whole()) is not Likeness.DIFFERENT
                ):
                    movement.left = 0
                    self.found.other_day[key] = movement.id
                    self.found.confirmed[movement.id] = (loose.told.day, Confirmation.OTHER_DAY)
                    break

    def _by_sums(self) -> None:
        """An entry that is the only sum of some movements, or a movement that is the only sum of some entries."""
        singles = Singles([each for each in self._due() if each.told.is_single])
        for side in [each for each in self.stated if each.is_whole and each.told.is_opaque]:
            movements = singles.below(side)
            found = only_subset([each.left for each in movements], side.left)
            if found:
                self._match(side, [movements[position] for position in found], Confirmation.SUM)
        singles = Singles([each for each in self.stated if each.is_whole and each.told.is_single])
        for movement in [each for each in self._due() if each.is_whole and each.told.is_opaque]:
            sides = singles.below(movement)
            found = only_subset([each.left for each in sides], movement.left)
            for position in found or ():
                movement.take(sides[position], sides[position].left)
                self._confirm(movement, sides[position], Confirmation.SUM)
            if found:
                self.found.split[movement.id] = tuple(sides[position].told for position in found)

    def _by_balance(self) -> None:
        """What hangs together and is left over: movements are confirmed as far as the entries reach.

        What entries have beyond goes to suspense; of movements that they do not reach something is missing.
        """
        sides = [each for each in self.stated if each.left > 0]
        movements = [each for each in self._due() if self.known.known[each.id].certainty is Certainty.TOLD]
        for firsts, seconds in components(edges(sides, movements)):
            entries, open_ones = [sides[each] for each in firsts], [movements[each] for each in seconds]
            for movement in open_ones:
                for side in entries:
                    amount = min(side.left, movement.left)
                    if amount:
                        side.take(movement, amount)
                        self._confirm(movement, side, Confirmation.BALANCE)
                if movement.left:
                    self.found.missing[movement.id] = (movement.left, len(open_ones))
                    movement.left = 0
            self._doubtful.update(side.id for side in entries if side.left)

    def _due(self) -> list[Side]:
        """Returns the movements of these days, or earlier ones, of which something is left."""
        return [each for each in self.open.values() if each.left > 0 and each.told.day <= self.last_day]

    def _book(self, side: Side) -> None:
        """Takes what is left of an entry for new, in suspense while it may be a movement of a later day."""
        told = side.told
        if side.matched:
            left = tuple(side.pieces.values())
            is_all = sum(part.amount_minor for part in left) == side.left
            told = replace(
                told,
                amount_minor=side.left,
                parts=left if is_all else (),
                references=left[0].references if is_all and len(left) == 1 else frozenset(),
                transactions=len(left) if is_all else 0,
            )
        if self.found.guessed and keys_of(told) & self.found.guessed:
            self.found.unsure.add(side.id)
        doubters = frozenset(
            each.id
            for each in self.later.of(side)
            if each.left > 0
            and (may_be_one(side, each) or (side.id in self.found.unsure and is_of_one_amount(side, each)))
        )
        self.found.new[side.id] = (told, doubters | ({ZERO_ID} if side.id in self._doubtful else frozenset()))

    def _miss(self, movement: Side, alike: Mapping[Key, int]) -> None:
        """Notes that of a movement something is not booked."""
        before = self.known.known[movement.id]
        if before.certainty is Certainty.MISSING or movement.id in self.found.missing:
            return
        key = (movement.told.amount_minor, *movement.told.way())
        self.found.missing[movement.id] = (movement.left, 1 + alike[key])

    def _found_by_amount(self) -> Counter[Key]:
        """Counts the movements that were found by amount: others of it might as well be these."""
        by_amount = (Confirmation.AMOUNT, Confirmation.OTHER_DAY)
        found = (self.open.get(key) for key, (_, how) in self.found.confirmed.items() if how in by_amount)
        return Counter((each.told.amount_minor, *each.told.way()) for each in found if each is not None)
