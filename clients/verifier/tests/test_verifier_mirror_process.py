"""`ringfence-mirror` as a process: it follows over HTTPS with a client certificate, and is killed at any moment."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import random
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ringfence_verifier import verify_checkpoint
from ringfence_verifier.mirror.command import main
from ringfence_verifier.mirror.serving import MirrorServer
from ringfence_verifier.mirror.store import Held
from ringfence_verifier.serving import BoundedServer, QuietHandler

from .mirrors import Log, opened
from .notes import ORIGIN, tree_hash
from .processes import line_of

DIGEST = sha256(ORIGIN.encode()).hexdigest()


@dataclass
class Files:
    """A certificate and its key, PEM."""

    certificate: Path
    key: Path


def issued(folder: Path, name: str) -> Files:
    """Makes a certificate that vouches for itself, for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
        now + datetime.timedelta(days=1)
    )
    files = Files(folder / f"{name}.pem", folder / f"{name}.key")
    files.certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return files


@dataclass
class Published:
    """What is shown of a log now."""

    log: Log
    size: int = 0
    entries_asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def log_server(published: Published, server: Files, client: Files) -> Iterator[int]:
    """Serves a log's tiles over HTTPS; entries for the client's certificate alone."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/of/log/")
            of_entries = path.startswith("tile/entries")
            published.entries_asked += of_entries
            found = published.log.get(path, published.size)
            status = 200 if found is not None else 404
            if of_entries and not self.connection.getpeercert():  # type: ignore[attr-defined]
                status, found = 401, b"CERTIFICATE_REQUIRED\n"
            content = found or b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    tls = server.certificate, server.key
    with BoundedServer(("127.0.0.1", 0), Handler, tls, client.certificate) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield serving.port
        finally:
            serving.shutdown()
            thread.join()


@dataclass
class World:
    """A log that is served, and a mirror's folder."""

    published: Published
    port: int
    folder: Path
    server: Files
    client: Files

    def command(self, *more: str) -> list[str]:
        """What starts the mirror."""
        program = str(Path(sys.executable).with_name("ringfence-mirror"))
        command = [program, "serve", str(self.folder), "--log", self.published.log.signer.vkey, "--every", "0.1"]
        command += ["--from", f"https://localhost:{self.port}/of/log", "--authority", str(self.server.certificate)]
        return [*command, "--listen", "127.0.0.1:0", *more]

    @property
    def shows(self) -> list[str]:
        """By which it shows its certificate."""
        return ["--client-certificate", str(self.client.certificate), "--client-key", str(self.client.key)]

    def cosigned(self) -> int:
        """Gives the size that is cosigned on disk, once its note is verified."""
        held = opened(self.folder, self.published.log).store.cosigned(ORIGIN)
        if held is None:
            return 0
        checkpoint = verify_checkpoint(held.note, self.published.log.signer.vkey)
        assert checkpoint.root == tree_hash(self.published.log.leaves[: checkpoint.size])
        return checkpoint.size


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A log of 1,202 leaves, and an empty mirror."""
    log = Log()
    published = Published(log, log.grow(600))
    server, client = issued(tmp_path, "server"), issued(tmp_path, "client")
    assert main(["init", str(tmp_path / "m"), "--name", "mirror.example/m1"]) == 0
    with log_server(published, server, client) as port:
        yield World(published, port, tmp_path / "m", server, client)


def eventually(world: World, size: int) -> None:
    """Waits until a size is cosigned."""
    give_up = time.monotonic() + 20
    while world.cosigned() < size:
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_it_follows_over_https_and_serves_what_it_holds(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Checkpoints with its cosignature for anybody, entries for who shows a certificate; SIGTERM ends it in order."""
    serving = ["--certificate", str(world.server.certificate), "--certificate-key", str(world.server.key)]
    command = world.command(*world.shows, *serving, "--readers", str(world.client.certificate))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        port = int(line_of(process, process.stdout).rsplit(":", 1)[1].split()[0])
        eventually(world, 1_202)
        world.published.size = world.published.log.grow(40, index_size=900)
        eventually(world, world.published.size)

        def get(path: str, files: Files | None = None) -> tuple[int, bytes]:
            context = ssl.create_default_context(cafile=str(world.server.certificate))
            if files:
                context.load_cert_chain(files.certificate, files.key)
            connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
            connection.request("GET", f"/{DIGEST}/{path}")
            answer = connection.getresponse()
            return answer.status, answer.read()

        status, note = get("checkpoint")
        assert (status, verify_checkpoint(note.decode(), world.published.log.signer.vkey).size) == (200, 1_284)
        assert get("tile/0/003") == (200, world.published.log.get("tile/0/003"))
        assert get("tile/entries/003")[0] == 403
        assert get("tile/entries/003", world.client) == (200, world.published.log.get("tile/entries/003"))
        assert get("tile/entries/003.p/9", world.client)[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    shown = sha256(ssl.PEM_cert_to_DER_cert(world.client.certificate.read_text())).hexdigest()
    store = opened(world.folder, world.published.log).store
    assert [each[:4] for each in store.reads()] == [
        (1, ORIGIN, shown, "tile/entries/003"),
        (2, ORIGIN, shown, "tile/entries/003.p/9"),
    ]
    assert [each[0] for each in store.reads(1)] == [2]
    assert main(["reads", str(world.folder), "--after", "1"]) == 0
    assert f"{shown} {ORIGIN} tile/entries/003.p/9\n" in capsys.readouterr().out
    with sqlite3.connect(world.folder / "mirror.sqlite") as connection:
        for statement in ("DELETE FROM reads", "UPDATE reads SET path = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="what was read stays"):
                connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("is_listed", [True, False])
def test_entries_are_for_who_is_listed(world: World, is_listed: bool) -> None:
    """Where there is a list, its issuer alone is not enough; and nothing is given that cannot be recorded."""
    log = world.published.log
    copy = opened(world.folder, log)
    copy.add(0, log.leaves)
    copy.commit(Held(len(log.leaves), tree_hash(log.leaves), log.note()))
    shown = sha256(ssl.PEM_cert_to_DER_cert(world.client.certificate.read_text())).hexdigest()
    listed, tls = [shown if is_listed else "0" * 64], (world.server.certificate, world.server.key)
    with MirrorServer(("127.0.0.1", 0), [copy], tls, world.client.certificate, listed) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            context = ssl.create_default_context(cafile=str(world.server.certificate))
            context.load_cert_chain(world.client.certificate, world.client.key)

            def get() -> int:
                connection = http.client.HTTPSConnection("localhost", server.port, timeout=30, context=context)
                connection.request("GET", f"/{DIGEST}/tile/entries/000")
                status = connection.getresponse().status
                connection.close()
                return status

            assert get() == (200 if is_listed else 403)
            assert len(list(copy.store.reads())) == int(is_listed)
            with sqlite3.connect(world.folder / "mirror.sqlite") as connection:
                connection.execute("DROP TABLE reads")
            connection.close()
            assert get() == (500 if is_listed else 403)
        finally:
            server.shutdown()
            thread.join()


def test_one_address_does_not_take_all_places(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server with TLS of its own: one more than it may have is closed before its handshake."""
    monkeypatch.setattr("ringfence_verifier.serving.MOST_OF_ONE_ADDRESS", 2)
    with log_server(world.published, world.server, world.client) as port:
        kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as third:
            assert third.recv(1) == b""
        for each in kept:
            each.close()


def test_without_its_certificate_it_says_what_it_is_refused(world: World) -> None:
    """Once, and goes on asking; nothing is cosigned."""
    with subprocess.Popen(world.command(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        said = line_of(process, process.stderr)
        assert said == f"{ORIGIN}: tile/entries/000: 401 'CERTIFICATE_REQUIRED'\n"
        time.sleep(0.5)
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert world.cosigned() == 0


def test_killed_at_any_moment_it_half_believes_nothing(world: World) -> None:
    """Twelve times, as the log grows: what is cosigned is always held whole, and in the end everything is."""
    chance, sizes = random.Random(7), list[int]()
    for _ in range(12):
        world.published.size = world.published.log.grow(chance.randint(1, 150))
        with subprocess.Popen(world.command(*world.shows), stdout=subprocess.PIPE, text=True) as process:
            line_of(process, process.stdout)
            time.sleep(chance.uniform(0, 0.25))
            process.kill()
            process.wait()
        sizes.append(world.cosigned())
        copy = opened(world.folder, world.published.log)
        held = copy.held
        assert copy.check() == sizes[-1] <= held
        assert list(copy.store.leaves(ORIGIN, 0, held)) == world.published.log.leaves[:held]
    assert sizes == sorted(sizes)
    with subprocess.Popen(world.command(*world.shows), stdout=subprocess.DEVNULL) as process:
        eventually(world, world.published.size)
        process.terminate()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--client-certificate", "x"], "a certificate needs its key"),
        (["--readers", "x"], "whoever asks for certificates needs one"),
        (["--reader", "0" * 64], "needs the issuers"),
        (["--from", "http://localhost/"], "https"),
        (["--every", "0"], "--every"),
        (["--every", "nan"], "--every"),
        (["--log", "other+00000000+AAAA"], "key"),
        (["--listen", "nowhere"], "ringfence-mirror: "),
    ],
)
def test_a_wrong_command_line_says_so(
    world: World, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is started."""
    assert main([*world.command()[1:], *more]) == 2
    assert said in capsys.readouterr().err


def test_it_is_made_once_and_checked(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys are never made anew beside a store, nor a store beside keys."""
    capsys.readouterr()
    assert main(["init", str(world.folder), "--name", "mirror.example/m1"]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["keys", str(world.folder)]) == 0
    assert [line.partition("+")[0] for line in capsys.readouterr().out.splitlines()] == ["mirror.example/m1"] * 2
    assert main(["check", str(world.folder), "--log", world.published.log.signer.vkey]) == 0
    assert capsys.readouterr().out == f"{ORIGIN}: 0 entries are what was written\n"
    (world.folder / "mirror.sqlite").unlink()
    assert main(["check", str(world.folder), "--log", world.published.log.signer.vkey]) == 2
    assert "ringfence-mirror: unable to open" in capsys.readouterr().err
