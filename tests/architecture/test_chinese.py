"""The Chinese texts: one name for a thing, as docs/supervisor/terms.md has it, and one way of writing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from tests.architecture.documents import DOCS
from tests.architecture.test_size import ROOT, SOURCES

HAN = "\u3400-\u9fff"
FULL_WIDTH = "，。：；、！？（）“”"
PATTERN_OF_DATES = "y年M月d日"
PLACE = "\0"
"""Stands for what is put into a text."""
TABLE = ROOT / "clients" / "desk" / "src" / "ringfence_desk" / "table"
CATALOGUES = [
    ROOT / "clients" / "console" / "src" / "ringfence_console" / "locale" / "zh_Hans" / "LC_MESSAGES" / "console.po",
    *sorted((DOCS / "locale").rglob("*.po")),
]
PAGE = ROOT / "clients" / "verifier" / "src" / "ringfence_verifier" / "page" / "verify.html"
TERMS = DOCS / "supervisor" / "terms.md"
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
FEWEST = 60
"""Terms that the table has at least, so that one that is not read does not pass."""
MISWRITTEN = {
    "no space between Chinese and Latin": re.compile(rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9][{HAN}]"),
    "half-width punctuation": re.compile(rf"[{HAN}] ?[,;:!?()]|[,;:!?()] ?[{HAN}]"),
    "a space beside Chinese or full-width punctuation": re.compile(
        rf"[{HAN}] [{HAN}]|[{FULL_WIDTH}] [^ ]|[^ ] [{FULL_WIDTH}]"
    ),
    "straight quotes": re.compile(rf"[{HAN}][\"']|[\"'][{HAN}]"),
    "a reader who is not addressed politely": re.compile("你"),
}


@cache
def terms() -> dict[str, tuple[str, ...]]:
    """Returns what is not said, by the Chinese term that is."""
    rows = ROW.findall(TERMS.read_text(encoding="utf-8"))
    return {chinese: tuple(instead.split("、")) for _, chinese, instead in rows if re.search(f"[{HAN}]", chinese)}


def texts() -> Iterator[tuple[str, str]]:
    """Yields where each Chinese text stands, and the text with a mark where something is put in."""
    for path in sorted(TABLE.glob("*.txt")):
        lines = [line.rpartition("|")[2].strip() for line in path.read_text(encoding="utf-8").splitlines()]
        yield from ((path.name, re.sub(r"\{\w*\}", PLACE, re.sub(r"[\[\]]", "", line))) for line in lines)
    for path in CATALOGUES:
        yield from ((path.name, re.sub(r"%\(\w+\)s", PLACE, prose(text))) for text in _translated(path))
    for path in SOURCES:
        module = path.read_text(encoding="utf-8")
        if "src" in path.parts and re.search(f"[{HAN}]", module):
            yield from ((path.name, text) for text in _constants(ast.parse(module)))
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        said = re.findall(r">([^<>`\"]*)<|`([^`]*)`|\"([^\"]*)\"", re.sub(r"\$\{[^}]*\}", PLACE, line))
        yield from ((PAGE.name, "".join(parts)) for parts in said)


def prose(text: str) -> str:
    """Returns a text of a document without its marks, with a letter in the place of code."""
    return re.sub(r"\]\([^)]*\)|!?\[|(?<=。)\*\* |\*\*", "", re.sub(r"`[^`]*`", "x", text))


def _translated(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for message in read_po(file):
            if message.id:
                yield from [message.string] if isinstance(message.string, str) else message.string or ()


def _constants(tree: ast.Module) -> Iterator[str]:
    """Yields the texts of a module that are no docstrings."""
    docstrings = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    joined = [each for each in ast.walk(tree) if isinstance(each, ast.JoinedStr)]
    parts = {id(value) for each in joined for value in each.values}
    for each in joined:
        values = (value.value if isinstance(value, ast.Constant) else PLACE for value in each.values)
        yield "".join(map(str, values))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | parts:
            yield re.sub(r"\{\w*\}", PLACE, node.value)


@cache
def chinese() -> tuple[tuple[str, str], ...]:
    """Returns the texts that have a Chinese character."""
    return tuple((name, text) for name, text in texts() if re.search(f"[{HAN}]", text) and text != PATTERN_OF_DATES)


def misnamed(text: str, instead: dict[str, tuple[str, ...]]) -> list[str]:
    """Returns what a text says where there is another term; longer terms may have such a word within."""
    kept = re.sub("|".join(sorted(map(re.escape, instead), key=len, reverse=True)), PLACE, text)
    return [other for others in instead.values() for other in others if other in kept]


def test_all_kinds_of_texts_are_read() -> None:
    """Sentences, pages, documents, reports, instructions and the verifier's page."""
    found = {name for name, _ in chinese()}
    assert {"custody.txt", "console.po", "first-proof.po", "words.py", "instructions.py", "verify.html"} <= found
    assert len(terms()) >= FEWEST


def test_one_thing_has_one_name() -> None:
    """No text says what the table of terms says otherwise; the table itself names it."""
    assert [
        (name, text, other) for name, text in chinese() if name != "terms.po" for other in misnamed(text, terms())
    ] == []


@pytest.mark.parametrize("what", MISWRITTEN)
def test_one_way_of_writing(what: str) -> None:
    """Full-width punctuation, and a space between Chinese and Latin and nowhere else."""
    assert [(name, text) for name, text in chinese() if MISWRITTEN[what].search(text)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("下载凭证", ["凭证"]),
        ("会计凭证，10 年", []),
        ("由托管方确认", ["托管"]),
        ("存管机构", []),
        ("检验凭证", ["凭证", "检验"]),
    ],
)
def test_another_name_is_found(text: str, found: list[str]) -> None:
    """Also beside a term that has it within."""
    assert misnamed(text, terms()) == found
