"""What submissions keep in memory, built from its events alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.submissions.domain import events
from ringfence_payment_instruction.submissions.domain.events import Committed
from ringfence_payment_instruction.submissions.domain.status import Directive
from ringfence_payment_instruction.submissions.domain.submission import Submission, transfer_id_of


@dataclass(frozen=True, slots=True)
class InstructionRef:
    """Where an instruction is: its submission's stream, and its index there."""

    stream: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message to the bank: when it was decided, and the payments in it."""

    created_ns: int
    refs: tuple[InstructionRef, ...]


class State:
    """Submissions and the files refused. Every change goes through the journal; nothing here decides."""

    EVENTS: ClassVar[tuple[type, ...]] = events.EVENTS

    def __init__(self) -> None:
        """Starts empty."""
        self.submissions: dict[bytes, Submission] = {}
        self._refused_files: dict[bytes, events.SubmissionRefused] = {}
        self._instructions: dict[bytes, InstructionRef] = {}  # tenant ‖ instruction id
        self._sent: dict[bytes, InstructionRef] = {}  # transfer id, which the bank knows as transaction id
        self._messages: dict[str, Message] = {}
        self._appliers: dict[type[Any], Callable[[Committed, Journal], None]] = {
            events.SubmissionReceived: self._submission_received,
            events.SubmissionRefused: self._submission_refused,
            events.InstructionsReceived: self._instructions_received,
            events.InstructionsAdvanced: self._instructions_advanced,
            events.InstructionsDirected: self._instructions_directed,
            events.SubmissionWaiting: self._submission_waiting,
        }

    def apply(self, recorded: Committed, journal: Journal) -> None:
        """Takes in one event."""
        self._appliers[type(recorded.event)](recorded, journal)

    def submission(self, stream: bytes) -> Submission | None:
        """Returns the submission of a stream."""
        return self.submissions.get(stream)

    def known(self, stream: bytes) -> Submission:
        """Returns a submission that is there; raises LookupError."""
        return self.submissions[stream]

    def streams(self) -> list[bytes]:
        """Returns the streams that may have work."""
        return list(self.submissions)

    def refused_file(self, stream: bytes) -> events.SubmissionRefused | None:
        """Returns what was answered to a file that was refused whole."""
        return self._refused_files.get(stream)

    def find(self, tenant: bytes, instruction_id: bytes) -> tuple[Submission, int] | None:
        """Returns the submission and index of a tenant's instruction."""
        ref = self._instructions.get(tenant + instruction_id)
        return None if ref is None else (self.submissions[ref.stream], ref.index)

    def sent(self, transfer_id: bytes) -> InstructionRef | None:
        """Returns the payment that was directed to the bank under a transaction id."""
        return self._sent.get(transfer_id)

    def message(self, message_id: str) -> Message | None:
        """Returns a message to the bank."""
        return self._messages.get(message_id)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        content = hashlib.sha256()
        for stream, each in self.submissions.items():
            columns = (each.statuses, each.directives, each.stages, each.changed_ns.tobytes(), each.ids)
            notes = (each.reasons, each.details, each.approvers, each.references, each.waiting, each.position)
            content.update(b"".join((stream, *columns)) + repr(notes).encode())
        for table in (self._refused_files, self._instructions, self._sent, self._messages):
            content.update(repr(list(table.items())).encode())
        return content.digest()

    def _submission_received(self, recorded: Committed, journal: Journal) -> None:
        journal.put(self.submissions, recorded.stream, Submission(recorded))

    def _submission_refused(self, recorded: Committed, journal: Journal) -> None:
        journal.put(self._refused_files, recorded.stream, recorded.event)

    def _instructions_received(self, recorded: Committed, journal: Journal) -> None:
        event: events.InstructionsReceived = recorded.event
        self.submissions[recorded.stream].receive(recorded)
        for row, instruction_id in enumerate(split_ids(event.instruction_ids)):
            key = event.tenant + instruction_id
            if key not in self._instructions:
                journal.put(self._instructions, key, InstructionRef(recorded.stream, event.first_index + row))

    def _instructions_advanced(self, recorded: Committed, journal: Journal) -> None:
        self.submissions[recorded.stream].advance(recorded, journal)

    def _instructions_directed(self, recorded: Committed, journal: Journal) -> None:
        event: events.InstructionsDirected = recorded.event
        submission = self.submissions[recorded.stream]
        submission.direct(recorded, journal)
        if event.directive != Directive.SEND:
            return
        refs = []
        for index in unpack("I", event.indexes):
            refs.append(InstructionRef(recorded.stream, index))
            transfer_id = transfer_id_of(event.tenant, submission.instruction_id(index))
            journal.put(self._sent, transfer_id, refs[-1])
        journal.put(self._messages, event.reference, Message(recorded.recorded_at_ns, tuple(refs)))

    def _submission_waiting(self, recorded: Committed, journal: Journal) -> None:
        self.submissions[recorded.stream].wait(recorded.event.reason, journal)
