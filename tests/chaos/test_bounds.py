"""Kills that are felt longer than they may be are findings, and others are none."""

from __future__ import annotations

import pytest

from .bounds import BEYOND_POSTGRES_SECONDS, ENOUGH, P50_SECONDS, WORST_SECONDS, felt_too_long
from .killer import POSTGRES, Strike


def kills(*seconds: float, parts: tuple[str, ...] = ("audit",), postgres: float = 0.0) -> list[Strike]:
    """Returns kills that audit was felt to be away after, enough of them: of the last figure as many as it takes."""
    every = [*seconds, *[seconds[-1]] * (ENOUGH - len(seconds))]
    return [Strike(parts, 1, {"audit": each}, postgres) for each in every]


def test_bounds_that_hold_raise_nothing() -> None:
    """Half at one bound and one at the other, of leaders; PostgreSQL's own recovery does not count."""
    half = [P50_SECONDS + 0.5] * (ENOUGH // 2 - 2)
    assert list(felt_too_long(kills(WORST_SECONDS, *half, P50_SECONDS))) == []
    slow = kills(7.0 + BEYOND_POSTGRES_SECONDS, parts=(POSTGRES,), postgres=7.0)
    assert list(felt_too_long(slow)) == []


@pytest.mark.parametrize(
    ("strikes", "named"),
    [
        (kills(0.2, P50_SECONDS + 0.01), ["audit after audit was killed 50 times: p50 1.01 s"]),
        (kills(WORST_SECONDS + 0.01, 0.2), ["audit after audit was killed 50 times: at worst 2.01 s"]),
        (kills(0.2, 3.0), ["p50 3.00 s", "at worst 3.00 s"]),
        (kills(5.5, 5.0, parts=(POSTGRES,), postgres=1.0), ["audit after postgres was killed 50 times: at worst 5.5"]),
        (kills(5.1, parts=(POSTGRES, "custody"), postgres=1.0), ["audit after postgres and custody was killed"]),
    ],
    ids=["p50", "worst", "both", "postgres", "postgres and custody"],
)
def test_what_was_felt_too_long_is_named(strikes: list[Strike], named: list[str]) -> None:
    """The service, what was killed, and the figure."""
    found = [str(each) for each in felt_too_long(strikes)]
    assert len(found) == len(named)
    assert all(name in each for name, each in zip(named, found, strict=True)), found


def test_a_slow_recovery_of_postgres_hides_no_other() -> None:
    """Each kill is held to the recovery of PostgreSQL at that kill, not to the slowest of all."""
    quick, slow = kills(0.5, parts=(POSTGRES,)), kills(20.0, parts=(POSTGRES,), postgres=19.0)
    late = Strike((POSTGRES,), 1, {"audit": 6.0}, 1.0)
    assert list(felt_too_long([*quick, *slow])) == []
    assert len(list(felt_too_long([*quick, late, *slow]))) == 1


def test_of_few_kills_nothing_is_said() -> None:
    """49 are not enough, whatever others there are."""
    few = kills(9.0)[1:]
    assert list(felt_too_long([*few, *kills(0.2, parts=("custody",))])) == []
