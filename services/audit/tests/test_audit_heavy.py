"""What runs in the threads of heavy work is declared heavy, so that nobody has many such calls under way at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ringfence_audit
from ringfence_audit.bootstrap import HEAVY
from ringfence_audit.disclosure.module import served

SOURCE = Path(ringfence_audit.__file__).parent


def heavy_methods() -> Iterator[str]:
    """Yields methods of servicers that have something run heavily, themselves or by another method of theirs."""
    for path in SOURCE.glob("*/api/*.py"):
        for servicer in (each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.ClassDef)):
            names = {
                each.name: {found.attr for found in ast.walk(each) if isinstance(found, ast.Attribute)}
                for each in servicer.body
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            for method in names:
                if method[0].isupper() and "_heavily" in reached(method, names, set()):
                    yield method


def reached(name: str, names: dict[str, set[str]], seen: set[str]) -> set[str]:
    """Gives what a method names, and what methods of the same class that it names do."""
    if name in seen:
        return set()
    seen.add(name)
    return names[name].union(*(reached(each, names, seen) for each in names[name] & names.keys()))


def test_what_runs_heavily_is_declared_heavy() -> None:
    """Also a method that somebody adds."""
    found = set(heavy_methods())
    assert {"Search", "ListReads", "GetBooks"} <= found
    assert found <= HEAVY


def test_a_look_up_is_heavy() -> None:
    """It may look through much of the log."""
    made: Any = None
    assert served(made, lambda servicer: servicer).heavy == {"LookUp"}
