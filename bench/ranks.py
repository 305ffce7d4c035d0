"""Whether two samples differ: the Mann-Whitney U test, whose p-value needs no distribution of its own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def rank_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Returns how likely such ranks are where both samples are of one kind, by the normal approximation with ties.

    H. B. Mann, D. R. Whitney: On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other
    (1947); good from about 20 values each. Two-sided.
    """
    sizes = len(first), len(second)
    ranks = _ranks([*first, *second])
    u = sum(ranks[: sizes[0]]) - sizes[0] * (sizes[0] + 1) / 2
    total = sum(sizes)
    ties = sum(count**3 - count for count in Counter([*first, *second]).values())
    spread = math.sqrt(sizes[0] * sizes[1] / 12 * (total + 1 - ties / (total * (total - 1))))
    return math.erfc(abs(u - sizes[0] * sizes[1] / 2) / spread / math.sqrt(2)) if spread else 1.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Returns the rank of each value from 1; equal ones share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and values[order[end]] == values[order[at]]:
            end += 1
        for index in order[at:end]:
            ranks[index] = (at + 1 + end) / 2
        at = end
    return ranks
