"""Builds the log from its events alone and compares it with what the running service left behind."""

from __future__ import annotations

from collections.abc import Mapping

from ringfence_kernel.projecting.projector import rebuild_and_compare
from ringfence_kernel.service import RebuildReport
from ringfence_kernel.store import ChainBroken, EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.journal import Journal

from ringfence_audit.log.adapters.tile_model import SearchModel, TileModel
from ringfence_audit.log.domain.events import EVENT_TYPES
from ringfence_audit.log.domain.state import Log, LogTampered


def rebuild(store: EventStore, origin: str, *, compare: bool) -> RebuildReport:
    """Verifies the chain, replays the tree and its checkpoints; with `compare` also rebuilds the tables beside.

    `chain` is 1 where a stored event was changed, `tree` is 1 where leaves do not lead to a recorded root or
    checkpoint; the others count rows that differ.
    """
    codec = EventCodec(EVENT_TYPES)
    try:
        store.verify_chain()
    except ChainBroken as broken:
        return RebuildReport(events=broken.position - 1, differences={"chain": 1})
    log, journal = Log(origin), Journal()
    events = 0
    try:
        for recorded in store.replay(codec):
            log.apply(recorded, journal)
            journal.clear()
            events += 1
    except LogTampered:
        return RebuildReport(events=events, differences={"tree": 1})
    return RebuildReport(events=events, differences=_table_differences(store, codec) if compare else {})


def _table_differences(store: EventStore, codec: EventCodec) -> Mapping[str, int]:
    tables = [rebuild_and_compare(store, codec, model) for model in (TileModel(), SearchModel())]
    return {"chain": 0, "tree": 0} | tables[0] | tables[1]
