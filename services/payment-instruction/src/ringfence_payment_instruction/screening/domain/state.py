"""What screening keeps in memory: the sanctions lists in force."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.screening.domain.events import EVENTS
from ringfence_payment_instruction.screening.domain.lists import SanctionsList
from ringfence_payment_instruction.submissions.domain.events import Committed


class State:
    """Lists by name. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts without any list."""
        self.lists: dict[str, SanctionsList] = {}

    def apply(self, recorded: Committed, journal: Journal) -> None:
        """Takes in one event."""
        journal.put(self.lists, recorded.event.list_name, SanctionsList.of(recorded.event))

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(repr(list(self.lists.items())).encode()).digest()
