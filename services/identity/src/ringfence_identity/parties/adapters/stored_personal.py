"""Sealed personal data, read from the event that brought it."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec

from ringfence_identity.parties.application.ports import Place


@dataclass(frozen=True, slots=True)
class StoredPersonal:
    """A SealedPersonal over the event store."""

    store: EventStore
    codec: EventCodec

    async def read(self, places: Collection[Place]) -> dict[Place, dict[str, bytes]]:
        """Returns the sealed fields of the event at each place; raises StoreUnavailable."""
        wanted = set(places)
        if not wanted:
            return {}

        def read() -> dict[Place, dict[str, bytes]]:
            found = self.store.replay_streams(self.codec, sorted({stream for stream, _ in wanted}))
            return {place: each.event.personal for each in found if (place := (each.stream, each.version)) in wanted}

        return await asyncio.to_thread(read)
