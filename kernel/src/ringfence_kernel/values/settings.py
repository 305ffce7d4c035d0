"""How a process reads its settings: typed fields of frozen objects, read once from the environment at start-up."""

import dataclasses
import math
import os
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

LONGEST_SECONDS = 10 * 365 * 86_400
SHORTEST_PAUSE_SECONDS = 0.01
"""What is done again and again, again after as long at least."""
SettingsT = TypeVar("SettingsT")


class MissingSetting(Exception):
    """A variable without which the process cannot start; the text names it."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} is not set")
        self.variable = variable


class InvalidSetting(Exception):
    """A variable whose value cannot be read as its type; the text names it and never shows the value."""

    def __init__(self, variable: str, expected: str) -> None:
        super().__init__(f"{variable} is not {expected}")
        self.variable = variable


class Secret:
    """A text that shows itself in no log, no trace and no traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Returns the text."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class Variable:
    """Annotates a settings field with the environment variable that holds its value."""

    name: str


@dataclass(frozen=True, slots=True)
class Number(Variable):
    """The same for a number that is bounded by what is computed with it."""

    least: float = 0
    most: float = 1e12


@dataclass(frozen=True, slots=True)
class Seconds(Number):
    """The same for a time: ten years at most, since timers and timestamps have ends."""

    most: float = LONGEST_SECONDS


@dataclass(frozen=True, slots=True)
class FileVariable:
    """Annotates a settings field with the environment variable that names a file with its value (a mounted secret)."""

    name: str


def read(cls: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """Returns the settings object filled from the environment; an empty variable counts as absent.

    Raises MissingSetting or InvalidSetting, naming the variable.
    """
    source = os.environ if environ is None else environ
    annotations = typing.get_type_hints(cls, include_extras=True)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # no bound says "dataclass"
        kind, variable = typing.get_args(annotations[field.name])
        text = source.get(variable.name, "")
        if text:
            values[field.name] = _value(variable, text, kind)
        elif field.default is dataclasses.MISSING:
            raise MissingSetting(variable.name)
    return cls(**values)


def positive(variable: str, value: int) -> int:
    """Returns the value of a variable that is a number from one on; raises InvalidSetting."""
    if value < 1:
        raise InvalidSetting(variable, "one or more")
    return value


def _value(variable: Variable | FileVariable, text: str, kind: Any) -> Any:
    """Returns a text as its type, as msgspec reads it; a list has commas between its texts."""
    if isinstance(variable, FileVariable):
        text = _content(variable.name, text)
    is_list = typing.get_origin(kind) is tuple
    given = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
    try:
        value = msgspec.convert(given, kind, strict=False, dec_hook=lambda own, value: own(value))
    except msgspec.ValidationError:
        raise InvalidSetting(variable.name, _expected(kind)) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidSetting(variable.name, "a finite number")
    if isinstance(variable, Number) and not variable.least <= value <= variable.most:
        raise InvalidSetting(variable.name, f"a number from {variable.least:g} to {variable.most:,.0f}")
    return value


def _expected(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return f"one of {', '.join(typing.get_args(kind))}"
    return f"a value of type {getattr(kind, '__name__', kind)}"


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidSetting(variable, "a readable text file") from None


def is_port(text: str) -> bool:
    """Tells whether a text is the number of a port."""
    return text.isascii() and text.isdigit() and int(text) < 1 << 16


def host_and_port(variable: str, text: str) -> tuple[str, int]:
    """Returns both; a host that has colons of its own stands in brackets. Raises InvalidSetting."""
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not (bare and is_port(port)) or (host != f"[{bare}]" if ":" in bare else host != bare):
        raise InvalidSetting(variable, "host:port")
    return bare, int(port)
