"""Refusals of a search."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class SearchBehind(DomainError):
    """The search index has not caught up with the latest checkpoint; an answer now could lack facts."""

    reason = "SEARCH_BEHIND"
    code = "UNAVAILABLE"
    retry_after_seconds = 1.0
