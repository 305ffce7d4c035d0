"""Builds state and read models from events alone, and compares them with what the running service left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from ringfence_kernel.projecting.projector import ReadModel, rebuild_and_compare
from ringfence_kernel.projecting.refilling import refill
from ringfence_kernel.service.definition import RebuildReport
from ringfence_kernel.service.settings import Settings
from ringfence_kernel.store import ChainBroken, EventStore
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.writer import State

StateT = TypeVar("StateT", bound=State)


@contextmanager
def opened_store(settings: Settings) -> Iterator[EventStore]:
    """Lends the service's own store, with its own rights."""
    store = EventStore(settings.database_conninfo())
    try:
        yield store
    finally:
        store.close()


def rebuild(
    store: EventStore, codec: EventCodec, state: State, models: Sequence[ReadModel], *, compare: bool
) -> RebuildReport:
    """Verifies the chain and replays it into `state`; with `compare` counts what differs, else fills the tables anew.

    `chain` is 1 when a stored event is not what was committed, `state` when the newest stored digest is not that of the
    rebuilt state at its position; the others count rows that differ, by table.
    """
    try:
        store.verify_chain()
    except ChainBroken as broken:
        return RebuildReport(events=broken.position - 1, differences={"chain": 1})
    events, state_differs = replay_into(store, codec, state)
    differences = {"chain": 0, "state": state_differs}
    for model in models:
        if compare:
            differences |= rebuild_and_compare(store, codec, model)
        else:
            refill(store, codec, model)
    return RebuildReport(events=events, differences=differences)


def replay_into(store: EventStore, codec: EventCodec, state: State) -> tuple[int, int]:
    """Replays all events; returns how many there are, and 1 when the newest stored digest is not met on the way.

    Digests of another format than the state's were stored by another release, and are not looked at.
    """
    with store.connection() as connection:
        row = connection.execute(
            "SELECT position, digest FROM state_digests WHERE format = %s ORDER BY position DESC LIMIT 1",
            (state.digest_format,),
        ).fetchone()
    position, expected = (row["position"], bytes(row["digest"])) if row else (None, b"")
    differs = int(position is not None and position > 0)
    journal, events = Journal(), 0
    for recorded in store.replay(codec):
        state.apply(recorded, journal)
        journal.clear()
        events += 1
        if recorded.position == position:
            differs = int(state.digest() != expected)
    return events, differs
