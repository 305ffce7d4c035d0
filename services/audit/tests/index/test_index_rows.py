"""The index in PostgreSQL: what rows there are, however events come; what is read from them; damage that is named."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import Any

import psycopg
import pytest
from ringfence_audit.index.adapters import index_model, stored_runs
from ringfence_audit.index.adapters.index_model import KEPT_STATES, IndexModel
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.domain.answer import Asked
from ringfence_audit.index.domain.errors import IndexDamaged, IndexMoved
from ringfence_audit.index.domain.keys import keys_of
from ringfence_audit.index.domain.runs import Covered, index_root
from ringfence_kernel.store import EventStore
from ringfence_kernel.values.recorded import Recorded
from ringfence_local_stack.servers.database import Database

from . import reference
from .logs import History, batches, grown, identifier, leaves


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


def shown(reader: RunReader, covered: Covered, key: bytes) -> list[int]:
    """Finds a key by the pages of all runs, each of which is proven."""
    found = []
    size = sum(run.leaves for run in covered.runs)
    for run, pages in zip(covered.runs, reader.pages(covered, Asked(key, 0, size)), strict=True):
        assert (pages is None) == (not run.postings)
        if pages is None:
            continue
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
        covered = reader.cover(size)
        assert index_root(covered.runs) == reference.root(history.leaves[:size])
        for key in (
            identifier("account", random.randrange(40)),
            identifier("reader"),
            identifier("nobody"),
            b"\xff" * 16,
        ):
            expected = [index for index, leaf in enumerate(history.leaves[:size]) if key in keys_of(leaf)]
            assert shown(reader, covered, key) == expected


def merge_for_good(history: History) -> None:
    """Signs as often as it takes until nothing but merged runs is left of what is indexed."""
    for _ in range(KEPT_STATES):
        history.sign(history.state(len(history.leaves)))


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_search_finds_leaves_in_any_range(connection: Any, reader: RunReader, is_merged: bool) -> None:
    """The first of a range, by one key or several, across runs and the tail, whether or not the parts of merged runs
    are still there; bundles and accounts likewise."""
    history = grown(4_096 + 700, 300)
    if is_merged:
        merge_for_good(history)
    project(connection, history.recorded)
    assert runs_of(connection, 0)[0] == (4_096 if is_merged else 0)
    random = Random(1)
    for _ in range(50):
        keys = [identifier("account", random.randrange(40)) for _ in range(random.randint(1, 3))]
        start, end = sorted(random.randrange(5_000) for _ in range(2))
        limit = random.choice([1, 10, 5_000])
        content = enumerate(history.leaves[start:end], start)
        expected = [index for index, leaf in content if set(keys) & set(keys_of(leaf))]
        assert reader.find(keys, start, end, limit).indexes == expected[:limit]
    assert reader.bundles_of(identifier("tenant", 1), 300, 1_100, 2) == [256, 512]
    assert reader.bundles_of(identifier("tenant", 1), 4_600, 5_000, 9) == [4_352, 4_608]
    assert reader.bundles_of(identifier("tenant", 9), 0, 5_000, 9) == []
    assert len(reader.accounts_of(identifier("owner", 1), 100)) > 10
    assert len(reader.accounts_of(identifier("owner", 1), 9)) == 9
    assert reader.accounts_of(identifier("owner", 77), 100) == []


def signed_history() -> History:
    """A log of 9,000 leaves in which states vouch for more and more of the index, two of them late or less."""
    random, history, content = Random(5), History(), leaves(9_000)
    unsigned: list[int] = []
    while len(history.leaves) < 8_900:
        history.append([content.pop() for _ in range(random.randint(1, random.choice([3, 300])))])
        for _ in range(random.randrange(8)):
            history.read()
        if random.randrange(8) == 0:
            unsigned.append(history.state(max(len(history.leaves) - random.choice([0, 40, 4_000]), 0)))
        if unsigned and random.randrange(6) == 0:
            history.sign(unsigned.pop(random.randrange(len(unsigned))))
            unsigned.clear()
    return history


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_follow_from_events_however_they_come(
    connection: Any, database: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """One by one, all together or in any batches: the same rows, after any event."""
    monkeypatch.setattr(index_model, "KEPT_STATES", 3)
    random, history = Random(seed), signed_history()
    upto = random.randrange(len(history.recorded) // 2, len(history.recorded))
    recorded = history.recorded[:upto] if seed > 1 else history.recorded
    project(connection, recorded, [1] * len(recorded) if seed == 1 else [random.randint(1, 90) for _ in range(8)])
    one_way = rows(connection)
    for table in IndexModel.tables:
        assert one_way[table], table
        connection.execute(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING ALL)")
    connection.commit()
    project(connection, recorded)
    assert rows(connection) == one_way
    assert seed > 1 or runs_of(connection, 0)[0] >= 4_096


def test_merged_runs_stay_until_no_kept_state_needs_them(connection: Any, reader: RunReader) -> None:
    """A parent's range is complete, then one signed state after the other has an index beyond it: with the last of as
    many as are kept they go."""
    history = grown(4_096, 500)
    bundles = list(range(0, 4_096, 256))

    def level_0() -> list[int]:
        project(connection, history.recorded[done:])
        return runs_of(connection, 0)

    done = 0
    sizes = []
    for index_size in (4_095, *(4_096 + number for number in range(KEPT_STATES))):
        sizes.append(history.state(index_size))
    assert level_0() == bundles  # stated alone
    for size in sizes:
        assert runs_of(connection, 0) == bundles
        done = len(history.recorded)
        history.sign(size)
        level_0()
    assert runs_of(connection, 0) == []
    assert runs_of(connection, 1) == [0]
    assert index_root(reader.cover(4_098).runs) == reference.root(history.leaves[:4_098])
    with pytest.raises(IndexMoved):
        reader.cover(4_095)


def test_a_checkpoint_over_less_keeps_what_it_needs(connection: Any) -> None:
    """Where one of the checkpoints that are kept was over no index, nothing goes until it is kept no more."""
    history = grown(4_096, 500)
    for index_size in (0, *[4_096] * (KEPT_STATES - 1)):
        history.sign(history.state(index_size))
    project(connection, history.recorded)
    assert len(runs_of(connection, 0)) == 16
    history.sign(history.state(4_096))
    project(connection, history.recorded[-2:])
    assert runs_of(connection, 0) == []


def test_a_log_without_states_keeps_no_merged_runs_for_ever(connection: Any) -> None:
    """Nothing is answered completely under its checkpoints: what goes is told by how many leaves they are over."""
    history = grown(4_096, 500)
    history.sign(4_000)
    for _ in range(KEPT_STATES):
        history.read()
        history.sign(len(history.leaves))
        project(connection, history.recorded[-2:] if runs_of(connection, 0) else history.recorded)
    assert (runs_of(connection, 0), runs_of(connection, 1)) == ([], [0])


class Cut(Exception):
    """The power goes."""


@pytest.mark.parametrize("writes", [0, 5, 16, 17])
def test_a_merge_that_is_cut_off_leaves_nothing(connection: Any, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """Rows come with their whole batch or not at all, and come all the same the next time."""
    history = grown(4_096, 700)
    project(connection, history.recorded[:1])
    before, write, left = rows(connection), stored_runs.chunks_of, [writes]

    def cut(blocks: Any) -> Any:
        for chunk in write(blocks):
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            yield chunk

    with monkeypatch.context() as patched:
        patched.setattr(stored_runs, "chunks_of", cut)
        with pytest.raises(Cut):
            project(connection, history.recorded[1:])
    assert rows(connection) == before
    project(connection, history.recorded[1:])
    assert (len(runs_of(connection, 0)), runs_of(connection, 1)) == (16, [0])


KEY = identifier("account", 7)


@pytest.mark.parametrize(
    ("statement", "first_leaf", "chunk"),
    [
        ("UPDATE index_chunks SET postings = set_byte(postings, 3000, 1) WHERE level = 1", "0", "0"),
        ("UPDATE index_chunks SET postings = substr(postings, 1, 31980) WHERE level = 1 AND chunk = 0", "0", "0"),
        ("UPDATE index_chunks SET first_posting = set_byte(first_posting, 0, 0) WHERE level = 1", "0", None),
        ("UPDATE index_chunks SET first_posting = set_byte(first_posting, 19, 255) WHERE chunk = 1", "0", "1"),
        ("UPDATE index_chunks SET head = set_byte(head, 3, get_byte(head, 3) # 1) WHERE level = 1", "0", None),
        ("DELETE FROM index_chunks WHERE level = 1 AND chunk = 1", "0", None),
        ("UPDATE index_runs SET root = set_byte(root, 0, get_byte(root, 0) # 1) WHERE level = 1", "0", None),
        ("UPDATE index_runs SET postings = 0 WHERE level = 1", "0", None),
        (
            "UPDATE index_chunks SET postings = set_byte(postings, 9, 1) WHERE level = 0 AND first_leaf = 4096",
            "4096",
            "0",
        ),
        ("UPDATE index_tail SET postings = set_byte(postings, 9, 1)", "4352", None),
    ],
)
def test_a_changed_row_is_named_and_not_answered_from(
    connection: Any, reader: RunReader, audit_database: Database, statement: str, first_leaf: str, chunk: str | None
) -> None:
    """Whichever part of the index was changed: whoever needs it is told its range, and gets nothing."""
    history = grown(4_096 + 300, 50)
    project(connection, history.recorded)
    with psycopg.connect(audit_database.owner_conninfo) as owner:
        owner.execute(statement.encode())
    every = [identifier("account", number) for number in range(40)]
    with pytest.raises(IndexDamaged) as refused:
        reader.find(every, 0, len(history.leaves), 10_000)
    assert refused.value.metadata["first_leaf"] == first_leaf
    if chunk is not None:
        assert refused.value.metadata["chunk"] == chunk


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE index_chunks SET postings = set_byte(postings, 777, 3) WHERE first_leaf = 512", {"chunk": "0"}),
        ("DELETE FROM index_runs WHERE first_leaf = 512", {}),
    ],
)
def test_a_damaged_run_is_never_merged(
    connection: Any, audit_database: Database, statement: str, named: dict[str, str]
) -> None:
    """What would come of it would have a valid root; it is named instead, and the batch leaves nothing."""
    history = grown(4_200, 50)
    until = next(at for at, each in enumerate(history.recorded) if each.event.first_leaf > 3_900)
    project(connection, history.recorded[:until])
    with psycopg.connect(audit_database.owner_conninfo) as owner:
        owner.execute(statement.encode())
    with pytest.raises(IndexDamaged) as refused:
        project(connection, history.recorded[until:])
    assert refused.value.metadata == {"first_leaf": "512", "leaves": "256", **named}
    connection.rollback()
    assert runs_of(connection, 1) == []


@pytest.mark.parametrize("lost", [0, 99, 199])
def test_a_tail_that_lacks_a_row_is_never_completed(connection: Any, audit_database: Database, lost: int) -> None:
    """A bundle that was brought by fewer leaves than it has is no run."""
    history = History()
    for leaf in leaves(256):
        history.append([leaf])
    project(connection, history.recorded[:200])
    with psycopg.connect(audit_database.owner_conninfo) as owner:
        owner.execute(b"DELETE FROM index_tail WHERE first_leaf = %s", (lost,))
    with pytest.raises(IndexDamaged):
        project(connection, history.recorded[200:])


def test_a_run_that_was_merged_meanwhile_is_named_as_moved(connection: Any, audit_store: EventStore) -> None:
    """Whoever asks for pages of a run that has gone is told so, and not that somebody has changed it."""
    history = grown(4_100, 500)
    project(connection, history.recorded)
    known, fresh = RunReader(audit_store), RunReader(audit_store)
    run, key = known.cover(4_000).runs[0], identifier("account", 1)
    merge_for_good(history)
    project(connection, history.recorded[-2 * KEPT_STATES :])
    assert run.leaves == 256
    for reader in (known, fresh):
        with pytest.raises(IndexMoved):
            reader.pages(Covered([run]), Asked(key, 0, 256))


def test_a_range_that_the_index_has_not_reached_is_refused(connection: Any, reader: RunReader) -> None:
    """No answer is made up for leaves that are not in it."""
    assert reader.size() == 0
    assert reader.cover(0) == Covered([])
    project(connection, grown(300, 50).recorded)
    for size in (301, 512, 5_000):
        with pytest.raises(IndexMoved):
            reader.cover(size)
