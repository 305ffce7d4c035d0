"""What each method may be refused for: the tables of docs/errors.md, held against where the code has the reasons.

A method is served by one module of a service. It may be refused by what refuses every call, by the module's own
reasons, and by those of the modules that it rests on; the order is that of docs/errors.md, which is precedence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.site.places import ROOT

_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([A-Z_]+) \| (.*) \|$", re.MULTILINE)
_REASON = re.compile(r"^    reason(?:: ClassVar\[str\])? = \"([A-Z0-9_]+)\"", re.MULTILINE)
_METHOD = re.compile(r"^    (?:async )?def ([A-Z][A-Za-z]+)\(", re.MULTILINE)
EVERY_SERVICE = "Every service"


@dataclass(frozen=True)
class Refusal:
    """A row of docs/errors.md: `meaning` is Markdown, `section` the service, or that of all services."""

    reason: str
    code: str
    meaning: str
    section: str


@cache
def refusals() -> tuple[Refusal, ...]:
    """Returns every refusal in order of precedence, section by section."""
    document = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    return tuple(
        Refusal(reason, code, meaning, title)
        for title, body in _SECTION.findall(document)
        for reason, code, meaning in _ROW.findall(body)
    )


def of_method(service: str, method: str) -> Sequence[Refusal]:
    """Returns the reasons that the module which serves a method has of its own, in order of precedence."""
    modules = _served(service).get(method, frozenset())
    own = {reason for module in modules for reason in _reasons(service).get(module, ())}
    return [each for each in refusals() if each.section == service and each.reason in own]


@cache
def _served(service: str) -> dict[str, frozenset[str]]:
    """Returns the modules of a service by the methods that their api serves."""
    found: dict[str, set[str]] = {}
    for module, path in _sources(service):
        if "api" in {path.stem, path.parent.name}:
            for method in _METHOD.findall(path.read_text(encoding="utf-8")):
                found.setdefault(method, set()).add(module)
    return {method: frozenset(modules) for method, modules in found.items()}


@cache
def _reasons(service: str) -> dict[str, frozenset[str]]:
    """Returns the reasons that each module of a service has of its own."""
    found: dict[str, set[str]] = {}
    for module, path in _sources(service):
        found.setdefault(module, set()).update(_REASON.findall(path.read_text(encoding="utf-8")))
    return {module: frozenset(reasons) for module, reasons in found.items()}


@cache
def _sources(service: str) -> tuple[tuple[str, Path], ...]:
    package = ROOT / "services" / service / "src" / f"ringfence_{service.replace('-', '_')}"
    return tuple((path.relative_to(package).parts[0].removesuffix(".py"), path) for path in package.rglob("*.py"))
