"""A mirror follows the keys of its log by what it reads, and cosigns nothing that an ended key has signed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from ringfence_verifier import VerificationError, cosigners, verify_checkpoint
from ringfence_verifier.key_succession import KEY_ENDED_KIND, KEY_KIND
from ringfence_verifier.mirror.store import Held
from ringfence_verifier.witness.keys import read_keys

from .mirrors import NAME, NOW, Log, following, made, opened
from .notes import ORIGIN, Signer, base64, leaf, tree_hash

OLD, NEW, STRANGER = (Signer(seed=bytes([number]) * 32) for number in (0, 1, 2))


@dataclass
class Turning(Log):
    """A log that changes its key."""

    signer: Signer = field(default_factory=lambda: OLD)
    by: tuple[Signer, ...] = (OLD,)

    def announce(self, previous: Signer = OLD, key: Signer = NEW) -> None:
        """From here on both sign."""
        size = len(self.leaves)
        self.leaves.append(leaf(KEY_KIND, size=size, vkey=key.vkey, previous=previous.vkey, until_ns=1, time_ns=1))
        self.by = (previous, key)
        self.grow(3)

    def end(self) -> None:
        """From here on the new one signs alone."""
        self.leaves.append(leaf(KEY_ENDED_KIND, size=len(self.leaves), vkey=OLD.vkey, time_ns=1))
        self.by = (NEW,)
        self.grow(3)

    def note(self, size: int | None = None, leaves: list[bytes] | None = None) -> str:
        """Signs by all that sign."""
        shown = (self.leaves if leaves is None else leaves)[:size]
        text = f"{ORIGIN}\n{len(shown)}\n{base64(tree_hash(shown))}\n"
        return f"{text}\n{''.join(each.line(text) for each in self.by)}"


@pytest.fixture
def log() -> Turning:
    """A log that has not changed its key yet."""
    made = Turning()
    made.grow(10)
    return made


def held(folder: Path, log: Log) -> Held:
    """What a mirror has cosigned."""
    found = opened(folder, log).store.cosigned(ORIGIN)
    assert found is not None
    return found


def test_a_mirror_that_knows_the_old_key_follows(tmp_path: Path, log: Turning) -> None:
    """Through the overlap and beyond, also when it starts again; what it serves has the lines of those that sign."""
    folder = made(tmp_path / "m")
    for turn, by in ((None, [OLD]), (log.announce, [OLD, NEW]), (log.end, [NEW]), (lambda: log.grow(5), [NEW])):
        if turn:
            turn()
        assert following(folder, log).step() == len(log.leaves)
        found = held(folder, log)
        assert found.note == log.note()
        checkpoints = [verify_checkpoint(found.note, signer.vkey) for signer in by]
        keys = tuple(key.public for key in read_keys(folder, NAME))
        assert cosigners(found.note + found.cosignatures, checkpoints[0], keys) == dict.fromkeys(keys, NOW)


def test_lines_of_nobody_are_not_served(tmp_path: Path, log: Turning) -> None:
    """Under the log's name or another's: what the entries do not name is left out of what is cosigned."""
    folder = made(tmp_path / "m")
    log.announce()
    true, log.by = log.note(), (OLD, STRANGER, Signer("witness.example/w"), NEW, OLD)
    assert following(folder, log).step() == len(log.leaves)
    assert held(folder, log).note == true


def test_what_an_ended_key_signs_is_named(tmp_path: Path, log: Turning) -> None:
    """Whether the mirror has read the end before or reads it now; and nothing of it is cosigned."""
    for read_before in (True, False):
        folder, turned = made(tmp_path / f"m{read_before}"), replace(log, leaves=list(log.leaves))
        mirror = following(folder, turned)
        size = mirror.step()
        for turn in (turned.announce, turned.end):
            turn()
            if read_before:
                size = mirror.step()
        turned.grow(2)
        turned.by = (OLD,)
        for again in (mirror, following(folder, turned)):
            with pytest.raises(VerificationError, match=r"has ended at .*somebody else may have that key"):
                again.step()
        assert held(folder, turned).size == size
        seen = mirror.copy.seen.of(ORIGIN)
        # Nor does it stand in the way of the true log, where it is known already that the key has ended.
        assert not read_before or (seen is not None and seen.size == size)


def test_a_checkpoint_lacks_no_key_that_is_announced(tmp_path: Path, log: Turning) -> None:
    """In the overlap one of two is not enough: by whichever it is signed."""
    for alone in (OLD, NEW):
        folder, turned = made(tmp_path / alone.key_id.hex()), replace(log, leaves=list(log.leaves))
        mirror = following(folder, turned)
        size = mirror.step()
        turned.announce()
        turned.by = (alone,)
        with pytest.raises(VerificationError, match="not signed by"):
            mirror.step()
        assert held(folder, turned).size == size


def test_a_log_of_other_keys_is_not_cosigned(tmp_path: Path, log: Turning) -> None:
    """Whose entries name none of those that the mirror was given."""
    folder = made(tmp_path / "m")
    log.announce(STRANGER)
    log.by = (OLD,)
    with pytest.raises(VerificationError, match="name other keys"):
        following(folder, log).step()


def test_the_same_size_is_cosigned_by_the_same_lines(tmp_path: Path, log: Turning) -> None:
    """However long the note is that asks again: with another signature more, or one less."""
    folder = made(tmp_path / "m")
    log.announce()
    copy = following(folder, log).copy
    copy.add(0, log.leaves)
    root = tree_hash(log.leaves)
    lines = copy.commit(Held(len(log.leaves), root, log.note()))
    for by in ((OLD,), (OLD, NEW, STRANGER)):
        log.by = by
        assert copy.commit(Held(len(log.leaves), root, log.note())) == lines
    assert [line.split(" ")[1] for line in lines.splitlines()] == [NAME] * len(lines.splitlines())
