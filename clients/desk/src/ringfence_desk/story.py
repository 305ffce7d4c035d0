"""A story in its order: by time, and where one fact is another's cause, the cause first.

The order of the log is not that of causes: it takes over one source after the other. Times are those of each source,
whose clocks may differ by as much as the database bears (two seconds), so that they alone do not tell causes apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from ringfence_desk.causes import causes
from ringfence_desk.fact import Fact


def ordered(facts: Iterable[Fact]) -> list[Fact]:
    """Gives facts in the order of the story, each once; what has no time stands where the log has it.

    No fact is lost: where what facts say of causes goes round in a circle, it is cut at the earliest.
    """
    found = sorted({fact.index: fact for fact in facts}.values(), key=lambda fact: fact.index)
    times = _times(found)
    followers: list[list[int]] = [[] for _ in found]
    waiting = [0] * len(found)
    for cause, effect in causes(found):
        followers[cause].append(effect)
        waiting[effect] += 1
    return [found[place] for place in _by_time_and_cause(times, followers, waiting)]


def _by_time_and_cause(times: Sequence[int], followers: Sequence[Sequence[int]], waiting: list[int]) -> list[int]:
    """Returns places so that each comes after those it follows, otherwise by time (Kahn, with the earliest first)."""
    ready: list[tuple[int, int]] = []
    for place, causes_left in enumerate(waiting):
        if not causes_left:
            heappush(ready, (times[place], place))
    by_time = sorted(range(len(times)), key=lambda place: (times[place], place))
    done = [False] * len(times)
    placed, at = list[int](), 0
    while len(placed) < len(times):
        if ready:
            place = heappop(ready)[1]
        else:
            while done[by_time[at]]:
                at += 1
            place = by_time[at]
        if done[place]:
            continue
        done[place] = True
        placed.append(place)
        for follower in followers[place]:
            waiting[follower] -= 1
            if not waiting[follower] and not done[follower]:
                heappush(ready, (times[follower], follower))
    return placed


def _times(facts: Sequence[Fact]) -> list[int]:
    """Returns the time of each fact; of one without, that of the one before it in the log."""
    times, last = list[int](), 0
    for fact in facts:
        last = fact.time_ns if fact.time_ns is not None else last
        times.append(last)
    return times
