"""Refusals of the audit service, in the order in which they are checked."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class LeafUnknown(DomainError):
    """The log has no leaf with this index."""

    reason = "LEAF_UNKNOWN"
    code = "NOT_FOUND"


class CheckpointPending(DomainError):
    """No signed checkpoint covers this yet: one comes every second, or once the signing key can be used again."""

    reason = "CHECKPOINT_PENDING"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class SearchBehind(DomainError):
    """The search index has not caught up with the latest checkpoint; an answer now could lack facts."""

    reason = "SEARCH_BEHIND"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class LogDamaged(DomainError):
    """A stored event of the log is not what was committed: its bytes or its place were changed."""

    reason = "LOG_DAMAGED"
    code = "DATA_LOSS"
