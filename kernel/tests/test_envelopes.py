"""Envelopes open in their own place only; blind indexes meet; keys are wrapped in batches and held briefly."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_kernel.sealing.envelopes import (
    AssociatedData,
    DataKeyCache,
    EnvelopeBroken,
    blind_index,
    seal,
    unseal,
)
from ringfence_kernel.values.clock import NANOSECONDS, ManualClock

KEY = bytes(range(32))
HOME = AssociatedData(b"s" * 16, 3, "name")


@given(st.binary(max_size=500))
def test_an_envelope_opens_in_its_place(plaintext: bytes) -> None:
    """What was sealed comes back, and no two envelopes are alike."""
    first, second = seal(KEY, plaintext, HOME), seal(KEY, plaintext, HOME)
    assert unseal(KEY, first, HOME) == plaintext
    assert first != second
    assert len(first) == 1 + 12 + len(plaintext) + 16


@pytest.mark.parametrize(
    "elsewhere",
    [
        AssociatedData(b"t" * 16, 3, "name"),
        AssociatedData(b"s" * 16, 4, "name"),
        AssociatedData(b"s" * 16, 3, "address"),
    ],
)
def test_an_envelope_opens_nowhere_else(elsewhere: AssociatedData) -> None:
    """Another stream, version or field is refused, so that rows cannot be exchanged."""
    with pytest.raises(EnvelopeBroken):
        unseal(KEY, seal(KEY, b"x", HOME), elsewhere)


def test_another_key_opens_nothing() -> None:
    """Without the key the envelope is noise: that is erasure."""
    with pytest.raises(EnvelopeBroken):
        unseal(os.urandom(32), seal(KEY, b"x", HOME), HOME)


@given(st.integers(min_value=0, max_value=31), st.integers(min_value=0, max_value=7))
def test_every_changed_bit_is_noticed(byte: int, bit: int) -> None:
    """Algorithm, nonce, ciphertext and tag are all under the tag."""
    envelope = bytearray(seal(KEY, b"abc", HOME))
    envelope[byte] ^= 1 << bit
    with pytest.raises(EnvelopeBroken):
        unseal(KEY, bytes(envelope), HOME)


@pytest.mark.parametrize("envelope", [b"", b"\x01", b"\x01" + bytes(27), b"\x02" + bytes(40)])
def test_what_is_no_envelope_is_refused(envelope: bytes) -> None:
    """Short texts and unknown algorithms are refused by name."""
    with pytest.raises(EnvelopeBroken):
        unseal(KEY, envelope, HOME)


def test_a_blind_index_depends_on_key_purpose_and_value() -> None:
    """Equal inputs meet; a change of any of them, or a shifted boundary, does not."""
    index = blind_index(KEY, "iban", b"DE00")
    assert index == blind_index(KEY, "iban", b"DE00")
    assert len(index) == 16
    others = {
        blind_index(KEY, "iba", b"nDE00"),
        blind_index(KEY, "iban", b"DE01"),
        blind_index(bytes(32), "iban", b"DE00"),
    }
    assert index not in others
    assert len(others) == 3


class KeyTable:
    """The source behind a cache."""

    def __init__(self) -> None:
        """Holds two subjects."""
        self.keys = {b"a" * 16: b"1" * 32, b"b" * 16: b"2" * 32}
        self.asked: list[Sequence[bytes]] = []

    async def load(self, subjects: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Returns those that exist."""
        self.asked.append(subjects)
        return {subject: self.keys[subject] for subject in subjects if subject in self.keys}


async def test_the_cache_asks_once_per_time_to_live() -> None:
    """A key is loaded once, again after its time, and an erased one is gone by then."""
    table, clock = KeyTable(), ManualClock(0)
    cache = DataKeyCache(table.load, clock, ttl_seconds=10)
    a, b = table.keys
    assert await cache.get_many([a, b, a]) == table.keys
    assert await cache.get(a) == b"1" * 32
    assert table.asked == [[a, b]]
    del table.keys[a]
    clock.advance(10 * NANOSECONDS)
    assert await cache.get(a) is None
    assert table.asked == [[a, b], [a]]


async def test_a_forgotten_key_is_asked_for_again() -> None:
    """An erasure that is heard of empties the cache at once."""
    table = KeyTable()
    cache = DataKeyCache(table.load, ManualClock(0))
    (a, _) = table.keys
    await cache.get(a)
    del table.keys[a]
    cache.forget(a)
    assert await cache.get(a) is None


async def test_a_key_that_is_forgotten_while_it_is_asked_for_is_not_kept() -> None:
    """An answer that was on its way when the erasure was heard of is not put back into the cache."""
    table = KeyTable()
    (a, _) = table.keys

    async def slow(subjects: Sequence[bytes]) -> Mapping[bytes, bytes]:
        found = await table.load(subjects)
        table.keys.pop(a, None)
        cache.forget(a)
        return found

    cache = DataKeyCache(slow, ManualClock(0))
    await cache.get(a)
    assert await cache.get(a) is None


async def test_the_cache_is_bounded() -> None:
    """The key not used for longest makes room."""
    table = KeyTable()
    cache = DataKeyCache(table.load, ManualClock(0), maximum=1)
    a, b = table.keys
    await cache.get(a)
    await cache.get(b)
    await cache.get(a)
    assert table.asked == [[a], [b], [a]]
