"""A smallest service for the kernel's tests: named counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar

from ringfence_kernel.store import EventStore, Head, Migration, NewEvent
from ringfence_kernel.store.codec import EventCodec
from ringfence_kernel.store.recorder import Insertion
from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import new_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.inline import InlineModel
from ringfence_kernel.writing.journal import Journal
from ringfence_kernel.writing.writer import Unit

STREAM = b"tally-stream-016"


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter went up."""

    TOPIC: ClassVar[str] = "Counted.v1"
    name: str
    by: int


class TooMuch(DomainError):
    """The counter would pass its limit."""

    reason = "TOO_MUCH"


CODEC = EventCodec([Counted])


class Tally:
    """Counters by name."""

    digest_format = 1

    def __init__(self) -> None:
        """Starts empty."""
        self.counters: dict[str, int] = {}

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Counts."""
        event = recorded.event
        journal.put(self.counters, event.name, self.counters.get(event.name, 0) + event.by)

    def digest(self) -> bytes:
        """Hashes the counters."""
        return sha256(repr(sorted(self.counters.items())).encode()).digest()


def count(state: Tally, name: str, by: int = 1, limit: int = 10**9, stream: bytes = STREAM) -> Any:
    """Returns the command that counts `name` up and answers the new value."""

    def decide(unit: Unit) -> int:
        unit.record(stream, Counted(name, by))
        if state.counters[name] > limit:
            raise TooMuch
        return state.counters[name]

    return decide


MIGRATION = Migration(
    100,
    "tally",
    "CREATE TABLE tally (name text, total bigint, position bigint);"
    " GRANT SELECT, INSERT, UPDATE, DELETE ON tally TO {application_role};",
)


INSERT = "INSERT INTO tally SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bigint[])"


class TallyModel(InlineModel):
    """A read model: one row per event."""

    name = "tally"
    tables = ("tally",)

    def insertions(self, recorded: Sequence[Recorded]) -> list[Insertion]:
        """Inserts a row per event."""
        rows = [(each.event.name, each.event.by, each.position) for each in recorded]
        return [Insertion(INSERT, [list(column) for column in zip(*rows, strict=True)])] if rows else []


def fill(store: EventStore, count: int) -> Head:
    """Appends counts, to a stream of their own."""
    at, stream = store.head(), new_id()
    rows = []
    for n in range(count):
        topic, state = CODEC.encode(Counted("a", 1), at.position + n + 1)
        rows.append(NewEvent(stream, n + 1, topic, state))
    return store.append(at.position, rows)
