"""The newest closing of each platform and currency, and the last that were demanded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, NamedTuple

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing.journal import Journal

from ringfence_custody.closings.domain.events import EVENTS, BooksClosed

SECTION = "closings, format 2"
KEPT_DEMANDS = 8
"""Of each platform and currency: a demand that is among them gets its closing again."""


class Closed(NamedTuple):
    """A closing: its position in custody's feed, and when it was, UTC nanoseconds."""

    position: int
    closed_ns: int


class Demanded(NamedTuple):
    """A demand, in hex, and the position of the closing that was made for it."""

    demand: str
    position: int


@dataclass(slots=True)
class State:
    """By platform and currency, as `<tenant in hex> <ledger>`."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS
    newest: dict[str, Closed] = field(default_factory=dict)
    demanded: dict[str, tuple[Demanded, ...]] = field(default_factory=dict)

    def of(self, tenant: bytes, ledger: int) -> Closed | None:
        """Returns the newest closing, None before the first."""
        return self.newest.get(_name(tenant, ledger))

    def made_for(self, tenant: bytes, ledger: int, demand: bytes) -> int | None:
        """Returns the position of the closing that a demand has got, None where it is none of the last."""
        kept = self.demanded.get(_name(tenant, ledger), ())
        return next((each.position for each in kept if each.demand == demand.hex()), None)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in a closing."""
        event: BooksClosed = recorded.event
        name = _name(event.tenant, event.ledger)
        journal.put(self.newest, name, Closed(recorded.position, event.closed_ns))
        if event.demand:
            kept = (*self.demanded.get(name, ()), Demanded(event.demand.hex(), recorded.position))
            journal.put(self.demanded, name, kept[-KEPT_DEMANDS:])

    def digest(self) -> bytes:
        """Returns a hash of all."""
        return sha256(self._packed()).digest()

    def save(self) -> Sections:
        """Returns all."""
        return [(SECTION, self._packed())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        said = json.loads(bytes(sections[SECTION]))
        newest = {name: Closed(*closed) for name, closed in said["newest"].items()}
        demanded = {name: tuple(Demanded(*each) for each in kept) for name, kept in said["demanded"].items()}
        self.newest, self.demanded = newest, demanded

    def _packed(self) -> bytes:
        return json.dumps({"newest": self.newest, "demanded": self.demanded}, sort_keys=True).encode()


def _name(tenant: bytes, ledger: int) -> str:
    return f"{tenant.hex()} {ledger}"
