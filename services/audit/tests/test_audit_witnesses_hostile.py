"""Witnesses that answer nonsense, too much, too late or a drop at a time: whoever is enough without them is enough."""

from __future__ import annotations

import socketserver
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ringfence_audit.log.application.publishing import Publishing
from ringfence_audit.log.domain.errors import LogRolledBack, WitnessesMissing
from ringfence_audit.log.domain.witnesses import Policy
from ringfence_kernel.store import EventStore
from ringfence_verifier import policy as verifiers
from ringfence_verifier import verify_checkpoint, verify_state
from ringfence_verifier.witness.keys import read_keys

from .conftest import ORIGIN, LocalSigner, running
from .feeds import SourceFeed
from .test_audit_log import append_reads
from .test_audit_witnesses import Town, checkpoint_of, town_in

ANY = "group some any {}\nquorum some\n"
Answer = Callable[[bytes], Iterator[bytes]]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Two witnesses, of whom either is enough."""
    with town_in(tmp_path, "ada", "bob") as started:
        yield started


@contextmanager
def in_place_of(town: Town, name: str, answer: Answer) -> Iterator[None]:
    """Answers at a witness's port in its stead, in pieces, without any protocol of its own."""
    town.down(name)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked = b""
            while b"\r\n\r\n" not in asked or b"\n\n" not in asked.partition(b"\r\n\r\n")[2]:
                asked += self.request.recv(65_536)
            for piece in answer(asked.partition(b"\r\n\r\n")[2]):
                try:
                    self.request.sendall(piece)
                except OSError:
                    return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads, block_on_close = True, True, False

    with Server(("127.0.0.1", town.ports[name]), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield
        finally:
            server.shutdown()


def http(status: int, body: str, kind: str = "text/plain") -> bytes:
    """Writes an answer."""
    content = body.encode()
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def line_of(town: Town, asked: bytes, *, seconds: int = 1_800_000_000) -> str:
    """The witness bob's own valid line for what it is asked to cosign, by its ML-DSA-44 key."""
    note = asked.partition(b"\n\n")[2].decode()
    checkpoint = verify_checkpoint(note, LocalSigner().key.text())
    return read_keys(town.folder / "bob", "bob.example/w")[1].line(
        f"{note.partition(chr(10) * 2)[0]}\n", checkpoint, seconds
    )


def drip(asked: bytes) -> Iterator[bytes]:
    """A byte each tenth of a second, for ever."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"
    while True:
        time.sleep(0.1)
        yield b"x"


HOSTILE: dict[str, Callable[[Town], Answer]] = {
    "nonsense": lambda town: lambda asked: iter([b"NONSENSE\r\n\r\n"]),
    "nothing": lambda town: lambda asked: iter([]),
    "many headers": lambda town: lambda asked: iter([b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"]),
    "a broken chunk": lambda town: lambda asked: iter([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]),
    "another place": lambda town: lambda asked: iter([b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1/\r\n\r\n"]),
    "no size": lambda town: lambda asked: iter([http(409, "many\n")]),
    "sizes that go round": lambda town: lambda asked: iter([http(409, "1\n" if b"old 0" in asked else "0\n")]),
    "its line 64 times": lambda town: lambda asked: iter([http(200, line_of(town, asked) * 64)]),
    "a time of no century": lambda town: lambda asked: iter([http(200, line_of(town, asked, seconds=2**63))]),
    "a wrong signature": lambda town: lambda asked: iter([http(200, at_another_time(line_of(town, asked)))]),
    "a signature cut short": lambda town: lambda asked: iter([http(200, line_of(town, asked)[:-9] + "\n")]),
    "a drop at a time": lambda town: drip,
}


def at_another_time(line: str) -> str:
    """Puts another time in front of a signature, which is wrong then."""
    name, _, content = line.rstrip("\n").rpartition(" ")
    raw = b64decode(content)
    moved = raw[:4] + bytes(8) + raw[12:]
    return f"{name} {b64encode(moved).decode()}\n"


@pytest.mark.parametrize("answer", HOSTILE, ids=str)
async def test_what_one_witness_answers_harms_nobody(
    audit_store: EventStore, custody: SourceFeed, town: Town, answer: str
) -> None:
    """The other is enough: the note has one line of each at most, and every verifier of the policy accepts it."""
    text = town.policy_text(ANY)
    async with running(audit_store, [custody], policy=town.policy(ANY)) as audit:
        with in_place_of(town, "bob", HOSTILE[answer](town)):
            for _ in range(2):
                await append_reads(audit, 1)
                await audit.publish()
            _, seen = verifiers.Policy.parse(text.encode()).verify(await checkpoint_of(audit))
            assert b"ada" in seen
            assert (await checkpoint_of(audit)).count("bob.example/w") <= 1
            assert not audit.sign_checkpoint.publishing.disputed


async def test_a_dispute_lasts_until_the_witness_cosigns(
    audit_store: EventStore, restored_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """Who has seen another history and is cut off then has not changed its mind."""
    async with running(audit_store, [custody], policy=town.policy("quorum bob\n")) as audit:
        await append_reads(audit, 6)
        town.down("ada")
        await audit.publish()
        town.up("ada")
    async with running(restored_store, [custody], policy=town.policy(ANY)) as restored:
        await append_reads(restored, 2)
        with pytest.raises(LogRolledBack):
            await restored.sign_checkpoint()
        town.down("bob")
        await append_reads(restored, 20)
        with pytest.raises(LogRolledBack):
            await restored.sign_checkpoint()
        assert restored.log.signed is None


async def test_a_refusal_that_comes_late_is_heard(audit_store: EventStore, custody: SourceFeed, town: Town) -> None:
    """A quorum is not held up by who is slow, and who is slow is not passed over: the next checkpoint is refused."""
    async with running(audit_store, [custody], policy=town.policy(ANY)) as audit:
        await append_reads(audit, 1)
        await audit.publish()

        def late(asked: bytes) -> Iterator[bytes]:
            time.sleep(0.8)
            yield http(409, "1000\n", "text/x.tlog.size")

        with in_place_of(town, "bob", late):
            await append_reads(audit, 1)
            await audit.publish()
            publishing = audit.sign_checkpoint.publishing
            assert not publishing.disputed
            for task in list(publishing._under_way.values()):
                await task
            assert publishing.disputed
            await append_reads(audit, 1)
            with pytest.raises(LogRolledBack):
                await audit.sign_checkpoint()


async def test_a_process_that_was_overtaken_accuses_nobody(
    audit_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """Another has anchored more meanwhile: that a witness has seen it is as it should be."""
    async with running(audit_store, [custody], policy=town.policy(ANY)) as audit:
        await append_reads(audit, 1)
        await audit.publish()
        stale = audit.log.checkpoint()
        note = await audit.signer.sign(stale.text())
        await append_reads(audit, 5)
        await audit.publish()
        asking = audit.sign_checkpoint.publishing
        informed = Publishing(asking.policy, asking.witnesses, asking.proof, audit.anchoring.is_overtaken)
        assert (await informed.cosigned(stale, note)).missing == ("ada", "bob")
        assert not informed.disputed
        with pytest.raises(LogRolledBack):
            await Publishing(asking.policy, asking.witnesses, asking.proof).cosigned(stale, note)


async def test_what_was_stated_under_another_policy_is_stated_anew(
    audit_store: EventStore, custody: SourceFeed, town: Town
) -> None:
    """Whoever cosigns a checkpoint vouches for the policy that it is published by, not for the one before."""
    async with running(audit_store, [custody], policy=town.policy("quorum bob\n")) as audit:
        town.down("bob")
        await append_reads(audit, 1)
        with pytest.raises(WitnessesMissing):
            await audit.sign_checkpoint()
    changed: Policy = town.policy("quorum ada\n")
    async with running(audit_store, [custody], anchor=audit.anchor, policy=changed) as again:
        await again.publish()
        assert again.log.signed is not None
        receipt = (await again.servicer.GetCheckpoint(None, None)).state_receipt
        _, state = verify_state(receipt, again.signer.key.text(), origin=ORIGIN)
        assert state.policy_sha256 == changed.sha256
