"""Where to look for movements. Changes go through the journal, each at the cost of itself alone."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.writing.journal import Journal

Key = tuple[int, bool, bool]
"""An amount in minor units, direction and reversal."""
Signature = tuple[int, bytes]
"""Which kinds of references a part has, as bits, and whom it is for."""


class Index:
    """Ids by keys. Most keys have one id, which stands for itself; several are a dict that grows in place."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        """Starts empty."""
        self._ids: dict[Hashable, bytes | dict[bytes, None]] = {}

    def get(self, key: Hashable) -> Collection[bytes]:
        """Returns the ids under a key, none for none."""
        found = self._ids.get(key)
        if found is None:
            return ()
        return (found,) if isinstance(found, bytes) else found

    def add(self, key: Hashable, one: bytes, journal: Journal) -> None:
        """Puts an id under a key."""
        found = self._ids.get(key)
        if found is None:
            journal.put(self._ids, key, one)
        elif not isinstance(found, bytes):
            journal.put(found, one, None)
        elif found != one:
            journal.put(self._ids, key, {found: None, one: None})

    def remove(self, key: Hashable, one: bytes, journal: Journal) -> bool:
        """Takes an id that is there away from a key; tells whether it was the last."""
        found = self._ids[key]
        if not isinstance(found, bytes):
            journal.remove(found, one)
            if found:
                return False
        journal.remove(self._ids, key)
        return True


class Amounts:
    """Movements by the amounts of their parts, by which references these have, and by whom they are for."""

    __slots__ = ("_clients", "_ids", "_kinds")

    def __init__(self) -> None:
        """Starts empty."""
        self._ids, self._clients, self._kinds = Index(), Index(), Index()

    def add(self, key: Key, signature: Signature, one: bytes, journal: Journal) -> None:
        """Lists a movement."""
        kinds, client = signature
        if not self._ids.get((key, signature)):
            self._clients.add((key, kinds), client, journal)
            self._kinds.add(key, bytes([kinds]), journal)
        self._ids.add((key, signature), one, journal)

    def remove(self, key: Key, signature: Signature, one: bytes, journal: Journal) -> None:
        """Lists a movement no more."""
        kinds, client = signature
        if self._ids.remove((key, signature), one, journal) and self._clients.remove((key, kinds), client, journal):
            self._kinds.remove(key, bytes([kinds]), journal)

    def alike(self, key: Key, signature: Signature) -> Iterator[bytes]:
        """Yields movements that have no kind of reference in common with a part, and are not for another client."""
        kinds, client = signature
        for (other,) in self._kinds.get(key):
            if other & kinds:
                continue
            clients = self._clients.get((key, other)) if client == ZERO_ID else (client, ZERO_ID)
            for each in clients:
                yield from self._ids.get((key, (other, each)))
