"""From what a page knows to what is sent: templates, words and pictures in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from ringfence_desk import money, times
from ringfence_desk.language import Language
from ringfence_desk.visible import visible
from ringfence_desk.words import code
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ringfence_console import preferences
from ringfence_console.assets import Assets
from ringfence_console.catalog import translations
from ringfence_console.drawing.glyph import glyph
from ringfence_console.figures import number
from ringfence_console.host import Host
from ringfence_console.once import form_id
from ringfence_console.preferences import Preferences

ZONES = ("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Singapore", "Europe/Berlin", "Europe/London", "America/New_York")
"""Time zones that are proposed; any other of the IANA database may be typed."""


@dataclass(frozen=True)
class Section:
    """An entry of the navigation: where it leads, what it is called, and which paths belong to it."""

    path: str
    title: str
    below: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Tells whether a path belongs to it."""
        return path == self.path or path.startswith(
            tuple(f"{each}/" for each in (self.path, *self.below) if each != "/")
        )


@dataclass(frozen=True)
class Pages:
    """What every page shares: the host, its files, and the sections that there are."""

    host: Host
    assets: Assets
    sections: tuple[Section, ...]

    def page(self, request: Request, template: str, status: int = 200, **shown: Any) -> Response:
        """Draws a page."""
        chosen = Preferences.of(request)
        shared = self._shared(request, chosen)
        assert not shared.keys() & shown.keys()
        text = _environment(chosen.language).get_template(template).render(shared, **shown)
        return HTMLResponse(text, status)

    def _shared(self, request: Request, chosen: Preferences) -> Mapping[str, Any]:
        return {
            "assets": self.assets.paths,
            "host": self.host,
            "sections": self.sections,
            "path": request.url.path,
            "chosen": chosen,
            "has_find": any(each.path == "/find" for each in self.sections),
            "moment": lambda time_ns: _moment(time_ns, chosen),
            "local": lambda time_ns: times.beside_in_rows(time_ns, chosen.zone) if chosen.zone else "",
            "zones": ZONES,
            "here": preferences.here(request),
            "to_language": preferences.link(request, language=chosen.other_language),
            "to_theme": preferences.link(request, theme=chosen.next_theme),
        }


def pages_of(request: Request) -> Pages:
    """Gives what the application was made with."""
    found = request.app.state.pages
    assert isinstance(found, Pages)
    return found


@cache
def _environment(language: Language) -> Environment:
    made = Environment(
        loader=PackageLoader("ringfence_console"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = translations(language)
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        language=language,
        currency=money.currency,
        clock=times.clock,
        iso=times.iso,
        glyph=glyph,
        form_id=form_id,
        figures=lambda minor, ledger: money.figures(minor, ledger, language),
        day=lambda days: times.day(days, language),
        number=lambda value: number(value, language),
        role=lambda name: _role(name, language),
    )
    made.filters["visible"] = visible
    return made


def _moment(time_ns: int, chosen: Preferences) -> str:
    """Gives a time in UTC, which is what is meant, and in the reader's zone beside it."""
    said = times.moment(time_ns, chosen.language)
    local = times.beside(time_ns, chosen.zone, chosen.language) if chosen.zone else ""
    return f"{said} ({local})" if local else said


def _role(name: str, language: Language) -> str:
    """Gives what a principal's kind is called, as facts about principals call it."""
    known = code("identity.principal_registered.v1", "kind", name)
    return known.words[language] if known else name
