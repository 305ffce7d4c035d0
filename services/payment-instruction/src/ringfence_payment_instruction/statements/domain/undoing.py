"""From where money goes back that the bank takes: from whom it went to, and never more than that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ringfence_kernel.values.ids import ZERO_ID, repayment_id

from ringfence_payment_instruction.deposits.domain.evidence import Disposition, row_id
from ringfence_payment_instruction.statements.domain.movements import Movement, Movements
from ringfence_payment_instruction.statements.domain.told import Part, Told, all_references

TO_PAYER = 1
"""The number of the row by which a payment's money has come back to its payer at once: not by way of suspense."""


class Take(NamedTuple):
    """What is taken of a part of a movement, by the row that has put it there; from suspense where `client` is zero."""

    number: int
    amount_minor: int
    client: bytes
    brought: bytes


class Undoing:
    """Finds what reversals undo; `after` has what a telling has changed, `before` all the rest."""

    def __init__(self, before: Movements, after: Movements) -> None:
        """Looks at both."""
        self.before, self.after = before, after

    def origin(self, reversal: bytes, told: Told, client: bytes, cleared: Iterable[bytes]) -> bytes | None:
        """Returns the one movement that a reversal undoes, None where nothing says which.

        By a reference of the bank, of which no less may be left. Without any that is known, the one of its amount for
        the `client` whom it names, that no other has undone; `cleared` are those of this telling.
        """
        named = [key for key in self._referenced(told) if self._of(key).told.way() == (True, False)]
        if named:
            fits = [key for key in named if self.left_minor(key, reversal) >= told.amount_minor]
            equal = [key for key in fits if self._of(key).told.amount_minor == told.amount_minor]
            return _only(equal or fits)
        if client == ZERO_ID:
            return None
        part, way = Part(told.amount_minor, frozenset(), client), Told(told.day, told.amount_minor, True, False)
        alike = dict.fromkeys([*self.before.alike(part, way), *self.after.alike(part, way)])
        done = set(cleared)
        return _only(
            [
                key
                for key in alike
                if key not in done and (each := self._of(key)).told.client == client
                and each.told.amount_minor == told.amount_minor and self.left_minor(key, reversal) == told.amount_minor
            ]
        )  # fmt: skip

    def undone(self, reversal: bytes, told: Told, client: bytes) -> bytes | None:
        """Returns the one movement that a reversal has undone by taking from clients, None where that is open."""
        named = [key for key in self._referenced(told) if self._of(key).told.way() == (True, False)]
        if named:
            return _only([key for key in named if self._of(key).told.amount_minor >= told.amount_minor])
        part, way = Part(told.amount_minor, frozenset(), client), Told(told.day, told.amount_minor, True, False)
        alike = dict.fromkeys([*self.before.alike(part, way), *self.after.alike(part, way)])
        return _only([key for key in alike if self._of(key).is_cleared and self._of(key).told.client == client])

    def debit(self, reversal: bytes, told: Told, here: Iterable[bytes]) -> bytes | None:
        """Returns the one movement that took what a reversal brings, by reference, and that no other has undone.

        Those `here` are of the same telling, and have the reference.
        """
        named = list(self._referenced(told))
        debits = list(dict.fromkeys([*here, *(key for key in named if self._of(key).told.way() == (False, False))]))
        others = [key for key in named if key != reversal and self._of(key).told.way() == (True, True)]
        return None if others else _only(debits)

    def reversals(self, debit: bytes, told: Told) -> Iterator[tuple[bytes, Movement]]:
        """Yields what was told before of a debit's reversal, by reference, that is of this debit alone."""
        for key in list(self._referenced(told)):
            movement = self._of(key)
            if movement.told.way() == (True, True) and self.debit(key, movement.told, [debit]) == debit:
                yield key, movement

    def left_minor(self, key: bytes, besides: bytes) -> int:
        """Returns what no other reversal has taken of a movement's money, minor units."""
        movement, reversed_minor = self._of(key), self._reversed_minor(key, besides)
        if movement.is_cleared and not reversed_minor and is_of_ours(key, movement.told, movement.entry_id):
            return 0  # by one that names it by client and amount alone
        return movement.posted_minor - reversed_minor

    def takes(self, origin: bytes, reversal: bytes, told: Told, client: bytes, brought: bytes) -> list[Take]:
        """Returns from where the money of a reversal comes; what is lacking of its amount nobody has to give.

        Where part of a movement of several clients is taken, those give whom the reversal names.
        """
        movement, left = self._of(origin), told.amount_minor
        parts = {number: movement.told.parts[number] for number in sorted(movement.allocated)}
        lies = movement.posted_minor - sum(each.amount_minor for each in parts.values())
        if not is_of_ours(origin, movement.told, brought):
            return [Take(0, left, movement.told.client, brought)]
        if not parts:
            return [Take(0, left, ZERO_ID, brought)]
        several = len(parts) > 1 or lies > 0
        if several and self._reversed_minor(origin, reversal):
            return []  # of whom that was is not known
        if several and left < movement.posted_minor:
            parts = {number: each for number, each in parts.items() if each.client == client}
        found = []
        for number, each in parts.items():
            amount = min(each.amount_minor, left)
            if amount:
                found.append(Take(number, amount, each.client, gave(origin, movement, number, brought)))
            left -= amount
        if lies > 0 and left:
            found.append(Take(0, min(lies, left), ZERO_ID, brought))
        return found

    def _of(self, key: bytes) -> Movement:
        return self.after.known.get(key) or self.before.known[key]

    def _referenced(self, told: Told) -> Iterator[bytes]:
        references = all_references(told)
        found = dict.fromkeys([*self.before.by_references(references), *self.after.by_references(references)])
        return (key for key in found if key in self.after.known or key in self.before.known)

    def _reversed_minor(self, key: bytes, besides: bytes) -> int:
        others = (each for each in self._referenced(self._of(key).told) if each not in (key, besides))
        return -sum(self._of(each).posted_minor for each in others if self._of(each).told.way() == (False, True))


def beyond(told: Told) -> int:
    """Returns the number behind that of the last part: of what happens to all of a movement once more."""
    return max(1, len(told.parts))


def reversed_again(number: int, is_again: bool) -> int:
    """Returns the number of a reversal's row that is posted once more where that was taken back: below zero."""
    return -1 - number if is_again else number


def gave(movement_id: bytes, movement: Movement, number: int, brought: bytes) -> bytes:
    """Returns the row that has given a client a part of a movement."""
    again = beyond(movement.told)
    direct = {row_id(movement_id, each, Disposition.CREDIT_CLIENT) for each in (0, again)}
    direct.add(row_id(movement_id, TO_PAYER, Disposition.RESTORE))
    if brought in direct or not is_of_ours(movement_id, movement.told, brought):
        return brought
    return row_id(movement_id, allotment(movement_id, movement.told, number, brought), Disposition.ALLOCATE)


def retractions(movement_id: bytes, told: Told) -> list[bytes]:
    """Returns the rows by which a movement that came in may have been taken back: of each part, and of the rest."""
    return [row_id(movement_id, each, Disposition.RETRACT) for each in (*range(len(told.parts)), beyond(told))]


def takings_of(movement_id: bytes, movement: Movement) -> list[bytes]:
    """Returns the rows by which a movement may have taken money of nobody who is known; the first that it has is."""
    ways = (Disposition.RETRACT, Disposition.REVERSE, Disposition.CHARGE)
    return list(dict.fromkeys([movement.entry_id, *(row_id(movement_id, 0, each) for each in ways)]))


def has_come_again(movement_id: bytes, told: Told, brought: bytes) -> bool:
    """Tells whether the row that has brought a movement's money did so after it had been taken back."""
    again = row_id(movement_id, beyond(told), Disposition.CREDIT_SUSPENSE)
    return brought == again or brought in map(repayment_id, retractions(movement_id, told))


def allotment(movement_id: bytes, told: Told, number: int, brought: bytes) -> int:
    """Returns under which number a part is allotted: another one of what was taken back and has come again."""
    again = beyond(told)
    is_again = brought == row_id(movement_id, again, Disposition.CREDIT_SUSPENSE)
    return again + 1 + number if is_again else number


def is_of_ours(movement_id: bytes, told: Told, entry_id: bytes) -> bool:
    """Tells whether a row of this release has brought a movement's money: it is known what became of that."""
    ways = (Disposition.CREDIT_CLIENT, Disposition.CREDIT_SUSPENSE)
    rows = {row_id(movement_id, number, way) for way in ways for number in (0, beyond(told))}
    rows |= {row_id(movement_id, number, Disposition.RESTORE) for number in (0, TO_PAYER)}
    return entry_id == ZERO_ID or entry_id in rows


def _only(found: list[bytes]) -> bytes | None:
    return found[0] if len(found) == 1 else None
