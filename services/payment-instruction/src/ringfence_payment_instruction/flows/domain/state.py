"""What flows keep in memory, built from events alone: fee agreements.

An agreement that has ended is known by its id alone, so that nobody agrees on another under it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.flows.domain.events import EVENTS, FeeAgreed

SECTION = "flows, format 1"


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds."""

    agreements: list[FeeAgreed]
    ended: list[bytes]


class State:
    """Fee agreements by tenant and id. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts without any."""
        self._agreements: dict[bytes, FeeAgreed] = {}
        self._ended: dict[bytes, bool] = {}

    def agreement(self, tenant: bytes, agreement: bytes) -> FeeAgreed | None:
        """Returns an agreement that was not ended."""
        return self._agreements.get(tenant + agreement)

    def is_ended(self, tenant: bytes, agreement: bytes) -> bool:
        """Tells whether an agreement was ended."""
        return tenant + agreement in self._ended

    def agreements(self, tenant: bytes) -> list[FeeAgreed]:
        """Returns a tenant's agreements that were not ended, in order of their ids."""
        return [each for key, each in sorted(self._agreements.items()) if key.startswith(tenant)]

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        key = event.tenant + event.agreement
        if isinstance(event, FeeAgreed):
            journal.put(self._agreements, key, event)
        else:
            journal.remove(self._agreements, key)
            journal.put(self._ended, key, True)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all agreements."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        content = plain.decode(sections[SECTION], _Saved)
        self._agreements = {each.tenant + each.agreement: each for each in content.agreements}
        self._ended = dict.fromkeys(content.ended, True)

    def _content(self) -> bytes:
        return plain.encode(_Saved([each for _, each in sorted(self._agreements.items())], sorted(self._ended)))
