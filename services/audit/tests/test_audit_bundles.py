"""Entry bundles: where single leaves are read from, and events that keep their leaves deflated."""

from __future__ import annotations

import asyncio
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.adapters import bundle_reader
from ringfence_audit.log.adapters.bundle_model import BundleModel
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain import bundles
from ringfence_audit.log.domain.bundles import (
    BUNDLE_LEAVES,
    GROUP_LEAVES,
    MOST_BYTES,
    BundleMalformed,
    bundled,
    bundled_apart,
    groups_in,
    inflate,
    picked,
    split,
    unbundled,
)
from ringfence_audit.log.domain.errors import LogDamaged
from ringfence_audit.log.domain.events import EVENTS, LeavesAppended, LeavesDeflated, leaves_of
from ringfence_audit.log.domain.leaf import pack
from ringfence_audit.log.domain.state import HEADS_IN_LEAVES, HEADS_IN_LINES, LogTampered, State
from ringfence_kernel.projecting.projector import fill as project_all
from ringfence_kernel.projecting.projector import rebuild_and_compare
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_local_stack.servers.database import Database

from .conftest import Audit
from .feeds import SourceFeed, transfers_created
from .test_audit_log import append_reads, as_owner, fill, stored_leaves
from .test_audit_state_leaf import sign_in_first_format

LEAVES = [b"a leaf", b"", b"another leaf" * 9]
SECOND, THIRD = BUNDLE_LEAVES + 100, 2 * BUNDLE_LEAVES + 5


async def long_log(audit: Audit, custody: SourceFeed) -> None:
    """Fills two bundles and a part of a third, by pages that end within bundles; the last leaves are not signed."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    await append_reads(audit, 300)
    for number in range(150):
        custody.add("TransfersCreated.v1", transfers_created(f"u{number}-0", f"u{number}-1"))
    await audit.follow(custody)
    await audit.publish()
    await append_reads(audit, 3)


def rows(store: EventStore) -> dict[int, bytes]:
    """Returns the table of bundles."""
    with store.connection() as connection:
        found = connection.execute("SELECT index, leaves FROM bundles ORDER BY index").fetchall()
    return {row["index"]: bytes(row["leaves"]) for row in found}


def of_topic(store: EventStore, topic: str) -> list[int]:
    """Returns the positions of the events of a topic."""
    return [each.position for each in store.read(0, 1_000) if each.topic == topic]


async def test_bundles_hold_the_leaves_of_the_log(audit: Audit, custody: SourceFeed) -> None:
    """Each of 256 leaves, in order, the last as far as the model has come; and they are a fraction of their size."""
    await long_log(audit, custody)
    leaves = [leaf for row in rows(audit.store).values() for leaf in unbundled(row)]
    assert leaves == stored_leaves(audit.store)[:-3]
    assert [len(unbundled(row)) for row in rows(audit.store).values()][:2] == [BUNDLE_LEAVES] * 2
    assert sum(map(len, rows(audit.store).values())) < len(pack(leaves)) / 2


@pytest.mark.parametrize("at_once", [1, 2, 7, 1_000])
async def test_bundles_are_the_same_however_events_come(audit: Audit, custody: SourceFeed, at_once: int) -> None:
    """One at a time or all together."""
    await long_log(audit, custody)
    events = list(audit.store.replay(EventCodec(EVENTS)))
    with audit.store.connection() as connection:
        project_all(audit.store, EventCodec(EVENTS), BundleModel())
        expected = rows(audit.store)
        connection.execute("DELETE FROM bundles")
        for at in range(0, len(events), at_once):
            BundleModel().project(connection, events[at : at + at_once])
    assert rows(audit.store) == expected
    assert len(expected) > 2


async def test_single_leaves_are_read_from_their_bundles(
    audit: Audit, custody: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receipt, a search and a short list read no event, as far as the bundles have come; only the rest is."""
    await long_log(audit, custody)
    stored, stood = stored_leaves(audit.store), audit.log.position()
    queries = queries_of(audit)
    read = list[int]()
    read_at = audit.store.read_at
    monkeypatch.setattr(audit.store, "read_at", lambda positions: read.extend(positions) or read_at(positions))
    wanted = [0, 5, BUNDLE_LEAVES - 1, BUNDLE_LEAVES, SECOND, THIRD]
    assert list(queries.leaves_at(wanted)) == [(index, stored[index]) for index in wanted]
    assert queries.receipt(SECOND, stood)[0] == stored[SECOND]
    assert queries.list_leaves(THIRD, 3, stood) == [(index, stored[index]) for index in range(THIRD, THIRD + 3)]
    assert read == []
    newest = len(stored) - 1
    assert list(queries.leaves_at([SECOND, newest])) == [(SECOND, stored[SECOND]), (newest, stored[newest])]
    assert read == [audit.store.head().position]


def queries_of(audit: Audit) -> Any:
    """Returns what the servicer reads the log with, its caches empty."""
    store = audit.store
    return Queries(TileReader(store), ChainedLeaves(store, EventCodec(EVENTS)), BundleReader(store))


async def test_bundles_are_held_and_read_by_their_bytes(
    audit: Audit, custody: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are asked for, an answer of the database and the cache have no more than their bytes allow."""
    await long_log(audit, custody)
    stored, asked = stored_leaves(audit.store), list[int]()
    monkeypatch.setattr(bundle_reader, "READ_BYTES", 1)
    monkeypatch.setattr(bundle_reader, "CACHED_BYTES", len(pack(stored[:GROUP_LEAVES])))

    def noted(part: bytes, first_group: int, count: int) -> list[bytes]:
        asked.append(count)
        return groups_in(part, first_group, count)

    monkeypatch.setattr(bundle_reader, "groups_in", noted)
    queries = queries_of(audit)
    wanted = [0, BUNDLE_LEAVES, THIRD]
    for _ in range(2):
        leaves = queries.leaves_at(wanted)
        assert next(leaves) == (0, stored[0])
        assert len(asked) % 2 <= 1
        assert list(leaves) == [(index, stored[index]) for index in wanted[1:]]
    assert len(asked) > 2
    assert set(asked) == {1}
    assert len(queries._bundles._groups) <= 1


async def test_whoever_lists_the_log_in_short_steps_has_every_event_checked(
    audit: Audit, custody: SourceFeed, audit_database: Database
) -> None:
    """An event whose bytes were changed is found with the last of its leaves, though the bundles are as they were."""
    await long_log(audit, custody)
    stood = audit.log.position()
    end = stood.signed_head().size

    def listed(at: int, step: int) -> int:
        while found := queries_of(audit).list_leaves(at, step, stood):
            at = found[-1][0] + 1
        return at

    assert listed(0, 5) == end
    events = audit.store.replay(EventCodec(EVENTS))
    for each in [each for each in events if isinstance(each.event, LeavesDeflated)]:
        change = f"UPDATE stored_events SET {FLIPPED} WHERE notification_id = {each.position}"
        as_owner(audit_database, change)
        for step in (1, 5):
            with pytest.raises(LogDamaged) as damaged:
                listed(each.event.first_leaf + each.event.count - 5, step)
            assert damaged.value.metadata["position"] == str(each.position)
        as_owner(audit_database, change)


FLIPPED = "state = set_byte(state, 60, get_byte(state, 60) # 1)"
CHANGES = {
    "bundle": (
        "UPDATE bundles SET leaves = %s, starts = %s WHERE index = 1",
        {"bundle": "1", "leaf_index": str(SECOND)},
    ),
    "tile": (
        "UPDATE tiles SET hashes = set_byte(hashes, %s, get_byte(hashes, %s) # 1) WHERE level = 0 AND index = 1",
        {"tile": "0/1", "leaf_index": str(SECOND)},
    ),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_changed_bundle_and_a_changed_tile_are_named(
    audit: Audit, custody: SourceFeed, audit_database: Database, what: str
) -> None:
    """Where leaf and hash disagree, the event tells which of both was changed, and nothing is shown."""
    await long_log(audit, custody)
    stood = audit.log.position()
    statement, named = CHANGES[what]
    leaves = unbundled(rows(audit.store)[1])
    leaves[SECOND - BUNDLE_LEAVES] = leaves[0]
    at = 32 * (SECOND - BUNDLE_LEAVES)
    as_owner(audit_database, statement, *(bundled_apart(leaves) if what == "bundle" else (at, at)))
    for ask in (
        lambda: queries_of(audit).receipt(SECOND, stood),
        lambda: list(queries_of(audit).leaves_at([SECOND])),
        lambda: queries_of(audit).list_leaves(SECOND, 1, stood),
    ):
        with pytest.raises(LogDamaged) as damaged:
            ask()
        assert damaged.value.metadata == named


@pytest.mark.parametrize(("level", "index", "at"), [(0, 1, 7), (0, 2, 1), (1, 0, 0)])
async def test_a_tile_that_only_proves_a_leaf_is_named(
    audit: Audit, custody: SourceFeed, audit_database: Database, level: int, index: int, at: int
) -> None:
    """No receipt is given that would not verify: of a neighbour's hash, of the last tile, and of a level above."""
    await long_log(audit, custody)
    change = f"hashes = set_byte(hashes, {32 * at}, get_byte(hashes, {32 * at}) # 1)"
    as_owner(audit_database, f"UPDATE tiles SET {change} WHERE level = {level} AND index = {index}")
    with pytest.raises(LogDamaged) as damaged:
        queries_of(audit).receipt(SECOND, audit.log.position())
    assert damaged.value.metadata == {"tile": f"{level}/{index}", "leaf_index": str(SECOND)}


@pytest.mark.parametrize(
    "change",
    ["leaves = set_byte(leaves, 80, get_byte(leaves, 80) # 1)", "leaves = substr(leaves, 1, 500)", "leaves = ''"],
)
async def test_a_bundle_that_cannot_be_read_is_named(
    audit: Audit, custody: SourceFeed, audit_database: Database, change: str
) -> None:
    """A flipped bit, a cut and an empty row, by whoever reads a leaf of it."""
    await long_log(audit, custody)
    as_owner(audit_database, f"UPDATE bundles SET {change} WHERE index = 1")
    with pytest.raises(LogDamaged) as damaged:
        list(queries_of(audit).leaves_at([3, *range(BUNDLE_LEAVES, SECOND)]))
    assert damaged.value.metadata["bundle"] == "1"


async def test_a_bundle_that_is_missing_is_read_from_events_and_filled_anew(
    audit: Audit, custody: SourceFeed, audit_database: Database
) -> None:
    """Whoever deletes rows withholds nothing; a rebuild counts them, and one without comparing writes them again."""
    await long_log(audit, custody)
    before, stored = rows(audit.store), stored_leaves(audit.store)
    as_owner(audit_database, "DELETE FROM bundles WHERE index < 2")
    assert list(queries_of(audit).leaves_at([0, SECOND, THIRD])) == [(at, stored[at]) for at in (0, SECOND, THIRD)]
    assert rebuild_and_compare(audit.store, EventCodec(EVENTS), BundleModel()) == {"bundles": 2}
    await asyncio.to_thread(rebuild, audit.store, audit.log.origin, compare=False)
    assert {index: unbundled(row) for index, row in rows(audit.store).items() if index < 2} == {
        index: unbundled(before[index]) for index in (0, 1)
    }
    assert rebuild_and_compare(audit.store, EventCodec(EVENTS), BundleModel()) == {"bundles": 0}


async def test_what_another_library_deflates_is_no_difference(
    audit: Audit, custody: SourceFeed, audit_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only other leaves are."""
    await long_log(audit, custody)
    with monkeypatch.context() as patched:
        patched.setattr(bundles, "LEVEL", 9)
        other, starts = bundled_apart(unbundled(rows(audit.store)[1]))
    assert other != rows(audit.store)[1]
    as_owner(audit_database, "UPDATE bundles SET leaves = %s, starts = %s WHERE index = 1", other, starts)
    assert rebuild_and_compare(audit.store, EventCodec(EVENTS), BundleModel()) == {"bundles": 0}
    assert next(queries_of(audit).leaves_at([SECOND]))[1] == stored_leaves(audit.store)[SECOND]


@pytest.mark.parametrize("change", ["DELETE FROM bundles", "UPDATE bundles SET leaves = ''"])
async def test_the_model_does_not_go_on_from_a_bundle_that_was_changed(
    audit: Audit, custody: SourceFeed, audit_database: Database, change: str
) -> None:
    """It says which one: all after it would be shifted."""
    await long_log(audit, custody)
    as_owner(audit_database, f"{change} WHERE index = 2")
    with pytest.raises(LogDamaged) as damaged:
        await asyncio.to_thread(audit.bundles.step)
    assert damaged.value.metadata == {"bundle": "2"}


async def test_a_log_that_may_be_taken_back_does_not_deflate(audit: Audit, custody: SourceFeed) -> None:
    """Until its format is decided, and in the first format; from then on all pages are deflated, and all are read."""
    fill(custody)
    await audit.follow(custody)
    await sign_in_first_format(audit)
    custody.add("TransfersCreated.v1", transfers_created("in-lines"))
    await audit.follow(custody)
    assert audit.log.format == HEADS_IN_LINES
    assert len(of_topic(audit.store, "LeavesAppended.v1")) == 2
    assert of_topic(audit.store, "LeavesDeflated.v1") == []


async def test_leaves_of_a_log_of_todays_format_are_deflated(audit: Audit, custody: SourceFeed) -> None:
    """And come out of their events as they went in, however they are kept."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    assert audit.log.format == HEADS_IN_LEAVES
    custody.add("TransfersCreated.v1", transfers_created("in-leaves", "too"))
    await audit.follow(custody)
    [first], [second] = (of_topic(audit.store, f"Leaves{each}.v1") for each in ("Appended", "Deflated"))
    codec = EventCodec(EVENTS)
    for position, kind, count in ((first, LeavesAppended, 9), (second, LeavesDeflated, 3)):
        [event] = [each.event for each in audit.store.replay(codec, position - 1, position)]
        assert isinstance(event, kind)
        assert len(leaves_of(event)) == event.count == count
    await audit.publish()
    report = await asyncio.to_thread(rebuild, audit.store, audit.log.origin, compare=True)
    assert set(report.differences.values()) == {0}


def deflated_event(deflated: bytes, count: int) -> LeavesDeflated:
    """An event of custody with these leaves."""
    return LeavesDeflated("custody", 1, 1, 1, bytes(32), 0, 0, 0, count, deflated, bytes(32))


def bomb(mebibytes: int) -> bytes:
    """So many MiB of zeros, deflated; the second block's bytes stand for all that follow, which is quick."""
    deflater, zeros = zlib.compressobj(), bytes(1 << 20)
    first, again = (deflater.compress(zeros) + deflater.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    checksum = zlib.adler32(bytes(mebibytes << 20)).to_bytes(4, "big")
    return first + again * (mebibytes - 1) + b"\x03\x00" + checksum


HOSTILE = {
    "a bomb": (bomb(200), 3),
    "a bomb of many": (bomb(200), 1 << 40),
    "cut short": (bundled(LEAVES)[:-1], 3),
    "something after": (bundled(LEAVES) + b"x", 3),
    "not deflated": (pack(LEAVES), 3),
    "nothing": (b"", 0),
    "too few": (bundled(LEAVES), 4),
    "too many": (bundled(LEAVES), 2),
    "none, it says": (bundled(LEAVES), 0),
    "a negative number": (bundled(LEAVES), -1),
    "a leaf cut short": (zlib.compress(pack(LEAVES)[:-1]), 3),
    "half of a length": (zlib.compress(pack(LEAVES) + b"\x00"), 3),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_bundle_of_so_many_leaves_is_refused(what: str) -> None:
    """By everybody who reads the event, and by the log as it is replayed; memory stays within what may be."""
    deflated, count = HOSTILE[what]
    event = deflated_event(deflated, count)
    tracemalloc.start()
    try:
        with pytest.raises(BundleMalformed):
            leaves_of(event)
        log = State("ringfence.test/log")
        with pytest.raises(LogTampered, match="from index 0 cannot be read"):
            log.apply(Recorded(1, log.stream, 1, event, 0, ""), Journal())
        assert tracemalloc.get_traced_memory()[1] < 3 * MOST_BYTES
    finally:
        tracemalloc.stop()


@given(st.lists(st.binary(max_size=300), max_size=9), st.sets(st.integers(0, 9)), st.floats(0, 1))
def test_leaves_are_picked_or_what_holds_them_is_cut_short(leaves: list[bytes], wanted: set[int], share: float) -> None:
    """As a list of all would give them; of a part of it, none that is not whole, and none in another's place."""
    assert picked(pack(leaves), sorted(wanted)) == {at: leaves[at] for at in wanted if at < len(leaves)}
    kept = round(share * len(pack(leaves)))
    try:
        found = picked(pack(leaves)[:kept], sorted(wanted))
    except BundleMalformed:
        assert kept < len(pack(leaves))
    else:
        assert found.items() <= dict(enumerate(leaves)).items()


def test_a_bundle_inflates_to_what_was_deflated() -> None:
    """Leaf by leaf, an empty one too."""
    assert split(inflate(bundled(LEAVES), 3), 3) == LEAVES == unbundled(bundled(LEAVES))
    with pytest.raises(BundleMalformed):
        unbundled(bundled([b"x"] * (BUNDLE_LEAVES + 1)))
