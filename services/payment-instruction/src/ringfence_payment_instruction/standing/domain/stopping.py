"""What stops a payment that the bank does not have yet, and how it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ringfence_kernel.values.ids import ZERO_ID

from ringfence_payment_instruction.standing.domain.state import Standing, State
from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import Directive, Stage, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, directed, moved

CauseOf = Callable[[Submission], Callable[[int], str]]
"""Returns what tells why a submission's payments may not go on, empty where they may: as things are at that moment."""
UNKNOWN = frozenset({reasons.SCREENING_AGAIN, reasons.SCREENING_LIST_STALE, reasons.STANDING_STALE})
"""Why a payment waits, as it stands, for what is not known of it now."""
PAYS_NOT = frozenset({Standing.LAPSED, Standing.REFUSED, Standing.BLOCKED})


def cause(state: State, submission: Submission, index: int) -> str:
    """Returns why an instruction may not go on, by who stands behind it; empty where it may.

    Platform, maker, and whoever approved must not be suspended; the client must be admitted, and a payee in the book
    not be blocked. Money of strangers is the tenant's to answer for.
    """
    if submission.stream in state.revoked:
        return reasons.AUTHORISATION_REVOKED
    if not state.standings:
        return ""
    if state.of(submission.tenant) is Standing.SUSPENDED:
        return reasons.PLATFORM_SUSPENDED
    people = (submission.received.maker, submission.approvers.get(index, ZERO_ID))
    if any(state.of(each) is Standing.SUSPENDED for each in people):
        return reasons.PRINCIPAL_SUSPENDED
    debtor, creditor = map(state.of, submission.owners(index))
    if Standing.ERASED in (debtor, creditor):
        return reasons.SUBJECT_ERASED
    if debtor in PAYS_NOT:
        return reasons.DEBTOR_NOT_ADMITTED
    return reasons.CREDITOR_BLOCKED if creditor is Standing.BLOCKED else ""


def causes(submission: Submission, indexes: Iterable[int], cause_of: CauseOf) -> dict[int, str]:
    """Returns the rows that are to be held, and why.

    Who is erased does not come back, so that nothing waits for him; what is not known is waited for as it stands.
    """
    cause_at = cause_of(submission)
    found = {index: cause_at(index) for index in indexes}
    passing = ("", reasons.SUBJECT_ERASED, *UNKNOWN)
    return {index: reason for index, reason in found.items() if reason not in passing}


def stopped(submission: Submission, why: Mapping[int, str]) -> list[Any]:
    """Holds payments that are reserved and not handed over, with their reservation, until the cause is lifted."""
    rows = [index for index in why if submission.stages[index] in (Stage.SEND, Stage.DISPATCH)]
    events = moved(submission, "standing", [Step(index, Status.HELD, why[index]) for index in rows])
    for reason in dict.fromkeys(why[index] for index in rows):
        events += directed(
            submission, Directive.RESUME, [index for index in rows if why[index] == reason], reason=reason
        )
    return events


def resumed(submission: Submission, indexes: Iterable[int], why: Mapping[int, str]) -> list[Any]:
    """Lets go on what was stopped and has no cause any more."""
    free = [index for index in indexes if submission.stages[index] == Stage.STOPPED and index not in why]
    return moved(submission, "standing", [Step(index, Status.RESERVED) for index in free])
