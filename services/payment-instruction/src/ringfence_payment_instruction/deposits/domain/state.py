"""What deposits keep in memory: the files of banks, and every entry ever seen."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.deposits.domain.events import EVENTS, EvidenceApplied, EvidenceReceived
from ringfence_payment_instruction.deposits.domain.evidence import EvidenceFile, Outcome
from ringfence_payment_instruction.submissions.domain.events import Committed


class State:
    """Evidence and entries. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = EVENTS

    def __init__(self) -> None:
        """Starts empty."""
        self.evidence: dict[bytes, EvidenceFile] = {}
        self._entries: dict[bytes, bytes] = {}  # entry id -> digest of its content

    def apply(self, recorded: Committed, journal: Journal) -> None:
        """Takes in one event."""
        if isinstance(recorded.event, EvidenceReceived):
            self._received(recorded, journal)
        else:
            self._applied(recorded, journal)

    def file(self, stream: bytes) -> EvidenceFile | None:
        """Returns the file of a stream."""
        return self.evidence.get(stream)

    def known(self, stream: bytes) -> EvidenceFile:
        """Returns a file that is there; raises LookupError."""
        return self.evidence[stream]

    def streams(self) -> list[bytes]:
        """Returns the streams that may have work."""
        return list(self.evidence)

    def entry_digest(self, entry_id: bytes) -> bytes | None:
        """Returns the digest of an entry's content, None when it was never handed in."""
        return self._entries.get(entry_id)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        content = hashlib.sha256(repr(list(self._entries.items())).encode())
        for stream, file in self.evidence.items():
            content.update(stream + bytes(file.outcomes) + repr((file.reasons, file.burnt)).encode())
        return content.digest()

    def _received(self, recorded: Committed, journal: Journal) -> None:
        event: EvidenceReceived = recorded.event
        journal.put(self.evidence, recorded.stream, EvidenceFile(recorded.stream, event))
        for row, entry in enumerate(split_ids(event.entry_ids)):
            journal.put(self._entries, entry, event.entry_digests[row * 32 : row * 32 + 32])

    def _applied(self, recorded: Committed, journal: Journal) -> None:
        event: EvidenceApplied = recorded.event
        file = self.evidence[recorded.stream]
        for index, outcome, reason in zip(unpack("I", event.indexes), event.outcomes, event.reasons, strict=True):
            if outcome == Outcome.WAITING and file.reasons[index]:
                journal.put(file.burnt, index, file.burnt.get(index, 0) + 1)
            journal.put(file.outcomes, index, outcome)
            journal.put(file.reasons, index, reason)
