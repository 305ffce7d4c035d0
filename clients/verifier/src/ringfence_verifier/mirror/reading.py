"""All that a log says, read entry by entry: chains, states, and the index computed again."""

from __future__ import annotations

from hashlib import sha256

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession
from ringfence_verifier.log import LogAudit, LogSummary
from ringfence_verifier.mirror.store import Store
from ringfence_verifier.note import Checkpoint

SAVE_EVERY = 65_536
"""Entries after which what was read is saved: about two seconds of reading are lost by a crash."""


class LogLies(VerificationError):
    """The entries are the log's, and contradict one another, or what it states of them."""


class Overtaken(Exception):
    """More was read, or a larger checkpoint cosigned, already."""


class Reading:
    """Reads a log that a mirror holds, up to checkpoints; what was read before a restart is not read again."""

    def __init__(self, store: Store, origin: str) -> None:
        """Goes on from what was saved, from the beginning where that is damaged."""
        self._store, self._origin = store, origin
        self._begin()
        saved = store.progress(origin)
        if saved is not None and sha256(saved[2]).digest() == saved[1]:
            try:
                self._log, self._saved_at = LogAudit.restored(saved[2].decode()), saved[0]
            except VerificationError:  # of another release: what is held is read anew
                self._begin()

    @property
    def size(self) -> int:
        """How many entries were read."""
        return self._log.size

    @property
    def keys(self) -> KeySuccession | None:
        """The log's keys as its entries name them; None where they name none."""
        return self._log.keys

    def read_up_to(self, checkpoint: Checkpoint) -> LogSummary:
        """Reads what the mirror holds up to a checkpoint, and compares all of it.

        Raises LogLies, MirrorDamaged, and Overtaken where more was read already.
        """
        if checkpoint.size < self.size:
            raise Overtaken
        resumed = self._saved_at > 0
        try:
            summary = self._read(checkpoint)
        except LogLies:
            if not resumed:
                raise
            # A source may go back behind what is saved, and then the whole has to be read.
            self._begin()
            summary = self._read(checkpoint)
        if self.size - self._saved_at >= SAVE_EVERY:
            self.save()
        return summary

    def save(self) -> None:
        """Saves what was read, after a checkpoint."""
        if self.size > self._saved_at:
            saved = self._log.saved().encode()
            self._store.save_progress(self._origin, self.size, sha256(saved).digest(), saved)
            self._saved_at = self.size

    def _begin(self) -> None:
        self._log, self._saved_at = LogAudit(), 0

    def _read(self, checkpoint: Checkpoint) -> LogSummary:
        start = self.size
        try:
            for entry in self._store.leaves(self._origin, start, checkpoint.size):
                try:
                    self._log.add(entry)
                except VerificationError as error:
                    raise LogLies(str(error)) from error
            try:
                return self._log.finish(checkpoint)
            except VerificationError as error:
                raise LogLies(str(error)) from error
        except BaseException:
            # Half of what lies between two checkpoints is no place to go on from.
            self._begin()
            raise
