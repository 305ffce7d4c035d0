"""What news says that was not known: new movements, tellings of known ones, and entries in doubt.

News may be early, partial, repeated and told in other pieces. A movement is new only if no reading of what the bank has
told so far makes it one of those that the mirror has moved for; everything else waits for the statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import takewhile

from ringfence_kernel.values.ids import ZERO_ID, external_id

from ringfence_payment_instruction.statements.domain.indexes import Key
from ringfence_payment_instruction.statements.domain.movements import (
    Certainty,
    Doubt,
    Held,
    Movement,
    Movements,
)
from ringfence_payment_instruction.statements.domain.told import (
    Likeness,
    Part,
    Telling,
    Told,
    all_references,
    identities,
    is_same,
    likeness,
    merged,
)

SAME_DAYS = 10
"""How far apart two tellings may be dated that share a reference; banks use references again."""
ANY_DAYS = 2**32
"""So far apart may be a day that only news has told, which may be wrong, and the statement's."""
AHEAD_DAYS = 5
"""How far behind today news may be dated: the next business days of a bank that closes its books early."""
LIKE_DAYS = 2
"""How far from its booking news may be dated, where it only may be of a movement: two of news twice as far apart."""


@dataclass(slots=True)
class News:
    """What came of a telling.

    `new` are movements with their entry; `again` are entries that tell of known ones, by the ids of these; `held` are
    entries in doubt.
    """

    telling: Telling
    new: dict[bytes, Told] = field(default_factory=dict)
    again: dict[bytes, tuple[Told, tuple[bytes, ...]]] = field(default_factory=dict)
    held: dict[bytes, tuple[Told, Doubt]] = field(default_factory=dict)


def read_news(known: Movements, telling: Telling, today: int) -> News:
    """Decides what a telling of news says, which came in `today`, days since 1970."""
    return _Reading(known, telling, today + AHEAD_DAYS).read()


def days_apart(certainty: Certainty) -> int:
    """Returns how far a statement's entry may be dated from a movement with its reference."""
    return ANY_DAYS if certainty is Certainty.TOLD else SAME_DAYS


def held_apart(held: Held) -> int:
    """Returns how far a telling may be dated from a held entry with its reference."""
    return ANY_DAYS if held.doubt is Doubt.FAR_AHEAD else SAME_DAYS


def booked_before(known: Movements, statement: Telling) -> dict[int, tuple[bytes, ...]]:
    """Returns the places of entries that are, by reference, movements which another statement has booked, and these."""
    reading, found = _Reading(known, statement, ANY_DAYS), {}
    for position, told in enumerate(statement.entries):
        again = None if position in statement.past else reading.same(told)
        if again and all(known.known[each].certainty is Certainty.BOOKED for each in again):
            found[position] = again
    return found


class _Reading:
    """One telling while it is read."""

    def __init__(self, known: Movements, telling: Telling, latest_day: int) -> None:
        self.known = known
        self.latest_day = latest_day
        self.telling = telling
        self.news = News(telling)
        self._claimed: set[tuple[bytes, int]] = set()
        self._seen: dict[bytes, list[Told]] = {}
        self._left: list[tuple[bytes, Told]] = []
        self._sums = _by_way((known.known[each].told, each) for each in known.opaque())
        self._singles = _by_way((each.told, key) for key, each in known.known.items() if each.told.is_single)
        for way in self._sums:
            self._sums[way].sort(reverse=True)
            self._singles[way].sort()

    def read(self) -> News:
        """Takes what is certain first, then judges the rest."""
        for position, (entry_id, told) in enumerate(self.telling.items()):
            if position not in self.telling.past:
                self._recognise(entry_id, told)
        alike: dict[Key, list[tuple[bytes, Told, frozenset[bytes]]]] = {}
        judged: dict[Told, frozenset[bytes] | None] = {}  # what has no reference is judged once
        for entry_id, told in self._left:
            if all_references(told):
                found = self._judge(told)
            else:
                found = judged[told] if told in judged else judged.setdefault(told, self._judge(told))
            if found is None:
                self._hold(entry_id, told, Doubt.PART_OR_SUM)
            elif found:
                alike.setdefault((told.amount_minor, *told.way()), []).append((entry_id, told, found))
            else:
                self.news.new[entry_id] = told
        for group in alike.values():
            self._count(group)
        return self.news

    def _recognise(self, entry_id: bytes, told: Told) -> None:
        """Takes an entry that is known by its references, or holds it where it stands twice or comes too late."""
        if entry_id in self.known.known or entry_id in self.known.held:
            self._claimed.add((entry_id, -1))  # the same telling again, to the byte
            return
        again = self.same(told)
        if again is not None:
            self.news.again[entry_id] = (told, again)
        elif self._is_repeated(told):
            self.news.held[entry_id] = (told, Doubt.REPEATED)
        elif self.known.last is not None and told.day <= self.known.last.last_day:
            self._hold(entry_id, told, Doubt.LATE)
        elif told.day > self.latest_day:
            self._hold(entry_id, told, Doubt.FAR_AHEAD)
        elif self._is_told_elsewhen(told):
            self._hold(entry_id, told, Doubt.LIKE_ANOTHER)
        elif not self._rest(entry_id, told):
            self._left.append((entry_id, told))

    def same(self, told: Told) -> tuple[bytes, ...] | None:
        """Returns the movements that an entry tells of by reference: one, all of a sum, or all that have its parts."""
        for found in self.known.by_references(all_references(told)):
            total = self.known.sums.get(found)
            if total is not None:
                if is_same(told, total.told, SAME_DAYS) and self._claim(found, -1):
                    return total.members
            elif is_same(told, self.known.known[found].told, SAME_DAYS) and self._claim(found, -1):
                return (found,)
        members = [self._part(part, told) for part in told.pieces()]
        if None in members:
            return None
        for each in members:
            assert each is not None
            self._claimed.add(each)
        return tuple(dict.fromkeys(movement for movement, _ in filter(None, members)))

    def _claim(self, movement_id: bytes, part: int) -> bool:
        """Claims a movement for an entry; tells whether no entry of this telling has."""
        if (movement_id, part) in self._claimed:
            return False
        self._claimed.add((movement_id, part))
        return True

    def _part(self, part: Part, told: Told) -> tuple[bytes, int] | None:
        """Returns a movement, or the part of one, that a part is by reference."""
        for found in self.known.by_references(part.references):
            movement = self.known.known.get(found)
            if movement is None or movement.told.way() != told.way() or not _is_near(movement.told, told, SAME_DAYS):
                continue
            for index, other in enumerate(movement.told.pieces()):
                position = (found, index if len(movement.told.parts) > 1 else -1)
                if (
                    other.amount_minor == part.amount_minor
                    and likeness(other, part) is Likeness.SAME
                    and position not in self._claimed
                ):
                    return position
        return None

    def _is_repeated(self, told: Told) -> bool:
        """Tells whether an entry before it in this telling has its references; notes it otherwise."""
        said = identities(all_references(told))
        if any(is_same(told, other, SAME_DAYS) for each in said for other in self._seen.get(each, ())):
            return True
        for each in said:
            self._seen.setdefault(each, []).append(told)
        return any(
            (found, -1) in self._claimed and is_same(told, self.known.known[found].told, SAME_DAYS)
            for found in self.known.by_references(told.references)
            if found in self.known.known
        )

    def _is_told_elsewhen(self, told: Told) -> bool:
        """Tells whether news of a day far away has had the reference: one of the days may be wrong."""
        return any(
            self.known.known[found].certainty is Certainty.TOLD
            and is_same(told, self.known.known[found].told, ANY_DAYS)
            and not _is_near(told, self.known.known[found].told, SAME_DAYS)
            for found in self.known.by_references(told.references)
            if found in self.known.known
        )

    def _hold(self, entry_id: bytes, told: Told, doubt: Doubt) -> None:
        """Holds an entry; one that is held already, by reference, stays one and learns what this one adds."""
        for found in self.known.held_by_references(all_references(told)):
            before = self.known.held[found].told
            if is_same(told, before, held_apart(self.known.held[found])):
                more = merged(before, told)
                if more != before:
                    self.news.held[found] = (more, self.known.held[found].doubt)
                return
        self.news.held[entry_id] = (told, doubt)

    def _rest(self, entry_id: bytes, told: Told) -> bool:
        """Takes a sum some of whose parts are known: the others are new, as one movement, unless they are in doubt."""
        if len(told.parts) < 2:
            return False
        found = [self._part(part, told) for part in told.parts]
        if not any(found):
            return False
        if any(position is not None and position[1] >= 0 for position in found):
            self._hold(entry_id, told, Doubt.PART_OR_SUM)  # of another sum
            return True
        left = tuple(part for part, position in zip(told.parts, found, strict=True) if position is None)
        rest = replace(
            told,
            amount_minor=sum(part.amount_minor for part in left),
            references=left[0].references if len(left) == 1 else frozenset(),
            parts=left,
            transactions=len(left),
        )
        self._claimed.update(filter(None, found))
        if self._judge(rest) != frozenset() or self._wholes(told):
            self._hold(entry_id, told, Doubt.PART_OR_SUM)
            return True
        self.news.new[entry_id] = rest
        members = dict.fromkeys([position[0] for position in found if position is not None])
        self.news.again[external_id("bank-sum", entry_id, "")] = (told, (*members, entry_id))
        return True

    def _judge(self, told: Told) -> frozenset[bytes] | None:
        """Returns the movements that an entry may be as a whole, None where it may be a part or sum of such."""
        if any(self._may_be_in(told, part) for part in told.pieces()) or self._may_be_a_sum(told):
            return None
        return self._wholes(told)

    def _wholes(self, told: Told) -> frozenset[bytes]:
        """Returns the movements that an entry may be as a whole."""
        found = set()
        for movement_id in self.known.alike(told.whole(), told):
            movement = self._rival(movement_id, told)
            if movement is None or movement.told.amount_minor != told.amount_minor:
                continue
            if not movement.sure or likeness(movement.told.whole(), told.whole()) is not Likeness.DIFFERENT:
                found.add(movement_id)
        return frozenset(found)

    def _rival(self, movement_id: bytes, told: Told) -> Movement | None:
        """Returns a movement that an entry of this telling may be about, None where it cannot be."""
        movement = self.known.known[movement_id]
        is_other = self.telling.id in movement.tellings or (movement_id, -1) in self._claimed
        days = LIKE_DAYS if movement.certainty is Certainty.BOOKED else 2 * LIKE_DAYS
        return None if is_other or not _is_near(movement.told, told, days) else movement

    def _may_be_in(self, told: Told, part: Part) -> bool:
        """Tells whether an entry, or a part of it, may be a part of a known movement, or all of a smaller one."""
        for movement_id in self.known.alike(part, told):
            movement = self._rival(movement_id, told)
            if movement is None or (movement.told.amount_minor == told.amount_minor and len(told.parts) < 2):
                continue
            if len(told.parts) > 1 and len(movement.told.parts) > 1:
                continue  # two sums are one as a whole, or they have nothing in common
            for index, other in enumerate(movement.told.pieces()):
                if (
                    other.amount_minor == part.amount_minor
                    and (movement_id, index) not in self._claimed
                    and (not movement.sure or likeness(other, part) is not Likeness.DIFFERENT)
                ):
                    return True
        larger = takewhile(lambda each: each[0] > told.amount_minor, self._sums[told.way()])
        return told.is_single and any(self._rival(movement_id, told) for _, movement_id in larger)

    def _may_be_a_sum(self, told: Told) -> bool:
        """Tells whether an entry that is not told apart may stand for a movement that is known, and others."""
        smaller = takewhile(lambda each: each[0] < told.amount_minor, self._singles[told.way()])
        return told.is_opaque and any(self._rival(movement_id, told) for _, movement_id in smaller)

    def _count(self, group: list[tuple[bytes, Told, frozenset[bytes]]]) -> None:
        """Takes as many of a group of like entries for new as there cannot be among the movements that they may be."""
        rivals = frozenset[bytes]().union(*{id(found): found for _, _, found in group}.values())
        sure = max(0, len(group) - len(rivals))
        entries = [told for _, told, _ in group]
        for entry_id, told, _ in group[:sure]:
            self.news.new[entry_id] = told if all(each == told for each in entries) else _any_of(entries)
        for entry_id, told, _ in group[sure:]:
            self._hold(entry_id, told, Doubt.LIKE_ANOTHER)


def _by_way(movements: Iterable[tuple[Told, bytes]]) -> dict[tuple[bool, bool], list[tuple[int, bytes]]]:
    """Returns amounts and ids of movements by direction and reversal."""
    found: dict[tuple[bool, bool], list[tuple[int, bytes]]] = {
        (incoming, reversal): [] for incoming in (False, True) for reversal in (False, True)
    }
    for told, movement_id in movements:
        found[told.way()].append((told.amount_minor, movement_id))
    return found


def _is_near(told: Told, other: Told, days: int) -> bool:
    return abs(told.day - other.day) <= days


def _any_of(entries: list[Told]) -> Told:
    """Returns an entry that may be any of these: it has what they all have, and no reference."""
    first = entries[0]
    clients, counts = {each.client for each in entries}, {each.transactions for each in entries}
    client = first.client if len(clients) == 1 else ZERO_ID
    is_single = all(len(each.parts) == 1 for each in entries)
    return replace(
        first,
        references=frozenset(),
        parts=(Part(first.amount_minor, frozenset(), client),) if is_single else (),
        transactions=first.transactions if len(counts) == 1 else 0,
    )
