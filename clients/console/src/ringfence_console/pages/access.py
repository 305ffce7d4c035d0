"""Who has read what, and why; one's own reads are marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from ringfence_desk.language import Language
from ringfence_desk.names import Names
from ringfence_desk.words import code, label
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringfence_console.catalog import marked
from ringfence_console.ports import Access, Read, Register, View
from ringfence_console.preferences import Preferences
from ringfence_console.rendering import Section, pages_of

SECTION = Section("/access", marked("Access"))
MOST_ROWS = 100
_KIND, _INDEX = "audit.read.v1", "leaf_index"
_HEXADECIMAL, _PAGE = re.compile(r"[0-9a-f]{32}"), re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Asked:
    """What was asked for: its name in the read, and its value; an id, or a fact's index, leads to its page."""

    label: str
    value: str
    id: UUID | None
    index: int | None


@dataclass(frozen=True)
class Row:
    """A read, in words."""

    read: Read
    reader: str
    what: str
    asked: tuple[Asked, ...]


@dataclass(frozen=True)
class AccessPage:
    """The page over a port."""

    access: Access

    def routes(self) -> list[BaseRoute]:
        """Gives the route."""
        return [Route("/access", self.shown)]

    def shown(self, request: Request) -> Response:
        """Shows a page of reads."""
        pages, language, asked = pages_of(request), Preferences.of(request).language, _asked_for(request)
        # A page is a part of the same view, so that what readers are called belongs to it.
        view = View("access", str(asked.platform_id or ""), str(asked.reader_id or ""))
        found = self.access.reads(asked, MOST_ROWS, view)
        names = pages.host.facts.names()
        narrowed = {"of": str(asked.platform_id or ""), "reader": str(asked.reader_id or "")}
        return pages.page(
            request,
            "access.html",
            rows=[_row(each, names, language) for each in found.reads],
            readers=len({each.reader_id for each in found.reads}),
            asked=asked,
            kept={name: value for name, value in narrowed.items() if value},
            next_page=found.next_page,
            most=MOST_ROWS,
            seal=None,
        )


def _asked_for(request: Request) -> Register:
    """Reads which reads are asked for; raises HTTPException."""
    platform, reader, page = (request.query_params.get(name, "").strip() for name in ("of", "reader", "page"))
    if page and not _PAGE.fullmatch(page):
        raise HTTPException(400)
    try:
        return Register(
            platform_id=UUID(platform) if platform else None, reader_id=UUID(reader) if reader else None, page=page
        )
    except ValueError:
        raise HTTPException(400) from None


def _row(read: Read, names: Names, language: Language) -> Row:
    known = code(_KIND, "method", read.what)
    asked = tuple(_asked(name, value, language) for name, value in read.asked.items())
    what = known.words[language] if known else read.what
    return Row(read, names.of_id("principal", read.reader_id, language), what, asked)


def _asked(name: str, value: str, language: Language) -> Asked:
    index = int(value) if name == _INDEX and value.isascii() and value.isdigit() else None
    identifier = UUID(value) if name.endswith("_id") and _HEXADECIMAL.fullmatch(value) else None
    return Asked(label(name, language), value, identifier, index)
