"""A watermark never says of what has left that it has not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_kernel.writing.departed import Departed
from ringfence_kernel.writing.journal import Journal

OWNERS = b"owner of entries", b"another of them "


def key(number: int, version: int, owner: bytes) -> bytes:
    """Returns a key whose id has a version, and rises with the number."""
    return owner + number.to_bytes(6, "big") + bytes((version << 4 | number % 16,)) + bytes(9)


keys = st.builds(key, st.integers(0, 9), st.sampled_from([4, 7]), st.sampled_from(OWNERS))


@given(st.lists(st.lists(keys)), keys)
def test_what_has_left_may_have_left(groups: list[list[bytes]], other: bytes) -> None:
    """In whatever groups and order keys leave; and of a kind, none above the highest does."""
    departed = Departed()
    for group in groups:
        departed.add(group, Journal())
    gone = [each for group in groups for each in group]
    assert all(map(departed.may_hold, gone))
    kin = [each for each in gone if each[:16] == other[:16] and each[22] >> 4 == other[22] >> 4]
    assert departed.may_hold(other) == any(other <= each for each in kin)
    assert Departed(departed.highest()).highest() == departed.highest()


@given(st.lists(keys), st.lists(keys))
def test_a_failed_group_leaves_no_trace(before: list[bytes], group: list[bytes]) -> None:
    """Whatever left within a group is taken back exactly."""
    departed, journal = Departed(), Journal()
    departed.add(before, Journal())
    highest = departed.highest()
    departed.add(group, journal)
    journal.rollback()
    assert departed.highest() == highest


def test_what_is_no_key_never_has_left() -> None:
    """A question about it is answered, and whoever notes it has made a mistake, which changes nothing."""
    departed = Departed()
    assert not departed.may_hold(b"")
    with pytest.raises(ValueError, match="32 bytes"):
        departed.add([key(1, 7, OWNERS[0]), b"short"], Journal())
    assert departed.highest() == []
