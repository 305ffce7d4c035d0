"""The log on real PostgreSQL: taking over feeds, restarting, checkpoints, and damage that is found."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from ringfence_audit.books.adapters.books_model import BooksModel
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.evidence.adapters.proof_model import ProofModel
from ringfence_audit.index.adapters.index_model import IndexModel
from ringfence_audit.log.domain import state
from ringfence_audit.log.domain.errors import CheckpointOutrun, TakenOverElsewhere
from ringfence_audit.log.domain.events import EVENTS, Growth, leaves_of
from ringfence_audit.log.domain.reads import COPYING
from ringfence_audit.log.domain.state import LogTampered, State
from ringfence_kernel.feed import EventUnknown, FeedFork
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.values.clock import DAY_NS
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.refusals import StateBroken
from ringfence_local_stack.servers.database import Database
from ringfence_verifier import verify_checkpoint, verify_log
from ringfence_verifier.errors import VerificationError

from .conftest import ORIGIN, Audit, KeysAway, running
from .feeds import BOOK, START_NS, SourceFeed, accounts_created, identifier, kyc_changed, transfers_created


def fill(feed: SourceFeed, events: int = 3) -> None:
    """Opens two accounts and moves money between them, two transfers an event."""
    feed.add("AccountsCreated.v1", accounts_created("alice", "bob"))
    for number in range(events):
        feed.add("TransfersCreated.v1", transfers_created(f"t{number}-0", f"t{number}-1"))


def stored_leaves(store: EventStore) -> list[bytes]:
    """Reads all leaves from the log's own events."""
    leaves: list[bytes] = []
    for recorded in store.replay(EventCodec(EVENTS)):
        if isinstance(recorded.event, Growth):
            leaves += leaves_of(recorded.event)
    return leaves


def as_owner(database: Database, statement: str, *parameters: Any) -> None:
    """Changes stored rows the way somebody with the owner's password could."""
    conninfo = database.owner_conninfo
    with psycopg.connect(conninfo) as connection:
        connection.execute(statement.encode(), parameters)


async def test_a_followed_log_verifies_offline_and_names_its_sources_heads(audit: Audit, custody: SourceFeed) -> None:
    """What was taken over leads, leaf by leaf, to the signed root and to the source's own head."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    assert audit.log.signed is not None
    checkpoint = verify_checkpoint(audit.log.signed.note, audit.signer.key.text())
    summary = verify_log(stored_leaves(audit.store), checkpoint)
    assert summary.leaves_by_kind["custody.transfer.v1"] == 6
    assert [(head.source, head.position, head.hash) for head in summary.source_heads] == [
        ("custody", 4, custody.events[-1].hash)
    ]


async def test_a_page_that_comes_again_is_taken_over_once(audit: Audit, custody: SourceFeed) -> None:
    """Redelivery of a page, whole or overlapping, adds nothing that is there already."""
    fill(custody)
    await audit.take_over(await custody.page(0, 3))
    size = audit.log.frontier.size
    await audit.take_over(await custody.page(0, 3))
    assert audit.log.frontier.size == size
    await audit.take_over(await custody.page(0))
    assert audit.log.head("custody").position == 4


async def test_a_feed_with_another_past_is_refused(audit: Audit, custody: SourceFeed) -> None:
    """A page whose event at the log's head has another hash is a fork, and changes nothing."""
    fill(custody)
    await audit.follow(custody)
    other = SourceFeed("custody")
    fill(other, 2)
    other.add("TransfersCreated.v1", transfers_created("stolen"))
    other.add("TransfersCreated.v1", transfers_created("more"))
    with pytest.raises(FeedFork, match="another event at position 4"):
        await audit.take_over(await other.page(3))
    assert audit.log.head("custody").hash == custody.events[-1].hash


async def test_an_event_that_is_not_described_halts_its_source_alone(audit: Audit, custody: SourceFeed) -> None:
    """What comes before it is in the log, it is not, and other sources go on."""
    identity = SourceFeed("identity")
    for topic in ("KycChanged.v1", "Unheard.v1", "KycChanged.v1"):
        identity.add(topic, kyc_changed())
    for _ in range(2):
        with pytest.raises(EventUnknown, match=r"Unheard\.v1"):
            await audit.follow(identity)
        assert audit.log.head("identity").position == 1
    fill(custody)
    await audit.follow(custody)
    assert audit.log.head("custody").position == 4
    await audit.publish()
    assert audit.log.signed is not None
    verify_log(stored_leaves(audit.store), verify_checkpoint(audit.log.signed.note, audit.signer.key.text()))


async def test_a_restarted_log_goes_on_where_it_stood(audit: Audit, custody: SourceFeed) -> None:
    """A second process over the same store has the same head and resolves accounts opened before it started."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    async with running(audit.store, [custody]) as again:
        assert again.writer.state.digest() == audit.writer.state.digest()
        custody.add("TransfersCreated.v1", transfers_created("later"))
        await again.follow(custody)
        await again.publish()
        assert again.log.signed is not None
        checkpoint = verify_checkpoint(again.log.signed.note, again.signer.key.text())
        summary = verify_log(stored_leaves(again.store), checkpoint)
        assert summary.leaves_by_kind["custody.transfer.v1"] == 7


async def test_two_processes_over_one_log_never_fork_it(
    audit: Audit, custody: SourceFeed, identity: SourceFeed
) -> None:
    """Two processes that follow the same feeds at the same time end with one log that verifies."""
    fill(custody, 8)
    for _ in range(8):
        identity.add("KycChanged.v1", kyc_changed())

    async def drive(one: Audit) -> None:
        for feed, step in [(custody, 1), (identity, 1), (custody, 5), (identity, 4), (custody, 9), (identity, 8)]:
            for _ in range(4):
                try:
                    await one.take_over(await feed.page(one.log.head(feed.source).position, step))
                    break
                except TakenOverElsewhere:
                    continue

    async with running(audit.store, [custody, identity]) as other:
        await asyncio.gather(drive(audit), drive(other))
        await other.record_read(b"r" * 16, "Search", {})
        await audit.record_read(b"r" * 16, "Search", {})
        await other.record_read(b"r" * 16, "Search", {})
        await other.publish()
        assert other.log.signed is not None
        checkpoint = verify_checkpoint(other.log.signed.note, other.signer.key.text())
        heads = {head.source: head.position for head in verify_log(stored_leaves(audit.store), checkpoint).source_heads}
    assert heads == {"custody": 9, "identity": 8}


async def test_checkpoints_wait_while_the_key_is_away_and_leaves_go_on(audit: Audit, custody: SourceFeed) -> None:
    """Without the key the log grows and says what it waits for; with the key the next step signs all of it."""
    fill(custody, 1)
    await audit.follow(custody)
    audit.signer.sealed = True
    checkpoints = asyncio.create_task(audit.checkpointer.run())
    try:
        async with asyncio.timeout(5):
            while await audit.checkpointer.problem() is None:
                await asyncio.sleep(0.05)
        assert await audit.checkpointer.problem() == "checkpoints wait: KEYS_UNAVAILABLE"
        assert 0 < audit.checkpointer.age_seconds() < 60
        custody.add("TransfersCreated.v1", transfers_created("while-sealed"))
        await audit.follow(custody)
        assert audit.log.signed is None
        audit.signer.sealed = False
        async with asyncio.timeout(5):
            while audit.log.signed is None or await audit.checkpointer.problem():
                await asyncio.sleep(0.05)
            while audit.checkpointer.age_seconds():
                await asyncio.sleep(0.05)
    finally:
        checkpoints.cancel()
    assert audit.log.signed.size == audit.log.frontier.size


async def append_reads(audit: Audit, count: int) -> None:
    """Appends a leaf for each of so many reads, together."""
    await asyncio.gather(*(audit.record_read(b"r" * 16, "Search", {"tenant_id": BOOK}) for _ in range(count)))


async def test_a_log_that_outgrows_its_window_unsigned_is_bounded_and_signed_later(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the key away the log keeps so many heads, no more; then checkpoints go on, restart and rebuild accept."""
    monkeypatch.setattr(state, "UNSIGNED_SIZES", 50)
    await audit.record_read(b"r" * 16, "Search", {})
    stale = audit.log.checkpoint()
    note = await audit.signer.sign(stale.text())
    audit.signer.sealed = True
    for _ in range(4):
        await append_reads(audit, 30)
        with pytest.raises(KeysAway):
            await audit.sign_checkpoint()
        assert len(audit.log.unsigned) <= 50
    assert audit.log.unsigned[0][0] == 76  # after every 30 a leaf that states what the log knows
    with pytest.raises(CheckpointOutrun):
        await audit.sign_checkpoint.record(stale, note)
    recent = audit.log.checkpoint()
    audit.signer.sealed = False
    note = await audit.signer.sign(recent.text())
    await append_reads(audit, 40)
    await audit.sign_checkpoint.record(recent, note)
    assert (audit.log.signed or recent).size == recent.size == 125
    await audit.publish()
    assert not audit.log.unsigned
    await append_reads(audit, 60)
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}
    async with running(audit.store, []) as again:
        assert again.writer.state.digest() == audit.writer.state.digest()


def test_the_heads_of_a_log_never_signed_are_bounded() -> None:
    """After more appends than the bound the newest heads are kept, and taking the last back brings the oldest again."""
    log, journal = State(ORIGIN), Journal()
    for number in range(state.UNSIGNED_SIZES + 100):
        journal.clear()
        event, _ = log.append_read(b"leaf %d" % number)
        log.apply(Recorded(number + 1, log.stream, number + 1, event, 0, ""), journal)
    assert [size for size, _ in log.unsigned] == list(range(101, state.UNSIGNED_SIZES + 101))
    journal.rollback()
    assert [size for size, _ in log.unsigned] == list(range(100, state.UNSIGNED_SIZES + 100))


async def test_nothing_is_signed_without_news(audit: Audit, custody: SourceFeed) -> None:
    """A second step over an unchanged log signs nothing."""
    fill(custody, 1)
    await audit.follow(custody)
    await audit.publish()
    head = audit.store.head()
    await audit.sign_checkpoint()
    assert audit.store.head() == head


@pytest.mark.parametrize("ahead_ns", [0, 40 * DAY_NS])
async def test_rebuilding_from_events_gives_the_same_log_and_tables(
    audit: Audit, custody: SourceFeed, ahead_ns: int
) -> None:
    """Chain, tree, tiles, pages and search index built anew from events alone equal the live ones.

    So they do where events are dated ahead of the clock, after a history that was accepted.
    """
    audit.writer.last_ns = START_NS + ahead_ns
    fill(custody)
    await audit.follow(custody)
    await audit.record_read(b"r" * 16, "Search", {"tenant_id": BOOK})
    await audit.publish()
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    tables = ("tiles", "leaf_pages", "bundles", *IndexModel.tables, *ProofModel.tables, *BooksModel.tables)
    assert report.differences == dict.fromkeys(("chain", "tree", "state", *tables), 0)
    assert report.events == audit.store.head().position


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("UPDATE tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)", "tiles"),
        ("DELETE FROM index_tail WHERE first_leaf = 0", "index_tail"),
        ("UPDATE leaf_pages SET position = position + 1", "leaf_pages"),
        ("UPDATE bundles SET leaves = set_byte(leaves, 80, get_byte(leaves, 80) # 1)", "bundles"),
        ("DELETE FROM bundles", "bundles"),
        ("UPDATE stored_events SET state = set_byte(state, 100, get_byte(state, 100) # 1)", "chain"),
    ],
)
async def test_a_changed_row_shows_in_a_rebuild(
    audit: Audit, custody: SourceFeed, audit_database: Database, statement: str, difference: str
) -> None:
    """One bit or one row changed behind the service's back is counted where it was changed."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    as_owner(audit_database, statement)
    report = await asyncio.to_thread(rebuild, audit.store, ORIGIN, compare=True)
    assert report.differences[difference] > 0


async def test_a_log_whose_leaves_were_changed_does_not_start(
    audit: Audit, custody: SourceFeed, audit_database: Database
) -> None:
    """A leaf changed in a stored event stops the next start: nothing is ever signed over it."""
    fill(custody)
    await audit.follow(custody)
    stored = audit.store.read(0, 1)[0].state
    at = stored.index(identifier("t1-0")) + 3
    as_owner(audit_database, "UPDATE stored_events SET state = set_byte(state, %s, 1) WHERE notification_id = 1", at)
    with pytest.raises(StateBroken) as stopped:
        async with running(audit.store, [custody]):
            pass
    assert isinstance(stopped.value.__cause__, LogTampered)


async def test_a_changed_leaf_is_found_by_whoever_holds_an_older_checkpoint(audit: Audit, custody: SourceFeed) -> None:
    """A log rewritten after a checkpoint was published does not lead to that checkpoint any more."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    assert audit.log.signed is not None
    checkpoint = verify_checkpoint(audit.log.signed.note, audit.signer.key.text())
    leaves = stored_leaves(audit.store)
    leaves[4] = leaves[4].replace(b"alice", b"mallo")
    with pytest.raises(VerificationError, match=r"index over|root"):
        verify_log(leaves, checkpoint)


async def test_copying_the_log_is_no_news(audit: Audit, custody: SourceFeed) -> None:
    """Else whoever copies would have his own read to copy, for ever; the next checkpoint for news covers it."""
    fill(custody, 1)
    await audit.follow(custody)
    await audit.sign_checkpoint()
    signed = audit.log.signed
    assert signed is not None
    for _ in range(3):
        await audit.record_read(b"r" * 16, COPYING, {"from_index": 0, "limit": 256})
        await audit.sign_checkpoint()
    assert audit.log.signed == signed
    assert audit.log.frontier.size == signed.size + 3
    async with running(audit.store, []) as again:
        assert not again.log.is_due
    await audit.record_read(b"r" * 16, "Search", {})
    await audit.sign_checkpoint()
    assert audit.log.signed.size == signed.size + 5  # and the leaf that states what the log knows
