"""Which of some amounts come to a total: bounded, and an answer only where there is one alone."""

from __future__ import annotations

from collections.abc import Sequence

MAX_AMOUNTS = 24


def only_subset(amounts: Sequence[int], total: int) -> tuple[int, ...] | None:
    """Returns the positions of the only amounts, two or more, that come to a total; None for no or several such sets.

    Amounts are above zero, and of those below the total at most MAX_AMOUNTS: of more there is no answer. Takes at most
    2^12 steps for each half.
    """
    positions = [position for position, amount in enumerate(amounts) if amount < total]
    if not 2 <= len(positions) <= MAX_AMOUNTS:
        return None
    middle = len(positions) // 2
    left = _sums([amounts[position] for position in positions[:middle]], total)
    right = _sums([amounts[position] for position in positions[middle:]], total)
    found: list[int] = []
    for subtotal, sets in left.items():
        found += [one | other << middle for one in sets for other in right.get(total - subtotal, ())]
        if len(found) > 1:
            return None
    return tuple(position for at, position in enumerate(positions) if found[0] >> at & 1) if found else None


def _sums(amounts: Sequence[int], total: int) -> dict[int, list[int]]:
    """Returns every sum up to the total with the sets, as bits, that come to it: two of them, where there are more."""
    found: dict[int, list[int]] = {0: [0]}
    for position, amount in enumerate(amounts):
        for subtotal, sets in [(each, tuple(sets)) for each, sets in found.items()]:
            if subtotal + amount <= total:
                known = found.setdefault(subtotal + amount, [])
                known += [each | 1 << position for each in sets][: 2 - len(known)]
    return found
