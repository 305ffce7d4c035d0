"""`ringfence verify log`, by a policy and from a mirror; checkpoints by their witnesses; consistency."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from ringfence.audit import Leaf
from ringfence.cli import app
from ringfence.commands import facts, whole_log
from ringfence.unproven import Proof
from ringfence_verifier import verify_checkpoint
from ringfence_verifier.cosignature import ED25519
from ringfence_verifier.mirror.serving import MirrorServer
from ringfence_verifier.witness.keys import CosigningKey, read_keys
from typer.testing import CliRunner

from clients.verifier.tests.mirrors import NAME, Log, Shown, following, made
from clients.verifier.tests.notes import Signer, base64, consistency, leaf
from clients.verifier.tests.test_verifier_mirror_keys import NEW, OLD, Turning
from clients.verifier.tests.test_verifier_mirror_process import Files, issued

WITNESSES = [CosigningKey.of(f"witness.example/{number}", ED25519, bytes([number + 1]) * 32) for number in range(2)]


def cosigned(note: str, *by: int) -> str:
    """A checkpoint with the lines of some witnesses."""
    text, checkpoint = note.partition("\n\n")[0] + "\n", verify_checkpoint(note, Signer().vkey)
    return note + "".join(WITNESSES[each].line(text, checkpoint, 1_800_000_000) for each in by)


class Witnessed:
    """A log as the SDK shows it, whose checkpoint some have cosigned, and of which all else agrees."""

    def __init__(self, log: Log) -> None:
        self.log, self.by = log, [0]
        self.client: Any = None

    def checkpoint(self) -> str:
        """What is published."""
        return cosigned(self.log.note(), *self.by)

    def keyed_checkpoint(self) -> tuple[str, list[str]]:
        """The same; it never had another key."""
        return self.checkpoint(), []

    def consistency_proof(self, from_size: int, to_size: int) -> list[bytes]:
        """By the definition."""
        return consistency(from_size, self.log.leaves[:to_size])

    def leaves(self, from_index: int, until_index: int) -> Iterator[Leaf]:
        """In order."""
        yield from (Leaf(at, self.log.leaves[at]) for at in range(from_index, until_index))

    def verify_sources(self, *, recompute: bool) -> list[Any]:
        """Nothing to compare."""
        return []

    def prove_transfers(self) -> Proof:
        """Nothing to justify."""
        return Proof([], 0, 0)


def policy_of(folder: Path, *keys: str, name: str = "policy") -> tuple[Path, bytes]:
    """Writes a policy of all these cosigners; gives the file, and its SHA-256."""
    named = "".join(f"witness w{number} {key}\n" for number, key in enumerate(keys))
    names = " ".join(f"w{number}" for number in range(len(keys)))
    file = folder / name
    file.write_text(f"log {Signer().vkey}\n{named}group all all {names}\nquorum all\n")
    return file, sha256(file.read_bytes()).digest()


def said(done: Result) -> str:
    """What was printed, on one line."""
    return " ".join(done.output.split())


def run(*arguments: str) -> Result:
    """Runs `ringfence`."""
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "400"})


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Witnessed:
    """A log that the command reads, with credentials in a folder of their own."""
    log = Log()
    log.policy = policy_of(tmp_path, WITNESSES[0].public.text())[1]
    log.grow(3)
    found = Witnessed(log)
    client = SimpleNamespace(audit=found, credentials=SimpleNamespace(folder=tmp_path / "credentials"))
    client.credentials.folder.mkdir()
    found.client = client
    for module in (whole_log, facts):
        monkeypatch.setattr(module, "client_as", lambda principal: nullcontext(client))
    return found


def verified(*more: str) -> Result:
    """Runs `ringfence verify log`."""
    return run("verify", "log", "--as", "regulator", "--key", Signer().vkey, *more)


def test_a_log_without_its_quorum_is_not_believed_nor_remembered(shown: Witnessed, tmp_path: Path) -> None:
    """Once a policy was given it is demanded each time, also when it is not given again."""
    policy = str(policy_of(tmp_path, WITNESSES[0].public.text())[0])
    shown.by = []
    refused = verified("--policy", policy)
    assert "lacks its quorum of witnesses: nobody has seen it" in str(refused.exception)
    assert list((tmp_path / "credentials" / "checkpoints").glob("*.note")) == []
    shown.by = [0]
    done = verified("--policy", policy)
    assert (done.exit_code, "everything agrees" in done.output) == (0, True), done.exception
    shown.log.grow(2)
    assert verified().exit_code == 0
    shown.log.grow(2)
    shown.by = [1]
    assert "lacks its quorum" in str(verified().exception)


def test_a_change_of_the_log_s_policy_is_named_and_remembered(shown: Witnessed, tmp_path: Path) -> None:
    """By the leaf; whoever demanded the old one is refused until the new one is given, which then is named."""
    old, weak = (policy_of(tmp_path, WITNESSES[at].public.text(), name=f"p{at}") for at in (0, 1))
    assert verified("--policy", str(old[0])).exit_code == 0
    shown.log.policy = weak[1]
    changed = shown.log.grow(1) - 1
    for more in (("--policy", str(old[0])), (), ("--whole",)):
        assert f"leaf {changed}: from here on the log publishes by policy {weak[1].hex()}" in str(
            verified(*more).exception
        )
    shown.by = [1]
    done = verified("--policy", str(weak[0]))
    assert done.exit_code == 0, done.exception
    assert f"demanded is policy {weak[1].hex()} in the place of {old[1].hex()}" in said(done)
    assert f"the log's policy changed at leaf {changed}: policy {weak[1].hex()}" in said(verified())


def test_a_policy_of_the_reader_s_own_is_demanded_and_said_to_be_that(shown: Witnessed, tmp_path: Path) -> None:
    """The log never stated it, so it has not left it."""
    own = policy_of(tmp_path, *(each.public.text() for each in WITNESSES), name="own")
    assert "lacks its quorum" in str(verified("--policy", str(own[0])).exception)
    shown.by = [0, 1]
    done = verified("--policy", str(own[0]))
    assert done.exit_code == 0
    assert f"is the reader's own: the log publishes by policy {shown.log.policy.hex()}" in said(done)


def test_a_checkpoint_is_got_by_the_key_that_is_set(
    shown: Witnessed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable serves every command that asks the log; with neither nothing is asked."""
    given = ("checkpoint", str(tmp_path / "newest"), "--as", "regulator")
    monkeypatch.delenv("RINGFENCE_LOG_KEY", raising=False)
    assert run(*given).exit_code == 2
    monkeypatch.setenv("RINGFENCE_LOG_KEY", Signer().vkey)
    done = run(*given)
    assert (done.exit_code, (tmp_path / "newest").is_file()) == (0, True), done.exception
    monkeypatch.setenv("RINGFENCE_LOG_KEY", Signer(seed=bytes(31) + b"7").vkey)
    assert "not signed" in str(run("checkpoint", str(tmp_path / "other"), "--as", "regulator").exception)


def test_two_checkpoints_that_were_kept_are_compared_offline(shown: Witnessed, tmp_path: Path) -> None:
    """With the proof that was got beside the newer; another history, a wrong proof or none is refused."""
    files = [str(tmp_path / name) for name in ("older", "newer")]
    key, policy = Signer().vkey, str(policy_of(tmp_path, WITNESSES[0].public.text())[0])
    assert run("checkpoint", files[0], "--as", "regulator", "--key", key).exit_code == 0
    before = len(shown.log.leaves)
    size = shown.log.grow(5)
    assert run("checkpoint", files[1], "--as", "regulator", "--key", key, "--since", files[0]).exit_code == 0
    proof = tmp_path / "newer.proof"
    given = ("verify", "consistency", *files, "--key", key)
    done = run(*given, "--proof", str(proof), "--policy", policy)
    assert (done.exit_code, f"{size} facts go on from {before}" in done.output) == (0, True), done.exception
    assert "needs a proof" in str(run(*given).exception)
    assert run("verify", "consistency", files[1], files[1], "--key", key).exit_code == 0
    backwards = run("verify", "consistency", *files[::-1], "--key", key, "--proof", str(proof))
    assert "does not go on from" in str(backwards.exception)
    proof.write_text(proof.read_text().replace(proof.read_text()[:43], b64encode(bytes(32)).decode()[:43], 1))
    assert "does not go on from" in str(run(*given, "--proof", str(proof)).exception)
    Path(files[0]).write_text(shown.log.note(before))
    unseen = run(*given, "--proof", str(proof), "--policy", policy)
    assert "lacks its quorum" in str(unseen.exception)


@pytest.mark.parametrize("lie", ["shorter", "of the same size", "without a proof"])
def test_a_checkpoint_that_does_not_go_on_is_not_kept(
    shown: Witnessed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    """Nothing is written that would look like a proof."""
    older, newer = tmp_path / "older", tmp_path / "newer"
    key = Signer().vkey
    assert run("checkpoint", str(older), "--as", "regulator", "--key", key).exit_code == 0
    if lie == "shorter":
        shown.log = Log()
        shown.log.grow(2)
    elif lie == "of the same size":
        shown.log.leaves[0] = b"another"
    else:
        shown.log.grow(2)
        monkeypatch.setattr(shown, "consistency_proof", lambda *_: [])
    refused = run("checkpoint", str(newer), "--as", "regulator", "--key", key, "--since", str(older))
    assert f"does not go on from {older}" in str(refused.exception)
    assert [each.name for each in tmp_path.glob("newer*")] == []


def test_a_checkpoint_that_was_kept_is_not_replaced(shown: Witnessed, tmp_path: Path) -> None:
    """Nor its proof: whoever gives the same name twice keeps what is there."""
    older, newer = tmp_path / "older", tmp_path / "newer"
    given = ("--as", "regulator", "--key", Signer().vkey)
    assert run("checkpoint", str(older), *given).exit_code == 0
    kept = older.read_text()
    shown.log.grow(2)
    for more in ((), ("--since", str(older))):
        assert "is there already" in str(run("checkpoint", str(older), *given, *more).exception)
    assert older.read_text() == kept
    (tmp_path / "newer.proof").write_text("kept")
    assert "is there already" in str(run("checkpoint", str(newer), *given, "--since", str(older)).exception)
    assert not newer.exists()


def test_an_empty_policy_is_none(shown: Witnessed, tmp_path: Path) -> None:
    """It is refused by its name, with a folder to keep it in and without."""
    empty = tmp_path / "empty"
    empty.touch()
    shown.by = []
    for folder in (shown.client.credentials.folder, None):
        shown.client.credentials.folder = folder
        assert f"{empty} is empty" in str(verified("--policy", str(empty)).exception)


def test_the_log_before_is_told_where_its_end_was_signed(shown: Witnessed, tmp_path: Path) -> None:
    """Also by who remembers nothing: an end that its key has not signed is refused."""
    shown.client.credentials.folder = None
    for signer, holds in ((Signer("log.example/before"), True), (Signer("log.example/before", b"x" * 32), False)):
        end = signer.note(signer.name, "7", base64(bytes([7]) * 32))
        root = bytes([7]) * 32
        shown.log = Log([leaf("audit.succession.v1", origin=signer.name, size=7, root=root, checkpoint=end)])
        shown.log.grow(3)
        done = verified()
        assert (done.exit_code == 0) == holds, done.exception
        assert ("takes the place of log.example/before" in said(done)) == holds


@dataclass
class Copied(Turning):
    """A log that changes its key as a mirror shows it, with the lines of some."""

    cosigned_by: tuple[int, ...] = (0,)

    def note(self, size: int | None = None, leaves: list[bytes] | None = None) -> str:
        """Cosigns whatever it is."""
        signed = super().note(size, leaves)
        text, checkpoint = signed.partition("\n\n")[0] + "\n", verify_checkpoint(signed, self.by[-1].vkey)
        return signed + "".join(WITNESSES[each].line(text, checkpoint, 1_800_000_000) for each in self.cosigned_by)


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """A mirror in this process that cosigns whatever it holds."""
    log = Copied()
    log.grow(10)
    source = Shown(log=log)
    monkeypatch.setattr(whole_log, "Source", lambda *_: source)
    return source


def read_copy(policy: Path, *more: str) -> Result:
    """Runs `ringfence verify log` on a mirror's copy, knowing the log's first key."""
    given = ("--mirror", "https://mirror.example", "--key", OLD.vkey, "--policy", str(policy))
    return run("verify", "log", *given, *more)


@pytest.mark.parametrize("remembers", [False, True])
def test_a_copy_is_held_to_the_keys_that_its_entries_tell(copied: Shown, tmp_path: Path, remembers: bool) -> None:
    """What a key has signed beyond its end, or alone while two sign, is refused before anything is kept or told."""
    policy, log, memory = policy_of(tmp_path, WITNESSES[0].public.text())[0], copied.log, tmp_path / "memory"
    assert isinstance(log, Copied)
    more = ("--memory", str(memory)) if remembers else ()
    log.announce()
    log.by = (OLD,)
    alone = read_copy(policy, *more)
    log.by = (OLD, NEW)
    log.end()
    log.by = (OLD,)
    log.grow(2)
    stolen = read_copy(policy, *more)
    for done, why in ((alone, "is not signed by"), (stolen, "somebody else may have that key")):
        assert why in str(done.exception), done.exception
        assert "agrees" not in done.output
        assert "changed at" not in done.output
    assert [each.name for each in memory.glob("*")] == ([".lock"] if remembers else []) or not memory.exists()


def test_a_copy_in_the_overlap_is_followed(copied: Shown, tmp_path: Path) -> None:
    """By both keys, which are kept; from then on also by the new one alone."""
    first = policy_of(tmp_path, WITNESSES[0].public.text())[0]
    both = tmp_path / "both"
    both.write_text(first.read_text().replace("witness", f"log {NEW.vkey}\nwitness", 1))
    log, more = copied.log, ("--memory", str(tmp_path / "memory"))
    assert isinstance(log, Copied)
    log.announce()
    done = read_copy(both, *more)
    assert (done.exit_code, "both sign" in done.output) == (0, True), done.exception
    log.end()
    done = read_copy(both, *more)
    assert (done.exit_code, "the one before signs up to" in done.output) == (0, True), done.exception


def test_a_copy_is_cosigned_by_its_mirror(copied: Shown, tmp_path: Path) -> None:
    """A quorum of others is not enough, nor one of nobody; where there are several, one has to be named."""
    log = copied.log
    assert isinstance(log, Copied)
    none, several = tmp_path / "none", tmp_path / "several"
    witnesses = "".join(f"witness w{at} {each.public.text()}\n" for at, each in enumerate(WITNESSES))
    for file, quorum in ((none, "quorum none"), (several, "group one any w0 w1\nquorum one")):
        file.write_text(f"log {OLD.vkey}\n{witnesses}{quorum}\n")
    assert "quorum is none" in str(read_copy(none, "--mirror-name", "w0").exception)
    assert "--mirror-name" in str(read_copy(several).exception)
    assert "no cosigner 'w2'" in str(read_copy(several, "--mirror-name", "w2").exception)
    for name in ("w0", WITNESSES[0].public.name):
        log.cosigned_by = (0,)
        assert read_copy(several, "--mirror-name", name).exit_code == 0
        log.cosigned_by = (1,)
        assert "not cosigned by it" in str(read_copy(several, "--mirror-name", name).exception)


def test_a_damaged_tile_of_a_copy_is_no_fork(copied: Shown, tmp_path: Path) -> None:
    """Nor is a mirror that is away: it is said, and no evidence against the log is kept."""
    policy, memory = policy_of(tmp_path, WITNESSES[0].public.text())[0], tmp_path / "memory"
    assert read_copy(policy, "--memory", str(memory)).exit_code == 0
    copied.log.grow(200)
    copied.lie = lambda path, content: bytes(len(content)) if path == "tile/0/000" else content
    assert "tile/0/000 is not of the log" in str(read_copy(policy, "--memory", str(memory)).exception)
    copied.away = "tile/0/000"
    assert "the mirror was not read: tile/0/000" in str(read_copy(policy, "--memory", str(memory)).exception)
    assert list(memory.glob("*-*.note")) == []


def vkey_of(folder: Path) -> str:
    """The key that a mirror cosigns with."""
    return read_keys(folder / "mirror", NAME)[0].public.text()


@contextmanager
def mirror_of(log: Log, folder: Path) -> Iterator[tuple[str, Files, Any]]:
    """A mirror of a log over HTTPS, and the certificate that it gives entries for."""
    server, reader = issued(folder, "server"), issued(folder, "reader")
    mirror = following(made(folder / "mirror"), log)
    mirror.step()
    tls = server.certificate, server.key
    with MirrorServer(("127.0.0.1", 0), [mirror.copy], tls, reader.certificate) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"https://localhost:{serving.port}", reader, mirror
        finally:
            serving.shutdown()
            thread.join()


def test_a_mirror_s_copy_is_read_without_the_platform(tmp_path: Path) -> None:
    """Over its tiles, cosigned by it, going on from what was read; a copy that was put back is a fork, both kept."""
    log = Log()
    log.grow(150)
    with mirror_of(log, tmp_path) as (url, reader, mirror):
        policy = str(policy_of(tmp_path, vkey_of(tmp_path))[0])
        given = ["verify", "log", "--mirror", url, "--key", Signer().vkey, "--authority", str(tmp_path / "server.pem")]
        given += ["--client-certificate", str(reader.certificate), "--client-key", str(reader.key)]
        assert "--policy that names it" in str(run(*given).exception)
        stranger = policy_of(tmp_path, WITNESSES[0].public.text(), name="stranger")[0]
        assert "lacks its quorum" in str(run(*given, "--policy", str(stranger)).exception)
        given += ["--policy", policy, "--memory", str(tmp_path / "memory")]
        done = run(*given)
        assert (done.exit_code, f"verified: {len(log.leaves)} facts" in done.output) == (0, True), done.exception
        before = len(log.leaves)
        size = log.grow(200)
        mirror.step()
        done = run(*given)
        assert done.exit_code == 0, done.exception
        assert f"reading {size - before} facts, {before} were read before" in said(done)
    other = Log()
    other.grow(360)
    (tmp_path / "again").mkdir()
    with mirror_of(other, tmp_path / "again") as (url, reader, mirror):
        policy = str(policy_of(tmp_path, vkey_of(tmp_path / "again"))[0])
        given[3], given[7] = url, str(tmp_path / "again" / "server.pem")
        given[9], given[11], given[13] = str(reader.certificate), str(reader.key), policy
        assert "does not extend what it has signed" in str(run(*given).exception)
    assert len(list((tmp_path / "memory").glob("*-remembered.note"))) == 1
