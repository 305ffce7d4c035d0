"""Builds the state from events alone and compares it with what the running service left behind."""

from ringfence_kernel.journal import Journal
from ringfence_kernel.service import RebuildReport
from ringfence_kernel.store import EventStore

from ringfence_identity.adapters.key_table import KeyTable
from ringfence_identity.application.memory import Memory, event_codec
from ringfence_identity.domain.state import State

PAGE = 1_000


def rebuild(store: EventStore, *, compare: bool) -> RebuildReport:
    """Verifies the chain and replays it; with `compare` counts what differs. Raises ChainBroken.

    `state` is 1 when the newest stored digest is not that of the rebuilt state at its position; `data_keys` counts
    erased parties whose key is still there, and living ones whose key is not.
    """
    store.verify_chain()
    memory, journal = Memory(), Journal()
    position, expected = _newest_digest(store)
    events = state_differs = 0
    for recorded in store.replay(event_codec()):
        memory.apply(recorded, journal)
        journal.clear()
        events += 1
        if compare and recorded.position == position:
            state_differs = int(memory.digest() != expected)
    if not compare:
        return RebuildReport(events=events)
    return RebuildReport(
        events=events, differences={"state": state_differs, "data_keys": _wrong_keys(store, memory.state)}
    )


def _newest_digest(store: EventStore) -> tuple[int, bytes]:
    with store.connection() as connection:
        row = connection.execute("SELECT position, digest FROM state_digests ORDER BY position DESC LIMIT 1").fetchone()
    return (row["position"], bytes(row["digest"])) if row else (0, b"")


def _wrong_keys(store: EventStore, state: State) -> int:
    table, parties = KeyTable(store), sorted(state.parties)
    wrong = 0
    for start in range(0, len(parties), PAGE):
        page = parties[start : start + PAGE]
        rows = table.load(page)
        wrong += sum(state.parties[party].erased == bool(rows.get(party)) for party in page)
    return wrong
