"""By what regulators and auditors read, as identity's leaves say: platforms, countries, from when and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.sight import Sight

GRANTED, STATED = "identity.access_granted.v1", "identity.jurisdiction_stated.v1"
KINDS = (GRANTED, STATED)


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody reads by: no platforms and no countries are all; both have to be met. Times 0: no bound."""

    id: bytes
    platforms: tuple[bytes, ...]
    jurisdictions: tuple[str, ...]
    from_ns: int
    until_ns: int

    def holds(self, now_ns: int) -> bool:
        """Tells whether it has begun and not ended."""
        return now_ns >= self.from_ns and not (self.until_ns and now_ns >= self.until_ns)


@dataclass(slots=True)
class Grants:
    """The grant of each reader, none where it reads everything; the countries of platforms."""

    known: dict[bytes, Grant] = field(default_factory=dict)
    jurisdictions: dict[bytes, str] = field(default_factory=dict)

    def sight(self, principal: bytes, now_ns: int) -> Sight | None:
        """Gives what a reader is shown, None where its grant does not hold now; whether it may read is not asked."""
        grant = self.known.get(principal)
        if grant is None:
            return Sight()
        if not grant.holds(now_ns):
            return None
        said = grant.id, grant.platforms, grant.jurisdictions
        if not (grant.platforms or grant.jurisdictions):
            return Sight(None, *said)
        supervised = {each for each, code in self.jurisdictions.items() if code in grant.jurisdictions}
        named = frozenset(grant.platforms)
        if not grant.jurisdictions:
            return Sight(named, *said)
        return Sight(named & supervised if named else frozenset(supervised), *said)

    def take_in(self, kind: str, fields: Mapping[str, Any], journal: Journal) -> None:
        """Takes in what a leaf of one of `KINDS` says."""
        if kind == STATED:
            journal.put(self.jurisdictions, fields["principal_id"], fields["jurisdiction"])
            return
        platforms = tuple(map(bytes.fromhex, fields.get("platforms", "").split()))
        codes = tuple(fields.get("jurisdictions", "").split())
        grant = Grant(fields["grant_id"], platforms, codes, fields["from_ns"], fields["until_ns"])
        journal.put(self.known, fields["principal_id"], grant)

    def save(self) -> bytes:
        """Gives all of it, in order; nothing where nothing was granted."""
        if not (self.known or self.jurisdictions):
            return b""
        known = [(principal, self.known[principal]) for principal in sorted(self.known)]
        return plain.encode(_Saved(known, sorted(self.jurisdictions.items())))

    def restore(self, saved: memoryview) -> None:
        """Takes up what `save` gave; raises ValueError for another format."""
        found = plain.decode(saved, _Saved) if len(saved) else _Saved([], [])
        self.known, self.jurisdictions = dict(found.known), dict(found.jurisdictions)


@dataclass(frozen=True, slots=True)
class _Saved:
    """All of it, in order."""

    known: list[tuple[bytes, Grant]]
    jurisdictions: list[tuple[bytes, str]]
