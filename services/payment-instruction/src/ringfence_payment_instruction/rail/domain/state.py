"""The bank's answers that people must look at: those that wait, and the ids of those that were worked off."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID, external_id
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.journal import Journal
from ringfence_payment_instruction.rail.domain.events import EVENTS, AnswerExcepted, AnswerWorkedOff

SECTION = "answers, format 1"
MAX_CANDIDATES = 100
CANDIDATE_BYTES = 2 * ID_BYTES


class Outcome(IntEnum):
    """How an answer was worked off; the numbers are published in events."""

    APPLIED = 1
    DISMISSED = 2


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that waits for people."""

    event: AnswerExcepted
    position: int
    taken_ns: int

    def candidates(self) -> list[tuple[bytes, bytes]]:
        """Returns tenant and id of the payments that fit."""
        packed = self.event.candidates
        pairs = [packed[at : at + CANDIDATE_BYTES] for at in range(0, len(packed), CANDIDATE_BYTES)]
        return [(each[:ID_BYTES], each[ID_BYTES:]) for each in pairs]


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds."""

    waiting: list[tuple[bytes, int, int, AnswerExcepted]]
    worked_off: list[bytes]


class State:
    """Answers by their ids. Every change goes through the journal; nothing here decides.

    The ids of those that were worked off stay: each has cost two people's time, so they are few, and a bank that hands
    in the same file again years later calls nobody.
    """

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts without any."""
        self.waiting: dict[bytes, Waiting] = {}
        self._worked_off: dict[bytes, None] = {}

    def is_known(self, exception: bytes) -> bool:
        """Tells whether an answer waits, or was worked off."""
        return exception in self.waiting or exception in self._worked_off

    def after(self, position: int) -> list[Waiting]:
        """Returns the answers that wait and came after a position of the feed, the oldest first."""
        return sorted((each for each in self.waiting.values() if each.position > position), key=_by_position)

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        event: AnswerExcepted | AnswerWorkedOff = recorded.event
        if isinstance(event, AnswerExcepted):
            journal.put(self.waiting, event.exception, Waiting(event, recorded.position, recorded.recorded_at_ns))
        else:
            journal.remove(self.waiting, event.exception)
            journal.put(self._worked_off, event.exception, None)
            journal.end(recorded.stream)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        return hashlib.sha256(self._content()).digest()

    def save(self) -> Sections:
        """Returns all of them."""
        return [(SECTION, self._content())]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        content = plain.decode(sections[SECTION], _Saved)
        self.waiting = {each: Waiting(event, at, taken_ns) for each, at, taken_ns, event in content.waiting}
        self._worked_off = dict.fromkeys(content.worked_off)

    def _content(self) -> bytes:
        waiting = [(each, on.position, on.taken_ns, on.event) for each, on in sorted(self.waiting.items())]
        return plain.encode(_Saved(waiting, sorted(self._worked_off)))


def exception_id(digest: bytes, position: int) -> bytes:
    """Returns the id of an answer, which is its stream too: from the bytes of its file and its place there."""
    return external_id("bank-answer", b"", f"{digest.hex()}/{position}")


def joint_tenant(candidates: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Returns whose payments they all are, zero where they are nobody's or several tenants'."""
    tenants = {tenant for tenant, _ in candidates}
    return tenants.pop() if len(tenants) == 1 else ZERO_ID


def _by_position(waiting: Waiting) -> int:
    return waiting.position
