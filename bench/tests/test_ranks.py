"""The rank test tells samples apart that differ, and no others."""

from __future__ import annotations

from random import Random
from statistics import NormalDist

import pytest

from bench.ranks import rank_p


def test_two_samples_of_one_kind_do_not_differ() -> None:
    """Equal samples are as likely as can be, and p is spread evenly over samples of one kind."""
    same = [float(each) for each in range(100)]
    assert rank_p(same, same) == pytest.approx(1.0)
    assert rank_p([1.0] * 50, [1.0] * 50) == 1.0
    chance = Random(7)
    found = [rank_p(*[[chance.random() for _ in range(100)] for _ in range(2)]) for _ in range(200)]
    assert 0.02 < sum(each < 0.1 for each in found) / 200 < 0.2


def test_a_small_shift_of_many_is_found() -> None:
    """A twentieth of the spread, over 5,000 tries each, is told."""
    chance = Random(7)
    first, second = ([chance.random() + shift for _ in range(5_000)] for shift in (0.0, 0.05))
    assert rank_p(first, second) < 1e-6


def test_it_is_what_its_definition_says() -> None:
    """By its definition: U counts the pairs of which the first is larger, and z is normal (no ties)."""
    first = [1.1, 2.2, 3.3, 4.4, 5.5, 6.6, 7.7, 8.8]
    second = [0.9, 1.0, 2.0, 3.0, 4.0, 5.0, 9.9]
    u = sum(one > other for one in first for other in second)
    z = (u - 28) / (8 * 7 * 16 / 12) ** 0.5
    assert rank_p(first, second) == pytest.approx(2 * (1 - NormalDist().cdf(abs(z))))
