"""What is kept of aliases: what each IBAN (its blind index) stands for, and which aliases an owner has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from struct import Struct
from typing import ClassVar

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.packed_map import PackedMap, ids_to_ids

from ringfence_identity.aliases.domain import events
from ringfence_identity.aliases.domain.events import AliasRegistered, AliasRemoved

ALIASES = "aliases, format 1"
NEWEST = "newest of owners, format 1"
EARLIER = "earlier of owners, format 1"
MIRRORS = "mirrors, format 1"

REGISTERED_VERSION = 1
"""An alias has a stream of its own, registered first and removed once: its owner is erased then, and never returns."""


@dataclass(frozen=True, slots=True)
class Alias:
    """What an IBAN stands for; `owner` is a party, or the tenant itself; `bank_feed` speaks for a bank mirror."""

    tenant: bytes
    account: bytes
    owner: bytes
    bank_mirror: bool
    bank_feed: bytes = b""


@dataclass(slots=True)
class State:
    """All aliases by index. An owner's are a chain: `newest` leads to the last one, `earlier` from each to the next.

    `mirrors` counts the bank mirrors that a tenant has with a bank, under both ids in a row.
    """

    EVENTS: ClassVar[tuple[type, ...]] = events.EVENTS

    aliases: PackedMap[Alias] = field(
        default_factory=lambda: PackedMap(Struct("<16s16s16sB16s"), _alias_fields, _alias)
    )
    newest: PackedMap[bytes] = field(default_factory=ids_to_ids)
    earlier: PackedMap[bytes] = field(default_factory=ids_to_ids)
    mirrors: dict[bytes, int] = field(default_factory=dict)

    def held_by(self, owner: bytes) -> Iterator[bytes]:
        """Yields the indexes of an owner's aliases, newest first."""
        index = self.newest.get(owner)
        while index is not None:
            yield index
            index = self.earlier.get(index)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal.

        The version of an alias's stream follows from its being there: the writer need not keep it.
        """
        event = recorded.event
        if isinstance(event, AliasRegistered):
            self._register(event, journal)
        else:
            self._remove(event, journal)
        journal.end(recorded.stream)

    def _register(self, event: AliasRegistered, journal: Journal) -> None:
        alias = Alias(event.tenant, event.account, event.owner, event.bank_mirror, event.bank_feed)
        journal.put(self.aliases, event.iban_index, alias)
        before = self.newest.get(event.owner)
        if before is not None:
            journal.put(self.earlier, event.iban_index, before)
        journal.put(self.newest, event.owner, event.iban_index)
        self._count(alias, 1, journal)

    def _remove(self, event: AliasRemoved, journal: Journal) -> None:
        """Lets the IBAN stand for nothing, and closes the chain."""
        index, owner = event.iban_index, event.owner
        self._count(self.aliases[index], -1, journal)
        journal.remove(self.aliases, index)
        chain, key = self.newest, owner
        while chain[key] != index:
            chain, key = self.earlier, chain[key]
        if index in self.earlier:
            journal.put(chain, key, self.earlier[index])
            journal.remove(self.earlier, index)
        else:
            journal.remove(chain, key)

    def _count(self, alias: Alias, step: int, journal: Journal) -> None:
        if alias.bank_mirror:
            key = alias.tenant + alias.bank_feed
            journal.put(self.mirrors, key, self.mirrors.get(key, 0) + step)

    def digest(self) -> bytes:
        """Returns SHA-256 over everything, in the order of its keys."""
        content = self.aliases.digest() + self.newest.digest() + self.earlier.digest() + self._mirrors()
        return sha256(content).digest()

    def save(self) -> Sections:
        """Returns everything."""
        return [
            *self.aliases.save(ALIASES),
            *self.newest.save(NEWEST),
            *self.earlier.save(EARLIER),
            (MIRRORS, self._mirrors()),
        ]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned."""
        mirrors = plain.decode(sections[MIRRORS], list[tuple[bytes, int]])
        self.aliases.restore(ALIASES, sections)
        self.newest.restore(NEWEST, sections)
        self.earlier.restore(EARLIER, sections)
        self.mirrors = dict(mirrors)

    def _mirrors(self) -> bytes:
        return plain.encode(sorted(self.mirrors.items()))


def _alias_fields(alias: Alias) -> tuple[object, ...]:
    return alias.tenant, alias.account, alias.owner, alias.bank_mirror, alias.bank_feed


def _alias(key: bytes, tenant: bytes, account: bytes, owner: bytes, mirror: int, feed: bytes) -> Alias:
    return Alias(tenant, account, owner, bool(mirror), b"" if feed == ZERO_ID else feed)
