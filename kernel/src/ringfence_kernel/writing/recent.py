"""The newest of what was recorded once and is asked about for ever; the rest stands in a table alone.

A table that is written with its events answers for everything up to the position at which it was looked up. Memory
holds the newest entries, in order of events, so that a look-up made just before a decision is never behind: what has
left memory was in the table before. A key that is higher than every one that has left needs no look-up at all; ids that
begin with their time (UUIDv7, RFC 9562 section 5.7) are, when they are new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from types import GenericAlias
from typing import Any, Generic, TypeVar

from ringfence_kernel.writing import plain
from ringfence_kernel.writing.departed import Departed, LookAgain, require_key
from ringfence_kernel.writing.journal import Journal

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class LookedUp(Generic[ValueT]):
    """What a table said of the keys asked for, as of a position of the feed."""

    position: int
    found: Mapping[bytes, ValueT] = field(default_factory=dict)


class Recent(Generic[ValueT]):
    """The newest `most` entries by key: the id of an owner and one of its own. Every change goes through the journal.

    What leaves is decided by the order of events, so that every process, and every rebuild, holds the same.
    `forgotten_position` is that of the newest entry that is not here: whoever looked up there or later knows all.
    """

    __slots__ = ("_departed", "_entries", "_kind", "_most", "_order", "forgotten_position")

    def __init__(self, kind: type[ValueT], most: int) -> None:
        """Starts empty; `kind` is the class of the values, a plain record."""
        self.forgotten_position = 0
        self._kind, self._most = kind, most
        self._order: deque[tuple[bytes, int, ValueT]] = deque()  # key, position, value
        self._entries: dict[bytes, tuple[bytes, int, ValueT]] = {}
        self._departed = Departed()

    def __len__(self) -> int:
        """Returns how many entries there are, those that were replaced meanwhile among them."""
        return len(self._order)

    def get(self, key: bytes) -> ValueT | None:
        """Returns the newest value of a key, None where it is not, or not any more, here."""
        entry = self._entries.get(key)
        return None if entry is None else entry[2]

    def may_have_left(self, key: bytes) -> bool:
        """Tells whether there may be an entry of this key that is not here; never False where there is one."""
        return self._departed.may_hold(key)

    def put(self, key: bytes, value: ValueT, position: int, journal: Journal) -> None:
        """Takes in an entry of the event at a position, and lets go of the oldest; raises ValueError for no key."""
        require_key(key)
        entry = (key, position, value)
        journal.put(self._entries, key, entry)
        self._order.append(entry)
        journal.call(self._order.pop)
        while len(self._order) > self._most:
            oldest = self._order.popleft()
            journal.call(self._order.appendleft, oldest)
            if self._entries.get(oldest[0]) is oldest:
                self._let_go(oldest[0], oldest[1], journal)

    def _let_go(self, key: bytes, position: int, journal: Journal) -> None:
        journal.remove(self._entries, key)
        journal.call(setattr, self, "forgotten_position", self.forgotten_position)
        self.forgotten_position = position
        self._departed.add([key], journal)

    @contextmanager
    def as_of(self, position: int, keys: Iterable[bytes]) -> Iterator[None]:
        """Lets the block decide about keys by a look-up at a position; raises LookAgain at its end if that was too old.

        At the end, since the block itself may let go of entries that it asks about later.
        """
        yield
        if position < self.forgotten_position and any(map(self.may_have_left, keys)):
            raise LookAgain

    def digest(self) -> bytes:
        """Returns a hash of all of it, in order."""
        return sha256(self.save()).digest()

    def save(self) -> bytes:
        """Returns all of it."""
        return plain.encode((self.forgotten_position, self._departed.highest(), list(self._order)))

    def restore(self, content: memoryview) -> None:
        """Takes up what `save` returned; raises ValueError, unchanged, for anything else."""
        entry = GenericAlias(tuple, (bytes, int, self._kind))
        shape: Any = GenericAlias(tuple, (int, list[bytes], GenericAlias(list, (entry,))))
        self.forgotten_position, highest, order = plain.decode(content, shape)
        self._order, self._entries = deque(order), {each[0]: each for each in order}
        self._departed = Departed(highest)
