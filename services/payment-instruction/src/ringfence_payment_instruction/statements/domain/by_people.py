"""What two people bring about where files alone could not decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.statements.domain.deciding import as_new, decided
from ringfence_payment_instruction.statements.domain.errors import HeldEntryUnknown, MovementUnknown
from ringfence_payment_instruction.statements.domain.movements import Movements, Outcome
from ringfence_payment_instruction.statements.domain.told import ReferenceKind, Told, all_references

MOST_ALIKE = 100


@dataclass(frozen=True, slots=True)
class InDoubt:
    """An entry of news that is held for a `doubt`, or money that a statement left in doubt: 0.

    `movements` are what it may be: of a held entry those in memory of its amount and way, at most a hundred.
    """

    id: bytes
    told: Told
    doubt: int
    movements: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A movement that an entry in doubt may be: kinds of references that both have, the same or different ones."""

    id: bytes
    told: Told
    shared: tuple[ReferenceKind, ...]
    differing: tuple[ReferenceKind, ...]


def candidates(known: Movements, found: InDoubt) -> list[Candidate]:
    """Returns the movements that an entry may be, each beside it."""
    return [_beside(found.told, key, known.known[key].told) for key in found.movements if key in known.known]


def _beside(told: Told, key: bytes, other: Told) -> Candidate:
    one, two = all_references(told), all_references(other)
    texts = {each[1:] for each in two}
    shared = {each[0] for each in one if each[1:] in texts}
    differing = {each[0] for each in one} & {each[0] for each in two} - shared
    return Candidate(
        key, other, tuple(map(ReferenceKind, sorted(shared))), tuple(map(ReferenceKind, sorted(differing)))
    )


def in_doubt(known: Movements) -> Iterator[InDoubt]:
    """Yields what people may decide, in the order of the ids."""
    for key in sorted({*known.held, *known.loose}):
        if key in known.held:
            held = known.held[key]
            alike = known.in_order(known.alike(held.told.whole(), held.told))[:MOST_ALIKE]
            yield InDoubt(key, held.told, held.doubt, tuple(alike))
        else:
            movement = known.known[key]
            yield InDoubt(key, movement.told, 0, tuple(known.in_order(movement.doubters - {ZERO_ID})))


def decide_doubt(known: Movements, mirror: bytes, decision: bytes, entry: bytes, movement: bytes) -> list[Any]:
    """Returns the events of a decision: the entry is a movement that is known, or another where that is zero.

    The money of another comes to suspense: whom the entry named is not known any more. Raises HeldEntryUnknown,
    MovementUnknown.
    """
    told = known.held[entry].told if entry in known.held else None
    if told is None and entry in known.loose:
        told = known.known[entry].told
    if told is None:
        raise HeldEntryUnknown
    if movement != ZERO_ID:
        other = known.known.get(movement)
        alike = other is not None and (other.told.amount_minor, other.told.way()) == (told.amount_minor, told.way())
        if not alike or movement == entry:
            raise MovementUnknown
        return decided(mirror, {entry: (Outcome.SAME, movement)})
    new = as_new(mirror, decision, entry, _of_nobody(told)) if entry in known.held else []
    return [*new, *decided(mirror, {entry: (Outcome.ANOTHER, entry)})]


def _of_nobody(told: Told) -> Told:
    return replace(told, parts=tuple(replace(part, client=ZERO_ID) for part in told.parts))
