"""Whole logs: every event of a source exactly once, in order, with all its leaves."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ringfence_verifier import (
    Checkpoint,
    LogAudit,
    Predecessor,
    SourceHead,
    StatedPolicy,
    VerificationError,
    read_leaf,
    verify_log,
)

from .mirrors import Log as StatedLog
from .notes import leaf, tree_hash

EMPTY = bytes(32)


class Log:
    """A small log with one source, written by docs/formats.md."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.position, self.hash, self.epoch = 0, EMPTY, 1

    def page(self, *leaves_per_event: int, declared: int | None = None) -> None:
        """Appends events with so many leaves each, and their page leaf."""
        first, previous, records = self.position + 1, self.hash, b""
        for count in leaves_per_event:
            self.position += 1
            for ordinal in range(count):
                at = leaf("custody.transfer.v1", source="custody", position=self.position, ordinal=ordinal)
                self.leaves.append(at)
            self._chain(b"Topic.v1")
            records += bytes(16) + self.position.to_bytes(8, "big") + sha256(b"state").digest()
            records += (count if declared is None else declared).to_bytes(4, "big") + b"\x08Topic.v1"
        self.leaves.append(
            leaf(
                "audit.page.v1", source="custody", epoch=self.epoch, first=first, last=self.position,
                previous_hash=previous, hash=self.hash, events=records,
            )
        )  # fmt: skip

    def _chain(self, topic: bytes) -> None:
        number = self.position.to_bytes(8, "big")
        chained = self.hash + number + bytes(16) + number + len(topic).to_bytes(8, "big") + topic
        self.hash = sha256(chained + sha256(b"state").digest()).digest()

    def checkpoint(self, leaves: list[bytes] | None = None) -> Checkpoint:
        """Gives the head of the log, or of other leaves that claim to be it."""
        leaves = self.leaves if leaves is None else leaves
        heads = (SourceHead("custody", self.epoch, self.position, self.hash),)
        return Checkpoint("log.example", len(leaves), tree_hash(leaves), heads)


@pytest.fixture
def log() -> Log:
    """Two pages and a read of the log's own."""
    written = Log()
    written.page(1, 3, 1)
    written.leaves.append(leaf("audit.read.v1", method="Search"))
    written.page(2)
    return written


def test_a_complete_log_gives_its_heads_and_counts(log: Log) -> None:
    """The summary of a sound log repeats the checkpoint's head from the leaves alone."""
    summary = verify_log(log.leaves, log.checkpoint())
    assert summary.source_heads == (SourceHead("custody", 1, 4, log.hash),)
    assert summary.leaves_by_kind == {"custody.transfer.v1": 7, "audit.page.v1": 2, "audit.read.v1": 1}


def test_leaves_after_the_checkpoint_are_not_read(log: Log) -> None:
    """A log that has grown since still verifies against its older checkpoint."""
    checkpoint = log.checkpoint()
    log.page(1)
    assert verify_log(log.leaves, checkpoint).size == checkpoint.size


@given(st.data())
def test_one_flipped_bit_in_any_leaf_is_found(data: st.DataObject) -> None:
    """Whichever bit of whichever leaf changes, the log no longer verifies against its checkpoint."""
    log = Log()
    log.page(1, 2)
    index = data.draw(st.integers(0, len(log.leaves) - 1))
    at = data.draw(st.integers(0, len(log.leaves[index]) - 1))
    changed = bytearray(log.leaves[index])
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    checkpoint = log.checkpoint()
    log.leaves[index] = bytes(changed)
    with pytest.raises(VerificationError):
        verify_log(log.leaves, checkpoint)


@pytest.mark.parametrize("index", range(9))
def test_a_leaf_left_out_is_found_even_by_a_log_that_signs_the_rest(log: Log, index: int) -> None:
    """A dishonest log that omits a leaf and signs the root of what is left is found, its own reads excepted."""
    rest = log.leaves[:index] + log.leaves[index + 1 :]
    if read_leaf(log.leaves[index]).kind == "audit.read.v1":
        assert verify_log(rest, log.checkpoint(rest)).size == len(rest)
    else:
        with pytest.raises(VerificationError):
            verify_log(rest, log.checkpoint(rest))


def test_an_event_with_fewer_leaves_than_declared_is_found() -> None:
    """A page that declares two leaves for an event that has one is refused."""
    log = Log()
    log.page(1, declared=2)
    with pytest.raises(VerificationError, match="lacks leaves"):
        verify_log(log.leaves, log.checkpoint())


def test_an_event_without_any_leaf_is_found() -> None:
    """A log that takes an event into its chain and keeps silent about what happened is found."""
    silent = Log()
    silent.page(1, 0)
    with pytest.raises(VerificationError, match="event 2 of custody has no leaf"):
        verify_log(silent.leaves, silent.checkpoint())


def test_a_log_that_ends_early_is_found(log: Log) -> None:
    """Fewer leaves than the checkpoint has, or leaves at the end that no page takes in, are refused."""
    with pytest.raises(VerificationError, match="ends at 9 of 10"):
        verify_log(log.leaves[:-1], log.checkpoint())
    rest = log.leaves[:-1]
    with pytest.raises(VerificationError, match="belong to no page"):
        verify_log(rest, log.checkpoint(rest))


def test_a_page_that_follows_no_other_is_found(log: Log) -> None:
    """A page that begins past the last one's end, or at another chain hash than it ended with, is refused."""
    for position, chained in ((9, log.hash), (log.position, EMPTY)):
        beginning = len(log.leaves)
        log.position, log.hash, kept = position, chained, (log.position, log.hash)
        log.page(1)
        with pytest.raises(VerificationError, match="does not follow"):
            verify_log(log.leaves, log.checkpoint())
        del log.leaves[beginning:]
        log.position, log.hash = kept


def test_a_page_that_is_cut_short_is_found() -> None:
    """A page whose last record lacks a byte is refused."""
    page = leaf(
        "audit.page.v1", source="custody", epoch=0, first=1, last=1, previous_hash=EMPTY, hash=EMPTY,
        events=bytes(60) + b"\x08Topic.v",
    )  # fmt: skip
    with pytest.raises(VerificationError, match="cut short"):
        verify_log([page], Checkpoint("log.example", 1, tree_hash([page]), ()))


def test_swapped_leaves_are_found(log: Log) -> None:
    """Two leaves of one event in the wrong order are refused although the root is signed."""
    log.leaves[1], log.leaves[2] = log.leaves[2], log.leaves[1]
    with pytest.raises(VerificationError, match="missing before it"):
        verify_log(log.leaves, log.checkpoint())


def test_a_new_epoch_goes_on_from_its_fork(log: Log) -> None:
    """After a fork the page chain goes on from the fork position, and from nowhere else."""
    first_page_end = Log()
    first_page_end.page(1, 3, 0)
    log.position, log.hash, log.epoch = 3, first_page_end.hash, 2
    log.page(1)
    assert verify_log(log.leaves, log.checkpoint()).source_heads[0] == SourceHead("custody", 2, 4, log.hash)
    log.position, log.epoch = 9, 3
    log.page(1)
    with pytest.raises(VerificationError, match="epoch"):
        verify_log(log.leaves, log.checkpoint())


def test_heads_that_differ_from_the_leaves_are_found(log: Log) -> None:
    """A checkpoint that claims another source head than its leaves prove is refused."""
    honest = log.checkpoint()
    claimed = Checkpoint(honest.origin, honest.size, honest.root, (SourceHead("custody", 1, 5, log.hash),))
    with pytest.raises(VerificationError, match="heads differ"):
        verify_log(log.leaves, claimed)


def read(audit: LogAudit, leaves: list[bytes]) -> LogAudit:
    """Adds leaves to what was read."""
    for each in leaves:
        audit.add(each)
    return audit


def test_what_was_read_is_gone_on_from(log: Log) -> None:
    """Saved after a checkpoint and restored, an audit comes to what one comes to that has read all."""
    audit = read(LogAudit(), log.leaves)
    audit.finish(log.checkpoint())
    saved = audit.saved()
    assert LogAudit.restored(saved).finish(log.checkpoint()) == verify_log(log.leaves, log.checkpoint())
    before = len(log.leaves)
    log.page(2, 1)
    again = read(LogAudit.restored(saved), log.leaves[before:])
    assert again.finish(log.checkpoint()) == verify_log(log.leaves, log.checkpoint())
    assert LogAudit.restored(again.saved()).saved() == again.saved()


def test_what_was_read_of_another_log_leads_nowhere(log: Log) -> None:
    """A saved reading that was changed, or is of a history that is gone, is not borne out by the next checkpoint."""
    other = Log()
    other.page(1, 3, 1)
    other.leaves.append(leaf("audit.read.v1", method="GetReceipt"))
    other.page(2)
    saved = read(LogAudit(), other.leaves).saved()
    before = len(log.leaves)
    log.page(1)
    with pytest.raises(VerificationError, match="root"):
        read(LogAudit.restored(saved), log.leaves[before:]).finish(log.checkpoint())
    mine = read(LogAudit(), log.leaves[:before]).saved()
    for changed in (mine.replace('"custody": [1, 4', '"custody": [1, 3'), mine.replace(log.leaves[0].hex()[:8], "")):
        if changed != mine:
            with pytest.raises(VerificationError):
                read(LogAudit.restored(changed), log.leaves[before:]).finish(log.checkpoint())


def test_an_epoch_that_begins_before_what_was_saved_needs_the_whole_log(log: Log) -> None:
    """The chain hash that it goes on from is not kept; one that begins after it is followed."""
    saved = read(LogAudit(), log.leaves).saved()
    before, first_page_end = len(log.leaves), Log()
    first_page_end.page(1, 3, 0)
    log.position, log.hash, log.epoch = 3, first_page_end.hash, 2
    log.page(1)
    verify_log(log.leaves, log.checkpoint())
    with pytest.raises(VerificationError, match="from its beginning"):
        read(LogAudit.restored(saved), log.leaves[before:])


def saved_as(**changes: object) -> str:
    """Returns what an audit that has read nothing saves, with some fields changed."""
    return json.dumps(json.loads(LogAudit().saved()) | changes)


@pytest.mark.parametrize(
    "saved",
    [
        "",
        "[]",
        "{}",
        "7",
        '{"format": 2}',
        saved_as(size=3, tree=["00"]),
        saved_as(size=1, tree=["00"]),
        saved_as(size=-1),
        saved_as(sources={"a": [1, 2]}),
        saved_as(sources={"a": [1, 2, "zz"]}),
        saved_as(predecessor=["a", 1]),
        "[" * 100_000,
    ],
)
def test_what_is_no_saved_reading_is_refused(saved: str) -> None:
    """Whatever stands in the file, the error is the verifier's own."""
    with pytest.raises(VerificationError):
        LogAudit.restored(saved)


def test_a_log_that_succeeds_another_says_so_first_and_once() -> None:
    """Its first leaf names origin, size and root of the other; saved and restored, it is still known."""
    fields = {"origin": "log.example/old", "size": 9, "root": bytes(range(32)), "checkpoint": "note"}
    first = leaf("audit.succession.v1", **fields)  # type: ignore[arg-type]
    log = Log()
    log.leaves.append(first)
    log.page(1)
    audit = read(LogAudit(), log.leaves)
    found = audit.finish(log.checkpoint()).predecessor
    assert found == LogAudit.restored(audit.saved()).finish(log.checkpoint()).predecessor
    assert found == Predecessor("log.example/old", 9, bytes(range(32)), "note")
    with pytest.raises(VerificationError, match="is not the first"):
        read(LogAudit(), [*log.leaves, first])
    for wrong in ({"root": b"short"}, {"size": -1}):
        with pytest.raises(VerificationError, match="leaf 0: it takes the place of no log"):
            read(LogAudit(), [leaf("audit.succession.v1", **(fields | wrong))])  # type: ignore[arg-type]


def test_policies_that_states_name_are_kept_with_the_leaf_that_begins_each() -> None:
    """Also over a restart, and when the first is back; who held the log to one that it has left is told where."""
    log, audit = StatedLog(), LogAudit()
    expected = []
    for policy in (b"", b"a" * 32, b"a" * 32, b"b" * 32, b"a" * 32):
        log.policy = policy
        log.grow(1)
        if not expected or expected[-1].sha256 != policy:
            expected.append(StatedPolicy(len(log.leaves) - 1, policy))
        audit = LogAudit.restored(read(audit, log.leaves[audit.size :]).saved())
    summary = audit.finish(Checkpoint("log.example", len(log.leaves), tree_hash(log.leaves), ()))
    assert summary.policies == tuple(expected)
    for stays in (b"a" * 32, b"c" * 32):
        summary.require_policy_kept(stays)
    for left in (b"", b"b" * 32):
        with pytest.raises(VerificationError, match=f"leaf {expected[-1].first}: from here on the log publishes by"):
            summary.require_policy_kept(left)
