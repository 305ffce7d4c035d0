"""Every setting of every service: names, types, bounds and defaults from the code, meanings from the READMEs.

A setting that no README explains stops the site.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ringfence_audit.settings import AuditSettings
from ringfence_custody.settings import CustodySettings
from ringfence_identity.settings import IdentitySettings
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.store.settings import MigrationSettings
from ringfence_kernel.values.settings import FileVariable, Number, Seconds, Variable
from ringfence_payment_instruction.settings import PaymentInstructionSettings

from docs.site.places import ROOT, quoted
from docs.site.reference.markdown import anchor, code, table, text

PAGE = PurePosixPath("reference/settings.md")
SERVICES: Mapping[str, type[Any]] = {
    "identity": IdentitySettings,
    "custody": CustodySettings,
    "payment-instruction": PaymentInstructionSettings,
    "audit": AuditSettings,
}
_ROW = re.compile(r"^\| (.*?`[A-Z…_].*?) \| (.*) \|$", re.MULTILINE)
_NAME = re.compile(r"`([A-Z][A-Z0-9_{},]+)`")
_ENDING = re.compile(r"`…?(_[A-Z0-9_]+)`")


class UnexplainedSetting(Exception):
    """A variable that is read and that no README explains."""


def pages() -> dict[PurePosixPath, str]:
    """Returns the page of settings."""
    shared = {variable.name for variable in _variables(Settings).values()}
    parts = [
        "# Settings\n\nEnvironment variables, read once when a process starts; one that is missing or cannot be read "
        "is named, and stops it. An empty one counts as absent. Names, kinds, bounds and defaults are from the code.\n"
    ]
    parts += ["## Every service\n", _table(Settings, "README.md", anchored=True)]
    migration = {name for name in (each.name for each in _variables(MigrationSettings).values()) if name not in shared}
    parts += ["\nA migration reads these as well:\n", _table(MigrationSettings, "README.md", only=migration)]
    for service, cls in SERVICES.items():
        inherited = _variables(Settings)
        own = {
            variable.name
            for name, variable in _variables(cls).items()
            if name not in inherited or _default(cls, name) != _default(Settings, name)
        }
        parts += [f"## {service}\n", _table(cls, f"services/{service}/README.md", only=own, anchored=True)]
    return {PAGE: "\n".join(parts)}


def _table(cls: type[Any], readme: str, *, only: set[str] | None = None, anchored: bool = False) -> str:
    meanings = _meanings((ROOT / readme).read_text(encoding="utf-8"))
    rows = []
    for name, variable in _variables(cls).items():
        if only is None or variable.name in only:
            if variable.name not in meanings:
                raise UnexplainedSetting(f"{readme} has no row for {variable.name}")
            rows.append(
                [
                    code(variable.name),
                    _kind(cls, name, variable),
                    _default(cls, name),
                    quoted(readme, meanings[variable.name], PAGE),
                ]
            )
    head = anchor(f"settings-{Path(readme).parent.name or 'all'}") if anchored else ""
    return head + "\n" + table(["variable", "kind", "default", "meaning"], rows)


def _variables(cls: type[Any]) -> dict[str, Variable | FileVariable]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {each.name: typing.get_args(hints[each.name])[1] for each in dataclasses.fields(cls)}


def _default(cls: type[Any], name: str) -> str:
    (field,) = (each for each in dataclasses.fields(cls) if each.name == name)
    match field.default:
        case dataclasses.MISSING:
            return "required"
        case None | "" | ():
            return "none"
        case tuple():
            return code(",".join(map(str, field.default)))
        case bool():
            return code(str(field.default).lower())
        case int() | float():
            return f"{field.default:,}".removesuffix(".0")
        case _:
            return code(str(field.default))


def _kind(cls: type[Any], name: str, variable: Variable | FileVariable) -> str:
    kind = typing.get_args(typing.get_type_hints(cls, include_extras=True)[name])[0]
    kinds = [each for each in typing.get_args(kind) if each is not type(None)] or [kind]
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(code(each) for each in typing.get_args(kind))
    if isinstance(variable, FileVariable):
        return "file that holds it"
    if isinstance(variable, Number):
        unit = "seconds" if isinstance(variable, Seconds) else "number"
        return f"{unit}, {variable.least:g} to {variable.most:,.0f}"
    if typing.get_origin(kind) is tuple:
        return "list, with commas"
    return {"str": "text", "int": "number", "float": "number", "bool": "`true` or `false`", "Path": "path"}.get(
        kinds[0].__name__, text(kinds[0].__name__)
    )


def _meanings(readme: str) -> dict[str, str]:
    """Returns what a README's tables say of variables: the row's second cell, whatever a third says of defaults."""
    found: dict[str, str] = {}
    for names, rest in _ROW.findall(readme):
        meaning = re.split(r" \| (?=[^|]*$)", rest)[0] if rest.count(" | ") else rest
        for name in _expanded(names):
            found.setdefault(name, meaning)
    return found


def _expanded(cell: str) -> Iterator[str]:
    """Yields the names in a cell: `A_{B,C}` is two, and an ending beside a name takes the place of the name's own."""
    whole = []
    for name in _NAME.findall(cell):
        head, brace, tail = name.partition("{")
        options, _, end = tail.partition("}")
        whole += [f"{head}{option}{end}" for option in options.split(",")] if brace else [name]
    yield from whole
    for ending in _ENDING.findall(cell):
        for name in whole:
            stem = name
            while "_" in stem:
                stem = stem.rpartition("_")[0]
                yield stem + ending
