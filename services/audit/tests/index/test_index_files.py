"""What the files of runs take on disk, and how that is given back."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from ringfence_audit.index.adapters.index_model import KEPT_STATES
from ringfence_audit.index.adapters.run_files import StoredRunFiles
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.application.compacting import Compacting
from ringfence_audit.index.domain.runs import index_root
from ringfence_kernel.store import EventStore

from . import reference
from .logs import grown, leaves
from .test_index_rows import project, rows, runs_of


def bytes_of(connection: Any, level: int) -> int:
    """What the chunks of a level take on disk."""
    asked = f"SELECT pg_total_relation_size('index_chunks_{level}') AS bytes"
    return int(connection.execute(asked).fetchone()["bytes"])


def test_what_merges_leave_is_given_back_though_the_newest_run_is_at_the_end(
    connection: Any, reader: RunReader, audit_store: EventStore
) -> None:
    """The files of a level are written anew; who reads an older state of them reads on, who holds them is waited for
    another time, and who may write rows may do nothing else to the table."""
    history = grown(4_096, 500)
    history.append(list(leaves(300, 2)))
    project(connection, history.recorded)
    files = StoredRunFiles(audit_store, spare_bytes=100_000)
    assert files.wasteful() == []
    done = len(history.recorded)
    for _ in range(KEPT_STATES):
        history.sign(history.state(len(history.leaves)))
    project(connection, history.recorded[done:])
    assert runs_of(connection, 0) == [4_096]
    before, full = rows(connection), bytes_of(connection, 0)
    assert files.wasteful() == [0]
    connection.execute("SELECT FROM index_chunks WHERE level = 0")  # whose transaction goes on
    assert not files.compact(0)
    assert bytes_of(connection, 0) == full
    connection.commit()
    with reader._snapshot() as older:
        older.execute("SELECT FROM cursors")
        assert files.compact(0)
        assert older.execute("SELECT count(*) FROM index_chunks").fetchone()["count"] == len(before["index_chunks"])
    assert rows(connection) == before
    assert bytes_of(connection, 0) < full / 3
    assert files.wasteful() == []
    size = len(history.leaves)
    assert index_root(reader.cover(size).runs) == reference.root(history.leaves)
    for statement in ("TRUNCATE index_chunks_0", "CLUSTER index_chunks_0 USING index_chunks_0_pkey"):
        connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


async def test_compaction_looks_after_checkpoints_and_again_where_it_was_held_up() -> None:
    """Once as it begins, once after news, and until nobody holds what is to go; nothing while nothing happens."""
    asked, held, wasteful = list[str](), [True], [1]

    class Files:
        def wasteful(self) -> list[int]:
            asked.append("look")
            return list(wasteful)

        def compact(self, level: int) -> bool:
            asked.append(f"compact {level}")
            if not held[0]:
                wasteful.clear()
            return not held[0]

    compacting = Compacting(Files(), look_seconds=0.01)
    running = asyncio.create_task(compacting.run())
    await asyncio.sleep(0.2)
    assert asked[:4] == ["look", "compact 1"] * 2
    held[0] = False
    await asyncio.sleep(0.1)
    asked.clear()
    await asyncio.sleep(0.1)
    assert asked == []
    history = grown(10, 10)
    compacting.note(history.recorded)
    await asyncio.sleep(0.1)
    assert asked == []
    wasteful.append(1)
    history.sign(history.state(10))
    compacting.note(history.recorded)
    await asyncio.sleep(0.2)
    assert asked == ["look", "compact 1", "look"]
    running.cancel()


async def test_what_gains_nothing_is_not_tried_again_soon() -> None:
    """Whoever reads an older state has the server keep what is gone: all who use the files would wait for nothing."""
    tried, now, wasteful = list[tuple[int, float]](), [0.0], {0, 1}

    class Files:
        def wasteful(self) -> list[int]:
            return sorted(wasteful)

        def compact(self, level: int) -> bool:
            tried.append((level, now[0]))
            wasteful.discard(0)
            return True

    compacting = Compacting(Files(), now=lambda: now[0])
    for _ in range(3 * 360):
        assert await compacting.look() is (1 not in wasteful)
        now[0] += 10
    assert tried[0] == (0, 0.0)
    assert [at for level, at in tried if level == 1] == [0, 300, 900, 2_100, 4_500, 9_300]
    wasteful.clear()
    assert await compacting.look()
    wasteful.add(1)
    await compacting.look()
    assert tried[-1] == (1, now[0])
