"""Lays the sources out, has Sphinx build them in both languages, and looks at what came out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from docs.site import catalogues, looking, navigation
from docs.site.places import DOCS, ELSEWHERE, ROOT, document, documents, place, write
from docs.site.reference import commands, protos, sdk, settings, telemetry, verbs

BUILT = ROOT / ".docs"
CONFIGURATION = ROOT / "docs" / "site"
_REFERENCE = PurePosixPath("reference/index.md")
_MAKERS = (protos, commands, settings, telemetry, verbs, sdk)


@dataclass(frozen=True)
class Site:
    """A site below a folder: `source`, what Sphinx keeps, `site` with English at its root and Chinese below `zh`."""

    folder: Path

    @property
    def source(self) -> Path:
        """What Sphinx reads."""
        return self.folder / "source"

    @property
    def catalogues(self) -> Path:
        """The catalogues, beside which Sphinx puts what it makes of them."""
        return self.folder / "catalogues"

    @property
    def html(self) -> Path:
        """What is built."""
        return self.folder / "site"

    def lay_out(self) -> None:
        """Writes the site's sources: the repository's documents, what they show or link, the reference, the trees."""
        write(sources(), self.source)
        chinese = catalogues.FOLDER.rglob("*.po")
        write(
            {PurePosixPath(path.relative_to(catalogues.FOLDER)): path.read_bytes() for path in chinese}, self.catalogues
        )

    def templates(self) -> Path:
        """Returns the folder of messages that Sphinx has drawn from translated pages; raises SiteBroken."""
        target = self.folder / "messages"
        if problems := self._sphinx("gettext", target, part="translated"):
            raise SiteBroken("\n".join(problems))
        return target

    def build(self) -> list[str]:
        """Builds both languages; returns what is wrong, empty where nothing is."""
        problems = self._sphinx("html", self.html)
        problems += self._sphinx("html", self.html / "zh", catalogues.LANGUAGE, part="translated")
        problems += map(str, catalogues.behind(self.templates()))
        return problems or looking.astray(self.html)

    def check(self) -> list[str]:
        """Does what `build` does, short: English is only read and resolved; returns what is wrong."""
        problems = self._sphinx("dummy", self.html)
        problems += self._sphinx("html", self.html / "zh", catalogues.LANGUAGE, part="translated")
        problems += map(str, catalogues.behind(self.templates()))
        return problems or looking.astray(self.html / "zh", without=self.source)

    def _sphinx(self, builder: str, target: Path, language: str = "en", part: str = "") -> list[str]:
        """Runs Sphinx on all pages, or those that are translated; returns its warnings, or what it ended with."""
        kept = self.folder / "kept" / f"{builder}-{language}"
        variables = {"RINGFENCE_SITE_LANGUAGE": language, "RINGFENCE_SITE_PART": part, "PYTHONPATH": str(ROOT)}
        orders = ["-q", "-b", builder, "-c", str(CONFIGURATION), "-d", str(kept)]
        orders += ["-D", f"locale_dirs={self.catalogues}", str(self.source), str(target)]
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", *orders],
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line.replace(f"{self.source}/", "") for line in done.stderr.splitlines() if line.strip()]
        return lines or ([f"sphinx ended with {done.returncode}"] if done.returncode else [])


class SiteBroken(Exception):
    """Sphinx has something against the sources; the text is what."""


def sources() -> dict[PurePosixPath, bytes]:
    """Returns all that Sphinx reads, by its path among the site's sources."""
    linked: set[PurePosixPath] = set()
    texts = {place(path): document(path).on_site(linked) for path in documents()}
    for maker in _MAKERS:
        texts.update(maker.pages())
    texts.update(_parts())
    texts[_REFERENCE] = _led(texts[_REFERENCE], texts)
    for parent, tree in navigation.trees(_pages(texts)).items():
        texts[PurePosixPath(f"{parent}.md")] += tree
    files = {path: text.encode() for path, text in texts.items()}
    files.update({place(path): (ROOT / path).read_bytes() for path in linked if path.suffix != ".md"})
    return files


def _pages(texts: dict[PurePosixPath, str]) -> Sequence[str]:
    """Returns the pages that a tree has to hold: those that a page of the reference leads to are in its own."""
    folders = {str(protos.FOLDER), str(sdk.SDK)}
    return [str(path.with_suffix("")) for path in texts if str(path.parent) not in folders or path.name == "index.md"]


def _led(index: str, texts: Mapping[PurePosixPath, str]) -> str:
    """Returns the first page of the reference with links to the pages that only the site has."""
    for path, text in texts.items():
        if path.is_relative_to(_REFERENCE.parent) and path != _REFERENCE:
            title = text.partition("\n")[0].removeprefix("# ")
            index = index.replace(f"| {title} |", f"| [{title}]({path.relative_to(_REFERENCE.parent)}) |")
    return index


def _parts() -> dict[PurePosixPath, str]:
    """Returns the page that leads to what each folder of the repository says of itself."""
    elsewhere = [path for path in documents() if not path.is_relative_to(DOCS)]
    rows = (
        f"- [{path.parent if path.parent.name else 'the whole'}]({place(path).relative_to(ELSEWHERE)})"
        for path in elsewhere
    )
    head = "# The parts\n\nWhat each folder of the repository says of itself.\n\n"
    return {ELSEWHERE / "index.md": head + "\n".join(rows) + "\n"}
