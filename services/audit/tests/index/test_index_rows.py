"""The index in PostgreSQL: what rows there are, however events come; what is read from them; damage that is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from ringfence_audit.index.adapters.index_model import IndexModel
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.domain.keys import keys_of
from ringfence_audit.index.domain.runs import Run, index_root
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.recorded import Recorded
from ringfence_local_stack.servers.database import Database

from . import reference
from .logs import batches, grown, identifier


@pytest.fixture
def connection(audit_database: Database) -> Iterator[Any]:
    """A connection of the service's own role."""
    with psycopg.connect(audit_database.app_conninfo, row_factory=dict_row) as connected:
        yield connected


@pytest.fixture
def reader(audit_store: EventStore) -> RunReader:
    """A reader that has cached nothing."""
    return RunReader(audit_store)


def project(connection: Any, recorded: Sequence[Recorded], sizes: Sequence[int] = ()) -> None:
    """Projects events in batches of these sizes, each in a transaction."""
    for batch in batches(recorded, sizes):
        with connection.transaction():
            IndexModel().project(connection, batch)
    connection.commit()


def rows(connection: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Reads all rows of the index."""
    found = {
        table: connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall() for table in IndexModel.tables
    }
    connection.commit()
    return {table: [each["t"] for each in rows] for table, rows in found.items()}


def runs_of(connection: Any, level: int) -> list[int]:
    """Gives where the runs of a level begin."""
    statement = "SELECT first_leaf FROM index_runs WHERE level = %s ORDER BY 1"
    found = [row["first_leaf"] for row in connection.execute(statement, (level,))]
    connection.commit()
    return found


def shown(reader: RunReader, runs: Sequence[Run], key: bytes) -> list[int]:
    """Finds a key by the pages of all runs, each of which is proven."""
    found = []
    for run in runs:
        if not run.postings:
            continue
        pages = reader.pages(run, key + bytes(4), key + run.leaves.to_bytes(4, "big"))
        hashes = {at: sha256(b"\x00" + page).digest() for at, page in enumerate(pages.pages, pages.first_page)}
        assert reference.proven_head(run.pages, hashes, pages.proof) == run.root
        content = b"".join(pages.pages)
        postings = [content[at : at + 20] for at in range(0, len(content), 20)]
        found += [run.first + int.from_bytes(each[16:], "big") for each in postings if each[:16] == key]
    return found


@pytest.mark.parametrize("total", [1, 255, 256, 700, 4_096, 4_096 + 300])
def test_the_reader_covers_any_size_and_proves_what_a_key_finds(connection: Any, reader: RunReader, total: int) -> None:
    """Covers of every size that has its runs lead to the defined root; each key finds its leaves and no others."""
    history = grown(total, 90)
    project(connection, history.recorded)
    assert reader.size() == total
    random = Random(total)
    for size in {0, total, total // 2, total - total % 256}:
        assert index_root(runs := reader.cover(size)) == reference.root(history.leaves[:size])
        for key in (
            identifier("account", random.randrange(40)),
            identifier("reader"),
            identifier("nobody"),
            b"\xff" * 16,
        ):
            expected = [index for index, leaf in enumerate(history.leaves[:size]) if key in keys_of(leaf)]
            assert shown(reader, runs, key) == expected


def test_a_search_finds_leaves_in_any_range(connection: Any, reader: RunReader) -> None:
    """The first of a range, by one key or several, across runs and the tail; bundles and accounts likewise."""
    history = grown(4_096 + 700, 300)
    project(connection, history.recorded)
    random = Random(1)
    for _ in range(50):
        keys = [identifier("account", random.randrange(40)) for _ in range(random.randint(1, 3))]
        start, end = sorted(random.randrange(5_000) for _ in range(2))
        limit = random.choice([1, 10, 5_000])
        content = enumerate(history.leaves[start:end], start)
        expected = [index for index, leaf in content if set(keys) & set(keys_of(leaf))]
        assert reader.find(keys, start, end, limit) == expected[:limit]
    assert reader.bundles_of(identifier("tenant", 1), 300, 1_100, 2) == [256, 512]
    assert reader.bundles_of(identifier("tenant", 1), 4_600, 5_000, 9) == [4_352, 4_608]
    assert reader.bundles_of(identifier("tenant", 9), 0, 5_000, 9) == []
    assert len(reader.accounts_of(identifier("owner", 1))) > 10
    assert reader.accounts_of(identifier("owner", 77)) == []
