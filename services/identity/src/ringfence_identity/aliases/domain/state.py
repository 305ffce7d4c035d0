"""What is kept of aliases: what each IBAN (its blind index) stands for, who claims it, and what an owner has."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from struct import Struct
from typing import ClassVar

from ringfence_kernel.values.ids import ZERO_ID
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.packed_map import PackedMap

from ringfence_identity.aliases.domain import events
from ringfence_identity.aliases.domain.chains import Chains
from ringfence_identity.aliases.domain.events import (
    AliasClaimed,
    AliasConfirmed,
    AliasRegistered,
    AliasRemoved,
    alias_stream,
)

ALIASES = "aliases, format 2"
CLAIMS = "claims, format 1"
RETIRED = "retired, format 2"
ENDED = "ended, format 1"
OF_OWNERS = "owners, format 1"
CLAIMS_OF_OWNERS = "claims of owners, format 1"
CLAIMS_OF_IBANS = "claims of IBANs, format 1"
RETIRED_OF_OWNERS = "retired of owners, format 1"
MIRRORS = "mirrors, format 1"


@dataclass(frozen=True, slots=True)
class Alias:
    """What an IBAN stands for; `owner` is a party's subject, or the tenant; `bank_feed` speaks for a bank mirror."""

    tenant: bytes
    account: bytes
    owner: bytes
    bank_mirror: bool
    bank_feed: bytes = b""
    version: int = 1
    """Of its stream."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An account that an IBAN would stand for, if its claim were confirmed; `version` is that of its stream."""

    tenant: bytes
    account: bytes
    owner: bytes
    iban_index: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Retired:
    """Whose IBAN it was and stays: the tenant, and its erased client by subject."""

    tenant: bytes
    owner: bytes


@dataclass(slots=True)
class State:
    """Aliases by index, claims by stream: many may claim an IBAN, and it stands for one account at most.

    `retired` has what erased owners had, by index: their IBANs stay taken. `ended` has the last version of
    streams that may go on. `mirrors` counts the bank mirrors that a tenant has with a bank, under both ids in a row.
    """

    EVENTS: ClassVar[tuple[type, ...]] = events.EVENTS

    aliases: PackedMap[Alias] = field(
        default_factory=lambda: PackedMap(Struct("<16s16s16sB16sI"), _alias_fields, _alias)
    )
    claims: PackedMap[Claim] = field(default_factory=lambda: PackedMap(Struct("<16s16s16s16sI"), _claim_fields, _claim))
    retired: PackedMap[Retired] = field(
        default_factory=lambda: PackedMap(
            Struct("<16s16s"), lambda of: (of.tenant, of.owner), lambda key, tenant, owner: Retired(tenant, owner)
        )
    )
    ended: PackedMap[int] = field(
        default_factory=lambda: PackedMap(Struct("<I"), lambda version: (version,), lambda key, version: version)
    )
    of_owner: Chains = field(default_factory=Chains)
    claims_of_owner: Chains = field(default_factory=Chains)
    claims_of_iban: Chains = field(default_factory=Chains)
    retired_of_owner: Chains = field(default_factory=Chains)
    mirrors: dict[bytes, int] = field(default_factory=dict)

    def held_by(self, owner: bytes) -> Iterator[bytes]:
        """Yields the indexes of an owner's aliases, newest first."""
        return self.of_owner.of(owner)

    def kept_of(self, owner: bytes) -> Iterator[bytes]:
        """Yields the indexes of IBANs that stay an erased owner's, newest first."""
        return self.retired_of_owner.of(owner)

    def claimed_by(self, owner: bytes) -> Iterator[Claim]:
        """Yields an owner's claims, newest first."""
        return (self.claims[stream] for stream in self.claims_of_owner.of(owner))

    def claims_on(self, iban_index: bytes) -> Iterator[Claim]:
        """Yields the claims on an IBAN, newest first."""
        return (self.claims[stream] for stream in self.claims_of_iban.of(iban_index))

    def held(self, owner: bytes, iban_index: bytes) -> Alias | None:
        """Returns what an IBAN stands for, if that is this owner's."""
        alias = self.aliases.get(iban_index)
        return alias if alias is not None and alias.owner == owner else None

    def claim(self, owner: bytes, iban_index: bytes) -> Claim | None:
        """Returns an owner's claim on an IBAN."""
        return self.claims.get(alias_stream(owner, iban_index))

    def version(self, owner: bytes, iban_index: bytes) -> int:
        """Returns the version that an owner's stream for an IBAN has come to, 0 for none."""
        found = self.claim(owner, iban_index) or self.held(owner, iban_index)
        return found.version if found else self.ended.get(alias_stream(owner, iban_index), 0)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event; every change goes through the journal.

        The version of an alias's stream stands in its row: the writer need not keep it.
        """
        self._appliers[type(recorded.event)](self, recorded, journal)
        journal.end(recorded.stream)

    def _claim(self, recorded: Recorded, journal: Journal) -> None:
        event: AliasClaimed = recorded.event
        claim = Claim(event.tenant, event.account, event.owner, event.iban_index, recorded.version)
        self._forget(self.ended, recorded.stream, journal)
        journal.put(self.claims, recorded.stream, claim)
        self.claims_of_owner.add(event.owner, recorded.stream, journal)
        self.claims_of_iban.add(event.iban_index, recorded.stream, journal)

    def _confirm(self, recorded: Recorded, journal: Journal) -> None:
        claim = self.claims[recorded.stream]
        self._drop(recorded.stream, claim, journal)
        alias = Alias(claim.tenant, claim.account, claim.owner, bank_mirror=False, version=recorded.version)
        self._stand(claim.iban_index, alias, journal)

    def _register(self, recorded: Recorded, journal: Journal) -> None:
        event: AliasRegistered = recorded.event
        self._forget(self.ended, recorded.stream, journal)
        self._release(event.iban_index, journal)
        mirror, feed = event.bank_mirror, event.bank_feed
        alias = Alias(event.tenant, event.account, event.owner, mirror, feed, recorded.version)
        self._stand(event.iban_index, alias, journal)

    def _remove(self, recorded: Recorded, journal: Journal) -> None:
        event: AliasRemoved = recorded.event
        claim = self.claims.get(recorded.stream)
        if claim is not None:
            self._drop(recorded.stream, claim, journal)
        elif self.held(event.owner, event.iban_index) is None:
            # Of an owner whom the register of the erased names, and whom a restored database does not know.
            self._retire(event, journal)
        else:
            self._count(self.aliases[event.iban_index], -1, journal)
            journal.remove(self.aliases, event.iban_index)
            self.of_owner.remove(event.owner, event.iban_index, journal)
            if not event.released:
                self._retire(event, journal)
        if event.released:
            journal.put(self.ended, recorded.stream, recorded.version)

    _appliers: ClassVar[Mapping[type, Callable[["State", Recorded, Journal], None]]] = {
        AliasClaimed: _claim,
        AliasConfirmed: _confirm,
        AliasRegistered: _register,
        AliasRemoved: _remove,
    }

    def _stand(self, iban_index: bytes, alias: Alias, journal: Journal) -> None:
        journal.put(self.aliases, iban_index, alias)
        self.of_owner.add(alias.owner, iban_index, journal)
        self._count(alias, 1, journal)

    def _drop(self, stream: bytes, claim: Claim, journal: Journal) -> None:
        journal.remove(self.claims, stream)
        self.claims_of_owner.remove(claim.owner, stream, journal)
        self.claims_of_iban.remove(claim.iban_index, stream, journal)

    def _retire(self, event: AliasRemoved, journal: Journal) -> None:
        self._release(event.iban_index, journal)
        journal.put(self.retired, event.iban_index, Retired(event.tenant, event.owner))
        self.retired_of_owner.add(event.owner, event.iban_index, journal)

    def _release(self, iban_index: bytes, journal: Journal) -> None:
        kept = self.retired.get(iban_index)
        if kept is not None:
            journal.remove(self.retired, iban_index)
            self.retired_of_owner.remove(kept.owner, iban_index, journal)

    @staticmethod
    def _forget(rows: PackedMap[int], key: bytes, journal: Journal) -> None:
        if key in rows:
            journal.remove(rows, key)

    def _count(self, alias: Alias, step: int, journal: Journal) -> None:
        if alias.bank_mirror:
            key = alias.tenant + alias.bank_feed
            journal.put(self.mirrors, key, self.mirrors.get(key, 0) + step)

    def digest(self) -> bytes:
        """Returns SHA-256 over everything, in the order of its keys."""
        maps = (self.aliases, self.claims, self.retired, self.ended)
        chains = (self.of_owner, self.claims_of_owner, self.claims_of_iban, self.retired_of_owner)
        content = b"".join(each.digest() for each in (*maps, *chains))
        return sha256(content + self._mirrors()).digest()

    def save(self) -> Sections:
        """Returns everything."""
        return [
            *self.aliases.save(ALIASES),
            *self.claims.save(CLAIMS),
            *self.retired.save(RETIRED),
            *self.ended.save(ENDED),
            *self.of_owner.save(OF_OWNERS),
            *self.claims_of_owner.save(CLAIMS_OF_OWNERS),
            *self.claims_of_iban.save(CLAIMS_OF_IBANS),
            *self.retired_of_owner.save(RETIRED_OF_OWNERS),
            (MIRRORS, self._mirrors()),
        ]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned."""
        mirrors = plain.decode(sections[MIRRORS], list[tuple[bytes, int]])
        self.aliases.restore(ALIASES, sections)
        self.claims.restore(CLAIMS, sections)
        self.retired.restore(RETIRED, sections)
        self.ended.restore(ENDED, sections)
        self.of_owner.restore(OF_OWNERS, sections)
        self.claims_of_owner.restore(CLAIMS_OF_OWNERS, sections)
        self.claims_of_iban.restore(CLAIMS_OF_IBANS, sections)
        self.retired_of_owner.restore(RETIRED_OF_OWNERS, sections)
        self.mirrors = dict(mirrors)

    def _mirrors(self) -> bytes:
        return plain.encode(sorted(self.mirrors.items()))


def _alias_fields(alias: Alias) -> tuple[object, ...]:
    return alias.tenant, alias.account, alias.owner, alias.bank_mirror, alias.bank_feed, alias.version


def _alias(key: bytes, tenant: bytes, account: bytes, owner: bytes, mirror: int, feed: bytes, version: int) -> Alias:
    return Alias(tenant, account, owner, bool(mirror), b"" if feed == ZERO_ID else feed, version)


def _claim_fields(claim: Claim) -> tuple[object, ...]:
    return claim.tenant, claim.account, claim.owner, claim.iban_index, claim.version


def _claim(key: bytes, tenant: bytes, account: bytes, owner: bytes, iban_index: bytes, version: int) -> Claim:
    return Claim(tenant, account, owner, iban_index, version)
