"""The arithmetic of quotas: what was used comes back with time, never more, and never twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_kernel.values.buckets import SWEEP_SIZE, Bucket, Buckets
from ringfence_kernel.values.clock import NANOSECONDS

SECOND = NANOSECONDS
LONGEST_NS = 3_600 * SECOND


class Clock:
    """Goes as a test says."""

    def __init__(self) -> None:
        """Starts anywhere."""
        self.now_ns = 17 * SECOND

    def __call__(self) -> int:
        """Returns the time."""
        return self.now_ns


def test_a_bucket_starts_full_and_fills_at_its_rate() -> None:
    """What it holds goes at once; then one comes every half second, and the hint is the time until then."""
    bucket = Bucket(rate_per_second=2, capacity=3, now_ns=0)
    assert [bucket.draw(1, 0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.draw(1, SECOND // 4) == pytest.approx(0.25)
    assert bucket.draw(1, SECOND // 2 - 1) == pytest.approx(0, abs=1e-8)
    assert bucket.draw(1, SECOND * 3 // 4) > 0
    assert bucket.draw(1, SECOND) == 0


def test_a_bucket_holds_no_more_than_its_capacity() -> None:
    """However long nobody draws."""
    bucket = Bucket(2, 3, 0)
    assert [bucket.draw(1, LONGEST_NS) for _ in range(4)] == [0, 0, 0, 0.5]


def test_the_last_draw_may_be_as_large_as_it_is_and_is_paid_off() -> None:
    """Whoever finds one may take more than is there; nothing is given until that has come in."""
    bucket = Bucket(10, 20, 0)
    assert bucket.draw(120, 0) == 0
    assert bucket.draw(1, 0) == pytest.approx(10.1)
    assert bucket.draw(1, 9 * SECOND) == pytest.approx(1.1)
    assert bucket.draw(1, 11 * SECOND) == 0


def test_what_is_given_back_can_be_drawn_again_up_to_the_capacity() -> None:
    """A request that did nothing costs nothing, and earns nothing."""
    bucket = Bucket(1, 10, 0)
    assert bucket.draw(10, 0) == 0
    bucket.give_back(10)
    bucket.give_back(10)
    assert bucket.draw(10, 0) == 0
    assert bucket.draw(1, 0) > 0


def test_what_is_spent_to_a_floor_leaves_debts_as_they_are() -> None:
    """It neither makes a debt nor forgives one."""
    bucket = Bucket(1, 10, 0)
    bucket.spend(50, 0, least=0)
    assert bucket.draw(1, 0) == pytest.approx(1)
    bucket.spend(5, 0)
    bucket.spend(50, 0, least=0)
    assert bucket.draw(1, 0) == pytest.approx(6)


def test_a_clock_that_goes_back_fills_nothing() -> None:
    """Neither then nor when it has caught up."""
    bucket = Bucket(1, 1, 10 * SECOND)
    assert bucket.draw(1, 10 * SECOND) == 0
    assert bucket.draw(1, 0) == pytest.approx(1)
    assert bucket.draw(1, 10 * SECOND) == pytest.approx(1)
    assert bucket.draw(1, 11 * SECOND) == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10 * SECOND)), max_size=50))
def test_over_any_time_no_more_is_given_than_came_in(draws: list[tuple[float, int]]) -> None:
    """The capacity, the rate times the time, and the largest draw are the bound, whatever the order."""
    bucket, now_ns, given_out = Bucket(5, 20, 0), 0, 0.0
    for amount, passed_ns in draws:
        now_ns += passed_ns
        if bucket.draw(amount, now_ns) == 0:
            given_out += amount
    assert given_out <= 20 + 5 * now_ns / SECOND + 100


def test_one_is_given_however_little_a_bucket_holds() -> None:
    """A rate below one a second is a longer wait, not a refusal for ever."""
    bucket = Bucket(0.25, 0.25, 0)
    assert bucket.draw(1, 0) == 0
    assert bucket.draw(1, 0) == pytest.approx(4)
    assert bucket.draw(1, 4 * SECOND) == 0


def test_owners_have_buckets_of_their_own() -> None:
    """One that has nothing left takes nothing from another."""
    clock = Clock()
    buckets = Buckets(1, 2, clock)
    assert [buckets.draw(b"one") > 0 for _ in range(3)] == [False, False, True]
    assert buckets.draw(b"two") == 0
    clock.now_ns += SECOND
    assert buckets.draw(b"one") == 0


def test_only_full_buckets_are_forgotten() -> None:
    """Many owners take no memory for ever, and none gets a new bucket for an empty one."""
    clock = Clock()
    buckets = Buckets(1, 10, clock)
    for number in range(SWEEP_SIZE - 1):
        buckets.draw(b"%d" % number)
    clock.now_ns += SECOND
    buckets.draw(b"empty", 100)
    buckets.draw(b"another")
    assert buckets.kept == 2
    assert buckets.draw(b"empty") == pytest.approx(91)
