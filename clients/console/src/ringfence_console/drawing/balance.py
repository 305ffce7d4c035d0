"""A balance over time as a step line, with its highest and its lowest: drawn wide, or again for narrow screens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from ringfence_desk.visible import visible

Point = tuple[int, int]
"""A time (UTC nanoseconds) and the minor units from then on."""
_TICKS = 4
_PIXELS = 2
"""So wide is a column of which the extremes are drawn."""


@dataclass(frozen=True)
class Words:
    """What stands on the picture: amounts, axis figures and times as texts, and what the extremes are called."""

    told: str
    amount: Callable[[int], str]
    axis: Callable[[int], str]
    time: Callable[[int], str]
    highest: str
    lowest: str


@dataclass(frozen=True)
class Frame:
    """Where times and amounts lie on a picture."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    times: Point
    amounts: Point

    def x(self, time_ns: int) -> float:
        """Gives how far to the right a time is."""
        start, end = self.times
        return self.left + (time_ns - start) / max(end - start, 1) * (self.width - self.left - self.right)

    def y(self, minor: int) -> float:
        """Gives how far down an amount is."""
        low, high = self.amounts
        return self.top + (high - minor) / max(high - low, 1) * (self.height - self.top - self.bottom)


def balance(points: Sequence[Point], end_ns: int, words: Words, *, is_down: bool) -> Markup:
    """Draws points in order of time up to an end; where there are many, of each two pixels the extremes."""
    # Whoever says when the end is may have another clock.
    end_ns = max(end_ns, points[-1][0])
    low, high = min(0, *(minor for _, minor in points)), max(0, *(minor for _, minor in points))
    ticks = list(ticks_of(low, high))
    size = (358.0, 230.0, 62.0, 8.0) if is_down else (1120.0, 290.0, 96.0, 16.0)
    frame = Frame(*size, 26.0, 26.0, (points[0][0], end_ns), (ticks[0], ticks[-1]))
    drawn = [*grid(frame, ticks, words), *_line(frame, points, end_ns), *_extremes(frame, points, words)]
    box = f"0 0 {frame.width:g} {frame.height:g}"
    data = f'data-left="{frame.left:g}" data-right="{frame.right:g}" data-start="{frame.times[0]}" data-end="{end_ns}"'
    name = "down" if is_down else "across"
    head = f'<svg class="chart {name}" viewBox="{box}" role="img" aria-label="{escape(visible(words.told))}" {data}>'
    cursor = f'<line class="cursor" y1="{frame.top:g}" y2="{frame.height - frame.bottom:g}"/>'
    return Markup(f"{head}{''.join(drawn)}{cursor}</svg>")


def thinned(points: Sequence[Point], columns: int, end_ns: int) -> list[Point]:
    """Gives at most four points a column: its first, lowest, highest and last; all where there are few."""
    if len(points) <= 4 * columns:
        return list(points)
    start, kept = points[0][0], list[Point]()
    span = max(end_ns - start, 1)
    column: list[Point] = []
    at = 0
    for point in (*points, (end_ns + span, 0)):
        place = (point[0] - start) * columns // span
        if column and place != at:
            extremes = {column[0], column[-1], min(column, key=_minor), max(column, key=_minor)}
            kept += sorted(extremes, key=column.index)
            column = []
        column.append(point)
        at = place
    return kept


def _minor(point: Point) -> int:
    return point[1]


def ticks_of(low: int, high: int) -> Iterator[int]:
    """Yields round amounts around what is drawn."""
    rough = max((high - low) / _TICKS, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough)
    at = low // step * step
    while at < high:
        yield at
        at += step
    yield at


def grid(frame: Frame, ticks: Sequence[int], words: Words) -> Iterator[str]:
    """Yields lines at round amounts, and what stands at them and at times."""
    right = frame.width - frame.right
    for minor in ticks:
        y = frame.y(minor)
        name = "grid zero" if minor == 0 else "grid"
        yield f'<line class="{name}" x1="{frame.left:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        axis = escape(words.axis(minor))
        yield f'<text class="tick" text-anchor="end" x="{frame.left - 8:g}" y="{y + 4:.1f}">{axis}</text>'
    count = 3 if frame.width < 500 else 7
    start, end = frame.times
    for number in range(count):
        time_ns = start + (end - start) * number // (count - 1)
        anchor = "start" if number == 0 else "end" if number == count - 1 else "middle"
        told = escape(words.time(time_ns))
        place = f'x="{frame.x(time_ns):.1f}" y="{frame.height - 6:g}"'
        yield f'<text class="tick" text-anchor="{anchor}" {place}>{told}</text>'


def _line(frame: Frame, points: Sequence[Point], end_ns: int) -> Iterator[str]:
    shown = thinned(points, round(frame.width / _PIXELS), end_ns)
    path = f"M{frame.x(shown[0][0]):.1f},{frame.y(shown[0][1]):.1f}"
    path += "".join(f"H{frame.x(time_ns):.1f}V{frame.y(minor):.1f}" for time_ns, minor in shown[1:])
    path += f"H{frame.x(end_ns):.1f}"
    base = frame.y(max(0, frame.amounts[0]))
    yield f'<path class="area" d="{path}V{base:.1f}H{frame.x(shown[0][0]):.1f}Z"/><path class="balance" d="{path}"/>'


def _extremes(frame: Frame, points: Sequence[Point], words: Words) -> Iterator[str]:
    highest, lowest = max(points, key=_minor), min(points[1:] or points, key=_minor)
    if highest[1] == lowest[1]:
        return
    for (time_ns, minor), word, is_above in ((highest, words.highest, True), (lowest, words.lowest, False)):
        x, y = frame.x(time_ns), frame.y(minor)
        # To the side with more room, whatever it is called.
        anchor = "end" if 2 * x > frame.width else "start"
        below = y + 20 if y < frame.height - frame.bottom - 24 else y - 10
        text = f"{escape(word)} {escape(words.amount(minor))}"
        yield f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        place = f'x="{x:.1f}" y="{y - 10 if is_above else below:.1f}"'
        yield f'<text class="extreme" text-anchor="{anchor}" {place}>{text}</text>'
