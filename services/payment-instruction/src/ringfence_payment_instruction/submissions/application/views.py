"""How instructions are shown to callers."""

from __future__ import annotations

from typing import NamedTuple

from ringfence_payment_instruction.submissions.domain.reasons import iso_reason
from ringfence_payment_instruction.submissions.domain.submission import Submission


class StateView(NamedTuple):
    """How one instruction stands."""

    instruction_id: bytes
    status: int
    reason: str
    iso_reason: str


def state_view(submission: Submission, index: int, stopped_by: str = "") -> StateView:
    """Returns how an instruction stands now; what stops it goes before what was noted while it waited."""
    reason = stopped_by or submission.reason_of(index)
    code = iso_reason(reason, submission.details.get(index, ""))
    return StateView(submission.instruction_id(index), submission.statuses[index], reason, code)


def first_states(submission: Submission) -> list[StateView]:
    """Returns how every instruction stood once it was taken in: the answer to the submission, for ever the same."""
    ids = submission.id_list
    return [
        StateView(ids[index], status, reason, iso_reason(reason))
        for index, (status, reason) in enumerate(zip(submission.first_statuses, submission.first_reasons, strict=True))
    ]
