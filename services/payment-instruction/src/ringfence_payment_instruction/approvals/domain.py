"""Maker and checker: who must look twice, and who may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringfence_payment_instruction.submissions.domain import reasons
from ringfence_payment_instruction.submissions.domain.status import RELEASED, Directive, Status
from ringfence_payment_instruction.submissions.domain.submission import Submission
from ringfence_payment_instruction.submissions.domain.transitions import Step, directed, moved


@dataclass(frozen=True, slots=True)
class ApprovalLimits:
    """Amounts in minor units per ledger above which a second person decides; without a limit everything is held."""

    by_ledger: Mapping[int, int] = field(default_factory=dict)

    def needs_second_person(self, ledger: int, amount_minor: int) -> bool:
        """Tells whether a payment is held; at the limit itself it passes."""
        return amount_minor > self.by_ledger.get(ledger, 0)


STOPPED = (Status.HELD, Directive.RESUME)
"""Held with its reservation, until what stopped it is lifted."""


def objection(submission: Submission, index: int, decision: Directive, decider: bytes) -> str:
    """Returns why a decision on an instruction cannot be taken, empty when it can."""
    status, directive = submission.statuses[index], submission.directives[index]
    if index in submission.hits and decision is not Directive.REJECT:
        return reasons.SANCTIONS_HIT
    if decision is Directive.CANCEL:
        return "" if may_be_stopped(status, directive) else reasons.ALREADY_RELEASED
    if decision is Directive.REJECT and (status, directive) == STOPPED:
        return ""
    if status != Status.HELD or directive != Directive.NONE:
        return reasons.NOT_HELD
    if decision is Directive.APPROVE and decider == submission.received.maker:
        return reasons.APPROVER_IS_MAKER
    return ""


def may_be_stopped(status: int, directive: int) -> bool:
    """Tells whether an instruction can still be withdrawn: custody or the bank may not be at work on it.

    A SCREENED instruction may be in custody's hands at this moment, a RESERVED one that is directed to be sent in the
    bank's.
    """
    if status in (Status.RECEIVED, Status.VALIDATED, Status.AUTHENTICATED):
        return True
    return (status, directive) == STOPPED or (status in (Status.HELD, Status.RESERVED) and directive == Directive.NONE)


def is_done(submission: Submission, index: int, decision: Directive, decider: bytes) -> bool:
    """Tells whether the same decision was taken before: deciding again changes nothing."""
    status, directive = submission.statuses[index], submission.directives[index]
    if decision is Directive.APPROVE:
        return submission.approvers.get(index) == decider
    if decision is Directive.CANCEL:
        return status == Status.CANCELLED or directive == Directive.CANCEL
    return submission.reasons[index] == reasons.APPROVAL_REFUSED


def decided(
    submission: Submission, indexes: Sequence[int], decision: Directive, decider: bytes, note: str
) -> list[Any]:
    """Takes a person's decision on rows that allow it: approve, reject or cancel."""
    allowed = [index for index in indexes if not objection(submission, index, decision, decider)]
    if decision is Directive.APPROVE:
        return directed(submission, decision, allowed, actor=decider, note=note)
    reason = reasons.CANCELLED_BY_CUSTOMER if decision is Directive.CANCEL else reasons.APPROVAL_REFUSED
    reserved = [index for index in allowed if submission.is_reserved(index)]
    status = RELEASED[decision]
    steps = [Step(index, status, reason) for index in allowed if not submission.is_reserved(index)]
    events = moved(submission, "decision", steps, actor=decider, note=note)
    return events + directed(submission, decision, reserved, actor=decider, note=note, reason=reason)
