"""Reports for the console, as the log makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ringfence_console import ports
from ringfence_desk.language import Language

from ringfence.audit import ReportFormat, ReportSubject
from ringfence.console_host.facts import LogFacts
from ringfence.console_host.refusals import told_to_pages

_MEDIA_TYPES = {"csv": "text/csv", "json": "application/json", "pdf": "application/pdf"}


@dataclass(frozen=True)
class SdkReports:
    """Reports as one reader gets them."""

    facts: LogFacts

    def subjects(self) -> Sequence[int]:
        """Gives their numbers in the regulator's list."""
        return [each.value for each in ReportSubject]

    def platforms(self) -> Sequence[UUID]:
        """Gives the platforms of the books that were seen."""
        return self.facts.platforms()

    def report(
        self, subject: int, platform_id: UUID, day: date, form: str, language: Language, view: ports.View
    ) -> ports.ReportFile:
        """Gets a report."""
        written = "zh" if language is Language.CHINESE else "en"
        with told_to_pages():
            made = self.facts.history.looking(view).report(
                ReportSubject(subject), platform_id, day, ReportFormat[form.upper()], language=written
            )
        return ports.ReportFile(made.content, _MEDIA_TYPES[form])
