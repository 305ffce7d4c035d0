"""Who asks and who follows whom: as the code of the services has it, and as the runbook of a fork lists it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from pathlib import Path

from ringfence_bootstrap.description import SERVICES

from tests.architecture.documents import DOCS

ROOT = DOCS.parent
FEED_FORK = DOCS / "runbooks" / "feed-fork.md"


def named_by(service: str, calls: Collection[str], root: Path = ROOT) -> set[str]:
    """Returns the services that the code of one names in calls of these names, directly or over its constant SOURCES.

    `root` is where the code lies. Raises KeyError where a call takes them from anywhere else.
    """
    package = root / "services" / service / "src" / f"ringfence_{service.replace('-', '_')}"
    return {name for file in package.rglob("*.py") for name in _named_in(file, calls)}


def _named_in(file: Path, calls: Collection[str]) -> set[str]:
    found: set[str] = set()
    text = file.read_text(encoding="utf-8")
    if not any(f".{name}" in text for name in calls):
        return found  # to parse every file takes seconds
    tree = ast.parse(text)
    constants = {ast.unparse(each.targets[0]): each.value for each in tree.body if isinstance(each, ast.Assign)}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in calls:
            [first, *_] = call.args
            if isinstance(first, ast.Constant):
                found.add(str(first.value))
            else:
                found |= set(ast.literal_eval(constants["SOURCES"]))
    return found


def followers_in_code(root: Path = ROOT) -> dict[str, set[str]]:
    """Returns the followers by their source, in the code that lies there."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        for source in named_by(service, {"follower"}, root):
            found.setdefault(source, set()).add(service)
    return found


def days_alone(root: Path = ROOT) -> set[str]:
    """Returns the services whose follower of custody takes over its days and nothing else."""
    found: set[str] = set()
    for service in SERVICES:
        package = root / "services" / service / "src" / f"ringfence_{service.replace('-', '_')}"
        text = (package / "bootstrap.py").read_text(encoding="utf-8")
        handlers = re.findall(r'follower\(\s*"custody",\s*(\w+)\(', text)
        found |= {service} if handlers and set(handlers) == {"take_over_days"} else set()
    return found


def followers_named() -> dict[str, set[str]]:
    """Returns the followers by their source as the runbook says that they are to be started again."""
    rows = re.findall(r"^ *\| ([a-z-]+) \| ([a-z-]+(?:, [a-z-]+)*) \|$", FEED_FORK.read_text(encoding="utf-8"), re.M)
    return {source: set(followers.split(", ")) for source, followers in rows if source in SERVICES}


def orders_named(file: Path) -> list[tuple[str, ...]]:
    """Returns every order of all services that a document names in words or lists: `audit, custody, …, identity`."""
    name = f"({'|'.join(SERVICES)})"
    text = " ".join(file.read_text(encoding="utf-8").split())
    found = re.findall(r"(?:,? (?:then |and )?|, )".join([name] * len(SERVICES)), text)
    return [each for each in found if set(each) == set(SERVICES)]


def pairs_named(file: Path) -> list[tuple[str, str]]:
    """Returns who a document says is upgraded before whom; `it` where it leaves that to the reader."""
    name = "|".join((*SERVICES, "it", "It"))
    text = " ".join(file.read_text(encoding="utf-8").split())
    return re.findall(rf"\b({name}) (?:is upgraded )?before ({name})\b(?! [a-z])", text)
