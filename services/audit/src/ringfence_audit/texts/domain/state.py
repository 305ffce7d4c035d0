"""Whom orders hold and who was erased, by the leaves that the log took over from identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar

from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.events import OF_SOURCES, leaves_beginning
from ringfence_audit.log.domain.leaf import decode, prefix
from ringfence_audit.log.domain.texts import Client

ERASED_SECTION, HELD_SECTION = "erased, format 2", "held, format 2"
PLACED, LIFTED = "identity.legal_hold_placed.v1", "identity.legal_hold_lifted.v1"
ERASED = "identity.party_erased.v1"
_STARTS = tuple(map(prefix, (PLACED, LIFTED, ERASED)))
"""How leaves of these kinds begin; others are not read."""


def clients(tenant: bytes, party: bytes) -> tuple[Client, Client]:
    """Gives a party by its platform's id, and by that of its stream where another had the id before (ADR 23)."""
    return (tenant, party), (tenant, external_id("identity.party", tenant, party.hex()))


@dataclass(slots=True)
class State:
    """Parties that were erased, and by how many orders each other is held: by each id that facts have for them."""

    EVENTS: ClassVar[tuple[type, ...]] = OF_SOURCES
    erased: dict[Client, bool] = field(default_factory=dict)
    held: dict[Client, int] = field(default_factory=dict)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in what leaves of identity say of parties."""
        for leaf in leaves_beginning(recorded.event, "identity", _STARTS):
            self._take_in(*decode(leaf), journal)

    def _take_in(self, kind: str, fields: Mapping[str, Any], journal: Journal) -> None:
        for client in clients(fields["tenant_id"], fields["party_id"]):
            if kind == ERASED:
                journal.put(self.erased, client, True)
                continue
            orders = self.held.get(client, 0) + (1 if kind == PLACED else -1)
            if orders > 0:
                journal.put(self.held, client, orders)
            elif client in self.held:
                journal.remove(self.held, client)

    def digest(self) -> bytes:
        """Gives a hash of it all."""
        return sha256(self._erased() + self._held()).digest()

    def save(self) -> Sections:
        """Gives all of it."""
        return [(ERASED_SECTION, self._erased()), (HELD_SECTION, self._held())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` gave; raises ValueError or LookupError for another format."""
        erased = plain.decode(sections[ERASED_SECTION], list[Client])
        held = plain.decode(sections[HELD_SECTION], list[tuple[Client, int]])
        self.erased, self.held = dict.fromkeys(erased, True), dict(held)

    def _erased(self) -> bytes:
        return plain.encode(sorted(self.erased))

    def _held(self) -> bytes:
        return plain.encode(sorted(self.held.items()))
