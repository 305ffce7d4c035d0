"""The log's history as one reader follows it: checkpoints that extend those that were seen, and keys that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from secrets import token_bytes
from threading import RLock

from ringfence_console import ports
from ringfence_verifier import (
    Checkpoint,
    KeySuccession,
    LogState,
    Policy,
    VerificationError,
    VerifierKey,
    verify_state,
)

from ringfence.audit import Audit, StatedCheckpoint
from ringfence.remembered import Remembered

_ID_BYTES = 16


@dataclass(frozen=True)
class Stated:
    """The newest checkpoint, what the log said that it knew, which a reader of a part is not told, and what was seen
    before."""

    note: str
    checkpoint: Checkpoint
    state: LogState | None
    before: Checkpoint | None


@dataclass(frozen=True)
class History:
    """What is remembered of a log, and gone on from. Thread-safe; raises VerificationError where it does not hold."""

    audit: Audit
    vkey: str
    remembered: Remembered
    given: Policy | None = None
    """The policy that its reader has given, if any."""
    # A checkpoint that was asked for before a newer one was remembered would look like a log that has shrunk.
    _alone: RLock = field(default_factory=RLock)
    _looks: bytes = field(default_factory=lambda: token_bytes(_ID_BYTES), repr=False)

    def looking(self, view: ports.View) -> Audit:
        """Gives the log as it is asked for a view: the same view again is the same look, so that it is a refresh.

        Its id says nothing to whoever sees it.
        """
        told = "\0".join((view.page, view.subject, view.options)).encode()
        return self.audit.looking(view.page, blake2b(told, digest_size=_ID_BYTES, key=self._looks).digest())

    @property
    def origin(self) -> str:
        """The name of the log, as its key has it."""
        return VerifierKey.parse(self.vkey).name

    @property
    def policy(self) -> Policy | None:
        """What is demanded of each checkpoint: the policy that is given, or else the one that was kept by now."""
        return self.remembered.demanded(self.origin, self.given)

    @property
    def size(self) -> int:
        """The size that is remembered, 0 on a first visit."""
        known = self.remembered.newest(self.origin, self.vkey)
        return known.size if known else 0

    def keys(self) -> KeySuccession:
        """Gives the keys that the log was followed to."""
        return self.remembered.keys(self.origin, self.vkey)

    def follow(self) -> Checkpoint:
        """Takes the newest checkpoint, so that what is proven next stands in a log that goes on from it."""
        with self._alone:
            return self.audit.verified_checkpoint(self.vkey, self.remembered, self.policy)

    def stated(self) -> Stated:
        """Takes the newest checkpoint, with what the log knew."""
        with self._alone:
            known = self.remembered.newest(self.origin, self.vkey)
            got = self.audit.stated_checkpoint()
            prove, receipts = self.audit.consistency_proof, got.key_receipts
            checkpoint = self.remembered.accept(got.note, self.vkey, prove, receipts, policy=self.policy)
            return Stated(got.note, checkpoint, self._state(got, checkpoint), known)

    def accept(self, note: str, least: int = 0) -> Checkpoint:
        """Takes a checkpoint that came with an answer: it extends what is remembered, or that extends it.

        Below `least`, which was remembered when the view began, it would hide what the log has signed.
        """
        policy = self.policy
        with self._alone:
            try:
                shown = self.keys().verify_checkpoint(note)
            except VerificationError:
                self.follow()  # the log may have changed its key since
                shown = self.keys().verify_checkpoint(note)
            if shown.size < least:
                raise VerificationError(f"the log has answered from its first {shown.size} facts, and signed {least}")
            known = self.remembered.newest(self.origin, self.vkey)
            if known is None or known.size <= shown.size:
                return self.remembered.accept(note, self.vkey, self.audit.consistency_proof, policy=policy)
            if policy is not None:
                policy.verify(note, self.keys())
            self.audit.require_extends(shown, known)
            return shown

    def seal(self, note: str, checkpoint: Checkpoint, time_ns: int | None = None) -> ports.Seal:
        """Gives what is shown at the foot of a page of facts under a checkpoint that was accepted."""
        policy = self.policy
        cosigned = None if policy is None else len(policy.verify(note, self.keys())[1])
        return ports.Seal(checkpoint.origin, checkpoint.size, checkpoint.root, time_ns, cosigned, is_proven=True)

    def shown_keys(self) -> list[ports.Key]:
        """Gives the keys for a browser to check by."""
        return [ports.Key(each.vkey, each.first, each.last) for each in self.keys().keys]

    def witnesses(self, note: str) -> list[ports.Witness]:
        """Gives those of the reader's policy, and when they cosigned a checkpoint."""
        policy = self.policy
        if policy is None:
            return []
        seen = policy.verify(note, self.keys())[1]
        return [
            ports.Witness(name.decode(errors="replace"), seen[name] * 10**9 if name in seen else None)
            for name in policy.witnesses
        ]

    def _state(self, stated: StatedCheckpoint, checkpoint: Checkpoint) -> LogState | None:
        if not stated.state_receipt:
            return None
        under, state = verify_state(stated.state_receipt, self.keys().newest)
        if (under.size, under.root) != (checkpoint.size, checkpoint.root):
            raise VerificationError("what the log says that it knew is of another checkpoint")
        return state
