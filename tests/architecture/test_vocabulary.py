"""One thing, one word: the tables under "Words" in docs/architecture.md, held against the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.documents import DOCS
from tests.architecture.test_size import ROOT, SOURCES

CODE = re.compile(r"`([^`]+)`")
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
MODULES = {
    str(path).split("/src/")[1]: path
    for path in SOURCES
    if path.relative_to(ROOT).parts[0] in ("kernel", "services") and "src" in path.relative_to(ROOT).parts
}


@dataclass(frozen=True)
class Said:
    """What a module defines and calls: the methods of its classes, every name, and who is annotated as a writer."""

    classes: Mapping[str, frozenset[str]]
    names: frozenset[str]
    calls: frozenset[tuple[str, str]]
    writers: frozenset[str]


@dataclass(frozen=True)
class Word:
    """A word with the paths that may use it, or without any: a retired one, and what to say instead."""

    text: str
    only_in: tuple[str, ...]
    instead: str = ""

    def __str__(self) -> str:
        return self.text

    def may_stand_in(self, module: str) -> bool:
        """Tells whether a module may use it."""
        return any(fnmatch(module, pattern) or fnmatch(module, f"{pattern}[/.]*") for pattern in self.only_in)

    def is_used_in(self, said: Said) -> set[str]:
        """Returns the identifiers with this word in them."""
        kind, _, name = self.text.rpartition(" ")
        receiver, _, name = name.rpartition(".")
        if receiver:
            return {f"{receiver}.{name}"} if (receiver, name) in said.calls else set()
        looked_for = words(name)
        return {each for each in (said.classes if kind == "class" else said.names) if contains(words(each), looked_for)}


def table(heading: str) -> list[list[str]]:
    """Returns the rows of the table under "Words" whose first heading is this."""
    section = (DOCS / "architecture.md").read_text(encoding="utf-8").split("\n## Words\n")[1].split("\n## ")[0]
    lines = section[section.index(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def bound_words() -> list[Word]:
    """Returns the words that the first table binds to paths."""
    rows = [(CODE.findall(word), tuple(CODE.findall(where))) for word, _, where in table("word")]
    return [Word(word, only_in) for found, only_in in rows if only_in for word in found]


def retired_words() -> list[Word]:
    """Returns the words of the second table."""
    return [Word(word, (), instead) for retired, instead in table("not") for word in CODE.findall(retired)]


@cache
def words(identifier: str) -> list[str]:
    """Returns an identifier's words, lower-case, without the s of a plural."""
    return [part.lower().removesuffix("s") for part in PARTS.findall(identifier)]


def contains(said: list[str], looked_for: list[str]) -> bool:
    """Tells whether these words follow each other in an identifier's."""
    count = len(looked_for)
    return any(said[at : at + count] == looked_for for at in range(len(said) - count + 1))


def read(source: str) -> Said:
    """Returns what a module says, in one walk: to keep its tree would cost more than to read it.

    Of an attribute it has receiver and name: `("writer", "commit")` for `self._writer.commit`.
    """
    classes: dict[str, frozenset[str]] = {}
    names, calls, writers = set[str](), set[tuple[str, str]](), set[str]()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ClassDef():
                classes[node.name] = classes.get(node.name, frozenset()) | methods(node)
                names.add(node.name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names.add(node.name)
            case ast.arg():
                names.add(node.arg)
                if is_writer(node.annotation):
                    writers.add(node.arg)
            case ast.AnnAssign() if is_writer(node.annotation):
                writers.add(ast.unparse(node.target))
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Attribute():
                receiver = node.value
                name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
                calls.add((name.lstrip("_"), node.attr))
                if isinstance(node.ctx, ast.Store):
                    names.add(node.attr)
    return Said(classes, frozenset(names), frozenset(calls), frozenset(writers))


def methods(node: ast.ClassDef) -> frozenset[str]:
    """Returns the names of a class's methods."""
    return frozenset(each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def is_writer(annotation: ast.expr | None) -> bool:
    """Tells whether it is annotated as a GroupWriter."""
    return isinstance(annotation, ast.Name) and annotation.id == "GroupWriter"


@pytest.fixture(scope="module")
def said() -> dict[str, Said]:
    """What each of the services' and the kernel's modules says, by its path below `src`."""
    return {module: read(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}


@pytest.mark.parametrize("word", retired_words(), ids=str)
def test_a_retired_word_is_gone(word: Word, said: dict[str, Said]) -> None:
    """No identifier says it; the table says what to say instead."""
    found = {module: used for module, each in said.items() if (used := word.is_used_in(each))}
    assert not found, f"say {word.instead}"


@pytest.mark.parametrize("word", bound_words(), ids=str)
def test_a_word_means_one_thing(word: Word, said: dict[str, Said]) -> None:
    """It is used, and only where the table says."""
    found = {module: used for module, each in said.items() if (used := word.is_used_in(each))}
    assert found, "the table names a word that nobody uses"
    assert not {module: used for module, used in found.items() if not word.may_stand_in(module)}


@pytest.mark.parametrize("where", sorted({path for word in bound_words() for path in word.only_in}))
def test_the_table_names_places_that_there_are(where: str) -> None:
    """A path in the table is one of the tree."""
    assert any(Word("", (where,)).may_stand_in(module) for module in MODULES)


def test_a_state_is_called_state(said: dict[str, Said]) -> None:
    """What applies events and gives a digest, in a module of a service, is the class State of a file state."""
    states = {
        (module, name)
        for module, each in said.items()
        if not module.startswith("ringfence_kernel/")
        for name, defined in each.classes.items()
        if {"apply", "digest"} <= defined
    }
    assert states
    assert not {(module, name) for module, name in states if name != "State" or Path(module).name != "state.py"}


def test_what_fills_tables_is_called_a_model(said: dict[str, Said]) -> None:
    """A class that projects events into tables is a …Model."""
    models = {
        name
        for module, each in said.items()
        if not module.startswith("ringfence_kernel/")
        for name, defined in each.classes.items()
        if "project" in defined
    }
    assert models
    assert not {name for name in models if not name.endswith("Model")}


def test_a_writer_is_called_writer(said: dict[str, Said]) -> None:
    """Whatever is annotated as a GroupWriter, in a signature or as a field, is a writer."""
    assert {name for each in said.values() for name in each.writers} == {"writer"}
