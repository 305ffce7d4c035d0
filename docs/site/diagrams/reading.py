"""Reads the part of Mermaid that the documents use: flowcharts, state diagrams, sequences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

_LINK = re.compile(
    r"\s+(?P<back><)?(?:-- (?P<solid>\"[^\"]*\"|[^-\"]+?) --(?P<head>>)?|-\. (?P<dotted>\"[^\"]*\"|[^.\"]+?) \.->"
    r"|(?P<plain>-->|---))\s+"
)
_NODE = re.compile(r"(?P<id>[A-Za-z_][\w-]*)(?P<shape>\(\[|\[\(|\[)?(?P<label>.*?)(?:\]\)|\)\]|\])?$")
_STEP = re.compile(r"(?P<from>\w+)(?P<arrow>-->>|->>)(?P<to>\w+): (?P<text>.+)$")
_NOTE = re.compile(r"Note over (?P<over>[\w,]+): (?P<text>.+)$")
_STATES = re.compile(r"(?P<states>[^:]+?)(?:: (?P<text>.+))?$")
START = "[*]"


class NotDrawn(Exception):
    """A line of a picture that is not understood; the text names it."""


@dataclass(frozen=True)
class Edge:
    """From one node to another; without `is_directed` it only joins them."""

    source: str
    target: str
    label: str = ""
    is_dotted: bool = False
    is_directed: bool = True
    goes_both_ways: bool = False


@dataclass
class Graph:
    """Nodes by id, with what is written in them and whether they are outside (round) or a store, and edges in order."""

    title: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """From one participant to another, or to itself; a note has no target and stands over several."""

    source: str
    target: str
    text: str
    is_answer: bool = False
    over: tuple[str, ...] = ()


@dataclass
class Sequence:
    """Participants by id, in order, and what passes between them."""

    participants: dict[str, str] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)


def read(text: str) -> list[Graph | Sequence]:
    """Returns what a text says; a flowchart of groups is one graph for each. Raises NotDrawn."""
    kind, *lines = [line.strip() for line in text.splitlines() if line.strip()]
    if kind == "sequenceDiagram":
        return [_sequence(lines)]
    if kind == "stateDiagram-v2":
        return [_states(lines)]
    if kind.startswith("flowchart"):
        return [*_groups(lines)]
    raise NotDrawn(f"no picture of this kind is drawn: {kind}")


def _groups(lines: list[str]) -> Iterator[Graph]:
    graph = Graph()
    for line in lines:
        if line.startswith("subgraph "):
            graph = Graph(title=line.removeprefix("subgraph ").strip())
        elif line == "end":
            yield graph
            graph = Graph()
        else:
            _chain(graph, line)
    if graph.labels:
        yield graph


def _chain(graph: Graph, line: str) -> None:
    """Reads `a & b -- "text" --> c --> d` into a graph."""
    links = list(_LINK.finditer(line))
    if not links:
        raise NotDrawn(f"this is no edge: {line}")
    cuts = [0, *(position for link in links for position in link.span()), len(line)]
    ends = [_nodes(graph, line[start:end]) for start, end in zip(cuts[::2], cuts[1::2], strict=True)]
    for (sources, targets), link in zip(pairwise(ends), links, strict=True):
        label = (link["solid"] or link["dotted"] or "").strip().strip('"')
        is_directed = bool(link["head"] or link["dotted"] or link["plain"] == "-->")
        for source, target in product(sources, targets):
            graph.edges.append(
                Edge(source, target, label, link["dotted"] is not None, is_directed, link["back"] is not None)
            )


def _nodes(graph: Graph, text: str) -> list[str]:
    found = []
    for part in text.split(" & "):
        node = _NODE.match(part.strip())
        if node is None:
            raise NotDrawn(f"this is no node: {part.strip()}")
        if node["shape"]:
            graph.labels[node["id"]] = node["label"]
            graph.kinds[node["id"]] = {"([": "outside", "[(": "store"}.get(node["shape"], "")
        graph.labels.setdefault(node["id"], node["id"])
        found.append(node["id"])
    return found


def _states(lines: list[str]) -> Graph:
    graph = Graph()
    for line in lines:
        found = _STATES.match(line)
        if found is None or " --> " not in found["states"]:
            raise NotDrawn(f"this is no step: {line}")
        states = [each.strip() for each in found["states"].split(" --> ")]
        graph.labels.update({each: "" if each == START else each for each in states})
        graph.kinds.update({each: "start" for each in states if each == START})
        graph.edges += [Edge(before, after, found["text"] or "") for before, after in pairwise(states)]
    return graph


def _sequence(lines: list[str]) -> Sequence:
    sequence = Sequence()
    for line in lines:
        if line.startswith("participant "):
            name, _, label = line.removeprefix("participant ").partition(" as ")
            sequence.participants[name] = label or name
        elif step := _STEP.match(line):
            sequence.messages.append(Message(step["from"], step["to"], step["text"], step["arrow"] == "-->>"))
        elif note := _NOTE.match(line):
            sequence.messages.append(Message("", "", note["text"], over=tuple(note["over"].split(","))))
        else:
            raise NotDrawn(f"this is no message: {line}")
    return sequence
