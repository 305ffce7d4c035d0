"""Look-ups in the index: how much one does, by how many queries, and that they are held to what was signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ringfence_audit.index.adapters import run_reader, stored_runs
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.domain.answer import Asked
from ringfence_audit.index.domain.errors import IndexDamaged, IndexMoved
from ringfence_audit.index.domain.keys import keys_of
from ringfence_audit.index.domain.runs import POSTING, Run, index_root, postings_in
from ringfence_audit.log.domain.state_leaf import IndexHead
from ringfence_kernel.store import EventStore

from .logs import grown, identifier
from .test_index_rows import project


def test_what_one_call_looks_up_is_bounded_and_goes_on(
    connection: Any, reader: RunReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many keys in many runs come in several calls, each of which says from where the next one has to go on."""
    history = grown(4_096 + 700, 300)
    project(connection, history.recorded)
    keys = [identifier("account", number) for number in range(40)]
    expected = reader.find(keys, 100, 4_700, 10_000)
    assert expected.next_leaf == 4_700
    monkeypatch.setattr(run_reader, "MOST_LOOKED_UP", 85)
    at, found, calls = 100, list[int](), 0
    while at < 4_700:
        located = reader.find(keys, at, 4_700, 10_000)
        assert located.next_leaf > at
        found, at, calls = found + located.indexes, located.next_leaf, calls + 1
    assert found == expected.indexes
    assert calls == 2
    cut = reader.find(keys, 100, 4_700, 7)
    assert (cut.indexes, cut.next_leaf) == (expected.indexes[:7], expected.indexes[6] + 1)


def test_what_an_answer_needs_of_its_runs_is_read_together(
    connection: Any, reader: RunReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many runs there are, their chunks come by one query, and a second look at them by none."""
    history = grown(4_096 + 2_000, 300)
    project(connection, history.recorded)
    covered, key = reader.cover(6_000), identifier("account", 3)
    read = stored_runs.read_chunks
    asked: list[int] = []

    def noted(connection: Any, wanted: Sequence[Any]) -> Any:
        asked.append(len(wanted))
        return read(connection, wanted)

    monkeypatch.setattr(run_reader, "read_chunks", noted)
    asked.clear()
    located = reader.find([key], 0, 6_000, 5_000, covered)
    assert len(located.indexes) > 100
    assert asked == [len(covered.runs) - 1]
    asked.clear()
    reader.pages(covered, Asked(key, 0, 6_000))
    assert sum(asked) == 0


def without(connection: Any, run: Run, key: bytes) -> None:
    """Writes a run again without a key, as if it had never been found by it: every hash fits."""
    level = {256: 0, 4_096: 1}[run.leaves]
    of = (level, run.first)
    chunks = connection.execute(
        "SELECT postings FROM index_chunks WHERE level = %s AND first_leaf = %s ORDER BY chunk", of
    ).fetchall()
    for table in ("index_chunks", "index_runs"):
        connection.execute(f"DELETE FROM {table} WHERE level = %s AND first_leaf = %s", of)
    postings = postings_in(b"".join(chunk["postings"] for chunk in chunks))
    left = [each for each in postings if each[:16] != key]
    assert len(left) < len(postings)
    stored_runs.write_run(connection, run.range, [np.array(left, POSTING)])
    connection.commit()


@pytest.mark.parametrize("number", [0, 2])
def test_a_search_is_held_to_what_was_signed(connection: Any, audit_store: EventStore, number: int) -> None:
    """A run that was written again, consistently, is not the one that the newest state vouches for."""
    history, key = grown(4_096 + 700, 300), identifier("account", 7)
    project(connection, history.recorded)
    honest = RunReader(audit_store).cover(4_700)
    stated = IndexHead(4_700, index_root(honest.runs))
    expected = [index for index, leaf in enumerate(history.leaves) if key in keys_of(leaf)]
    known = RunReader(audit_store, lambda: stated)
    for reader in (known, RunReader(audit_store)):
        assert reader.find([key], 0, 4_796, 10_000).indexes == expected
        assert reader.find([key], 4_690, 4_796, 10_000).indexes == [each for each in expected if each >= 4_690]
    without(connection, honest.runs[number], key)
    assert RunReader(audit_store).find([key], 0, 4_796, 10_000).indexes != expected
    with pytest.raises(IndexDamaged):
        RunReader(audit_store, lambda: stated).find([key], 0, 4_796, 10_000)
    assert known.find([key], 0, 4_796, 10_000).indexes == expected  # by the hashes that were signed


def test_an_index_that_is_shorter_than_stated_is_not_searched(connection: Any, audit_store: EventStore) -> None:
    """While it is being filled again nothing shows that what is there is what was signed."""
    history = grown(700, 300)
    project(connection, history.recorded)
    reader = RunReader(audit_store, lambda: IndexHead(701, bytes(32)))
    with pytest.raises(IndexMoved):
        reader.find([identifier("account", 7)], 0, 600, 10)
