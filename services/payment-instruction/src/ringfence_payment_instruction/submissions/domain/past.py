"""What was closed long ago, as far as a decision asks about it.

Submissions leave memory some time after they have closed. Whatever a decision consults of them is looked up first, in
tables that were written with their events, and lent to the state for as long as the decision takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ringfence_kernel.values.errors import DomainError
from ringfence_kernel.values.ids import ID_BYTES, ZERO_ID
from ringfence_kernel.values.recorded import Recorded
from ringfence_kernel.writing.journal import Journal

from ringfence_payment_instruction.submissions.domain.events import (
    HitsReleased,
    InstructionsAdvanced,
    InstructionsDirected,
    InstructionsReceived,
    InstructionsRescreened,
    SubmissionReceived,
    SubmissionRefused,
    SubmissionWaiting,
)
from ringfence_payment_instruction.submissions.domain.submission import Submission, stream_of

WHOLE = -1
"""Index of a reference to a submission as a whole: that of a message to the bank."""


class TooManyRows(DomainError):
    """What is asked about lies in too many closed rows to be held at once. Never leaves the service."""


@dataclass(frozen=True, slots=True)
class InstructionRef:
    """Where an instruction is: its submission's stream, and its index there."""

    stream: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Asked:
    """All that a decision may ask about.

    Where `keys` were used first (see `instruction_key`, `bank_key` and `message_key`), and but for `keys_only` the
    submissions where they were; `submissions` that may have been handed in before, by `submission_key`; and those of
    `streams` that are there.
    """

    keys: Sequence[bytes] = ()
    submissions: Sequence[bytes] = ()
    streams: Sequence[bytes] = ()
    keys_only: bool = False

    def named_streams(self) -> set[bytes]:
        """Returns the streams of the submissions that are asked for by name."""
        return {*self.streams, *(stream_of(key[:ID_BYTES], key[ID_BYTES:]) for key in self.submissions)}


@dataclass(frozen=True, slots=True)
class Past:
    """What was asked about, as of a position of the feed.

    `refs` tells where each key was used first. Closed submissions and refused files stand by their streams, as far as
    they were asked for; `held` are the streams that were not loaded, because they were in memory. Without a position
    nothing was looked up, since nothing that was asked about had left memory.
    """

    position: int | None
    refs: Mapping[bytes, InstructionRef] = field(default_factory=dict)
    submissions: Mapping[bytes, Submission] = field(default_factory=dict)
    refused_files: Mapping[bytes, SubmissionRefused] = field(default_factory=dict)
    held: frozenset[bytes] = frozenset()


def instruction_key(tenant: bytes, instruction_id: bytes) -> bytes:
    """Returns the key of an instruction: its id belongs to its tenant."""
    return tenant + instruction_id


def submission_key(tenant: bytes, submission_id: bytes) -> bytes:
    """Returns the key of a submission: its id belongs to its tenant."""
    return tenant + submission_id


def bank_key(transaction_id: str) -> bytes:
    """Returns the key of a payment by its transfer in hexadecimal, as the bank knows it; empty for another text."""
    try:
        return ZERO_ID + bytes.fromhex(transaction_id)
    except ValueError:
        return b""


def message_key(message_id: str) -> bytes:
    """Returns the key of a message to the bank; empty for an id that is none of ours."""
    return bank_key(message_id.removeprefix("RF"))


def replayed(recorded: Iterable[Recorded]) -> tuple[dict[bytes, Submission], dict[bytes, SubmissionRefused]]:
    """Builds submissions and refused files, by stream, from all of their events in order."""
    submissions: dict[bytes, Submission] = {}
    refused: dict[bytes, SubmissionRefused] = {}
    journal = Journal()
    for each in recorded:
        match each.event:
            case SubmissionReceived():
                submissions[each.stream] = Submission(each)
            case SubmissionRefused():
                refused[each.stream] = each.event
            case InstructionsReceived():
                submissions[each.stream].receive(each)
            case InstructionsAdvanced():
                submissions[each.stream].advance(each, journal)
            case InstructionsDirected():
                submissions[each.stream].direct(each, journal)
            case InstructionsRescreened():
                submissions[each.stream].rescreen(each, journal)
            case HitsReleased():
                submissions[each.stream].release(each, journal)
            case SubmissionWaiting():
                submissions[each.stream].wait(each, journal)
        journal.clear()
    return submissions, refused
