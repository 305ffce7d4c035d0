"""Recorded batches read again from the event store, to compare a resent id with what is stored."""

from __future__ import annotations

from array import array
from collections import OrderedDict

from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec

from ringfence_custody.ledger.domain.events import TransfersCreated
from ringfence_custody.ledger.domain.packed import TransferBatch, unpacked

CACHED_ROWS = 200_000
"""Transfers, and ids that were burnt, of the batches that are kept."""


class StoredBatches:
    """Where each batch of one book stands in the feed, and the batches used last."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        """Knows no batch yet."""
        self._store, self._codec = store, codec
        self.positions = array("Q")
        self._cached: OrderedDict[int, TransferBatch] = OrderedDict()
        self._rows = 0

    def committed(self, number: int, position: int) -> None:
        """Takes note of where a batch stands; numbers come in order, and maybe again."""
        if number == len(self.positions) + 1:
            self.positions.append(position)

    def load(self, number: int) -> TransferBatch | None:
        """Returns the batch of a number, or None when there is none. Blocks; raises StoreUnavailable."""
        if (cached := self._cached.get(number)) is not None:
            self._cached.move_to_end(number)
            return cached
        if not 0 < number <= len(self.positions):
            return None
        (stored,) = self._store.read(self.positions[number - 1] - 1, 1)
        event, _ = self._codec.decode(stored.topic, stored.state)
        if not isinstance(event, TransfersCreated) or event.number != number:
            raise AssertionError("the position is that of the batch")
        batch = unpacked(event)
        self._cached[number] = batch
        self._rows += _rows(batch)
        while self._rows > CACHED_ROWS and len(self._cached) > 1:
            _, dropped = self._cached.popitem(last=False)
            self._rows -= _rows(dropped)
        return batch


def _rows(batch: TransferBatch) -> int:
    return len(batch) + len(batch.burnt)
