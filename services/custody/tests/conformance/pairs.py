"""Two things wrong at once: rows for which both hold, made from rows for which one holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import combinations, pairwise
from typing import Any

Pair = tuple[str, str]


@dataclass(frozen=True)
class Defect:
    """One thing wrong with a row: fields changed, flags set; it does not hold under any of the flags `without`."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    flags: int = 0
    without: int = 0

    def __or__(self, other: Defect) -> Defect:
        return Defect({**self.fields, **other.fields}, self.flags | other.flags, self.without | other.without)

    def holds_beside(self, other: Defect) -> bool:
        """Tells whether both can be wrong with one row, as far as fields and flags go."""
        together = self | other
        return not self.fields.keys() & other.fields.keys() and not together.flags & together.without


def both(defects: Mapping[str, Defect]) -> Iterator[tuple[Pair, Defect]]:
    """Yields every two defects that can hold at once; the first of each pair is the answer expected."""
    for (first, one), (second, other) in combinations(defects.items(), 2):
        if one.holds_beside(other):
            yield (first, second), one | other


def neighbours(codes: type[IntEnum]) -> list[Pair]:
    """Returns the refusals that stand next to each other in order of precedence."""
    return list(pairwise(code.name.lower() for code in codes if code))
