"""Checkpoints are published once a quorum of witnesses has cosigned them: real witnesses, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ringfence_audit.log.application.ports import Anchored
from ringfence_audit.log.domain.errors import LogRolledBack, WitnessesMissing
from ringfence_audit.log.domain.witnesses import Policy, PolicyMalformed, read_policy
from ringfence_kernel.store import EventStore
from ringfence_protos.audit.v1 import audit_pb2
from ringfence_verifier import VerifierKey, verify_state
from ringfence_verifier import policy as verifiers
from ringfence_verifier.witness.answering import Answering
from ringfence_verifier.witness.keys import make_keys, read_keys
from ringfence_verifier.witness.seen import FILE, Seen
from ringfence_verifier.witness.serving import WitnessServer

from .conftest import ORIGIN, Audit, LocalAnchor, LocalSigner, running
from .feeds import SourceFeed
from .test_audit_log import append_reads, fill

CONTEXT: Any = None
QUORUM = "group some 2 {}\nquorum some\n"


@dataclass
class Town:
    """Witnesses of one log, each in a folder of its own, that are away and back as a test wants."""

    folder: Path
    open: ExitStack
    servers: dict[str, WitnessServer] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def up(self, name: str) -> None:
        """Starts a witness, at the port where it was before if there was one."""
        folder, key_name = self.folder / name, f"{name}.example/w"
        if not folder.exists():
            folder.mkdir()
            make_keys(folder, key_name)
            Seen.make(folder, key_name)
        logs = {ORIGIN: [VerifierKey.parse(LocalSigner().key.text())]}
        answering = Answering(Seen(folder), read_keys(folder, key_name), logs)
        server = self.open.enter_context(WitnessServer(("127.0.0.1", self.ports.get(name, 0)), answering))
        self.servers[name], self.ports[name] = server, server.port
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()

    def down(self, name: str) -> None:
        """Nobody answers there any more."""
        server = self.servers.pop(name)
        server.shutdown()
        server.server_close()

    def policy_text(self, rest: str = QUORUM) -> str:
        """Names all of them; the second by its ML-DSA-44 key."""
        lines = [f"log {LocalSigner().key.text()}"]
        for at, (name, port) in enumerate(self.ports.items()):
            key = read_keys(self.folder / name, f"{name}.example/w")[at % 2].public
            lines.append(f"witness {name} {key.text()} http://127.0.0.1:{port}/")
        return "\n".join([*lines, rest.format(" ".join(self.ports))])

    def policy(self, rest: str = QUORUM) -> Policy:
        """The same, as the log reads it."""
        return read_policy(self.policy_text(rest))


@contextmanager
def town_in(folder: Path, *names: str) -> Iterator[Town]:
    """Runs witnesses of these names."""
    with ExitStack() as opened:
        town = Town(folder, opened)
        try:
            for name in names:
                town.up(name)
            yield town
        finally:
            for name in list(town.servers):
                town.down(name)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Three witnesses, of which two are a quorum."""
    with town_in(tmp_path, "ada", "bob", "eve") as started:
        yield started


async def checkpoint_of(audit: Audit) -> str:
    """Returns what readers are given."""
    return (await audit.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)).checkpoint


async def test_what_is_published_was_seen_by_a_quorum(audit_store: EventStore, custody: SourceFeed, town: Town) -> None:
    """Whoever verifies by the same policy agrees; the log's state names the policy, so each has vouched for it."""
    policy = verifiers.Policy.parse(town.policy_text().encode())
    async with running(audit_store, [custody], policy=town.policy()) as audit:
        fill(custody)
        await audit.follow(custody)
        await audit.publish()
        reply = await audit.servicer.GetCheckpoint(audit_pb2.GetCheckpointRequest(), CONTEXT)
        checkpoint, seen = policy.verify(reply.checkpoint)
        assert len(seen) >= 2
        assert verify_state(reply.state_receipt, audit.signer.key.text())[1].policy_sha256 == policy.sha256
        await append_reads(audit, 3)
        await audit.publish()
        newer, _ = policy.verify(await checkpoint_of(audit))
        assert newer.size > checkpoint.size


async def test_without_a_quorum_the_older_checkpoint_stands(
    audit_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """Leaves go on; when one is back, one checkpoint covers all, though it has missed some."""
    policy = verifiers.Policy.parse(town.policy_text().encode())
    async with running(audit_store, [custody], policy=town.policy()) as audit:
        await append_reads(audit, 1)
        await audit.publish()
        town.down("eve")
        await append_reads(audit, 1)
        await audit.publish()
        published = await checkpoint_of(audit)
        assert set(policy.verify(published)[1]) == {b"ada", b"bob"}
        town.down("bob")
        await append_reads(audit, 1)
        with pytest.raises(WitnessesMissing, match="without bob, eve there is no quorum"):
            await audit.sign_checkpoint()
        assert await checkpoint_of(audit) == published
        await append_reads(audit, 1)
        town.up("eve")
        await audit.publish()
        checkpoint, seen = policy.verify(await checkpoint_of(audit))
        assert (checkpoint.size, set(seen)) == (audit.log.frontier.size, {b"ada", b"eve"})


async def test_the_next_process_asks_what_was_seen(audit_store: EventStore, custody: SourceFeed, town: Town) -> None:
    """It knows no witness's size: each tells it, and the proof is from there."""
    async with running(audit_store, [custody], policy=town.policy()) as audit:
        await append_reads(audit, 5)
        await audit.publish()
    async with running(audit_store, [custody], anchor=audit.anchor, policy=town.policy()) as again:
        await append_reads(again, 7)
        await again.publish()
        assert verifiers.Policy.parse(town.policy_text().encode()).verify(await checkpoint_of(again))


@pytest.mark.parametrize("further", [False, True], ids=["shorter", "longer"])
async def test_another_history_is_published_nowhere(
    audit_store: EventStore, restored_store: EventStore, custody: SourceFeed, town: Town, further: bool
) -> None:
    """A log that was put back, anchor and all, finds at the witnesses that it is shorter, or another."""
    async with running(audit_store, [custody], policy=town.policy()) as audit:
        await append_reads(audit, 4)
        await audit.publish()
    async with running(restored_store, [custody], policy=town.policy()) as restored:
        await append_reads(restored, 9 if further else 1)
        with pytest.raises(LogRolledBack):
            await restored.sign_checkpoint()
        assert restored.log.signed is None
        assert restored.sign_checkpoint.publishing.disputed


async def test_one_witness_that_has_seen_another_history_is_enough(
    audit_store: EventStore, restored_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """Two histories were shown to two witnesses: whoever asks both is refused, whichever history he has."""
    async with running(audit_store, [custody], policy=town.policy("quorum ada\n")) as audit:
        for name in ("bob", "eve"):
            town.down(name)
        await append_reads(audit, 4)
        await audit.publish()
        for name in ("bob", "eve"):
            town.up(name)
        town.down("ada")
        async with running(restored_store, [custody], policy=town.policy("quorum bob\n")) as other:
            await append_reads(other, 6)
            await other.publish()
            town.up("ada")
            for each in (audit, other):
                await append_reads(each, 1)
                with pytest.raises(LogRolledBack):
                    await each.sign_checkpoint()


async def test_a_dispute_outlives_the_process(
    audit_store: EventStore, restored_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """The next one publishes nothing while who contradicted is cut off; once that witness has cosigned, it does."""
    policy = town.policy("quorum ada\n")
    async with running(restored_store, [custody], policy=town.policy("quorum bob\n")) as other:
        town.down("ada")
        await append_reads(other, 4)
        await other.publish()
        town.up("ada")
    async with running(audit_store, [custody], policy=policy) as audit:
        await append_reads(audit, 6)
        with pytest.raises(LogRolledBack):
            await audit.sign_checkpoint()
    assert audit.anchor.held.disputed_by == {"bob.example/w", "eve.example/w"}
    for name in ("bob", "eve"):
        town.down(name)
    for _ in range(2):
        async with running(audit_store, [custody], anchor=audit.anchor, policy=policy) as again:
            await append_reads(again, 1)
            with pytest.raises(LogRolledBack) as refused:
                await again.sign_checkpoint()
            assert refused.value.metadata["witness"] == "bob, eve"
            assert (again.log.signed, again.sign_checkpoint.publishing.disputed) == (None, True)
    # They were wrong, and are replaced by others that have seen nothing.
    for name in ("bob", "eve"):
        (town.folder / name / FILE).unlink()
        Seen.make(town.folder / name, f"{name}.example/w")
        town.up(name)
    async with running(audit_store, [custody], anchor=audit.anchor, policy=policy) as well:
        await append_reads(well, 1)
        await well.publish()
        assert well.log.signed is not None
        await well.sign_checkpoint()
        assert well.anchor.held.disputed_by == frozenset()


async def test_whom_the_policy_names_no_more_disputes_nothing(
    audit_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """That is the way back from a witness that is itself wrong; what was kept of it is dropped."""
    anchor = LocalAnchor()
    anchor.held = Anchored(0, b"", 1, frozenset({"mallory.example/w"}))
    async with running(audit_store, [custody], anchor=anchor, policy=town.policy()) as audit:
        await append_reads(audit, 1)
        await audit.publish()
        await audit.sign_checkpoint()
        assert audit.log.signed is not None
        assert anchor.held.disputed_by == frozenset()


async def test_an_answer_without_a_valid_cosignature_counts_for_nothing(
    audit_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """Of another key than the policy names, however friendly."""
    mistaken = town.policy_text().replace(f":{town.ports['ada']}/", f":{town.ports['eve']}/")
    town.down("bob")
    async with running(audit_store, [custody], policy=read_policy(mistaken)) as audit:
        await append_reads(audit, 1)
        with pytest.raises(WitnessesMissing, match="without ada, bob"):
            await audit.sign_checkpoint()


@pytest.mark.parametrize(
    "changed",
    [
        ("quorum some", "quorum none\nquorum some"),
        ("quorum some", "quorum other"),
        ("quorum some", ""),
        ("group some 2 ada bob eve", "group some 4 ada bob eve"),
        ("group some 2 ada bob eve", "group some 0 ada bob eve"),
        ("group some 2 ada bob eve", "group some 2 ada ada eve"),
        ("group some 2 ada bob eve", "group none 2 ada bob eve"),
        ("group some 2 ada bob eve", "group ada 2 bob eve"),
        ("witness bob", "witness ada"),
        ("bob.example/w+", "bob.example/x+"),
        ("bob.example/w+", "bob.example/w"),
        ("quorum some", "trust some"),
        ("quorum some\n", "quorum some"),
        ("quorum some\n", "quorum some\r\n"),
        ("witness bob", "witness\u0000 bob"),
        ("log ", "log x"),
        ("log ", "log x+00000000+AAAA\nlog "),
        ("bob.example/w+", "bob\u00a0example/w+"),
    ],
)
def test_what_is_no_policy_is_none_for_log_and_verifier(town: Town, changed: tuple[str, str]) -> None:
    """Both read policies by code of their own, and refuse the same."""
    text = town.policy_text().replace(*changed, 1)
    assert text != town.policy_text()
    with pytest.raises(PolicyMalformed):
        read_policy(text)
    with pytest.raises(verifiers.VerificationError):
        verifiers.Policy.parse(text.encode())


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/", "127.0.0.1:1"])
def test_the_log_needs_an_address_of_each_witness(town: Town, url: str) -> None:
    """A policy for verifiers may do without."""
    text = town.policy_text().replace(f"http://127.0.0.1:{town.ports['bob']}/", url)
    with pytest.raises(PolicyMalformed, match="line 3"):
        read_policy(text)
    verifiers.Policy.parse(text.encode())
