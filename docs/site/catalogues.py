"""The Chinese of the supervisor's part: gettext catalogues, and which page is behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from docs.site.places import ROOT

FOLDER = ROOT / "docs" / "locale"
LANGUAGE = "zh_CN"
TRANSLATED = ("index", "supervisor")
"""Pages and folders of pages that are translated."""
THEME = "sphinx"
"""Name of the catalogue of what stands around each page."""
WIDTH = 120


@dataclass(frozen=True)
class Behind:
    """A page whose Chinese is not that of its English: what has none, and what the page says no more."""

    page: str
    untranslated: tuple[str, ...]
    gone: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{self.page} is behind in {LANGUAGE}:"]
        parts += [f"  not translated: {each}" for each in self.untranslated]
        parts += [f"  not in the page any more: {each}" for each in self.gone]
        return "\n".join(parts)


def behind(templates: Path) -> list[Behind]:
    """Compares the catalogues with the messages that Sphinx has drawn from the pages; empty where none is behind."""
    return [found for page, english, chinese in _pairs(templates) if (found := _compared(page, english, chinese))]


def update(templates: Path) -> list[Path]:
    """Brings the catalogues up to date with the pages and returns them; what is new in them has no translation yet."""
    written = []
    for page, english, chinese in _pairs(templates):
        merged = Catalog(locale=LANGUAGE, project="Ringfence", fuzzy=False)
        for message in english:
            if message.id:
                known = chinese.get(message.id)
                merged.add(message.id, known.string if known and not known.fuzzy else "", locations=[])
        path = path_of(page)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, merged, width=WIDTH, omit_header=True, no_location=True)
        written.append(path)
    for path in set((FOLDER / LANGUAGE).rglob("*.po")) - {*written, path_of(THEME)}:
        path.unlink()
    return written


def _pairs(templates: Path) -> Iterator[tuple[str, Catalog, Catalog]]:
    for path in sorted(templates.rglob("*.pot")):
        page = str(path.relative_to(templates).with_suffix(""))
        if page.split("/")[0] in TRANSLATED:
            yield page, _read(path), _read(path_of(page)) if path_of(page).is_file() else Catalog()


def _compared(page: str, english: Catalog, chinese: Catalog) -> Behind | None:
    wanted = {str(each.id) for each in english if each.id}
    there = {str(each.id): each for each in chinese if each.id}
    lacking = tuple(sorted(each for each in wanted if each not in there or not there[each].string or there[each].fuzzy))
    gone = tuple(sorted(there.keys() - wanted))
    return Behind(page, lacking, gone) if lacking or gone else None


def path_of(page: str) -> Path:
    """Returns the catalogue of a page."""
    return FOLDER / LANGUAGE / "LC_MESSAGES" / f"{page}.po"


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=LANGUAGE)
