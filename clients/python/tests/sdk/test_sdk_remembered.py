"""What a client remembers of a log: forks and shorter logs are named, and both notes are kept."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ringfence.remembered import LogForked, Remembered
from ringfence_verifier import KeySuccession, Predecessor, VerificationError, VerifierKey, verify_checkpoint

ORIGIN = "log.example/a"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey.of(ORIGIN, PRIVATE.public_key().public_bytes_raw())


def tree_head(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1."""
    if len(leaves) < 2:
        return sha256(b"\x00" + leaves[0]).digest() if leaves else sha256(b"").digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01" + tree_head(leaves[:half]) + tree_head(leaves[half:])).digest()


def consistency(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 9162 section 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [tree_head(leaves)]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    if old <= half:
        return [*consistency(old, leaves[:half], whole=whole), tree_head(leaves[half:])]
    return [*consistency(old - half, leaves[half:], whole=False), tree_head(leaves[:half])]


def test_what_was_read_is_kept_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Nothing at first; what was kept comes back; what is something else says to read all again."""
    remembered = Remembered(tmp_path)
    audit = remembered.reading(ORIGIN)
    assert audit.size == 0
    remembered.keep_reading(ORIGIN, audit)
    assert remembered.reading(ORIGIN).saved() == audit.saved()
    (file,) = tmp_path.glob("*.reading")
    for damage in (b"", b"{", b"\xff"):
        file.write_bytes(damage)
        with pytest.raises(VerificationError, match="read the whole log"):
            remembered.reading(ORIGIN)


def test_a_log_that_succeeds_another_owns_up_to_all_that_was_seen(tmp_path: Path) -> None:
    """It may name what is remembered of the other or more, never less, another root, or what was not signed."""
    remembered, log = Remembered(tmp_path), Log("a", "b", "c")
    remembered.accept(log.note(), KEY.text(), log.prove)

    def end(of: Log, **changes: Any) -> Predecessor:
        return replace(Predecessor(ORIGIN, len(of.leaves), tree_head(of.leaves), of.note()), **changes)

    remembered.require_owned(end(log), KEY.text())
    remembered.require_owned(end(Log("a", "b", "c", "d")), KEY.text())
    for forgotten in (Log("a", "b"), Log("a", "b", "x")):
        with pytest.raises(LogForked, match="is succeeded as if"):
            remembered.require_owned(end(forgotten), KEY.text())
    for wrong in ({"size": 4}, {"root": bytes(32)}, {"origin": "log.example/b"}):
        with pytest.raises(VerificationError, match="has not signed"):
            remembered.require_owned(end(log, **wrong), KEY.text())
    with pytest.raises(VerificationError, match="signature"):
        remembered.require_owned(end(log, note=log.note().replace("\n3\n", "\n4\n")), KEY.text())


class Log:
    """A log of leaves, by the definitions."""

    def __init__(self, *leaves: str) -> None:
        self.leaves = [each.encode() for each in leaves]
        self.asked: list[tuple[int, int]] = []

    def add(self, leaf: str) -> Log:
        """Grows."""
        self.leaves.append(leaf.encode())
        return self

    def note(self) -> str:
        """A checkpoint of all leaves."""
        text = f"{ORIGIN}\n{len(self.leaves)}\n{b64encode(tree_head(self.leaves)).decode()}\n"
        signature = b64encode(KEY.key_id + PRIVATE.sign(text.encode())).decode()
        return f"{text}\n\u2014 {ORIGIN} {signature}\n"

    def prove(self, old: int, new: int) -> list[bytes]:
        """The proof between two sizes."""
        self.asked.append((old, new))
        return consistency(old, self.leaves[:new])


@pytest.fixture
def remembered(tmp_path: Path) -> Remembered:
    """A memory that is empty."""
    return Remembered(tmp_path / "checkpoints")


def test_a_log_that_grows_is_followed(remembered: Remembered) -> None:
    """The first checkpoint is taken on trust, each later one extends it; the same again needs no proof."""
    log = Log("a", "b", "c")
    assert remembered.newest(ORIGIN, KEY.text()) is None
    for _ in range(2):
        assert remembered.accept(log.note(), KEY.text(), log.prove).size == 3
    assert log.asked == []
    for more in ("d", "e", "f", "g"):
        remembered.accept(log.add(more).note(), KEY.text(), log.prove)
    newest = remembered.newest(ORIGIN, KEY.text())
    assert newest == verify_checkpoint(log.note(), KEY.text())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Log("a", "b"), id="shorter"),
        pytest.param(Log("a", "b", "X"), id="of the same size"),
        pytest.param(Log("a", "b", "X", "d", "e"), id="longer"),
    ],
)
def test_another_history_is_named_and_kept(remembered: Remembered, other: Log) -> None:
    """Both notes lie there, each with its signature; what was remembered stays, whatever is shown later."""
    log = Log("a", "b", "c")
    remembered.accept(log.note(), KEY.text(), log.prove)
    for _ in range(2):
        with pytest.raises(LogForked, match="does not extend what it has signed") as caught:
            remembered.accept(other.note(), KEY.text(), other.prove)
    kept = sorted(remembered.folder.glob("*-*.note"))
    assert [each.read_text() for each in kept] == [log.note(), other.note()]
    assert all(str(each) in str(caught.value) for each in kept)
    newest = remembered.newest(ORIGIN, KEY.text())
    assert newest is not None
    assert newest.size == 3


def test_who_cannot_prove_it_now_has_not_forked(remembered: Remembered) -> None:
    """A log that is not reached, or whose proof is damaged on its way, is told as that, and no two notes are kept."""
    log = Log("a", "b", "c")
    remembered.accept(log.note(), KEY.text(), log.prove)
    log.add("d")

    def damaged(old: int, new: int) -> list[bytes]:
        raise VerificationError("tile/0/000 is not of the log")

    with pytest.raises(VerificationError, match="tile/0/000") as caught:
        remembered.accept(log.note(), KEY.text(), damaged)
    assert not isinstance(caught.value, LogForked)
    assert list(remembered.folder.glob("*-*.note")) == []


def test_what_was_followed_further_meanwhile_stays(remembered: Remembered) -> None:
    """Whoever has read a whole log keeps its checkpoint only where nobody has kept a newer one, nor another history."""
    log, keys = Log("a", "b"), KeySuccession.of(KEY.text())
    first = log.note()
    remembered.compare(keys.verify_checkpoint(first), first, keys, log.prove)
    assert remembered.newest(ORIGIN, KEY.text()) is None
    newer = log.add("c").note()
    remembered.keep(newer, keys, log.prove)
    remembered.keep(first, keys, log.prove)
    known = remembered.newest(ORIGIN, KEY.text())
    assert known is not None
    assert known.size == 3
    other = Log("a", "x", "c", "d")
    with pytest.raises(LogForked):
        remembered.keep(other.note(), keys, other.prove)


def test_what_the_key_has_not_signed_is_not_remembered(remembered: Remembered) -> None:
    """A forged note changes nothing, and neither does what a hand has put into the memory."""
    log = Log("a", "b", "c")
    forged = log.note().replace("\n3\n", "\n4\n")
    with pytest.raises(VerificationError):
        remembered.accept(forged, KEY.text(), log.prove)
    assert not remembered.folder.exists()
    remembered.accept(log.note(), KEY.text(), log.prove)
    (file,) = remembered.folder.glob("*.note")
    for content, why in ((forged.encode(), "signature"), (b"\xff", "not a checkpoint")):
        file.write_bytes(content)
        with pytest.raises(VerificationError, match=why):
            remembered.accept(log.note(), KEY.text(), log.prove)
