"""A packed map is a mapping like any other, only smaller."""

from __future__ import annotations

from struct import Struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.packed_map import PackedMap, ids_to_ids

IDS = st.integers(0, 40).map(lambda number: number.to_bytes(16, "big"))
CHANGES = st.lists(st.tuples(IDS, st.none() | st.integers(0, 255)), max_size=80)


def counts() -> PackedMap[int]:
    """Returns an empty map from ids to small numbers."""
    return PackedMap(Struct("B"), lambda count: (count,), lambda key, count: count)


def change(map_: PackedMap[int] | dict[bytes, int], changes: list[tuple[bytes, int | None]], journal: Journal) -> None:
    """Puts numbers, and removes where there is none."""
    for key, count in changes:
        if count is not None:
            journal.put(map_, key, count)
        elif key in map_:
            journal.remove(map_, key)


@given(CHANGES)
def test_it_holds_what_a_dict_would_hold(changes: list[tuple[bytes, int | None]]) -> None:
    """Whatever is put and removed, the same ids have the same records as in a dict."""
    packed, plain = counts(), dict[bytes, int]()
    change(packed, changes, Journal())
    change(plain, changes, Journal())
    assert dict(packed) == plain
    assert all(packed.get(key) == plain.get(key) for key, _ in changes)


@given(CHANGES, CHANGES)
def test_a_journal_takes_its_changes_back(
    before: list[tuple[bytes, int | None]], after: list[tuple[bytes, int | None]]
) -> None:
    """After a rollback it holds, and digests to, what it did before, although rows may lie elsewhere."""
    packed, journal = counts(), Journal()
    change(packed, before, Journal())
    held, digest = dict(packed), packed.digest()
    change(packed, after, journal)
    journal.rollback()
    assert (dict(packed), packed.digest()) == (held, digest)


@given(CHANGES)
def test_what_is_saved_is_restored_and_goes_on(changes: list[tuple[bytes, int | None]]) -> None:
    """A restored map has the same digest and takes further changes."""
    packed, restored = counts(), counts()
    change(packed, changes, Journal())
    restored.restore("counts", {name: memoryview(content) for name, content in packed.save("counts")})
    assert restored.digest() == packed.digest()
    for each in (packed, restored):
        change(each, changes[::2], Journal())
    assert dict(restored) == dict(packed)


def test_sections_of_another_layout_are_refused() -> None:
    """Rows of another width, or sections of another name, leave the map as it was."""
    packed, ids = counts(), ids_to_ids()
    packed[bytes(16)] = 7
    sections = {name: memoryview(content) for name, content in packed.save("counts")}
    with pytest.raises(ValueError, match="different lengths"):
        ids.restore("counts", sections)
    with pytest.raises(LookupError):
        packed.restore("numbers", sections)
    assert (len(ids), dict(packed)) == (0, {bytes(16): 7})


def test_other_keys_are_no_ids() -> None:
    """What has not 16 bytes is never there, and cannot be put."""
    packed = counts()
    assert b"short" not in packed
    assert packed.get(b"short") is None
    with pytest.raises(KeyError):
        packed[b"short"]
    with pytest.raises(ValueError, match="16 bytes"):
        packed[b"short"] = 1
