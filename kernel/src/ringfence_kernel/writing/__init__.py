"""Decisions in order, committed in groups: the one writer of a service, its queue, journal and snapshots."""
