"""All that payment-instruction keeps in memory, built from its events alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.domain import events
from ringfence_payment_instruction.domain.columns import split_ids, unpack
from ringfence_payment_instruction.domain.events import Committed
from ringfence_payment_instruction.domain.evidence import EvidenceFile, Outcome
from ringfence_payment_instruction.domain.screening import SanctionsList
from ringfence_payment_instruction.domain.status import Directive
from ringfence_payment_instruction.domain.submission import Submission, transfer_id_of


@dataclass(frozen=True, slots=True)
class InstructionRef:
    """Where an instruction is: its submission's stream, and its index there."""

    stream: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message to the bank: when it was decided, and the payments in it."""

    created_ns: int
    places: tuple[InstructionRef, ...]


class State:
    """Submissions, evidence and lists. Every change goes through the journal; nothing here decides."""

    digest_format = 2

    def __init__(self) -> None:
        """Starts empty."""
        self.submissions: dict[bytes, Submission] = {}
        self.refused_files: dict[bytes, events.SubmissionRefused] = {}
        self.instructions: dict[bytes, InstructionRef] = {}  # tenant ‖ instruction id
        self.sent: dict[bytes, InstructionRef] = {}  # transfer id, which the bank knows as transaction id
        self.messages: dict[str, Message] = {}
        self.evidence: dict[bytes, EvidenceFile] = {}
        self.entries: dict[bytes, bytes] = {}  # entry id -> digest of its content
        self.lists: dict[str, SanctionsList] = {}
        self._appliers: dict[type[Any], Callable[[Committed, Journal], None]] = {
            events.SubmissionReceived: self._submission_received,
            events.SubmissionRefused: self._submission_refused,
            events.InstructionsReceived: self._instructions_received,
            events.InstructionsAdvanced: self._instructions_advanced,
            events.InstructionsDirected: self._instructions_directed,
            events.SubmissionWaiting: self._submission_waiting,
            events.EvidenceReceived: self._evidence_received,
            events.EvidenceApplied: self._evidence_applied,
            events.SanctionsListImported: self._list_imported,
        }

    def apply(self, recorded: Committed, journal: Journal) -> None:
        """Takes in one event."""
        self._appliers[type(recorded.event)](recorded, journal)

    def find(self, tenant: bytes, instruction_id: bytes) -> tuple[Submission, int] | None:
        """Returns the submission and index of a tenant's instruction."""
        place = self.instructions.get(tenant + instruction_id)
        return None if place is None else (self.submissions[place.stream], place.index)

    def digest(self) -> bytes:
        """Returns a hash of the whole state."""
        content = hashlib.sha256()
        for stream, each in self.submissions.items():
            columns = (each.statuses, each.directives, each.stages, each.changed_ns.tobytes(), each.ids)
            notes = (each.reasons, each.details, each.approvers, each.references, each.waiting, each.position)
            content.update(b"".join((stream, *columns)) + repr(notes).encode())
        for tables in (self.refused_files, self.instructions, self.sent, self.messages, self.entries, self.lists):
            content.update(repr(list(tables.items())).encode())
        for stream, file in self.evidence.items():
            content.update(stream + bytes(file.outcomes) + repr((file.reasons, file.burnt)).encode())
        return content.digest()

    def _submission_received(self, recorded: Committed, journal: Journal) -> None:
        journal.put(self.submissions, recorded.stream, Submission(recorded))

    def _submission_refused(self, recorded: Committed, journal: Journal) -> None:
        journal.put(self.refused_files, recorded.stream, recorded.event)

    def _instructions_received(self, recorded: Committed, journal: Journal) -> None:
        event: events.InstructionsReceived = recorded.event
        self.submissions[recorded.stream].receive(recorded)
        for row, instruction_id in enumerate(split_ids(event.instruction_ids)):
            key = event.tenant + instruction_id
            if key not in self.instructions:
                journal.put(self.instructions, key, InstructionRef(recorded.stream, event.first_index + row))

    def _instructions_advanced(self, recorded: Committed, journal: Journal) -> None:
        self.submissions[recorded.stream].advance(recorded, journal)

    def _instructions_directed(self, recorded: Committed, journal: Journal) -> None:
        event: events.InstructionsDirected = recorded.event
        submission = self.submissions[recorded.stream]
        submission.direct(recorded, journal)
        if event.directive != Directive.SEND:
            return
        places = []
        for index in unpack("I", event.indexes):
            places.append(InstructionRef(recorded.stream, index))
            transfer_id = transfer_id_of(event.tenant, submission.instruction_id(index))
            journal.put(self.sent, transfer_id, places[-1])
        journal.put(self.messages, event.reference, Message(recorded.recorded_at_ns, tuple(places)))

    def _submission_waiting(self, recorded: Committed, journal: Journal) -> None:
        self.submissions[recorded.stream].wait(recorded.event.reason, journal)

    def _evidence_received(self, recorded: Committed, journal: Journal) -> None:
        event: events.EvidenceReceived = recorded.event
        journal.put(self.evidence, recorded.stream, EvidenceFile(recorded.stream, event))
        for row, entry in enumerate(split_ids(event.entry_ids)):
            journal.put(self.entries, entry, event.entry_digests[row * 32 : row * 32 + 32])

    def _evidence_applied(self, recorded: Committed, journal: Journal) -> None:
        event: events.EvidenceApplied = recorded.event
        file = self.evidence[recorded.stream]
        for index, outcome, reason in zip(unpack("I", event.indexes), event.outcomes, event.reasons, strict=True):
            if outcome == Outcome.WAITING and file.reasons[index]:
                journal.put(file.burnt, index, file.burnt.get(index, 0) + 1)
            journal.put(file.outcomes, index, outcome)
            journal.put(file.reasons, index, reason)

    def _list_imported(self, recorded: Committed, journal: Journal) -> None:
        journal.put(self.lists, recorded.event.list_name, SanctionsList.of(recorded.event))
