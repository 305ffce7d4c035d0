"""Places the nodes of a graph in layers, so that edges lead downwards and cross little.

The steps are those of Sugiyama, Tagawa and Toda (1981): edges of circles are turned, each node is below all that lead
to it, an edge over several layers has a bend in each, layers are ordered by the means of their neighbours, then spread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 12
GAP, BEND = 22.0, 18.0
"""Pixels between two nodes of a layer; width of a bend."""

Node = str | tuple[int, int]
"""A node's id, or a bend: number of the edge, and layer."""
Width = Callable[[Node], float]


@dataclass(frozen=True)
class Layout:
    """Where nodes are, and the bends of each edge in its direction, by the edge's number: x, and layer from 0."""

    places: Mapping[str, tuple[float, int]]
    ways: Sequence[Sequence[tuple[float, int]]]
    layers: int


def laid_out(widths: Mapping[str, float], edges: Sequence[tuple[str, str]]) -> Layout:
    """Returns the places of nodes with these widths in pixels, whose edges are given by their ends."""
    turned = _turned(list(widths), edges)
    forward = [(b, a) if number in turned else (a, b) for number, (a, b) in enumerate(edges)]
    level = _levels(list(widths), forward)
    chains = [_chain(number, a, b, level) for number, (a, b) in enumerate(forward)]
    layers: list[list[Node]] = [[] for _ in range(max(level.values()) + 1)]
    for node in widths:
        layers[level[node]].append(node)
    for bend in [each for chain in chains for each in chain if not isinstance(each, str)]:
        layers[bend[1]].append(bend)
    near = _neighbours(chains)
    _order(layers, near)
    x = _spread(layers, near, lambda node: widths[node] if isinstance(node, str) else BEND)
    ways = []
    for number, chain in enumerate(chains):
        way = [(x[bend], bend[1]) for bend in chain[1:-1] if not isinstance(bend, str)]
        ways.append(way[::-1] if number in turned else way)
    return Layout({node: (x[node], level[node]) for node in widths}, ways, len(layers))


def _turned(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> set[int]:
    """Returns the numbers of edges that close a circle, in the order in which the nodes are told."""
    out: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, (source, target) in enumerate(edges):
        out[source].append((number, target))
    found, done, open_nodes = set[int](), set[str](), set[str]()

    def visit(node: str) -> None:
        open_nodes.add(node)
        for number, target in out[node]:
            if target in open_nodes:
                found.add(number)
            elif target not in done:
                visit(target)
        open_nodes.discard(node)
        done.add(node)

    for node in nodes:
        if node not in done:
            visit(node)
    return found


def _levels(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    level = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for source, target in edges:
            if source != target:
                level[target] = max(level[target], level[source] + 1)
    # What nothing leads to stands right above what it leads to.
    for node in nodes:
        below = [level[target] for source, target in edges if source == node]
        if below and not any(target == node for _, target in edges):
            level[node] = min(below) - 1
    return level


def _chain(number: int, source: str, target: str, level: Mapping[str, int]) -> list[Node]:
    return [source, *((number, each) for each in range(level[source] + 1, level[target])), target]


def _neighbours(chains: Sequence[Sequence[Node]]) -> dict[Node, list[Node]]:
    near: dict[Node, list[Node]] = defaultdict(list)
    for chain in chains:
        for above, below in pairwise(chain):
            near[above].append(below)
            near[below].append(above)
    return near


def _order(layers: list[list[Node]], near: Mapping[Node, Sequence[Node]]) -> None:
    """Orders each layer by the mean places of its neighbours in the layer before, downwards and upwards in turn."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        numbers = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for number in numbers:
            before = {node: index for index, node in enumerate(layers[number - 1 if down else number + 1])}
            own = {node: index for index, node in enumerate(layers[number])}
            means = {}
            for node in layers[number]:
                places = [before[each] for each in near[node] if each in before]
                means[node] = sum(places) / len(places) if places else float(own[node])
            layers[number].sort(key=lambda node: (means[node], own[node]))


def _spread(layers: Sequence[Sequence[Node]], near: Mapping[Node, Sequence[Node]], width: Width) -> dict[Node, float]:
    """Returns the middle of each node in pixels: near the mean of its neighbours, in order, none on another."""
    x: dict[Node, float] = {}
    for layer in layers:
        _pack(layer, dict.fromkeys(layer, 0.0), width, x)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 else reversed(layers):
            means = {node: sum(x[each] for each in near[node]) / len(near[node]) for node in layer if near[node]}
            wanted = {node: means.get(node, x[node]) for node in layer}
            _pack(layer, wanted, width, x)
    left = min(x[node] - width(node) / 2 for node in x)
    return {node: place - left for node, place in x.items()}


def _pack(layer: Sequence[Node], wanted: Mapping[Node, float], width: Width, x: dict[Node, float]) -> None:
    """Places a layer as near to what is wanted as its order and widths allow, its mean error zero."""
    at = -1e9
    for node in layer:
        half = width(node) / 2
        x[node] = max(wanted[node], at + half)
        at = x[node] + half + GAP
    off = sum(x[node] - wanted[node] for node in layer) / max(len(layer), 1)
    for node in layer:
        x[node] -= off
