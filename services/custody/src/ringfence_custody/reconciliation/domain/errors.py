"""Refusals of reconciliation."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError


class MirrorNotFound(DomainError):
    """There is no such bank mirror in the book."""

    reason = "MIRROR_NOT_FOUND"
    code = "NOT_FOUND"


class MatchNotFound(DomainError):
    """There is no such match, or it is undone."""

    reason = "MATCH_NOT_FOUND"
    code = "NOT_FOUND"


class SuggestionNotFound(DomainError):
    """There is no such suggestion, or its lines are not open any more."""

    reason = "SUGGESTION_NOT_FOUND"
    code = "NOT_FOUND"


class LinesDiffer(DomainError):
    """Lines are no match: one is not open, or news that no statement has yet, or their sums differ."""

    reason = "LINES_DIFFER"
    code = "FAILED_PRECONDITION"


class BreakNotFound(DomainError):
    """There is no such break, or none that the caller may see."""

    reason = "BREAK_NOT_FOUND"
    code = "NOT_FOUND"


class BreakTransitionRefused(DomainError):
    """A break may not go that step; the metadata names `from`, `to` and `because`."""

    reason = "BREAK_TRANSITION_REFUSED"
    code = "FAILED_PRECONDITION"


class CorrectionRefused(DomainError):
    """The ledger does not take the entry; the metadata names its result code, `status`."""

    reason = "CORRECTION_REFUSED"
    code = "FAILED_PRECONDITION"


class CorrectionUnsuited(DomainError):
    """The entries do not put the break right; the metadata says `because`."""

    reason = "CORRECTION_UNSUITED"
    code = "FAILED_PRECONDITION"


class FundingUnsuited(DomainError):
    """The transfer does not fund the break; the metadata says `because`."""

    reason = "FUNDING_UNSUITED"
    code = "FAILED_PRECONDITION"
