"""Submissions as they stand in a snapshot: their first events, and the columns that later ones have changed."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from ringfence_kernel.values.recorded import Recorded

from ringfence_payment_instruction.submissions.domain.events import InstructionsReceived, SubmissionReceived
from ringfence_payment_instruction.submissions.domain.status import stage_of
from ringfence_payment_instruction.submissions.domain.submission import Entry, Submission


@dataclass(frozen=True, slots=True)
class SavedSubmission:
    """One submission; tables are their items."""

    stream: bytes
    position: int
    received_ns: int
    received: SubmissionReceived
    chunks: list[tuple[int, InstructionsReceived]]
    statuses: bytes
    directives: bytes
    reasons: list[str]
    changed_ns: bytes
    counted_days: bytes
    details: list[tuple[int, str]]
    approvers: list[tuple[int, bytes]]
    approving_hands: list[tuple[int, bytes]]
    alone_days: list[tuple[int, int]]
    references: list[tuple[int, str]]
    messages: list[tuple[str, int]]
    evidence: list[tuple[int, bytes, bytes]]
    mirrors: list[tuple[int, bytes]]
    first_statuses: bytes
    first_reasons: list[str]
    waiting: list[tuple[str, str]]
    version: int
    last_position: int
    closed_position: int
    hits: list[tuple[int, Entry]]
    released: list[tuple[int, tuple[Entry, ...]]]
    screened_position: int


def saved(submission: Submission) -> SavedSubmission:
    """Returns what a snapshot holds of a submission."""
    return SavedSubmission(
        stream=submission.stream,
        position=submission.position,
        received_ns=submission.received_ns,
        received=submission.received,
        chunks=[(chunk.version, chunk.event) for chunk in submission.chunks],
        statuses=bytes(submission.statuses),
        directives=bytes(submission.directives),
        reasons=submission.reasons,
        changed_ns=submission.changed_ns.tobytes(),
        counted_days=submission.counted_days.tobytes(),
        details=list(submission.details.items()),
        approvers=list(submission.approvers.items()),
        approving_hands=list(submission.approving_hands.items()),
        alone_days=list(submission.alone_days.items()),
        references=list(submission.references.items()),
        messages=list(submission.messages.items()),
        evidence=[(index, *each) for index, each in submission.evidence.items()],
        mirrors=list(submission.mirrors.items()),
        first_statuses=submission.first_statuses,
        first_reasons=submission.first_reasons,
        waiting=list(submission.waiting),
        version=submission.version,
        last_position=submission.last_position,
        closed_position=submission.closed_position,
        hits=list(submission.hits.items()),
        released=list(submission.released.items()),
        screened_position=submission.screened_position,
    )


def restored(kept: SavedSubmission) -> Submission:
    """Returns the submission that `saved` was given."""
    submission = Submission(Recorded(kept.position, kept.stream, 1, kept.received, kept.received_ns, ""))
    for version, rows in kept.chunks:
        submission.receive(Recorded(kept.position, kept.stream, version, rows, kept.received_ns, ""))
    submission.statuses, submission.directives = bytearray(kept.statuses), bytearray(kept.directives)
    submission.stages = bytearray(map(stage_of, kept.statuses, kept.directives))
    submission.reasons, submission.changed_ns = kept.reasons, array("q", kept.changed_ns)
    submission.counted_days = array("H", kept.counted_days)
    submission.details, submission.approvers = dict(kept.details), dict(kept.approvers)
    submission.references, submission.messages = dict(kept.references), dict(kept.messages)
    submission.evidence = {index: (sha256, source) for index, sha256, source in kept.evidence}
    submission.mirrors = dict(kept.mirrors)
    submission.approving_hands, submission.alone_days = dict(kept.approving_hands), dict(kept.alone_days)
    submission.first_statuses, submission.first_reasons = kept.first_statuses, kept.first_reasons
    submission.waiting, submission.version = tuple(kept.waiting), kept.version
    submission.last_position, submission.closed_position = kept.last_position, kept.closed_position
    submission.hits, submission.released = dict(kept.hits), dict(kept.released)
    submission.screened_position = kept.screened_position
    return submission
