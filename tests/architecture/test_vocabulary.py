"""One thing, one word: the tables under "Words" in docs/architecture.md, held against the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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
    """What a module defines and calls."""

    classes: frozenset[str]
    names: frozenset[str]
    calls: frozenset[tuple[str, str]]


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


def classes(tree: ast.Module) -> set[str]:
    """Returns the names of classes."""
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def calls(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yields receiver and name of every attribute: `("writer", "commit")` for `self._writer.commit`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            receiver = node.value
            name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
            yield name.lstrip("_"), node.attr


def identifiers(tree: ast.Module) -> set[str]:
    """Returns every name that a module defines: classes, functions, arguments, variables, attributes."""
    found = classes(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return found


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """The services' and the kernel's modules, by path below `src`."""
    return {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}


@pytest.fixture(scope="module")
def said(trees: dict[str, ast.Module]) -> dict[str, Said]:
    """What each of them says."""
    return {
        module: Said(frozenset(classes(tree)), frozenset(identifiers(tree)), frozenset(calls(tree)))
        for module, tree in trees.items()
    }


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


def test_a_state_is_called_state(trees: dict[str, ast.Module]) -> None:
    """What applies events and gives a digest, in a module of a service, is the class State of a file state."""
    states = {
        (module, node.name)
        for module, tree in trees.items()
        if not module.startswith("ringfence_kernel/")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and {"apply", "digest"} <= methods(node)
    }
    assert states
    assert not {(module, name) for module, name in states if name != "State" or Path(module).name != "state.py"}


def test_what_fills_tables_is_called_a_model(trees: dict[str, ast.Module]) -> None:
    """A class that projects events into tables is a …Model."""
    models = {
        node.name
        for module, tree in trees.items()
        if not module.startswith("ringfence_kernel/")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "project" in methods(node)
    }
    assert models
    assert not {name for name in models if not name.endswith("Model")}


def methods(node: ast.ClassDef) -> set[str]:
    """Returns the names of a class's methods."""
    return {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_a_writer_is_called_writer(trees: dict[str, ast.Module]) -> None:
    """Whatever is annotated as a GroupWriter, in a signature or as a field, is a writer."""
    named = {
        name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.arg | ast.AnnAssign)
        and isinstance(node.annotation, ast.Name)
        and node.annotation.id == "GroupWriter"
        for name in [node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)]
    }
    assert named == {"writer"}
