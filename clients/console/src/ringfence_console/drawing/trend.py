"""What clients are owed and what is there for it, day by day: drawn wide, or again for narrow screens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from ringfence_desk.visible import visible

from ringfence_console.drawing.balance import Frame, Words, grid, ticks_of


@dataclass(frozen=True)
class Point:
    """A day by its begin (UTC nanoseconds), minor units; `resource_minor` is None before it is known."""

    time_ns: int
    requirement_minor: int
    resource_minor: int | None

    @property
    def is_short(self) -> bool:
        """Tells whether less is there than is owed."""
        return self.resource_minor is not None and self.resource_minor < self.requirement_minor


def trend(points: Sequence[Point], words: Words, *, is_down: bool) -> Markup:
    """Draws at least two days in order of time: what is owed as an area, what is there as a line, short days marked."""
    known = [each.resource_minor for each in points if each.resource_minor is not None]
    amounts = [0, *(each.requirement_minor for each in points), *known]
    ticks = list(ticks_of(min(amounts), max(amounts)))
    size = (358.0, 200.0, 62.0, 12.0) if is_down else (1120.0, 220.0, 96.0, 20.0)
    frame = Frame(*size, 16.0, 26.0, (points[0].time_ns, points[-1].time_ns), (ticks[0], ticks[-1]))
    drawn = [*grid(frame, ticks, words), *_owed(frame, points), *_there(frame, points)]
    box = f"0 0 {frame.width:g} {frame.height:g}"
    name = "down" if is_down else "across"
    head = f'<svg class="chart {name}" viewBox="{box}" role="img" aria-label="{escape(visible(words.told))}">'
    return Markup(f"{head}{''.join(drawn)}</svg>")


def _owed(frame: Frame, points: Sequence[Point]) -> Iterator[str]:
    line = " ".join(f"{frame.x(each.time_ns):.1f},{frame.y(each.requirement_minor):.1f}" for each in points)
    base = frame.y(max(0, frame.amounts[0]))
    first, last = (frame.x(points[at].time_ns) for at in (0, -1))
    yield f'<polygon class="area" points="{first:.1f},{base:.1f} {line} {last:.1f},{base:.1f}"/>'
    yield f'<polyline class="balance" points="{line}"/>'


def _there(frame: Frame, points: Sequence[Point]) -> Iterator[str]:
    known = [(each, each.resource_minor) for each in points if each.resource_minor is not None]
    line = " ".join(f"{frame.x(each.time_ns):.1f},{frame.y(minor):.1f}" for each, minor in known)
    yield f'<polyline class="there" points="{line}"/>'
    for each, minor in known:
        kind = " short" if each.is_short else ""
        yield f'<circle class="dot{kind}" cx="{frame.x(each.time_ns):.1f}" cy="{frame.y(minor):.1f}" r="3.5"/>'
