"""Who does not stand well, built from events alone: everybody else may pay and be paid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from ringfence_kernel.values.ids import external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.standing.domain.events import EVENTS, StandingNoted

SECTION = "standing, format 1"
STREAM = external_id("standing", b"", "identity")
"""The one stream of all that is noted."""


class Standing(IntEnum):
    """How a principal, a party or a submission stands: by identity's last decision. The numbers are published."""

    GOOD = 0
    SUSPENDED = 1
    LAPSED = 2
    REFUSED = 3
    BLOCKED = 4
    ERASED = 5
    REVOKED = 6


@dataclass(frozen=True, slots=True)
class StandingFact:
    """What identity's feed says of a principal, party, or stream of a submission; `tenant` is empty for a principal."""

    subject: bytes
    tenant: bytes
    standing: Standing

    @property
    def is_of_principal(self) -> bool:
        """Tells whether it is said of a principal."""
        return not self.tenant


class State:
    """Those who do not stand well. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts with everybody in good standing."""
        self.standings: dict[bytes, Standing] = {}

    def of(self, subject: bytes) -> Standing:
        """Returns how somebody stands."""
        return self.standings.get(subject, Standing.GOOD)

    def is_suspended(self, principal: bytes) -> bool:
        """Tells whether a principal, or a platform, is suspended."""
        return self.of(principal) is Standing.SUSPENDED

    def news(self, facts: Iterable[StandingFact]) -> Iterator[StandingNoted]:
        """Yields what is not known yet, in order. Who was erased stays so."""
        known: dict[bytes, Standing] = {}
        for fact in facts:
            before = known.get(fact.subject, self.of(fact.subject))
            if before not in (fact.standing, Standing.ERASED):
                known[fact.subject] = fact.standing
                yield StandingNoted(fact.subject, fact.tenant, fact.standing)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event: StandingNoted = recorded.event
        if event.standing != Standing.GOOD:
            journal.put(self.standings, event.subject, Standing(event.standing))
        elif event.subject in self.standings:
            journal.remove(self.standings, event.subject)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all of it."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        self.standings = {
            subject: Standing(standing)
            for subject, standing in plain.decode(sections[SECTION], list[tuple[bytes, int]])
        }

    def _content(self) -> bytes:
        return plain.encode([(subject, int(standing)) for subject, standing in sorted(self.standings.items())])
