"""Business days: what clients are owed, what is there for it, and what keeps a day from closing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from markupsafe import Markup
from ringfence_desk import money, times
from ringfence_desk.language import Language
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked, translations
from ringfence_console.drawing.balance import Words
from ringfence_console.drawing.trend import Point, trend
from ringfence_console.figures import compact
from ringfence_console.pages.wording import CODES, called
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import Section, pages_of
from ringfence_console.work import Day, Days

SECTION = Section("/day", marked("Days"))
MOST_DRAWN = 30


@dataclass(frozen=True)
class Book:
    """The days of a platform, a currency and a pool, the newest first: those to look at, and all that are drawn."""

    tenant_id: UUID
    ledger: int
    pool: str
    shown: Sequence[tuple[Day, int]]
    drawn: Sequence[tuple[Day, int]]
    more: int
    pictures: Sequence[Markup]


@dataclass(frozen=True)
class DayPages:
    """The page of a host that knows business days; without open work it leads to no act."""

    days: Days
    may_act: bool

    def routes(self) -> list[BaseRoute]:
        """Gives the route."""
        return [Route("/day", self.shown)]

    def shown(self, request: Request) -> Response:
        """Shows every book: days that are open, the newest one, and how it has gone for thirty days."""
        days = self.days.days()
        language = Preferences.of(request).language
        words = translations(language)
        short = [each for each in days if each.status != "CUT" and each.difference_minor < 0]
        return pages_of(request).page(
            request,
            "day.html",
            days=days,
            books=list(_books(days, language)),
            short=short,
            open=[each for each in days if each.status != "SIGNED"],
            may_act=self.may_act,
            word=lambda name: called(CODES, name, words),
            seal=None,
        )


def _books(days: Sequence[Day], language: Language) -> Iterator[Book]:
    """Yields the books, those with a day that is not signed first."""
    by_book = groupby(sorted(days, key=_book), key=_book)
    groups = [(key, sorted(group, key=lambda each: each.day, reverse=True)) for key, group in by_book]
    for (tenant, ledger, pool), group in sorted(
        groups, key=lambda each: all(day.status == "SIGNED" for day in each[1])
    ):
        numbered = [(each, times.begins_ns(each.day) // times.DAY_NS) for each in group]
        drawn = numbered[:MOST_DRAWN]
        shown = [each for place, each in enumerate(drawn) if place == 0 or each[0].status != "SIGNED"]
        pictures = _pictures(drawn, ledger, language) if len(drawn) > 1 else []
        yield Book(UUID(tenant), ledger, pool, shown, drawn, len(numbered) - len(drawn), pictures)


def _book(day: Day) -> tuple[str, int, str]:
    return str(day.tenant_id), day.ledger, day.pool


def _pictures(days: Sequence[tuple[Day, int]], ledger: int, language: Language) -> list[Markup]:
    points = [
        Point(number * times.DAY_NS, day.requirement_minor, None if day.status == "CUT" else day.resource_minor)
        for day, number in reversed(days)
    ]
    words = Words(
        told=translations(language).gettext("What clients were owed and what was there, day by day"),
        amount=lambda minor: money.amount(minor, ledger, language),
        axis=lambda minor: compact(minor, money.decimals(ledger), language),
        time=lambda time_ns: times.day(time_ns // times.DAY_NS, language),
        highest="",
        lowest="",
    )
    return [trend(points, words, is_down=is_down) for is_down in (False, True)]
