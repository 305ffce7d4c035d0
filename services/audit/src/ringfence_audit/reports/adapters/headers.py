"""What stands above the tables of every report."""

from __future__ import annotations

from uuid import UUID

from ringfence_audit.reports.domain.report import Report
from ringfence_audit.reports.domain.showing import day_text
from ringfence_audit.reports.domain.words import Language, word


def header(report: Report, language: Language) -> list[tuple[str, str]]:
    """Returns names and values: what it is, about whom and when, and the log that proves it."""
    first, last = day_text(report.first_day), day_text(report.last_day)
    under = report.under
    return [
        (word(report.name, language), report.name),
        (word("platform", language), str(UUID(bytes=report.tenant))),
        (word("period", language), first if first == last else f"{first} – {last}"),
        (word("log", language), under.origin),
        (word("log_size", language), str(under.size)),
        (word("log_root", language), under.root.hex()),
    ]
