"""The newest checkpoint of a log that was ever verified here: each later one has to extend it, and it has to be shown.

Whoever looks once sees a log that agrees with itself. A log whose database was put back, or that shows others another
history, is found by who remembers.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ringfence_verifier import (
    Checkpoint,
    KeySuccession,
    LogAudit,
    Policy,
    Predecessor,
    VerificationError,
    VerifierKey,
    verify_checkpoint,
    verify_consistency,
    verify_key_succession,
)

Prove = Callable[[int, int], list[bytes]]
"""Asks the log for the proof that a size extends a smaller one."""


class LogForked(VerificationError):
    """A log does not extend what it has signed before. Both checkpoints are kept, whoever doubts it can check them.

    `notes` are these, as they were signed: the one that was remembered, and the one that was shown.
    """

    def __init__(self, text: str, notes: tuple[str, str] = ("", "")) -> None:
        super().__init__(text)
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Remembered:
    """Keeps per log in a folder a checkpoint, its keys, the policy demanded, what was read, and each fork for ever."""

    folder: Path

    def newest(self, origin: str, vkey: str) -> Checkpoint | None:
        """Returns what is remembered of a log; raises VerificationError where that was not signed by its key."""
        return self._newest(origin, self.keys(origin, vkey))

    def keys(self, origin: str, vkey: str) -> KeySuccession:
        """Returns the keys that a log was followed to, or else the one that is given alone.

        Raises VerificationError where what was kept is damaged.
        """
        file = self.keys_file(origin)
        if not file.is_file():
            return KeySuccession.of(vkey)
        try:
            keys = KeySuccession.restored(file.read_text(encoding="utf-8"))
            if keys.keys[0].parsed.name != origin:
                raise VerificationError("keys of another log")
        except (UnicodeDecodeError, VerificationError) as error:
            raise VerificationError(f"{file} holds no keys that were remembered ({error})") from None
        return keys

    def accept(
        self,
        note: str,
        vkey: str,
        prove: Prove,
        key_receipts: Sequence[str] = (),
        *,
        policy: Policy | None = None,
    ) -> Checkpoint:
        """Returns a checkpoint that extends the one that is remembered, and remembers it.

        The log's keys are followed by the receipts that it gives of them, from those that are remembered; their
        checkpoints, as the remembered one, are believed as what this one extends. Raises VerificationError where it is
        not signed by the keys that have to, the given one is none of the log's, or it lacks the quorum of the policy,
        which is the one that was kept where none is given, LogForked where it does not extend what the log had signed,
        as when it is shorter, and what `prove` raises, as it is.
        """
        origin = VerifierKey.parse(vkey).name
        demanded = self.demanded(origin, policy)
        keys, relied = verify_key_succession(key_receipts, self.keys(origin, vkey))
        require_among(keys, vkey)
        shown = keys.verify_checkpoint(note)
        if demanded is not None:
            demanded.verify(note, keys)
        with self._alone():
            for each in relied:
                self._require_extends(keys.verify_checkpoint(each), shown, (each, note), prove)
            known = self._newest(origin, keys)
            if known is not None:
                self._require_extends(known, shown, (self._known_note(origin), note), prove)
            # The keys first: without them the checkpoint could not be read again.
            self.keep_keys(origin, keys)
            self._write(self._file(origin), note)
        return shown

    def compare(self, shown: Checkpoint, note: str, keys: KeySuccession, prove: Prove) -> None:
        """Demands that a checkpoint extends the one that is remembered, by keys, and remembers nothing.

        Raises as `accept`.
        """
        with self._alone():
            known = self._newest(shown.origin, keys)
            if known is not None:
                self._require_extends(known, shown, (self._known_note(shown.origin), note), prove)

    def keep(self, note: str, keys: KeySuccession, prove: Prove) -> None:
        """Remembers a checkpoint that `compare` let pass, and its keys, now that everything below it was read.

        What another process has followed further meanwhile stays. Raises as `accept`.
        """
        shown = keys.verify_checkpoint(note)
        with self._alone():
            self.keep_keys(shown.origin, keys)
            known = self._newest(shown.origin, self.keys(shown.origin, keys.newest))
            if known is not None and known.size > shown.size:
                return
            if known is not None:
                self._require_extends(known, shown, (self._known_note(shown.origin), note), prove)
            self._write(self._file(shown.origin), note)

    def _newest(self, origin: str, keys: KeySuccession) -> Checkpoint | None:
        file = self._file(origin)
        if not file.is_file():
            return None
        try:
            note = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise VerificationError(f"{file} is not a checkpoint that was remembered") from None
        return keys.verify_checkpoint(note)

    def keep_keys(self, origin: str, keys: KeySuccession) -> None:
        """Keeps the keys of a log unless another process has followed the log further meanwhile."""
        kept = self.keys(origin, keys.newest)
        if _reach(kept) <= _reach(keys):
            self._write(self.keys_file(origin), keys.saved())

    def require_owned(self, predecessor: Predecessor, vkey: str) -> None:
        """Compares what a log commits to as the end of another, signed by `vkey`, with what is remembered of that one.

        Raises VerificationError where it is not what was signed, and LogForked where more, or another root, was.
        """
        end = verified_end(predecessor, vkey)
        known = self.newest(end.origin, vkey)
        if known is not None and (known.size > end.size or (known.size == end.size and known.root != end.root)):
            raise LogForked(
                f"{end.origin} is succeeded as if it had ended at {end.size}; it has signed {known.size}: "
                f"{self._file(end.origin)}",
                (self._known_note(end.origin), predecessor.note),
            )

    def reading(self, origin: str) -> LogAudit:
        """Returns what was read of a log, to be gone on from; nothing where nothing was kept.

        Raises VerificationError where what was kept is damaged.
        """
        file = self._reading(origin)
        try:
            return LogAudit.restored(file.read_text(encoding="utf-8")) if file.is_file() else LogAudit()
        except (VerificationError, UnicodeDecodeError) as error:
            raise VerificationError(f"{file} cannot be gone on from ({error}): read the whole log") from None

    def keep_reading(self, origin: str, audit: LogAudit) -> None:
        """Keeps what was read of a log, all of which a checkpoint has borne out."""
        self._write(self._reading(origin), audit.saved())

    def survey(self, origin: str) -> bytes:
        """Returns what the console has kept of a log's facts; empty where nothing was."""
        file = self._survey(origin)
        return file.read_bytes() if file.is_file() else b""

    def keep_survey(self, origin: str, content: bytes) -> None:
        """Keeps what a log's facts come to, all of which a checkpoint has borne out."""
        self._write(self._survey(origin), content)

    def policy(self, origin: str) -> Policy | None:
        """Returns the policy that was demanded of a log last, if any; raises VerificationError where it is damaged."""
        file = self._policy(origin)
        try:
            return Policy.parse(file.read_bytes()) if file.is_file() else None
        except VerificationError as error:
            raise VerificationError(f"{file} holds no policy that was remembered ({error})") from None

    def demanded(self, origin: str, given: Policy | None) -> Policy | None:
        """Returns the policy that is given, or else the one that was kept; raises as `policy`."""
        return given if given is not None else self.policy(origin)

    def keep_policy(self, origin: str, content: bytes) -> None:
        """Has a policy be demanded of a log from here on."""
        self._write(self._policy(origin), content)

    def _require_extends(self, known: Checkpoint, shown: Checkpoint, notes: tuple[str, str], prove: Prove) -> None:
        # Who cannot be asked, or shows a damaged proof, has not forked: that is raised as it is.
        path = prove(known.size, shown.size) if 0 < known.size < shown.size else []
        try:
            if shown.size < known.size:
                raise VerificationError(f"it ends at {shown.size}, and has signed {known.size}")
            verify_consistency(known.size, known.root, shown.size, shown.root, path)
        except VerificationError as error:
            name = f"{_name(shown.origin)}-{known.size}-{shown.size}-{shown.root.hex()[:16]}"
            files = [self.folder / f"{name}-{which}.note" for which in ("remembered", "shown")]
            for file, text in zip(files, notes, strict=True):
                self._write(file, text)
            evidence = " and ".join(map(str, files))
            raise LogForked(f"{shown.origin} does not extend what it has signed: {error}; {evidence}", notes) from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Has one process at a time compare and replace."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _reading(self, origin: str) -> Path:
        return self.folder / f"{_name(origin)}.reading"

    def _survey(self, origin: str) -> Path:
        return self.folder / f"{_name(origin)}.survey"

    def _policy(self, origin: str) -> Path:
        return self.folder / f"{_name(origin)}.policy"

    def _file(self, origin: str) -> Path:
        return self.folder / f"{_name(origin)}.note"

    def _known_note(self, origin: str) -> str:
        return self._file(origin).read_text(encoding="utf-8")

    def keys_file(self, origin: str) -> Path:
        """Returns where the keys of a log are kept that it was followed to."""
        return self.folder / f"{_name(origin)}.keys"

    def _write(self, file: Path, content: str | bytes) -> None:
        """Puts a file in place whole, or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        hidden = file.with_name(f".{file.name}.{os.getpid()}")
        with hidden.open("wb") as written:
            written.write(content.encode() if isinstance(content, str) else content)
            written.flush()
            os.fsync(written.fileno())
        hidden.replace(file)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def require_among(keys: KeySuccession, vkey: str) -> None:
    """Raises VerificationError where a key is none of those that a log was followed to."""
    if VerifierKey.parse(vkey).text() not in {each.vkey for each in keys.keys}:
        raise VerificationError("the key that is given is none of those that the log was followed to")


def verified_end(predecessor: Predecessor, vkey: str) -> Checkpoint:
    """Returns the checkpoint, signed by `vkey`, that a log commits to as the end of another.

    Raises VerificationError where it is not what was signed.
    """
    end = verify_checkpoint(predecessor.note, vkey)
    if (end.origin, end.size, end.root) != (predecessor.origin, predecessor.size, predecessor.root):
        raise VerificationError("the log that is succeeded has not signed what is said of it")
    return end


def _reach(keys: KeySuccession) -> tuple[int, int]:
    """Returns how far a log's keys were followed."""
    return len(keys.keys), sum(key.last is not None for key in keys.keys)


def _name(origin: str) -> str:
    """Returns what a log is filed under: its origin may hold what no file name can."""
    return sha256(origin.encode()).hexdigest()[:32]
