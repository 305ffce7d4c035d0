"""Draws graphs: nodes in layers, edges downwards, and what is said of an edge by a number beneath the picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

from docs.site.diagrams.layout import BEND, laid_out
from docs.site.diagrams.reading import Edge, Graph

_CHARACTER, _BESIDE, _HEIGHT, _LAYER, _MARGIN, _BETWEEN = 7.4, 26, 32, 84, 12, 24
"""Pixels: of a character in a node, beside its text, of its height; from one layer to the next; around everything;
between edges of the same two nodes."""
Point = tuple[float, float]


def draw(graph: Graph) -> str:
    """Returns a picture, the texts of its edges by number, and all of it as a list."""
    widths = {node: max(len(label) * _CHARACTER + _BESIDE, 34.0) for node, label in graph.labels.items()}
    layout = laid_out(widths, [(each.source, each.target) for each in graph.edges])
    middles = {
        node: (x + _MARGIN, layer * _LAYER + _HEIGHT / 2 + _MARGIN) for node, (x, layer) in layout.places.items()
    }
    numbers = _numbered(graph)
    parts, right = [], max(x + widths[node] / 2 for node, (x, _) in middles.items())
    for each, way, aside in zip(graph.edges, layout.ways, _aside(graph.edges), strict=True):
        bends = [(x + _MARGIN, layer * _LAYER + _HEIGHT / 2 + _MARGIN) for x, layer in way]
        ends = [(middles[node][0] + aside, middles[node][1]) for node in (each.source, each.target)]
        parts.append(_edge(each, [ends[0], *bends, ends[1]], numbers))
        right = max([right, *(x + BEND / 2 for x, _ in bends)])
    parts += [_node(graph, node, widths[node], place) for node, place in middles.items()]
    width = right + _MARGIN
    height = layout.layers * _LAYER - (_LAYER - _HEIGHT) + 2 * _MARGIN
    picture = f'<svg viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" aria-hidden="true">{"".join(parts)}</svg>'
    title = f'<p class="title">{escape(graph.title)}</p>' if graph.title else ""
    return f'{title}<div class="picture">{picture}</div>{_legend(numbers)}{_told(graph)}'


def _aside(edges: Sequence[Edge]) -> list[float]:
    """Returns how far each edge is moved to the right, so that those of the same two nodes lie side by side."""
    pairs = [frozenset({each.source, each.target}) for each in edges]
    totals, found = Counter(pairs), list[float]()
    seen = Counter[frozenset[str]]()
    for pair in pairs:
        found.append((seen[pair] - (totals[pair] - 1) / 2) * _BETWEEN)
        seen[pair] += 1
    return found


def _numbered(graph: Graph) -> dict[str, int]:
    """Returns the texts of edges with their numbers, in order."""
    texts = dict.fromkeys(each.label for each in graph.edges if each.label)
    return {text: number for number, text in enumerate(texts, start=1)}


def _node(graph: Graph, node: str, width: float, place: Point) -> str:
    x, y = place
    kind = graph.kinds.get(node, "")
    if kind == "start":
        return f'<circle class="start" cx="{x:.1f}" cy="{y + _HEIGHT / 2 - 7:.1f}" r="7"/>'
    radius = {"outside": _HEIGHT / 2, "store": 10}.get(kind, 4)
    box = f'x="{x - width / 2:.1f}" y="{y - _HEIGHT / 2:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="{radius:g}"'
    label = escape(graph.labels[node])
    return f'<rect class="node {kind}" {box}/><text x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle">{label}</text>'


def _edge(edge: Edge, points: Sequence[Point], numbers: Mapping[str, int]) -> str:
    """Returns a curve from below one node to above the other, or the other way round, through its bends."""
    down = 1 if points[-1][1] > points[0][1] else -1
    ends = [(points[0][0], points[0][1] + down * _HEIGHT / 2), (points[-1][0], points[-1][1] - down * _HEIGHT / 2)]
    way = [ends[0], *points[1:-1], (ends[1][0], ends[1][1] - (down * 7 if edge.is_directed else 0))]
    path = f"M{way[0][0]:.1f} {way[0][1]:.1f}"
    for (ax, ay), (bx, by) in pairwise(way):
        half = (by - ay) / 2
        path += f" C{ax:.1f} {ay + half:.1f} {bx:.1f} {by - half:.1f} {bx:.1f} {by:.1f}"
    drawn = f'<path class="edge{" dotted" if edge.is_dotted else ""}" d="{path}"/>'
    if edge.is_directed:
        drawn += _head(ends[1], down)
    if edge.goes_both_ways:
        drawn += _head(ends[0], -down)
    return drawn + _number(numbers.get(edge.label, 0), way)


def _head(tip: Point, down: int) -> str:
    return f'<path class="head" d="M{tip[0]:.1f} {tip[1]:.1f} l-4 {-down * 8} h8 z"/>'


def _number(number: int, way: Sequence[Point]) -> str:
    if not number:
        return ""
    middle = len(way) // 2
    (ax, ay), (bx, by) = way[middle - 1], way[middle]
    x, y = (bx, by) if len(way) > 2 else ((ax + bx) / 2, (ay + by) / 2)
    return (
        f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="9"/>'
        f'<text class="number" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{number}</text>'
    )


def _legend(numbers: Mapping[str, int]) -> str:
    if not numbers:
        return ""
    return f'<ol class="legend">{"".join(f"<li>{escape(text)}</li>" for text in numbers)}</ol>'


def _told(graph: Graph) -> str:
    rows = []
    for each in graph.edges:
        joined = "↔" if each.goes_both_ways else "→" if each.is_directed else "–"
        text = f": {each.label}" if each.label else ""
        ends = [graph.labels[node] or "start" for node in (each.source, each.target)]
        rows.append(f"<li>{escape(f'{ends[0]} {joined} {ends[1]}{text}')}</li>")
    return f"<details><summary>As text</summary><ul>{''.join(rows)}</ul></details>"
