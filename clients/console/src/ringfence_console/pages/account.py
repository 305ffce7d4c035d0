"""An account: what was there, what came, what went, what is there; its balance as a line, and every movement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from markupsafe import Markup
from ringfence_desk import money, times
from ringfence_desk.camt053 import Between, NotStatable, Sealed, as_camt053
from ringfence_desk.language import Language
from ringfence_desk.names import Names, opened_in
from ringfence_desk.statement import Statement, statement
from ringfence_desk.statement_rows import Row, as_csv, as_json, rows
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import translations
from ringfence_console.drawing.balance import Words, balance, thinned
from ringfence_console.figures import compact, written_by
from ringfence_console.pages.about import id_in, platform_in
from ringfence_console.ports import NotGiven, NotThere, Reading, Seal, View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import pages_of

MOST_ROWS = 200
"""So many of the newest movements are shown; the file has all."""
_LONG_NS, _FAST_NS = 2 * times.DAY_NS, 60 * 10**9
READ_COLUMNS = 300


@dataclass(frozen=True)
class Shown:
    """A movement; the first of a month's has the month."""

    row: Row
    month: str


@dataclass(frozen=True)
class Range:
    """Days as they were typed, and the times that they are: from the first on, before the end of the last."""

    first: str
    last: str
    from_ns: int | None
    until_ns: int | None

    @classmethod
    def of(cls, request: Request) -> Range:
        """Reads it; raises HTTPException where a day is none, or the last lies before the first."""
        first, last = (request.query_params.get(name, "").strip() for name in ("from", "to"))
        from_ns, until_ns = _start_of(first), _start_of(last)
        until_ns = None if until_ns is None else until_ns + times.DAY_NS
        if from_ns is not None and until_ns is not None and until_ns <= from_ns:
            raise HTTPException(400)
        return cls(first, last, from_ns, until_ns)


def routes() -> list[BaseRoute]:
    """Gives the routes."""
    of_one = "/account/{identifier}"
    data = Route(f"{of_one}/json", as_data)
    return [Route(of_one, shown), Route(f"{of_one}/csv", table), data, Route(f"{of_one}/camt.053", message)]


def shown(request: Request) -> Response:
    """Shows an account."""
    identifier, asked, platform = id_in(request), Range.of(request), platform_in(request)
    pages, language = pages_of(request), Preferences.of(request).language
    options = f"{asked.first} {asked.last} {platform or ''}"
    reading = pages.host.facts.reading(View("account", str(identifier), options))
    found = _statement(reading, identifier, asked, platform)
    names = pages.host.facts.names()
    called = names.account(identifier, language, found.platform_id)
    books = [each.platform_id for each in opened_in(reading.facts_of(identifier), identifier)]
    return pages.page(
        request,
        "account.html",
        id=identifier,
        called=called,
        books=[(each, names.of_id("platform", each, language)) for each in books if each],
        statement=found,
        asked=asked,
        pictures=pictures(found, called, language),
        points=_read_points(found),
        decimals=money.decimals(found.ledger),
        rows=list(_shown(found, names, language)),
        most=MOST_ROWS,
        in_characters=written_by(found.ledger, language),
        until_leaf=reading.until_leaf,
        seal=reading.seal,
    )


def table(request: Request) -> Response:
    """Sends the movements as CSV."""
    asked = _Asked.of(request, "csv")
    return asked.file("csv", "text/csv", as_csv(asked.found, asked.names, asked.language))


def as_data(request: Request) -> Response:
    """Sends the statement as JSON."""
    asked = _Asked.of(request, "json")
    between = {"from": asked.between.first or None, "to": asked.between.last or None}
    under = {**between, "log": _seal(asked.reading.seal), "complete_until_fact": asked.reading.until_leaf}
    return asked.file("json", "application/json", as_json(asked.found, asked.names, asked.language, under))


def _seal(seal: Seal) -> dict[str, object]:
    """Gives under which checkpoint a file stands, and whether who has made it has proven it."""
    return {"origin": seal.origin, "size": seal.size, "root": seal.root.hex(), "is_proven": seal.is_proven}


def message(request: Request) -> Response:
    """Sends the statement as camt.053."""
    asked = _Asked.of(request, "camt.053")
    seal, is_whole = asked.reading.seal, asked.reading.until_leaf is not None
    between = Between(asked.between.from_ns, asked.between.until_ns)
    try:
        sealed = Sealed(seal.origin, seal.size, seal.root, _latest_ns(asked), is_whole and seal.is_proven)
        written = as_camt053(asked.found, asked.names, asked.language, between, sealed)
    except NotStatable as error:
        raise NotGiven("STATEMENT_NOT_STATABLE", str(error)) from None
    return asked.file("camt.053.xml", "application/xml", written)


def _latest_ns(asked: _Asked) -> int:
    """Gives how late the log speaks of: when it stood as sealed, to who is not told the newest fact's time.

    Never now: the log says nothing of what came after.
    """
    told = [each.time_ns for each in asked.reading.facts_of(asked.found.account_id)]
    latest_ns = asked.reading.seal.time_ns or max((each for each in told if each is not None), default=None)
    if latest_ns is None:
        raise NotStatable("nothing says as of when it is")
    return latest_ns


@dataclass(frozen=True)
class _Asked:
    """A statement as a file is asked for: one view, and what it gave."""

    between: Range
    language: Language
    reading: Reading
    found: Statement
    names: Names

    @classmethod
    def of(cls, request: Request, form: str) -> _Asked:
        identifier, between, platform = id_in(request), Range.of(request), platform_in(request)
        facts, language = pages_of(request).host.facts, Preferences.of(request).language
        options = f"{form} {between.first} {between.last} {platform or ''}"
        reading = facts.reading(View("account", str(identifier), options))
        found = _statement(reading, identifier, between, platform)
        return cls(between, language, reading, found, facts.names())

    def file(self, ending: str, media_type: str, content: str | bytes) -> Response:
        """Gives the answer with the file."""
        name = f"account-{self.found.account_id}.{ending}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, headers=headers, media_type=media_type)


def pictures(found: Statement, called: str, language: Language) -> tuple[Markup, ...]:
    """Draws the balance wide and narrow; nothing where nothing has moved."""
    if not found.lines:
        return ()
    gettext = translations(language).gettext
    points = _points(found)
    end_ns = max(points[-1][0], points[0][0] + 1)
    is_long = end_ns - points[0][0] > _LONG_NS
    is_slow = end_ns - points[0][0] > _FAST_NS
    exponent = money.decimals(found.ledger)
    words = Words(
        told=f"{called}. "
        + gettext("Opening balance %(opening)s, closing balance %(closing)s")
        % {
            "opening": money.amount(found.opening_minor, found.ledger, language),
            "closing": money.amount(found.closing_minor, found.ledger, language),
        },
        amount=lambda minor: money.figures(minor, found.ledger, language),
        axis=lambda minor: compact(minor, exponent, language),
        time=lambda at: times.day(at // times.DAY_NS, language) if is_long else times.clock(at)[: 8 if is_slow else 12],
        highest=gettext("highest"),
        lowest=gettext("lowest"),
    )
    return balance(points, end_ns, words, is_down=False), balance(points, end_ns, words, is_down=True)


def _points(found: Statement) -> list[tuple[int, int]]:
    first = found.lines[0].move.time_ns
    points = [(first, found.opening_minor), *((line.move.time_ns, line.balance_minor) for line in found.lines)]
    # A first movement that draws from nothing would have no width.
    return [(first - max((points[-1][0] - first) // 50, 1), found.opening_minor), *points]


def _read_points(found: Statement) -> str:
    """Gives what the pointer reads, as `time:minor`, in seconds."""
    if not found.lines:
        return ""
    points = _points(found)
    return " ".join(f"{at // 10**9}:{minor}" for at, minor in thinned(points, READ_COLUMNS, points[-1][0]))


def _shown(found: Statement, names: Names, language: Language) -> Iterator[Shown]:
    month = ""
    for row in rows(found, names, language):
        this_month = f"{datetime.fromtimestamp(row.line.move.time_ns // 10**9, UTC):%Y-%m}"
        yield Shown(row, this_month if this_month != month else "")
        month = this_month


def _statement(reading: Reading, identifier: UUID, asked: Range, platform: UUID | None) -> Statement:
    facts = reading.facts_of(identifier)
    found = statement(identifier, facts, asked.from_ns, asked.until_ns, platform_id=platform)
    if found is None:
        raise NotThere("no account was opened under this id")
    return found


def _start_of(day: str) -> int | None:
    if not day:
        return None
    try:
        return times.begins_ns(times.day_typed(day))
    except ValueError:
        raise HTTPException(400) from None
