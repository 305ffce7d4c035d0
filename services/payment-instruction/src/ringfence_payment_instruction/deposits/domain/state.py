"""What deposits keep in memory, built from events alone: files whose entries are to be posted, and what suspense holds.

A file leaves memory when nothing of it waits any more; that its entries were handed in stands in the table of known
entries, written with the event. What is known of an entry in suspense leaves when its clearing has settled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.departed import LookAgain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.deposits.domain.events import (
    EVENTS,
    EvidenceApplied,
    EvidenceReceived,
    SuspendedReleased,
)
from ringfence_payment_instruction.deposits.domain.evidence import EvidenceFile, KnownEntries, Outcome, entry_digests
from ringfence_payment_instruction.submissions.domain.events import InstructionsAdvanced, InstructionsReceived
from ringfence_payment_instruction.submissions.domain.orders import OF_OPERATORS
from ringfence_payment_instruction.submissions.domain.status import CAME_TO_NOTHING, Status
from ringfence_payment_instruction.submissions.domain.submission import slot

SECTION = "deposits, format 4"
FINDING_BYTES = 32
Release = tuple[bytes, ...]
"""The findings that two people have released at once, SHA-256 each."""


class Sealed(NamedTuple):
    """The client of a tenant under whose key an entry in suspense is sealed."""

    tenant: bytes
    owner: bytes


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds: files by stream, position, event, outcomes, reasons and burnt ids; suspense by entry."""

    files: list[tuple[bytes, int, EvidenceReceived, bytes, list[str], list[tuple[int, int]]]]
    forgotten_position: int
    releases: list[tuple[bytes, tuple[Release, ...]]]
    suspended: list[tuple[bytes, tuple[bytes, bytes]]]
    clearing: list[tuple[bytes, bytes]]


class State:
    """Evidence whose entries wait. Every change goes through the journal; nothing here decides.

    `releases` has what two people have released of entries whose money lies in suspense, in order, and `suspended` such
    entries that are sealed under a client's key; both until they are cleared.
    `forgotten_position` is that at which the newest file was handed in that has left memory: whoever has looked up
    entries at that position or later knows all of them.
    """

    EVENTS: ClassVar[tuple[type, ...]] = (*EVENTS, InstructionsReceived, InstructionsAdvanced)

    def __init__(self) -> None:
        """Starts empty."""
        self.evidence: dict[bytes, EvidenceFile] = {}
        self.releases: dict[bytes, tuple[Release, ...]] = {}
        self.suspended: dict[bytes, Sealed] = {}
        self._clearing: dict[bytes, bytes] = {}  # stream of a submission under way -> the entry that it clears
        self.forgotten_position = 0
        self._entries: dict[bytes, bytes] = {}  # entry id -> digest of its content
        self._known: KnownEntries | None = None

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        if isinstance(recorded.event, EvidenceReceived):
            self._received(recorded, journal)
        elif isinstance(recorded.event, EvidenceApplied):
            self._applied(recorded, journal)
        elif isinstance(recorded.event, SuspendedReleased):
            self._released(recorded, journal)
        elif isinstance(recorded.event, InstructionsReceived):
            self._ordered(recorded, journal)
        elif recorded.stream in self._clearing:
            self._advanced(recorded, journal)

    @contextmanager
    def recalling(self, known: KnownEntries) -> Iterator[None]:
        """Has entries answered from what was looked up as well, for the block; raises LookAgain where it is old."""
        if known.position < self.forgotten_position:
            raise LookAgain
        self._known = known
        try:
            yield
        finally:
            self._known = None

    def file(self, stream: bytes) -> EvidenceFile | None:
        """Returns the file of a stream, while any of its entries waits."""
        return self.evidence.get(stream)

    def known(self, stream: bytes) -> EvidenceFile:
        """Returns a file that is there; raises LookupError."""
        return self.evidence[stream]

    def of_tenant(self, tenant: bytes) -> list[EvidenceFile]:
        """Returns a tenant's files of which something waits."""
        return [each for each in self.evidence.values() if each.event.tenant == tenant]

    def streams(self) -> list[bytes]:
        """Returns the streams that may have work."""
        return list(self.evidence)

    def entry_digest(self, entry_id: bytes) -> bytes | None:
        """Returns the digest of an entry's content, None when it was never handed in."""
        found = self._entries.get(entry_id)
        return self._known.digests.get(entry_id) if found is None and self._known else found

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        content = hashlib.sha256(self.forgotten_position.to_bytes(8, "big"))
        for stream in sorted(self.evidence):
            content.update(stream + self.evidence[stream].content())
        content.update(plain.encode((sorted(self.releases.items()), *self._suspense())))
        return content.digest()

    def waits_for(self, tenant: bytes, entries: Collection[bytes]) -> bool:
        """Tells whether any of a tenant's entries is still to be posted."""
        wanted = set(entries)
        return any(
            slot(file.event.entry_ids, index) in wanted for file in self.of_tenant(tenant) for index in file.waiting()
        )

    def save(self) -> Sections:
        """Returns everything that is in memory."""
        files = [
            (each.stream, each.position, each.event, bytes(each.outcomes), each.reasons, list(each.burnt.items()))
            for each in self.evidence.values()
        ]
        saved = _Saved(files, self.forgotten_position, sorted(self.releases.items()), *self._suspense())
        return [(SECTION, plain.encode(saved))]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        content = plain.decode(sections[SECTION], _Saved)
        self.evidence, self._entries, self.forgotten_position = {}, {}, content.forgotten_position
        self.releases, self._clearing = dict(content.releases), dict(content.clearing)
        self.suspended = {entry: Sealed(*each) for entry, each in content.suspended}
        for stream, position, event, outcomes, reasons, burnt in content.files:
            file = self.evidence[stream] = EvidenceFile(stream, position, event)
            file.outcomes, file.reasons, file.burnt = bytearray(outcomes), reasons, dict(burnt)
            self._entries |= zip(split_ids(event.entry_ids), entry_digests(event), strict=True)

    def _received(self, recorded: Recorded, journal: Journal) -> None:
        event: EvidenceReceived = recorded.event
        file = EvidenceFile(recorded.stream, recorded.position, event)
        journal.put(self.evidence, recorded.stream, file)
        for entry, digest in zip(split_ids(event.entry_ids), entry_digests(event), strict=True):
            journal.put(self._entries, entry, digest)
        self._let_go(file, journal)

    def _applied(self, recorded: Recorded, journal: Journal) -> None:
        event: EvidenceApplied = recorded.event
        file = self.evidence[recorded.stream]
        for index, outcome, reason in zip(unpack("I", event.indexes), event.outcomes, event.reasons, strict=True):
            is_diverted = bool(reason) and not file.asks_suspense(index)
            if outcome == Outcome.WAITING and not is_diverted:
                journal.put(file.burnt, index, file.burnt.get(index, 0) + 1)
            journal.put(file.outcomes, index, outcome)
            journal.put(file.reasons, index, reason)
            owner = slot(file.event.owners, index)
            if outcome == Outcome.SUSPENDED and owner != event.tenant:
                journal.put(self.suspended, slot(file.event.entry_ids, index), Sealed(event.tenant, owner))
        self._let_go(file, journal)

    def _released(self, recorded: Recorded, journal: Journal) -> None:
        event: SuspendedReleased = recorded.event
        at = range(0, len(event.findings), FINDING_BYTES)
        findings = tuple([event.findings[each : each + FINDING_BYTES] for each in at])
        journal.put(self.releases, event.entry, (*self.releases.get(event.entry, ()), findings))
        journal.end(recorded.stream)

    def _ordered(self, recorded: Recorded, journal: Journal) -> None:
        """Notes what is to clear an entry: a submission of its own, with one instruction."""
        event: InstructionsReceived = recorded.event
        if event.purposes and unpack("H", event.purposes)[0] in OF_OPERATORS:
            journal.put(self._clearing, recorded.stream, slot(event.mandates, 0))

    def _advanced(self, recorded: Recorded, journal: Journal) -> None:
        event: InstructionsAdvanced = recorded.event
        entry = self._clearing[recorded.stream]
        is_cleared = Status.SETTLED in event.statuses
        if is_cleared or not CAME_TO_NOTHING.isdisjoint(event.statuses):
            journal.remove(self._clearing, recorded.stream)
        for each in (self.releases, self.suspended) if is_cleared else ():
            if entry in each:
                journal.remove(each, entry)

    def _suspense(self) -> tuple[list[tuple[bytes, tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]:
        suspended = [(entry, (each.tenant, each.owner)) for entry, each in sorted(self.suspended.items())]
        return suspended, sorted(self._clearing.items())

    def _let_go(self, file: EvidenceFile, journal: Journal) -> None:
        """Lets a file leave memory unless something of it waits."""
        if file.waiting():
            return
        journal.remove(self.evidence, file.stream)
        for entry in split_ids(file.event.entry_ids):
            journal.remove(self._entries, entry)
        journal.call(setattr, self, "forgotten_position", self.forgotten_position)
        self.forgotten_position = max(self.forgotten_position, file.position)
        journal.end(file.stream)
