"""The stages of matching as data: each rule has a version, a confidence, and whether it matches or only suggests.

A rule that is changed gets another version: what was matched says by which it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Stage(IntEnum):
    """How lines of bank and books are found to be one; the order in which they are asked."""

    KEY = 1
    """The bank's line names the transfer, or the entry that the transfer rests on."""
    REFERENCE_AND_AMOUNT = 2
    AMOUNT_AND_DAY = 3
    """Unique on both sides."""
    REFERENCES = 4
    """One line stands for several: each by its reference, and the sum is its amount."""
    SUMS = 5
    """One line is the only sum of some of a few."""
    TEXT = 6
    """Text and counterparty, which are known elsewhere: candidates come with their score."""
    PEOPLE = 7
    """Somebody has decided it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One stage; confidence in percent, 0 where each case has its own."""

    stage: Stage
    version: int
    confidence: int
    matches: bool
    """False where it only suggests: somebody confirms."""


RULES = {
    each.stage: each
    for each in (
        Rule(Stage.KEY, 1, 100, True),
        Rule(Stage.REFERENCE_AND_AMOUNT, 1, 99, True),
        Rule(Stage.AMOUNT_AND_DAY, 1, 95, True),
        Rule(Stage.REFERENCES, 1, 98, True),
        Rule(Stage.SUMS, 1, 80, False),
        Rule(Stage.TEXT, 1, 0, False),
        Rule(Stage.PEOPLE, 1, 100, True),
    )
}
MOST_CANDIDATES = 16
"""Of a sum: more have too many solutions, and take too long."""
MOST_SUMS = 1_000
"""Lines whose sums are looked for at a time."""
ROUND_MINOR = 100
"""A sum of so many minor units, or a multiple, is never looked for: round amounts have many solutions."""
