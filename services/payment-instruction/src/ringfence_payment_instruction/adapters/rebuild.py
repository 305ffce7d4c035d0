"""Builds state and read models from events alone, and compares them with what the running service left behind."""

from __future__ import annotations

from ringfence_kernel.codec import EventCodec
from ringfence_kernel.journal import Journal
from ringfence_kernel.projection import decode, rebuild_and_compare
from ringfence_kernel.service import RebuildReport
from ringfence_kernel.store import EventStore

from ringfence_payment_instruction.adapters.read_model import InstructionsModel
from ringfence_payment_instruction.domain.state import State

PAGE_EVENTS = 200


def rebuild(store: EventStore, codec: EventCodec, *, compare: bool) -> RebuildReport:
    """Verifies the chain and replays it; with `compare` counts what differs, without it fills the tables anew.

    `state` is 1 when the newest stored digest is not that of the rebuilt state at its position. Raises ChainBroken.
    """
    store.verify_chain()
    events, state_differs = _replay(store, codec)
    if compare:
        differences = rebuild_and_compare(store, codec, InstructionsModel())
        return RebuildReport(events=events, differences={"state": state_differs, **differences})
    _refill(store, codec)
    return RebuildReport(events=events)


def _replay(store: EventStore, codec: EventCodec) -> tuple[int, int]:
    state, journal = State(), Journal()
    with store.connection() as connection:
        row = connection.execute("SELECT position, digest FROM state_digests ORDER BY position DESC LIMIT 1").fetchone()
    events = differs = 0
    for recorded in store.replay(codec):
        state.apply(recorded, journal)
        journal.clear()
        events += 1
        if row is not None and recorded.position == row["position"]:
            differs = int(state.digest() != bytes(row["digest"]))
    return events, differs


def _refill(store: EventStore, codec: EventCodec) -> None:
    """Empties the tables and fills them up to the projection's own cursor, in one transaction."""
    model = InstructionsModel()
    with store.connection() as connection, connection.transaction():
        row = connection.execute(
            "SELECT position FROM cursors WHERE name = %s FOR UPDATE", (f"projection:{model.name}",)
        ).fetchone()
        until, after = (row["position"] if row else 0), 0
        connection.execute("TRUNCATE instructions, tenant_events")
        while after < until:
            page = [stored for stored in store.read(after, PAGE_EVENTS) if stored.position <= until]
            model.project(connection, decode(codec, page))
            after = page[-1].position
