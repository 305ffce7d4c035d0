"""Subcommands that are imported when somebody names them, so that each command begins with what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, TypeAlias

import typer
from typer.core import TyperCommand, TyperGroup

Command: TypeAlias = TyperCommand | TyperGroup
Make: TypeAlias = Callable[[str], Command]
"""Makes the subcommand of a name."""


class Subcommands(MutableMapping[str, Any]):
    """Subcommands by name, in the order of the help; each is made when it is looked up."""

    def __init__(self, makes: Mapping[str, Make]) -> None:
        self._makes = dict(makes)
        self._made: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        if name not in self._made:
            self._made[name] = self._makes[name](name)
        return self._made[name]

    def __setitem__(self, name: str, command: Command) -> None:
        self._makes[name] = lambda _: command
        self._made.pop(name, None)

    def __delitem__(self, name: str) -> None:
        del self._makes[name]
        self._made.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._makes

    def __iter__(self) -> Iterator[str]:
        return iter(self._makes)

    def __len__(self) -> int:
        return len(self._makes)


def plain(module: str, function: str = "") -> Make:
    """A function of a module of commands, by default the one of the module's name."""
    return lambda name: command(name, _found(module, function or module))


def tabled(module: str, function: str = "") -> Make:
    """One that prints a table, and has `--json`."""

    def make(name: str) -> Command:
        # What draws tables is not there before something is to be drawn.
        cls: type[TyperCommand] = _found("terminal", "Tabled")
        return command(name, _found(module, function or module), cls=cls)

    return make


def group(module: str, typed: str = "") -> Make:
    """A Typer of a module of commands, by default the one of the module's name."""

    def make(name: str) -> Command:
        made = typer.main.get_group(_found(module, typed or module))
        made.name = name
        return made

    return make


def local(name: str) -> Command:
    """A subcommand that is there where the local stack is installed."""
    made: Command = _found("local", "subcommand")(name)
    return made


def command(name: str, function: Callable[..., Any], **settings: Any) -> Command:
    """A function as the subcommand of a name; `settings` are those of `Typer.command`."""
    lone = typer.Typer(add_completion=False)
    lone.command(name, **settings)(function)
    made = typer.main.get_command(lone)
    assert isinstance(made, TyperCommand)
    return made


def _found(module: str, attribute: str) -> Any:
    return getattr(import_module(f"ringfence.commands.{module}"), attribute)
