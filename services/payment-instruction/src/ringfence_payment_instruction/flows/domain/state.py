"""What flows keep in memory, built from events alone: fee agreements.

The newest agreements that have ended are known by their ids, so that nobody agrees on another under them; of older ones
only the highest id is (docs/adr/0016), and their own events say the rest.
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
from ringfence_kernel.writing.recent import Recent

from ringfence_payment_instruction.flows.domain.events import EVENTS, FeeAgreed

SECTION, ENDED = "flows, format 2", "ended"
RECENT_ENDED = 16_384
"""So many that have ended are in memory; another number is another digest format."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds."""

    agreements: list[FeeAgreed]


class State:
    """Fee agreements by tenant and id. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self, recent_ended: int = RECENT_ENDED) -> None:
        """Starts without any."""
        self._agreements: dict[bytes, dict[bytes, FeeAgreed]] = {}
        self.ended = Recent(bool, recent_ended)

    def agreement(self, tenant: bytes, agreement: bytes) -> FeeAgreed | None:
        """Returns an agreement that was not ended."""
        return self._agreements.get(tenant, {}).get(agreement)

    def is_ended(self, tenant: bytes, agreement: bytes) -> bool:
        """Tells whether an agreement was ended lately; of others see `ended.may_have_left`."""
        return self.ended.get(tenant + agreement) is not None

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
            if not own:
                journal.remove(self._agreements, event.tenant)
            self.ended.put(event.tenant + event.agreement, True, recorded.position, journal)
            journal.end(recorded.stream)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content() + self.ended.digest()).digest()

    def save(self) -> Sections:
        """Returns all agreements, and what is known of those that have ended."""
        return [(SECTION, self._content()), (ENDED, self.ended.save())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        content = plain.decode(sections[SECTION], _Saved)
        self._agreements = {}
        for each in content.agreements:
            self._agreements.setdefault(each.tenant, {})[each.agreement] = each
        self.ended.restore(sections[ENDED])

    def _content(self) -> bytes:
        agreements = [each for tenant in sorted(self._agreements) for each in self.agreements(tenant)]
        return plain.encode(_Saved(agreements))
