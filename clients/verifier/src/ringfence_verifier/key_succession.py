"""A log's keys, as its own leaves say: from which size each signs, and up to which (docs/formats.md).

Whoever has one key of a log learns the next from a leaf (`audit.key.v1`) that stands under a checkpoint which the first
has signed; and from another (`audit.key_ended.v1`) that the first signs no longer. What a retired key has signed stays
good, up to its end. Somebody who has stolen a key before its end can show a log and a successor of his own to whoever
knows that key alone: memory, witnesses, and who has followed already find that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ringfence_verifier.errors import VerificationError
from ringfence_verifier.leaf import Fact
from ringfence_verifier.note import Checkpoint, VerifierKey, signature_lines, verify_checkpoint

KEY_KIND, KEY_ENDED_KIND = "audit.key.v1", "audit.key_ended.v1"


@dataclass(frozen=True)
class LogKey:
    """A key of a log, as a vkey, and which checkpoints it has to have signed.

    Those of `first` leaves and more, and of no more than `last`: None while it has not ended.
    """

    vkey: str
    first: int = 0
    last: int | None = None

    @property
    def parsed(self) -> VerifierKey:
        """The key."""
        return VerifierKey.parse(self.vkey)


@dataclass(frozen=True)
class KeySuccession:
    """Keys of one log that followed one another, the oldest that is known first."""

    keys: tuple[LogKey, ...]

    @classmethod
    def of(cls, vkey: str) -> KeySuccession:
        """Begins with a key that its caller brings; raises VerificationError where it is none."""
        return cls((LogKey(VerifierKey.parse(vkey).text()),))

    @classmethod
    def restored(cls, saved: str) -> KeySuccession:
        """Reads what `saved` gave; raises VerificationError where it is something else."""
        try:
            keys = tuple(
                LogKey(str(vkey), int(first), None if last is None else int(last))
                for vkey, first, last in json.loads(saved)
            )
            names = {key.parsed.name for key in keys}
        except (ValueError, TypeError, RecursionError) as error:
            raise VerificationError("keys that a log was followed to are saved in no form that is known") from error
        if len(names) != 1:
            raise VerificationError("keys that were saved are of no log, or of several")
        return cls(keys)

    def saved(self) -> str:
        """Gives the keys as JSON, one line: for each its vkey, from which size it signs and up to which."""
        return f"{json.dumps([(key.vkey, key.first, key.last) for key in self.keys])}\n"

    @property
    def newest(self) -> str:
        """The vkey that was announced last."""
        return self.keys[-1].vkey

    def verify_checkpoint(self, note: str, *, origin: str | None = None) -> Checkpoint:
        """Checks that a checkpoint is signed by each key that has to have signed one of its size.

        One of these keys alone is not enough where another was announced since, and none signs beyond its end. The
        origin is the keys' name unless another is given. Raises VerificationError, and says so.
        """
        _, lines = signature_lines(note)
        signed = {(name, key_id) for name, key_id, _ in lines}
        by = [key for key in self.keys if (key.parsed.name, key.parsed.key_id) in signed]
        if not by:
            return verify_checkpoint(note, self.newest, origin=origin)
        # Any of them shows what is signed; who has to have signed that is another question.
        checkpoint = verify_checkpoint(note, by[-1].vkey, origin=origin)
        if by[-1].first > checkpoint.size:
            raise VerificationError(f"{_named(by[-1])} has signed {checkpoint.size} leaves before it was announced")
        for key in self.keys:
            is_its = key.first <= checkpoint.size and (key.last is None or checkpoint.size <= key.last)
            if is_its and key in by:
                verify_checkpoint(note, key.vkey, origin=origin)
            elif is_its:
                raise VerificationError(self._missing(key, by[-1], checkpoint.size))
        return checkpoint

    @staticmethod
    def _missing(key: LogKey, by: LogKey, size: int) -> str:
        if by.last is not None and size > by.last:
            return (
                f"the checkpoint of {size} leaves is signed by {_named(by)}, which has ended at {by.last}: "
                "somebody else may have that key"
            )
        return f"the checkpoint of {size} leaves is not signed by {_named(key)}, which was announced before"

    def announced(self, fact: Fact, index: int) -> KeySuccession:
        """Takes in the leaf that announces a key; raises VerificationError where it does not follow the newest."""
        if fact.integer("size") != index:
            raise VerificationError("the leaf that announces a key is of another place")
        newest, key = VerifierKey.parse(self.newest), VerifierKey.parse(fact.text("vkey"))
        if fact.text("previous") != self.newest:
            raise VerificationError("a key is announced that does not follow the newest one")
        if len(self.keys) > 1 and self.keys[-2].last is None:
            raise VerificationError("a key is announced while two sign")
        if key.name != newest.name or key.public_key in {each.parsed.public_key for each in self.keys}:
            raise VerificationError("a key is announced that is of another log, or was one of this log before")
        return KeySuccession((*self.keys, LogKey(key.text(), index + 1)))

    def ended(self, fact: Fact, index: int) -> KeySuccession:
        """Takes in the leaf that ends a key; raises VerificationError where that is not the one before the newest."""
        if fact.integer("size") != index:
            raise VerificationError("the leaf that ends a key is of another place")
        if len(self.keys) < 2 or self.keys[-2].last is not None or self.keys[-2].vkey != fact.text("vkey"):
            raise VerificationError("a key ends that is not the one before the newest, or has ended")
        return KeySuccession((*self.keys[:-2], replace(self.keys[-2], last=index), self.keys[-1]))


def verify_signed(note: str, key: str | KeySuccession, *, origin: str | None = None) -> Checkpoint:
    """Checks a checkpoint by the one key that is known, a vkey, or by all that a log was followed to.

    With one alone, a note that its thief has signed beyond its end is as good as any. Raises VerificationError.
    """
    if isinstance(key, str):
        return verify_checkpoint(note, key, origin=origin)
    return key.verify_checkpoint(note, origin=origin)


def _named(key: LogKey) -> str:
    return f"{key.parsed.name}+{key.parsed.key_id.hex()}"
