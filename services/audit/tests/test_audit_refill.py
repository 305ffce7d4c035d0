"""The way back: a log whose database is lost or rolled back is put back from a mirror, and goes on as the same log."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import ringfence_audit
from ringfence_audit.bootstrap import rebuild
from ringfence_audit.log.adapters import refilling
from ringfence_audit.log.adapters.bundle_reader import BundleReader
from ringfence_audit.log.adapters.mirror import Mirror
from ringfence_audit.log.adapters.refilling import CannotRefill, refill
from ringfence_audit.log.adapters.stored_leaves import ChainedLeaves
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.application.queries import Queries
from ringfence_audit.log.domain.books import BOOKS_KIND
from ringfence_audit.log.domain.errors import LogRolledBack
from ringfence_audit.log.domain.events import (
    EVENTS,
    BooksRecorded,
    KeyRecorded,
    LapseRecorded,
    ReadRecorded,
    StateRecorded,
    SuccessionRecorded,
)
from ringfence_audit.log.domain.leaf import encode
from ringfence_audit.log.domain.page import PAGE_KIND
from ringfence_audit.log.domain.reads import COPYING
from ringfence_audit.log.domain.refilling import events_again
from ringfence_audit.log.domain.state import State
from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_local_stack.processes.files import private_folder
from ringfence_local_stack.servers.certificates import Authority, infrastructure_id
from ringfence_verifier import VerifierKey, verify_consistency, verify_receipt
from ringfence_verifier.mirror.copy import Copy
from ringfence_verifier.mirror.serving import MirrorServer
from ringfence_verifier.mirror.store import Held, Store
from ringfence_verifier.witness.keys import make_keys, read_keys
from ringfence_verifier.witness.seen import Seen

from .conftest import ORIGIN, Audit, running
from .feeds import SourceFeed, kyc_changed
from .test_audit_log import fill
from .test_audit_rotation import order, signers

NAME = "mirror.example/m"
OWN = ReadRecorded | StateRecorded | SuccessionRecorded | KeyRecorded | LapseRecorded | BooksRecorded


@dataclass
class Holding:
    """A mirror of the log in this process, and how it is asked."""

    folder: Path
    mirror: Mirror
    copy: Copy

    def take(self, audit: Audit) -> int:
        """Holds what the log has published, as it does that follows."""
        signed = audit.log.signed
        assert signed is not None
        found = queries(audit.store).list_leaves(0, 10_000, audit.log.position())
        self.copy.add(0, [leaf for _, leaf in found])
        _, note = self.copy.verified(signed.note)
        self.copy.commit(Held(signed.size, signed.root, note))
        return signed.size


def queries(store: EventStore) -> Queries:
    """Reads a log's leaves and receipts."""
    return Queries(TileReader(store), ChainedLeaves(store, EventCodec(EVENTS)), BundleReader(store))


@contextmanager
def held(folder: Path, vkey: str) -> Iterator[Holding]:
    """Serves a mirror over HTTPS, whose entries are for one client."""
    folder.mkdir()
    make_keys(folder, NAME)
    Store.make(folder)
    Seen.make(folder, NAME)
    key = VerifierKey.parse(vkey)
    copy = Copy(Store(folder), Seen(folder), read_keys(folder, NAME), [key])
    authority, files = Authority("Ringfence test mirror"), private_folder(folder / "tls")
    server, client = (authority.issue(infrastructure_id(name), files, "localhost") for name in ("mirror", "audit"))
    issuer = files / "authority.pem"
    issuer.write_text(authority.certificate)
    with MirrorServer(("127.0.0.1", 0), [copy], (server.certificate, server.key), issuer) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,))
        thread.start()
        try:
            url = f"https://localhost:{serving.port}"
            yield Holding(folder, Mirror(url, issuer, client.certificate, client.key), copy)
        finally:
            serving.shutdown()
            thread.join()


@pytest.fixture
def holding(audit: Audit, tmp_path: Path) -> Iterator[Holding]:
    """A mirror that holds nothing yet."""
    with held(tmp_path / "m", audit.signer.key.text()) as each:
        yield each


async def used(audit: Audit, custody: SourceFeed, identity: SourceFeed) -> None:
    """Has the log grow by both sources and by what its readers ask, over more than a bundle."""
    for number in range(4):
        fill(custody, 40)
        await audit.follow(custody)
        identity.add("KycChanged.v1", kyc_changed(f"party-{number}"))
        await audit.follow(identity)
        await audit.record_read(bytes([number] * 16), "Search", {"limit": number})
        await audit.publish()
        await audit.record_read(bytes([number] * 16), COPYING, {"from_index": 0, "limit": 256})


async def refilled(store: EventStore, holding: Holding, vkey: str) -> int:
    """Puts the log back, as the command does; gives its size."""
    return (await asyncio.to_thread(refill, store, ORIGIN, holding.mirror, vkey)).size


async def test_a_log_that_has_gone_on_otherwise_is_left_alone(
    audit: Audit, restored_store: EventStore, custody: SourceFeed, identity: SourceFeed, holding: Holding
) -> None:
    """Whoever served a restored database has leaves there that nobody signed: another database is put back."""
    await used(audit, custody, identity)
    size, key = holding.take(audit), audit.signer.key.text()
    assert size > 256
    async with running(restored_store, [custody, identity], anchor=audit.anchor) as rolled_back:
        await rolled_back.record_read(bytes(16), "Search", {})
        with pytest.raises(LogRolledBack):
            await rolled_back.publish()
    position = restored_store.head().position
    with pytest.raises(CannotRefill, match="the first 2 leaves here are others"):
        await refilled(restored_store, holding, key)
    assert restored_store.head().position == position


@pytest.mark.parametrize("is_cut_off", [False, True])
async def test_an_empty_database_is_put_back(
    audit: Audit,
    restored_store: EventStore,
    custody: SourceFeed,
    identity: SourceFeed,
    holding: Holding,
    monkeypatch: pytest.MonkeyPatch,
    is_cut_off: bool,
) -> None:
    """Same tree, origin and anchor, also where the first attempt ends in the middle.

    It signs what it had signed, old receipts hold, what comes later extends it, and a rebuild finds no difference.
    """
    await used(audit, custody, identity)
    size, key, signed = holding.take(audit), audit.signer.key.text(), audit.log.signed
    assert signed is not None
    leaf, receipt = queries(audit.store).receipt(100, audit.log.position())
    if is_cut_off:
        monkeypatch.setattr(refilling, "EVENTS_AT_ONCE", 3)
        appended = restored_store.append

        def cut_off(position: int, *arguments: Any) -> Any:
            if position >= 6:
                raise ConnectionAbortedError
            return appended(position, *arguments)

        monkeypatch.setattr(restored_store, "append", cut_off)
        with pytest.raises(ConnectionAbortedError):
            await refilled(restored_store, holding, key)
        monkeypatch.setattr(restored_store, "append", appended)
        assert restored_store.head().position == 7  # the key, and two times three
    assert await refilled(restored_store, holding, key) == size
    was, now = (TileReader(store).pages(0, 1_000) for store in (audit.store, restored_store))
    assert [(page.first_leaf, page.count) for page in now] == [
        (page.first_leaf, page.count) for page in was[: len(now)]
    ]
    own = [(one.earliest_ns, other.earliest_ns) for one, other in zip(was, now, strict=False) if one.count == 1]
    assert len(own) > 8
    assert all(one == other for one, other in own)
    async with running(restored_store, [custody, identity], anchor=audit.anchor) as again:
        assert (again.log.frontier.size, again.log.frontier.root()) == (signed.size, signed.root)
        assert again.log.heads == {
            source: head for source, head in audit.log.heads.items() if head.position or source in again.log.heads
        }
        await again.publish()
        assert again.log.signed is not None
        assert (again.log.signed.size, again.log.signed.root) == (signed.size, signed.root)
        fill(custody, 3)
        await again.follow(custody)
        await again.follow(identity)
        await again.record_read(b"r" * 16, "Search", {})
        await again.publish()
        newest = again.log.signed
        assert newest.size > size
        proof = await asyncio.to_thread(
            queries(restored_store).consistency_proof, size, newest.size, again.log.position()
        )
        verify_consistency(size, signed.root, newest.size, newest.root, proof)
        assert verify_receipt(receipt, key).leaf == leaf
        assert queries(restored_store).receipt(100, again.log.position())[0] == leaf
        assert not again.anchoring.rolled_back
        assert holding.take(again) == newest.size
    report = await asyncio.to_thread(rebuild, restored_store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


@pytest.mark.parametrize("is_rotated", [False, True])
async def test_a_version_that_was_never_announced_signs_nothing_after(
    audit: Audit,
    restored_store: EventStore,
    custody: SourceFeed,
    identity: SourceFeed,
    holding: Holding,
    is_rotated: bool,
) -> None:
    """Made in Vault before or after the loss: the log goes on by the key that its readers know, and can rotate then."""
    await used(audit, custody, identity)
    old, new = audit.signer.key, audit.signer.add(b"n" * 32)
    if is_rotated:
        await order(audit, new)
        await audit.record_read(bytes(16), "Search", {})
        await audit.publish()
    holding.take(audit)
    await refilled(restored_store, holding, old.text())
    async with running(restored_store, [custody, identity], anchor=audit.anchor, signer=audit.signer) as again:
        ids = [old.key_id.hex(), new.key_id.hex()]
        before = ids if is_rotated else ids[:1]
        for _ in range(2):
            await again.record_read(bytes(16), "Search", {})
            await again.publish()
            assert again.log.signed is not None
            assert signers(again.log.signed.note) == before
        assert again.log.ordered is None
        await order(again, new)
        await again.record_read(bytes(16), "Search", {})
        await again.publish()
        assert signers(again.log.signed.note) == ids
    report = await asyncio.to_thread(rebuild, restored_store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


async def test_an_older_copy_is_brought_up(
    audit: Audit, restored_store: EventStore, custody: SourceFeed, identity: SourceFeed, holding: Holding
) -> None:
    """From where it ends, whatever signed checkpoints it has; and once it is there nothing more is done."""
    await used(audit, custody, identity)
    key = audit.signer.key.text()
    holding.take(audit)
    await refilled(restored_store, holding, key)
    async with running(restored_store, [custody, identity], anchor=audit.anchor) as older:
        await older.publish()
    await audit.sign_checkpoint()
    await used(audit, custody, identity)
    size = holding.take(audit)
    assert await refilled(restored_store, holding, key) == size
    position = restored_store.head().position
    assert await refilled(restored_store, holding, key) == size
    assert restored_store.head().position == position
    report = await asyncio.to_thread(rebuild, restored_store, ORIGIN, compare=True)
    assert set(report.differences.values()) == {0}


async def test_a_mirror_that_lies_puts_nothing_back(
    audit: Audit,
    restored_store: EventStore,
    custody: SourceFeed,
    identity: SourceFeed,
    holding: Holding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other leaves, fewer of them, another's checkpoint, another key, nobody there: named, and nothing is written."""
    await used(audit, custody, identity)
    holding.take(audit)
    key = audit.signer.key.text()
    stranger = audit.signer.key.text().replace("ringfence.test", "ringfence.other")
    bundles = Store.bundle

    def flipped(store: Store, origin: str, number: int, width: int) -> bytes:
        content = bundles(store, origin, number, width)
        return content[:-1] + bytes([content[-1] ^ 1])

    def shorter(store: Store, origin: str, number: int, width: int) -> bytes:
        return bundles(store, origin, number, width - 1)

    for lie, said in ((flipped, "do not lead to the root"), (shorter, "leaves")):
        monkeypatch.setattr(Store, "bundle", lie)
        with pytest.raises(CannotRefill, match=said):
            await refilled(restored_store, holding, key)
    monkeypatch.setattr(Store, "bundle", bundles)
    for vkey, said in ((stranger, "not an Ed25519 note key"), ("x", "not an Ed25519 note key")):
        with pytest.raises(CannotRefill, match=said):
            await refilled(restored_store, holding, vkey)
    away = replace(holding, mirror=replace(holding.mirror, url="https://localhost:1"))
    with pytest.raises(CannotRefill, match="refused"):
        await refilled(restored_store, away, key)
    assert restored_store.head().position == 0


async def test_what_is_ahead_of_the_mirror_is_not_touched(
    audit: Audit, custody: SourceFeed, identity: SourceFeed, holding: Holding
) -> None:
    """A mirror that has less than the database has nothing to give."""
    await used(audit, custody, identity)
    holding.take(audit)
    await audit.record_read(bytes(16), "Search", {})
    with pytest.raises(CannotRefill, match="leaves are here, and the mirror has"):
        await refilled(audit.store, holding, audit.signer.key.text())


def test_every_leaf_of_the_log_s_own_is_appended_again() -> None:
    """Whatever kinds the log writes by itself, and no other, a mirror's leaves of them give events again."""
    source = Path(ringfence_audit.__file__).parent.rglob("*.py")
    written = {kind for file in source for kind in re.findall(r'"(audit\.[a-z_]+\.v\d+)"', file.read_text("utf-8"))}
    own = sorted(written - {PAGE_KIND})
    assert len(own) >= 8
    books = {"tenant_id": bytes(16), "ledger": 978, "closing": 0, "balances_root": bytes(32)}
    leaves = [encode(kind, {"time_ns": 1} | (books if kind == BOOKS_KIND else {})) for kind in own]
    assert [each.event.leaf for each in events_again(State(ORIGIN), leaves, 0) if isinstance(each.event, OWN)] == leaves
    with pytest.raises(ValueError, match="no event of the log holds"):
        list(events_again(State(ORIGIN), [encode("audit.unheard_of.v1", {"time_ns": 1})], 0))
