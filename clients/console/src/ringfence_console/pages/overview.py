"""The first look: are all books covered, what needs a look, what has happened last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup
from ringfence_desk import money
from ringfence_desk.fact import Fact
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.sentences import Sentence, sentence
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked, translations
from ringfence_console.drawing.equation import equation
from ringfence_console.ports import Book, View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import Section, pages_of

SECTION = Section("/", marked("Overview"))
SHOWN = 11
_HELD, _HIT, _REFUSED = "HELD", "SANCTIONS_HIT", ("REJECTED", "FAILED")
_QUIET = ("audit.", "identity.access_token_issued.", "identity.submission_authorised.")
"""Facts about looking and asking, which would hide those about money."""


@dataclass(frozen=True)
class Row:
    """A fact of the newest, and how many more of its event are like it."""

    fact: Fact
    said: Sentence
    more: int


@dataclass(frozen=True)
class Shown:
    """A book with its platform's name and its picture."""

    book: Book
    platform: str
    picture: Markup


def routes() -> list[BaseRoute]:
    """Gives the route."""
    return [Route("/", shown)]


def shown(request: Request) -> Response:
    """Shows it."""
    pages, language = pages_of(request), Preferences.of(request).language
    seen = pages.host.facts.overview(View("overview"))
    names = pages.host.facts.names()
    return pages.page(
        request,
        "overview.html",
        books=[_shown(each, names, language) for each in seen.books],
        short=[each for each in seen.books if not each.equation.is_covered],
        looks=None if seen.payments is None else _looks(seen.payments),
        suspense=[each for each in seen.books if each.suspense_minor],
        rows=list(newest(reversed(seen.latest), names, language)),
        standing=seen.standing,
        seal=seen.standing.seal,
    )


def newest(facts: Iterable[Fact], names: Names, language: Language) -> Iterator[Row]:
    """Yields a row for each event of the newest facts, the newest first; facts of one event that are alike are one."""
    rows: dict[tuple[object, ...], list[Fact]] = {}
    for fact in facts:
        if fact.kind.startswith(_QUIET):
            continue
        key = (fact.kind, fact.text("source"), fact.integer("position"), fact.text("status"))
        if key not in rows and len(rows) == SHOWN:
            break
        rows.setdefault(key, []).append(fact)
    for alike in rows.values():
        yield Row(alike[0], sentence(alike[0], names, language), len(alike) - 1)


def _looks(payments: Mapping[tuple[str, str], int]) -> Mapping[str, int]:
    return {
        "held": sum(count for (status, _), count in payments.items() if status == _HELD),
        "hits": sum(count for (_, reason), count in payments.items() if reason == _HIT),
        "refused": sum(count for (status, _), count in payments.items() if status in _REFUSED),
    }


def _shown(book: Book, names: Names, language: Language) -> Shown:
    gettext = translations(language).gettext
    platform = names.of_id("platform", book.platform_id, language) if book.platform_id else gettext("no platform")
    found = book.equation
    told = gettext("There for clients: %(there)s. Owed to them: %(owed)s.") % {
        "there": money.amount(found.there_minor, book.ledger, language),
        "owed": money.amount(found.clients_minor, book.ledger, language),
    }
    there = [("bank", found.bank_minor), ("traced", found.made_good_minor)]
    whose = [("client", found.clients_minor), ("own", found.own_minor), *_beyond(book)]
    return Shown(book, platform, equation(there, whose, told))


def _beyond(book: Book) -> Iterator[tuple[str, int]]:
    """Yields what is there beyond what clients are owed, as far as their overdrafts have not used it up."""
    left = book.equation.difference_minor
    for name, minor in (("suspense", book.suspense_minor), ("own", book.guarantee_minor)):
        drawn = max(min(minor, left), 0)
        left -= drawn
        yield name, drawn
