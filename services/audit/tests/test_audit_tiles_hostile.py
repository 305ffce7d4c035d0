"""Whoever connects to the listener of tiles holds little, and not for long; the application here says who asks."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ringfence_audit.https.api import listener
from ringfence_audit.https.api.listener import Accepted, BoundedProtocol, HttpsListener
from ringfence_audit.https.api.peers import CERTIFICATE
from ringfence_audit.tiles.api.application import Answer, refused
from ringfence_kernel.certificates.bundle import CertificateBundle, FixedCertificate
from ringfence_kernel.certificates.trust import TrustBundle
from ringfence_kernel.rpc.server import CannotListen
from ringfence_kernel.values.errors import Overloaded
from ringfence_local_stack.processes.files import private_folder
from ringfence_local_stack.servers.certificates import Authority, CertificateFiles, infrastructure_id

BODY = b"x" * 1_000_000


async def whoever_asks(scope: Any, receive: Any, send: Any) -> None:
    """Answers `/large`, and who shows which certificate elsewhere."""
    body = BODY if scope["path"] == "/large" else (b"known" if scope["state"][CERTIFICATE] else b"unknown")
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class World:
    """A listener with its issuers."""

    def __init__(self, folder: Path) -> None:
        self._issued = 0
        self.folder, self.servers, self.clients = private_folder(folder), Authority("servers"), Authority("clients")
        self.certificate = FixedCertificate(self.bundle(self.server()))
        self.trust = TrustBundle(self.clients.certificate.encode())
        self.listener = HttpsListener(("127.0.0.1", 0), self.certificate, self.trust, whoever_asks)

    def server(self) -> CertificateFiles:
        """Issues a certificate of the server."""
        return self.servers.issue(infrastructure_id("audit"), self.folder, "localhost")

    def client(self, authority: Authority) -> CertificateFiles:
        """Issues a client's certificate."""
        self._issued += 1
        return authority.issue(infrastructure_id("mirror"), self.folder, f"mirror-{self._issued}")

    @staticmethod
    def bundle(files: CertificateFiles) -> CertificateBundle:
        """Reads a certificate as a server holds it."""
        return CertificateBundle(files.key.read_bytes(), files.certificate.read_bytes(), 2**62)

    def context(self, files: CertificateFiles | None = None, maximum: Any = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """Makes what a client connects with."""
        context = ssl.create_default_context(cadata=self.servers.certificate)
        context.maximum_version = maximum
        if files:
            context.load_cert_chain(files.certificate, files.key)
        return context

    async def connect(self, files: CertificateFiles | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Opens a connection."""
        address = "127.0.0.1", self.listener.port
        return await asyncio.open_connection(*address, ssl=self.context(files), server_hostname="localhost")

    async def say(self, content: bytes, files: CertificateFiles | None = None) -> bytes:
        """Says something on a connection of its own; gives all that comes back until it ends."""
        try:
            reader, writer = await self.connect(files)
        except (ConnectionError, ssl.SSLError):
            return b"(cut off)"
        writer.write(content)
        try:
            return await asyncio.wait_for(reader.read(), 10)
        except (ConnectionError, ssl.SSLError):
            return b"(cut off)"
        finally:
            writer.transport.abort()


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A listener whose clients have half a second for a turn."""
    monkeypatch.setattr(BoundedProtocol, "turn_seconds", 0.5)
    async with answering(World(tmp_path / "world")) as made:
        yield made


@asynccontextmanager
async def answering(world: World) -> AsyncIterator[World]:
    """Runs the listener."""
    running = asyncio.create_task(world.listener.run())
    try:
        yield world
    finally:
        running.cancel()
        await asyncio.wait({running})
        world.listener.close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nbegun",
    ],
)
async def test_who_does_not_finish_is_cut_off(world: World, content: bytes) -> None:
    """Also one that keeps sending a byte now and then."""
    reader, writer = await world.connect()
    began, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
    writer.write(content)

    async def dribble() -> None:
        while True:
            await asyncio.sleep(0.05)
            writer.write(b"a")

    dribbling = asyncio.create_task(dribble())
    try:
        async with asyncio.timeout(5):
            while await reader.read(65_536):
                pass
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        dribbling.cancel()
        writer.transport.abort()
    assert loop.time() - began < 3
    assert (await world.say(GET)).endswith(b"\r\n\r\nunknown")


async def test_who_does_not_take_its_answer_is_cut_off(world: World) -> None:
    """What was made for it is let go of."""
    _, writer = await world.connect()
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(GET.replace(b"GET /", b"GET /large").replace(b"Connection: close\r\n", b"") * 8)
    state = world.listener._state
    await asyncio.sleep(0.2)
    assert len(state.connections) == 1
    await asyncio.sleep(2.5)
    assert not state.connections
    writer.transport.abort()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n", b""),
        (b"\x00\xff\r\n\r\n", b"400 "),
        (b"GET / HTTP/1.1\r\n\r\n", b"400 "),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"200 "),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", b"400 "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"200 "),
        (GET.replace(b"Connection: close", b"Connection: upgrade, close\r\nUpgrade: websocket"), b"200 "),
        (GET.replace(b"1.1", b"1.0"), b"200 "),
    ],
)
async def test_nonsense_is_answered_or_cut_off(world: World, content: bytes, said: bytes) -> None:
    """And the next one is served."""
    answer = await world.say(content)
    assert said in answer.partition(b"\r\n")[0] + b" "
    assert said or b" 200 " not in answer
    assert (await world.say(GET)).endswith(b"\r\n\r\nunknown")


async def test_one_connection_too_many_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By address, and by number."""
    monkeypatch.setattr(BoundedProtocol, "turn_seconds", 30)
    monkeypatch.setattr(listener, "MOST_OF_ONE_ADDRESS", 3)
    kept = [await world.connect() for _ in range(3)]
    await asyncio.sleep(0.1)
    assert await world.say(GET) in (b"", b"(cut off)")
    kept.pop()[1].transport.abort()
    await asyncio.sleep(0.1)
    assert (await world.say(GET)).endswith(b"\r\n\r\nunknown")
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 2)
    assert await world.say(GET) in (b"", b"(cut off)")
    for _, writer in kept:
        writer.transport.abort()


async def test_who_never_begins_a_handshake_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment of the accept, by address and altogether; each is a descriptor, and is given back in time."""
    monkeypatch.setattr(listener, "HANDSHAKE_SECONDS", 2)
    held = len(os.listdir("/proc/self/fd"))
    address = "127.0.0.1", world.listener.port
    silent = [await asyncio.to_thread(socket.create_connection, address, 10) for _ in range(200)]
    await asyncio.sleep(0.1)
    assert len(world.listener.accepted) == listener.MOST_OF_ONE_ADDRESS
    assert len(os.listdir("/proc/self/fd")) - held - len(silent) <= listener.MOST_OF_ONE_ADDRESS
    assert await world.say(GET) == b"(cut off)"
    async with asyncio.timeout(5):
        while len(world.listener.accepted):
            await asyncio.sleep(0.05)
    assert (await world.say(GET)).endswith(b"\r\n\r\nunknown")
    for each in silent:
        each.close()


def test_addresses_of_one_network_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has an IPv6 address has 2^64 of them; and there is an end altogether."""
    monkeypatch.setattr(listener, "MOST_OF_ONE_ADDRESS", 2)
    monkeypatch.setattr(listener, "MOST_ACCEPTED", 5)
    accepted = Accepted()
    first, second = accepted.take("2001:db8::1"), accepted.take("2001:db8::ffff:2%eth0")
    assert first is not None
    assert second is not None
    assert accepted.take("2001:db8::3") is None
    assert accepted.take("::ffff:192.0.2.1") is not None
    assert accepted.take("192.0.2.1") is not None
    assert accepted.take("192.0.2.1") is None
    assert accepted.take("192.0.2.2") is not None
    assert accepted.take("192.0.2.3") is None
    first()
    first()
    assert len(accepted) == 4
    assert accepted.take("2001:db8::4") is not None


async def test_an_older_tls_is_refused(world: World) -> None:
    """As by every server of Ringfence."""
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await asyncio.open_connection(
            "127.0.0.1",
            world.listener.port,
            ssl=world.context(maximum=ssl.TLSVersion.TLSv1_2),
            server_hostname="localhost",
        )


async def test_issuers_and_certificates_follow_their_files(world: World) -> None:
    """A new handshake shows the new certificate, and an issuer that was taken back lets nobody in."""
    other = Authority("clients that come")
    before, after = world.client(world.clients), world.client(other)
    for known, unknown in ((before, after), (after, before)):
        assert (await world.say(GET, known)).endswith(b"\r\n\r\nknown")
        assert b"known" not in await world.say(GET, unknown)
        world.trust.replace(other.certificate.encode())
        await asyncio.sleep(0.1)
    _, writer = await world.connect()
    shown = writer.get_extra_info("ssl_object").getpeercert(True)
    world.certificate.replace(world.bundle(world.server()))
    _, again = await world.connect()
    assert again.get_extra_info("ssl_object").getpeercert(True) != shown
    for each in (writer, again):
        each.transport.abort()


async def test_an_address_is_taken_once(world: World) -> None:
    """The second one says so at its start."""
    with pytest.raises(CannotListen):
        HttpsListener(("127.0.0.1", world.listener.port), world.certificate, world.trust, whoever_asks)


def test_whoever_comes_too_soon_is_told_when() -> None:
    """In whole seconds."""
    answer: Answer = refused(Overloaded(retry_after_seconds=0.1))
    assert (answer.status, answer.headers, answer.body) == (429, {"retry-after": "1"}, b"OVERLOADED\n")
