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
        self._agreements: dict[bytes, dict[bytes, FeeAgreed]] = {}
        self._ended: dict[bytes, bool] = {}

    def agreement(self, tenant: bytes, agreement: bytes) -> FeeAgreed | None:
        """Returns an agreement that was not ended."""
        return self._agreements.get(tenant, {}).get(agreement)

    def is_ended(self, tenant: bytes, agreement: bytes) -> bool:
        """Tells whether an agreement was ended."""
        return tenant + agreement in self._ended

    def agreements(self, tenant: bytes) -> list[FeeAgreed]:
        """Returns a tenant's agreements that were not ended, in order of their ids."""
        return [each for _, each in sorted(self._agreements.get(tenant, {}).items())]

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event = recorded.event
        if event.tenant not in self._agreements:
            journal.put(self._agreements, event.tenant, {})
        own = self._agreements[event.tenant]
        if isinstance(event, FeeAgreed):
            journal.put(own, event.agreement, event)
        else:
            journal.remove(own, event.agreement)
            journal.put(self._ended, event.tenant + event.agreement, True)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all agreements."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        content = plain.decode(sections[SECTION], _Saved)
        self._agreements = {}
        for each in content.agreements:
            self._agreements.setdefault(each.tenant, {})[each.agreement] = each
        self._ended = dict.fromkeys(content.ended, True)

    def _content(self) -> bytes:
        agreements = [each for tenant in sorted(self._agreements) for each in self.agreements(tenant)]
        return plain.encode(_Saved(agreements, sorted(self._ended)))
