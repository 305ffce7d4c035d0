"""What commands print: results on standard output, everything about their progress on standard error."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperCommand

# A file or a pipe has no width of its own, and an id should stand there in one piece.
_PIPED_WIDTH = 160
# Below this the columns move together, so that an id still stands in one piece.
_NARROW_WIDTH = 100

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
# What is printed comes from files and servers: brackets and colons in it are text.
output = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, markup=False, emoji=False)
notes = Console(stderr=True, width=None if sys.stderr.isatty() else _PIPED_WIDTH, emoji=False)


def note(text: str) -> None:
    """One line about what is happening."""
    notes.print(f"[dim]·[/dim] {escape(text)}", highlight=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> Table:
    """A table whose columns in `right` are aligned right."""
    roomy = output.width >= _NARROW_WIDTH
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1 if roomy else 0),
        show_edge=roomy,
    )
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(_plain, row))
    return made


def _plain(text: str) -> str:
    """Takes out what would drive a terminal: what is shown comes from servers."""
    return _CONTROL.sub("\ufffd", text)


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Prints a table on standard output, or for programs one line: a JSON array with an object of texts per row."""
    if _printing.as_json:
        names = [column.replace(" ", "_") for column in columns]
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False), flush=True)
        return
    output.print(table(title, columns, rows, right=right))


def say(text: str) -> None:
    """Prints a line on standard output for people; nothing for programs."""
    if not _printing.as_json:
        output.print(_plain(text), highlight=False, soft_wrap=True)


def show_if_any(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()
) -> None:
    """Like `show`, but an empty table is for programs alone."""
    if rows or _printing.as_json:
        show(title, columns, rows, right=right)


def show_whole(document: Callable[[], Mapping[str, Any]]) -> bool:
    """Prints all that a command has to say as one JSON object; nothing, and False, where it is for people."""
    if _printing.as_json:
        print(json.dumps(document(), ensure_ascii=False), flush=True)
    return _printing.as_json


class _Printing:
    as_json = False

    def choose(self, as_json: bool) -> None:
        self.as_json = as_json


_printing = _Printing()


def _prints(
    as_json: Annotated[
        bool,
        typer.Option("--json", callback=_printing.choose, expose_value=False, help="Prints JSON instead of a table."),
    ] = False,
) -> None:
    pass


def _options() -> list[Any]:
    lone = typer.Typer(add_completion=False)
    lone.command()(_prints)
    return list(typer.main.get_command(lone).params)


class Tabled(TyperCommand):
    """A command that prints a table, or with --json the same as JSON."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += _options()
