"""The state as the kernel's writer keeps it: applied event by event, digested for comparison with a rebuild."""

import hashlib
from dataclasses import dataclass, field, fields
from typing import ClassVar

import msgspec
from ringfence_kernel.store.codec import EventCodec, Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_identity.domain import evolve
from ringfence_identity.domain.events import EVENT_TYPES
from ringfence_identity.domain.state import State


@dataclass(slots=True)
class Memory:
    """Holds the domain's state for the writer."""

    digest_format: ClassVar[int] = 1
    state: State = field(default_factory=State)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        evolve.apply(self.state, recorded.event, recorded.version, recorded.recorded_at_ns, journal)

    def digest(self) -> bytes:
        """Returns SHA-256 over the whole state, every dictionary in the order of its keys."""
        digest = hashlib.sha256()
        for each in fields(self.state):
            digest.update(each.name.encode())
            for key, value in sorted(getattr(self.state, each.name).items()):
                inner = sorted(value.items()) if isinstance(value, dict) else value
                digest.update(msgspec.msgpack.encode((key, inner), order="deterministic"))
        return digest.digest()


def event_codec() -> EventCodec:
    """Returns the codec of this service's events."""
    return EventCodec(EVENT_TYPES)
