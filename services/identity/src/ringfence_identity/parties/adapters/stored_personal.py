"""Sealed personal data, read from the event that brought it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec

from ringfence_identity.parties.domain.state import Party


@dataclass(frozen=True, slots=True)
class StoredPersonal:
    """A SealedPersonal over the event store."""

    store: EventStore
    codec: EventCodec

    async def read(self, parties: Sequence[Party]) -> dict[bytes, dict[str, bytes]]:
        """Returns the sealed fields of each party; raises StoreUnavailable."""
        wanted = {(party.id, party.personal_version) for party in parties}
        if not wanted:
            return {}

        def read() -> dict[bytes, dict[str, bytes]]:
            found = self.store.replay_streams(self.codec, [party for party, _ in wanted])
            return {each.stream: each.event.personal for each in found if (each.stream, each.version) in wanted}

        return await asyncio.to_thread(read)
