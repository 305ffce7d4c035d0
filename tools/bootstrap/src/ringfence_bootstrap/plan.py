"""Differences between what is and what should be, and how they are shown."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from ringfence_bootstrap.errors import NotConverged

Values = Mapping[str, Any]

NOTHING_PENDING, FAILED, PENDING = 0, 1, 2
"""Exit codes: everything is as described, the command failed, `--plan` found differences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One object that is to be made (`+`), mended (`~`) or removed (`-`); `fields` with (is, should be) by name."""

    sign: Literal["+", "~", "-"]
    path: str
    fields: Mapping[str, tuple[Any, Any]]

    def lines(self) -> list[str]:
        """Returns the difference for a terminal."""
        shown = [f"{self.sign} {self.path}"]
        for name, (found, wanted) in sorted(self.fields.items()):
            change = _text(wanted) if self.sign == "+" else f"{_text(found)} -> {_text(wanted)}"
            shown.append(f"    {name}: {change}")
        return shown


class Change(Protocol):
    """A difference, and whatever ends it."""

    @property
    def difference(self) -> Difference:
        """What is not as it should be."""


ChangeT = TypeVar("ChangeT", bound=Change)


def converge(look: Callable[[], Sequence[ChangeT]], make: Callable[[ChangeT], object]) -> list[Difference]:
    """Makes every change and looks once more; returns what was changed. Raises NotConverged, and what `make` does."""
    pending = look()
    for change in pending:
        make(change)
    if left := look():
        raise NotConverged(f"still different: {', '.join(each.difference.path for each in left)}")
    return [change.difference for change in pending]


def ask_plan_or_apply(parser: argparse.ArgumentParser) -> None:
    """Adds the two options of which a bootstrap needs one."""
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--plan", action="store_true", help="show the differences, change nothing; exit 2 if any")
    chosen.add_argument("--apply", action="store_true", help="end the differences, and show them")


def differing(found: Values, wanted: Values) -> dict[str, tuple[Any, Any]]:
    """Returns (is, should be) of the wanted fields that differ, at any depth, named with dots.

    Nothing, false, zero, an empty text and an empty list are the same to a server; a list's order is no difference.
    """
    differences: dict[str, tuple[Any, Any]] = {}
    for name, value in wanted.items():
        other = found.get(name)
        if isinstance(value, Mapping) and value and isinstance(other, Mapping):
            more = {key: (other[key], None) for key in other.keys() - value.keys() if other[key]}
            inner = differing(other, value) | more
            differences |= {f"{name}.{key}": pair for key, pair in inner.items()}
        elif not _same(other, value):
            differences[name] = (other, value)
    return differences


def report(differences: Iterable[Difference], done: bool) -> list[str]:
    """Returns the lines of a plan, or of what was done, with a last one that sums up."""
    listed = list(differences)
    if not listed:
        return ["nothing to change"]
    lines = [line for each in listed for line in each.lines()]
    return [*lines, f"{len(listed)} {'changed' if done else 'to change'}"]


def _same(found: Any, wanted: Any) -> bool:
    if not found and not wanted:
        return True
    if isinstance(found, list) and isinstance(wanted, list | tuple):
        return sorted(map(str, found)) == sorted(map(str, wanted))
    return bool(found == wanted)


def _text(value: Any) -> str:
    return json.dumps(value, default=list, sort_keys=True)
