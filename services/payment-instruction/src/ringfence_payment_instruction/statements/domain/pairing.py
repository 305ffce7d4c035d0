"""Pairing two lists one to one, and finding what hangs together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

First = TypeVar("First")
Second = TypeVar("Second")
MAX_PERFECT = 64
"""Up to so many on each side as many pairs as possible are found; beyond, each takes the first that fits."""


def pairs(
    firsts: Sequence[First], seconds: Sequence[Second], fits: Callable[[First, Second], bool]
) -> list[tuple[First, Second]]:
    """Returns pairs that fit, each element in one at most: as many as there can be (Kuhn's augmenting paths)."""
    if max(len(firsts), len(seconds)) > MAX_PERFECT:
        return _greedy(firsts, seconds, fits)
    options = [[position for position, second in enumerate(seconds) if fits(first, second)] for first in firsts]
    taken: dict[int, int] = {}

    def augment(at: int, tried: set[int]) -> bool:
        for position in options[at]:
            if position not in tried:
                tried.add(position)
                if position not in taken or augment(taken[position], tried):
                    taken[position] = at
                    return True
        return False

    for at in range(len(firsts)):
        augment(at, set())
    return [(firsts[at], seconds[position]) for position, at in sorted(taken.items())]


def _greedy(
    firsts: Sequence[First], seconds: Sequence[Second], fits: Callable[[First, Second], bool]
) -> list[tuple[First, Second]]:
    left, found = list(seconds), []
    for first in firsts:
        position = next((position for position, second in enumerate(left) if fits(first, second)), None)
        if position is not None:
            found.append((first, left.pop(position)))
    return found


def components(edges: Iterable[tuple[int, int]]) -> list[tuple[list[int], list[int]]]:
    """Returns the connected parts of a graph between two sides, as the numbers of their elements in order."""
    leader: dict[tuple[int, int], tuple[int, int]] = {}

    def find(node: tuple[int, int]) -> tuple[int, int]:
        while leader.setdefault(node, node) != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for first, second in edges:
        leader[find((0, first))] = find((1, second))
    found: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for side, number in sorted(leader):
        found.setdefault(find((side, number)), ([], []))[side].append(number)
    return list(found.values())
