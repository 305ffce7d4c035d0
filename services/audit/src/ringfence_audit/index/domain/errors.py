"""Refusals of a search."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class SearchBehind(DomainError):
    """The search index has not caught up with the latest checkpoint; an answer now could lack facts."""

    reason = "SEARCH_BEHIND"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class IndexDamaged(DomainError):
    """A stored part of the search index is not what was written; nothing is answered from it.

    `first_leaf` and `leaves` name the range, `chunk` the part of its run where one is to blame.
    """

    reason = "INDEX_DAMAGED"
    code = "DATA_LOSS"


class IndexMoved(DomainError):
    """The index has no run of a range that was asked for: it is being filled, or has been merged further since."""

    reason = "INDEX_MOVED"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0


class IndexPending(DomainError):
    """The latest checkpoint does not state an index as far as it was asked for; the index follows the log."""

    reason = "INDEX_PENDING"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0
