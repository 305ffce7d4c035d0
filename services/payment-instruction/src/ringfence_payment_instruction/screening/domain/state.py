"""What screening keeps in memory: the sanctions lists in force."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.screening.domain.events import EVENTS
from ringfence_payment_instruction.screening.domain.lists import SanctionsList

SECTION = "screening, format 1"
_Saved = list[tuple[str, bytes, int, list[tuple[bytes, str]]]]


class State:
    """Lists by name. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts without any list."""
        self.lists: dict[str, SanctionsList] = {}

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        journal.put(self.lists, recorded.event.list_name, SanctionsList.of(recorded.event))

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all lists in force."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        lists = plain.decode(sections[SECTION], _Saved)
        self.lists = {name: SanctionsList(digest, at_ns, dict(marks)) for name, digest, at_ns, marks in lists}

    def _content(self) -> bytes:
        return plain.encode(
            [
                (name, each.digest, each.published_ns, sorted(each.references.items()))
                for name, each in sorted(self.lists.items())
            ]
        )
