"""One stolen key against the whole API, longer than with every change: many guesses, and other ones each time."""

from __future__ import annotations

import pytest
from ringfence_local_stack.scenario import Scenario
from ringfence_local_stack.scenario.platform import Platform

from tests.integration.test_compromised import Left, left, operator_walks, platform, platform_walks, town

__all__ = ["left", "platform", "town"]
ROUNDS = 40


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_platforms_key(town: Scenario, platform: Platform, left: Left, seed: int) -> None:
    """No more than the limits leaves, whatever is tried."""
    platform_walks(town, platform, left, seed=seed, rounds=ROUNDS)


def test_an_operators_key(town: Scenario, platform: Platform, left: Left) -> None:
    """Nothing leaves, and nobody is made; the last, for the other operator may be suspended in it."""
    operator_walks(town, platform, left, seed=2, rounds=ROUNDS)
