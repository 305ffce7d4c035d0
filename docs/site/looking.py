"""Looks at built pages as a browser would: whatever a page loads by itself has to be a file of the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADING = {"src", "srcset", "poster", "data", "background"}
_LINKED = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}
_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


def astray(site: Path, *, without: Path | None = None) -> list[str]:
    """Returns, page by page, what is loaded and is no file of the site, and links to what is not there.

    Where only a part of a site was built, links that leave it are looked for as sources below `without`.
    """
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.resolve().rglob("*.html"))}
    problems = []
    for path, page in pages.items():
        for address in page.loads:
            if (wrong := _missing(path, address)) is not None:
                problems.append(f"{path.relative_to(site.resolve())} loads {wrong}")
        for address in page.links:
            if (wrong := _missed(path, address, pages, site, without)) is not None:
                problems.append(f"{path.relative_to(site.resolve())} links to {wrong}")
    for style in sorted(site.rglob("*.css")):
        for address in _in_style(style.read_text(encoding="utf-8")):
            if (wrong := _missing(style, address)) is not None:
                problems.append(f"{style.relative_to(site)} loads {wrong}")
    return problems


class _Page(HTMLParser):
    """What a page loads, where it links to, and which ids it has."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes note of a tag's attributes."""
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        self.loads += [value for name, value in given.items() if name in _LOADING]
        self.loads += _in_style(given.get("style", ""))
        if tag == "link" and _LINKED & set(given.get("rel", "").split()):
            self.loads.append(given.get("href", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


def _in_style(style: str) -> Iterator[str]:
    for address, imported in _URL.findall(style):
        yield address or imported


def _missing(path: Path, address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme == "data" or not (parts.path or parts.netloc or parts.scheme):
        return None
    if parts.scheme or parts.netloc:
        return f"{address}, which is elsewhere"
    return None if (path.parent / unquote(parts.path)).is_file() else f"{address}, which is not there"


def _missed(path: Path, address: str, pages: dict[Path, _Page], site: Path, without: Path | None) -> str | None:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or address in {"", "#"}:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    if without is not None and not target.is_relative_to(site.resolve()):
        source = without / target.relative_to(site.resolve().parent).with_suffix(".md")
        return None if source.is_file() else f"{address}, which is not there"
    if target not in pages:
        return None if target.is_file() else f"{address}, which is not there"
    place = unquote(parts.fragment)
    return None if not place or place in pages[target].ids else f"{address}, a place that the page does not have"
