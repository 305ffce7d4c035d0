"""Records in groups by a key of theirs: who asks for a group looks at nothing else. Changes go through the journal."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Generic, TypeVar

from ringfence_kernel.writing.journal import Journal

KeyT = TypeVar("KeyT", bound=Hashable)
RecordT = TypeVar("RecordT")


class Groups(Generic[KeyT, RecordT]):
    """Records by id in groups; a group without records is none. What adding and removing costs depends on no size."""

    __slots__ = ("_groups", "_key")

    def __init__(self, key: Callable[[RecordT], KeyT]) -> None:
        """Takes what tells a record's group: the same as long as the record is here."""
        self._key = key
        self._groups: dict[KeyT, dict[bytes, RecordT]] = {}

    def __iter__(self) -> Iterator[KeyT]:
        """Yields the keys of all groups, in no order that means anything."""
        return iter(self._groups)

    def of(self, key: KeyT) -> Mapping[bytes, RecordT]:
        """Returns the records of a group by id, in no order that means anything."""
        return self._groups.get(key, {})

    def add(self, identifier: bytes, record: RecordT, journal: Journal) -> None:
        """Takes in a record that is not here."""
        key = self._key(record)
        group = self._groups.get(key)
        if group is None:
            group = {}
            journal.put(self._groups, key, group)
        journal.put(group, identifier, record)

    def remove(self, identifier: bytes, record: RecordT, journal: Journal) -> None:
        """Lets go of a record that is here; raises KeyError."""
        key = self._key(record)
        group = self._groups[key]
        journal.remove(group, identifier)
        if not group:
            journal.remove(self._groups, key)

    def restore(self, records: Mapping[bytes, RecordT]) -> None:
        """Holds these records and no others."""
        self._groups = {}
        for identifier, record in records.items():
            self._groups.setdefault(self._key(record), {})[identifier] = record
