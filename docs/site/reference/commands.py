"""The `ringfence` command: every subcommand with what it does and takes, from the command itself."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import typer
from ringfence.cli import app
from typer.core import TyperGroup, TyperOption

from docs.site.reference.markdown import anchor, code, table, text

PAGE = PurePosixPath("reference/commands.md")
_KINDS = {
    "str": "text",
    "int": "number",
    "int range": "number",
    "float": "number",
    "file": "path",
    "uuid": "id",
    "datetime": "time",
}
Command = Any
"""A command, parameter or type of Typer's own Click, which it does not export."""


def pages() -> dict[PurePosixPath, str]:
    """Returns the page of commands."""
    found = list(commands())
    head = (
        "# Commands\n\n`ringfence COMMAND --help` says the same. Exit codes: 1 failed or not proven, 2 wrong command "
        "line, 3 refused, 4 unavailable for now, 5 the environment (no stack, no credentials, a program missing).\n"
    )
    summary = table(["command", "does"], ([f"[{name}](#{_anchor(name)})", _does(each)] for name, each in found))
    return {PAGE: "\n".join([head, summary, *(part for name, each in found for part in _section(name, each))])}


def commands() -> Iterator[tuple[str, Command]]:
    """Yields every command that is not hidden, by its whole name."""
    return _below(app.info.name or "", typer.main.get_command(app))


def _below(name: str, command: Command) -> Iterator[tuple[str, Command]]:
    if not isinstance(command, TyperGroup):
        yield name, command
        return
    for each in command.commands.values():
        if not each.hidden:
            yield from _below(f"{name} {each.name}", each)


def _section(name: str, command: Command) -> Iterator[str]:
    yield anchor(_anchor(name)) + f"## {name}\n"
    yield "\n\n".join(text(paragraph) for paragraph in (command.help or "").split("\n\n")) + "\n"
    needed = [each.metavar or each.name.upper() for each in command.params if not isinstance(each, TyperOption)]
    yield f"```text\n{' '.join([name, '[OPTIONS]', *needed])}\n```\n"
    rows = []
    for each in command.params:
        said = text(getattr(each, "help", None) or "")
        if isinstance(each, TyperOption):
            rows.append([", ".join(map(code, each.opts)), _value(each), "yes" if each.required else "", said])
        else:
            rows.append([code(each.metavar or each.name.upper()), "", "yes" if each.required else "", said])
    yield table(["takes", "value", "required", "meaning"], rows)


def _value(option: Command) -> str:
    if option.is_flag:
        return "switch"
    if option.metavar:
        value = " ".join(map(code, option.metavar.split("|")))
    elif option.type.name == "choice":
        value = " ".join(map(code, map(str, option.type.choices)))
    else:
        name = option.type.name
        value = _KINDS.get(name, text(name)) + ("s" if option.multiple else "")
    default = option.default.name.lower() if isinstance(option.default, Enum) else option.default
    return value if default in (None, "") or callable(default) else f"{value}; {code(str(default))}"


def _does(command: Command) -> str:
    return text((command.help or "").partition("\n\n")[0])


def _anchor(name: str) -> str:
    return f"command-{name.replace(' ', '-')}"
