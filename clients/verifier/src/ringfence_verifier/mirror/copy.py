"""A mirror's copy of one log: up to which checkpoint entries are taken, which are there, what is cosigned of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.mirror.reading import LogLies, Reading
from ringfence_verifier.mirror.store import Held, MirrorDamaged, Store
from ringfence_verifier.note import Checkpoint, VerifierKey, signature_line, signature_lines, verify_checkpoint
from ringfence_verifier.witness.keys import CosigningKey
from ringfence_verifier.witness.seen import Seen


class Overtaken(Exception):
    """A larger checkpoint was cosigned already."""


class Copy:
    """One log as this mirror holds it. Its methods may be called from any thread."""

    def __init__(
        self,
        store: Store,
        seen: Seen,
        keys: Sequence[CosigningKey],
        log: Sequence[VerifierKey],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Compares what is held with what was cosigned; raises MirrorDamaged where it is not that."""
        self.origin, self.store, self.seen = log[0].name, store, seen
        self.sha256 = sha256(self.origin.encode()).hexdigest()
        self._keys, self._log, self._clock = keys, log, clock
        self._committing = threading.Lock()
        self._lie = ""
        held = store.cosigned(self.origin)
        if held is not None:
            if store.root(self.origin, held.size) != held.root:
                raise MirrorDamaged(f"the tiles of {self.origin} do not lead to what was cosigned at size {held.size}")
            store.check_tiles(self.origin, held.size)
        self._reading = Reading(store, self.origin)

    @property
    def held(self) -> int:
        """The index of the first entry that is not here."""
        return self.store.entries_held(self.origin)

    def verified(self, note: str) -> tuple[Checkpoint, str]:
        """Gives a checkpoint of the log, and its note with the log's own signature alone; raises VerificationError."""
        failures = []
        for key in self._log:
            try:
                checkpoint = verify_checkpoint(note, key.text())
            except VerificationError as error:
                failures.append(str(error))
                continue
            text, lines = signature_lines(note)
            signature = next(each for *of, each in lines if of == [key.name, key.key_id])
            return checkpoint, f"{text}\n{signature_line(key.name, key.key_id, signature)}"
        raise VerificationError("; ".join(failures))

    def pending(self) -> dict[int, Held]:
        """Gives the checkpoints up to which entries are taken, by size, the largest last."""
        pending, newest = self.store.pending(self.origin), self.seen.of(self.origin)
        if newest is not None:
            pending[newest.size] = Held(newest.size, newest.root, newest.note)
        return dict(sorted(pending.items()))

    def remember_pending(self) -> None:
        """Keeps the checkpoint seen last among those up to which entries are taken."""
        newest = self.seen.of(self.origin)
        if newest is not None:
            self.store.pend(self.origin, Held(newest.size, newest.root, newest.note))

    def add(self, first: int, entries: Sequence[bytes]) -> int:
        """Takes entries that were proven to be the log's; gives the index of the next. Raises VerificationError."""
        return self.store.append(self.origin, first, entries)

    def commit(self, pending: Held) -> str:
        """Reads all entries under a checkpoint, and cosigns it; gives the lines, which are durable then.

        Raises LogLies where the log contradicts itself: nothing of it is cosigned any more. Raises Overtaken, and
        MirrorDamaged.
        """
        with self._committing:
            if self._lie:
                raise LogLies(self._lie)
            before = self.store.cosigned(self.origin)
            if before is not None and before.size > pending.size:
                raise Overtaken
            if before is not None and before.size == pending.size:
                return before.note[len(pending.note) :]
            if self.store.root(self.origin, pending.size) != pending.root:
                raise MirrorDamaged(f"what is held of {self.origin} does not lead to its root at size {pending.size}")
            checkpoint, note = self.verified(pending.note)
            try:
                self._reading.read_up_to(checkpoint)
            except LogLies as error:
                self._lie = str(error)
                raise
            text, _ = signature_lines(note)
            seconds = int(self._clock())
            lines = "".join(key.line(text, checkpoint, seconds) for key in self._keys)
            self.store.cosign(self.origin, Held(checkpoint.size, checkpoint.root, note + lines))
            return lines

    def close(self) -> None:
        """Saves what was read."""
        with self._committing:
            self._reading.save()

    def check(self) -> int:
        """Compares every entry and tile under the cosigned checkpoint again; gives how many entries there are.

        Raises MirrorDamaged at the first that is another.
        """
        held = self.store.cosigned(self.origin)
        if held is None:
            return 0
        self.store.check_tiles(self.origin, held.size)
        return sum(1 for _ in self.store.leaves(self.origin, 0, held.size))
