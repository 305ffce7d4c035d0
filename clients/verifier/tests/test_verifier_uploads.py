"""`add-entries` of C2SP tlog-mirror over HTTP: its statuses, and that nothing unproven is kept."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from ringfence_verifier import cosigners, verify_checkpoint
from ringfence_verifier.mirror.serving import MirrorServer
from ringfence_verifier.mirror.store import Held
from ringfence_verifier.mirror.uploading import INFO, Body, add_entries
from ringfence_verifier.witness.keys import read_keys

from .mirrors import NAME, NOW, Log, made, opened
from .notes import ORIGIN, Signer, base64, consistency, leaf, tree_hash
from .test_verifier_tiles import subtree_proof

DIGEST = sha256(ORIGIN.encode()).hexdigest()


def package(log: Log, start: int, end: int, size: int) -> bytes:
    """An entry package of the span that `start` lies in."""
    first = start - start % 256
    entries = b"".join(len(each).to_bytes(2, "big") + each for each in log.leaves[start:end])
    proof = subtree_proof(first, end, log.leaves[:size])
    return entries + bytes([len(proof)]) + b"".join(proof)


def head(start: int, end: int, origin: str = ORIGIN, ticket: bytes = b"") -> bytes:
    """The head of an upload."""
    name = origin.encode()
    numbers = start.to_bytes(8, "big") + end.to_bytes(8, "big")
    return len(name).to_bytes(2, "big") + name + numbers + len(ticket).to_bytes(2, "big") + ticket


def upload(log: Log, start: int, end: int, packages: int | None = None) -> bytes:
    """A whole upload, or its first packages."""
    firsts = range(start - start % 256, end, 256)
    spans = [(max(first, start), min(end, first + 256)) for first in firsts][:packages]
    return head(start, end) + b"".join(package(log, *span, end) for span in spans)


@dataclass
class Mirror:
    """A mirror that is served here."""

    log: Log
    port: int
    folder: Path

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, str, str]:
        """Returns status, content type and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        found = answer.status, answer.headers["Content-Type"], answer.read().decode()
        connection.close()
        return found

    def get(self, path: str) -> tuple[int, bytes]:
        """Returns status and content."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", f"/{DIGEST}/{path}")
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def pend(self, old: int, size: int) -> tuple[int, str, str]:
        """Has it take the head of the log at a size, after one that it has seen."""
        proof = consistency(old, self.log.leaves[:size]) if 0 < old < size else []
        lines = "".join(f"{line}\n" for line in (f"old {old}", *map(base64, proof), ""))
        return self.post("/add-checkpoint", lines.encode() + self.log.note(size).encode())

    def add(self, body: bytes, **headers: str) -> tuple[int, str, str]:
        """Uploads entries."""
        return self.post("/add-entries", body, **headers)


@contextmanager
def served(folder: Path, log: Log) -> Iterator[Mirror]:
    """Serves a mirror's folder."""
    with MirrorServer(("127.0.0.1", 0), [opened(folder, log)]) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Mirror(log, server.port, folder)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    """An empty mirror of a log that has checkpoints at 602 and 622 leaves."""
    log = Log()
    assert (log.grow(300), log.grow(9)) == (602, 622)
    with served(made(tmp_path / "m"), log) as each:
        yield each


def test_what_is_pushed_is_held_read_and_cosigned(mirror: Mirror) -> None:
    """A checkpoint alone is cosigned by nobody; with its entries it is, and served with them."""
    assert mirror.pend(0, 602) == (200, "text/plain; charset=utf-8", "")
    assert mirror.get("checkpoint")[0] == 404
    status, kind, lines = mirror.add(upload(mirror.log, 0, 602))
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    note = mirror.log.note(602) + lines
    keys = tuple(key.public for key in read_keys(mirror.folder, NAME))
    assert cosigners(note, verify_checkpoint(note, mirror.log.signer.vkey), keys) == dict.fromkeys(keys, NOW)
    assert mirror.get("checkpoint") == (200, note.encode())
    assert mirror.get("tile/0/001") == (200, mirror.log.get("tile/0/001"))
    assert mirror.get("tile/1/000.p/2") == (200, mirror.log.get("tile/1/000.p/2"))
    for beyond in ("tile/0/002.p/91", "tile/0/002", "tile/1/000.p/3", "tile/0/2", "tile", "", "../checkpoint"):
        assert mirror.get(beyond)[0] == 404
    assert mirror.get("tile/entries/000")[0] == 403
    assert mirror.add(upload(mirror.log, 602, 602)) == (200, kind, lines)
    assert mirror.pend(602, 622)[0] == 200
    assert mirror.add(upload(mirror.log, 602, 622))[0] == 200
    assert mirror.get("checkpoint")[1].startswith(f"{ORIGIN}\n622\n".encode())


def test_a_prefix_is_kept_and_gone_on_from(mirror: Mirror) -> None:
    """202 says where; so does 409 to whoever asks, and an upload that was cut off within a package."""
    mirror.pend(0, 602)
    assert mirror.add(head(0, 0)) == (409, INFO, "602\n0\n\n")
    assert mirror.add(upload(mirror.log, 0, 602, packages=1)) == (202, INFO, "602\n256\n\n")
    assert mirror.add(upload(mirror.log, 256, 602)[:-40]) == (202, INFO, "602\n512\n\n")
    assert mirror.add(upload(mirror.log, 513, 602)) == (409, INFO, "602\n512\n\n")
    assert mirror.get("checkpoint")[0] == 404
    assert mirror.add(upload(mirror.log, 500, 602))[0] == 200


def test_an_older_pending_checkpoint_serves_still(mirror: Mirror) -> None:
    """Until a larger one is cosigned."""
    mirror.pend(0, 602)
    mirror.pend(602, 622)
    assert mirror.add(upload(mirror.log, 0, 602))[0] == 200
    assert mirror.add(upload(mirror.log, 602, 622))[0] == 200
    assert mirror.add(upload(mirror.log, 602, 602)) == (409, INFO, "622\n622\n\n")


def test_entries_may_come_packed(mirror: Mirror) -> None:
    """By gzip; what is not, though it says so, is a body that ends before it begins."""
    mirror.pend(0, 602)
    body = upload(mirror.log, 0, 602)
    assert mirror.add(body, **{"Content-Encoding": "gzip"})[0] == 400
    assert mirror.add(gzip.compress(body)[:-900], **{"Content-Encoding": "gzip"})[0] == 202
    assert mirror.add(gzip.compress(upload(mirror.log, 256, 602)), **{"Content-Encoding": "gzip"})[0] == 200


def replaced(content: bytes, at: int) -> bytes:
    """Flips a bit."""
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_everything_else_is_refused_by_its_status(mirror: Mirror) -> None:
    """And leaves the mirror as it was."""
    mirror.pend(0, 602)
    log, body = mirror.log, upload(mirror.log, 0, 602)
    swapped = Log([*log.leaves[1:2], *log.leaves[:1], *log.leaves[2:]])
    shorter = head(0, 602) + package(log, 1, 256, 602)
    for bad, status in (
        (b"", 400),
        (head(0, 602)[:-1], 400),
        (head(0, 602), 400),
        (body[:300], 400),
        (head(5, 4), 400),
        (head(0, 602, "other.example/log"), 404),
        (head(0, 601) + body, 409),
        (head(0, 622) + body, 409),
        (head(1, 602) + body, 409),
        (replaced(body, 80), 422),
        (head(0, 602) + upload(swapped, 0, 602)[len(head(0, 602)) :], 422),
        (shorter, 400),
        (upload(log, 0, 602, 1)[: -32 * upload(log, 0, 602, 1)[-65] - 1] + bytes([64]) + bytes(64 * 32), 422),
    ):
        assert mirror.add(bad)[0] == status, (bad[:40], status)
    assert mirror.add(head(0, 0)) == (409, INFO, "602\n0\n\n")
    assert mirror.add(body)[0] == 200


def test_a_forked_checkpoint_is_refused(mirror: Mirror) -> None:
    """As a witness refuses it; entries of another history are proven by nothing."""
    mirror.pend(0, 602)
    other = Log([b"another", *mirror.log.leaves[1:]])
    told = Mirror(other, mirror.port, mirror.folder)
    assert told.pend(602, 622)[0] == 422
    assert told.pend(602, 602)[0] == 409
    assert told.add(upload(other, 0, 602))[0] == 422


def test_a_log_that_contradicts_itself_is_not_cosigned(tmp_path: Path) -> None:
    """Whoever pushes it hears why."""
    log = Log()
    log.page(1, 1, omitted=1)
    log.state()
    with served(made(tmp_path / "m"), log) as mirror:
        mirror.pend(0, len(log.leaves))
        for _ in range(2):
            status, _, said = mirror.add(upload(log, 0, len(log.leaves)))
            assert (status, "lacks leaves" in said) == (422, True)
        assert mirror.get("checkpoint")[0] == 404


def test_the_largest_entries_are_taken(tmp_path: Path) -> None:
    """Of 65,535 bytes, in a package of their own."""
    log = Log()
    large = leaf("audit.read.v1", method="x")
    large = leaf("audit.read.v1", method="x" * (65_535 - len(large) + 1))
    assert len(large) == 65_535
    log.leaves += [large] * 20
    log.state()
    with served(made(tmp_path / "m"), log) as mirror:
        mirror.pend(0, 21)
        assert mirror.add(gzip.compress(upload(log, 0, 21)), **{"Content-Encoding": "gzip"})[0] == 200


def test_hostile_requests_end_and_the_next_is_answered(mirror: Mirror) -> None:
    """Bodies that never come, lengths that lie, bombs, nonsense."""
    mirror.pend(0, 602)
    for content in (
        b"POST /add-entries HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /add-entries HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n",
        b"POST /add-entries HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /add-entries HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"\x00" * 100,
    ):
        with socket.create_connection(("127.0.0.1", mirror.port), timeout=10) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
    bomb = gzip.compress(head(0, 602) + bytes(50_000_000))
    assert mirror.add(bomb, **{"Content-Encoding": "gzip"})[0] == 422
    assert mirror.add(upload(mirror.log, 0, 602))[0] == 200


def test_two_who_push_at_once_do_not_disturb_each_other(mirror: Mirror) -> None:
    """One of them stops in the middle; the other one goes on to the end."""
    mirror.pend(0, 602)
    body = upload(mirror.log, 0, 602)
    with socket.create_connection(("127.0.0.1", mirror.port), timeout=10) as connection:
        connection.sendall(b"POST /add-entries HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        connection.sendall(body[: len(body) // 2])
        assert mirror.add(body)[0] == 200
        connection.sendall(body[len(body) // 2 :])
        assert b" 200 " in connection.recv(100)


def test_the_info_has_three_lines(mirror: Mirror) -> None:
    """A size, an index, and a ticket in base64: here an empty one."""
    mirror.pend(0, 602)
    lines = mirror.add(head(0, 0, ticket=b"anything"))[2].split("\n")
    assert lines[:2] == ["602", "0"]
    assert b64decode(lines[2]) == b""
    assert lines[3:] == [""]


def test_a_log_that_is_not_known_is_not_taken(mirror: Mirror) -> None:
    """By its origin, or by its key."""
    stranger = Log(mirror.log.leaves, Signer(seed=bytes([7]) * 32))
    assert Mirror(stranger, mirror.port, mirror.folder).pend(0, 602)[0] == 403


def test_what_was_read_beyond_a_checkpoint_is_overtaken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a larger one was read and could not be cosigned: the smaller is answered by where the mirror stands."""
    log, sizes = Log(), list[int]()
    for _ in range(2):
        sizes.append(log.grow(20))
    copy = opened(made(tmp_path / "m"), log)
    small, large = (Held(size, tree_hash(log.leaves[:size]), log.note(size)) for size in sizes)
    for pending in (small, large):
        copy.store.pend(ORIGIN, pending)
    copy.add(0, log.leaves)

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(copy.store, "cosign", full)
        with pytest.raises(OSError, match="space"):
            copy.commit(large)
    body = upload(log, sizes[0], sizes[0])
    answer = add_entries({ORIGIN: copy}, Body(BytesIO(body).read1, len(body), is_gzip=False))
    assert (answer.status, answer.body.splitlines()[:2]) == (409, [str(sizes[1]), str(sizes[1])])
