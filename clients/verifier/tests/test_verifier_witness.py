"""A witness over HTTP: the statuses of C2SP tlog-witness, and a memory that is never rolled back."""

from __future__ import annotations

import contextlib
import http.client
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from ringfence_verifier import Checkpoint, VerificationError, VerifierKey, verify_checkpoint
from ringfence_verifier.cosignature import ED25519, ML_DSA_44, CosignerKey, cosigners
from ringfence_verifier.witness.answering import SIZE, Answering
from ringfence_verifier.witness.command import main
from ringfence_verifier.witness.keys import make_keys, read_keys
from ringfence_verifier.witness.seen import Seen
from ringfence_verifier.witness.serving import WitnessServer

from .notes import ORIGIN, Signer, base64, consistency, tree_hash
from .processes import line_of

NAME = "witness.example/w1"
LEAVES = [b"leaf %d" % number for number in range(40)]
FORKED = [*LEAVES[:10], b"another", *LEAVES[11:]]
NOW = 1_800_000_000
KILLS = 5


def note(size: int, leaves: Sequence[bytes] = LEAVES, signer: Signer | None = None) -> str:
    """Signs the head of the first leaves."""
    signer = signer or Signer()
    return signer.note(signer.name, str(size), base64(tree_hash(leaves[:size])))


def request(old: int, size: int, leaves: Sequence[bytes] = LEAVES, signer: Signer | None = None) -> bytes:
    """Writes a request as a log does."""
    proof = consistency(old, leaves[:size]) if 0 < old < size else []
    return (
        "".join(f"{line}\n" for line in (f"old {old}", *map(base64, proof), "")).encode()
        + note(size, leaves, signer).encode()
    )


@contextmanager
def serving(folder: Path, *signers: Signer) -> Iterator[tuple[int, tuple[CosignerKey, ...]]]:
    """Answers from a folder, which is made where it is not there; yields the port and the public keys.

    The log has the keys of these signers, else one.
    """
    if not folder.exists():
        folder.mkdir()
        make_keys(folder, NAME)
        Seen.make(folder, NAME)
    keys = read_keys(folder, NAME)
    logs = {ORIGIN: [VerifierKey.parse(each.vkey) for each in signers or (Signer(),)]}
    answering = Answering(Seen(folder), keys, logs, lambda: NOW)
    with WitnessServer(("127.0.0.1", 0), answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.port, tuple(key.public for key in keys)
        finally:
            server.shutdown()
            thread.join()


def port_of(process: subprocess.Popen[str]) -> int:
    """Waits until a witness says where it answers."""
    return int(line_of(process, process.stdout).split(":")[1].split()[0])


def post(port: int, body: bytes, path: str = "/add-checkpoint") -> tuple[int, str, str]:
    """Returns status, content type and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, body)
    answer = connection.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read().decode()
    connection.close()
    return found


def test_what_extends_what_was_seen_is_cosigned(tmp_path: Path) -> None:
    """By Ed25519 and ML-DSA-44, at the witness's time; the note with the answer behind it verifies."""
    with serving(tmp_path / "w") as (port, keys):
        for old, size in ((0, 3), (3, 3), (3, 20), (20, 21)):
            status, _, lines = post(port, request(old, size))
            assert status == 200
            cosigned = note(size) + lines
            checkpoint = verify_checkpoint(cosigned, Signer().vkey)
            assert cosigners(cosigned, checkpoint, keys) == dict.fromkeys(keys, NOW)
    assert {key.algorithm for key in keys} == {ED25519, ML_DSA_44}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (request(0, 12, signer=Signer("other.example/log")), 404, "not known"),
        (request(10, 12, signer=Signer(seed=bytes([1]) * 32)), 403, "not signed by"),
        (request(10, 12).replace("— ".encode(), "— ".encode() + b"x", 1), 403, "not signed by"),
        (request(13, 12), 400, "larger"),
        (request(9, 12), 409, "10"),
        (request(0, 12), 409, "10"),
        (request(11, 12), 409, "10"),
        (request(10, 10, [*FORKED[1:]]), 409, "10"),
        (request(10, 12, [b"x", *LEAVES[1:]]), 422, "proof"),
        (request(10, 12).replace(b"old 10\n", b"old 10\n" + b"A" * 43 + b"=\n"), 422, "proof"),
        (request(10, 10).replace(b"old 10\n", b"old 10\n" + b"A" * 43 + b"=\n"), 422, "proof"),
        (request(10, 12).replace(b"old 10", b"old 010"), 400, "malformed"),
        (request(10, 12).replace(b"old 10", b"new 10"), 400, "old size"),
        (request(10, 12).replace(b"old 10\n", b"old 10\n" + b"AAAA\n" * 64), 400, "too long"),
        (request(10, 12).replace(b"old 10\n", b"old 10\nA\n"), 400, "base64"),
        (request(10, 12).partition(b"\n\n")[0], 400, "empty line"),
        (note(12).encode(), 400, "old size"),
        (b"old 10\n\n", 400, "signatures"),
        (b"old 10\n\n\xff\n", 400, "utf-8"),
        (b"", 400, "empty line"),
    ],
)
def test_everything_else_is_refused_by_its_status(tmp_path: Path, body: bytes, status: int, said: str) -> None:
    """And leaves what was seen as it was."""
    with serving(tmp_path / "w") as (port, _):
        assert post(port, request(0, 10))[0] == 200
        answered, kind, text = post(port, body)
        assert answered == status
        assert said in text
        if status == 409:
            assert (kind, text) == (SIZE, "10\n")
        assert post(port, request(10, 11))[0] == 200


def test_requests_that_are_none_are_refused_before_they_are_read(tmp_path: Path) -> None:
    """Too long, of no length, elsewhere, or no POST at all."""
    with serving(tmp_path / "w") as (port, _):
        assert post(port, request(0, 10), "/add-tree")[0] == 404
        for method, path, status, length in (
            ("GET", "/", 404, {}),
            ("GET", "/abc/checkpoint", 404, {}),
            ("PUT", "/", 501, {}),
            ("POST", "/add-checkpoint", 413, {"Content-Length": str((1 << 20) + 1)}),
            ("POST", "/add-checkpoint", 411, {"Content-Length": "-1"}),
        ):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(method, path, headers=length)
            assert connection.getresponse().status == status
            connection.close()


def test_one_connection_too_many_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects and says nothing takes one place of as many as there are, and gives it back as he leaves."""
    monkeypatch.setattr("ringfence_verifier.serving.MOST_CONNECTIONS", 1)
    with serving(tmp_path / "w") as (port, _):
        with socket.create_connection(("127.0.0.1", port)) as silent:
            silent.sendall(b"POST /add")
            with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
                post(port, request(0, 1))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                assert post(port, request(0, 1))[0] == 200
                return
            except ConnectionError:
                time.sleep(0.02)
        raise AssertionError("the place was not given back")


@pytest.mark.parametrize("begun", [b"GET / HT", b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"])
def test_who_keeps_sending_a_byte_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    """Within a head or a body: a request has one time, however often a byte comes, and then its place is another's."""
    monkeypatch.setattr("ringfence_verifier.serving.MOST_CONNECTIONS", 1)
    monkeypatch.setattr("ringfence_verifier.serving.HEAD_SECONDS", 0.3)
    monkeypatch.setattr("ringfence_verifier.serving.REQUEST_SECONDS", 0.3)
    with serving(tmp_path / "w") as (port, _), socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(begun)
        until = time.monotonic() + 10
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                slow.sendall(b"a")
                time.sleep(0.05)
        while True:
            try:
                assert post(port, request(0, 1))[0] == 200
                return
            except ConnectionError:
                assert time.monotonic() < until
                time.sleep(0.02)


def said_to(port: int, content: bytes) -> bytes:
    """Says something on a connection of its own; returns all that comes back until it ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


UNCLEAR = [
    (b"GET / HTTP/1.1\r\nContent-Length: 40\r\n\r\n", b"404"),
    (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"404"),
    (b"GET / HTTP/1.1\r\nContent-Length : 40\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n", b"400"),
]


@pytest.mark.parametrize(("head", "status"), UNCLEAR)
def test_a_body_is_never_the_next_request(tmp_path: Path, head: bytes, status: bytes) -> None:
    """Whatever stands in front may pass several clients' requests on one connection: one answer, and it ends."""
    with serving(tmp_path / "w") as (port, _):
        answer = said_to(port, head + b"GET /hidden/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer


def test_monitors_read_what_was_cosigned_last(tmp_path: Path) -> None:
    """By the SHA-256 of the origin: the log's note with the witness's cosignatures behind it."""
    path = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    with serving(tmp_path / "w") as (port, keys):
        post(port, request(0, 10))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path)
        newest = connection.getresponse().read().decode()
        connection.close()
        checkpoint = verify_checkpoint(newest, Signer().vkey)
        assert checkpoint.size == 10
        assert cosigners(newest, checkpoint, keys) == dict.fromkeys(keys, NOW)


def test_what_others_add_to_a_note_is_not_kept(tmp_path: Path) -> None:
    """Anybody may hand in a checkpoint with lines of his own: monitors get the log's signature and the witness's."""
    path = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    with serving(tmp_path / "w") as (port, keys):
        spoilt = request(0, 10) + ("\u2014 x AAAAAAAA\n" * 62).encode() + f"\u2014 {NAME} AAAAAAAA\n".encode()
        assert post(port, spoilt)[0] == 200
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path)
        newest = connection.getresponse().read().decode()
        connection.close()
        assert newest.startswith(note(10))
        assert set(cosigners(newest, verify_checkpoint(newest, Signer().vkey), keys)) == set(keys)


def test_a_log_that_changes_its_key_is_cosigned_by_either(tmp_path: Path) -> None:
    """While the witness knows both: one is enough, monitors get both lines, and one that is wrong spoils the note."""
    old, new = Signer(), Signer(seed=b"n" * 32)
    path = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    body = f"{ORIGIN}\n20\n{base64(tree_hash(LEAVES[:20]))}\n"
    with serving(tmp_path / "w", old, new) as (port, _):
        assert post(port, request(0, 10, signer=old))[0] == 200
        assert post(port, request(10, 20, signer=old) + new.line(body).encode())[0] == 200
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path)
        newest = connection.getresponse().read().decode()
        connection.close()
        assert newest.startswith(note(20, signer=old) + new.line(body))
        for right, wrong in ((new, old), (old, new)):
            spoilt = request(20, 30, signer=right) + wrong.line(body).encode()
            assert post(port, spoilt)[::2] == (403, f"the signature by {ORIGIN} is wrong\n")
        assert post(port, request(20, 30, signer=new))[0] == 200
    with serving(tmp_path / "w", new) as (port, _):
        assert post(port, request(30, 40, signer=old))[0] == 403
        assert post(port, request(30, 40, signer=new))[0] == 200


def test_two_histories_are_not_cosigned_by_the_next_process_either(tmp_path: Path) -> None:
    """What was seen is on disk before it is said; a memory that is gone is no beginning."""
    with serving(tmp_path / "w") as (port, _):
        assert post(port, request(0, 12))[0] == 200
    with serving(tmp_path / "w") as (port, _):
        assert post(port, request(0, 12, FORKED))[::2] == (409, "12\n")
        assert post(port, request(12, 12, FORKED))[::2] == (409, "12\n")
        assert post(port, request(12, 20, FORKED))[0] == 422
        assert post(port, request(12, 20))[0] == 200
    (tmp_path / "w" / "seen.sqlite").unlink()
    assert main(["serve", str(tmp_path / "w"), "--log", Signer().vkey]) == 2


def test_racing_requests_never_roll_a_log_back(tmp_path: Path) -> None:
    """Of many at once one at a time is looked at and kept: sizes only grow, none is cosigned twice."""
    with serving(tmp_path / "w") as (port, _):
        assert post(port, request(0, 1))[0] == 200
        cosigned: list[int] = []

        def climb(seed: int) -> None:
            size = 1
            while size < len(LEAVES):
                wanted = min(len(LEAVES), size + 1 + seed % 3)
                status, _, text = post(port, request(size, wanted))
                if status == 200:
                    cosigned.append(wanted)
                size = wanted if status == 200 else int(text)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(climb, range(6)))
        assert len(cosigned) == len(set(cosigned))
        assert post(port, request(len(LEAVES), len(LEAVES)))[0] == 200


def test_the_command_makes_a_witness_once_and_serves_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys are printed as vkeys; SIGTERM ends it; what is made twice, or named wrongly, is refused."""
    folder = tmp_path / "witness"
    assert main(["init", str(folder), "--name", NAME]) == 0
    made = capsys.readouterr().out
    assert [CosignerKey.parse(line).name for line in made.splitlines()] == [NAME, NAME]
    assert main(["init", str(folder), "--name", NAME]) == 2
    for wrong in ("a+b", "a b", "", "a" * 256):
        assert main(["init", str(tmp_path / "other"), "--name", wrong]) == 2
    assert main(["keys", str(folder)]) == 0
    assert made in capsys.readouterr().out
    assert main(["serve", str(folder), "--log", "no key"]) == 2
    assert oct((folder / "ed25519.key").stat().st_mode)[-3:] == "600"
    code = "import sys; from ringfence_verifier.witness.command import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "serve", str(folder), "--log", Signer().vkey, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        port = port_of(served)
        assert post(port, request(0, 5))[0] == 200
        served.terminate()
        assert served.wait(timeout=30) == 0


def test_keys_and_cosignatures_that_are_none_are_refused() -> None:
    """Another type, another length, another id; a signature cut short, of another text, or by another key."""
    signer = Signer()
    good = CosignerKey(NAME, ED25519, bytes(32))
    assert CosignerKey.parse(good.text()) == good
    for text in ("", "a", signer.vkey, good.text()[:-4], good.text().replace("w1", "w2"), f" {good.text()}"):
        with pytest.raises(VerificationError):
            CosignerKey.parse(text)
    checkpoint = Checkpoint(ORIGIN, 1, bytes(32), ())
    for signature in (b"", bytes(71), bytes(72), b"\xff" + bytes(71), bytes(73)):
        with pytest.raises(VerificationError):
            good.verify("text\n", checkpoint, signature)


def test_a_witness_that_is_killed_at_any_moment_never_cosigns_two_histories(tmp_path: Path) -> None:
    """Two logs of one key push it at once, it is killed again and again: what it has answered is of one history."""
    chance, folder = random.Random(13), tmp_path / "w"
    assert main(["init", str(folder), "--name", NAME]) == 0
    public = tuple(key.public for key in read_keys(folder, NAME))
    answered: dict[int, set[bytes]] = {}
    logs = [
        [b"leaf %d" % number if number != 3 else first for number in range(300)] for first in (b"leaf 3", b"another")
    ]
    command = [str(Path(sys.executable).with_name("ringfence-witness")), "serve", str(folder)]
    command += ["--log", Signer().vkey, "--listen", "127.0.0.1:0"]
    stopping, port = threading.Event(), 0

    def push(leaves: Sequence[bytes]) -> None:
        """Offers ever larger sizes from where the witness says that it is, as a log does that has forgotten."""
        known = 0
        while not stopping.is_set():
            size = min(known + 1, len(leaves))
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, _, body = post(port, request(known, size, leaves))
                if status == 200:
                    seen = note(size, leaves) + body
                    checkpoint = verify_checkpoint(seen, Signer().vkey)
                    assert set(cosigners(seen, checkpoint, public)) == set(public)
                    answered.setdefault(size, set()).add(checkpoint.root)
                    known = size
                elif status == 409:
                    known = min(int(body), len(leaves))
            time.sleep(0.002)

    with ThreadPoolExecutor(len(logs)) as pool:
        pushing = [pool.submit(push, leaves) for leaves in logs]
        try:
            for _ in range(KILLS):
                with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                    port = port_of(process)
                    goal, give_up = len(answered) + chance.randint(2, 30), time.monotonic() + 30
                    while len(answered) < goal and time.monotonic() < give_up and not any(map(Future.done, pushing)):
                        time.sleep(chance.uniform(0.0, 0.004))
                    port = 0  # where nobody answers: the one that was its may be somebody else's next
                    process.send_signal(signal.SIGKILL)
                newest = Seen(folder).of(ORIGIN)
                assert (newest.size if newest else 0) >= max(answered, default=0)
        finally:
            stopping.set()
    for each in pushing:
        each.result()
    assert max(answered) > KILLS
    assert all(len(roots) == 1 for roots in answered.values())
    of_one = [all(tree_hash(leaves[:size]) in roots for size, roots in answered.items()) for leaves in logs]
    assert of_one.count(True) == 1
