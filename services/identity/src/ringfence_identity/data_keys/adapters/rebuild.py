"""Builds the state from events alone and compares it with what the running service left behind."""

from dataclasses import replace

from ringfence_kernel.service import RebuildReport
from ringfence_kernel.service import rebuild as rebuild_state
from ringfence_kernel.store import EventStore

from ringfence_identity.application.memory import Memory, event_codec
from ringfence_identity.data_keys.adapters.key_table import KeyTable
from ringfence_identity.domain.state import State

PAGE = 1_000


def rebuild(store: EventStore, *, compare: bool) -> RebuildReport:
    """Verifies the chain and replays it; with `compare` counts what differs.

    `data_keys` counts erased parties whose key is still there, and living ones whose key is not.
    """
    memory = Memory()
    report = rebuild_state(store, event_codec(), memory, (), compare=compare)
    if not compare:
        return report
    return replace(report, differences=dict(report.differences) | {"data_keys": _wrong_keys(store, memory.state)})


def _wrong_keys(store: EventStore, state: State) -> int:
    table, parties = KeyTable(store), sorted(state.parties)
    wrong = 0
    for start in range(0, len(parties), PAGE):
        page = parties[start : start + PAGE]
        rows = table.load(page)
        wrong += sum(state.parties[party].erased == bool(rows.get(party)) for party in page)
    return wrong
