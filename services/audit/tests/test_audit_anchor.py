"""What the log has signed is held outside of its database: a log that does not go on from it signs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ringfence_audit.log.adapters.vault_anchor import VaultAnchor
from ringfence_audit.log.application.ports import Anchored
from ringfence_audit.log.domain.checkpoint import Checkpoint
from ringfence_audit.log.domain.errors import AnchorMissing, AnchorMoved, LogRolledBack
from ringfence_kernel.store import EventStore
from ringfence_kernel.vault import AppRole, Vault, VaultOptions, VaultRefused, VersionedValue, VersionedValues
from ringfence_local_stack.servers.openbao import OpenBaoServer

from .conftest import ORIGIN, Audit, KeysAway, running
from .feeds import SourceFeed
from .test_audit_log import fill


async def test_what_is_signed_is_anchored_before(audit: Audit, custody: SourceFeed) -> None:
    """Size and root, once for each checkpoint; the anchor is read once by a process that stays alone."""
    for events in (1, 2):
        fill(custody, events)
        await audit.follow(custody)
        await audit.publish()
        assert audit.log.signed is not None
        assert (audit.anchor.held.size, audit.anchor.held.root) == (audit.log.signed.size, audit.log.signed.root)
    assert audit.anchor.reads == 1


async def test_nothing_is_signed_while_the_anchor_is_away(audit: Audit, custody: SourceFeed) -> None:
    """Leaves go on, and the next checkpoint covers them."""
    fill(custody)
    await audit.follow(custody)
    audit.anchor.away = True
    with pytest.raises(KeysAway):
        await audit.publish()
    assert audit.log.signed is None
    audit.anchor.away = False
    await audit.publish()
    assert audit.log.signed is not None


@pytest.mark.parametrize("reads", [0, 1, 40])
async def test_a_log_that_was_rolled_back_signs_nothing(
    audit: Audit, restored_store: EventStore, custody: SourceFeed, reads: int
) -> None:
    """As long as it is shorter than what was signed, and when it has grown beyond with other leaves."""
    fill(custody)
    await audit.follow(custody)
    await audit.record_read(bytes(16), "Search", {})
    await audit.publish()
    held = audit.anchor.held
    async with running(restored_store, [custody], anchor=audit.anchor) as restored:
        await restored.follow(custody)
        for number in range(reads):
            await restored.record_read(bytes([number] * 16), "GetReceipt", {})
        for _ in range(2):
            with pytest.raises(LogRolledBack) as refused:
                await restored.publish()
        assert refused.value.metadata == {"size": str(restored.log.frontier.size), "signed_size": str(held.size)}
        assert (restored.log.signed, restored.anchoring.rolled_back) == (None, True)
    assert audit.anchor.held == held


async def test_a_log_that_was_rolled_back_and_stands_still_says_so(
    audit: Audit, restored_store: EventStore, custody: SourceFeed
) -> None:
    """With all its sources put back there is nothing to sign: the anchor is read all the same, once where it agrees."""
    async with running(restored_store, [custody], anchor=audit.anchor) as restored:
        await restored.publish()
        assert (audit.anchor.reads, restored.anchoring.rolled_back) == (1, False)
        await restored.publish()
        assert audit.anchor.reads == 1
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    async with running(restored_store, [custody], anchor=audit.anchor) as restored:
        for _ in range(2):
            with pytest.raises(LogRolledBack):
                await restored.publish()
        assert restored.anchoring.rolled_back


async def test_a_restored_log_that_comes_to_the_same_goes_on(
    audit: Audit, restored_store: EventStore, custody: SourceFeed
) -> None:
    """What is taken over again is the same, leaf by leaf: no other history was signed, and none is."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    async with running(restored_store, [custody], anchor=audit.anchor) as restored:
        await restored.follow(custody)
        await restored.publish()
        assert restored.log.signed is not None
        assert audit.log.signed is not None
        assert (restored.log.signed.size, restored.log.signed.root) == (audit.log.signed.size, audit.log.signed.root)
        await restored.record_read(bytes(16), "Search", {})
        await restored.publish()
        assert not restored.anchoring.rolled_back


async def test_a_process_that_ends_before_it_records_goes_on(audit: Audit, custody: SourceFeed) -> None:
    """What was anchored and never recorded is of the log: the next process signs it, or what came after."""
    fill(custody)
    await audit.follow(custody)
    await audit.anchoring.advance(audit.log.checkpoint())
    async with running(audit.store, [custody], anchor=audit.anchor) as again:
        assert again.anchor.held.version == 2
        await again.publish()
        assert again.log.signed is not None
        assert (again.anchor.held.size, again.anchor.held.version) == (again.log.signed.size, 3)


async def test_of_two_processes_one_is_told_that_the_anchor_has_moved(audit: Audit, custody: SourceFeed) -> None:
    """It looks anew, and goes on from what the other has signed."""
    fill(custody)
    await audit.follow(custody)
    await audit.publish()
    async with running(audit.store, [custody], anchor=audit.anchor) as other:
        await other.record_read(bytes(16), "Search", {})
        await other.publish()
        following = Checkpoint(ORIGIN, other.log.frontier.size + 1, bytes(32))
        with pytest.raises(AnchorMoved):
            await audit.anchoring.advance(following)
        await audit.anchoring.advance(following)
        assert (audit.anchor.held.size, audit.anchor.reads) == (following.size, 3)


@pytest.fixture
def vault_options(openbao_server: OpenBaoServer, tmp_path: Path) -> VaultOptions:
    """What a process of audit logs in with."""
    file = openbao_server.write_wrapped_secret_id("audit", tmp_path / "audit.wrapped")
    identity = AppRole(role_id=openbao_server.role_id("audit"), wrapped_secret_id_file=file)
    return VaultOptions(addresses=(openbao_server.address,), ca_file=openbao_server.ca_file, identity=identity)


@asynccontextmanager
async def _vault(options: VaultOptions) -> AsyncIterator[Vault]:
    vault = await Vault.connect(options)
    try:
        yield vault
    finally:
        vault.close()


async def test_the_anchor_in_vault_is_replaced_by_who_knows_it(vault_options: VaultOptions) -> None:
    """By check-and-set, under the service's own policy; logs of other origins keep theirs."""
    async with _vault(vault_options) as vault:
        anchor, late = VaultAnchor(vault.versioned), VaultAnchor(vault.versioned)
        first, seen = await anchor.read("a.example/log"), await late.read("a.example/log")
        assert (first.size, first.root) == (0, b"")
        version = await anchor.replace(first, Checkpoint("a.example/log", 3, b"r" * 32))
        assert version == first.version + 1
        assert await late.replace(seen, Checkpoint("a.example/log", 4, b"s" * 32)) is None
        assert await late.read("a.example/log") == Anchored(3, b"r" * 32, version)
        other = await late.read("b.example/log")
        assert (other.size, other.version) == (0, version)
        await late.replace(other, Checkpoint("b.example/log", 9, b"t" * 32))
        assert (await anchor.read("a.example/log")).size == 3
        with pytest.raises(VaultRefused):
            await vault.versioned.replace("another", {}, 0)


async def test_a_place_that_is_gone_is_no_beginning() -> None:
    """Whoever takes the register away does not have the log sign another history."""

    class Nothing(VersionedValues):
        def __init__(self) -> None:
            """Is connected to nothing."""

        async def read(self, name: str) -> VersionedValue:
            return VersionedValue({}, 0)

    with pytest.raises(AnchorMissing):
        await VaultAnchor(Nothing()).read(ORIGIN)
