"""The picture of a run for the README: throughput and latency over the size of a request, and how both have gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.cpu import OTHERS

FILE = Path(__file__).parents[1] / "docs" / "bench.svg"
STYLE: Any = {
    "svg.hashsalt": "ringfence",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
}
SERIES = {
    "custody": ("transfers", "#0b6e99", "o"),
    "custody_hot": ("all through one account", "#d9730d", "s"),
    "custody_pending": ("reserved, then posted", "#6940a5", "^"),
    "custody_sustained": ("sustained, statements included", "#0f7b6c", "D"),
    "custody_sdk": ("256 callers through the SDK", "#ad1a72", "*"),
    "instructions": ("instructions, to settled", "#9b9a97", "v"),
    "instructions_concurrent": ("256 callers of one instruction, to settled", "#9b9a97", "P"),
}
CONTROLS = {
    "copy": ("PostgreSQL: binary COPY", "--"),
    "single_commit": ("PostgreSQL: one-row commits", ":"),
    "transport": ("gRPC alone: one row a request", "-."),
}
AUDITED = (
    ("audit_drained", "per_second", "leaves taken over a second"),
    ("audit_receipts", "service_p99_ms", "receipt, p99"),
    ("audit_answers", "service_p99_ms", "complete answer, p99"),
    ("audit_disk", "leaf_bytes", "disk of a leaf"),
    ("audit_restart", "start_seconds", "restart"),
)
TIMES_THE_BOUND = (0.25, 0.5, 1, 2, 4)
CONTROL_COLOUR = "#37352f"
KEPT_IN_VIEW = 30
ALONE = ("custody", "custody_hot", "custody_pending", "custody_sustained")
"""Rows during which nothing else is needed."""
QUIET_CORES = 0.25

Row = Mapping[str, Any]
Record = Mapping[str, Any]


def draw(records: Sequence[Record], audited: Sequence[Record] = ()) -> None:
    """Draws the newest of the runs, and the history of all; the same runs give the same bytes.

    `audited` are those in which a log of 10 million leaves was measured, all or that alone.
    """
    if not records:
        return
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 8.2), layout="constrained")
        panels = figure.subplot_mosaic(
            [["rate", "latency"], ["history", "history"], ["audit", "audit"]], height_ratios=[2.6, 1, 1]
        )
        _over_size(panels["rate"], records[-1]["rows"], "per_second", "rows per second")
        _over_size(panels["latency"], records[-1]["rows"], "p50_ms", "latency of a request, ms: p50, dotted p99")
        _history(panels["history"], records[-KEPT_IN_VIEW:])
        _against_targets(panels["audit"], audited[-KEPT_IN_VIEW:])
        figure.suptitle(_title(records[-1]), fontsize=9)
        figure.savefig(FILE, format="svg", metadata={"Date": None, "Creator": None})


def _over_size(axes: Axes, rows: Sequence[Row], figure: str, label: str) -> None:
    for name, (text, colour, marker) in SERIES.items():
        if not (found := _measured(rows, name, figure)):
            continue
        axes.plot(*_points(found, figure), marker=marker, color=colour, label=text, linewidth=1.4, markersize=4.5)
        if figure == "p50_ms":
            axes.plot(*_points(found, "p99_ms"), color=colour, linestyle=":", linewidth=1, marker=".", markersize=3)
    if figure == "per_second":
        _controls(axes, rows)
    axes.set(xscale="log", yscale="log", xlabel="rows per request", ylabel=label)
    sizes = sorted({row["per_request"] for row in rows})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    if figure == "per_second":
        axes.legend(loc="lower right")


def _controls(axes: Axes, rows: Sequence[Row]) -> None:
    """Draws the controls as lines; that of one size goes all the way across."""
    for name, (text, style) in CONTROLS.items():
        found = _measured(rows, name, "per_second")
        if len(found) == 1:
            axes.axhline(found[0]["per_second"], color=CONTROL_COLOUR, linestyle=style, linewidth=1, label=text)
        else:
            axes.plot(*_points(found, "per_second"), color=CONTROL_COLOUR, linestyle=style, linewidth=1, label=text)


def _history(axes: Axes, records: Sequence[Record]) -> None:
    """Draws what does not depend on the machine: each size beside its control."""
    commits = [record["commit"] for record in records]
    sizes = sorted({row["per_request"] for record in records for row in _measured(record["rows"], "custody", "ratio")})
    for size, marker in zip(sizes, "v^so", strict=False):
        ratios = [_ratio(record["rows"], size) for record in records]
        axes.plot(range(len(records)), ratios, marker=marker, markersize=3.5, linewidth=1, label=f"{size:,} a request")
    axes.margins(y=0.2)
    axes.set(ylabel="transfers ÷ control", ylim=(0, None))
    axes.set_xticks(range(len(records)), commits, rotation=30, ha="right", fontsize=7)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _against_targets(axes: Axes, records: Sequence[Record]) -> None:
    """Draws what a log of 10 million leaves has shown as parts of its targets, the better the further below 1."""
    for (name, figure, text), marker in zip(AUDITED, "os^vD", strict=True):
        parts = [part_of_target(record["rows"], name, figure) for record in records]
        axes.plot(range(len(records)), parts, marker=marker, markersize=3.5, linewidth=1, label=text)
    axes.axhline(1, color=CONTROL_COLOUR, linestyle="--", linewidth=1)
    axes.set(ylabel="a log of 10 M:\nseen ÷ bound", yscale="log")
    axes.set_yticks(TIMES_THE_BOUND, [f"{each:g}" for each in TIMES_THE_BOUND])
    axes.minorticks_off()
    axes.set_xticks(range(len(records)), [record["commit"] for record in records], rotation=30, ha="right", fontsize=7)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def part_of_target(rows: Sequence[Row], name: str, figure: str) -> float:
    """Gives what part of its bound a figure is, below 1 where it is met; NaN where it was not measured."""
    for target in (each for row in rows if row["name"] == name for each in row["targets"]):
        if target["figure"] == figure:
            seen = float(target["seen"])
            return seen / float(target["most"]) if target["least"] is None else float(target["least"]) / seen
    return float("nan")


def _ratio(rows: Sequence[Row], size: int) -> float:
    return next(
        (row["ratio"] for row in _measured(rows, "custody", "ratio") if row["per_request"] == size), float("nan")
    )


def _measured(rows: Sequence[Row], name: str, figure: str) -> list[Row]:
    """Returns the rows of a name that have a figure, by size."""
    found = [row for row in rows if row["name"] == name and row[figure] is not None]
    return sorted(found, key=lambda row: int(row["per_request"]))


def _points(rows: Sequence[Row], figure: str) -> tuple[list[int], list[float]]:
    return [row["per_request"] for row in rows], [row[figure] for row in rows]


def _title(record: Record) -> str:
    machine, disturbed = record["machine"], ""
    others = [row["cpu_cores"].get(OTHERS) or 0.0 for row in record["rows"] if row["name"] in ALONE]
    if others and (usually := median(others)) > QUIET_CORES:
        disturbed = f"\nnot a quiet machine: something else had {usually:.1f} cores meanwhile"
    return (
        f"{machine['cores']} cores of {machine['cpu']} for client, services and PostgreSQL {machine['postgresql']};"
        f" fsync, mTLS, authentication and tracing on; commit {record['commit']}"
        f"{disturbed}"
    )
