"""Finds the pages of a console: by its links, from the first page on, one for each kind of address."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from tests.console.browser import Visitor, origin_of
from tests.console.looks import LOOKS

_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|[0-9a-f]{32,}|[0-9]+")
_PAGE = re.compile(r"text/html")
CHOOSES = "/prefer?"
"""What keeps a language or a theme, and comes back."""


def kind_of(address: str) -> str:
    """Gives an address without ids, numbers and values of its query: what it is an example of."""
    split = urlsplit(address)
    names = sorted(each.partition("=")[0] for each in split.query.split("&") if each)
    return _ID.sub("*", split.path) + ("?" + "&".join(names) if names else "")


@dataclass(frozen=True)
class Found:
    """One address of each kind that is a page, in the order found; and what links lead to that does not answer."""

    pages: list[str]
    dead: list[str]


def pages(visitor: Visitor, first: Iterable[str], *, most: int = 200) -> Found:
    """Follows all links of the same origin; raises AssertionError where there are more kinds of pages than `most`."""
    waiting = list(first)
    origin = origin_of(waiting[0])
    known = {kind_of(each) for each in waiting}
    found, dead = list[str](), list[str]()
    with visitor.looking(LOOKS[0], scripts=False) as context:
        while waiting:
            address = waiting.pop(0)
            answer = context.request.get(address)
            if answer.status != 200:
                dead.append(f"{address} answers {answer.status}")
                continue
            if not _PAGE.match(answer.headers.get("content-type", "")):
                continue
            found.append(address)
            assert len(found) <= most, f"more than {most} kinds of pages: {found[-10:]}"
            for link in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', answer.text()):
                target = urljoin(address, link.replace("&amp;", "&")).partition("#")[0]
                if target.startswith(origin + CHOOSES):
                    continue
                if origin_of(target) == origin and (kind := kind_of(target)) not in known:
                    known.add(kind)
                    waiting.append(target)
    return Found(found, dead)
