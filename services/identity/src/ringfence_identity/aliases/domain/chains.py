"""Chains: which keys belong to whom, newest first, in rows of fixed size."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.packed_map import PackedMap, ids_to_ids


@dataclass(slots=True)
class Chains:
    """`newest` leads from whoever has keys to the last one, `earlier` from each key to the next. A key is in one."""

    newest: PackedMap[bytes] = field(default_factory=ids_to_ids)
    earlier: PackedMap[bytes] = field(default_factory=ids_to_ids)

    def of(self, holder: bytes) -> Iterator[bytes]:
        """Yields a holder's keys, newest first."""
        key = self.newest.get(holder)
        while key is not None:
            yield key
            key = self.earlier.get(key)

    def add(self, holder: bytes, key: bytes, journal: Journal) -> None:
        """Puts a key before the holder's others."""
        before = self.newest.get(holder)
        if before is not None:
            journal.put(self.earlier, key, before)
        journal.put(self.newest, holder, key)

    def remove(self, holder: bytes, key: bytes, journal: Journal) -> None:
        """Takes a key out, and closes the chain."""
        chain, at = self.newest, holder
        while chain[at] != key:
            chain, at = self.earlier, chain[at]
        if key in self.earlier:
            journal.put(chain, at, self.earlier[key])
            journal.remove(self.earlier, key)
        else:
            journal.remove(chain, at)

    def digest(self) -> bytes:
        """Returns hashes of both in a row."""
        return self.newest.digest() + self.earlier.digest()

    def save(self, name: str) -> Sections:
        """Returns both under names that begin with this one."""
        return [*self.newest.save(f"newest of {name}"), *self.earlier.save(f"earlier of {name}")]

    def restore(self, name: str, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned."""
        self.newest.restore(f"newest of {name}", sections)
        self.earlier.restore(f"earlier of {name}", sections)
