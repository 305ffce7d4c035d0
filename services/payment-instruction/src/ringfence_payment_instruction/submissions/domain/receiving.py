"""Taking in a submission: what is recorded, and where each row stands first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ringfence_kernel.values.columns import pack, split_ids, unpack

from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.days import LocalDays
from ringfence_payment_instruction.submissions.domain.errors import SubmissionConflict
from ringfence_payment_instruction.submissions.domain.events import (
    InstructionsDirected,
    InstructionsReceived,
    SubmissionReceived,
    SubmissionRefused,
)
from ringfence_payment_instruction.submissions.domain.state import State
from ringfence_payment_instruction.submissions.domain.status import Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, advanced
from ringfence_payment_instruction.submissions.domain.uetrs import given_uetrs, uetr_key

# The word in stored events.
CAUSE = "intake"


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """A submission checked and sealed, ready to be recorded.

    `invalid` has one reason per row, empty for a valid one; `forbidden` likewise for what the submitter may not order.
    """

    stream: bytes
    received: SubmissionReceived
    rows: tuple[InstructionsReceived, ...]
    invalid: tuple[str, ...]
    forbidden: tuple[str, ...]


def taken_in(found: Submission | SubmissionRefused | None, digest: bytes) -> Submission | None:
    """Returns the submission that was handed in before, None for a new one.

    Raises SubmissionConflict for other content, and for the id of a file that was refused whole.
    """
    if found is None:
        return None
    if isinstance(found, SubmissionRefused) or found.received.digest != digest:
        raise SubmissionConflict
    return found


def receive(state: State, new: NewSubmission, now_ns: int, days: LocalDays) -> list[Any]:
    """Returns the events that record a submission, none when it is known; raises as `taken_in`."""
    if taken_in(state.handed_in(new.received.tenant, new.received.submission_id), new.received.digest) is not None:
        return []
    ids = [instruction_id for rows in new.rows for instruction_id in split_ids(rows.instruction_ids)]
    execution_days = [day for rows in new.rows for day in unpack("i", rows.execution_days)]
    repeated = _repeated(state, new, ids)
    steps: list[Step] = []
    later: list[int] = []
    ledgers = [ledger for rows in new.rows for ledger in unpack("H", rows.ledgers)]
    today = {ledger: days.today(new.received.tenant, ledger, now_ns) for ledger in set(ledgers)}
    for index, (invalid, forbidden) in enumerate(zip(new.invalid, new.forbidden, strict=True)):
        if invalid or repeated[index]:
            steps.append(Step(index, Status.REJECTED, invalid or repeated[index]))
            continue
        steps.append(Step(index, Status.VALIDATED))
        steps.append(Step(index, Status.REJECTED, forbidden) if forbidden else Step(index, Status.AUTHENTICATED))
        if not forbidden and execution_days[index] > today[ledgers[index]]:
            later.append(index)
    events: list[Any] = [new.received, *new.rows, advanced(new.received, ids, CAUSE, steps, actor=new.received.maker)]
    if later:
        events.append(_scheduled(new.received, ids, later))
    return events


def refuse(state: State, refused: SubmissionRefused) -> SubmissionRefused | None:
    """Returns the file that was refused so before, None for a new one; raises SubmissionConflict."""
    found = state.handed_in(refused.tenant, refused.submission_id)
    if found is None:
        return None
    if isinstance(found, Submission) or found.digest != refused.digest:
        raise SubmissionConflict
    return found


def _repeated(state: State, new: NewSubmission, ids: Sequence[bytes]) -> list[str]:
    """Returns per row what of it was used before, in this submission or another of the tenant's; empty for nothing."""
    tenant = new.received.tenant
    seen: set[bytes] = set()
    repeated = []
    for instruction_id in ids:
        is_used = instruction_id in seen or state.is_used(tenant, instruction_id)
        repeated.append(reasons.DUPLICATE_INSTRUCTION_ID if is_used else "")
        seen.add(instruction_id)
    for rows in new.rows:
        for row, uetr in given_uetrs(rows):
            key, index = uetr_key(tenant, uetr), rows.first_index + row
            if key in seen or state.has_key(key):
                repeated[index] = repeated[index] or reasons.DUPLICATE_UETR
            seen.add(key)
    return repeated


def _scheduled(received: SubmissionReceived, ids: Sequence[bytes], indexes: Sequence[int]) -> InstructionsDirected:
    return InstructionsDirected(
        tenant=received.tenant,
        submission_id=received.submission_id,
        directive=Directive.SCHEDULE,
        instruction_ids=b"".join(ids[index] for index in indexes),
        indexes=pack("I", indexes),
        reason=reasons.EXECUTION_DATE_NOT_REACHED,
    )
