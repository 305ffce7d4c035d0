"""How far what custody has booked is compared with what the bank has said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.domain.events import SourcesPassed

SECTION = "evidence, format 2"


@dataclass(slots=True)
class State:
    """`judged` is the number of leaves whose bookings have all been judged; everything else stands in tables."""

    EVENTS: ClassVar[tuple[type, ...]] = (SourcesPassed,)
    judged: int = 0

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in how far the sources were passed."""
        journal.call(setattr, self, "judged", self.judged)
        self.judged = max(self.judged, recorded.event.size)

    def digest(self) -> bytes:
        """Gives it all."""
        return self.judged.to_bytes(8, "big")

    def save(self) -> Sections:
        """Gives all of it."""
        return [(SECTION, self.digest())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` gave; raises ValueError or LookupError for another format."""
        self.judged = int.from_bytes(sections[SECTION], "big")
