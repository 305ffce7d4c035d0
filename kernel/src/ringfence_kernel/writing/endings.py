"""Tokens that ended before their time: whose holder was suspended since, or had another certificate pinned.

A token says up to where identity's feed had come when it was issued, so that no clock, and no second that both fall
into, decides which came first.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ringfence_kernel.values.clock import NANOSECONDS
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

LONGEST_TOKEN_NS = 360 * NANOSECONDS
"""An access token lives for 300 seconds; the rest is for clocks that differ."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Tokens of a principal, and of who belongs to it, count only from a position in identity's feed on.

    `at_ns` is the time of the event there.
    """

    principal: bytes
    position: int
    at_ns: int


class Endings:
    """The latest endings, kept as long as a token from before them may live, by the times of identity's events."""

    __slots__ = ("_latest", "_order")

    def __init__(self) -> None:
        """Starts with none."""
        self._latest: dict[bytes, Ending] = {}
        self._order: deque[Ending] = deque()

    def __len__(self) -> int:
        """Returns how many are kept."""
        return len(self._order)

    def position_of(self, principal: bytes) -> int:
        """Returns the position of a principal's last ending that is kept, 0 for none."""
        ending = self._latest.get(principal)
        return 0 if ending is None else ending.position

    def are_after(self, position: int, subject: bytes, tenant: bytes | None) -> bool:
        """Tells whether a token has ended that was issued at a position, by its subject or by whom that belongs to."""
        return position < max(self.position_of(subject), self.position_of(tenant or b""))

    def note(self, ending: Ending, journal: Journal) -> None:
        """Takes in one more; lets go of those that no living token is from before."""
        journal.put(self._latest, ending.principal, ending)
        self._order.append(ending)
        journal.call(self._order.pop)
        while ending.at_ns - self._order[0].at_ns > LONGEST_TOKEN_NS:
            oldest = self._order.popleft()
            journal.call(self._order.appendleft, oldest)
            if self._latest.get(oldest.principal) == oldest:
                journal.remove(self._latest, oldest.principal)

    def save(self) -> bytes:
        """Returns all of it, in order."""
        return plain.encode(list(self._order))

    def restore(self, saved: memoryview) -> None:
        """Takes up what `save` returned; raises ValueError for another format."""
        self._order = deque(plain.decode(saved, list[Ending]))
        self._latest = {each.principal: each for each in self._order}
