"""The table of ids: nothing noted is ever forgotten, and hardly anything foreign is taken for known."""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pytest
from ringfence_custody.ledger.domain import known_ids
from ringfence_custody.ledger.domain.known_ids import Fingerprints, KnownIds, Table


def split(ids: bytes) -> list[bytes]:
    """Returns the ids of a column."""
    return [ids[at : at + 16] for at in range(0, len(ids), 16)]


@pytest.mark.parametrize("sizes", [(1,), (1, 5, 16, 17, 100), (8_190,)])
def test_every_id_claimed_is_known_under_its_number(monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...]) -> None:
    """Through the filling of several tables each id keeps its batch, and none is taken for known before it came."""
    monkeypatch.setattr(known_ids, "FIRST_BITS", 6 if max(sizes) < 1_000 else 14)
    known, claimed, random = KnownIds(), [], Random(7)
    for number in range(1, 13 if max(sizes) > 1_000 else 200):
        ids = os.urandom(16 * random.choice(sizes))
        assert known.claim(ids, number) == []
        claimed.append(ids)
    assert len(known.tables) > 1
    for number, ids in enumerate(claimed, 1):
        assert known.claim(ids, 10_000) == list(range(len(ids) // 16))
        for identifier in split(ids)[:50]:
            assert known.numbers(identifier) == [number]


@pytest.mark.parametrize("size", [10, 1_000])
def test_an_id_twice_in_a_batch_is_suspected_the_second_time(size: int) -> None:
    """Of two equal ids in one batch the first is claimed, the second may be known."""
    known, ids = KnownIds(), os.urandom(16 * size)
    assert known.claim(ids + ids[32:48] + ids[:16], 1) == [size, size + 1]
    assert known.numbers(ids[:16]) == [1]


def test_an_id_may_be_noted_again_under_another_number() -> None:
    """An id whose first batch came to nothing has both numbers."""
    known, identifier = KnownIds(), os.urandom(16)
    known.claim(identifier, 1)
    known.note([identifier], 5)
    known.add(os.urandom(16 * 100_000), 6)
    known.note([identifier], 9)
    assert known.numbers(identifier) == [1, 5, 9]


def test_ids_added_again_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids claimed and then replayed keep their slots, in full buckets too, under the number that was committed."""
    monkeypatch.setattr(known_ids, "FIRST_BITS", 10)
    for _ in range(20):
        known, ids = KnownIds(), os.urandom(16 * 300)
        known.claim(ids, 4)
        known.add(ids, 5)
        assert np.count_nonzero(known.tables[0].prints) == 300
        assert all(known.numbers(each) == [5] for each in split(ids))


def test_tables_that_filled_up_while_they_were_saved_can_be_taken_up() -> None:
    """A table with more ids than were counted when its snapshot was taken takes their replay, and knows them all."""
    known, ids = KnownIds(), os.urandom(16 * 40_000)
    known.claim(ids, 7)
    (table,) = known.tables
    restored = KnownIds(known.fingerprints.keys, [Table(table.prints.copy(), table.numbers.copy(), used=0)])
    for at in range(0, len(ids), 16 * 8_000):
        restored.add(ids[at : at + 16 * 8_000], 7)
    assert (len(restored.tables), restored.tables[0].used) == (1, 40_000)
    assert restored.claim(ids, 8) == list(range(40_000))


def test_one_fingerprint_is_that_of_many() -> None:
    """An id has the same fingerprint alone and in a column; another key gives others."""
    fingerprints, ids = Fingerprints(os.urandom(80)), os.urandom(16 * 500) + bytes(16) + b"\xff" * 16
    prints = fingerprints.of_all(ids).tolist()
    assert [fingerprints.of_one(each) for each in split(ids)] == prints
    assert len(set(prints)) == len(prints)
    assert 0 not in prints
    assert Fingerprints(os.urandom(80)).of_all(ids).tolist() != prints
