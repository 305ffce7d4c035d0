"""Books as of an instant, by the log's transfers alone: classes, whether clients are covered, custody's closing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ringfence_desk import money, times
from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.words import code
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked
from ringfence_console.figures import written_by
from ringfence_console.ports import Books, ClosedBook, NotThere, View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import Section, pages_of

SECTION = Section("/books", marked("Books"))
_OPENED = "custody.account.v1"
_CLOCK = re.compile(r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?")


@dataclass(frozen=True)
class Row:
    """A class of accounts: what it comes to, and what it came to at the instant that is compared with."""

    name: str
    accounts: int
    balance_minor: int
    reserved_minor: int
    before_minor: int | None


@dataclass(frozen=True)
class Asked:
    """Which book, as of when and compared with when; instants as typed, and in UTC nanoseconds, 0 for now."""

    platform_id: UUID | None
    ledger: int
    as_of: str
    than: str
    as_of_ns: int
    than_ns: int

    @classmethod
    def of(cls, request: Request) -> Asked:
        """Reads it; raises HTTPException where it cannot be read."""
        given = request.query_params
        book, as_of, than = (given.get(name, "").strip() for name in ("book", "as_of", "than"))
        platform, _, ledger = book.partition(":")
        try:
            platform_id, number = (UUID(platform), int(ledger)) if book else (None, 0)
            return cls(platform_id, number, as_of, than, instant(as_of), instant(than))
        except (ValueError, OverflowError):
            raise HTTPException(400) from None


@dataclass(frozen=True)
class BookPage:
    """The page over a port."""

    books: Books

    def routes(self) -> list[BaseRoute]:
        """Gives the routes."""
        return [Route("/books", self.shown), Route("/books/json", self.data)]

    def shown(self, request: Request) -> Response:
        """Shows a book, the first that there is where none is asked for."""
        asked, language, pages = Asked.of(request), Preferences.of(request).language, pages_of(request)
        known = self.books.known()
        names = pages.host.facts.names()
        chosen = (asked.platform_id, asked.ledger) if asked.platform_id else next(iter(known), None)
        book = None
        before: Mapping[str, int] | None = None
        if chosen and chosen[0]:
            view = View("books", str(chosen[0]), f"{chosen[1]} {asked.as_of} {asked.than}")
            book = self.books.as_of(chosen[0], chosen[1], asked.as_of_ns, view)
            before = self._before(chosen[0], chosen[1], asked, view) if asked.than else None
        return pages.page(
            request,
            "books.html",
            asked=asked,
            shown_key=chosen,
            known=[(each, _called(each[0], names, language)) for each in known],
            platform=_called(chosen[0], names, language) if chosen else "",
            ledger=chosen[1] if chosen else None,
            book=book,
            is_compared=before is not None,
            rows=list(_rows(book, before, language)) if book else [],
            in_characters=written_by(chosen[1] if chosen else 0, language),
            seal=None,
        )

    def data(self, request: Request) -> Response:
        """Sends a book as JSON."""
        asked = Asked.of(request)
        if asked.platform_id is None or asked.than:
            raise HTTPException(400)
        view = View("books", str(asked.platform_id), f"json {asked.ledger} {asked.as_of}")
        book = self.books.as_of(asked.platform_id, asked.ledger, asked.as_of_ns, view)
        said = {"platform_id": str(asked.platform_id), "as_of": asked.as_of or None, **_data(book, asked.ledger)}
        headers = {"content-disposition": 'attachment; filename="books.json"'}
        return Response(json.dumps(said, indent=1) + "\n", headers=headers, media_type="application/json")

    def _before(self, platform_id: UUID, ledger: int, asked: Asked, view: View) -> Mapping[str, int]:
        """Gives what classes came to at the instant that is compared with: nothing before there were any."""
        try:
            found = self.books.as_of(platform_id, ledger, asked.than_ns, view)
        except NotThere:
            return {}
        return {each.name: each.balance_minor for each in found.classes}


def _rows(book: ClosedBook, before: Mapping[str, int] | None, language: Language) -> Iterator[Row]:
    for each in book.classes:
        known = code(_OPENED, "account_class", each.name.upper())
        was = None if before is None else before.get(each.name, 0)
        name = known.words[language] if known else each.name
        yield Row(name, each.accounts, each.balance_minor, each.reserved_minor, was)


def _data(book: ClosedBook, ledger: int) -> Mapping[str, object]:
    """Gives a book's figures as JSON has them: plain decimals as texts, which no reader rounds."""

    def plain(minor: int) -> str:
        return money.plain(minor, ledger)

    sums, closing = book.equation, book.closing
    return {
        "currency": money.currency(ledger),
        "facts": book.size,
        "accounts": book.accounts,
        "balances_root": book.balances_root.hex(),
        "classes": [
            {
                "class": each.name,
                "accounts": each.accounts,
                "balance": plain(each.balance_minor),
                "reserved": plain(each.reserved_minor),
            }
            for each in book.classes
        ],
        "clients": plain(sums.clients_minor),
        "there": plain(sums.there_minor),
        "difference": plain(sums.difference_minor),
        "at_banks": plain(sums.bank_minor),
        "owed_by_platform": plain(sums.made_good_minor),
        "own_and_fees": plain(sums.own_minor),
        "is_covered": sums.is_covered,
        "custody_closing": closing
        and {"fact": closing.leaf_index, "time": times.iso(closing.closed_ns), "is_same": closing.is_same},
    }


def _called(platform_id: UUID | None, names: Names, language: Language) -> str:
    return names.of_id("platform", platform_id, language) if platform_id else ""


def instant(text: str) -> int:
    """Reads a day as `2026-01-31`, whose end is meant, or a day and a time; UTC. Raises ValueError."""
    if not text:
        return 0
    begins_ns, clock = times.begins_ns(times.day_typed(text[:10])), text[10:]
    if not clock:
        return begins_ns + times.DAY_NS - 1000
    if not _CLOCK.fullmatch(clock):
        raise ValueError(text)
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    found = (at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * 1000
    if found <= 0:
        raise ValueError(text)
    return found
