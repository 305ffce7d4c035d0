"""The log's events made again from its leaves alone: whoever holds all leaves can put a lost database back.

Which leaves an event held is in them: those of a source up to their page leaf, each of the log's own alone. Only what
is no leaf is not there: signed checkpoints, of which the next one takes the place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.checkpoint import SourceHead
from ringfence_audit.log.domain.events import Growth
from ringfence_audit.log.domain.leaf import decode
from ringfence_audit.log.domain.merkle import Tile
from ringfence_audit.log.domain.page import PAGE_KIND, Page, prepared
from ringfence_audit.log.domain.state import State

OWN_KINDS = "audit."


@dataclass(frozen=True, slots=True)
class Refilled:
    """An event of the log, its time in UTC nanoseconds, the tiles that it changes, how many leaves it has."""

    event: Growth
    recorded_ns: int
    tiles: list[Tile]
    leaves: int


def events_again(state: State, leaves: Iterable[bytes], last_ns: int) -> Iterator[Refilled]:
    """Yields the events that the next leaves of a log were appended by, and has the state take them in.

    `last_ns` is the time of the event before. Raises ValueError where leaves end within a page, or are no log's.
    """
    waiting: list[bytes] = []
    times: list[int] = []
    for leaf in leaves:
        kind, fields = decode(leaf)
        if kind == PAGE_KIND:
            page = _page(fields, (*waiting, leaf), times)
            event, tiles = state.append_page(prepared(page, deflating=state.is_deflating))
            refilled = Refilled(event, last_ns + 1, tiles, len(page.leaves))
            waiting, times = [], []
        elif kind.startswith(OWN_KINDS):
            if waiting:
                raise ValueError(f"a {kind} leaf stands within a page")
            own, tiles = state.append_again(leaf)
            refilled = Refilled(own, max(last_ns + 1, _integer(fields, "time_ns")), tiles, 1)
        else:
            waiting.append(leaf)
            times.append(_integer(fields, "time_ns"))
            continue
        last_ns = refilled.recorded_ns
        journal = Journal()
        state.apply(Recorded(0, state.stream, 0, refilled.event, last_ns, ""), journal)
        yield refilled
    if waiting:
        raise ValueError("the leaves end within a page")


def _page(fields: dict[str, Any], leaves: tuple[bytes, ...], times: list[int]) -> Page:
    source, digest = fields["source"], fields["hash"]
    if not (isinstance(source, str) and isinstance(digest, bytes) and times):
        raise ValueError("a page leaf is malformed, or lists nothing")
    head = SourceHead(source, _integer(fields, "epoch"), _integer(fields, "last"), digest)
    return Page(head, _integer(fields, "first"), min(times), max(times), leaves)


def _integer(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int):
        raise ValueError(f"a leaf has no {name}")
    return value
