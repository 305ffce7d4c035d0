"""A cache stays within what it may hold, by count or by weight."""

from __future__ import annotations

from ringfence_kernel.sealing.bounded_cache import BoundedCache


def test_what_was_not_used_for_longest_is_dropped_by_count() -> None:
    """Without weights every entry counts one."""
    cache: BoundedCache[int, str] = BoundedCache(2)
    cache.put(1, "a")
    cache.put(2, "b")
    assert cache.get(1) == "a"
    cache.put(3, "c")
    assert (cache.get(1), cache.get(2), cache.get(3)) == ("a", None, "c")


def test_entries_are_held_up_to_a_weight_together() -> None:
    """A heavy entry drops as many as it needs the place of, a replaced one counts once, one too heavy is not held."""
    cache: BoundedCache[int, bytes] = BoundedCache(10, len)
    for key in range(5):
        cache.put(key, b"xx")
    cache.put(4, b"x")
    cache.put(5, b"x" * 7)
    assert [key for key in range(6) if cache.get(key)] == [3, 4, 5]
    cache.put(6, b"x" * 11)
    assert (cache.get(6), len(cache)) == (None, 0)
    cache.put(7, b"x" * 10)
    cache.remove(7)
    cache.put(8, b"x" * 10)
    assert cache.get(8) == b"x" * 10
