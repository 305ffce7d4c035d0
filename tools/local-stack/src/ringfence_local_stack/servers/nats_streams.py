"""The JetStream streams of the platform, as data: one per service, for its outward notifications.

The administrator of NATS makes them; a service may publish to its own and can neither make nor change any.
"""

from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_BYTES = 256 * 1024 * 1024
DUPLICATE_WINDOW_SECONDS = 120


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

    def configuration(self) -> dict[str, object]:
        """The stream as JetStream's API wants it (`StreamConfig`)."""
        return {
            "name": self.name,
            "subjects": self.subjects,
            "retention": "limits",
            "discard": "old",
            "storage": "file",
            "max_bytes": self.max_bytes,
            "duplicate_window": self.duplicate_window_seconds * 1_000_000_000,
            "num_replicas": self.replicas,
        }


def stream_name(service: str) -> str:
    """The stream of a service's outward notifications."""
    return f"ringfence-notify-{service}"


def notification_subjects(service: str) -> str:
    """The subjects of a service's outward notifications, with a wildcard for the topic."""
    return f"ringfence.notify.{service}.>"


def notification_streams(services: Iterable[str], *, replicas: int = 1) -> list[Stream]:
    """The streams of these services, each kept by so many servers of the cluster."""
    return [Stream(stream_name(each), (notification_subjects(each),), replicas=replicas) for each in services]
