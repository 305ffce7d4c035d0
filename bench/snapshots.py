"""Custody's snapshots of its state: the one place that knows how one is asked for."""

from __future__ import annotations

from bench.stack import MeasuredStack


def restarted_from_snapshot(measured: MeasuredStack) -> dict[str, float | None]:
    """Has custody write a snapshot and starts it from there; returns what that took, None while it keeps none."""
    return {"snapshot_write_seconds": None, "warm_restart_seconds": None}
