"""Where a site lets it be, checkpoints are published without a quorum of witnesses: under a leaf that says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.application.commands import LogWitnessed
from ringfence_audit.log.domain.errors import LogRolledBack, WitnessesMissing
from ringfence_audit.log.domain.events import EVENTS, LapseRecorded
from ringfence_audit.log.domain.lapse import MAX_NAMES_CHARACTERS, lapse_leaf
from ringfence_audit.log.domain.state import HEADS_IN_LINES
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.snapshots import SnapshotFile
from ringfence_verifier import VerificationError, read_leaf, verify_checkpoint, verify_log
from ringfence_verifier import policy as verifiers

from .conftest import ORIGIN, Audit, running
from .feeds import SourceFeed
from .test_audit_log import append_reads, stored_leaves
from .test_audit_snapshots import saved
from .test_audit_state_leaf import sign_in_first_format
from .test_audit_witnesses import Town, checkpoint_of, town_in


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Three witnesses, of which two are a quorum."""
    (tmp_path / "town").mkdir()
    with town_in(tmp_path / "town", "ada", "bob", "eve") as started:
        yield started


def lapses(store: EventStore) -> list[tuple[str, str]]:
    """Returns the leaves about lapses: kind, and who was missing."""
    events = [each.event for each in store.replay(EventCodec(EVENTS)) if isinstance(each.event, LapseRecorded)]
    facts = [read_leaf(each.leaf) for each in events]
    return [(fact.kind, str(fact.fields.get("missing", ""))) for fact in facts]


async def grow_and_sign(audit: Audit) -> None:
    """Has the log grow, and be signed by then or a second later, as the checkpointer does."""
    await append_reads(audit, 1)
    try:
        await audit.sign_checkpoint()
    except WitnessesMissing:
        await audit.sign_checkpoint()


async def test_what_is_published_without_its_quorum_owns_up_to_it(
    audit_store: EventStore, custody: SourceFeed, town: Town, tmp_path: Path
) -> None:
    """The leaf is under the first such checkpoint; while it lasts there is no other, and health and metric say so."""
    policy = verifiers.Policy.parse(town.policy_text().encode())
    async with running(audit_store, [custody], policy=town.policy(), is_open=True) as audit:
        await grow_and_sign(audit)
        policy.verify(await checkpoint_of(audit))
        assert (lapses(audit_store), await LogWitnessed(audit.log).problem()) == ([], None)
        for name in ("bob", "eve"):
            town.down(name)
        await append_reads(audit, 1)
        published = await checkpoint_of(audit)
        with pytest.raises(WitnessesMissing, match="without bob, eve"):
            await audit.sign_checkpoint()
        assert await checkpoint_of(audit) == published
        for _ in range(2):
            await grow_and_sign(audit)
            with pytest.raises(VerificationError, match="quorum"):
                policy.verify(await checkpoint_of(audit))
        assert lapses(audit_store) == [("audit.lapse.v1", "bob eve")]
        assert audit.log.lapsed is not None
        checkpoint = verify_checkpoint(await checkpoint_of(audit), audit.signer.key.text())
        assert read_leaf(stored_leaves(audit_store)[audit.log.lapsed]).kind == "audit.lapse.v1"
        assert verify_log(stored_leaves(audit_store), checkpoint).size > audit.log.lapsed
        assert "without a quorum" in str(await LogWitnessed(audit.log).problem())
        file = SnapshotFile(tmp_path, "audit")
        await saved(audit, file)
        digest = audit.writer.state.digest()
    async with running(audit_store, [custody], file, audit.anchor, policy=town.policy(), is_open=True) as again:
        assert (again.replayed, again.writer.state.digest()) == (0, digest)
        # Nothing is new, and still it is noticed that they are back.
        town.up("bob")
        await again.sign_checkpoint()
        assert lapses(audit_store)[1:] == [("audit.lapse_ended.v1", "")]
        await again.sign_checkpoint()
        policy.verify(await checkpoint_of(again))
        assert await LogWitnessed(again.log).problem() is None
    report = await asyncio.to_thread(rebuild, audit_store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


async def test_a_log_that_is_closed_again_publishes_nothing(
    audit_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """A lapse that was begun is no leave for a process that is not told so; its end is recorded all the same."""
    for name in ("bob", "eve"):
        town.down(name)
    async with running(audit_store, [custody], policy=town.policy(), is_open=True) as audit:
        await grow_and_sign(audit)
        published = await checkpoint_of(audit)
    async with running(audit_store, [custody], anchor=audit.anchor, policy=town.policy()) as closed:
        await append_reads(closed, 1)
        for _ in range(2):
            with pytest.raises(WitnessesMissing):
                await closed.sign_checkpoint()
        assert await checkpoint_of(closed) == published
        town.up("eve")
        await closed.sign_checkpoint()
        assert len(lapses(audit_store)) == 2


async def test_a_witness_that_contradicts_stops_an_open_log_too(
    audit_store: EventStore, restored_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """Whoever is named in the policy is believed, whatever the setting."""
    async with running(restored_store, [custody], policy=town.policy()) as other:
        await append_reads(other, 4)
        await other.publish()
    town.down("ada")
    town.down("bob")
    async with running(audit_store, [custody], policy=town.policy(), is_open=True) as audit:
        await append_reads(audit, 6)
        for _ in range(3):
            with pytest.raises(LogRolledBack):
                await audit.sign_checkpoint()
        assert (audit.log.signed, lapses(audit_store)) == (None, [])


async def test_a_log_of_the_first_format_stays_closed(audit_store: EventStore, custody: SourceFeed, town: Town) -> None:
    """It has no leaf in which it could own up to it, and the release before could not read one."""
    async with running(audit_store, [custody]) as before:
        await append_reads(before, 1)
        await sign_in_first_format(before)
    for name in ("ada", "bob", "eve"):
        town.down(name)
    async with running(audit_store, [custody], anchor=before.anchor, policy=town.policy(), is_open=True) as audit:
        await append_reads(audit, 1)
        for _ in range(2):
            with pytest.raises(WitnessesMissing):
                await audit.sign_checkpoint()
        assert (audit.log.format, lapses(audit_store)) == (HEADS_IN_LINES, [])


def test_names_that_do_not_fit_are_cut() -> None:
    """A policy may have long ones; the leaf is written all the same."""
    fact: Any = read_leaf(lapse_leaf(1, ["n" * 9_000, "m"], 2))
    assert len(fact.text("missing")) == MAX_NAMES_CHARACTERS
