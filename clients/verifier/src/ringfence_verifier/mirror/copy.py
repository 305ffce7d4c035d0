"""A mirror's copy of one log: up to which checkpoint entries are taken, which are there, what is cosigned of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.key_succession import KeySuccession
from ringfence_verifier.log import LogSummary
from ringfence_verifier.mirror.reading import LogLies, Overtaken, Reading
from ringfence_verifier.mirror.store import Held, MirrorDamaged, Store
from ringfence_verifier.note import (
    Checkpoint,
    VerifierKey,
    signature_line,
    signature_lines,
    verify_by_any,
)
from ringfence_verifier.witness.keys import CosigningKey
from ringfence_verifier.witness.seen import Seen


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
        self.log, self._keys, self._clock = log, keys, clock
        self._committing = threading.Lock()
        self._lie = ""
        held = store.cosigned(self.origin)
        if held is not None:
            if store.root(self.origin, held.size) != held.root:
                raise MirrorDamaged(f"the tiles of {self.origin} do not lead to what was cosigned at size {held.size}")
            store.check_tiles(self.origin, held.size)
        self._reading = Reading(store, self.origin)
        self._keys_known = self._reading.keys

    @property
    def held(self) -> int:
        """The index of the first entry that is not here."""
        return self.store.entries_held(self.origin)

    def verified(self, note: str) -> tuple[Checkpoint, str]:
        """Gives a checkpoint of the log, and its note with the log's own lines alone; raises VerificationError.

        Lines of keys that are not known yet stay in it, unverified: an entry under it may announce them. Once entries
        have named the log's keys, the newest has to have signed it: the end of one before it may be not read yet.
        """
        keys = self._keys_known
        followed = tuple(key.parsed for key in keys.keys) if keys else ()
        checkpoint, text, lines = verify_by_any(note, (*self.log, *followed), with_unknown=True)
        _, of = signature_lines(note)
        if keys is not None:
            newest = keys.keys[-1]
            is_signed = any((name, key_id) == (newest.parsed.name, newest.parsed.key_id) for name, key_id, _ in of)
            if checkpoint.size < newest.first or not is_signed:
                keys.verify_checkpoint(note)
        return checkpoint, f"{text}\n{''.join(lines)}"

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

        Raises LogLies where the log contradicts itself: nothing of it is cosigned any more. Raises VerificationError
        where the checkpoint lacks the signature of a key that the entries under it name, Overtaken, and MirrorDamaged.
        """
        with self._committing:
            if self._lie:
                raise LogLies(self._lie)
            before = self.store.cosigned(self.origin)
            if before is not None and before.size > pending.size:
                raise Overtaken
            if before is not None and before.size == pending.size:
                return before.cosignatures
            if self.store.root(self.origin, pending.size) != pending.root:
                raise MirrorDamaged(f"what is held of {self.origin} does not lead to its root at size {pending.size}")
            checkpoint, note = self.verified(pending.note)
            try:
                summary = self._reading.read_up_to(checkpoint)
            except LogLies as error:
                self._lie = str(error)
                raise
            text, note = self._signed(checkpoint, note, summary)
            seconds = int(self._clock())
            lines = "".join(key.line(text, checkpoint, seconds) for key in self._keys)
            self.store.cosign(self.origin, Held(checkpoint.size, checkpoint.root, note, lines))
            return lines

    def _signed(self, checkpoint: Checkpoint, note: str, summary: LogSummary) -> tuple[str, str]:
        """Gives the text of a note, and it with the lines of those keys that the entries under it say sign at its size.

        Follows the log to the keys that they name. Raises VerificationError where one of those has not signed it.
        """
        text, lines = signature_lines(note)
        own = {(key.name, key.key_id) for key in self.log}
        if summary.keys:
            keys = self._followed(summary)
            keys.verify_checkpoint(note)
            signing = [key for key in keys.keys if key.first <= checkpoint.size <= (key.last or checkpoint.size)]
            own = {(key.parsed.name, key.parsed.key_id) for key in signing}
            if keys != self._keys_known:
                # By the keys of before, what comes next could not be verified after a restart.
                self._reading.save()
                self._keys_known = keys
        kept = (signature_line(*each) for each in lines if each[:2] in own)
        return text, f"{text}\n{''.join(kept)}"

    def _followed(self, summary: LogSummary) -> KeySuccession:
        """Gives all keys that entries name; raises VerificationError where none of them was given to this mirror."""
        keys = KeySuccession(summary.keys)
        if {key.text() for key in self.log}.isdisjoint(each.vkey for each in keys.keys):
            raise VerificationError("the log's entries name other keys than those that are given")
        return keys

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
