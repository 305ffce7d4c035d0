"""Reports that the log makes of its facts: as tables whose rows lead to the facts, and as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ringfence_desk import times
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked, translations
from ringfence_console.ports import NotThere, Refused, Reports, View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import Section, pages_of

SECTION = Section("/reports", marked("Reports"))
TITLES = {
    1: marked("Daily custody"),
    2: marked("Reconciliation of client money"),
    3: marked("Monthly safeguarding"),
    4: marked("Large transactions"),
    6: marked("Audit export"),
    10: marked("Resolution pack"),
    11: marked("Breaches and access"),
}
FORMS = ("csv", "json", "pdf")
_EMPTY = "REPORT_EMPTY"
_MOST_LINKS = 6


@dataclass(frozen=True)
class Table:
    """A part of a report: its title, headings, and rows with the indexes of the facts that they are from."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]


@dataclass(frozen=True)
class Asked:
    """What was asked for: which report, about which platform and day."""

    subject: int
    platform_id: UUID
    day: date

    @classmethod
    def of(cls, request: Request) -> Asked | None:
        """Reads it, None where nothing is asked for; raises HTTPException where it cannot be read."""
        given = [request.query_params.get(name, "").strip() for name in ("about", "platform", "day")]
        if not all(given):
            return None
        try:
            return cls(int(given[0]), UUID(given[1]), times.day_typed(given[2]))
        except ValueError:
            raise HTTPException(400) from None


@dataclass(frozen=True)
class ReportPages:
    """The pages over a port."""

    reports: Reports

    def routes(self) -> list[BaseRoute]:
        """Gives the routes."""
        return [Route("/reports", self.shown), Route("/reports/file", self.file)]

    def shown(self, request: Request) -> Response:
        """Shows which reports there are, and one that is asked for."""
        asked, language = Asked.of(request), Preferences.of(request).language
        pages, subjects = pages_of(request), self.reports.subjects()
        if asked and asked.subject not in subjects:
            raise HTTPException(400)
        head: tuple[tuple[str, str], ...] = ()
        tables: tuple[Table, ...] = ()
        is_empty = False
        if asked:
            try:
                made = self.reports.report(asked.subject, asked.platform_id, asked.day, "csv", language, _view(asked))
                head, tables = read(made.content.decode("utf-8-sig"))
            except NotThere:
                is_empty = True
            except Refused as refused:
                if refused.reason != _EMPTY:
                    raise
                is_empty = True
        return pages.page(
            request,
            "reports.html",
            asked=asked,
            subjects=[(number, TITLES.get(number, "")) for number in subjects],
            platforms=list(_platforms(self.reports.platforms(), pages.host.facts.names(), language)),
            title=translations(language).gettext(TITLES.get(asked.subject, "")) if asked else "",
            head=head,
            tables=tables,
            is_empty=is_empty,
            seal=None,
        )

    def file(self, request: Request) -> Response:
        """Sends a report as a file."""
        asked, form = Asked.of(request), request.query_params.get("form", "")
        if asked is None or form not in FORMS:
            raise HTTPException(400)
        language = Preferences.of(request).language
        made = self.reports.report(asked.subject, asked.platform_id, asked.day, form, language, _view(asked))
        name = f"D{asked.subject}-{asked.platform_id}-{asked.day}.{form}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(made.content, headers=headers, media_type=made.media_type)


def read(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[Table, ...]]:
    """Reads a report from its table file: names and values of its head, then tables between empty lines."""
    blocks: list[list[list[str]]] = [[]]
    for row in csv.reader(io.StringIO(text, newline="")):
        if row:
            blocks[-1].append(row)
        else:
            blocks.append([])
    head = tuple((row[0], row[1]) for row in blocks[0] if len(row) == 2)
    return head, tuple(_table(block) for block in blocks[1:] if len(block) >= 2)


def _table(block: Sequence[Sequence[str]]) -> Table:
    (title,), headings, *rows = block
    read_rows = tuple((tuple(row[:-1]), tuple(int(each) for each in row[-1].split()[:_MOST_LINKS])) for row in rows)
    return Table(title, tuple(headings), read_rows)


def _platforms(found: Sequence[UUID], names: Names, language: Language) -> Iterator[tuple[UUID, str]]:
    for each in found:
        yield each, names.of_id("platform", each, language)


def _view(asked: Asked) -> View:
    return View("reports", str(asked.platform_id), f"D{asked.subject} {asked.day}")
