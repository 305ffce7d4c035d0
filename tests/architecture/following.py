"""Who asks and who follows whom: as the code of the services has it, and as the runbook of a fork lists it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Collection
from pathlib import Path

from ringfence_bootstrap.description import SERVICES

from tests.architecture.documents import DOCS

ROOT = DOCS.parent
FEED_FORK = DOCS / "runbooks" / "feed-fork.md"


def named_by(service: str, calls: Collection[str]) -> set[str]:
    """Returns the services that the code of one names in calls of these names, directly or over its constant SOURCES.

    Raises AttributeError where a call takes them from anywhere else.
    """
    package = ROOT / "services" / service / "src" / f"ringfence_{service.replace('-', '_')}"
    return {name for file in package.rglob("*.py") for name in _named_in(file, package.parent, calls)}


def _named_in(file: Path, root: Path, calls: Collection[str]) -> set[str]:
    found: set[str] = set()
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in calls:
            [first, *_] = call.args
            if isinstance(first, ast.Constant):
                found.add(str(first.value))
            else:
                found |= set(importlib.import_module(".".join(file.relative_to(root).with_suffix("").parts)).SOURCES)
    return found


def followers_in_code() -> dict[str, set[str]]:
    """Returns the followers by their source."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        for source in named_by(service, {"follower"}):
            found.setdefault(source, set()).add(service)
    return found


def followers_named() -> dict[str, set[str]]:
    """Returns the followers by their source as the runbook says that they are to be started again."""
    rows = re.findall(r"^ *\| ([a-z-]+) \| ([a-z-]+(?:, [a-z-]+)*) \|$", FEED_FORK.read_text(encoding="utf-8"), re.M)
    return {source: set(followers.split(", ")) for source, followers in rows if source in SERVICES}
