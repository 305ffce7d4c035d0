"""The JetStream streams of the platform, as data: one per service, for its outward notifications.

The administrator of NATS makes them; a service may publish to its own and can neither make nor change any.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ringfence_bootstrap.description import SERVICES, Description

DEFAULT_BYTES = 256 * 1024 * 1024
DUPLICATE_WINDOW_SECONDS = 120
FIXED = frozenset({"storage", "retention", "max_consumers"})
"""What JetStream lets nobody change of a stream that is there."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream with limits: beyond `max_bytes` of storage the oldest messages leave.

    JetStream drops a message whose `Nats-Msg-Id` it has seen within `duplicate_window_seconds`.
    """

    name: str
    subjects: tuple[str, ...]
    max_bytes: int = DEFAULT_BYTES
    duplicate_window_seconds: int = DUPLICATE_WINDOW_SECONDS
    replicas: int = 1

    def configuration(self) -> dict[str, Any]:
        """The stream as JetStream's API wants it (`StreamConfig`), with every limit that would lose messages sooner."""
        return {
            "name": self.name,
            "subjects": list(self.subjects),
            "retention": "limits",
            "discard": "old",
            "storage": "file",
            "max_bytes": self.max_bytes,
            "max_age": 0,
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "max_msg_size": -1,
            "max_consumers": -1,
            "no_ack": False,
            "allow_rollup_hdrs": False,
            "duplicate_window": self.duplicate_window_seconds * 1_000_000_000,
            "num_replicas": self.replicas,
        }


def stream_name(service: str) -> str:
    """The stream of a service's outward notifications."""
    return f"ringfence-notify-{service}"


def notification_subjects(service: str) -> str:
    """The subjects of a service's outward notifications, with a wildcard for the topic."""
    return f"ringfence.notify.{service}.>"


def notification_streams(services: Iterable[str], *, replicas: int = 1, max_bytes: int = DEFAULT_BYTES) -> list[Stream]:
    """The streams of these services, each kept by so many servers of the cluster."""
    return [
        Stream(stream_name(each), (notification_subjects(each),), max_bytes=max_bytes, replicas=replicas)
        for each in services
    ]


def described_streams(described: Description) -> list[Stream]:
    """The streams of an installation."""
    return notification_streams(SERVICES, replicas=described.nats.replicas, max_bytes=described.nats.stream_bytes)
