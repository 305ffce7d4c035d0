"""What submissions keep in memory, built from events alone: those that are open, and for a while those just closed.

A submission is closed when all its instructions have come to an end. It rests in memory until so many others have
closed after it, since what has just happened is what is asked about most; then it leaves, and stands in the event store
and in the table of known ids alone. What is at rest is decided by the order of events, so every process, and every
rebuild, keeps the same.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from ringfence_kernel.values.columns import split_ids, unpack
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.values.sections import Sections
from ringfence_kernel.writing import plain
from ringfence_kernel.writing.departed import Departed, LookAgain
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.submissions.domain import events
from ringfence_payment_instruction.submissions.domain.past import (
    WHOLE,
    Asked,
    InstructionRef,
    Past,
    bank_key,
    instruction_key,
    message_key,
    submission_key,
)
from ringfence_payment_instruction.submissions.domain.saving import SavedSubmission, restored, saved
from ringfence_payment_instruction.submissions.domain.status import FINAL_OR_SETTLED, Directive
from ringfence_payment_instruction.submissions.domain.submission import Submission, stream_of, transfer_id_of
from ringfence_payment_instruction.submissions.domain.tallies import Tallies
from ringfence_payment_instruction.submissions.domain.uetrs import (
    given_uetr_bank_key,
    given_uetrs,
    made_uetr_bank_key,
    uetr_key,
)

SECTION = "submissions, format 6"
REST_ROWS = 32_768
"""Instructions of closed submissions, and refused files, that rest in memory."""
Reopen = Callable[[bytes, int], Submission]
"""Returns a closed submission as it was before a version of its stream; blocks."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to the bank: when it was decided, and the payments in it."""

    created_ns: int
    refs: tuple[InstructionRef, ...]


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a snapshot holds."""

    submissions: list[SavedSubmission]
    refused_files: list[tuple[bytes, events.SubmissionRefused]]
    resting: list[tuple[bytes, int]]
    resting_rows: int
    forgotten_position: int
    departed_keys: list[bytes]
    departed_submissions: list[bytes]
    tallies: list[tuple[int, list[tuple[bytes, int]]]]


class State:
    """Submissions and files refused. Every change goes through the journal; nothing here decides.

    `forgotten_position` is that of the newest event of anything that is not in memory: whoever has looked up the past
    at that position or later knows all of it, unless he left out what was in memory then and has gone since. Whoever
    asks about what cannot have left needs no look at all.
    """

    EVENTS: ClassVar[tuple[type, ...]] = events.EVENTS

    def __init__(self, reopen: Reopen, rest_rows: int = REST_ROWS) -> None:
        """Starts empty; `reopen` is asked when an event opens what has left memory."""
        self.submissions: dict[bytes, Submission] = {}
        self.refused_files: dict[bytes, events.SubmissionRefused] = {}
        self.resting: deque[tuple[bytes, int]] = deque()  # stream, and the position at which it closed
        self.resting_rows = 0
        self.forgotten_position = 0
        self._reopen, self._rest_rows = reopen, rest_rows
        self._refs: dict[bytes, InstructionRef] = {}  # by instruction_key, and by bank_key once it is sent
        self._departed_keys, self._departed_submissions = Departed(), Departed()
        self.tallies = Tallies()
        self._past: Past | None = None
        self._appliers: dict[type[Any], Callable[[Recorded, Journal], None]] = {
            events.SubmissionReceived: self._submission_received,
            events.SubmissionRefused: self._submission_refused,
            events.InstructionsReceived: self._instructions_received,
            events.InstructionsAdvanced: self._instructions_advanced,
            events.InstructionsDirected: self._instructions_directed,
            events.SubmissionWaiting: self._submission_waiting,
            events.InstructionsRescreened: self._instructions_rescreened,
            events.HitsReleased: self._hits_released,
        }

    def apply(self, recorded: Recorded, journal: Journal) -> None:
        """Takes in one event."""
        self._appliers[type(recorded.event)](recorded, journal)

    def has_all(self, asked: Asked) -> bool:
        """Tells whether memory alone answers: nothing that is asked about can have left it."""
        return (
            all(stream in self.submissions for stream in asked.streams)
            and not any(map(self._departed_submissions.may_hold, asked.submissions))
            and not any(map(self._departed_keys.may_hold, asked.keys))
        )

    @contextmanager
    def recalling(self, past: Past) -> Iterator[None]:
        """Has questions answered from what was looked up as well, for the block; raises LookAgain where it is old."""
        if past.position is not None and past.position < self.forgotten_position:
            raise LookAgain
        if any(stream not in self.submissions for stream in past.held):
            raise LookAgain
        self._past = past
        try:
            yield
        finally:
            self._past = None

    def submission(self, stream: bytes) -> Submission | None:
        """Returns the submission of a stream."""
        found = self.submissions.get(stream)
        return self._past.submissions.get(stream) if found is None and self._past else found

    def known(self, stream: bytes) -> Submission:
        """Returns a submission that is there; raises LookAgain for one that left memory after it was looked for."""
        submission = self.submission(stream)
        if submission is None:
            raise LookAgain
        return submission

    def streams(self) -> list[bytes]:
        """Returns the streams that may have work."""
        return list(self.submissions)

    def handed_in(self, tenant: bytes, submission_id: bytes) -> Submission | events.SubmissionRefused | None:
        """Returns what was handed in under a tenant's id, be it a file that was refused whole; raises LookAgain."""
        stream = stream_of(tenant, submission_id)
        found = self.submission(stream) or self.refused_files.get(stream)
        if found is None and self._past is not None:
            self._require_here(self._departed_submissions, submission_key(tenant, submission_id))
            found = self._past.refused_files.get(stream)
        return found

    def is_used(self, tenant: bytes, instruction_id: bytes) -> bool:
        """Tells whether a tenant has used an instruction id."""
        return self.has_key(instruction_key(tenant, instruction_id))

    def has_key(self, key: bytes) -> bool:
        """Tells whether a key was used."""
        return self._ref(key) is not None

    def find(self, tenant: bytes, instruction_id: bytes) -> tuple[Submission, int] | None:
        """Returns the submission and index of a tenant's instruction; raises LookAgain as `known`."""
        ref = self._ref(instruction_key(tenant, instruction_id))
        return None if ref is None else (self.known(ref.stream), ref.index)

    def sent(self, transaction_id: str) -> InstructionRef | None:
        """Returns the payment that was directed to the bank under a transaction id."""
        ref = self._ref(bank_key(transaction_id))
        return ref if ref is not None and ref.index != WHOLE else None

    def used_at(self, key: bytes) -> InstructionRef | None:
        """Returns where a key was used first."""
        return self._ref(key)

    def message(self, message_id: str) -> Message | None:
        """Returns a message to the bank; raises LookAgain as `known`."""
        ref = self._ref(message_key(message_id))
        submission = None if ref is None else self.known(ref.stream)
        if submission is None or message_id not in submission.messages:
            return None
        indexes = [index for index, reference in submission.references.items() if reference == message_id]
        refs = tuple(InstructionRef(submission.stream, index) for index in indexes)
        return Message(submission.messages[message_id], refs)

    def digest(self) -> bytes:
        """Returns a hash of it all."""
        counts = list(self.resting), self.resting_rows, self.forgotten_position
        departed = self._departed_keys.highest(), self._departed_submissions.highest()
        content = hashlib.sha256(repr((counts, departed)).encode() + self.tallies.digest())
        for stream in sorted(self.submissions):
            content.update(stream + self.submissions[stream].content())
        for stream in sorted(self.refused_files):
            content.update(stream + self.refused_files[stream].digest)
        return content.digest()

    def save(self) -> Sections:
        """Returns everything that is in memory."""
        content = _Saved(
            [saved(each) for each in self.submissions.values()],
            list(self.refused_files.items()),
            list(self.resting),
            self.resting_rows,
            self.forgotten_position,
            self._departed_keys.highest(),
            self._departed_submissions.highest(),
            self.tallies.items(),
        )
        return [(SECTION, plain.encode(content))]

    def restore(self, sections: Mapping[str, memoryview]) -> None:
        """Takes up what `save` returned; raises ValueError or LookupError for another format."""
        content = plain.decode(sections[SECTION], _Saved)
        self.submissions = {each.stream: restored(each) for each in content.submissions}
        self.refused_files, self.resting = dict(content.refused_files), deque(content.resting)
        self.resting_rows, self.forgotten_position = content.resting_rows, content.forgotten_position
        self._departed_keys = Departed(content.departed_keys)
        self._departed_submissions = Departed(content.departed_submissions)
        self.tallies.restore(content.tallies)
        self._refs = {}
        for each in self.submissions.values():
            for key, ref in keys_of_submission(each):
                self._refs.setdefault(key, ref)

    def _ref(self, key: bytes) -> InstructionRef | None:
        """Returns where an id was used first: the table knows better than memory, which has forgotten."""
        if self._past is None:
            return self._refs.get(key)
        self._require_here(self._departed_keys, key)
        return self._past.refs.get(key) or self._refs.get(key)

    def _require_here(self, departed: Departed, key: bytes) -> None:
        """Raises LookAgain where what has left memory was not looked up, and a key may be of it."""
        if self._past is not None and self._past.position is None and departed.may_hold(key):
            raise LookAgain

    def _submission_received(self, recorded: Recorded, journal: Journal) -> None:
        journal.put(self.submissions, recorded.stream, Submission(recorded))
        journal.resume(recorded.stream)

    def _submission_refused(self, recorded: Recorded, journal: Journal) -> None:
        journal.put(self.refused_files, recorded.stream, recorded.event)
        self._rest(recorded.stream, recorded.position, 1, journal)

    def _instructions_received(self, recorded: Recorded, journal: Journal) -> None:
        event: events.InstructionsReceived = recorded.event
        self.submissions[recorded.stream].receive(recorded)
        for row, instruction_id in enumerate(split_ids(event.instruction_ids)):
            self._note(
                instruction_key(event.tenant, instruction_id),
                InstructionRef(recorded.stream, event.first_index + row),
                journal,
            )
        for key, ref in keys_of_uetrs(recorded.stream, event):
            self._note(key, ref, journal)

    def _instructions_advanced(self, recorded: Recorded, journal: Journal) -> None:
        event: events.InstructionsAdvanced = recorded.event
        submission = self.submissions.get(recorded.stream)
        if submission is None and all(status in FINAL_OR_SETTLED for status in event.statuses):
            # What has left memory stays closed: there is nothing to hold, but whoever has looked it up looks again.
            if self._past is not None:
                self.known(recorded.stream).advance(recorded, journal)
            self._forget_until(recorded.position, recorded.stream, journal)
            return
        submission = submission or self._recalled(recorded, journal)
        given_back = submission.came_to_nothing(recorded)
        self.tallies.count(submission, submission.advance(recorded, journal), journal)
        self.tallies.count_approved(given_back, journal)
        self._close(submission, journal)

    def _instructions_directed(self, recorded: Recorded, journal: Journal) -> None:
        event: events.InstructionsDirected = recorded.event
        submission = self.submissions.get(recorded.stream) or self._recalled(recorded, journal)
        self.tallies.count_approved(submission.direct(recorded, journal), journal)
        for key, ref in keys_of_directive(recorded.stream, event):
            self._note(key, ref, journal)

    def _instructions_rescreened(self, recorded: Recorded, journal: Journal) -> None:
        (self.submissions.get(recorded.stream) or self._recalled(recorded, journal)).rescreen(recorded, journal)

    def _hits_released(self, recorded: Recorded, journal: Journal) -> None:
        (self.submissions.get(recorded.stream) or self._recalled(recorded, journal)).release(recorded, journal)

    def _submission_waiting(self, recorded: Recorded, journal: Journal) -> None:
        submission = self.submissions.get(recorded.stream)
        if submission is not None:
            submission.wait(recorded, journal)

    def _recalled(self, recorded: Recorded, journal: Journal) -> Submission:
        """Takes a submission back into memory: something happens to it after it was closed."""
        lent = self._past.submissions.get(recorded.stream) if self._past else None
        submission = lent or self._reopen(recorded.stream, recorded.version)
        journal.put(self.submissions, recorded.stream, submission)
        journal.resume(recorded.stream)
        for key, ref in keys_of_submission(submission):
            self._note(key, ref, journal)
        return submission

    def _note(self, key: bytes, ref: InstructionRef, journal: Journal) -> None:
        """Notes where an id is used; the first use counts."""
        if key not in self._refs:
            journal.put(self._refs, key, ref)

    def _close(self, submission: Submission, journal: Journal) -> None:
        """Notes that a submission has closed, or is open again."""
        is_closed = submission.is_closed()
        if is_closed == bool(submission.closed_position):
            return
        journal.call(setattr, submission, "closed_position", submission.closed_position)
        submission.closed_position = submission.last_position if is_closed else 0
        if is_closed:
            self._rest(submission.stream, submission.last_position, len(submission), journal)
        else:
            self._count_resting(-len(submission), journal)

    def _rest(self, stream: bytes, position: int, rows: int, journal: Journal) -> None:
        """Puts what was closed behind the others at rest, and lets go of the oldest."""
        self.resting.append((stream, position))
        journal.call(self.resting.pop)
        self._count_resting(rows, journal)
        while self.resting_rows > self._rest_rows and self.resting:
            oldest = self.resting.popleft()
            journal.call(self.resting.appendleft, oldest)
            self._let_go(*oldest, journal)

    def _let_go(self, stream: bytes, position: int, journal: Journal) -> None:
        refused = self.refused_files.get(stream)
        if refused is not None:
            journal.remove(self.refused_files, stream)
            self._departed_submissions.add([submission_key(refused.tenant, refused.submission_id)], journal)
            self._count_resting(-1, journal)
            self._forget_until(position, stream, journal)
            return
        submission = self.submissions.get(stream)
        if submission is None or submission.closed_position != position:
            return  # it was opened again
        journal.remove(self.submissions, stream)
        keys = list(keys_of_submission(submission))
        for key, used in keys:
            if self._refs.get(key) == used:
                journal.remove(self._refs, key)
        self._departed_keys.add((key for key, _ in keys), journal)
        self._departed_submissions.add([submission_key(submission.tenant, submission.submission_id)], journal)
        self._count_resting(-len(submission), journal)
        self._forget_until(submission.last_position, stream, journal)

    def _forget_until(self, position: int, stream: bytes, journal: Journal) -> None:
        journal.call(setattr, self, "forgotten_position", self.forgotten_position)
        self.forgotten_position = max(self.forgotten_position, position)
        journal.end(stream)

    def _count_resting(self, rows: int, journal: Journal) -> None:
        journal.call(setattr, self, "resting_rows", self.resting_rows)
        self.resting_rows += rows


def keys_of(tenant: bytes, instruction_ids: Sequence[bytes]) -> list[bytes]:
    """Returns the keys under which instructions are looked up."""
    return [instruction_key(tenant, each) for each in instruction_ids]


def keys_of_submission(submission: Submission) -> Iterator[tuple[bytes, InstructionRef]]:
    """Yields every id that a submission uses, with where."""
    stream, tenant = submission.stream, submission.tenant
    for index, instruction_id in enumerate(submission.id_list):
        yield instruction_key(tenant, instruction_id), InstructionRef(stream, index)
    for event in (chunk.event for chunk in submission.chunks):
        yield from keys_of_uetrs(stream, event)
    for index in submission.references:
        transfer_id = transfer_id_of(tenant, submission.instruction_id(index))
        yield bank_key(transfer_id.hex()), InstructionRef(stream, index)
        yield made_uetr_bank_key(tenant, submission.instruction_id(index)), InstructionRef(stream, index)
    for message_id in submission.messages:
        yield message_key(message_id), InstructionRef(stream, WHOLE)


def keys_of_uetrs(stream: bytes, event: events.InstructionsReceived) -> Iterator[tuple[bytes, InstructionRef]]:
    """Yields what the UETRs that came with orders are known by: to their tenant, and to the bank."""
    for row, uetr in given_uetrs(event):
        ref = InstructionRef(stream, event.first_index + row)
        yield uetr_key(event.tenant, uetr), ref
        yield given_uetr_bank_key(uetr), ref


def keys_of_directive(stream: bytes, event: events.InstructionsDirected) -> Iterator[tuple[bytes, InstructionRef]]:
    """Yields the ids by which the bank will know what is sent: each payment's transfer and UETR, and the message."""
    if event.directive != Directive.SEND:
        return
    for index, instruction_id in zip(unpack("I", event.indexes), split_ids(event.instruction_ids), strict=True):
        yield bank_key(transfer_id_of(event.tenant, instruction_id).hex()), InstructionRef(stream, index)
        yield made_uetr_bank_key(event.tenant, instruction_id), InstructionRef(stream, index)
    yield message_key(event.reference), InstructionRef(stream, WHOLE)
