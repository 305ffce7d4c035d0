"""Refusals of reports (docs/errors.md)."""

from __future__ import annotations

from ringfence_kernel.values.errors import DomainError, NotFound


class ReportEmpty(NotFound):
    """The log states nothing that the report is made from: no safeguarding day of the platform, or no fact, then."""

    reason = "REPORT_EMPTY"


class ReportTooLarge(DomainError):
    """The report would be larger than one answer; a shorter period or fewer currencies fit."""

    reason = "REPORT_TOO_LARGE"
    code = "OUT_OF_RANGE"
