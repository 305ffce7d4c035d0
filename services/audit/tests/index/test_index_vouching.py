"""What the log states of its index, and what searches find by it, on a running log."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.index.adapters.index_model import IndexModel
from ringfence_audit.index.adapters.run_reader import RunReader
from ringfence_audit.index.application.ports import Located
from ringfence_audit.index.application.queries import Queries, SearchQuery
from ringfence_audit.index.application.vouching import Vouching
from ringfence_audit.index.domain.runs import Covered, Run
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.queries import Queries as LogQueries
from ringfence_audit.log.domain.events import EVENTS
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.state import State
from ringfence_audit.log.domain.state_leaf import NO_INDEX, IndexHead, stated_index
from ringfence_kernel.store.codec import EventCodec
from ringfence_local_stack.servers.database import Database
from ringfence_verifier import read_leaf

from ..conftest import ORIGIN, Audit, running
from ..feeds import BOOK, START_NS, SourceFeed, accounts_created, identifier, transfers_created
from ..test_audit_log import append_reads, as_owner, fill, stored_leaves
from . import reference


async def stated(audit: Audit) -> IndexHead:
    """Signs, and reads what the state says of the index."""
    await audit.sign_checkpoint()
    assert audit.log.signed is not None
    return stated_index(audit.log.signed.state_leaf)


def defined(audit: Audit, size: int) -> IndexHead:
    """What the index is over the first leaves, by its definition."""
    return IndexHead(size, reference.root(stored_leaves(audit.store)[:size]))


async def test_a_state_vouches_for_all_leaves_before_it(audit: Audit, custody: SourceFeed) -> None:
    """While the index keeps up, whatever has come since the last checkpoint is in the next one's index."""
    fill(custody)
    await audit.follow(custody)
    assert await stated(audit) == defined(audit, 9)
    await append_reads(audit, 300)
    assert await stated(audit) == defined(audit, 310)


async def test_an_index_that_is_late_is_stated_as_far_as_it_is(audit: Audit) -> None:
    """A checkpoint waits a moment and no longer; what is there is vouched for, and the next one has more."""
    await append_reads(audit, 3)
    await stated(audit)
    prompt, late = (
        audit.sign_checkpoint,
        replace(audit.sign_checkpoint, index=Vouching(RunReader(audit.store), held, 0.05)),
    )
    await append_reads(audit, 2)
    audit.sign_checkpoint = late
    async with asyncio.timeout(5):
        assert await stated(audit) == defined(audit, 3)
    await append_reads(audit, 1)
    audit.sign_checkpoint = prompt
    assert await stated(audit) == defined(audit, 8)


class Filling:
    """Runs of an index that is being filled."""

    def __init__(self, size: int) -> None:
        self._size = size

    def size(self) -> int:
        """Tells how far it is."""
        return self._size

    def cover(self, size: int) -> Covered:
        """Gives one run for all."""
        return Covered([Run(0, size, 0, bytes(32))])


@pytest.mark.parametrize(("size", "stated"), [(65_537, 65_536), (70_000, 69_888), (65_536, 65_536), (300, 300)])
async def test_an_index_that_may_be_very_late_is_stated_to_the_end_of_a_bundle(size: int, stated: int) -> None:
    """So that whoever reads the log can compute it again, however late it is."""
    assert (await Vouching(Filling(size), held, 0.01)()).size == stated  # type: ignore[arg-type]


async def held() -> None:
    """Never catches up."""
    await asyncio.sleep(60)


async def test_a_log_states_no_index_before_there_is_one(audit: Audit) -> None:
    """An index of nothing is stated as that."""
    await append_reads(audit, 2)
    audit.sign_checkpoint = replace(audit.sign_checkpoint, index=Vouching(RunReader(audit.store), held, 0.05))
    assert await stated(audit) == NO_INDEX == defined(audit, 0)


async def test_a_damaged_index_is_not_vouched_for_and_checkpoints_go_on(audit: Audit, audit_database: Database) -> None:
    """The log signs, says that it vouches for nothing, and vouches again for what was made anew."""
    await append_reads(audit, 300)
    await stated(audit)
    as_owner(audit_database, "UPDATE index_runs SET root = set_byte(root, 0, get_byte(root, 0) # 1)")
    await append_reads(audit, 1)
    assert await stated(audit) == NO_INDEX
    await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=False)
    await append_reads(audit, 1)
    assert await stated(audit) == defined(audit, 304)
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


async def test_whoever_takes_over_vouches_for_the_same_index(audit: Audit, custody: SourceFeed) -> None:
    """The index is the log's, whichever process has written it and signs over it."""
    await append_reads(audit, 260)
    await stated(audit)
    async with running(audit.store, [custody], anchor=audit.anchor) as other:
        await append_reads(other, 1)
        assert await stated(other) == defined(other, 262)


def test_an_index_ahead_of_the_log_is_none_of_it() -> None:
    """Whatever says so, a state never states an index over more leaves than there are before it."""
    event, _ = State(ORIGIN).append_state(1, index=IndexHead(1, bytes(32)))
    assert stated_index(event.leaf) == NO_INDEX


def search(audit: Audit, **fields: Any) -> list[tuple[int, dict[str, Any]]]:
    """Searches a log as far as it is indexed, page by page."""
    log = LogQueries(TileReader(audit.store), ChainedLeaves(audit.store, EventCodec(EVENTS)), BundleReader(audit.store))
    queries, until = Queries(RunReader(audit.store), log), audit.log.frontier.size
    query = SearchQuery(
        **{"subject": None, "tenant": None, "from_ns": 0, "until_ns": 0, **fields},
        page_size=7,
        from_leaf=0,
        until_leaf=until,
    )
    found: list[tuple[int, dict[str, Any]]] = []
    while True:
        page = queries.search(query)
        found += [(index, decode(leaf)[1]) for index, leaf in page.leaves]
        if page.next_leaf is None:
            return found
        query = replace(query, from_leaf=page.next_leaf)


async def crowded(audit: Audit, custody: SourceFeed) -> list[tuple[int, Any]]:
    """A log of several bundles; gives its facts with their indexes."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    for number in range(30):
        transfers = transfers_created(*(f"t{number}-{each}" for each in range(20)))
        custody.add("TransfersCreated.v1", {**transfers, "timestamp_ns": START_NS + number * 10**9})
        await audit.follow(custody)
    await audit.publish()
    facts = enumerate(map(read_leaf, stored_leaves(audit.store)))
    return [(index, fact) for index, fact in facts if not fact.kind.startswith("audit.")]


@pytest.mark.parametrize("name", ["alice", "owner-a", "t3-1", "t29-19", "nobody"])
async def test_a_search_finds_whatever_names_a_subject(audit: Audit, custody: SourceFeed, name: str) -> None:
    """Accounts, their owners and transfers, in complete bundles and in the tail."""
    facts, subject = await crowded(audit, custody), identifier(name)
    expected = [index for index, fact in facts if subject in fact.fields.values()]
    found = await asyncio.to_thread(search, audit, subject=subject)
    assert [index for index, _ in found] == expected
    assert bool(expected) == (name != "nobody")


async def test_a_search_by_platform_finds_its_facts_alone_or_as_a_subject(audit: Audit, custody: SourceFeed) -> None:
    """A platform is no key of any run, and is found all the same."""
    facts = await crowded(audit, custody)
    expected = [index for index, fact in facts if fact.fields.get("tenant_id") == BOOK]
    assert len(expected) > 600
    for asked in ({"tenant": BOOK}, {"subject": BOOK}, {"subject": BOOK, "tenant": BOOK}):
        assert [index for index, _ in await asyncio.to_thread(search, audit, **asked)] == expected
    nobody = {"subject": BOOK, "tenant": identifier("other")}
    assert await asyncio.to_thread(search, audit, **nobody) == []


@pytest.mark.parametrize(
    "asked", [{"subject": identifier("owner-a")}, {"subject": identifier("bob")}, {"tenant": BOOK}]
)
async def test_what_is_newer_than_the_index_is_found_too(
    audit: Audit, custody: SourceFeed, asked: dict[str, bytes]
) -> None:
    """Leaves that no run has yet are looked through; an index of nothing finds all that there is."""
    custody.add("AccountsCreated.v1", accounts_created("alice", "bob", owners=("owner-a", "owner-b")))
    custody.add("TransfersCreated.v1", transfers_created("early"))
    await audit.follow(custody)
    assert len(await asyncio.to_thread(search, audit, **asked)) >= 2
    assert RunReader(audit.store).size() == 0
    before = await asyncio.to_thread(search, audit, **asked)
    await audit.publish()
    assert await asyncio.to_thread(search, audit, **asked) == before
    custody.add("TransfersCreated.v1", transfers_created("late-0", "late-1"))
    await audit.follow(custody)
    assert len(await asyncio.to_thread(search, audit, **asked)) == len(before) + 2


async def test_times_narrow_where_a_search_looks(
    audit: Audit, custody: SourceFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves of pages that are of other times are not even looked for."""
    facts = await crowded(audit, custody)
    times = sorted({fact.fields["time_ns"] for _, fact in facts})
    start, end = times[len(times) // 2], times[len(times) // 2 + 3]
    asked: list[range] = []
    find = RunReader.find

    def noted(self: RunReader, keys: Any, from_leaf: int, until_leaf: int, limit: int) -> Located:
        asked.append(range(from_leaf, until_leaf))
        return find(self, keys, from_leaf, until_leaf, limit)

    monkeypatch.setattr(RunReader, "find", noted)
    alice = identifier("alice")
    expected = [
        index for index, fact in facts if alice in fact.fields.values() and start <= fact.fields["time_ns"] < end
    ]
    found = await asyncio.to_thread(search, audit, subject=alice, from_ns=start, until_ns=end)
    assert [index for index, _ in found] == expected
    assert expected
    assert max(map(len, asked)) < len(facts)
    assert await asyncio.to_thread(search, audit, subject=alice, until_ns=START_NS - 10**15) == []


async def test_the_old_table_is_written_no_more(audit: Audit, custody: SourceFeed, audit_database: Database) -> None:
    """Processes of the release before go on with it from their own cursor; none of this release touches it."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    with audit.store.connection() as connection:
        assert connection.execute("SELECT count(*) AS rows FROM leaf_keys").fetchone() == {"rows": 0}
        names = [row["name"] for row in connection.execute("SELECT name FROM cursors ORDER BY 1")]
    assert "projection:search" not in names
    assert f"projection:{IndexModel.name}" in names
