"""Refusals of the log, in the order in which they are checked."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class TakenOverElsewhere(DomainError):
    """Another process has appended to the log meanwhile; the same page comes again."""

    reason = "TAKEN_OVER_ELSEWHERE"
    code = "ABORTED"


class CheckpointOutrun(DomainError):
    """Signing took longer than the log remembers the head that was signed; the next checkpoint is of a newer head."""

    reason = "CHECKPOINT_OUTRUN"
    code = "ABORTED"


class LogRolledBack(DomainError):
    """The log does not go on from what it has signed: its database was restored, or changed. It signs nothing."""

    reason = "LOG_ROLLED_BACK"
    code = "DATA_LOSS"


class AnchorMissing(DomainError):
    """There is no place for what the log signs: the keys were not set up for it, or somebody has taken it away."""

    reason = "ANCHOR_MISSING"
    code = "FAILED_PRECONDITION"


class WitnessesMissing(DomainError):
    """Too few witnesses have cosigned the checkpoint: it is not published, and the next one is tried with them."""

    reason = "WITNESSES_MISSING"
    code = "UNAVAILABLE"


class AnchorMoved(DomainError):
    """Another process has signed meanwhile; the next checkpoint is of what is known by then."""

    reason = "ANCHOR_MOVED"
    code = "ABORTED"


class LeafUnknown(DomainError):
    """The log has no leaf with this index."""

    reason = "LEAF_UNKNOWN"
    code = "NOT_FOUND"


class CheckpointPending(DomainError):
    """No signed checkpoint covers this yet: one comes every second, or once the signing key can be used again."""

    reason = "CHECKPOINT_PENDING"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class LogDamaged(DomainError):
    """A stored event, bundle or tile of the log is not what was committed: its bytes or its place were changed."""

    reason = "LOG_DAMAGED"
    code = "DATA_LOSS"
