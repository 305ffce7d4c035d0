"""A mirror that follows a log: it holds all of it, believes nothing unproven, and cosigns what it has read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from ringfence_verifier import VerificationError, cosigners, verify_checkpoint
from ringfence_verifier.mirror.pulling import LogForked, SourceAway, follow
from ringfence_verifier.mirror.reading import LogLies
from ringfence_verifier.mirror.store import FILE, MirrorDamaged, split
from ringfence_verifier.tiles import widths
from ringfence_verifier.witness.keys import read_keys

from .mirrors import NAME, NOW, Log, following, made, opened
from .notes import tree_hash


def grown(*sizes: int) -> Log:
    """A log with a checkpoint after so many events each."""
    log = Log()
    for events in sizes:
        log.grow(events)
    return log


def cosigned(folder: Path, log: Log) -> int:
    """Gives the size that a mirror says it holds, after its note was verified by its public keys."""
    held = opened(folder, log).store.cosigned(log.signer.name)
    if held is None:
        return 0
    checkpoint = verify_checkpoint(held.note, log.signer.vkey)
    keys = tuple(key.public for key in read_keys(folder, NAME))
    assert cosigners(held.note, checkpoint, keys) == dict.fromkeys(keys, NOW)
    assert checkpoint.root == tree_hash(log.leaves[: checkpoint.size])
    return checkpoint.size


def test_it_follows_a_log_that_grows(tmp_path: Path) -> None:
    """Over full tiles and partial ones, with restarts between, until it holds every entry; what is there stays."""
    folder, log = made(tmp_path / "m"), Log()
    for events in (1, 3, 120, 1, 140, 200, 400):
        size = log.grow(events, index_size=len(log.leaves) // 2)
        mirror = following(folder, log)
        assert mirror.step() == size == cosigned(folder, log)
        assert mirror.step() == size  # and nothing is new
        mirror.copy.close()
    store = opened(folder, log).store
    assert list(store.leaves(log.signer.name, 0, size)) == log.leaves
    for level in range(2):
        for number, width in widths(size >> 8 * level):
            path = f"tile/{level}/{number:03d}" + (f".p/{width}" if width < 256 else "")
            assert store.hashes(log.signer.name, level, number, width) == log.get(path)
    assert list(split(store.bundle(log.signer.name, 3, 17))) == log.leaves[768:785]


def test_a_tile_that_was_changed_is_not_served(tmp_path: Path) -> None:
    """A full one is compared with the hash above it each time, long after the process began."""
    folder, log = made(tmp_path / "m"), grown(300)
    mirror = following(folder, log)
    mirror.step()
    store, name = mirror.copy.store, log.signer.name
    assert store.tile(name, 0, 1, 256) == log.get("tile/0/001")
    connection = sqlite3.connect(folder / "mirror.sqlite")
    connection.execute("UPDATE bundles SET hashes = zeroblob(length(hashes)) WHERE number = 1")
    connection.commit()
    connection.close()
    with pytest.raises(MirrorDamaged, match="is not what was written"):
        store.tile(name, 0, 1, 256)


def test_it_asks_for_what_it_does_not_have_alone(tmp_path: Path) -> None:
    """Entries that are there are not fetched again, and a log that stands still costs a checkpoint and its edge."""
    folder, log = made(tmp_path / "m"), grown(300)
    mirror = following(folder, log)
    mirror.step()
    mirror.source.asked.clear()  # type: ignore[attr-defined]
    mirror.step()
    assert not [each for each in mirror.source.asked if "entries" in each]  # type: ignore[attr-defined]
    log.grow(10)
    mirror.step()
    fetched = [each for each in mirror.source.asked if "entries" in each]  # type: ignore[attr-defined]
    assert fetched == ["tile/entries/002.p/112"]


ENTRIES, TILE = "tile/entries/001", "tile/0/001"


def entries_of(content: bytes) -> list[bytes]:
    """Reads a bundle."""
    return list(split(content))


def bundle(entries: Sequence[bytes]) -> bytes:
    """Writes one."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in entries)


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        (ENTRIES, lambda content: bundle(entries_of(content)[:-1]), "entry 511 "),
        (ENTRIES, lambda content: bundle([*entries_of(content)[:7], *entries_of(content)[8:]]), "entry 263 "),
        (ENTRIES, lambda content: bundle([b"x", *entries_of(content)]), "entry 256 "),
        (ENTRIES, lambda content: bundle(sorted(entries_of(content))), "entry "),
        (ENTRIES, lambda content: content[:3000] + bytes([content[3000] ^ 1]) + content[3001:], "entry "),
        (ENTRIES, lambda content: content[:-1], "cut short"),
        (ENTRIES, lambda content: b"", "entry 256 "),
        (TILE, lambda content: content[:32] + bytes(32) + content[64:], "tile/0/001 is not of the log"),
        (TILE, lambda content: content[:-32], "shorter"),
        ("tile/0/002", lambda content: bytes(32) + content[32:], "right edge"),
        ("tile/1/000", lambda content: content[32:64] + content[:32] + content[64:], "right edge"),
        ("checkpoint", lambda content: content.replace(b"\n6", b"\n7", 1), "signature"),
        ("checkpoint", lambda content: content + b"\xff", "no text"),
    ],
)
def test_what_is_changed_on_the_way_is_named(tmp_path: Path, path: str, change: object, said: str) -> None:
    """Omitted, added, reordered, flipped, cut short: nothing of it is kept, and the truth is taken afterwards."""
    folder, log = made(tmp_path / "m"), grown(300)

    def lie(asked: str, content: bytes) -> bytes:
        return change(content) if asked.startswith(path) else content  # type: ignore[operator,no-any-return]

    with pytest.raises((VerificationError, SourceAway), match=said):
        following(folder, log, lie).step()
    assert cosigned(folder, log) == 0
    assert opened(folder, log).held <= 256
    assert following(folder, log).step() == len(log.leaves) == cosigned(folder, log)


@pytest.mark.parametrize("later", [0, 5, 300])
def test_another_history_is_named_and_both_notes_are_kept(tmp_path: Path, later: int) -> None:
    """Of the same size, a little larger, or much; and the mirror stays with what it has."""
    folder, log = made(tmp_path / "m"), grown(300)
    size = following(folder, log).step()
    other = Log(signer=log.signer)
    other.page(*[2] * 299)
    other.leaves.append(b"another leaf")
    other.leaves.append(b"and another")
    other.state()
    if later:
        other.grow(later)
    other.leaves = other.leaves[: None if later else size]
    with pytest.raises(LogForked, match=f"size {size}"):
        following(folder, other).step()
    written = sorted(each.name for each in folder.glob("forked-*"))
    assert written == [f"forked-{size}-{len(other.leaves)}.{which}" for which in ("seen", "shown")]
    for name in written:
        verify_checkpoint((folder / name).read_text(), log.signer.vkey)
    assert cosigned(folder, log) == size


def test_a_shorter_log_is_taken_for_one_that_lags_or_for_another(tmp_path: Path) -> None:
    """By what the mirror holds itself."""
    folder, log = made(tmp_path / "m"), grown(100, 100)
    following(folder, log).step()
    lagging = following(folder, log)
    lagging.source.size = 202  # type: ignore[attr-defined]
    assert lagging.step() == 202
    other = Log(signer=log.signer)
    other.page(*[2] * 99)
    other.state()
    with pytest.raises(LogForked):
        following(folder, other).step()


def test_a_log_that_lies_of_its_sources_is_not_cosigned(tmp_path: Path) -> None:
    """Its entries are its own, and one of them says that there are more: that is kept, and nothing is signed."""
    folder, log = made(tmp_path / "m"), grown(10)
    size = following(folder, log).step()
    log.page(2, omitted=1)
    log.state()
    mirror = following(folder, log)
    said = list[str]()
    follow(mirror, 0.1, threading.Event(), said.append)
    assert "lacks leaves" in said[0]
    assert cosigned(folder, log) == size < opened(folder, log).held
    with pytest.raises(LogLies):
        following(folder, log).step()


@pytest.mark.parametrize(("index_size", "is_true"), [(300, True), (300, False), (602, True), (602, False)])
def test_the_index_is_computed_again(tmp_path: Path, index_size: int, is_true: bool) -> None:
    """At every state: a root that is not that of the leaves is a lie, however late it is told."""
    folder, log = made(tmp_path / "m"), grown(300)
    log.page(1)
    log.state(index_size, b"" if is_true else bytes(32))
    mirror = following(folder, log)
    if is_true:
        assert mirror.step() == len(log.leaves)
    else:
        with pytest.raises(LogLies, match=f"index over {index_size} leaves"):
            mirror.step()


def test_what_was_read_is_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a mirror that starts again; a state that is damaged is read anew, and what it led to is the same."""
    monkeypatch.setattr("ringfence_verifier.mirror.reading.SAVE_EVERY", 200)
    folder, log = made(tmp_path / "m"), grown(300)
    following(folder, log).step()
    assert opened(folder, log)._reading.size == 602
    log.grow(3, index_size=400)
    assert following(folder, log).step() == 610
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("UPDATE progress SET saved = substr(saved, 1, 100)")
    assert opened(folder, log)._reading.size == 0
    log.grow(300, index_size=610)
    assert following(folder, log).step() == len(log.leaves)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE bundles SET hashes = zeroblob(8192) WHERE number = 1", "tile/0/001 of"),
        ("UPDATE tiles SET hashes = zeroblob(64)", "lead to what was cosigned"),
        ("DELETE FROM bundles WHERE number = 2", "not held whole"),
        ("DELETE FROM bundles WHERE number = 0", "not held whole"),
        ("DELETE FROM tiles", "not held whole"),
        ("UPDATE cosigned SET root = zeroblob(32)", "lead to what was cosigned"),
    ],
)
def test_a_damaged_row_is_named_at_the_start(tmp_path: Path, statement: str, said: str) -> None:
    """Whatever of the tiles was changed, lost or put elsewhere."""
    folder, log = made(tmp_path / "m"), grown(300)
    following(folder, log).step()
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute(statement)
    with pytest.raises(MirrorDamaged, match=said):
        opened(folder, log)


@pytest.mark.parametrize("change", ["zeroblob(100)", "substr(entries, 1, 50)", "(SELECT entries FROM bundles)"])
def test_a_damaged_bundle_is_named_when_it_is_read(tmp_path: Path, change: str) -> None:
    """And by `check`, which reads all of them; it is never served."""
    folder, log = made(tmp_path / "m"), grown(300)
    following(folder, log).step()
    assert opened(folder, log).check() == 602
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute(f"UPDATE bundles SET entries = {change} WHERE number = 1")
    copy = opened(folder, log)
    with pytest.raises(MirrorDamaged, match=r"tile/entries/001 of log\.example"):
        copy.store.bundle(copy.origin, 1, 256)
    with pytest.raises(MirrorDamaged, match="tile/entries/001"):
        copy.check()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A page in its middle was overwritten."""
    folder, log = made(tmp_path / "m"), grown(300)
    following(folder, log).step()
    content = bytearray((folder / FILE).read_bytes())
    content[4096:20_480] = b"\xff" * 16_384
    (folder / FILE).write_bytes(content)
    with pytest.raises((MirrorDamaged, sqlite3.DatabaseError)):
        opened(folder, log)


def test_a_source_that_is_away_is_said_once(tmp_path: Path) -> None:
    """And followed again when it is back."""
    folder, log = made(tmp_path / "m"), grown(300)
    mirror = following(folder, log)
    source = mirror.source
    source.away = "tile/entries/002"  # type: ignore[attr-defined]
    with pytest.raises(SourceAway, match=r"tile/entries/002\.p/90: away"):
        mirror.step()
    assert cosigned(folder, log) == 0
    source.away = ""  # type: ignore[attr-defined]
    assert mirror.step() == 602


def test_entries_are_kept_with_their_tiles_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends it in the middle: eight bundles are one transaction."""
    folder, log = made(tmp_path / "m"), grown(300)

    def cut_off(hashes: bytes) -> bytes:
        raise OSError("the power is cut")

    with monkeypatch.context() as patched:
        patched.setattr("ringfence_verifier.mirror.store.fold", cut_off)
        with pytest.raises(OSError, match="power"):
            following(folder, log).step()
    assert opened(folder, log).held == 0
    assert following(folder, log).step() == 602
