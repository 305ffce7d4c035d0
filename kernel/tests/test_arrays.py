"""Columns of ids reach the server as they are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.arrays import Uuids


@pytest.mark.parametrize("ids", [[], [b"1" * 16], [bytes(16), bytes(range(16)), b"\xff" * 16]])
def test_ids_arrive(store: EventStore, ids: Sequence[bytes]) -> None:
    """None, one and several, in order; and in a comparison with one id."""
    with store.connection() as connection:
        query = "SELECT coalesce(array_agg(uuid_send(id)), '{}') AS ids FROM unnest(%b::uuid[]) AS id"
        row = connection.execute(query, (Uuids(ids),)).fetchone()
    assert row is not None
    assert list(map(bytes, row["ids"])) == ids


def test_what_is_no_id_is_refused() -> None:
    """Bytes of another length never reach the server, whatever they add up to."""
    with pytest.raises(ValueError, match="16 bytes"):
        Uuids([b"short", b"1" * 27])
