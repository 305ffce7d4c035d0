"""What commands print: results on standard output, everything about their progress on standard error."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

output = Console()
notes = Console(stderr=True)


def note(text: str) -> None:
    """One line about what is happening."""
    notes.print(f"[dim]·[/dim] {text}", highlight=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> Table:
    """A table whose columns in `right` are aligned right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Prints a table on standard output."""
    output.print(table(title, columns, rows, right=right))
