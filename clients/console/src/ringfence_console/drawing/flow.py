"""Ribbons as wide as the money, from where it came to where it went: drawn across, or down for narrow screens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape
from ringfence_desk.visible import visible

_ACROSS_WIDTH, _DOWN_WIDTH = 1120.0, 358.0
_BAR, _LINE = 12.0, 17.0
_SPAN_ACROSS, _SPAN_DOWN, _STEP_DOWN = 210.0, 350.0, 150.0
_LEAST = 5.0
_GATE_STEP, _GATE_LINE = 33.0, 32.0
_MOST_GATES = 5
"""So many decisions and holds are drawn on one ribbon."""
_PERSON = "M10 3a3.500 3.500 0 1 0 .01 0M3 17.500c.6-4 3.300-6 7-6s6.400 2 7 6"
_HOLD = "M7 4v13M13 4v13"
_LETTER = 7.2
"""About how wide a letter is; one of Chinese counts twice."""


@dataclass(frozen=True)
class Knot:
    """A place that money is at: its column, minor units, class, lines of text (an amount first), and where it leads."""

    key: str
    column: int
    minor: int
    name: str
    lines: tuple[str, ...]
    href: str = ""


@dataclass(frozen=True)
class Band:
    """Money that goes from one knot to another."""

    source: str
    target: str
    minor: int
    name: str


@dataclass(frozen=True)
class Gate:
    """A person's decision, or a hold, on the way into a knot."""

    target: str
    line: str
    href: str
    is_hold: bool = False


@dataclass
class _Placed:
    """A knot with where it is along the way and across it, how thick, and how much of it is taken on either side."""

    knot: Knot
    along: float
    across: float
    thick: float
    taken_in: float = 0.0
    taken_out: float = 0.0


def folded(
    knots: Sequence[Knot], bands: Sequence[Band], most: int, others: Mapping[str, str]
) -> tuple[list[Knot], list[Band]]:
    """Puts what is small in a column together: at most `most` knots stay, none under a hundredth of the column.

    `others` has by class what the sum is called, with `%(num)s` for how many it is; sums are exact.
    """
    by_column = defaultdict[int, list[Knot]](list)
    for knot in knots:
        by_column[knot.column].append(knot)
    into: dict[str, str] = {}
    kept: list[Knot] = []
    for column, found in sorted(by_column.items()):
        whole = sum(each.minor for each in found)
        ranked = sorted(found, key=lambda each: -each.minor)
        small = [each for place, each in enumerate(ranked) if place >= most - 1 or each.minor * 100 < whole]
        if len(small) < 2:
            kept += found
            continue
        kept += [each for each in found if each not in small]
        name = small[0].name
        key = f"others-{column}"
        into |= {each.key: key for each in small}
        total = sum(each.minor for each in small)
        kept.append(Knot(key, column, total, name, ("", others["knots"] % {"num": len(small)})))
    sums: dict[tuple[str, str], Band] = {}
    for band in bands:
        ends = into.get(band.source, band.source), into.get(band.target, band.target)
        before = sums.get(ends)
        sums[ends] = Band(*ends, band.minor + (before.minor if before else 0), band.name)
    return kept, list(sums.values())


def flow(knots: Sequence[Knot], bands: Sequence[Band], gates: Iterable[Gate], told: str, *, is_down: bool) -> Markup:
    """Draws knots and bands; `told` says them to who cannot see."""
    placed, long, wide = _placed(knots, is_down)
    over = list[str]()
    ribbons = [_ribbon(placed[band.source], placed[band.target], band, is_down) for band in bands]
    middles = {band.target: ribbon[1] for band, ribbon in sorted(zip(bands, ribbons, strict=True), key=_by_minor)}
    for target, found in _by_target(gates, middles).items():
        for number, gate in enumerate(found):
            over.append(_gate(gate, middles[target], number, len(found)))
        # Whatever is written below the ribbon stands within the picture.
        reach = middles[target][1] + _GATE_LINE + _LINE * len(found)
        long, wide = (max(long, reach), wide) if is_down else (long, max(wide, reach))
    drawn = [ribbon[0] for ribbon in ribbons] + [_knot(each, is_down, wide) for each in placed.values()] + over
    box = f"0 0 {wide:.0f} {long:.0f}" if is_down else f"0 0 {long:.0f} {wide:.0f}"
    name = "down" if is_down else "across"
    head = f'<svg class="flow {name}" viewBox="{box}" role="group" aria-label="{escape(visible(told))}">'
    return Markup(f"{head}{''.join(drawn)}</svg>")


def _by_target(gates: Iterable[Gate], middles: Mapping[str, tuple[float, float]]) -> dict[str, list[Gate]]:
    """Gives the gates of each ribbon that is drawn, the last ones where they are many: the table has all."""
    found: dict[str, list[Gate]] = {}
    for gate in gates:
        if gate.target in middles:
            found.setdefault(gate.target, []).append(gate)
    return {target: each[-_MOST_GATES:] for target, each in found.items()}


def _by_minor(pair: tuple[Band, tuple[str, tuple[float, float]]]) -> int:
    return pair[0].minor


def _placed(knots: Sequence[Knot], is_down: bool) -> tuple[dict[str, _Placed], float, float]:
    """Returns each knot in its place, and how long and wide the picture is."""
    columns = sorted({each.column for each in knots})
    by_column = {column: [each for each in knots if each.column == column] for column in columns}
    most = max(sum(each.minor for each in found) for found in by_column.values()) or 1
    step = _STEP_DOWN if is_down else (_ACROSS_WIDTH - 64) / max(len(columns) - 1, 1)
    placed: dict[str, _Placed] = {}
    widest, head = 0.0, _LINE * max(len(each.lines) for each in knots) + 6.0
    for number, column in enumerate(columns):
        found = by_column[column]
        across = 4.0 if is_down else 8.0
        for knot in found:
            least = 104.0 if is_down and len(found) > 1 else _LEAST
            span = _SPAN_DOWN - 8.0 * (len(found) - 1) if is_down else _SPAN_ACROSS
            thick = max(knot.minor / most * span, least)
            if is_down:
                thick = min(thick, _SPAN_DOWN - (len(found) - 1) * (least + 8.0)) if len(found) > 1 else thick
                placed[knot.key] = _Placed(knot, 6.0 + number * step, across, thick)
                across += thick + 8.0
            else:
                placed[knot.key] = _Placed(knot, 20.0 + number * step, across + head, thick)
                across += head + thick + 14.0
        widest = max(widest, across)
    long = len(columns) * step - step + 84.0 if is_down else _ACROSS_WIDTH
    return placed, long, _DOWN_WIDTH if is_down else widest


def _ribbon(source: _Placed, target: _Placed, band: Band, is_down: bool) -> tuple[str, tuple[float, float]]:
    """Returns a band's path, and the middle of it."""
    wide_out = band.minor / max(source.knot.minor, 1) * source.thick
    wide_in = band.minor / max(target.knot.minor, 1) * target.thick
    a, b = source.across + source.taken_out, target.across + target.taken_in
    source.taken_out += wide_out
    target.taken_in += wide_in
    p, q = source.along + _BAR, target.along
    m = (p + q) / 2

    def at(along: float, across: float) -> str:
        return f"{across:.1f},{along:.1f}" if is_down else f"{along:.1f},{across:.1f}"

    there = f"M{at(p, a)}C{at(m, a)} {at(m, b)} {at(q, b)}"
    back = f"L{at(q, b + wide_in)}C{at(m, b + wide_in)} {at(m, a + wide_out)} {at(p, a + wide_out)}Z"
    across = (a + b + (wide_out + wide_in) / 2) / 2
    middle = (across, m) if is_down else (m, across)
    return f'<path class="ribbon {band.name}" d="{there}{back}"/>', middle


def _knot(placed: _Placed, is_down: bool, wide: float) -> str:
    knot = placed.knot
    x, y = (placed.across, placed.along) if is_down else (placed.along, placed.across)
    width, height = (placed.thick, _BAR) if is_down else (_BAR, placed.thick)
    bar = f'<rect class="bar {knot.name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2"/>'
    top = y + _BAR + _LINE if is_down else y - 8.0 - _LINE * (len(knot.lines) - 1)
    room = (wide - x if is_down else _ACROSS_WIDTH - x) / _LETTER
    is_last = not is_down and room < 12
    start, anchor = (x + _BAR, ' text-anchor="end"') if is_last else (x + (2 if is_down else 0), "")
    texts = "".join(
        f'<text class="{"amount" if not number else "label"}" x="{start:.1f}" y="{top + _LINE * number:.1f}"{anchor}>'
        f"{escape(line)}</text>"
        for number, line in enumerate(knot.lines)
        if line
    )
    return f'{bar}<a href="{escape(knot.href)}">{texts}</a>' if knot.href else bar + texts


def _gate(gate: Gate, middle: tuple[float, float], number: int, count: int) -> str:
    """Draws one of so many on a ribbon, side by side; what each says stands below, the first one first."""
    x, y = middle[0] + (number - (count - 1) / 2) * _GATE_STEP, middle[1]
    drawn = (
        f'<circle class="gate" cx="{x:.1f}" cy="{y:.1f}" r="15"/>'
        f'<path class="gate-person" transform="translate({x - 8:.1f} {y - 9:.1f}) scale(.8)" '
        f'd="{_HOLD if gate.is_hold else _PERSON}"/>'
    )
    line = f"{number + 1} {gate.line}" if count > 1 else gate.line
    at = f'x="{middle[0]:.1f}" y="{y + _GATE_LINE + _LINE * number:.1f}"'
    text = f'<text class="label" text-anchor="middle" {at}>{escape(line)}</text>'
    return f'<a href="{escape(gate.href)}">{drawn}{text}</a>'


def fitted(lines: Sequence[str], letters: int) -> tuple[str, ...]:
    """Cuts lines to about so many letters."""
    return tuple(_cut(line, letters) for line in lines)


def _cut(line: str, letters: int) -> str:
    room = letters
    for place, letter in enumerate(line):
        room -= 2 if ord(letter) > 0x2E7F else 1
        if room < 0:
            return f"{line[: max(place - 1, 1)]}…"
    return line


def letters_across(column: int, columns: int) -> int:
    """Gives how many letters fit at one of so many columns, from 0: the last two share the room between them."""
    between = int((_ACROSS_WIDTH - 64) / max(columns - 1, 1) / _LETTER)
    return max((between // 2 if columns > 1 and column >= columns - 2 else between) - 2, 8)


def with_amounts(knots: Sequence[Knot], amounts: Mapping[str, str]) -> list[Knot]:
    """Gives knots whose first line is their amount, by their key."""
    return [replace(each, lines=(amounts[each.key], *each.lines[1:])) for each in knots]
