"""A line of the result: what was seen, its control in the same run, and the targets it has to meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from bench.load import Seen
from bench.targets import TARGETS


@dataclass(frozen=True)
class Row:
    """Rates in rows per second, latencies of one call in milliseconds, CPU in cores by part; None is not measured.

    `cpu_cores` are of the `cores` there were; `cpu_doubt` says why some or all cannot be told.
    """

    name: str
    per_request: int
    callers: int
    rows: int
    seconds: float
    per_second: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    control: str | None = None
    control_per_second: float | None = None
    ratio: float | None = None
    cores: int = 0
    cpu_cores: Mapping[str, float | None] = field(default_factory=dict)
    cpu_doubt: str = ""
    figures: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """The targets of this row, what was seen, and whether each is met."""
        seen = {**asdict(self), **self.figures}
        targets = TARGETS.get((self.name, self.per_request), ())
        return [
            {**asdict(each), "seen": seen.get(each.figure), "met": each.is_met(seen.get(each.figure))}
            for each in targets
        ]

    def as_json(self) -> dict[str, Any]:
        """Returns the row with its targets."""
        return {**asdict(self), "targets": self.verdicts}


def row(
    name: str, per_request: int, callers: int, seen: Seen, control: tuple[str, float] | None, **figures: Any
) -> Row:
    """Returns the line for what was seen beside a control: its name and rows per second."""
    ratio = seen.per_second / control[1] if control else None
    cpu_cores, cpu_doubt = seen.cpu.in_cores()
    return Row(
        name=name,
        per_request=per_request,
        callers=callers,
        rows=seen.rows,
        seconds=round(seen.seconds, 3),
        per_second=round(seen.per_second, 1),
        p50_ms=_rounded(seen.quantile_ms(0.5), 2),
        p99_ms=_rounded(seen.quantile_ms(0.99), 2),
        control=control[0] if control else None,
        control_per_second=round(control[1], 1) if control else None,
        ratio=_rounded(ratio, 3),
        cores=seen.cpu.cores,
        cpu_cores=cpu_cores,
        cpu_doubt=cpu_doubt,
        figures={name: _rounded(figure, 3) for name, figure in figures.items()},
    )


Ratios = Mapping[tuple[str, int], float]
"""By name and rows per request."""


def compared(done: Row, earlier: Ratios) -> str:
    """Returns the ratio of a row beside that of an earlier run, where both were measured: "3.68 (was 3.55)"."""
    was = earlier.get((done.name, done.per_request))
    if done.ratio is None:
        return "–"
    return f"{done.ratio:.3g}" + (f" (was {was:.3g})" if was is not None else "")


@dataclass(frozen=True)
class Results:
    """The rows of one run, told as they are done beside the ratios of an earlier one."""

    progress: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)
    earlier: Ratios = field(default_factory=dict)

    def add(self, done: Row) -> None:
        """Takes in a row."""
        self.rows.append(done)
        beside = f", {done.control}: {done.control_per_second:,.0f}/s" if done.control else ""
        ratio = f", ratio {compared(done, self.earlier)}" if done.ratio is not None else ""
        doubt = f"; CPU: {done.cpu_doubt}" if done.cpu_doubt else ""
        self.progress(f"{done.name} {done.per_request:,}: {done.per_second:,.0f}/s{beside}{ratio}{doubt}")

    def find(self, name: str, per_request: int) -> Row | None:
        """Returns a row that is done, or None."""
        return next((each for each in self.rows if (each.name, each.per_request) == (name, per_request)), None)


def tables(results: Results) -> list[Table]:
    """Returns the rows for people, and every target with what became of it."""
    return [_rows_table(results.rows, results.earlier), _targets_table(results.rows)]


def _rows_table(rows: Sequence[Row], earlier: Ratios) -> Table:
    shown = Table(title="rows per second on this machine, beside the controls of the same run")
    shown.add_column("name", no_wrap=True)
    for column in ("per request", "callers", "rows", "per second", "p50 ms", "p99 ms", "ratio"):
        shown.add_column(column, justify="right")
    for column in ("control", "CPU, cores", "figures"):
        shown.add_column(column, no_wrap=True)
    for each in rows:
        shown.add_row(
            each.name,
            *(_number(value) for value in (each.per_request, each.callers, each.rows, each.per_second)),
            *(_number(value) for value in (each.p50_ms, each.p99_ms)),
            compared(each, earlier),
            f"{each.control} {_number(each.control_per_second)}" if each.control else "",
            _lines(each.cpu_cores) + (f"\n{each.cpu_doubt}" if each.cpu_doubt else ""),
            _lines(each.figures),
        )
    return shown


def _targets_table(rows: Sequence[Row]) -> Table:
    shown = Table("name", "per request", "figure", "target", "seen", "met", title="targets")
    for each in rows:
        for verdict in each.verdicts:
            bound = f"≥ {verdict['least']:,}" if verdict["least"] is not None else f"≤ {verdict['most']:,}"
            met = "yes" if verdict["met"] else "[bold]MISSED[/bold]"
            size = _number(each.per_request)
            shown.add_row(each.name, size, verdict["figure"], bound, _number(verdict["seen"]), met)
    return shown


def _lines(figures: Mapping[str, float | None]) -> str:
    return "\n".join(f"{name} {_number(figure)}" for name, figure in figures.items())


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
