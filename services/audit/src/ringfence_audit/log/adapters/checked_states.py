"""A saved state of the log is held to the log's own events and tiles before anything goes on from it."""

from __future__ import annotations

from collections.abc import Mapping

from ringfence_kernel.store import EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.states import SavedModuleState, SavedStates

from ringfence_audit.log.adapters.carrying_over import backwards
from ringfence_audit.log.adapters.tile_reader import TileReader
from ringfence_audit.log.domain.checkpoint import SourceHead, note_heads
from ringfence_audit.log.domain.events import EVENTS, CheckpointSigned, Growth, StateRecorded, Taken, leaves_of
from ringfence_audit.log.domain.merkle import frontier_tiles
from ringfence_audit.log.domain.state import State
from ringfence_audit.log.domain.state_leaf import stated_heads

MOST_LOOKED_AT = 4_096
"""Events back from the saved position: a log states its heads every second, by a leaf or in its checkpoint."""


class CheckedStates(SavedStates):
    """The service's state; what a snapshot says of the tree, its edge and the sources' heads has to be so."""

    def __init__(self, modules: Mapping[str, SavedModuleState], digest_format: int, log: State) -> None:
        """Takes the modules' states by name, and that of the log among them."""
        super().__init__(modules, digest_format)
        self._log = log

    def check(self, store: EventStore, position: int) -> None:
        """Raises ValueError where the log's state is not what its events up to a position, and its tiles, say."""
        _require_events(self._log, store, position)
        tiles, frontier = TileReader(store), self._log.frontier
        for (level, index), edge in zip(frontier_tiles(frontier.size), frontier.tiles, strict=True):
            # The log may have grown since: what it had then is what the tile begins with.
            if tiles.tile(level, index)[: len(edge)] != edge:
                raise ValueError(f"the saved state has another tile {level}/{index} than is stored")


def _require_events(log: State, store: EventStore, position: int) -> None:
    """Compares the newest root, checkpoint and heads that events tell."""
    codec, heads = EventCodec(EVENTS), dict[str, SourceHead]()
    has_root = has_signed = False
    noted_size, noted = 0, tuple[SourceHead, ...]()
    for _, stored in zip(range(MOST_LOOKED_AT), backwards(store, position), strict=False):
        event, _ = codec.decode(stored.topic, stored.state)
        if isinstance(event, CheckpointSigned) and not has_signed:
            has_signed = True
            if log.signed is None or (log.signed.size, log.signed.note) != (event.size, event.note):
                raise ValueError(f"the saved state has another checkpoint than the event at {stored.position}")
        if isinstance(event, CheckpointSigned) and not noted:
            # Its heads are those at its size, and the log has grown while it was being signed.
            noted_size, noted = event.size, note_heads(event.note)
        if isinstance(event, Growth) and noted and event.first_leaf < noted_size:
            heads = {head.source: head for head in noted} | heads
            break
        if isinstance(event, Growth) and not has_root:
            has_root = True
            if (log.frontier.size, log.frontier.root()) != (event.first_leaf + len(leaves_of(event)), event.root):
                raise ValueError(f"the saved state has another tree than the event at {stored.position}")
        if isinstance(event, Taken):
            heads.setdefault(event.source, SourceHead(event.source, event.epoch, event.last, event.hash))
        if isinstance(event, StateRecorded):
            heads = {head.source: head for head in stated_heads(event.leaf)} | heads
            break
    if any(log.heads.get(source) != head for source, head in heads.items()):
        raise ValueError("the saved state has other heads of sources than the events before it")
