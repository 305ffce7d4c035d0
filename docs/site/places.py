"""Where a document of the repository stands on the site.

The repository's links are relative paths, and stay so: what is below `docs/` keeps its place, a document elsewhere
stands below `parts/`, and a folder's README is the folder's first page. A link that leaves `docs/` is written anew.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
DOCS = PurePosixPath("docs")
ELSEWHERE = PurePosixPath("parts")
_LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_CODE = re.compile(r"`[^`]*`")


@cache
def tracked() -> frozenset[PurePosixPath]:
    """Returns all files of the repository that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return frozenset(PurePosixPath(line) for line in listed.splitlines() if (ROOT / line).is_file())


def documents() -> list[PurePosixPath]:
    """Returns every document of the repository, by its path there, in order."""
    return sorted(path for path in tracked() if path.suffix == ".md")


def place(path: PurePosixPath) -> PurePosixPath:
    """Returns where a file of the repository stands among the site's sources."""
    within = path.relative_to(DOCS) if path.is_relative_to(DOCS) else ELSEWHERE / path
    return within.with_name("index.md") if within.name == "README.md" else within


def page(path: PurePosixPath) -> str:
    """Returns the name of the page that a document of the repository is, as Sphinx has it."""
    return str(place(path).with_suffix(""))


@dataclass(frozen=True)
class Text:
    """Text of a document of the repository, `path`, that stands on the site `at` that document's place or elsewhere."""

    path: PurePosixPath
    content: str
    at: PurePosixPath

    def on_site(self, linked: set[PurePosixPath]) -> str:
        """Returns the text with its links as the site needs them, and adds what they name to `linked`.

        A link to a folder is one to its README. A link to what the repository does not have stays as it is, so that
        Sphinx names it.
        """
        return "".join(_relinked(self, linked))


def document(path: PurePosixPath) -> Text:
    """Returns a document of the repository, at its place."""
    return Text(path, (ROOT / path).read_text(encoding="utf-8"), place(path))


def quoted(path: str, content: str, at: PurePosixPath) -> str:
    """Returns a part of a document that a page of the reference says again."""
    return Text(PurePosixPath(path), content, at).on_site(set())


def _relinked(text: Text, linked: set[PurePosixPath]) -> Iterator[str]:
    fence = ""
    for line in text.content.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence:
            fence = "" if found and found[1].startswith(fence) else fence
            yield line
        elif found:
            fence = found[1]
            yield line
        else:
            yield _line(text, line, linked)


def _line(text: Text, line: str, linked: set[PurePosixPath]) -> str:
    """Returns a line with its links anew, but for what stands in code."""
    codes = [each.span() for each in _CODE.finditer(line)]

    def anew(link: re.Match[str]) -> str:
        if any(start <= link.start() < end for start, end in codes):
            return link[0]
        target = resolved(text.path, link[1])
        if target is None:
            return link[0]
        linked.add(target)
        return os.path.relpath(place(target), text.at.parent) + (link[2] or "")

    return _LINK.sub(anew, line)


def resolved(path: PurePosixPath, link: str) -> PurePosixPath | None:
    """Returns what a document's relative link names in the repository; None where that is no file of it."""
    target = PurePosixPath(os.path.normpath(path.parent / link))
    for each in (target, target / "README.md"):
        if each in tracked():
            return each
    return None


def write(files: Mapping[PurePosixPath, bytes], folder: Path) -> None:
    """Makes a folder hold these files alone; one that is unchanged keeps its time, for Sphinx reads by it."""
    for old in [each for each in folder.rglob("*") if each.is_file()]:
        if PurePosixPath(old.relative_to(folder)) not in files:
            old.unlink()
    for name, content in files.items():
        target = folder / name
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
