"""Fee agreements that have left memory, read from their own events."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec

from ringfence_payment_instruction.flows.domain.events import FeeAgreementEnded


@dataclass(frozen=True, slots=True)
class StoredAgreements:
    """The PastAgreements port over the service's own database."""

    store: EventStore
    codec: EventCodec

    def is_ended(self, stream: bytes) -> bool:
        """See PastAgreements."""
        return any(
            isinstance(each.event, FeeAgreementEnded) for each in self.store.replay_streams(self.codec, [stream])
        )
