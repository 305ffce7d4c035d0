"""Sealed personal data, read from the event that brought it."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec

from ringfence_identity.parties.application.ports import SealedAt
from ringfence_identity.parties.domain.events import LegalHoldLifted, LegalHoldPlaced, PartyErased


@dataclass(frozen=True, slots=True)
class StoredPersonal:
    """A SealedPersonal and a Lifetimes over the event store."""

    store: EventStore
    codec: EventCodec

    async def read(self, sealed_at: Collection[SealedAt]) -> dict[SealedAt, dict[str, bytes]]:
        """Returns the sealed fields of the event at each of these; raises StoreUnavailable."""
        wanted = set(sealed_at)
        if not wanted:
            return {}

        def read() -> dict[SealedAt, dict[str, bytes]]:
            found = self.store.replay_streams(self.codec, sorted({stream for stream, _ in wanted}))
            return {at: each.event.personal for each in found if (at := (each.stream, each.version)) in wanted}

        return await asyncio.to_thread(read)

    async def erased_as(self, subjects: Sequence[bytes]) -> dict[bytes, bytes]:
        """Returns a tenant's own ids for those of it who are erased, by subject; raises StoreUnavailable."""
        if not subjects:
            return {}

        def read() -> dict[bytes, bytes]:
            found = self.store.replay_streams(self.codec, sorted(subjects))
            return {each.stream: each.event.party for each in found if isinstance(each.event, PartyErased)}

        return await asyncio.to_thread(read)

    async def last_events(self, subjects: Sequence[bytes]) -> dict[bytes, int]:
        """Returns when a party's record changed last, UTC nanoseconds, legal holds apart; raises StoreUnavailable."""

        def read() -> dict[bytes, int]:
            found = self.store.replay_streams(self.codec, sorted(subjects))
            changes = [each for each in found if not isinstance(each.event, LegalHoldPlaced | LegalHoldLifted)]
            return {each.stream: each.recorded_at_ns for each in changes}

        return await asyncio.to_thread(read)
